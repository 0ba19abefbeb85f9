-- Whose token is this? Tells a bad token from a bad day.
-- Run: PLEX_TOKEN=... lua5.4 examples/whoami.lua
-- Without PLEX_TOKEN a stand-in on this machine answers (needs LuaSocket);
-- PLEX_ACCOUNT_URL names another base than plex.tv's.
local plexauth = require "plexauth"

local token, url = os.getenv "PLEX_TOKEN", os.getenv "PLEX_ACCOUNT_URL"
local server
if not token then
  server = require("plexauth.mock").start()
  token, url = "mock-token", server.url
end

local plex = plexauth.new {
  access_token = token,
  account_url = url,
  client_id = os.getenv "PLEX_CLIENT_ID" or "plexauth-example",
}
local account, err = plex:get_token_details()
plex:close()
if server then server:stop() end

if not account then
  io.stderr:write(tostring(err), "\n")
  if err.kind == "unauthorized" then
    io.stderr:write("The token is not valid (any more): sign in again.\n")
  else
    io.stderr:write("That says nothing about the token.\n")
  end
  os.exit(1)
end

print(("%s (id %d)"):format(account.username, account.id))
local pass = account.subscription and account.subscription.active
print("Plex Pass: " .. (pass and "yes" or "no"))
