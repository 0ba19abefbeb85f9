-- LuaSocket, LuaSec and lua-cjson, as their users do it: a connection a call.
-- luasocket.lua URL N MODE [CAFILE]; see bench/us.lua.

local cjson = require "cjson"
local ltn12 = require "ltn12"
local common = require "bench.common"

local url, n, mode, ca_file = ...
local secure = url:find "^https"
local request = require(secure and "ssl.https" or "socket.http").request

common.timed(n, function()
  local parts = {}
  local ok, status = request {
    url = url .. common.paths[mode], sink = ltn12.sink.table(parts),
    headers = {
      ["Accept"] = "application/json",
      ["X-Plex-Client-Identifier"] = "6f1c0a52-bench",
      ["X-Plex-Token"] = "bench-token-0123456789",
    },
    verify = secure and "peer" or nil, cafile = ca_file,
  }
  assert(ok and status == 200, status)
  return cjson.decode(table.concat(parts))
end)
