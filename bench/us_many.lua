-- us_many.lua URL N K: N calls, K at a time. K calls before that open the
-- connections. Prints the seconds of the N.

local plexauth = require "plexauth"
local common = require "bench.common"
local now = require "socket".gettime

local url, n, k = ...
local plex = plexauth.new(common.options(url))

-- The floor keeps no body; gather would keep every account.
local function account()
  assert(plex:get_token_details())
  return true
end

local function drive(count)
  local fs = {}
  for i = 1, count do fs[i] = account end
  plexauth.gather(fs, { limit = tonumber(k) })
end

drive(tonumber(k))
local start = now()
drive(tonumber(n))
print(("%.6f"):format(now() - start))
