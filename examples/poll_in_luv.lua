-- A call in a libuv program: its timer goes on ticking while the call waits.
-- Real with PLEX_TOKEN set; else against a stand-in on this machine.

local plexauth = require "plexauth"
local uv = require "luv"

local token, server = os.getenv "PLEX_TOKEN", nil
if not token then
  server = require("plexauth.mock").start()
  token = "mock-token"
end

local plex = plexauth.new {
  access_token = token, client_name = "example",
  account_url = server and server.url,
  wait = require "plexauth.wait.luv",
}

local ticks, timer = 0, uv.new_timer()
timer:start(0, 1, function() ticks = ticks + 1 end)

-- In a coroutine a call yields to the loop; elsewhere it would block.
coroutine.wrap(function()
  local account, err = plex:get_token_details()
  print(account and account.username or tostring(err))
  timer:close()
end)()

uv.run()
print(ticks > 0 and "the timer ticked" or "the timer stood still")
if server then server:stop() end
