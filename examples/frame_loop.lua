-- A host with frames: each frame steps a task, and never waits in it for more
-- than 5 ms. Real with PLEX_TOKEN set; else against a stand-in.

local plexauth = require "plexauth"

local token, server = os.getenv "PLEX_TOKEN", nil
if not token then
  server = require("plexauth.mock").start()
  token = "mock-token"
end

local plex = plexauth.new {
  access_token = token, client_name = "example",
  account_url = server and server.url,
}

-- The plugin: it is written as if its calls blocked.
local task = plexauth.task(function()
  local account, err = plex:get_token_details()
  return account and account.username or tostring(err)
end)

local frames = 0
repeat
  frames = frames + 1
  -- draw, read the keyboard, ... and then, with what is left of the frame:
until task:step(0.005)

print(task.results[1])
print(frames > 0 and "the frames went on")
if server then server:stop() end
