-- Lists the ways to reach a server: local ones first, Plex's relay last.
-- Run: PLEX_TOKEN=... PLEX_URL=http://nas:32400 lua5.4 \
--   examples/source_connections.lua server://<its client identifier>
-- With neither of them a stand-in on this machine answers (needs LuaSocket).
local plexauth = require "plexauth"

local token, url = os.getenv "PLEX_TOKEN", os.getenv "PLEX_URL"
local source = arg[1]
  or "server://0123456789abcdef0123456789abcdef01234567"
local server
if not (token or url) then
  server = require("plexauth.mock").start()
  token, url = "mock-token", server.url
end

local plex = plexauth.new { access_token = token, server_url = url }
local result, err = plex:get_source_connection_information { source = source }
plex:close()
if server then server:stop() end
if not result then io.stderr:write(tostring(err), "\n") os.exit(1) end

-- A server may send a single item bare, and a boolean as 1 or "1".
local function list(v)
  if not v or next(v) == nil then return {} end
  return v[1] and v or { v }
end
local function yes(v) return v == true or tostring(v) == "1" end
local function rank(c)
  return yes(c.relay) and 3 or yes(c["local"]) and 1 or 2
end

for _, device in ipairs(list(result.MediaContainer.Device)) do
  print(device.name)
  local connections = list(device.Connection)
  table.sort(connections, function(a, b) return rank(a) < rank(b) end)
  for _, c in ipairs(connections) do
    print("", ({ "local", "remote", "relay" })[rank(c)], c.uri)
  end
end
