-- gather: what it returns, how many it runs at once, how it fails, and how it
-- fits into tasks and coroutines. Beside this: task_step_spec (plexauth.task),
-- task_wait_spec (loops), task_interrupt_spec (Ctrl-C), many_spec (crowds).

local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"

local slow = manners.slow
local GENEROUS = 10 * slow     -- seconds; what is waited for takes none
local DEADLINE = 30 * slow     -- of a call; reached only where one got stuck

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

local function line_of(f)
  return debug.getinfo(f, "S").short_src .. ":"
    .. debug.getinfo(f, "S").linedefined .. ": "
end

local function raised_by(f, ...)
  local ok, raised = pcall(f, ...)
  assert.is_false(ok)
  return raised
end

describe("gather", function()
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

  describe("returns", function()
    it("what each function returned, in its place", function()
      local results, errors = gather {
        function() return 1, 2 end,
        function() return nil, "why" end,
        function() return false, "no error" end,
        function() end,
      }
      assert.same({ 1, nil, false, nil, n = 4 }, results)
      assert.same({ nil, "why" }, errors)
      assert.same({ n = 0 }, (gather {}))
    end)

    it_ends("results in the order given, not in that of the answers", function()
      local first, second, third = host:listen { rows = {
        { body = '{"id":1}', hold = "go" } } }, host:listen { rows = {
        { body = '{"id":2}', hold = "go" } } }, host:listen { rows = {
        { body = '{"id":3}' } } }
      local done, answer = {}, client(first.url)
      local function ask(listener, next_one)
        return function()
          local result = answer:get_transient_token {
            server_url = listener.url }
          done[#done + 1] = result.id
          if next_one then next_one:release "go" end
          return result.id
        end
      end
      local results = gather { ask(first), ask(second, first),
        ask(third, second) }
      assert.same({ 3, 2, 1 }, done)
      assert.same({ 1, 2, 3, n = 3 }, results)
    end)

    -- Where it cannot yield: whether the call in a callback from C went well,
    -- what it raised, and how many requests four calls made.
    local function call_back()
      listen { body = "{}" }
      local results = gather { function()
        assert(plex:get_transient_token()) -- leaves its connection
        local answer
        local ok, raised = pcall(string.gsub, "x", "x", function()
          answer = plex:get_transient_token()
        end)
        for _ = 1, 2 do assert(plex:get_transient_token()) end
        return { ok and answer, tostring(raised) }
      end }
      return results[1][1], results[1][2], #server:log().requests
    end

    if coroutine.isyieldable then
      it_ends("blocks for a call in a callback from C", function()
        local answer, _, requests = call_back()
        assert.same({ {}, 4 }, { answer, requests })
      end)
    elseif not lua.is_51 then -- which cannot catch it
      it_ends("sends nothing for a call in a callback from C", function()
        local answer, raised, requests = call_back()
        assert.same({ false, 3 }, { answer, requests })
        assert.truthy(raised:find("yield", 1, true), raised)
      end)
    end

    it_ends("no answer that is not there, to a stranger's resume", function()
      listen { body = "{}", hold = "go" }
      local co, answer
      local task = plexauth.task(function()
        co = coroutine.running()
        answer = { plex:get_transient_token() }
      end)
      task:step()
      local ok, raised = coroutine.resume(co)
      assert.is_false(ok)
      assert.truthy(raised:find("not at its end", 1, true), raised)
      assert.is_nil(answer)
      task:cancel()
    end)

    it_ends("a call's error in its place", function()
      listen { status = 404 }
      local results, errors = gather { call_of(plex), function() return 1 end }
      assert.same({ nil, 1, n = 2 }, results)
      assert.equal("http", errors[1].kind)
    end)
  end)

  describe("keeps in flight", function()
    -- The barrier opens only for n at once, and there was no room for more
    -- connections than that.
    local function assert_in_flight(n, count, options)
      listen_at_barrier(n)
      local results = gather(times(count, call_of(plex)), options)
      assert.equal(count, results.n)
      for i = 1, count do assert.same({}, results[i]) end
      assert.equal(n, server:log().connections)
    end

    it_ends("as many as the limit says", function()
      assert_in_flight(3, 12, { limit = 3 })
    end)

    it_ends("64 where none is given", function()
      assert_in_flight(64, 80)
    end)

    it_ends("one after the other with a limit of 1", function()
      assert_in_flight(1, 5, { limit = 1 })
    end)
  end)

  describe("raises, at the caller's line, on", function()
    local function f() end
    local cases = {
      { "nothing", function() gather() end, "takes an array" },
      { "a function", function() gather(f) end, "takes an array" },
      { "a string among them", function() gather { f, "f" } end,
        "nothing else in it" },
      { "a gap", function() gather { f, nil, f, [5] = f } end,
        "nothing else" },
      { "a name", function() gather { f, g = f } end, "nothing else" },
      { "a misspelt option", function() gather({}, { limt = 1 }) end,
        "'limt', did you mean 'limit'" },
      { "options that are none", function() gather({}, 5) end, "a table" },
      { "a limit of 0", function() gather({}, { limit = 0 }) end, "limit" },
      { "a limit with a fraction", function() gather({}, { limit = 1.5 }) end,
        "limit" },
      { "a limit as text", function() gather({}, { limit = "8" }) end,
        "limit" },
      { "a wait that is none", function() gather({}, { wait = 1 }) end,
        "wait" },
    }
    for _, case in ipairs(cases) do
      it(case[1], function()
        local message = raised_by(case[2])
        assert.equal(1, (message:find(line_of(case[2]), 1, true)), message)
        assert.truthy(message:find(case[3], 1, true), message)
      end)
    end
  end)

  describe("where a task raises", function()
    it_ends("ends the others' connections at once", function()
      listen({ hold = "never" }, { hold = "never" }, { body = "{}" })
      local function f()
        plex:get_transient_token()
        error "boom"
      end
      local message = raised_by(gather, times(3, f))
      server:wait("closed", 2)
      assert.match("task_spec%.lua:%d+: boom\nstack traceback:", message)
      assert.match("task_spec%.lua:%d+: in ", message)
      assert.equal(1, server:log().open)
      assert.same({}, (plex:get_transient_token()))
    end)

    it_ends("starts none of those that wait for a place", function()
      local started = 0
      raised_by(gather, times(9, function()
        started = started + 1
        error "boom"
      end), { limit = 2 })
      assert.equal(1, started)
    end)

    it("hands over any value as it is", function()
      local values = { {}, setmetatable({}, { __tostring = error }), 5, false,
        print, n = 6 }
      for i = 1, values.n do
        local raised = raised_by(gather, { function() error(values[i], 0) end })
        assert.is_true(rawequal(values[i], raised))
      end
    end)

    it("tells the innermost place once", function()
      local message = raised_by(gather, { function()
        gather { function() error "boom" end }
      end })
      assert.match("task_spec%.lua:%d+: boom\n", message)
      assert.equal(1, select(2, message:gsub("stack traceback:", "")))
    end)
  end)

  describe("inside a task", function()
    it_ends("runs at the same time as the outer one's tasks", function()
      listen_at_barrier(8)
      local f = call_of(plex)
      local results = gather { f, function()
        return (gather { f, f, function()
          return (gather { f, f, f })
        end })
      end, f, f }
      assert.same({}, results[2][3][3])
      assert.equal(8, server:log().connections)
    end)

    it_ends("keeps its own limit", function()
      listen_at_barrier(3)
      local f = call_of(plex)
      gather { f, function() gather(times(6, f), { limit = 2 }) end }
      assert.equal(3, server:log().connections)
    end)

    -- What must not happen: nobody tells libcurl that time has passed, and
    -- the deadline ends the call instead.
    it_ends("passes libcurl's own timer on", function()
      local deaf = host:listen { connect = "ignore" }
      local lost = client(deaf.url, { connect_timeout = 0.1 * slow })
      local seconds, results = manners.timed(gather, { function()
        return select(2, gather { call_of(lost), call_of(lost) })
      end })
      assert.equal("timeout", results[1][2].kind)
      assert.is_true(seconds < GENEROUS)
    end)

    it_ends("hands an error to the function that called it", function()
      listen { hold = "never" }
      local results = gather { function()
        local _, message = pcall(gather, { call_of(plex), function()
          error("boom", 0)
        end })
        return message
      end }
      assert.match("^boom\n", results[1])
      assert.equal(0, server:log().connections)
    end)

    it_ends("joins plexauth.task", function()
      listen_at_barrier(3)
      local task = plexauth.task(gather, times(3, call_of(plex)))
      while not task:step(GENEROUS) do end
      assert.same({ {}, {}, {}, n = 3 }, task.results[1])
    end)
  end)

  describe("with a coroutine of the user's inside a task", function()
    local function each(n, f)
      return coroutine.wrap(function()
        for _ = 1, n do coroutine.yield((f())) end
      end)
    end

    it_ends("blocks there, and the coroutine yields its own values", function()
      listen { body = "{}" }
      local results = gather(times(2, function()
        local values = {}
        for value in each(3, call_of(plex)) do values[#values + 1] = value end
        return values
      end))
      assert.same({ { {}, {}, {} }, { {}, {}, {} }, n = 2 }, results)
      assert.equal(1, server:log().connections)
    end)

    it_ends("gathers there, blocking", function()
      listen_at_barrier(2)
      local results = gather { function()
        return each(1, function() return gather(times(2, call_of(plex))) end)()
      end }
      assert.same({ {}, {}, n = 2 }, results[1])
    end)

    it("says so where a task itself yields to somebody else", function()
      local message = raised_by(gather, { function()
        coroutine.yield "hello"
      end })
      assert.match("^a plexauth task yielded to somebody else", message)
      assert.match("task_spec%.lua:%d+", message)
    end)
  end)

  it_ends("lets the others go on while one pauses before a retry", function()
    local busy = host:listen { rows = {
      { status = 503, headers = { { "Retry-After", "1" } } },
      { body = "{}" } } }
    listen { body = "{}" }
    local done = {}
    gather { function()
      plex:get_transient_token { server_url = busy.url, retries = 1 }
      done[#done + 1] = "the one that paused"
    end, function()
      for _ = 1, 5 do plex:get_transient_token() end
      done[#done + 1] = "the other"
    end }
    assert.same({ "the other", "the one that paused" }, done)
  end)
end)
