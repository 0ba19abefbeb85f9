-- A call that is given up, at whatever stage: its descriptors are closed, its
-- server sees it go, and the client is as good as before. One stage is left
-- out: a request is smaller than any socket's buffer, so none is ever caught
-- half sent.

local child = require "spec.support.child"
local crowd = require "spec.support.crowd"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"
local socket = require "socket"
local slowdns = require "spec.support.slowdns"

local slow = manners.slow
local DEADLINE = 30 * slow     -- of a call, reached only by one that got stuck
local SOON = 0.005             -- a step waits no longer

-- How many descriptors this process has open, the one for looking included;
-- nil where there is no /proc. In a child as well, so: text.
local DESCRIPTORS = [[
  local lfs = require "lfs"
  return function()
    if not lfs.attributes "/proc/self/fd" then return nil end
    local n = 0
    for _ in lfs.dir "/proc/self/fd" do n = n + 1 end
    return n
  end
]]

local load_text = rawget(_G, "loadstring") or load
local descriptors = load_text(DESCRIPTORS)()

-- Finalizers may free what only the next cycle finds.
local function collect()
  collectgarbage()
  collectgarbage()
end

-- What the stage's server does, and whether the call has got there: what the
-- server saw proves no more than that the request left.
local stages = {
  { name = "connecting", listen = { connect = "ignore" },
    reached = function(transfer) return transfer end },
  { name = "in the TLS handshake", https = true,
    listen = { rows = { { read = 1, hold = "never" } } },
    reached = function(_, server) return server:log().requests[1] end },
  { name = "waiting for the answer",
    listen = { rows = { { hold = "never" } } },
    reached = function(_, server) return server:log().requests[1] end },
  { name = "within the head",
    listen = { rows = { { cut = 30, after = "stall" } } },
    reached = function(transfer) return #transfer:head() > 0 end },
  { name = "within the body",
    listen = { rows = { { body = "12345678", cut = 43, after = "stall" } } },
    reached = function(transfer) return transfer:size() > 0 end },
  { name = "within a body that drips",
    listen = { rows = { {
      body = "x", repeat_body = "forever", drip = 0.001 } } },
    reached = function(transfer) return transfer:size() > 4 end },
  { name = "in the pause before another attempt", pause = true,
    listen = { rows = { { status = 503, headers = {
      { "Retry-After", "1" }, { "Connection", "close" } } } } },
    reached = function(transfer)
      return select(2, pcall(transfer.answer, transfer)) == 503
    end },
}

local waiting = stages[3]

-- A coroutine, and a loop of our own for it alone.
local sleeping = {}

local function wait(watches)
  local co, is_main = coroutine.running()
  if is_main or not co then return false end
  sleeping[1] = watches
  coroutine.yield()
  return true
end

local function select_watches(watches)
  local sockets = { r = {}, w = {} }
  for _, watch in ipairs(watches) do
    local item = { getfd = function() return watch.fd end }
    for event in watch.events:gmatch "." do
      table.insert(sockets[event], item)
    end
  end
  socket.select(sockets.r, sockets.w, SOON)
end

local function coroutine_of(f)
  local co = coroutine.create(f)
  sleeping[1] = nil            -- of one that was dropped
  local function step()
    local watches = sleeping[1]
    sleeping[1] = nil
    if watches then select_watches(watches) end
    assert(coroutine.resume(co))
  end
  return step, function() co = nil end
end

-- start(f, call) gives step(), for f to go on, and give_up(); `call` is a
-- call that succeeds.
local ways = {
  { name = "cancelled", start = function(f)
    local task = plexauth.task(f)
    return function() task:step(SOON) end, function() task:cancel() end
  end },
  { name = "dropped and collected", start = function(f)
    local held = { plexauth.task(f) }
    return function() held[1]:step(SOON) end, function() held[1] = nil end
  end },
  { name = "left by a raise beside it", start = function(f, call)
    local raises = false
    local function beside()
      while not raises do assert(call()) end
      error "enough"
    end
    local task = plexauth.task(function() plexauth.gather { f, beside } end)
    return function() task:step(SOON) end, function()
      raises = true
      assert.error_matches(function() task:step(DEADLINE) end, "enough")
    end
  end },
  { name = "in a coroutine that is dropped and collected", wait = wait,
    start = coroutine_of },
}

-- The newest transfer to a URL that begins so; held by nobody but its call.
local newest = setmetatable({}, { __mode = "v" })
local watched_url

local core_methods = debug.getregistry()["plexauth.core.client"].__index
local new_transfer = core_methods.transfer

local function noting_transfer(self, request, ...)
  local transfer = new_transfer(self, request, ...)
  if request.url:find(watched_url, 1, true) == 1 then newest[1] = transfer end
  return transfer
end

describe("a call that is given up", function()
  local host, free             -- free answers

  setup(function()
    host = faults.start()
    free = host:listen { rows = { { body = "{}" } } }
    core_methods.transfer = noting_transfer
  end)

  teardown(function()
    core_methods.transfer = new_transfer
    host:stop()
  end)

  local function listen(stage)
    local server = host:listen(stage.listen)
    if stage.https then server.url = server.url:gsub("^http:", "https:") end
    watched_url, newest[1] = server.url, nil
    server.retries = stage.pause and 10 or 0
    return server
  end

  local function has_reached(stage, server)
    return newest[1] and stage.reached(newest[1], server)
  end

  local function step_until_reached(step, stage, server)
    local ends = socket.gettime() + DEADLINE
    repeat
      step()
      assert.is_true(socket.gettime() < ends, "never got so far")
    until has_reached(stage, server)
  end

  local function assert_all_closed(server, stage)
    if stage.listen.connect then return end    -- nobody accepts there
    server:wait("closed", server:log().connections, DEADLINE)
    assert.equal(0, server:log().open)
  end

  -- A client whose idle connection and libcurl's own descriptors are there.
  local function client(way)
    local plex = manners.client(way, free.url, {
      timeout = DEADLINE, connect_timeout = DEADLINE })
    local function call() return plex:get_transient_token() end
    assert(call())
    return plex, call
  end

  local function call_of(plex, server)
    return function()
      return plex:get_transient_token {
        server_url = server.url, retries = server.retries }
    end
  end

  local function in_time(f)
    return function()
      if not descriptors() then return pending "no /proc here" end
      collect()                -- what earlier ones have left
      manners[1].run(f)
    end
  end

  for _, way in ipairs(ways) do
    for _, stage in ipairs(stages) do
      it(("is %s, %s"):format(way.name, stage.name), in_time(function()
        local server = listen(stage)
        local plex, call = client(way)
        local before = descriptors()
        local step, give_up = way.start(call_of(plex, server), call)
        step_until_reached(step, stage, server)
        if not stage.pause then assert.is_true(descriptors() > before) end
        give_up()
        collect()
        assert.is_true(descriptors() <= before) -- earlier ones' may go, too
        assert_all_closed(server, stage)
        assert(call())
      end))
    end
  end

  describe("by the client's close,", function()
    for _, stage in ipairs(stages) do
      it("in a stepped task, " .. stage.name, in_time(function()
        local server = listen(stage)
        local before = descriptors()
        local plex = client {}
        local task = plexauth.task(call_of(plex, server))
        step_until_reached(function() task:step(SOON) end, stage, server)
        plex:close()
        assert.is_true(task:step(DEADLINE))
        assert.is_nil(task.results[1])
        assert.equal("cancelled", task.results[2].kind)
        assert.is_true(descriptors() <= before) -- earlier ones' may go, too
        assert_all_closed(server, stage)
      end))
    end

    -- Ten calls, and one who closes the client once the last has got there.
    local function run_and_close(way, stage)
      local server = listen(stage)
      local plex, helper = client(way), client(way)
      local fs = {}
      for i = 1, 10 do
        fs[i] = function()
          local result, err = call_of(plex, server)()
          return result == nil and err.kind
        end
      end
      fs[11] = function()
        while not has_reached(stage, server) do
          assert(helper:get_transient_token())
        end
        plex:close()
      end
      local kinds = way.run(fs)
      helper:close()
      return server, kinds
    end

    for _, way in ipairs(crowd) do
      local it = lua.it(it, way.missing)
      for _, stage in ipairs(stages) do
        it(way.name .. ", " .. stage.name, function()
          local server, kinds = run_and_close(way, stage)
          for i = 1, 10 do assert.equal("cancelled", kinds[i]) end
          assert_all_closed(server, stage)
        end)
      end
    end
  end)

  describe("together with its client", function()
    it("is closed by the collector", in_time(function()
      local server = listen(waiting)
      local before = descriptors()
      local held = { plex = client {} }
      held.task = plexauth.task(call_of(held.plex, server))
      step_until_reached(function() held.task:step(SOON) end, waiting, server)
      held = nil
      collect()
      assert.equal(before, descriptors())
      assert_all_closed(server, waiting)
    end))

    it("is not, while its task is there", in_time(function()
      local server = listen {
        listen = { rows = { { body = "{}", hold = "go" } } } }
      local held = setmetatable({ (client {}) }, { __mode = "v" })
      local task = plexauth.task(held[1].get_transient_token, held[1],
        { server_url = server.url })
      step_until_reached(function() task:step(SOON) end, waiting, server)
      collect()
      assert.is_nil(held[1])
      server:release "go"
      assert.is_true(task:step(DEADLINE))
      assert.same({}, task.results[1])
    end))
  end)

  describe("while its name is looked up", function()
    local shim

    setup(function() shim = slowdns.build() end)
    teardown(function() if shim then os.remove(shim) end end)

    -- In a process with the getaddrinfo of slowdns.c: what became of the call.
    -- Nothing waits for the lookup; what it holds goes when it ends.
    local code = [[
      local descriptors = (function() %s end)()
      local core = require "plexauth.core"
      local plexauth = require "plexauth"
      local hangs = tonumber(os.getenv "SLOWDNS")
      local without_client = descriptors()
      local plex = plexauth.new {
        server_url = os.getenv "SERVER", timeout = 30 * hangs }
      assert(plex:get_transient_token())
      local before, became = descriptors(), nil
      local held = { plexauth.task(function()
        local result, err = plex:get_transient_token {
          server_url = "http://slow.invalid" }
        became = tostring(result) .. ", " .. err.kind
      end) }
      local began = core.now()
      held[1]:step(0.01)
      assert(descriptors() > before, "no lookup")
      %s
      collectgarbage()
      collectgarbage()
      assert(core.now() - began < hangs, "waited for the lookup")
      while descriptors() ~= before do
        assert(core.now() - began < 20 * hangs, "descriptors are left")
        core.sleep(0.01)
      end
      print(became)
    ]]

    local CALL = " assert(plex:get_transient_token())"
    local cases = {
      { "is cancelled", "held[1]:cancel()" .. CALL, "nil\n" },
      { "is dropped and collected", "held[1] = nil" .. CALL, "nil\n" },
      { "is ended by the client's close", "before = without_client "
        .. "plex:close() assert(held[1]:step())", "nil, cancelled\n" },
    }

    local function reason_not_to()
      if not shim or not descriptors() then
        return "no LD_PRELOAD or no /proc here"
      end
      local major, minor = plexauth.version().libcurl:match "^(%d+)%.(%d+)"
      if tonumber(major) * 1000 + tonumber(minor) < 7087 then
        return "libcurl waits for a hung lookup before 7.87"
      end
    end

    for _, case in ipairs(cases) do
      it(case[1], function()
        local reason = reason_not_to()
        if reason then return pending(reason) end
        local output, well = child.run(code:format(DESCRIPTORS, case[2]), {
          LD_PRELOAD = (os.getenv "LD_PRELOAD" or "") .. " " .. shim,
          SLOWDNS = ("%d"):format(slow), SERVER = free.url })
        assert.equal(case[3], output)
        assert.is_true(well)
      end)
    end
  end)
end)
