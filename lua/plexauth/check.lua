-- What a value must be to be taken: each check returns nil, or what the value
-- must be. No message holds the value, which may be a secret. Pure.

local url = require "plexauth.url"

local check = {}

local max_seconds = 86400

-- So that what is made of a sign-in's texts fits into one request.
local max_text = 4096

function check.text(v)
  if type(v) ~= "string" or v == "" or #v > max_text then
    return "must be a string of 1 to 4096 bytes"
  end
end

---A file name: C would take it to end at a zero byte.
function check.file(v)
  local fault = check.text(v)
  if not fault and v:find("\0", 1, true) then
    fault = "must not hold a zero byte"
  end
  return fault
end

---Fit for a header line. Blanks alone would make libcurl drop the header.
function check.header(v)
  if type(v) ~= "string" or not v:find("[^ ]") or #v > max_text then
    return "must be a string of 1 to 4096 bytes that is not blank"
  end
  if v:find("[%z\1-\31\127]") then
    return "must not hold control bytes (a line break at its end, perhaps)"
  end
end

local function callable(v)
  if type(v) == "function" then return true end
  local meta = type(v) == "table" and getmetatable(v)
  return type(meta) == "table" and meta.__call ~= nil
end

function check.call(v)
  if not callable(v) then return "must be a function" end
end

function check.token(v)
  if not callable(v) then return check.header(v) end
end

function check.flag(v)
  if type(v) ~= "boolean" then return "must be true or false" end
end

function check.seconds(v)
  if type(v) ~= "number" or not (v > 0 and v <= max_seconds) then
    return "must be a number of seconds, more than 0, at most 86400"
  end
end

local function whole(v, least, most)
  return type(v) == "number" and v >= least and v <= most and v % 1 == 0
end

function check.retries(v)
  if not whole(v, 0, 10) then return "must be a whole number from 0 to 10" end
end

function check.count(v)
  if not whole(v, 1, 2 ^ 30) then return "must be a whole number above 0" end
end

function check.bytes(v)
  if not whole(v, 1, 2 ^ 30) then
    return "must be a whole number from 1 to 2^30"
  end
end

function check.port(v)
  if type(v) == "string" and v:find("^%d%d?%d?%d?%d?$") then v = tonumber(v) end
  if not whole(v, 1, 65535) then return "must be a port from 1 to 65535" end
end

function check.protocol(v)
  if v ~= "http" and v ~= "https" then return 'must be "http" or "https"' end
end

function check.url(v)
  if type(v) ~= "string" then return "must be a string" end
  local _, fault = url.parse(v)
  return fault
end

local function is_ipv6(v)
  return url.is_ipv6(v:match("^%[(.*)%]$") or v)
end

function check.host(v)
  if type(v) ~= "string"
    or not (v:find("^[A-Za-z0-9._-]+$") or is_ipv6(v)) then
    return "must be an IP address or a host name"
  end
end

local proxy_schemes = {
  http = true, https = true, socks4 = true, socks4a = true, socks5 = true,
  socks5h = true,
}

local function is_proxy(v)
  local scheme, rest = v:match("^(%w+)://(.*)$")
  if not proxy_schemes[scheme or ""] then return false end
  local login, place = rest:match("^([^@]*)@(.*)$")
  login = (login or ""):gsub("%%%x%x", "")
  return not login:find("[^A-Za-z0-9._~!$&'()*+,;=:-]")
    and url.parse("http://" .. (place or rest)) ~= nil
end

---Read as strictly as any URL: where libcurl cannot read a proxy's, it quotes
---it, password and all, in what becomes an error's message.
function check.proxy(v)
  if v ~= "env" and not (type(v) == "string" and is_proxy(v)) then
    return 'must be "env" or a URL with http, https, socks4, socks4a, socks5 '
      .. "or socks5h"
  end
end

local function is_host_and_port(v)
  local port = type(v) == "string" and v:match("^[A-Za-z0-9._-]+:(%d+)$")
  return port and not check.port(port)
end

function check.resolve(v)
  if type(v) ~= "table" then return "must be a table" end
  for name, address in pairs(v) do
    if not is_host_and_port(name) or type(address) ~= "string"
      or not (url.is_ipv4(address) or is_ipv6(address)) then
      return 'must map "host:port" to an IP address'
    end
  end
end

local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(diagonal + cost, row[j] + 1, row[j - 1] + 1)
      diagonal, row[j] = row[j], best
    end
  end
  return row[#b]
end

-- Who writes "server" means server_url, few as the changes to "retries" are.
local function farness(name, candidate)
  local part = #name > 2 and candidate:find(name, 1, true)
  return distance(name, candidate) / (part and 10 or 1)
end

local function nearest(name, known)
  local best, least
  for candidate in pairs(known) do
    local d = farness(name, candidate)
    if not least or d < least or (d == least and candidate < best) then
      best, least = candidate, d
    end
  end
  return best
end

local function unknown(name, known, what)
  if type(name) ~= "string" then
    return what .. ": takes named fields only"
  end
  name = name:sub(1, 40)
  return ("%s: unknown field '%s', did you mean '%s'?")
    :format(what, name, nearest(name, known))
end

---Hold a table of named values against what is known of them.
---@param given any  what the caller handed over
---@param known table<string, string>  name -> name of a check
---@param what string  how to call it in a message
---@return string? fault
function check.fields(given, known, what)
  if type(given) ~= "table" then return what .. ": takes a table" end
  for name in pairs(given) do
    if not known[name] then return unknown(name, known, what) end
  end
  -- by name, as a value may also come out of a metatable
  for name, kind in pairs(known) do
    local value = given[name]
    local fault = value ~= nil and check[kind](value)
    if fault then return ("%s: %s %s"):format(what, name, fault) end
  end
end

return check
