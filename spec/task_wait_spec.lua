-- How tasks wait: a task decides before the client's own wait does, and gather
-- waits through a host's loop where it is told how.

local faults = require "spec.support.faults"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"
local socket = require "socket"

local DEADLINE = 30 * manners.slow     -- reached only by a call that got stuck

local gather = plexauth.gather

-- manners.run stops whatever got stuck.
local function it_ends(name, f)
  it(name, function() manners[1].run(f) end)
end

local function client(url, options)
  local all = { timeout = DEADLINE }
  for key, value in pairs(options or {}) do all[key] = value end
  return manners.client({}, url, all)
end

local function call_of(plex, options)
  return function() return plex:get_transient_token(options) end
end

local function times(n, f)
  local fs = {}
  for i = 1, n do fs[i] = f end
  return fs
end

describe("a task", function()
  local host, server, plex

  local function listen(...)
    server = host:listen { rows = { ... } }
    plex = client(server.url)
  end

  local function listen_at_barrier(n)
    server = host:listen { barrier = n, rows = { { body = "{}" } } }
    plex = client(server.url)
  end

  setup(function() host = faults.start() end)
  teardown(function() host:stop() end)

  describe("and a client's own wait", function()
    local waits

    -- One pauses before a retry; the barrier has all n wait.
    local function listen_with_wait(n)
      server = host:listen { barrier = n, rows = {
        { status = 503, hold = "go" }, { body = "{}" } } }
      waits = 0
      plex = client(server.url, { retries = 1, wait = function()
        waits = waits + 1
        server:release "go"
        return false
      end })
    end

    it_ends("do not meet: the innermost task decides", function()
      listen_with_wait(4)
      server:release "go"
      local f = call_of(plex)
      local results = gather { f, function()
        return { (gather { f, f }), (f()), (coroutine.wrap(f)()) }
      end, f }
      assert.same({ { {}, {}, n = 2 }, {}, {} }, results[2])
      assert.equal(0, waits)
    end)

    it_ends("meet outside of tasks, for answers and for pauses", function()
      listen_with_wait(1)
      assert.same({}, (plex:get_transient_token()))
      assert.is_true(waits >= 2)
    end)
  end)

  describe("through a wait", function()
    it_ends("shows it what all tasks wait for", function()
      listen_at_barrier(5)
      local seen = {}
      local results = gather(times(5, call_of(plex)), {
        wait = function(watches, seconds)
          local fds, n = {}, 0
          for _, watch in ipairs(watches) do
            assert.truthy(({ r = 1, w = 1, rw = 1 })[watch.events])
            if not fds[watch.fd] then n = n + 1 end
            fds[watch.fd] = true
          end
          seen[n] = true
          assert.is_true(seconds >= 0 and seconds <= DEADLINE)
          return false
        end })
      assert.equal(5, results.n)
      assert.is_true(seen[5])
    end)

    it_ends("tells it how long the first pause lasts", function()
      listen({ status = 503, headers = { { "Retry-After", "1" } } },
        { body = "{}" })
      plex = client(server.url, { retries = 1 })
      local longest = 0
      assert.same({}, gather({ call_of(plex) }, {
        wait = function(watches, seconds)
          if #watches == 0 then longest = math.max(longest, seconds) end
          return false
        end })[1])
      assert.is_true(longest > 0.5 and longest <= 1)
    end)

    it_ends("leaves a host's loop to its timers", function()
      local found, uv = pcall(require, "luv")
      if not found then return pending "needs luv" end
      listen { body = "{}", hold = "go" }
      local ticks, results, timer = 0, nil, uv.new_timer()
      timer:start(1, 1, function()
        ticks = ticks + 1
        if ticks == 5 then server:release "go" end
      end)
      coroutine.wrap(function()
        results = gather(times(3, call_of(plex)),
          { wait = require "plexauth.wait.luv" })
        timer:close()
      end)()
      uv.run()
      assert.same({ {}, {}, {}, n = 3 }, results)
      assert.is_true(ticks >= 5)
    end)
  end)

  -- As README shows it.
  it_ends("shares a loop made by hand with other coroutines", function()
    local asleep = {}
    local function wait(watches, seconds)
      asleep[coroutine.running()] = { watches = watches, seconds = seconds }
      coroutine.yield()
      return true
    end
    local function turn()
      local sleepers, seconds, sockets = asleep, 60, { r = {}, w = {} }
      asleep = {}
      for _, sleeper in pairs(sleepers) do
        seconds = math.min(seconds, sleeper.seconds)
        for _, watch in ipairs(sleeper.watches) do
          local item = { getfd = function() return watch.fd end }
          for event in watch.events:gmatch "." do
            table.insert(sockets[event], item)
          end
        end
      end
      socket.select(sockets.r, sockets.w, seconds)
      for co in pairs(sleepers) do assert(coroutine.resume(co)) end
    end

    listen_at_barrier(6)
    plex = client(server.url, { wait = wait })
    local f, results = call_of(plex), {}
    for i = 1, 3 do
      coroutine.wrap(function() results[i] = f() end)()
    end
    coroutine.wrap(function()
      results[4] = gather({ f, f, f }, { wait = wait })
    end)()
    while next(asleep) do turn() end
    assert.same({ {}, {}, {}, { {}, {}, {}, n = 3 } }, results)
  end)
end)
