-- URLs: reading a base address strictly, and encoding what is put behind one.
-- Pure. Messages never quote the address: it may hold a password.

local url = {}

local function encode_byte(c)
  return string.format("%%%02X", c:byte())
end

---Percent-encode everything but RFC 3986's unreserved characters.
function url.encode(text)
  return (text:gsub("[^A-Za-z0-9._~-]", encode_byte))
end

---Encode as application/x-www-form-urlencoded.
function url.form_encode(text)
  return (text:gsub("[^A-Za-z0-9*._ -]", encode_byte):gsub(" ", "+"))
end

local function octet(text)
  return #text < 4 and tonumber(text) < 256 and not text:find("^0%d")
end

---Is this an IPv4 address in its one strict form? Others, such as 127.1 or
---127.0.0.08, mean different things to different resolvers.
function url.is_ipv4(text)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  return a ~= nil and octet(a) and octet(b) and octet(c) and octet(d)
end

-- How many groups of an IPv6 address; more than there can be where one is bad.
local function groups(text)
  local n = 0
  if text == "" then return n end
  for group in (text .. ":"):gmatch("([^:]*):") do
    if not group:find("^%x%x?%x?%x?$") then return 9 end
    n = n + 1
  end
  return n
end

---Is this an IPv6 address, without brackets or a zone?
function url.is_ipv6(text)
  local head, tail = text:match("^(.*:)([%d.]+%.%d+)$")
  if head then
    if not url.is_ipv4(tail) then return false end
    text = head .. "0:0"
  end
  local left, right = text:match("^(.-)::(.*)$")
  if not left then return groups(text) == 8 end
  return groups(left) + groups(right) < 8
end

local function authority(text)
  local host, port = text:match("^(%b[])(.*)$")
  if host and not url.is_ipv6(host:sub(2, -2)) then host = nil end
  if not host then
    host, port = text:match("^([A-Za-z0-9._-]+)(.*)$")
  end
  if not host then return nil, "must name a host" end
  if port == "" then return host end
  local number = tonumber(port:match("^:(%d%d?%d?%d?%d?)$"))
  if not number or number < 1 or number > 65535 then
    return nil, "must have a port from 1 to 65535, or none"
  end
  return host, number
end

-- What libcurl, a proxy or a server might each read differently is refused.
local function path_fault(path)
  if path:find("%%%X") or path:find("%%%x%X") or path:find("%%%x?$") then
    return "must have two hex digits after each % sign"
  end
  if path:find('["<>\\^`{|}]') then
    return "must not hold any of \"<>\\^`{|}"
  end
  for segment in path:gsub("%%2[eE]", "."):gmatch("[^/]+") do
    if segment == "." or segment == ".." then
      return "must not hold a . or .. segment"
    end
  end
end

local function split(text)
  if text:find("[^\33-\126]") then
    return nil, "must not hold spaces, control or non-ASCII bytes"
  end
  local scheme, rest = text:match("^(%a+)://(.*)$")
  scheme = scheme and scheme:lower()
  if scheme ~= "http" and scheme ~= "https" then
    return nil, "must begin with http:// or https://"
  end
  local host_part, path = rest:match("^([^/?#]*)(.*)$")
  if host_part:find("@", 1, true) then
    return nil, "must not hold a user name or password"
  end
  if path:find("[?#]") then
    return nil, "must not hold a query or a fragment"
  end
  return scheme, host_part, path
end

local ports = { http = 80, https = 443 }

---Read a base address.
---@param text string
---@return table? base  scheme, host, port, path, and `text` without a slash
---@return string? fault  what is wrong with it
function url.parse(text)
  local scheme, host_part, path = split(text)
  if not scheme then return nil, host_part end
  local host, port = authority(host_part)
  local fault = not host and port or path_fault(path)
  if fault then return nil, fault end
  path = path:gsub("/+$", "")
  return {
    scheme = scheme, host = host, port = port or ports[scheme], path = path,
    text = scheme .. "://" .. host_part .. path,
  }
end

---Is this host this machine, whatever the resolver says?
function url.is_loopback(host)
  if host:lower() == "localhost" or host == "[::1]" then return true end
  return url.is_ipv4(host) and host:find("^127%.") ~= nil
end

---The host that a Location header names, or nil.
function url.host_of(location)
  local place = location:match("^%a+://([^/?#\\]*)") or ""
  return place:gsub("^.*@", ""):match("^[%[%]A-Za-z0-9._:-]+$")
end

return url
