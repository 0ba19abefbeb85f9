-- Runs inside Neovim or mpv, beside the example for it in examples/hosts. Lets
-- it make its call, and writes to standard output how often a timer of the
-- host, due every 10 ms, fired meanwhile in a second; then, or before where
-- the call ends first, what the example tells its user. Then the host quits.

local LEAST, SECONDS = 10, 1

local function say(text)
  io.stdout:write(text, "\n")
  io.stdout:flush()
end

local function neovim()
  local vim = rawget(_G, "vim")
  local function quit() vim.cmd "qa!" end
  vim.notify = function(text)
    say(text)
    quit()
  end
  return {
    example = "neovim", quit = quit,
    missing = not vim.api.nvim_create_user_command and "Neovim 0.7",
    call = function() vim.cmd "PlexWhoami" end,
    now = function() return vim.loop.hrtime() / 1e9 end,
    every_10_ms = function(f)
      -- scheduled: the editor itself has to come to it, not its loop alone
      vim.loop.new_timer():start(10, 10, vim.schedule_wrap(f))
    end,
  }
end

local function mpv()
  local mp = rawget(_G, "mp")
  local function quit() mp.command "quit" end
  mp.osd_message = function(text)
    say(text)
    quit()
  end
  return {
    example = "mpv", quit = quit, now = mp.get_time,
    call = function()
      mp.commandv("script-binding", mp.get_script_name() .. "/plex-whoami")
    end,
    every_10_ms = function(f) mp.add_periodic_timer(0.01, f) end,
  }
end

local function count(host)
  local firings, began = 0, host.now()
  host.every_10_ms(function()
    if not firings then return end
    firings = firings + 1
    local seconds = host.now() - began
    if firings < LEAST or seconds < SECONDS then return end
    say(("%d firings in %.2f s"):format(firings, seconds))
    firings = nil
  end)
end

local host = rawget(_G, "vim") and neovim() or mpv()

local ok, raised = pcall(function()
  local missing = host.missing
  for _, name in ipairs { "cjson", "socket" } do
    missing = missing or not pcall(require, name) and name
  end
  if missing then error("missing: " .. missing, 0) end
  dofile("examples/hosts/" .. host.example .. ".lua")
  host.call()
  count(host)
end)
if not ok then
  say(raised)
  host.quit()
end
