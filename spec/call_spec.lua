-- A client's calls share its connections, and end with it, in every manner of
-- making them. What else a call has to hold is in the specs named for it:
-- tls, redirect_proxy, timeout, retry, signin.

local certs = require "spec.support.certs"
local core = require "plexauth.core"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"

local ANSWER = { body = '{"id":1}' }

describe("a client's calls", function()
  local host, made, deaf
  local random = core.random

  setup(function()
    host, made = faults.start(), certs.make()
    deaf = host:listen { connect = "ignore" }
  end)

  teardown(function()
    host:stop()
    certs.clean()
  end)

  after_each(function() core.random = random end)

  it("keep it alive by themselves", function()
    local server = host:listen { rows = { ANSWER } }
    local transfer = core.client { max_response_bytes = 99, proxy = "" }
      :transfer({ url = server.url }, 30, 30)
    collectgarbage()
    collectgarbage()
    transfer:perform()
    assert.equal(200, (transfer:answer()))
  end)

  for _, manner in ipairs(manners) do
    local it = lua.it(it, manner.missing)

    local function details(plex)
      return plex:get_token_details()
    end

    local function count(server)
      local log = server:log()
      return { log.connections, #log.requests }
    end

    describe(manner.name, function()
      local function client(server)
        return manners.client(manner, server.url, {
          ca_file = made.ca, connect_timeout = 30 * manners.slow })
      end

      local function ten_calls(plex)
        manner.run(function()
          for _ = 1, 10 do assert(details(plex)) end
        end)
      end

      it("share one connection", function()
        local server = host:listen { rows = { ANSWER } }
        ten_calls(client(server))
        assert.same({ 1, 10 }, count(server))
      end)

      it("share one connection over TLS", function()
        local server = host:listen { tls = made.good, rows = { ANSWER } }
        ten_calls(client(server))
        assert.same({ 1, 10 }, count(server))
      end)

      it("share it from one run to the next", function()
        local server = host:listen { rows = { ANSWER } }
        local plex = client(server)
        local function call() return details(plex) end
        for _ = 1, 3 do assert.same({ id = 1 }, (manner.run(call))) end
        assert.same({ 1, 3 }, count(server))
      end)

      it("share none with another client's", function()
        local server = host:listen { tls = made.good, rows = { ANSWER } }
        local one, other = client(server), client(server)
        manner.run(function()
          for _ = 1, 2 do
            assert(details(one))
            assert(details(other))
          end
        end)
        local log = server:log()
        assert.same({ 2, 4, 0 },
          { log.connections, #log.requests, log.resumed })
      end)

      -- libcurl repeats a GET where a kept connection dies under it. How
      -- often it did so in a handle's life must not matter.
      it("outlive connections that die under them", function()
        local rows, dying = { ANSWER }, { cut = 0, after = "fin" }
        for i = 2, 20, 2 do rows[i], rows[i + 1] = dying, ANSWER end
        local server = host:listen { rows = rows }
        ten_calls(client(server))
        assert.same({ 10, 19 }, count(server))
      end)

      -- Closes it after that many seconds.
      local function cancelled(plex, seconds)
        local idle = manners.client(manner, deaf.url, { timeout = seconds })
        local took, result, err = manners.timed(manner.run, function()
          return details(plex)
        end, function()
          details(idle)
          plex:close()
        end)
        assert.is_nil(result)
        assert.same({ "cancelled", 1 }, { err.kind, err.attempts })
        assert.is_true(took < 10 * manners.slow)
      end

      if not manner.blocks then     -- there nobody else gets to run
        it("are cancelled by its close", function()
          cancelled(client(host:listen { rows = { { hold = "never" } } }), 0.05)
        end)

        -- With one address, libcurl looks up after 0.2 seconds, then no more.
        it("are cancelled by its close while it connects", function()
          cancelled(client(deaf), 0.25)
        end)
      end

      it("are cancelled by its close between two attempts", function()
        local server = host:listen { rows = { { status = 503 } } }
        local plex = manners.client(manner, server.url, { retries = 2 })
        core.random = function()
          plex:close()
          return 0
        end
        local _, err = manner.run(function() return details(plex) end)
        assert.same({ "cancelled", 1 }, { err.kind, err.attempts })
        assert.equal(1, #server:log().requests)
      end)
    end)
  end
end)
