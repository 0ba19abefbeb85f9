-- us.lua URL N MODE [CAFILE]: N calls, one after the other; MODE is "user" or
-- "token". Prints the seconds of the first call, and of the others.

local plexauth = require "plexauth"
local common = require "bench.common"

local url, n, mode, ca_file = ...
local plex = plexauth.new(common.options(url, ca_file))
local method = mode == "user" and plex.get_token_details
  or plex.get_transient_token

common.timed(n, function() assert(method(plex)) end)
