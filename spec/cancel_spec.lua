-- A call given up at any of its stages: its connection is closed at once, no
-- descriptor stays, and the client is fit for the next call.
--
-- Not at "sending": a request is smaller than any socket's buffer.

local certs = require "spec.support.certs"
local child = require "spec.support.child"
local crowd = require "spec.support.crowd"
local faults = require "spec.support.faults"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"

local LONGEST = 30 * manners.slow

local function descriptors()
  local n = 0
  for _ in require("lfs").dir "/proc/self/fd" do n = n + 1 end
  return n
end

local ANSWER = { body = "{}" }

-- What the server does, and by what its log tells that the stage is reached.
local stages = {
  { "connecting", { connect = "ignore" } },
  { "handshaking", { rows = { { read = 1, cut = 0, after = "stall" } } },
    "connections", "https" },
  { "waiting for an answer", { rows = { { hold = "never" } } }, "requests" },
  { "receiving the head", { rows = { { body = "{}", cut = 20,
    after = "stall" } } }, "requests" },
  { "receiving the body", { rows = { { body = ("x"):rep(999), drip = 0.01 } } },
    "requests" },
  { "sleeping before a retry", { rows = { { status = 503,
    headers = { { "Retry-After", "20" } } } } }, "requests" },
}

describe("a call that is given up", function()
  local host, plex, good

  setup(function() host = faults.start() end)
  teardown(function() host:stop() end)

  before_each(function()
    collectgarbage()
    collectgarbage()
    good = host:listen { rows = { ANSWER } }
    plex = plexauth.new {
      client_id = "cancel", timeout = LONGEST, retries = 1,
      connect_timeout = LONGEST, server_url = good.url,
    }
    assert(plex:get_transient_token())
  end)

  after_each(function()
    plex:close()
    good:close()
  end)

  local function stalled(stage)
    local listener = host:listen(stage[2])
    local url = listener.url:gsub("^http", stage[4] or "http")
    local task = plexauth.task(function()
      return plex:get_transient_token { server_url = url }
    end)
    task:step(0)
    if stage[3] then
      repeat
        assert.is_false(task:step(0.01))
      until listener:log()[stage[3]] ~= 0
        and (stage[3] ~= "requests" or #listener:log().requests > 0)
    end
    return task, listener
  end

  local function assert_gone(listener, stage, before)
    assert.equal(before, descriptors())
    if stage[3] then listener:wait("closed", 1, LONGEST) end
    listener:close()
    assert.same({}, (assert(plex:get_transient_token())))
  end

  for _, stage in ipairs(stages) do
    it("while " .. stage[1] .. " leaves nothing", function()
      local before = descriptors()
      local task, listener = stalled(stage)
      -- a connection that a retry will use again is kept
      if stage[1]:find "retry" then before = before + 1 end
      task:cancel()
      if stage[1]:find "retry" then
        assert.is_true(descriptors() <= before)
        listener:close()
      else
        assert_gone(listener, stage, before)
      end
      assert.is_true(task:step(0))
      assert.is_nil(task.results)
      assert.same({}, (assert(plex:get_transient_token())))
    end)

    it("while " .. stage[1] .. " may also be forgotten", function()
      local before = descriptors()
      local listener = select(2, stalled(stage))
      collectgarbage()
      collectgarbage()
      if stage[1]:find "retry" then return listener:close() end
      assert_gone(listener, stage, before)
    end)
  end

  it("while resolving leaves nothing", function()
    local shim = os.tmpname()
    child.shell(("${CC:-cc} -shared -fPIC -o %s.so spec/support/slowdns.c -ldl")
      :format(shim))
    local output, fine = child.run([[
      local plexauth = require "plexauth"
      local function descriptors()
        local n = 0
        for _ in require("lfs").dir "/proc/self/fd" do n = n + 1 end
        return n
      end
      local good = os.getenv "SERVER"
      local plex = plexauth.new { server_url = good, timeout = 60 }
      assert(plex:get_transient_token())
      local before = descriptors()
      local task = plexauth.task(function()
        return plex:get_transient_token { server_url = "http://slow.invalid" }
      end)
      assert(not task:step(0))
      task:cancel()
      assert(plex:get_transient_token())
      -- until the lookup's thread, which nobody waits for, has ended
      local core = require "plexauth.core"
      local ends = core.now() + 60
      while descriptors() > before and core.now() < ends do core.sleep(0.01) end
      print(descriptors() - before)
    ]], {
      LD_PRELOAD = shim .. ".so", SLOWDNS = "1", SERVER = good.url,
    })
    os.remove(shim)
    os.remove(shim .. ".so")
    assert.equal("0\n", output)
    assert.is_true(fine)
  end)
end)

describe("a client that is closed", function()
  local host

  setup(function() host = faults.start() end)
  teardown(function()
    host:stop()
    certs.clean()
  end)

  for _, way in ipairs(crowd) do
    local it = way.missing and pending or it

    it("ends the calls that run " .. way.name, function()
      local silent = host:listen { rows = { { hold = "never" } } }
      local plex = manners.client(way, silent.url, { timeout = LONGEST })
      local free = manners.client(way, host:listen { rows = { ANSWER } }.url,
        { timeout = LONGEST })
      local fs = {}
      for i = 1, 10 do
        fs[i] = function()
          local result, err = plex:get_transient_token()
          return result == nil and err.kind
        end
      end
      fs[11] = function()
        while #silent:log().requests < 10 do
          assert(free:get_transient_token())
        end
        plex:close()
      end
      local kinds = way.run(fs)
      for i = 1, 10 do assert.equal("cancelled", kinds[i]) end
      silent:wait("closed", 10, LONGEST)
    end)
  end
end)
