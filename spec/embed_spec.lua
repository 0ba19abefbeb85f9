-- The module inside a program in C: libplexauth.a, and a host whose frames go
-- on whatever its plugins do. Nothing here finds a Lua file of the tree's.

local certs = require "spec.support.certs"
local child = require "spec.support.child"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"

local FRAMES = manners.slow > 1 and 2000 or 10000

local PLAIN, SANE = lua.build, lua.build .. "/embed-asan"
local SANITIZED = [[CFLAGS="-O1 -g -fno-omit-frame-pointer \
  -fsanitize=address,undefined -fno-sanitize-recover=undefined"]]

local ANSWER = { body = '{"username":"birch"}' }

-- The ways of the soak's plugins. What is begun with `ask` has to come to its
-- end. The first rounds of all five are in flight together, or never end.
local PRELUDE = [[
local plexauth = require "plexauth"
local function new()
  return plexauth.new { account_url = os.getenv "SERVER", retries = 0,
    access_token = "token-1", ca_file = os.getenv "CA" }
end
local plex = new()
local function ask()
  count(WAY .. " begun")
  local account, err = plex:get_token_details()
  if not account then error(tostring(err), 0) end
  count(WAY .. " ended")
end
local function with(other)
  local calls = { other }
  while #calls < 10 do calls[#calls + 1] = ask end
  plexauth.gather(calls)
end
with(ask)
]]

local WAYS = {
  behaves = "while true do with(ask) end",
  raises = [[
    local purpose = setmetatable({}, {
      __tostring = function() return "on purpose" end })
    plexauth.gather {
      function() plex:get_token_details() error(purpose) end,
      function() plex:get_token_details { server_url = os.getenv "SLOW" } end,
    }]],
  hangs = [[
    while true do
      with(function()
        local _, err = plex:get_token_details {
          server_url = os.getenv "SLOW", timeout = 0.2 }
        count("hangs: " .. err.kind)
      end)
    end]],
  drops = [[
    while true do
      local tasks, other = {}, new()
      for i = 1, 10 do
        tasks[i] = plexauth.task(function()
          other:get_token_details { server_url = os.getenv "SLOW" }
        end)
      end
      for _ = 1, 3 do
        for _, task in ipairs(tasks) do task:step() end
        ask()
      end
      tasks, other = nil, nil
      collectgarbage()
      collectgarbage()
      count "drops: everything"
    end]],
}

-- Neither a tree nor a rock, and no sanitizer but the program's own.
local function alone(environment)
  local version = _VERSION:gsub("%D+", "_")
  local all = { LUA_PATH = "/nowhere/?", LUA_CPATH = "/nowhere/?",
    LD_PRELOAD = "", ASAN_OPTIONS = "" }
  for name, value in pairs(environment or {}) do all[name] = value end
  all["LUA_PATH" .. version] = all.LUA_PATH
  all["LUA_CPATH" .. version] = all.LUA_CPATH
  return all
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

local function make(build, flags)
  local output, well = child.shell(([[env -u LD_PRELOAD make -s \
    -f spec/support/host.mk %s LUA=%s BUILD=%s %s/embed/example \
    %s/embed/embed %s/embed/embed_open]]):format(flags or "", lua.name, build,
    build, build, build))
  if not well then error(output, 0) end
end

-- Does the compiler have AddressSanitizer?
local function sanitizes()
  return select(2, child.shell("echo 'int main (void) { return 0; }' | "
    .. "cc -fsanitize=address -x c - -o /dev/null"))
end

describe("a program in C", function()
  local host, made, scripts

  setup(function()
    make(PLAIN)
    host, made = faults.start(), certs.make()
    scripts = child.shell "mktemp -d":match "[^\n]+"
  end)

  teardown(function()
    host:stop()
    certs.clean()
    child.shell("rm -rf " .. scripts)
  end)

  local function listen(rows, more)
    local options = { rows = rows }
    for name, value in pairs(more or {}) do options[name] = value end
    return host:listen(options)
  end

  local function script(name, source)
    return write(("%s/%s.lua"):format(scripts, name), source)
  end

  describe("that opens the archive's one function", function()
    local function opened(code, environment)
      return child.program({ PLAIN .. "/embed/embed_open", code },
        alone(environment))
    end

    local function assert_prints(expected, code, environment)
      assert.equal(expected .. "\n", (opened(code, environment)))
    end

    it("can collide with no other name of it", function()
      local names = child.shell("nm -g " .. PLAIN .. "/libplexauth.a")
      local defined = {}
      for kind, name in names:gmatch " (%u) ([%w_]+)" do
        if kind ~= "U" then defined[#defined + 1] = name end
      end
      assert.same({ "luaopen_plexauth" }, defined)
    end)

    it("needs no more than that header", function()
      local header = io.open(PLAIN .. "/plexauth.h"):read "*a"
      assert.equal(1, select(2, header:gsub("%f[%w]luaopen_plexauth ", "")))
    end)

    it("has every module but the stand-in, and no file", function()
      local names = {}
      for file in io.popen "cd lua && find * -name '*.lua'":lines() do
        local name = file:gsub("%.lua$", ""):gsub("/", "."):gsub("%.init$", "")
        if not name:find "mock" and not name:find "wait" then
          names[#names + 1] = name
        end
      end
      assert.is_true(#names > 9)
      assert_prints("all", ([[
        for name in ("%s"):gmatch "[%%w.]+" do require(name) end
        assert(require "plexauth" == ...)
        assert(require "plexauth.core".now)
        local _, why = pcall(require, "plexauth.mock")
        print(why:find "^module 'plexauth.mock' not found" and "all" or why)
      ]]):format(table.concat(names, " ")))
    end)

    for _, loop in ipairs { "luv", "cqueues" } do
      local test = lua.it(it, not pcall(require, loop) and loop)
      test("has the wait function for " .. loop, function()
        assert_prints("function",
          ("print(type((require 'plexauth.wait.%s')))"):format(loop),
          { LUA_PATH = ";;", LUA_CPATH = ";;" })
      end)
    end

    it("needs no lua-cjson", function()
      local server = listen { ANSWER }
      assert_prints("birch\tnil", [[
        local plexauth = ...
        local plex = plexauth.new { account_url = os.getenv "SERVER",
          access_token = "token-1" }
        print(plex:get_token_details().username, plexauth.version().cjson)
      ]], { SERVER = server.url })
    end)

    it("sees a mistake raised at the line that made it", function()
      assert_prints("[string \"...\"]:2: plexauth.new: unknown field 'ip4', "
        .. "did you mean 'ip'?", "\nlocal p = ... p.new { ip4 = 1 }")
    end)

    it("reads the module's lines in a traceback", function()
      local output = opened [[
        local plex = (...).new { access_token = function() error "mine" end }
        print(select(2, xpcall(plex.get_token_details, debug.traceback, plex)))
      ]]
      assert.matches("\n%s+plexauth/init%.lua:%d+:", output)
    end)

    it("is told what it lacks where it opened no library", function()
      local output = child.program({ PLAIN .. "/embed/embed_open", "",
        "bare" })
      assert.equal("plexauth needs Lua's package library: luaopen_package\n",
        output)
    end)
  end)

  describe("with frames", function()
    local function example(frames, names, environment)
      local words = { PLAIN .. "/embed/example", tostring(frames) }
      for _, name in ipairs(names) do words[#words + 1] = name end
      return child.program(words, alone(environment))
    end

    it("is built as README says", function()
      if PLAIN ~= "build" then pending "README's line is for Lua 5.4" end
      local readme = io.open "README.md":read "*a"
      local line = readme:match "\nmake embed\n(cc .-)\n%./host"
      line = line:gsub("%-o host ", "-o " .. scripts .. "/host ")
      assert.same({ "", true }, { child.shell(line) })
    end)

    it("is under 80 lines", function()
      local lines = 0
      for _ in io.lines "examples/embed/host.c" do lines = lines + 1 end
      assert.is_true(lines < 80)
    end)

    it("runs the example's plugin", function()
      local server = listen { ANSWER }
      assert.equal("Hello, birch\n", (example(60,
        { "examples/embed/plugin.lua" },
        { PLEX_TOKEN = "token-1", PLEX_ACCOUNT_URL = server.url })))
    end)

    it("outlives every plugin, and a call that would not end", function()
      local server = listen { { hold = "never" } }
      local output, well = example(60, {
        script("broken", "if"),
        script("raises", "error 'on purpose'"),
        script("typed", "error(setmetatable({}, { __tostring = function() "
          .. "return 'an object' end }))"),
        script("hangs", [[
          local plexauth = require "plexauth"
          plexauth.new { account_url = os.getenv "SERVER", timeout = 3600,
            access_token = "token-1" }:get_token_details()]]),
        "examples/embed/plugin.lua",
      }, { SERVER = server.url, PLEX_TOKEN = "token-1",
        PLEX_ACCOUNT_URL = listen { ANSWER }.url })
      assert.is_true(well, output)
      assert.matches("broken%.lua:1: ", output)
      assert.matches("raises%.lua:1: on purpose\n", output)
      assert.matches("an object\n", output)
      assert.matches("Hello, birch\n", output)
      server:wait("closed", 1)
      assert.equal(1, server:log().connections)
    end)
  end)

  describe("that soaks", function()
    -- What it printed: figures by name, those of `amid` in an array.
    local function figures_of(output)
      local figures = { amid = {}, count = {}, purpose = 0 }
      for line in output:gmatch "[^\n]+" do
        local name, first, second = line:match "^(%l+)\t([^\t]+)\t([%d.]+)$"
        local pair = { tonumber(first), tonumber(second) }
        if name == "count" then
          figures.count[first] = pair[2]
        elseif name == "amid" then
          figures.amid[#figures.amid + 1] = pair
        elseif name then
          figures[name] = pair
        elseif line == "on purpose" then
          figures.purpose = figures.purpose + 1
        else
          error(output, 0)
        end
      end
      return figures
    end

    local function soak(build, frames, scheme, sanitizer)
      local tls = scheme == "https" and made.good or nil
      local server = listen({ { body = '{"id":1}', delay = 0.05 } },
        { barrier = 50, tls = tls })
      local slow = listen({ { hold = "never" } }, { tls = tls })
      local words = { build .. "/embed/embed", tostring(frames), "1000" }
      for _, way in ipairs { "behaves", "raises", "hangs", "drops" } do
        words[#words + 1] = script(way,
          ("local WAY = %q\n"):format(way) .. PRELUDE .. WAYS[way])
      end
      words[#words + 1] = words[4]
      local output, well = child.program(words, alone { SERVER = server.url,
        SLOW = slow.url, CA = made.ca, ASAN_OPTIONS = sanitizer or "" }, 5)
      assert.is_true(well, output)
      return figures_of(output)
    end

    local function assert_did_all(figures)
      local count = figures.count
      for way in pairs(WAYS) do
        local ended = count[way .. " ended"]
        local open = count[way .. " begun"] - ended
        assert.is_true(ended >= 10 and open <= 20, way)
      end
      assert.is_true(figures.purpose > 0)
      assert.is_true(count["hangs: timeout"] > 0)
      assert.is_true(count["drops: everything"] > 0)
    end

    -- The most of the n-th figure in a part of the run.
    local function most(figures, n, from, to)
      local value = 0
      for i = from, to do value = math.max(value, figures.amid[i][n]) end
      return value
    end

    it("through each way to misbehave, and stays as it is", function()
      local figures = soak(PLAIN, FRAMES, "http")
      assert_did_all(figures)
      local kib = most(figures, 1, 8, 10) - most(figures, 1, 1, 2)
      local fds = most(figures, 2, 8, 10) - most(figures, 2, 1, 2)
      io.write(("%d frames: %+d KiB, %+d descriptors; longest %.1f ms\n")
        :format(FRAMES, kib, fds, figures.wall[1]))
      assert.is_true(kib < 2048, kib .. " KiB more")
      assert.is_true(fds < 30, fds .. " descriptors more")
      assert.equal(figures.before[2], figures.after[2])
    end)

    -- A tracer or a container may keep the leak checker from its work.
    it("over https, under AddressSanitizer, which finds nothing", function()
      if not sanitizes() then
        return pending "needs a compiler with AddressSanitizer"
      end
      make(SANE, SANITIZED)
      local probe = child.program({ SANE .. "/embed/embed_open", "" },
        alone())
      local leaks = not probe:find("LeakSanitizer", 1, true)
      assert_did_all(soak(SANE, 2000, "https",
        "detect_leaks=" .. (leaks and 1 or 0)))
      if not leaks then pending "leaks cannot be looked for here" end
    end)
  end)
end)
