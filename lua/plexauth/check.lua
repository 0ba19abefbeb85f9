-- What a value must be to be taken: each check returns nil, or what the value
-- must be. No message holds the value, which may be a secret. Pure.

local url = require "plexauth.url"

local check = {}

local max_seconds = 86400

function check.text(v)
  if type(v) ~= "string" or v == "" then return "must be a non-empty string" end
end

---Fit for a header line. Blanks alone would make libcurl drop the header.
function check.header(v)
  if type(v) ~= "string" or not v:find("[^ ]") then
    return "must be a string that is not blank"
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

function check.host(v)
  if type(v) ~= "string"
    or not (v:find("^[A-Za-z0-9._-]+$") or v:find("^%[?[%x:.]+%]?$")) then
    return "must be an IP address or a host name"
  end
end

local proxy_schemes = {
  http = true, https = true, socks4 = true, socks4a = true, socks5 = true,
  socks5h = true,
}

function check.proxy(v)
  if v == "env" then return nil end
  local scheme = type(v) == "string" and v:match("^(%w+)://[^/]")
  if not scheme or not proxy_schemes[scheme] or v:find("[^\33-\126]") then
    return 'must be "env" or a URL with http, https, socks4, socks4a, socks5 '
      .. "or socks5h"
  end
end

function check.resolve(v)
  if type(v) ~= "table" then return "must be a table" end
  for name, address in pairs(v) do
    if type(name) ~= "string" or not name:find("^[A-Za-z0-9._-]+:%d+$")
      or type(address) ~= "string"
      or not address:find("^%[?[%x:.]+%]?$") then
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

local function nearest(name, known)
  local best, least
  for candidate in pairs(known) do
    local d = distance(name, candidate)
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
  for name, value in pairs(given) do
    local kind = known[name]
    if not kind then return unknown(name, known, what) end
    local fault = check[kind](value)
    if fault then return ("%s: %s %s"):format(what, name, fault) end
  end
end

return check
