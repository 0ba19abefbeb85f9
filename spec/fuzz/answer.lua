-- Whatever a server says: a table, or an error of a known kind without a
-- secret in it; nothing is raised.

local plexauth = require "plexauth"

local token = "TOKCANARY/+=&"

local password, code = "PWCANARY/", "CODECANARY"

-- A call's own, as they were sent: parts of one, or another call's, may well be
-- what the fuzzer made up.
local tokens = { token, "TOKCANARY%2F%2B%3D%26" }
local signin = { password, "PWCANARY%2F", code }

local kinds = {}
for kind in ([[bad_request unauthorized forbidden two_factor_required
  two_factor_invalid locked_out rate_limited server_error http redirect
  network protocol too_large decode timeout]]):gmatch "%S+" do
  kinds[kind] = true
end

local client

local function new(port)
  local base = "http://127.0.0.1:" .. port
  return plexauth.new {
    client_id = "fuzz", access_token = token, retries = 0, timeout = 20,
    server_url = base, account_url = base, max_response_bytes = 65536,
  }
end

local function checked(secrets, result, extra)
  assert(type(extra) == "table")
  if result ~= nil then
    assert(type(result) == "table" and extra.status)
    return
  end
  assert(kinds[extra.kind], extra.kind)
  local told = tostring(extra) .. "\n" .. (extra.body or "")
  for _, secret in ipairs(secrets) do
    assert(not told:find(secret, 1, true))
  end
  local after = extra.retry_after
  assert(after == nil or after > 0)
end

return function(port)
  client = client or new(port)
  checked(tokens, client:get_token_details())
  checked(tokens, client:get_transient_token())
  checked(signin, client:post_users_sign_in_data {
    login = "x", password = password, verification_code = code,
  })
end
