-- An mpv script: Ctrl+p tells whose token PLEX_TOKEN is, and the script's other
-- keys and timers go on meanwhile. To keep it, put it into
-- ~/.config/mpv/scripts. To try it:
-- PLEX_TOKEN=... mpv --idle --force-window --script=examples/hosts/mpv.lua
-- Without PLEX_TOKEN a stand-in on this machine answers (needs LuaSocket);
-- PLEX_ACCOUNT_URL names another base than plex.tv's.
local plexauth = require "plexauth"

local token, url = os.getenv "PLEX_TOKEN", os.getenv "PLEX_ACCOUNT_URL"
local server
if not token then
  server = require("plexauth.mock").start()
  token, url = "mock-token", server.url
  mp.register_event("shutdown", function() server:stop() end)
end

local plex = plexauth.new {
  access_token = token, account_url = url, client_name = "example",
}

-- Run f as a task: every 20 ms it goes on as far as it can, without waiting.
local function run(f)
  local task, timer = plexauth.task(f), nil
  timer = mp.add_periodic_timer(0.02, function()
    if task:step() then timer:kill() end
  end)
end

mp.add_key_binding("ctrl+p", "plex-whoami", function()
  run(function() -- it is written as if its calls blocked
    local account, err = plex:get_token_details()
    mp.osd_message(account and account.username or tostring(err))
  end)
end)
