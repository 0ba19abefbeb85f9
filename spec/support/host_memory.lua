-- What the memory program runs: sign-ins and calls that carry secrets, that
-- succeed, fail, and are given up; then everything is closed.

local url, alive = ... -- alive(): how many blocks of memory the core has

local plexauth = require "plexauth"

local SHORT = 0.5 * (tonumber(os.getenv "PLEXAUTH_SLOW") or 1)

local function new()
  return plexauth.new {
    server_url = url, account_url = url, client_id = "memory",
    access_token = "TOKCANARY", retries = 0, timeout = 60,
  }
end

local function sign_in(plex, timeout)
  local result, extra = plex:post_users_sign_in_data {
    login = "ann", password = "PWCANARY" .. ("p"):rep(3000),
    verification_code = "CODECANARY", timeout = timeout,
  }
  assert(alive() == 0, "a sign-in left memory behind")
  return result, extra
end

local plex = new()
assert(sign_in(plex))                           -- 201, with an authToken
assert(select(2, sign_in(plex)).kind == "unauthorized")
assert(select(2, sign_in(plex)).kind == "network")
assert(select(2, sign_in(plex)).kind == "too_large")
assert(select(2, sign_in(plex, SHORT)).kind == "timeout")
assert(plex:get_token_details())
assert(alive() == 1, "no memory is kept for the next answer")

local other, _, err = new()
local task = plexauth.task(function() _, err = sign_in(other) end)
task:step(0)
plex:close()
other:close()
while not task:step(1) do end
assert(err.kind == "cancelled")

-- and one that nobody closes
sign_in(new(), SHORT)
collectgarbage()
collectgarbage()
