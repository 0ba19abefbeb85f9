-- plexauth.task: a host that has frames or ticks steps it, or gives it up.

local core = require "plexauth.core"
local faults = require "spec.support.faults"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"

local slow = manners.slow
local GENEROUS = 10 * slow     -- seconds; what is waited for takes none
local DEADLINE = 30 * slow     -- of a call; reached only where one got stuck

-- manners.run stops whatever got stuck.
local function it_ends(name, f)
  it(name, function() manners[1].run(f) end)
end

local function finish(task)
  while not task:step(GENEROUS) do end
end

local function raised_by(f, ...)
  local ok, raised = pcall(f, ...)
  assert.is_false(ok)
  return raised
end

local function line_of(f)
  return debug.getinfo(f, "S").short_src .. ":"
    .. debug.getinfo(f, "S").linedefined .. ": "
end

local function assert_raises_here(f, words)
  local message = raised_by(f)
  assert.equal(1, (message:find(line_of(f), 1, true)), message)
  assert.truthy(message:find(words, 1, true), message)
end

describe("a task", function()
  local host, server, plex

  local function listen(...)
    server = host:listen { rows = { ... } }
    plex = manners.client({}, server.url, { timeout = DEADLINE })
  end

  local function ask() return plex:get_transient_token() end

  -- Until the server has n requests, and holds them.
  local function step_until_sent(task, n)
    while #server:log().requests < n do assert.is_false(task:step()) end
  end

  setup(function() host = faults.start() end)
  teardown(function() host:stop() end)

  it("takes a function and its arguments, gives all results", function()
    local task = plexauth.task(function(...)
      return select("#", ...), ...
    end, 1, nil, false, nil)
    assert.is_nil(task.results)
    assert.equal("plexauth.task (running)", tostring(task))
    assert.is_true(task:step())
    assert.equal("plexauth.task (done)", tostring(task))
    assert.same({ 4, 1, nil, false, nil, n = 5 }, task.results)
  end)

  it("starts with its first step, and ends once", function()
    local runs = 0
    local task = plexauth.task(function() runs = runs + 1 end)
    assert.equal(0, runs)
    assert.is_true(task:step())
    assert.is_true(task:step(GENEROUS))
    assert.equal(1, runs)
    assert.same({ n = 0 }, task.results)
  end)

  -- Else a task that calls in a loop would hold up a frame for all of them.
  it_ends("makes no more than one call a step, however near its server",
    function()
      listen { body = "{}" }
      local calls = 0
      local task = plexauth.task(function()
        for _ = 1, 20 do
          assert(ask())
          calls = calls + 1
        end
      end)
      local done
      repeat
        local before = calls
        done = task:step(0)
        assert.is_true(calls - before <= 1)
      until done
      assert.equal(20, calls)
    end)

  -- A host's next step may be a whole frame away.
  for name, make in pairs {
    ["a call"] = function() return plexauth.task(ask) end,
    ["gather"] = function() return plexauth.task(plexauth.gather, { ask }) end,
  } do
    it_ends("has sent what " .. name .. " asks for when it returns", function()
      listen { body = "{}" }
      assert(ask()) -- a connection stands now
      local task = make()
      task:step(0)
      server:wait("requests", 2)
      finish(task)
    end)
  end

  it_ends("does not let all of a gather go on, however long they take",
    function()
      listen { body = "{}" }
      local begun, fs = {}, {}
      for i = 1, 10 do
        fs[i] = function()
          begun[#begun + 1] = i
          local ends = core.now() + 0.005
          repeat until core.now() >= ends
          return ask()
        end
      end
      local task = plexauth.task(plexauth.gather, fs)
      for i = 1, 10 do
        task:step(0)
        assert.equal(i, #begun)
      end
      finish(task)
      assert.equal(10, #task.results[1])
    end)

  it_ends("lets each of a gather go on in turn, however long they take",
    function()
      listen { body = "{}" }
      local turns, fs = {}, {}
      for i = 1, 16 do
        turns[i] = 0
        fs[i] = function()
          while true do
            turns[i] = turns[i] + 1
            local ends = core.now() + 0.002
            repeat until core.now() >= ends
            assert(ask())
          end
        end
      end
      local task = plexauth.task(plexauth.gather, fs)
      for _ = 1, 10 * #fs do task:step(0) end
      task:cancel()
      for i = 1, 16 do assert.is_true(turns[i] >= 4, i .. " starves") end
    end)

  it("raises misuse at the caller's line", function()
    local task = plexauth.task(function() end)
    local words = "seconds must be a number from 0 to 86400"
    assert_raises_here(function() task:step "1" end, words)
    assert_raises_here(function() task:step(-1) end, words)
    assert_raises_here(function() task:step(0 / 0) end, words)
    assert_raises_here(function() task:step(1 / 0) end, words)
    assert_raises_here(function() plexauth.task() end, "takes a function")
    assert_raises_here(function() plexauth.task {} end, "takes a function")
  end)

  it_ends("never waits in step(0)", function()
    listen { body = "{}", hold = "go" }
    local task, steps = plexauth.task(ask), 1000
    for _ = 1, steps do assert.is_false(task:step(0)) end
    assert.is_nil(task.results)
    server:release "go"
    while not task:step() do steps = steps + 1 end
    assert.same({}, task.results[1])
    assert.is_true(steps >= 1000)
  end)

  it_ends("waits in step for as long as it is told at most", function()
    listen { body = "{}", hold = "go" }
    local task = plexauth.task(ask)
    step_until_sent(task, 1)
    local seconds, done = manners.timed(task.step, task, 0.05)
    assert.is_false(done)
    assert.is_true(seconds >= 0.04 and seconds < GENEROUS)
    server:release "go"
    finish(task)
  end)

  it_ends("ends its wait with the answer", function()
    listen { body = "{}", hold = "go" }
    local task = plexauth.task(ask)
    step_until_sent(task, 1)
    server:release "go"
    assert.is_true(manners.timed(finish, task) < GENEROUS)
  end)

  it_ends("runs beside another that is stepped in turn", function()
    server = host:listen { barrier = 2, rows = { { body = "{}" } } }
    plex = manners.client({}, server.url, { timeout = DEADLINE })
    local one, other = plexauth.task(ask), plexauth.task(ask)
    repeat
      local done, both = one:step(0.001), other:step(0.001)
    until done and both
    assert.same({ {}, {} }, { one.results[1], other.results[1] })
  end)

  it_ends("raises once what its function raises", function()
    listen { body = "{}" }
    local task = plexauth.task(function()
      ask()
      error "boom"
    end)
    local message = raised_by(finish, task)
    assert.match("task_step_spec%.lua:%d+: boom\nstack traceback:", message)
    assert.is_true(task:step())
    assert.is_nil(task.results)
    local value = {}
    task = plexauth.task(error, value)
    assert.equal(value, raised_by(task.step, task))
  end)

  it("raises where it yields to somebody else", function()
    local task = plexauth.task(function() coroutine.yield(1) end)
    local message = raised_by(task.step, task)
    assert.match("yielded to somebody else", message)
    assert.match("task_step_spec%.lua:%d+", message)
    assert.is_true(task:step())
  end)

  describe("that is cancelled", function()
    it_ends("closes its connection at once, and the client works", function()
      listen({ hold = "never" }, { body = "{}" })
      local task = plexauth.task(ask)
      step_until_sent(task, 1)
      assert.equal(1, server:log().open)
      task:cancel()
      server:wait("closed", 1)
      assert.is_true(task:step())
      assert.is_nil(task.results)
      assert.same({}, (ask()))
      task:cancel()
    end)

    it_ends("cancels what it gathers", function()
      listen { hold = "never" }
      local task = plexauth.task(plexauth.gather, { ask, function()
        plexauth.gather { ask, ask }
      end })
      step_until_sent(task, 3)
      task:cancel()
      server:wait("closed", 3)
      assert.is_true(task:step())
    end)

    it_ends("closes its variables", function()
      local f = (loadstring or load)([[
        local ask, guard = ...
        local guarded <close> = guard
        ask()]])
      if not f then return pending "this Lua has no <close>" end
      listen { hold = "never" }
      local closed = 0
      local task = plexauth.task(f, ask, setmetatable({}, {
        __close = function() closed = closed + 1 end }))
      step_until_sent(task, 1)
      task:cancel()
      assert.equal(1, closed)
    end)

    it("before it began never runs", function()
      local task = plexauth.task(error)
      task:cancel()
      assert.is_true(task:step())
    end)

    it("after its end keeps its results", function()
      local task = plexauth.task(function() return 1 end)
      task:step()
      task:cancel()
      assert.same({ 1, n = 1 }, task.results)
    end)

    it("cannot be the one that runs", function()
      local task, message, inner
      task = plexauth.task(function()
        message = raised_by(task.cancel, task)
        plexauth.gather { function() inner = raised_by(task.cancel, task) end }
        local other = plexauth.task(error)
        other:cancel()
        return 1
      end)
      assert.is_true(task:step())
      assert.match("a task cannot cancel itself", message)
      assert.match("a task cannot cancel itself", inner)
      assert.equal(1, task.results[1])
    end)
  end)
end)
