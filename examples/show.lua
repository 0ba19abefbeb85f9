-- Prints what a call returned: keys sorted, secrets struck out. In a clone, at
-- a prompt: show = require "examples.show"; show(plex:get_token_details())
-- Run by itself it shows whose PLEX_TOKEN is, or what a stand-in answers.
local plexauth = require "plexauth"
local secret = { pin = 1, secret = 1, token = 1, ["set-cookie"] = 1 }

local function field(key, text)
  if type(key) == "number" then return text end
  if secret[key:lower():match "token$" or key] then text = '"***"' end
  local plain = key:find "^[%a_][%w_]*$" and key ~= "local" -- a Lua keyword
  return (plain and "%s = %s" or "[%q] = %s"):format(key, text)
end

local function text_of(v, newline)
  if v == plexauth.null then return "plexauth.null" end
  if type(v) == "string" then return ("%q"):format(v:gsub("%c", " ")) end
  if type(v) ~= "table" then return tostring(v) end
  local keys, lines, inner = {}, {}, newline .. "  "
  for key in pairs(v) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    return type(a) == type(b) and a < b or type(a) < type(b)
  end)
  for i, key in ipairs(keys) do
    lines[i] = inner .. field(key, text_of(v[key], inner)) .. ","
  end
  return "{" .. table.concat(lines) .. (keys[1] and newline or "") .. "}"
end

local function show(value, err)
  print(value == nil and err and tostring(err) or text_of(value, "\n"))
end
if ... then return show end -- required, not run

local token, url = os.getenv "PLEX_TOKEN", os.getenv "PLEX_ACCOUNT_URL"
local server = not token and require("plexauth.mock").start()
if server then token, url = "mock-token", server.url end
local plex = plexauth.new { access_token = token, account_url = url }
show(plex:get_token_details())
if server then server:stop() end
