-- Many calls at once, of one client: each gets its own answer, all are under
-- way at the same time, and none is in another's way. No clock proves it: the
-- server answers nobody before all have asked, or says in which order.

local crowd = require "spec.support.crowd"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"

local slow = manners.slow
local SHORT = 0.1 * slow       -- seconds; a time-out that has to come
local DEADLINE = 30 * slow     -- and one that must not

local MANY = slow > 1 and 200 or 1000
local ROUNDS = slow > 1 and 2 or 20

local function client(way, url)
  return manners.client(way, url, { timeout = DEADLINE })
end

-- A call that tells who it is, and returns who was answered.
local function asker(plex, i)
  return function()
    local result, err = plex:get_source_connection_information {
      source = "call-" .. i,
    }
    return result and tonumber(result.target:match "source=call%-(%d+)$")
      or tostring(err)
  end
end

local function askers(plex, n)
  local fs = {}
  for i = 1, n do fs[i] = asker(plex, i) end
  return fs
end

-- A client, and block(f): calls f so that its calls block.
local function client_that_may_block(way, url)
  local blocking = {}
  local function wait(...)
    return not blocking[coroutine.running()] and way.wait(...)
  end
  local plex = client({ wait = way.wait and wait }, url)
  return plex, function(f)
    if not way.wait then return coroutine.wrap(f)() end
    local here = coroutine.running()
    blocking[here] = true
    local result = f()
    blocking[here] = nil
    return result
  end
end

-- How many connections carried the requests. Not all that the server has seen:
-- what elsewhere still connects to a port's last owner is not ours.
local function connections_of(requests)
  local seen, n = {}, 0
  for _, request in ipairs(requests) do
    if not seen[request.connection] then
      seen[request.connection], n = true, n + 1
    end
  end
  return n
end

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

describe("many calls at once", function()
  local host

  setup(function() host = faults.start() end)
  teardown(function() host:stop() end)

  -- Answers nobody before all of the row's `barrier` have asked.
  local function echo(row)
    row = row or {}
    local barrier = row.barrier
    row.echo, row.barrier = true, nil
    return host:listen { barrier = barrier, rows = { row } }
  end

  -- The last one's answer is late.
  local function echo_in_order(n)
    local rows = {}
    for i = 1, n do rows[i] = { echo = true } end
    rows[n].delay = SHORT
    return host:listen { barrier = n, rows = rows }
  end

  for _, way in ipairs(crowd) do
    local it = lua.it(it, way.missing)

    describe(way.name, function()
      it("are under way at the same time", function()
        local server = echo { barrier = 100 }
        local results = way.run(askers(client(way, server.url), 100))
        assert.same(numbers(100), results)
      end)

      -- Under an event loop a descriptor that a time-out closes may belong to
      -- one who still sleeps on it, while its number comes back for another.
      it("may all time out while others begin", function()
        local silent = host:listen { rows = { { hold = "never" } } }
        local deaf = host:listen { connect = "ignore" }
        local plex = client(way, echo { after = "fin" }.url)
        local fs = askers(plex, 100)
        for i, ask in ipairs(fs) do
          fs[i] = function()
            local _, err = plex:get_transient_token {
              server_url = (i % 2 == 0 and silent or deaf).url,
              timeout = SHORT,
            }
            return err.kind == "timeout" and ask() or tostring(err)
          end
        end
        for _ = 1, ROUNDS do assert.same(numbers(100), way.run(fs)) end
      end)

      -- The answers come while one call blocks. Had it taken what is meant for
      -- the others, they would sleep on until some timer wakes them; so the
      -- order in which the calls end proves it.
      it("lose nothing to one that blocks", function()
        local together, free = echo_in_order(11), echo { delay = 0.02 }
        local held = host:listen { rows = { { body = "{}", hold = "go" } } }
        local plex, block = client_that_may_block(way, together.url)
        local fs, order = {}, {}
        local function ask_at(server)
          return plex:get_transient_token { server_url = server.url }
        end
        local function asleep()
          return #together:log().requests == 10 and #held:log().requests == 10
        end
        for i = 1, 10 do
          fs[i] = function()
            local answer = asker(plex, i)()
            order[#order + 1] = answer
          end
          fs[10 + i] = function() return (ask_at(held)) end
        end
        fs[21] = function()
          while not asleep() do ask_at(free) end
          local answer = block(asker(plex, 11))
          held:release "go"
          for _ = 1, 3 do ask_at(free) end
          order[#order + 1] = answer
        end
        local results = way.run(fs)
        assert.equal(11, order[11], table.concat(order, " "))
        for i = 11, 20 do assert.same({}, results[i]) end
      end)
    end)
  end

  -- The second hundred is under way all at once, too, and so needs them all.
  it("leave their connections to the next", function()
    local rows = {}
    for i = 1, 200 do
      rows[i] = { echo = true, hold = i > 100 and "go" or nil }
    end
    local server = host:listen { barrier = 100, rows = rows }
    local free = echo { delay = 0.02 }
    local plex = client({}, server.url)
    local fs = askers(plex, 100)
    manners[1].run(function()
      plexauth.gather(fs, { limit = 100 })
      fs[101] = function()
        while #server:log().requests < 200 do
          plex:get_transient_token { server_url = free.url }
        end
        server:release "go"
      end
      return plexauth.gather(fs, { limit = 101 })
    end)
    assert.equal(100, connections_of(server:log().requests))
  end)

  it("go through a limit", function()
    local server = echo()
    local results = manners[1].run(function()
      return plexauth.gather(askers(client({}, server.url), MANY))
    end)
    results.n = nil
    assert.same(numbers(MANY), results)
    local log = server:log()
    assert.equal(MANY, #log.requests)
    local used = connections_of(log.requests)
    assert.is_true(used <= 64, ("over %d connections (%d opened, %d closed)")
      :format(used, log.connections, log.closed))
  end)
end)
