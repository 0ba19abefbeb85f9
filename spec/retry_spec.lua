-- Which failures are tried again, how often, and after what pause.

local core = require "plexauth.core"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"
local socket = require "socket"

local ANSWER = { body = '{"id":1}' }

local tried_again = {
  { "a 408", { status = 408 } },
  { "a 429", { status = 429 } },
  { "a 500", { status = 500 } },
  { "a 502 in HTML", { status = 502, body = "<html>Bad Gateway</html>" } },
  { "a 503", { status = 503 } },
  { "a 504", { status = 504 } },
  { "a reset before the answer", { cut = 0, after = "rst" } },
  { "an end before the answer", { cut = 0, after = "fin" } },
  { "a reset before the request", { read = 1, cut = 0, after = "rst" } },
  { "an end within the head", { cut = 9, after = "fin" } },
  { "an end within the body", {
    body = '{"id":2}', cut = 43, after = "fin" } },
  { "a reset within the body", {
    body = '{"id":2}', cut = 43, after = "rst" } },
}

local final = {
  { "bad_request", { status = 400 } },
  { "unauthorized", { status = 401 } },
  { "forbidden", { status = 403 } },
  { "http", { status = 404 } },
  { "http", { status = 409 } },
  { "http", { status = 422 } },
  { "server_error", { status = 501 } },
  { "decode", { body = "<html>" } },
  { "protocol", { send = "no HTTP\r\n\r\n", after = "fin" } },
  { "protocol", { send = "HTTP/1.1 200\r\nContent-Length: x\r\n\r\n",
    after = "fin" } },
}

-- What does not name a second ahead is as good as nothing.
local void = { "-1", "0", "soon", "Thu, 01 Jan 1970 00:00:10 GMT" }

describe("a GET", function()
  local host, deaf
  local random = core.random

  setup(function()
    host = faults.start()
    deaf = host:listen { connect = "ignore" }
  end)

  teardown(function() host:stop() end)
  after_each(function() core.random = random end)

  local function listen(...)
    return host:listen { rows = { ... } }
  end

  -- No pause is then worth mentioning. Before each, `paused` is called.
  local function hasten(paused)
    core.random = function()
      if paused then paused() end
      return 0
    end
  end

  for _, manner in ipairs(manners) do
    local it = lua.it(it, manner.missing)

    local function details(plex)
      return manner.run(function() return plex:get_token_details() end)
    end

    local function client(server, retries)
      return manners.client(manner, server.url, { retries = retries })
    end

    describe(manner.name, function()
      it("succeeds at the third attempt", function()
        hasten()
        local server = listen({ status = 503 }, { status = 503 }, ANSWER)
        assert.same({ id = 1 }, details(client(server, 2)))
        assert.equal(3, #server:log().requests)
      end)

      it("fails after the last attempt", function()
        hasten()
        local server = listen { status = 503 }
        local result, err = details(client(server, 3))
        assert.is_nil(result)
        assert.same({ "server_error", 503, 4 },
          { err.kind, err.status, err.attempts })
        assert.equal(4, #server:log().requests)
      end)

      it("is made three times where nobody says how often", function()
        hasten()
        local _, err = details(plexauth.new {
          account_url = listen({ status = 503 }).url, access_token = "t",
          wait = manner.wait })
        assert.equal(3, err.attempts)
      end)

      for _, case in ipairs(tried_again) do
        it("is tried again after " .. case[1], function()
          hasten()
          local server = listen(case[2], ANSWER)
          assert.same({ id = 1 }, details(client(server, 1)))
        end)
      end

      for _, case in ipairs(final) do
        it("is final where it is " .. case[1] .. ", "
          .. (case[2].status or 200), function()
          hasten()
          local server = listen(case[2], ANSWER)
          local _, err = details(client(server, 2))
          assert.same({ case[1], 1 }, { err.kind, err.attempts })
          assert.equal(1, #server:log().requests)
        end)
      end

      it("gets through to a server that comes up meanwhile", function()
        local server = listen()
        server:close()
        hasten(function()
          host:listen { port = server.port, rows = { ANSWER } }
        end)
        assert.same({ id = 1 }, details(client(server, 1)))
      end)

      it("says how often nobody was there", function()
        hasten()
        local server = listen()
        server:close()
        local _, err = details(client(server, 2))
        assert.same({ "connect", 3 }, { err.kind, err.attempts })
      end)

      it("says how often nobody let it in", function()
        hasten()
        local _, err = details(manners.client(manner, deaf.url, {
          connect_timeout = 0.05, retries = 1 }))
        assert.same({ "timeout", 2 }, { err.kind, err.attempts })
      end)

      it("fails at once where it is to come back too late", function()
        local server = listen { status = 429,
          headers = { { "Retry-After", "86400" } } }
        local seconds, _, err = manners.timed(details, client(server, 2))
        assert.same({ "rate_limited", 1, 86400 },
          { err.kind, err.attempts, err.retry_after })
        assert.is_true(seconds < 10 * manners.slow)
      end)

      it("pauses for as long as it means to", function()
        core.random = function() return 0.4 end
        local server = listen({ status = 503 }, ANSWER)
        local seconds = manners.timed(details, client(server, 1))
        assert.is_true(seconds > 0.19, seconds)
        assert.is_true(seconds < 10 * manners.slow)
      end)
    end)
  end

  -- A task sleeps by itself. In the other manners the client's own wait
  -- function hears of each pause, and need not make it.
  for _, manner in ipairs(manners) do
    local it = lua.it(it, manner.missing)

    -- All pauses of a call, then what it returned.
    local function pauses(options, ...)
      local heard = {}
      options.wait = function(watches, seconds)
        if watches[1] then
          return manner.wait ~= nil and manner.wait(watches, seconds)
        end
        heard[#heard + 1] = seconds
        return true
      end
      local plex = manners.client(manner, listen(...).url, options)
      return heard, manner.run(function() return plex:get_token_details() end)
    end

    local function busy(retry_after)
      return { status = 503, headers = { { "Retry-After", retry_after } } }
    end

    if manner.blocks or manner.wait then
      describe(manner.name .. ", pauses", function()
        it("for as many seconds as it is told to", function()
          local heard, result = pauses({ retries = 2 }, busy "20", busy "2",
            ANSWER)
          assert.same({ 20, 2 }, heard)
          assert.same({ id = 1 }, result)
        end)

        it("until the date that it is told", function()
          local date = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 99)
          local heard, result = pauses({ retries = 1, timeout = 200 },
            busy(date), ANSWER)
          assert.is_true(heard[1] > 50 and heard[1] <= 99, heard[1])
          assert.same({ id = 1 }, result)
        end)

        for _, value in ipairs(void) do
          it("as ever where it is told " .. value, function()
            core.random = function() return 0.5 end
            local heard, _, err = pauses({ retries = 1 }, busy(value))
            assert.same({ 0.25 }, heard)
            assert.is_nil(err.retry_after)
          end)
        end

        it("longer each time, up to a bound", function()
          core.random = function() return 0.5 end
          local heard = pauses({ retries = 7 }, { status = 503 })
          assert.same({ 0.25, 0.5, 1, 2, 4, 4, 4 }, heard)
        end)

        it("at random", function()
          local heard = pauses({ retries = 10 }, { status = 503 })
          local least, most = 1, 0
          for i, seconds in ipairs(heard) do
            local share = seconds / math.min(8, 0.5 * 2 ^ (i - 1))
            least, most = math.min(least, share), math.max(most, share)
          end
          assert.equal(10, #heard)
          assert.is_true(least >= 0 and most < 1)
          assert.is_true(most - least > 0.1)
        end)

        it("and gives up where a pause used up the time", function()
          local limit = 0.5 * manners.slow
          core.random = function() return 0.1 * limit end
          local plex = manners.client(manner, listen({ status = 503 }).url, {
            retries = 2, timeout = limit, wait = function(watches)
              if watches[1] then return false end
              socket.sleep(limit)
              return true
            end })
          local _, err = manner.run(function()
            return plex:get_token_details()
          end)
          assert.same({ "server_error", 1 }, { err.kind, err.attempts })
        end)

        it("not beyond the time that the call has", function()
          core.random = function() return 0.9 end
          local heard, _, err = pauses({ retries = 9, timeout = 0.8 },
            { status = 503 })
          assert.same({ 0.45 }, heard)
          assert.same({ "server_error", 2 }, { err.kind, err.attempts })
        end)
      end)
    end
  end
end)
