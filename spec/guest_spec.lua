-- Many calls as a guest in somebody's process: beside a thousand descriptors,
-- other Lua states and threads; idle without a busy loop; and no more work
-- over TLS than has to be.

local certs = require "spec.support.certs"
local child = require "spec.support.child"
local crowd = require "spec.support.crowd"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"

local LONGEST = 60 * manners.slow
local BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

local function calls(plex, n)
  local fs = {}
  for i = 1, n do
    fs[i] = function() return assert(plex:get_transient_token()) end
  end
  return fs
end

-- Which keep the store of certificates that they have parsed.
local function keeps_store()
  local version = plexauth.version()
  local major, minor = version.libcurl:match "^(%d+)%.(%d+)"
  return version.tls:find "^OpenSSL"
    and (tonumber(major) > 7 or tonumber(minor) >= 87)
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

describe("as a guest", function()
  local host, made

  setup(function()
    host = faults.start()
    made = certs.make()
  end)
  teardown(function()
    host:stop()
    certs.clean()
  end)

  it("knows descriptors beyond 1023", function()
    if not select(2, child.shell "ulimit -n 4096") then
      pending("no program may have so many here")
    end
    local server = host:listen { barrier = 50, rows = { { body = "{}" } } }
    local output = child.shell(("ulimit -n 4096 && SERVER=%s %s -e %s")
      :format(server.url, lua.program(), [['
        local files = {}
        for i = 1, 1100 do files[i] = assert(io.open("/dev/null")) end
        local plexauth = require "plexauth"
        local plex = plexauth.new { server_url = os.getenv "SERVER" }
        local fs = {}
        for i = 1, 50 do
          fs[i] = function() return plex:get_transient_token() end
        end
        print(#plexauth.gather(fs))']]))
    assert.equal("50\n", output)
  end)

  local threads = lua.it(it, not pcall(require, "luv") and "luv")
  threads("calls from states and threads at the same time", function()
    local server = host:listen { barrier = 60, rows = { { body = "{}" } } }
    local output, fine = child.run([[
      local uv = require "luv"
      local function work(url, path, cpath)
        package.path, package.cpath = path, cpath
        local plexauth = require "plexauth"
        local plex = plexauth.new { server_url = url, timeout = 60 }
        local fs = {}
        for i = 1, 20 do
          fs[i] = function() return assert(plex:get_transient_token()) end
        end
        print(#plexauth.gather(fs))
      end
      local args = { os.getenv "SERVER", package.path, package.cpath }
      local threads = {}
      for i = 1, 2 do
        threads[i] = uv.new_thread(work, (table.unpack or unpack)(args))
      end
      work((table.unpack or unpack)(args))
      for i = 1, 2 do threads[i]:join() end
    ]], { SERVER = server.url })
    assert.is_true(fine, output)
    assert.equal("20\n20\n20\n", output)
  end)

  for _, way in ipairs(crowd) do
    local it = lua.it(manners.slow > 1 and pending or it, way.missing)

    -- CPU time and no clock: what the machine does besides is not counted.
    it("is idle while 100 calls wait " .. way.name, function()
      local server = host:listen {
        barrier = 100, rows = { { body = "{}", delay = 2 } },
      }
      local plex = manners.client(way, server.url, { timeout = LONGEST })
      local function cpu()
        local before = os.clock()
        assert.equal(100, #way.run(calls(plex, 100)))
        return os.clock() - before
      end
      local waited = cpu()
      local plain = host:listen { barrier = 100, rows = { { body = "{}" } } }
      plex = manners.client(way, plain.url, { timeout = LONGEST })
      -- the constant is for the two measurements' own noise
      assert.is_true(waited - cpu() < 0.02 * 2 + 0.05, waited)
    end)
  end

  it("reads a store of certificates once a client", function()
    local system = read(BUNDLE)
    if not system then pending("no bundle of certificates here") end
    if manners.slow > 1 then pending("not under a tool that slows it down") end
    if not keeps_store() then pending("not with this libcurl") end
    local big = made.dir .. "/big.pem"
    local file = assert(io.open(big, "wb"))
    file:write(system, "\n", read(made.ca))
    file:close()

    local function cpu(n, ca)
      local server = host:listen {
        tls = made.good, barrier = n, rows = { { body = "{}" } },
      }
      local plex = plexauth.new {
        server_url = server.url, ca_file = ca, timeout = LONGEST,
        connect_timeout = LONGEST,
      }
      local before = os.clock()
      plexauth.gather(calls(plex, n), { limit = n })
      local spent = os.clock() - before
      plex:close()
      server:close()
      return spent
    end

    cpu(1, made.ca)
    local once, small, all = cpu(1, big), cpu(50, made.ca), cpu(50, big)
    assert.is_true(all < 3 * (once + small), ("%f %f %f"):format(once, small,
      all))
  end)

  -- The decoder makes a table in the size of the last one of its kind: those
  -- within each other must not all be as large as one that was.
  local function within(open, close) return open:rep(60) .. close:rep(60) end
  local members = {}
  for i = 1, 40 do members[i] = ('"%d":1'):format(i) end
  local texts = {
    ["one large object"] = ('{"a":{%s"k":2},"b":%s}'):format(
      ('"k":1,'):rep(20000), within('{"a":', "}"):gsub(":}", ":1}")),
    ["arrays after arrays"] = "[" .. ("[" .. ("0,"):rep(95) .. "0],"
      .. within("[", "]") .. ","):rep(500) .. "0]",
    ["objects after objects"] = "[" .. ('{"a":{' .. table.concat(members, ",")
      .. "}}," .. within('{"a":', "}"):gsub(":}", ":1}") .. ","):rep(500)
      .. "0]",
  }

  for name, text in pairs(texts) do
    it("takes no more memory than its text explains for " .. name, function()
      local plex = plexauth.new { access_token = "t", account_url =
        host:listen({ rows = { { body = text } } }).url }
      collectgarbage()
      local before = collectgarbage "count"
      local account = assert(plex:get_token_details())
      collectgarbage()
      assert.is_true(collectgarbage "count" - before < 50 * #text / 1024)
      assert.is_table(account)
      plex:close()
    end)
  end

  -- A finaliser runs wherever Lua asks for memory, in the midst of a call: the
  -- decoder then finds that the names it had at hand are another answer's, and
  -- the client's spare transfer is in use. The names take each other's places,
  -- as what places one is its length, first, middle and last byte. Each pair is
  -- new, so that Lua does ask for memory; and the second of a pair comes again,
  -- with the names that were left at hand. In a process of its own, where
  -- little memory is in use and so is collected often.
  it("decodes in a finaliser while it decodes", function()
    local PAIRS, FIELDS = 400, 40
    local urls = {}
    for k = 1, 2 do
      local rows = {}
      for pair = 1, PAIRS do
        local fields = {}
        for i = 1, FIELDS do
          local name = ("%s%03d%d-name"):format(string.char(48 + i), pair, k)
          fields[i] = ('"%s":{"value":"%s"}'):format(name, name)
        end
        local row = { body = "{" .. table.concat(fields, ",") .. "}" }
        for _ = 1, k do rows[#rows + 1] = row end
      end
      urls[k] = host:listen({ rows = rows }).url
    end
    local output = child.run(([[
      local lua = require "spec.support.lua"
      local plexauth = require "plexauth"
      local plex, first, second = plexauth.new(), %q, %q
      local right, nested, to_come = true, 0, false
      local function ask(url)
        local count = 0
        local answer = plex:get_transient_token { server_url = url }
        for name, field in pairs(answer) do
          count = count + 1
          right = right and field.value == name
        end
        right = right and count == %d
      end
      local function ask_second()
        if not to_come then return end
        to_come, nested = false, nested + 1
        ask(second)
      end
      for _ = 1, %d do
        to_come = true
        for _ = 1, 10 do lua.finaliser(ask_second) end
        ask(first)
        if to_come then
          to_come = false
          ask(second)
        end
        ask(second)
      end
      io.write(tostring(right), " ", nested > 0 and "nested" or nested)
    ]]):format(urls[1], urls[2], FIELDS, PAIRS))
    assert.equal("true nested", output)
  end)

  -- After each number of instructions, and so between any two.
  it("answers each where a debug hook makes a call in the midst of one",
    function()
      local server = host:listen { rows = { { echo = true } } }
      local plex = plexauth.new { server_url = server.url, timeout = LONGEST }
      local asked, wrong = 0, {}
      local function ask()
        asked = asked + 1
        local source = "call-" .. asked
        local result, err = plex:get_source_connection_information {
          access_token = "t", source = source }
        local target = result and result.target or tostring(err)
        if target:sub(-#source) ~= source then wrong[#wrong + 1] = target end
      end
      for instructions = 1, manners.slow > 1 and 100 or 1500 do
        local task = plexauth.task(ask)
        debug.sethook(function()
          debug.sethook()
          task:step()
        end, "", instructions)
        ask()
        debug.sethook()
        while not task:step(LONGEST) do end
      end
      assert.same({}, wrong)
      plex:close()
    end)

  it("makes one handshake, and resumes when it has to connect again",
    function()
      local rows = {}
      for i = 1, 9 do rows[i] = { body = "{}" } end
      rows[10] = { body = "{}", after = "fin" }
      rows[11] = { body = "{}" }
      local server = host:listen { tls = made.good, rows = rows }
      local plex = plexauth.new {
        server_url = server.url, ca_file = made.ca, timeout = LONGEST,
      }
      for _ = 1, 10 do assert(plex:get_transient_token()) end
      server:wait("closed", 1, LONGEST)
      assert.equal(1, server:log().handshakes)
      assert(plex:get_transient_token())
      local log = server:log()
      assert.same({ 2, 1 }, { log.handshakes, log.resumed })
      plex:close()
    end)
end)
