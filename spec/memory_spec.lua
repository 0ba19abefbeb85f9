-- Row 38: no memory of the core's own is given back with a password, a code,
-- a token or a form in it, and all of it is given back. What Lua, libcurl and
-- the TLS library keep is beyond us, see SECURITY.md.

local child = require "spec.support.child"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"

local PROGRAM = lua.build .. "/host/memory"

-- More than libcurl reads at a time, so that what was read has to move.
local SIGNED_IN = { status = 201, body = '{"authToken":"TOKCANARY","pad":"'
  .. ("x"):rep(40000) .. '"}' }

describe("the core's memory", function()
  local host

  setup(function()
    host = faults.start()
    local output, well = child.shell("make -s -f spec/support/host.mk LUA="
      .. lua.name .. " " .. PROGRAM)
    if not well then error(output, 0) end
  end)

  teardown(function() host:stop() end)

  -- How many blocks there were, held a secret, and are still alive: before
  -- the state is closed, and after.
  local function measure(careless)
    local server = host:listen { rows = { SIGNED_IN,
      { status = 401, body = '{"errors":[{"message":"PWCANARY"}]}' },
      { status = 201, body = '{"authToken":"t"}', cut = 50, after = "fin" },
      { status = 201, body = ("x"):rep(4096), repeat_body = 1024 },
      { read = 500, cut = 0, after = "stall" },
      { body = '{"authToken":"TOKCANARY"}' },
      { hold = "never" } } }
    local output, well = child.shell(PROGRAM .. " " .. server.url
      .. (careless and " careless" or ""))
    assert.is_true(well, output)
    local closed, blocks, hits, left = output:match("^after close: (%d+) alive"
      .. "\n(%d+) blocks, (%d+) with a secret, (%d+) alive\n$")
    return tonumber(blocks), tonumber(hits), tonumber(closed), tonumber(left)
  end

  it("holds no secret when it is given back, and all of it is", function()
    local blocks, hits, closed, left = measure()
    io.write(("%d blocks, %d with a secret\n"):format(blocks, hits))
    assert.is_true(blocks > 5)
    assert.same({ 0, 0, 0 }, { hits, closed, left })
  end)

  it("would be found with one where nothing is wiped", function()
    local _, hits = measure "careless"
    assert.is_true(hits > 5, hits .. " hits")
  end)
end)
