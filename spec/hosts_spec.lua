-- The examples for real hosts, in those hosts: while a call waits, for as long
-- as its server likes, the host goes on with whatever else it has to do.
-- spec/support/in_host.lua is what runs in there.

local child = require "spec.support.child"
local faults = require "spec.support.faults"

local function has(command)
  local _, there = child.shell(command)
  return there
end

-- Debian builds mpv with Lua 5.2, many others with LuaJIT.
local function lua_of_mpv()
  return has "mpv -v | grep -q luajit" and "luajit" or "lua5.2"
end

local hosts = {
  { name = "Neovim", program = "nvim", example = "neovim", lua = "luajit",
    command = "nvim --headless -u NONE -S spec/support/in_host.lua" },
  { name = "mpv", program = "mpv", example = "mpv", lua = lua_of_mpv(),
    command = "mpv --no-config --idle --vo=null --ao=null --no-terminal "
      .. "--script=spec/support/in_host.lua" },
}

local function reason_not_to_run(host)
  if not has("command -v " .. host.program) then
    return host.program .. " is not installed"
  end
  local headers = ("/usr/include/%s*/lua.h /usr/local/include/%s*/lua.h")
    :format(host.lua, host.lua)
  if not has("ls " .. headers .. " 2>/dev/null | grep -q .") then
    return "the headers of " .. host.lua .. " are not installed"
  end
end

local function make(lua)
  local output, well = child.shell(
    ("make -s LUA=%s BUILD=build/%s all"):format(lua, lua))
  if not well then error(output, 0) end
end

local here = child.shell "pwd":match "[^\n]+"

-- mpv looks into absolute directories only. A sanitizer's library that is
-- loaded before all others is not for the host.
local function start(host, environment)
  environment.LUA_PATH = ("%s/lua/?.lua;%s/lua/?/init.lua;;"):format(here, here)
  environment.LUA_CPATH = ("%s/build/%s/?.so;;"):format(here, host.lua)
  return child.open("env -u LD_PRELOAD -u LUA_PATH_5_2 -u LUA_CPATH_5_2 "
    .. host.command, environment)
end

-- The next line, which may say what Lua library is not there.
local function read_line(output)
  local line = output:read "*l"
  local missing = line and line:match "^missing: (.*)"
  if missing then return pending(missing .. " is not installed") end
  return line
end

for _, host in ipairs(hosts) do
  describe("in " .. host.name, function()
    local reason = reason_not_to_run(host)
    local server

    setup(function()
      if reason then return end
      make(host.lua)
      server = faults.start()
    end)

    teardown(function() if server then server:stop() end end)

    it("a timer goes on firing while a call waits", function()
      if reason then return pending(reason) end
      local plex = server:listen { rows = {
        { body = '{"id":1,"username":"birch"}', hold = "go" } } }
      local output = start(host, {
        PLEX_TOKEN = "token-1", PLEX_ACCOUNT_URL = plex.url })
      local line = read_line(output)
      assert.match("^%d+ firings in", line)
      assert.equal(0, plex:log().closed, "the call had ended by then")
      plex:wait("requests", 1)
      plex:release "go"
      assert.equal("birch", output:read "*l")
      assert.is_nil(output:read "*l")
      io.write(("%s: %s, of 100 a second\n"):format(host.name, line))
    end)

    it("the example runs as it is", function()
      local why = reason
      if not why and not has("command -v " .. host.lua) then
        why = host.lua .. ", for the stand-in, is not installed"
      end
      if why then return pending(why) end
      local output = start(host, {})
      assert.equal("mock-user", read_line(output))
    end)

    it("the example is under 40 lines", function()
      local lines = 0
      for _ in io.lines("examples/hosts/" .. host.example .. ".lua") do
        lines = lines + 1
      end
      assert.is_true(lines < 40)
    end)
  end)
end

it("a phase of OpenResty that runs no coroutine lets plexauth load", function()
  local output = child.run [[
    for name in pairs(coroutine) do
      coroutine[name] = function() error "API disabled" end
    end
    require "plexauth"
    print "loaded"
  ]]
  assert.equal("loaded\n", output)
end)
