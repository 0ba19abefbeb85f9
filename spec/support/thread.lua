-- What each thread does: calls one by one, calls at the same time, an error.

local url = ...

local plexauth = require "plexauth"

local plex = plexauth.new {
  client_id = "thread", access_token = "mock-token",
  server_url = url, account_url = url,
}

for _ = 1, 40 do assert(plex:get_token_details()) end

local fs = {}
for i = 1, 20 do
  fs[i] = function() return assert(plex:get_transient_token()) end
end
local results = plexauth.gather(fs)

local _, err = plex:get_token_details { access_token = "wrong" }
assert(err.kind == "unauthorized")
plex:close()

return 40 + #results + 1
