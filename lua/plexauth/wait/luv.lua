-- A wait function for programs that run libuv's loop through luv, Neovim
-- among them: plexauth.new { wait = require "plexauth.wait.luv" }.
-- In a coroutine it yields until the loop wakes it; elsewhere it declines.

local need = require "plexauth.need"

local uv = need.library("luv", "plexauth.wait.luv") -- in Neovim, vim.loop

local function close(handles)
  for _, handle in ipairs(handles) do handle:close() end
end

-- One that somebody has closed in the meantime is left alone.
local function resume(co)
  if coroutine.status(co) == "dead" then return end
  local ok, raised = coroutine.resume(co)
  if not ok then error(debug.traceback(co, tostring(raised)), 0) end
end

return function(watches, seconds)
  local co, is_main = coroutine.running()
  if not co or is_main then return false end
  local handles, awake = {}, false
  local function wake()
    if awake then return end
    awake = true
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
  if not awake then close(handles) end -- it was not the loop that resumed us
  awake = true
  return true
end
