-- The contract of a client's wait function: wait(watches, seconds) -> waited.
-- And two that come with plexauth, luv's and cqueues'.

local core = require "plexauth.core"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"
local socket = require "socket"

local ANSWER = { body = '{"id":1}' }

describe("a wait function", function()
  local host
  local random = core.random

  setup(function() host = faults.start() end)
  teardown(function() host:stop() end)
  after_each(function() core.random = random end)

  local function listen(...)
    return host:listen { rows = { ... } }
  end

  local function client(server, wait, timeout)
    return plexauth.new {
      account_url = server.url, access_token = "token-1", wait = wait,
      timeout = timeout, retries = 1,
    }
  end

  local function assert_watches(watches)
    for i, watch in pairs(watches) do
      assert.is_true(i >= 1 and i <= #watches)
      if math.type then assert.equal("integer", math.type(watch.fd)) end
      assert.is_true(watch.fd >= 0)
      assert.truthy(({ r = true, w = true, rw = true })[watch.events])
    end
  end

  it("is told what to wait for, and until when", function()
    local calls = 0
    local function wait(watches, seconds)
      calls = calls + 1
      assert_watches(watches)
      assert.equal("number", type(seconds))
      assert.is_true(seconds >= 0 and seconds <= 7)
      socket.sleep(0.001)
      return true
    end
    local plex = client(listen { body = '{"id":1}', delay = 0.05 }, wait, 7)
    assert.same({ id = 1 }, (plex:get_token_details()))
    assert.is_true(calls > 1)
  end)

  it("may decline: then the call blocks", function()
    local calls = 0
    local plex = client(listen { body = '{"id":1}', delay = 0.05 },
      function(watches)
        calls = calls + 1
        assert.equal(1, #watches)
        return false
      end)
    assert.same({ id = 1 }, (plex:get_token_details()))
    assert.equal(1, calls)
  end)

  it("is asked to make the pauses too, with nothing to watch", function()
    core.random = function() return 0.02 end
    for _, waited in ipairs { "yes", false } do
      local pauses = {}
      local plex = client(listen({ status = 503 }, ANSWER),
        function(watches, seconds)
          if watches[1] then return false end
          pauses[#pauses + 1] = seconds
          return waited
        end)
      local seconds, result = manners.timed(plex.get_token_details, plex)
      assert.same({ id = 1 }, result)
      assert.same({ 0.01 }, pauses)
      assert.is_true(waited == "yes" or seconds > 0.009)
    end
  end)

  it("is told of no more time than is left for all attempts", function()
    local told
    core.random = function()
      told = {}
      return 0
    end
    local plex = client(listen({ status = 503, delay = 0.1 },
      { body = '{"id":1}', delay = 0.02 }),
      function(watches, seconds)
        if told and watches[1] then told[#told + 1] = seconds end
        socket.sleep(0.001)
        return true
      end, 4)
    assert.same({ id = 1 }, (plex:get_token_details()))
    assert.is_true(told[1] <= 3.9 + 1e-6, told[1])
  end)

  it("may come back at once: the call still ends", function()
    local function wait() return true end
    local plex = client(listen { body = '{"id":1}', delay = 0.02 }, wait)
    assert.same({ id = 1 }, (plex:get_token_details()))
    plex = client(listen { hold = "never" }, wait, 0.1)
    local _, err = plex:get_token_details()
    assert.equal("timeout", err.kind)
  end)

  it("may raise: the caller gets that, and the client lives on", function()
    local reason = {}
    local raises = true
    local function wait()
      if raises then error(reason) end
      return false
    end
    local plex = client(listen(ANSWER), wait)
    local ok, raised = pcall(plex.get_token_details, plex)
    assert.is_false(ok)
    assert.equal(reason, raised)
    raises = false
    assert.same({ id = 1 }, (plex:get_token_details()))
  end)

  it("may raise: what was not sent yet never is", function()
    local raises = true
    local server = listen { body = '{"id":1}', delay = 0.3 }
    local plex = client(server, function()
      if raises then error "enough" end
      return false
    end)
    assert.is_false(pcall(plex.post_users_sign_in_data, plex, {
      login = "ann", password = "secret", client_id = "client-1" }))
    raises = false
    assert.same({ id = 1 }, (plex:get_token_details()))
    assert.equal(1, #server:log().requests)
  end)

  it("may raise in a gather: its calls are given up", function()
    local server = listen { hold = "never" }
    local plex = client(server)
    local function ask() return plex:get_token_details() end
    local ok, raised = pcall(plexauth.gather, { ask, ask }, {
      wait = function()
        server:wait("connections", 2)
        error "enough"
      end,
    })
    assert.is_false(ok)
    assert.truthy(raised:find("enough", 1, true), raised)
    server:wait("closed", 2)
  end)

  -- What a user might write for a scheduler of their own.
  it("may yield to a scheduler", function()
    local sleepers = {}
    local function wait(watches, seconds)
      sleepers[coroutine.running()] = {
        watches = watches, wake = core.now() + seconds }
      coroutine.yield()
      return true
    end
    local server = host:listen { barrier = 3, rows = { ANSWER } }
    local plex = client(server, wait)
    local ended = 0
    local function call()
      assert.same({ id = 1 }, (plex:get_token_details()))
      ended = ended + 1
    end
    local function resume(co)
      sleepers[co] = nil
      assert(coroutine.resume(co))
    end
    for _ = 1, 3 do resume(coroutine.create(call)) end
    while next(sleepers) do
      socket.sleep(0.001)
      local all = {}
      for co in pairs(sleepers) do all[#all + 1] = co end
      for _, co in ipairs(all) do resume(co) end
    end
    assert.equal(3, ended)
  end)

  for _, manner in ipairs(manners) do
    local it = lua.it(it, manner.missing)

    if manner.wait or manner.missing then
      it("lets calls overlap " .. manner.name, function()
        local server = host:listen { barrier = 2, rows = { ANSWER } }
        local plex = manners.client(manner, server.url)
        local other
        local function beside() other = plex:get_token_details() end
        local result = manner.run(function()
          return plex:get_token_details()
        end, beside)
        assert.same({ { id = 1 }, { id = 1 } }, { result, other })
      end)

      it("declines where nobody would resume it, " .. manner.name, function()
        local plex = manners.client(manner, listen(ANSWER).url)
        assert.same({ id = 1 }, (plex:get_token_details()))
      end)
    end

    -- A yield would reach the user's code, which knows nothing of it.
    if manner.name == "under cqueues" then
      it("declines in a user's coroutine " .. manner.name, function()
        local plex = manners.client(manner, listen(ANSWER).url)
        local result = manner.run(function()
          return coroutine.wrap(function()
            return (plex:get_token_details())
          end)()
        end)
        assert.same({ id = 1 }, result)
      end)
    end
  end
end)
