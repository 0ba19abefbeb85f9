-- The time that a call may take, whatever the peer does with it. Below, each
-- call must take its `timeout`; above, only what no machine is too slow for.

local child = require "spec.support.child"
local core = require "plexauth.core"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"
local slowdns = require "spec.support.slowdns"

local ANSWER = { body = '{"id":1}' }

local slow = manners.slow

local TIMEOUT = 0.1

-- More than anything here takes, were its time limit not held.
local GRACE = 10 * slow

-- Each takes for ever.
local peers = {
  { "accepts and says nothing", { rows = { { hold = "never" } } } },
  { "reads nothing of the request", { rows = { { read = 1, cut = 0,
    after = "stall" } } } },
  { "lets its head drip", { rows = { {
    headers = { { "X-Long", ("x"):rep(9999) } }, drip = 0.02 } } } },
  { "lets its body drip", { rows = { {
    body = "x", repeat_body = "forever", drip = 0.0005 } } } },
  { "stops within its head", { rows = { { cut = 9, after = "stall" } } } },
  { "stops within its body", { rows = { {
    body = "12345678", cut = 43, after = "stall" } } } },
}

describe("a call's time", function()
  local host
  local random = core.random

  local deaf                   -- lets connects hang

  setup(function()
    host = faults.start()
    deaf = host:listen { connect = "ignore" }
  end)

  teardown(function() host:stop() end)
  after_each(function() core.random = random end)

  local function assert_within(least, seconds)
    -- binary fractions: a millisecond is none
    assert.is_true(seconds > least - 1e-6, "too soon: " .. seconds)
    assert.is_true(seconds < least + GRACE, "too late: " .. seconds)
  end

  for _, manner in ipairs(manners) do
    local it = lua.it(it, manner.missing)

    local function timed(plex, args)
      return manners.timed(manner.run, function()
        return plex:get_token_details(args)
      end)
    end

    describe(manner.name, function()
      local function assert_timeout(seconds, result, err)
        assert.is_nil(result)
        assert.same({ "timeout", 1 }, { err.kind, err.attempts })
        assert_within(TIMEOUT, seconds)
      end

      for _, peer in ipairs(peers) do
        it("ends where the peer " .. peer[1], function()
          local plex = manners.client(manner, host:listen(peer[2]).url)
          assert_timeout(timed(plex, { timeout = TIMEOUT, retries = 2 }))
        end)
      end

      it("ends where the connect hangs", function()
        local plex = manners.client(manner, deaf.url)
        assert_timeout(timed(plex, { timeout = TIMEOUT, retries = 2 }))
      end)

      it("has a part of its own for the connect", function()
        assert_timeout(timed(manners.client(manner, deaf.url, {
          connect_timeout = TIMEOUT, timeout = 99 * slow })))
      end)

      it("has that part for the TLS handshake as well", function()
        local server = host:listen { rows = { { hold = "never" } } }
        local url = server.url:gsub("^http:", "https:")
        assert_timeout(timed(manners.client(manner, url, {
          connect_timeout = TIMEOUT, timeout = 99 * slow })))
      end)

      it("has that part for nothing else", function()
        local server = host:listen { rows = { {
          body = '{"id":1}', delay = 0.4 * slow } } }
        local plex = manners.client(manner, server.url, {
          connect_timeout = 0.3 * slow })
        local seconds, result = timed(plex)
        assert.same({ id = 1 }, result)
        assert_within(0.4 * slow, seconds)
      end)

      it("is that of all attempts together", function()
        core.random = function() return 0 end
        local server = host:listen { rows = { {
          status = 503, delay = 0.1 * slow } } }
        local plex = manners.client(manner, server.url, { retries = 10 })
        local seconds, _, err = timed(plex, { timeout = 0.5 * slow })
        assert.is_true(err.attempts > 1 and err.attempts <= 5)
        assert_within(0.1 * slow, seconds)
      end)
    end)
  end

  describe("and a name lookup", function()
    local shim

    setup(function() shim = slowdns.build() end)
    teardown(function() if shim then os.remove(shim) end end)

    -- In every manner, in a process with the getaddrinfo of slowdns.c: what
    -- each call's error says. Each client must then be fit for another call.
    local function run(url, options)
      return child.run(([[
        local manners = require "spec.support.manners"
        require "plexauth.core".random = function() return 0 end
        for _, manner in ipairs(manners) do
          local plex = manners.client(manner, %q, { %s })
          local function call(args)
            return manner.run(function()
              return plex:get_transient_token(args)
            end)
          end
          if not manner.missing then
            local seconds, _, err = manners.timed(call)
            print(err.kind, err.attempts, seconds)
            assert(call { server_url = os.getenv "SERVER", timeout = 60 })
          end
        end
      ]]):format(url, options), {
        LD_PRELOAD = (os.getenv "LD_PRELOAD" or "") .. " " .. shim,
        SLOWDNS = ("%d"):format(2 * GRACE),
        SERVER = host:listen { rows = { ANSWER } }.url,
      })
    end

    local function count()
      local n = 0
      for _, manner in ipairs(manners) do
        if not manner.missing then n = n + 1 end
      end
      return n
    end

    -- Each line is right, and there is one for each manner.
    local function assert_lines(output, pattern, least)
      local lines = 0
      for seconds in output:gmatch(pattern .. "\t([%d.]+)\n") do
        assert_within(least, tonumber(seconds))
        lines = lines + 1
      end
      assert.equal(count(), lines, output)
    end

    it("that hangs holds up neither the call nor the end", function()
      if not shim then pending "no LD_PRELOAD here" end
      local major, minor = plexauth.version().libcurl:match "^(%d+)%.(%d+)"
      if tonumber(major) * 1000 + tonumber(minor) < 7087 then
        pending "libcurl waits for a hung lookup before 7.87"
      end
      local seconds, output, well = manners.timed(run, "http://slow.invalid",
        "timeout = " .. TIMEOUT)
      assert_lines(output, "timeout\t1", TIMEOUT)
      assert.is_true(well, output)
      assert.is_true(seconds < 2 * GRACE)
    end)

    it("that fails is tried again", function()
      if not shim then pending "no LD_PRELOAD here" end
      local output, well = run("http://none.invalid", "retries = 1")
      assert_lines(output, "resolve\t2", 0)
      assert.is_true(well, output)
    end)
  end)
end)
