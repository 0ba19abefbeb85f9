-- What a host may do around its Lua states: fork, close them, have signal
-- handlers of its own, small stacks, no descriptors left, commas in numbers.
-- Each case is a process of its own, with the module of support/host.c.

local certs = require "spec.support.certs"
local child = require "spec.support.child"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"

local slow = manners.slow
local MANY, CLIENTS = slow > 1 and 2000 or 10000, slow > 1 and 200 or 1000
local LINUX = child.shell "uname -s" == "Linux\n"

local ANSWER = { body = '{"id":1}' }

-- KiB that a flat line may rise. AddressSanitizer keeps what was freed.
local GROWTH = os.getenv "ASAN_OPTIONS" and 2 ^ 19 or 1024

-- Sanitizers want more of a stack than any program of ours.
local STACK = (slow > 1 and 1024 or 64) * 1024

local PRELUDE = [[
io.stdout:setvbuf "no"
package.cpath = "BUILD/host/?.so;" .. package.cpath
local host = require "host"
local function new(options)
  options = options or {}
  local url = options.url or os.getenv "SERVER"
  options.url = nil
  options.server_url, options.account_url = url, url
  options.ca_file, options.access_token = os.getenv "CA", "token-1"
  options.client_id = "client-1"
  options.retries = options.retries or 0
  return require "plexauth".new(options)
end
]]
PRELUDE = PRELUDE:gsub("BUILD", lua.build)

local function make(name)
  local output, well = child.shell("make -s -f spec/support/host.mk LUA="
    .. lua.name .. " " .. lua.build .. "/host/" .. name)
  if not well then error(output, 0) end
end

describe("a host", function()
  local host, made

  setup(function()
    make "host.so"
    host, made = faults.start(), certs.make()
  end)

  teardown(function()
    host:stop()
    certs.clean()
  end)

  local function listen(scheme, rows)
    return host:listen { rows = rows,
      tls = scheme == "https" and made.good or nil }
  end

  -- The code says "well" at its end, and nothing else.
  local function assert_well(code, server, environment)
    local all = { SERVER = server and server.url, CA = made.ca }
    for name, value in pairs(environment or {}) do all[name] = value end
    local output, well = child.run(PRELUDE .. code, all)
    assert.equal("well", output:match "^%s*(.-)%s*$")
    assert.is_true(well)
  end

  local function connections(server)
    local list = {}
    for i, request in ipairs(server:log().requests) do
      list[i] = request.connection
    end
    return list
  end

  -- Row 33.
  for _, scheme in ipairs { "http", "https" } do
    describe("that forks, over " .. scheme .. ",", function()
      local function assert_forked(code, expected)
        local server = listen(scheme, { ANSWER })
        assert_well([[
          local plex = new()
          assert(plex:get_token_details())
          local task = require "plexauth".task(function() end)
          local pid = host.fork()
          if pid == 0 then
            local ok, why = pcall(function() ]] .. code .. [[ end)
            if not ok then print(why) end
            host.exit(ok and 0 or 1)
          end
          assert(task:step() and host.wait(pid) == 0)
          assert(plex:get_token_details())
          print "well"
        ]], server)
        assert.same(expected, connections(server))
        assert.equal(0, server:log().tls_failures)
      end

      it("calls in the child, on a connection of its own", function()
        assert_forked("assert(plex:get_token_details())", { 1, 2, 1 })
      end)

      it("closes the client in the child", function()
        assert_forked("plex:close()", { 1, 1 })
      end)

      it("collects the client in the child", function()
        assert_forked("plex = nil collectgarbage() collectgarbage()",
          { 1, 1 })
      end)

      it("ends the child with its state", function()
        assert_forked("os.exit(0, true)", { 1, 1 })
      end)
    end)
  end

  it("that forks amid a call has it cancelled in the child", function()
    assert_well([[
      local core = require "plexauth.core"
      local came
      local task = require "plexauth".task(function()
        local plex = new()
        local result, err = plex:get_token_details()
        came = result and result.id or err.kind
      end)
      local function finish()
        local ends = core.now() + 30
        while not task:step(0.1) and core.now() < ends do end
        return came
      end
      task:step(0)
      local pid = host.fork()
      if pid == 0 then host.exit(finish() == "cancelled" and 7 or 1) end
      assert(host.wait(pid) == 7, "the child went on")
      assert(finish() == 1, "the parent did not")
      print "well"
    ]], listen("http", { { body = '{"id":1}', delay = 0.5 * slow } }))
  end)

  -- Rows 10 and 34.
  describe("that closes a state", function()
    local function assert_closed(code)
      if not LINUX then pending "no LD_PRELOAD here" end
      make "slowdns.so"
      assert_well(([[
        local function lookups()
          local status = io.open "/proc/self/status"
          local n = status:read "*a":match "Threads:%%s*(%%d+)"
          status:close()
          return tonumber(n) - 1
        end
        local result = host.run(%q)
        assert(result == "fine", result)
        assert(lookups() > 0, "no lookup outlived its state")
        local ends = os.time() + %d
        while lookups() > 0 and os.time() < ends do end
        assert(lookups() == 0)
        print "well"
      ]]):format(PRELUDE .. code, 30 * slow), nil, {
        LD_PRELOAD = (os.getenv "LD_PRELOAD" or "")
          .. " " .. os.getenv "PWD" .. "/" .. lua.build .. "/host/slowdns.so",
        SLOWDNS = ("%d"):format(2 * slow), SERVER = "http://slow.invalid",
      })
    end

    it("after a lookup that timed out lives on when that ends", function()
      assert_closed [[
        local plex = new { timeout = 0.1 }
        local _, err = plex:get_transient_token()
        return err.kind == "timeout" and "fine" or tostring(err)
      ]]
    end)

    it("amid a lookup lives on when that ends", function()
      assert_closed [[
        local plex = new()
        task = require "plexauth".task(function()
          return plex:get_transient_token()
        end)
        return task:step(0.1) and "it ended" or "fine"
      ]]
    end)
  end)

  it("that ends with a client alive, and a call of it, ends well", function()
    for _, ending in ipairs { "", "os.exit(0, true)", "os.exit(0, false)" } do
      assert_well([[
        plex = new()
        assert(plex:get_token_details())
        task = require "plexauth".task(function()
          return plex:get_token_details()
        end)
        assert(not task:step(0))
        print "well"
      ]] .. ending, listen("https", { ANSWER, { hold = "never" } }))
    end
  end)

  -- Row 35.
  describe("with signal handlers", function()
    for _, scheme in ipairs { "http", "https" } do
      it("keeps them, and none is called, over " .. scheme, function()
        local rows = {}
        for i = 1, 60 do
          rows[i] = ({ ANSWER, { read = 1, cut = 0, after = "rst" },
            { read = 9, cut = 0, after = "fin" } })[i % 3 + 1]
        end
        assert_well([[
          host.catch(host.SIGPIPE)
          host.catch(host.SIGALRM)
          local before = host.dispositions()
          local plex = new { connect_timeout = 5 }
          for i = 1, 60 do
            plex:post_users_sign_in_data { login = "l",
              password = ("p"):rep(4096) }
            plex:get_token_details()
          end
          plex:close()
          assert(host.dispositions() == before, "they are others")
          assert(host.handled() == 0, "some were called")
          print "well"
        ]], listen(scheme, rows))
      end)
    end
  end)

  -- Row 36; gather and step are in task_interrupt_spec.lua.
  describe("that is interrupted", function()
    local function interrupted(code)
      local server = listen("http", { { hold = "never" } })
      local got, ended
      local pipe = assert(io.popen(("echo $$; exec '%s' -e '%s' 2>&1"):format(
        lua.program(), ([[
        local plex = require "plexauth".new { server_url = "%s", timeout = 40 }
        ]]):format(server.url) .. code)))
      local pid = pipe:read "*l"
      server:wait("requests", 1)
      os.execute("kill -INT " .. pid)
      ended, got = manners.timed(pipe.read, pipe, "*a")
      pipe:close()
      return got, ended
    end

    it("in a call raises", function()
      local output, seconds = interrupted [[
        plex:get_transient_token() print "went on"
      ]]
      assert.truthy(output:find("interrupted!", 1, true), output)
      assert.is_nil(output:find("went on", 1, true))
      assert.is_true(seconds < 0.5 * slow, "too late: " .. seconds)
    end)

    it("in a coroutine's call gets an error for it", function()
      if lua.is_51 then return pending "5.1 does not tell its main thread" end
      local output, seconds = interrupted [[
        coroutine.wrap(function()
          local _, err = plex:get_transient_token()
          print(err.kind)
        end)()
      ]]
      assert.truthy(output:find("interrupted", 1, true), output)
      assert.is_true(seconds < 0.5 * slow, "too late: " .. seconds)
    end)
  end)

  -- Row 41.
  it("has no more descriptors after errors than before", function()
    local rows = { ANSWER }
    for _, after in ipairs { "fin", "rst", "stall" } do
      for _, cut in ipairs { 0, 9, 40 } do
        rows[#rows + 1] = { body = '{"id":1}', cut = cut, after = after }
      end
    end
    rows[#rows + 1] = ANSWER
    assert_well(([[
      local plex = new()
      assert(plex:get_token_details())
      plex:close()
      local before = host.descriptors()
      plex = new()
      for i = 2, 10 do
        assert(not plex:get_token_details { timeout = %g })
      end
      assert(not plex:get_token_details { server_url = "http://127.0.0.1:1" })
      assert(plex:get_token_details())
      plex:close()
      local after = host.descriptors()
      assert(before == after, before .. " before, now " .. after)
      print "well"
    ]]):format(0.2 * slow), listen("http", rows))
  end)

  it("may run out of descriptors: a typed error, then all is well", function()
    for _, scheme in ipairs { "http", "https" } do
      assert_well([[
        assert(new():get_token_details())
        local kinds, failed = { connect = true, resolve = true, network = true,
          tls = true, timeout = true }, 0
        for spare = 0, 12 do
          local plex = new { timeout = 10, retries = 0 }
          local _, top = host.descriptors()
          local was = host.limit(top + spare)
          local result, err = plex:get_token_details()
          assert(result or kinds[err.kind], err)
          failed = failed + (result and 0 or 1)
          host.limit(was)
          assert(plex:get_token_details())
          plex:close()
        end
        assert(failed > 0, "it never ran out")
        print "well"
      ]], listen(scheme, { ANSWER }))
    end
  end)

  it("may write its numbers with a comma", function()
    local _, there = child.shell [[
      mkdir -p build/host/locale && { [ -e build/host/locale/de ] ||
      localedef -i de_DE -f UTF-8 "$PWD/build/host/locale/de"; }
    ]]
    if not there then pending "localedef makes no de_DE.UTF-8 here" end
    assert_well([[
      assert(os.setlocale("de"))
      assert(jit or ("%.1f"):format(0.5) == "0,5") -- LuaJIT formats by itself
      local plex = new { timeout = 0.5, connect_timeout = 2.5 }
      local result, err = plex:get_token_details { timeout = 10.5 }
      assert(result, err)
      assert(result.half == 0.5 and result.small == 1.25e-3)
      local _, err = plex:get_token_details()
      assert(err.kind == "timeout")
      print "well"
    ]], listen("http", { { body = '{"half":0.5,"small":1.25e-3}' },
      { hold = "never" } }), { LOCPATH = "build/host/locale" })
  end)

  it("may have a debug hook", function()
    assert_well([[
      local n = 0
      debug.sethook(function() n = n + 1 end, "lcr", 1)
      local plex = new()
      assert(plex:get_token_details())
      local results = require "plexauth".gather {
        function() debug.sethook() return plex:get_token_details() end,
        function() return plex:get_token_details() end,
      }
      debug.sethook()
      assert(n > 0 and results[1].id == 1 and results[2].id == 1)
      print "well"
    ]], listen("http", { ANSWER }))
  end)

  for _, scheme in ipairs { "http", "https" } do
    it("may have small stacks, over " .. scheme, function()
      local deep = ('{"a":'):rep(63) .. "{}" .. ("}"):rep(63)
      assert_well(([[
        local result = host.thread(%q, %d)
        assert(result == "63", result)
        print "well"
      ]]):format(PRELUDE .. [[
        local plex = new()
        assert(plex:get_token_details())
        local value, depth = assert(plex:get_token_details()), 0
        while value.a do value, depth = value.a, depth + 1 end
        return tostring(depth)
      ]], STACK), listen(scheme, { ANSWER, { body = deep } }))
    end)
  end

  -- Row 40.
  describe("that goes on and on", function()
    local MEASURE = [[
      local function kib()
        collectgarbage() collectgarbage()
        host.trim()
        local file = io.open "/proc/self/statm"
        local _, pages = file:read("*n", "*n")
        file:close()
        return pages * 4
      end
      local function flat(n, what, f)
        for _ = 1, n / 4 do f() end
        local memory, fds = kib(), host.descriptors()
        for _ = 1, n do f() end
        collectgarbage() collectgarbage()
        local grown, more = kib() - memory, host.descriptors() - fds
        print(("%d %s: %+d KiB, %+d descriptors"):format(n, what, grown, more))
      end
    ]]

    local function assert_flat(code)
      if not LINUX then pending "no /proc here" end
      local output, well = child.run(PRELUDE .. MEASURE .. code, {
        SERVER = listen("http", { ANSWER }).url })
      assert.is_true(well, output)
      local grown, more = output:match "([+-]%d+) KiB, ([+-]%d+) desc"
      io.write(output)
      assert.is_true(tonumber(grown) <= GROWTH, output)
      assert.equal(0, tonumber(more))
    end

    it("making calls does not grow", function()
      assert_flat(("local plex = new() flat(%d, 'calls', function() "
        .. "assert(plex:get_token_details()) end)"):format(MANY))
    end)

    it("making clients does not grow", function()
      assert_flat(("local n = 0 flat(%d, 'clients', function() n = n + 1 "
        .. "assert(new():get_token_details()) "
        .. "if n %% 20 == 0 then collectgarbage() end end)"):format(CLIENTS))
    end)
  end)

  -- Rows 20 and 21: the limit is 1 MiB, by four.
  it("has its memory bounded where an answer is not", function()
    if not LINUX then pending "no /proc here" end
    local server = listen("http", { ANSWER,
      { body = " ", repeat_body = "forever", chunked = true },
      { body = "X-A: b\r\n", send = "HTTP/1.1 200 OK\r\n",
        repeat_body = "forever" } })
    assert_well(([[
      local function peak()
        local file = io.open "/proc/self/status"
        local kib = file:read "*a":match "VmHWM:%%s*(%%d+)"
        file:close()
        return tonumber(kib)
      end
      local plex = new()
      assert(plex:get_token_details())
      local before = peak()
      for _ = 1, 2 do
        local _, err = plex:get_token_details()
        assert(err.kind == "too_large", err)
      end
      local more = peak() - before
      assert(more < %d, more .. " KiB")
      print "well"
    ]]):format(4 * GROWTH), server)
  end)

  -- Row 31: what a call asks of its user may itself make calls.
  describe("whose own functions", function()
    local function client(rows, options)
      local server = listen("http", rows)
      options.server_url, options.account_url = server.url, server.url
      options.retries, options.client_id = 0, "client-1"
      options.access_token = options.access_token or "token-1"
      return plexauth.new(options), server
    end

    it("raise, loses nothing: a logger", function()
      local plex = client({ ANSWER }, { logger = function() error "mine" end })
      assert.same({ id = 1 }, (plex:get_token_details()))
    end)

    it("make calls on the same client: a logger", function()
      local plex, inner
      plex = client({ ANSWER, { body = '{"id":2}' } }, { logger = function()
        inner = inner or {}
        if not inner.id then
          inner.id = 0
          inner = plex:get_token_details()
        end
      end })
      assert.same({ id = 1 }, (plex:get_token_details()))
      assert.same({ id = 2 }, inner)
    end)

    it("make calls on the same client: a token function", function()
      local plex
      plex = client({ ANSWER, { body = '{"id":2}' } }, {
        access_token = function()
          assert(plex:get_token_details { access_token = "other" })
          return "mine"
        end })
      assert.same({ id = 2 }, (plex:get_token_details()))
    end)

    it("make calls on the same client: a wait function", function()
      local plex, inner, began
      plex = client({ { body = '{"id":1}' } }, { wait = function()
        if not began then
          began = true
          inner = plex:get_token_details()
        end
        return false
      end })
      assert.same({ id = 1 }, (plex:get_token_details()))
      assert.same({ id = 1 }, inner)
    end)

    it("close the client amid a call: a logger, a wait function", function()
      local plex
      plex = client({ ANSWER }, { logger = function() plex:close() end })
      assert.same({ id = 1 }, (plex:get_token_details()))
      plex = client({ { hold = "never" } }, { wait = function()
        plex:close()
        return true
      end })
      local _, err = plex:get_token_details()
      assert.equal("cancelled", err.kind)
    end)

    it("yield, gets the logger's yield contained or passed on", function()
      local plex = client({ ANSWER }, { logger = function()
        coroutine.yield "mine"
      end })
      local co = coroutine.wrap(function() return plex:get_token_details() end)
      local first = co()
      if first == "mine" then first = co() end
      assert.same({ id = 1 }, first)
    end)
  end)

  -- Row 39.
  it("'s home is neither read nor written", function()
    local home = child.shell "mktemp -d":match "[^\n]+"
    local file = assert(io.open(home .. "/.netrc", "w"))
    file:write("machine localhost login ann password NETRC\n")
    file:write("machine 127.0.0.1 login ann password NETRC\n")
    file:close()
    local before = child.shell("ls -lAR " .. home)
    local other = listen("http", { ANSWER })
    local server = listen("https", { { body = '{"id":1}', headers = {
      { "Set-Cookie", "crumb=1; Path=/" },
      { "Strict-Transport-Security", "max-age=31536000" },
      { "Alt-Svc", ('h2="localhost:%d"; ma=86400'):format(other.port) } } } })
    assert_well([[
      local plex = new()
      assert(plex:get_token_details())
      assert(plex:get_token_details())
      assert(plex:get_token_details { server_url = os.getenv "OTHER" })
      print "well"
    ]], server, { HOME = home,
      OTHER = other.url:gsub("127.0.0.1", "localhost") })
    assert.equal(before, child.shell("ls -lAR " .. home))
    child.shell("rm -rf " .. home)
    local requests = server:log().requests
    requests[3] = other:log().requests[1]
    for _, request in ipairs(requests) do
      assert.is_nil(request.headers.cookie)
      assert.is_nil(request.headers.authorization)
    end
    assert.same({ 3, 1 }, { #requests, #other:log().requests })
  end)
end)
