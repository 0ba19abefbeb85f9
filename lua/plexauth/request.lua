-- A row of plexauth.endpoints plus a client's settings and a call's arguments
-- makes an HTTP request: verb, URL, header lines (in the core's form), body. No
-- I/O, nothing is raised; what is wrong comes back as a sentence that holds no
-- value.

local check = require "plexauth.check"
local core = require "plexauth.core"
local url = require "plexauth.url"

local request = {}

-- Option of `new` -> header. `device_name` is X-Plex-Device, as in Plex's own
-- SDKs; X-Plex-Device-Name is something else.
local identity = {
  { "client_id", "X-Plex-Client-Identifier" },
  { "client_name", "X-Plex-Product" },
  { "client_version", "X-Plex-Version" },
  { "client_platform", "X-Plex-Platform" },
  { "device_name", "X-Plex-Device" },
}

-- What every call may set for itself.
local per_call = {
  server_url = "url", access_token = "token", timeout = "seconds",
  retries = "retries",
}

---The header lines that are the same in all of a client's calls.
function request.identity_lines(options)
  -- anything more or other than exactly this, and plex.tv answers XML
  local lines = { "Accept: application/json" }
  for _, pair in ipairs(identity) do
    local value = options[pair[1]]
    if value then lines[#lines + 1] = pair[2] .. ": " .. value end
  end
  return lines
end

---The base address that protocol, ip and port stand for.
function request.base_of(options)
  local host = options.ip
  if host:find(":", 1, true) and host:sub(1, 1) ~= "[" then
    host = "[" .. host .. "]"
  end
  return ("%s://%s:%d"):format(options.protocol or "https", host,
    tonumber(options.port) or 32400)
end

local function known_args(row)
  local known = {}
  for name, kind in pairs(per_call) do known[name] = kind end
  for _, arg in ipairs(row.args) do known[arg.name] = arg.check end
  return known
end

local function contains(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
end

local function value_fault(arg, value)
  if value == nil then
    return arg.required and "is required" or nil
  end
  if arg.values and not contains(arg.values, value) then
    return 'must be "' .. table.concat(arg.values, '" or "') .. '"'
  end
end

---What is wrong with a call's arguments, if anything.
function request.fault(row, client, args)
  row.known = row.known or known_args(row)
  local fault = check.fields(args, row.known, row.name)
  if fault then return fault end
  for _, arg in ipairs(row.args) do
    local value = args[arg.name]
    if value == nil and arg.place == "header" then value = client[arg.name] end
    fault = value_fault(arg, value)
    if fault then return ("%s: %s %s"):format(row.name, arg.name, fault) end
  end
end

-- An account operation takes no media server's address, and the other way
-- round; `server_url` of the call stands in for either.
local function base_for(row, client, args)
  if args.server_url then return url.parse(args.server_url), "server_url" end
  if row.base == "account" then return client.account, "account_url" end
  return client.server, "server_url"
end

-- Through a proxy it goes over the network all the same.
local function stays_here(client, base)
  return url.is_loopback(base.host) and not client.proxy
end

local function base_fault(row, client, base, origin)
  if not base then
    return "server_url (or ip) is required, in plexauth.new or in the call"
  end
  if row.base == "account" and base.scheme == "http"
    and not stays_here(client, base) and not client.allow_insecure then
    return origin .. " must be https, as a secret would leave in the clear "
      .. "(allow_insecure = true permits it)"
  end
end

local function token_fault(row, token)
  if row.token == "required" and token == nil then
    return "access_token is required, in plexauth.new or in the call"
  end
end

local encoders = { query = url.encode, form = url.form_encode }

-- Every argument of one place as name=value&name=value, or nil.
local function encoded(row, args, place)
  local parts = {}
  for _, arg in ipairs(row.args) do
    local value = args[arg.name]
    if value == nil then value = arg.default end
    if arg.place == place and value ~= nil then
      parts[#parts + 1] = arg.wire .. "=" .. encoders[place](tostring(value))
    end
  end
  return parts[1] and table.concat(parts, "&")
end

local function header_lines(row, client, args, token)
  local lines = {}
  for i, line in ipairs(client.identity) do lines[i] = line end
  for _, arg in ipairs(row.args) do
    if arg.place == "header" and args[arg.name] then
      request.replace(lines, arg.wire, args[arg.name])
    end
  end
  if token and row.token ~= "never" then
    lines[#lines + 1] = "X-Plex-Token: " .. token
  end
  return lines
end

---Put a header line in the place of the one with its name, or at the end.
function request.replace(lines, name, value)
  local at = #lines + 1
  for i, line in ipairs(lines) do
    if line:sub(1, #name + 1) == name .. ":" then at = i end
  end
  lines[at] = name .. ": " .. value
end

local function secrets_of(row, args, token)
  local secrets = {}
  if token and row.token ~= "never" then secrets[1] = token end
  for _, arg in ipairs(row.args) do
    if arg.secret then secrets[#secrets + 1] = args[arg.name] end
  end
  return secrets
end

---Build the request.
---@param row table  of plexauth.endpoints
---@param client table  a client's settings
---@param args table  that `request.fault` found nothing wrong with
---@param token string?
---@return table? request
---@return string? fault
function request.build(row, client, args, token)
  local base, origin = base_for(row, client, args)
  local fault = base_fault(row, client, base, origin)
    or token_fault(row, token)
  if fault then return nil, row.name .. ": " .. fault end
  local query = encoded(row, args, "query")
  return {
    row = row,
    base = base,
    path = base.path .. row.path,
    url = base.text .. row.path .. (query and "?" .. query or ""),
    headers = core.lines(header_lines(row, client, args, token)),
    body = row.verb == "POST" and (encoded(row, args, "form") or "") or nil,
    once = row.once,
    secrets = secrets_of(row, args, token),
    timeout = args.timeout or client.timeout,
    retries = row.verb == "GET" and (args.retries or client.retries) or 0,
  }
end

return request
