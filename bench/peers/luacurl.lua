-- Debian's lua-curl, a binding of libcurl for Lua 5.1, and lua-cjson; one
-- handle for all calls. luacurl.lua URL N MODE [CAFILE]; see bench/us.lua.

local cjson = require "cjson"
local curl = require "curl"
local common = require "bench.common"

local url, n, mode, ca_file = ...
local parts

local handle = curl.easy_init()
handle:setopt(curl.OPT_URL, url .. common.paths[mode])
handle:setopt(curl.OPT_HTTPHEADER, {
  "Accept: application/json", "X-Plex-Client-Identifier: 6f1c0a52-bench",
  "X-Plex-Token: bench-token-0123456789",
})
if ca_file then handle:setopt(curl.OPT_CAINFO, ca_file) end
handle:setopt(curl.OPT_WRITEFUNCTION, function(bytes)
  parts[#parts + 1] = bytes
  return #bytes
end)

common.timed(n, function()
  parts = {}
  assert(handle:perform() == 0)
  return cjson.decode(table.concat(parts))
end)
