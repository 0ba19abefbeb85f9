-- Ctrl-C while tasks wait. In the main program the interpreter raises; a
-- coroutine it cannot reach, so there the calls end with "interrupted"; but for
-- LuaJIT, whose debug hook is one for all.

local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"

local GENEROUS = 10 * manners.slow     -- seconds, of the child's 40

local PRELUDE = [[
io.stdout:setvbuf "line"
local plexauth = require "plexauth"
local plex = plexauth.new { server_url = "%s", timeout = 40, retries = 1,
  logger = function() print "attempted" end }
local function f() return plex:get_transient_token() end
local function g(...) return plexauth.gather { ... } end
local function show(_, errors) print(errors[1].kind, errors[2].kind) end
local function apart(run) coroutine.wrap(run)() end
]]

local HELD = { hold = "never" }
local BUSY = { status = 503, headers = { { "Retry-After", "30" } } }

-- What the child prints after the signal.
local ENDED = lua.one_hook and "interrupted!" or "interrupted\tinterrupted\n"

local cases = {
  { "ends gather", HELD, "g(f, f) print 'went on'", "interrupted!" },
  { "ends a step", HELD, "plexauth.task(g, f, f):step(40) print 'went on'",
    "interrupted!" },
  { "ends calls in a coroutine's gather", HELD,
    "apart(function() show(g(f, f)) end)", ENDED },
  { "ends calls in a gather inside that", HELD,
    "apart(function() g(function() show(g(f, f)) end) end)",
    ENDED },
  { "ends calls in a coroutine's step", HELD, "apart(function()"
    .. "plexauth.task(function() show(g(f, f)) end):step(40) end)",
    ENDED },
  { "ends pauses in a coroutine's gather", BUSY,
    "apart(function() show(g(f, f)) end)", ENDED },
  { "ends pauses in a gather inside that", BUSY,
    "apart(function() g(function() show(g(f, f)) end) end)",
    ENDED },
}

local function start(code)
  local pipe = assert(io.popen(("echo $$; exec '%s' -e '%s' 2>&1"):format(
    lua.program(), code:gsub("'", [['\'']]))))
  return pipe, pipe:read "*l"
end

-- Between two polls nobody looks for the signal in a coroutine.
local function await_sleep(pid)
  local path = "/proc/" .. pid .. "/stat"
  for line in function() return io.lines(path)() end do
    if line:find "%) S " then return end
  end
end

local function interrupt(pid)
  if io.open "/proc/self/stat" then await_sleep(pid) end
  os.execute("kill -INT " .. pid)
end

describe("Ctrl-C", function()
  local host

  setup(function() host = faults.start() end)
  teardown(function() host:stop() end)

  for _, case in ipairs(cases) do
    local name, row, code, expected = case[1], case[2], case[3], case[4]
    it(name, function()
      if lua.is_51 and expected == ENDED then
        return pending "5.1 does not tell its main thread"
      end
      local server = host:listen { rows = { row } }
      local pipe, pid = start(PRELUDE:format(server.url) .. code)
      server:wait("requests", 2)
      if row == BUSY then assert(pipe:read "*l", pipe:read "*l") end
      interrupt(pid)
      local seconds, output = manners.timed(pipe.read, pipe, "*a")
      pipe:close()
      assert.truthy(output:find(expected, 1, true), output)
      assert.is_nil(output:find("went on", 1, true))
      assert.is_true(seconds < GENEROUS)
    end)
  end
end)
