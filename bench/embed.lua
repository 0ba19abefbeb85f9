-- A plugin of spec/support/embed.c: ten calls in flight as long as it runs.

local plexauth = require "plexauth"
local common = require "bench.common"

local plex = plexauth.new(
  common.options(os.getenv "BENCH_URL", os.getenv "BENCH_CA"))

local function ask()
  while true do
    assert(plex:get_token_details())
    count "calls"
  end
end

local asks = {}
for i = 1, 10 do asks[i] = ask end
plexauth.gather(asks)
