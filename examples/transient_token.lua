-- Makes a short-lived token, to be handed to a player instead of one's own.
-- Run: PLEX_TOKEN=... PLEX_URL=http://nas:32400 lua5.4 \
--   examples/transient_token.lua
-- With neither of them a stand-in on this machine answers (needs LuaSocket).
local plexauth = require "plexauth"

local token, url = os.getenv "PLEX_TOKEN", os.getenv "PLEX_URL"
local server
if not (token or url) then
  server = require("plexauth.mock").start()
  token, url = "mock-token", server.url
end

local plex = plexauth.new { access_token = token, server_url = url }
local result, err = plex:get_transient_token()
plex:close()
if server then server:stop() end

if not result then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

local transient = result.MediaContainer.token
if not transient then
  io.stderr:write("This server belongs to no account yet: no token.\n")
  os.exit(1)
end
print(("A token of %d characters."):format(#transient))
print "It works for 48 hours, or until the server restarts."
