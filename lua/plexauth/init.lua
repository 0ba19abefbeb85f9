-- plexauth: Plex authentication for Lua. See README.md; every shape is in
-- plexauth/types.lua.

-- The core first: others ask for it too, and this tells why it cannot be had.
local core = require "plexauth.need".core()

local call = require "plexauth.call"
local check = require "plexauth.check"
local endpoints = require "plexauth.endpoints"
local request = require "plexauth.request"
local task = require "plexauth.task"
local url = require "plexauth.url"

---@class plexauth
local plexauth = {
  _VERSION = "0.1.0",

  ---What a JSON null is inside an array, where it cannot just be left out.
  null = core.null,

  gather = task.gather,
  task = task.task,
}

-- Option -> the check it has to pass (plexauth.check).
local options_known = {
  access_token = "token", client_id = "header", client_name = "header",
  client_version = "header", client_platform = "header",
  device_name = "header", server_url = "url", protocol = "protocol",
  ip = "host", port = "port", account_url = "url", timeout = "seconds",
  connect_timeout = "seconds", retries = "retries", ca_file = "file",
  ca_path = "file", proxy = "proxy", resolve = "resolve",
  max_response_bytes = "bytes", allow_insecure = "flag",
  user_agent = "header", logger = "call", wait = "call",
}

-- A client's settings, by the object that the user holds: a dump of that
-- object then shows nothing, least of all a token.
local settings = setmetatable({}, { __mode = "k" })

local methods = {}

local meta = {
  __name = "plexauth.client", __metatable = "plexauth.client",
  __index = methods,
}

function meta.__tostring(self)
  local client = settings[self]
  local state = client.core:is_open() and "" or "closed, "
  return ("plexauth.client (%s%s)"):format(state,
    client.server and client.server.text or client.account.text)
end

local function combination_fault(options)
  for _, name in ipairs { "ip", "protocol", "port" } do
    if options[name] ~= nil and options.server_url then
      return "plexauth.new: server_url and " .. name .. " exclude each other"
    elseif options[name] ~= nil and not options.ip then
      return "plexauth.new: " .. name .. " is of no use without ip"
    end
  end
end

local function resolve_lines(map)
  local lines = {}
  for name, address in pairs(map or {}) do
    lines[#lines + 1] = name .. ":" .. address
  end
  return lines
end

local function core_settings(options)
  return {
    ca_file = options.ca_file, ca_path = options.ca_path,
    proxy = options.proxy or "", proxy_env = options.proxy == "env",
    resolve = core.lines(resolve_lines(options.resolve)),
    user_agent = options.user_agent or "plexauth/" .. plexauth._VERSION,
    max_response_bytes = options.max_response_bytes or 2 ^ 20,
  }
end

local function server_of(options)
  if options.server_url then return url.parse(options.server_url) end
  return options.ip and url.parse(request.base_of(options))
end

local function settings_of(options)
  return {
    core = core.client(core_settings(options)),
    identity = request.identity_lines(options),
    client_id = options.client_id,
    access_token = options.access_token,
    server = server_of(options),
    account = url.parse(options.account_url or "https://plex.tv/api/v2"),
    allow_insecure = options.allow_insecure,
    proxy = options.proxy,
    timeout = options.timeout or 30,
    connect_timeout = options.connect_timeout or 5,
    retries = options.retries or 2,
    logger = options.logger,
    wait = options.wait,
    built = {},
  }
end

---Make a client. It opens no connection yet.
---@param options plexauth.Options?
---@return plexauth.Client
function plexauth.new(options)
  if options == nil then options = {} end
  local fault = check.fields(options, options_known, "plexauth.new")
    or combination_fault(options)
  if fault then error(fault, 2) end
  local self = setmetatable({}, meta)
  settings[self] = settings_of(options)
  return self
end

---Versions of plexauth, libcurl, the TLS library and, where it is installed,
---lua-cjson, which only the stand-in needs.
---@return { plexauth: string, libcurl: string, tls: string, cjson: string? }
function plexauth.version()
  local libcurl, tls = core.versions()
  local found, cjson = pcall(require, "cjson")
  return {
    plexauth = plexauth._VERSION, libcurl = libcurl, tls = tls,
    cjson = found and cjson._VERSION or nil,
  }
end

local function client_fault(client, name)
  if not client then
    return name .. ": call it on a client, with a colon: plex:" .. name .. "()"
  end
  if not client.core:is_open() then
    return name .. ": the client is closed"
  end
end

-- The token for this call. A function is asked once a call, so that a token
-- may be renewed, or kept elsewhere, between calls.
local function token_of(row, client, args)
  local token = args.access_token
  if token == nil then token = client.access_token end
  if type(token) == "string" or token == nil or row.token == "never" then
    return token
  end
  token = token()
  local fault = check.header(token)
  if fault then
    return nil, row.name .. ": what access_token returned " .. fault
  end
  return token
end

local function build(row, client, args)
  local fault = request.fault(row, client, args)
  if fault then return nil, fault end
  local token
  token, fault = token_of(row, client, args)
  fault = fault or client_fault(client, row.name) -- it may have closed it
  if fault then return nil, fault end
  return request.build(row, client, args, token)
end

-- A call without arguments sends the same each time, unless a function has
-- the token.
local function prepare(row, client, args)
  if args ~= nil then return build(row, client, args) end
  local built, fault = client.built[row], nil
  if not built then
    built, fault = build(row, client, {})
    if type(client.access_token) ~= "function" then
      client.built[row] = built
    end
  end
  return built, fault
end

local function method(row)
  return function(self, args)
    local client = settings[self]
    local fault, built = client_fault(client, row.name), nil
    if not fault then built, fault = prepare(row, client, args) end
    if fault then error(fault, 2) end
    return call.run(client, built)
  end
end

for _, row in ipairs(endpoints) do methods[row.name] = method(row) end

---Close the client: its connections, and calls of it that still run. May be
---repeated; every other use of a closed client raises.
function methods.close(self)
  local client = settings[self]
  if not client then error(client_fault(client, "close"), 2) end
  client.core:close()
end

meta.__close = methods.close

return plexauth
