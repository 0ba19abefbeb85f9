-- The four operations against a stand-in for Plex on this machine, then one
-- error. Prints what comes back as Lua tables, secrets struck out.
-- Run: make demo (or, in a clone, lua5.4 examples/demo.lua; needs LuaSocket)
local plexauth = require "plexauth"
local mock = require "plexauth.mock"
local show = require "examples.show"

local function report(name, result, response_or_error)
  if not result then error(tostring(response_or_error), 0) end
  io.write(name, " = ")
  show(result)
  print()
end

local server = mock.start()
local plex = plexauth.new {
  client_id = "plexauth-demo", client_name = "plexauth demo",
  access_token = "mock-token",
  server_url = server.url, account_url = server.url,
}

report("sign_in", plex:post_users_sign_in_data {
  login = "user@example.com", password = "secret",
})
report("account", plex:get_token_details())
report("transient_token", plex:get_transient_token())
report("connections", plex:get_source_connection_information {
  source = "server://0123456789abcdef0123456789abcdef01234567",
})

local _, err = plex:get_token_details { access_token = "bad-token" }
print(("err.kind = %q"):format(err.kind))
print(("tostring(err) = %q"):format(tostring(err)))
plex:close()
server:stop()
