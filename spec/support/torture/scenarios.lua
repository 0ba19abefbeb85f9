-- What torture.c runs with failing allocations: name -> function. Each has to
-- raise, or to end well; where it ends in an error value, that has to be ours.

local url = ...

local kinds = {}
for kind in ([[bad_request unauthorized forbidden two_factor_required
  two_factor_invalid locked_out rate_limited server_error http redirect resolve
  connect tls timeout network protocol too_large interrupted cancelled decode]])
  :gmatch "%S+" do kinds[kind] = true end

-- An error value is as good as a raised error here, but has to be well made.
local function checked(result, err)
  if result == nil then
    assert(type(err) == "table" and kinds[err.kind], "no error of ours")
    error(tostring(err), 0)
  end
  return result
end

local function new(plexauth, options)
  options = options or {}
  options.client_id, options.access_token = "torture", "mock-token"
  options.server_url, options.account_url = url, url
  options.retries, options.timeout = 0, 5
  return plexauth.new(options)
end

local plexauth = require "plexauth"
local kept = new(plexauth)

-- A client keeps connections, handles and buffers for its next calls: what is
-- alive is counted with one that has made a call.
function _G.renew()
  kept:close()
  kept = new(plexauth)
  checked(kept:get_transient_token())
end

local scenarios = {}

-- Every module anew, from its source.
function scenarios.require()
  for name in pairs(package.loaded) do
    if name:find "^plexauth" then package.loaded[name] = nil end
  end
  new((require "plexauth")):close()
end

function scenarios.new_and_close() new(plexauth):close() end

function scenarios.new_and_forget() new(plexauth) end

function scenarios.first_call()
  local client = new(plexauth)
  local ok, raised = pcall(function()
    checked(client:get_token_details())
  end)
  client:close()
  if not ok then error(raised, 0) end
end

function scenarios.get_token_details()
  assert(checked(kept:get_token_details()).username == "mock-user")
end

function scenarios.get_transient_token()
  assert(checked(kept:get_transient_token()).MediaContainer.token)
end

function scenarios.get_source_connection_information()
  checked(kept:get_source_connection_information { source = "server://x" })
end

function scenarios.post_users_sign_in_data()
  checked(kept:post_users_sign_in_data {
    login = "user@example.com", password = "secret",
  })
end

function scenarios.typed_error()
  local result, err = kept:get_token_details { access_token = "wrong" }
  assert(result == nil and kinds[err.kind])
  if err.kind ~= "unauthorized" then error(tostring(err), 0) end
end

function scenarios.gather()
  local fs = {}
  for i = 1, 4 do
    fs[i] = function() return kept:get_transient_token() end
  end
  local results, found = plexauth.gather(fs)
  for i = 1, 4 do checked(results[i], found[i]) end
end

function scenarios.cancelled_task()
  local task = plexauth.task(function() return kept:get_token_details() end)
  task:step(0)
  task:cancel()
end

return scenarios
