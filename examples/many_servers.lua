-- Asks several media servers at the same time, without an event loop.
-- Real: PLEX_URL="https://one... https://two..." PLEX_TOKEN=... lua5.4
-- examples/many_servers.lua; else three stand-ins on this machine.

local plexauth = require "plexauth"

local token, urls, servers = os.getenv "PLEX_TOKEN", {}, {}
for url in (os.getenv "PLEX_URL" or ""):gmatch "%S+" do
  urls[#urls + 1] = url
end

if #urls == 0 then
  local mock = require "plexauth.mock"
  token = "mock-token"
  for i = 1, 3 do
    servers[i] = mock.start()
    urls[i] = servers[i].url
  end
end

local plex = plexauth.new { access_token = token, client_name = "example" }

local calls = {}
for i, url in ipairs(urls) do
  calls[i] = function()
    return plex:get_transient_token { server_url = url }
  end
end

local results, errors = plexauth.gather(calls)
for i = 1, results.n do
  print(results[i] and "a token from server " .. i or tostring(errors[i]))
end

for _, server in ipairs(servers) do server:stop() end
