-- Ten calls at the same time in a program that runs cqueues.
-- Real with PLEX_TOKEN set; else against a stand-in on this machine.

local cqueues = require "cqueues"
local plexauth = require "plexauth"

local token, server = os.getenv "PLEX_TOKEN", nil
if not token then
  server = require("plexauth.mock").start()
  token = "mock-token"
end

local plex = plexauth.new {
  access_token = token, client_name = "example",
  account_url = server and server.url,
  wait = require "plexauth.wait.cqueues",
}

local loop, answers = cqueues.new(), 0
for _ = 1, 10 do
  loop:wrap(function()
    local account, err = plex:get_token_details()
    if account then answers = answers + 1 else print(err) end
  end)
end

assert(loop:loop())
print(answers .. " answers")
if server then server:stop() end
