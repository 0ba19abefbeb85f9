-- A wait function for programs that run libuv's loop through luv, Neovim
-- among them: plexauth.new { wait = require "plexauth.wait.luv" }.
-- In a coroutine it yields until the loop wakes it; elsewhere it declines.

local uv = (rawget(_G, "vim") or {}).loop or require "luv"

local function close(handles)
  for _, handle in ipairs(handles) do handle:close() end
end

local function resume(co)
  local ok, raised = coroutine.resume(co)
  if not ok then error(debug.traceback(co, tostring(raised)), 0) end
end

return function(watches, seconds)
  local co, is_main = coroutine.running()
  if not co or is_main then return false end
  local handles, woken = {}, false
  local function wake()
    if woken then return end
    woken = true
    close(handles)
    resume(co)
  end
  handles[1] = uv.new_timer()
  handles[1]:start(math.ceil(seconds * 1000), 0, wake)
  for _, watch in ipairs(watches) do
    local poll = uv.new_poll(watch.fd)
    handles[#handles + 1] = poll
    poll:start(watch.events, wake)
  end
  coroutine.yield()
  return true
end
