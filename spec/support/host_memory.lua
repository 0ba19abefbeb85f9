-- What the memory program runs: sign-ins and calls that carry secrets, that
-- succeed, fail, and are given up; then everything is closed.

local url = ...

local plexauth = require "plexauth"

local SHORT = 0.5 * (tonumber(os.getenv "PLEXAUTH_SLOW") or 1)

local function new()
  return plexauth.new {
    server_url = url, account_url = url, client_id = "memory",
    access_token = "TOKCANARY", retries = 0, timeout = 60,
  }
end

local function sign_in(plex, timeout)
  return plex:post_users_sign_in_data {
    login = "ann", password = "PWCANARY" .. ("p"):rep(3000),
    verification_code = "CODECANARY", timeout = timeout,
  }
end

local plex = new()
assert(sign_in(plex))                           -- 201, with an authToken
assert(select(2, sign_in(plex)).kind == "unauthorized")
assert(select(2, sign_in(plex)).kind == "network")
assert(select(2, sign_in(plex)).kind == "too_large")
assert(select(2, sign_in(plex, SHORT)).kind == "timeout")
assert(plex:get_token_details())

local _, err
local task = plexauth.task(function() _, err = sign_in(plex) end)
task:step(0)
plex:close()
while not task:step(1) do end
assert(err.kind == "cancelled")

-- and one that nobody closes
sign_in(new(), SHORT)
collectgarbage()
collectgarbage()
