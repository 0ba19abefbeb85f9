-- The four operations against a stand-in for Plex on this machine, then one
-- error. Prints what comes back as Lua tables, secrets struck out.
-- Run: make demo (or lua5.4 examples/demo.lua; needs LuaSocket)
local plexauth = require "plexauth"
local mock = require "plexauth.mock"

local secret = {
  authToken = true, accessToken = true, token = true,
  secret = true, pin = true,
}

local function field(key)
  if type(key) == "number" then return "" end
  -- "local" is the one reserved word among Plex's names
  local plain = key:find "^[%a_][%w_]*$" and key ~= "local"
  return (plain and "%s = " or "[%q] = "):format(key)
end

local function show(value, indent)
  if value == plexauth.null then return "plexauth.null" end
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  if next(value) == nil then return "{}" end
  local keys, lines = {}, { "{" }
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local text = secret[key] and '"***"' or show(value[key], indent .. "  ")
    lines[#lines + 1] = indent .. "  " .. field(key) .. text .. ","
  end
  lines[#lines + 1] = indent .. "}"
  return table.concat(lines, "\n")
end

local function report(name, result, response_or_error)
  if not result then error(tostring(response_or_error), 0) end
  print(name .. " = " .. show(result, "") .. "\n")
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
print("err.kind = " .. show(err.kind, ""))
print("tostring(err) = " .. show(tostring(err), ""))
plex:close()
server:stop()
