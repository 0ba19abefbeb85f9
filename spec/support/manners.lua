---The manners in which a program may make its calls: a list of
-- { name =, run =, wait =, missing =, blocks = }.
--
-- run(f, beside) calls f in that manner and passes on what it returns or
-- raises; `beside`, if given, is called once f waits (where f blocks, as
-- `blocks` says, it never is). `wait` belongs into the client's options.
-- `missing` names the library that run needs and that is not there.
--
-- Nothing runs for ever: after a minute, times PLEXAUTH_SLOW, run raises.

local core = require "plexauth.core"
local left = require "spec.support.left"
local lua = require "spec.support.lua"
local plexauth = require "plexauth"

local manners = {}

---How many times slower than usual things may be here.
manners.slow = tonumber(os.getenv "PLEXAUTH_SLOW") or 1

local LONGEST = 60 * manners.slow

-- Where we block nothing but a signal helps. This process sends the one that
-- Ctrl-C would: it ends the call, then raises. A second would end everything,
-- so after the first no more calls are begun.
local WATCHDOG = [[exec python3 -I -c '
import os, select, signal
seconds = None
while True:
    if not select.select([0], [], [], seconds)[0]:
        os.write(2, b"a call did not end in time\n")
        os.kill(os.getppid(), signal.SIGINT)
        seconds = None
        continue
    orders = os.read(0, 4096).split()
    if not orders:
        break
    seconds = float(orders[-1]) or None
']]

local watchdog, begun, late

local function order(seconds)
  watchdog = watchdog or assert(io.popen(WATCHDOG, "w"))
  watchdog:write(seconds, "\n")
  watchdog:flush()
end

local function unwatch()
  late = late or begun and core.now() - begun >= LONGEST
  begun = nil
  order(0)
end

local function watch()
  unwatch()                     -- what was raised may have gone past us
  if late then error("no more calls, as one did not end in time", 0) end
  begun = core.now()
  order(LONGEST + 5)
end

local unpack = table.unpack or unpack

local function pack(...)
  return { n = select("#", ...), ... }
end

-- A function that calls f, and the place where what came of it will be.
local function kept(f)
  local place = {}
  return function() place.results = pack(lua.pcall(f)) end, place
end

local function settle(results)
  unwatch()
  if not results then error("it did not end in time", 0) end
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
end

local function directly(f)
  watch()
  return settle(pack(pcall(f)))
end

local function gather(f, beside, wait)
  local run, place = kept(f)
  plexauth.gather({ run, beside }, { wait = wait })
  return settle(place.results)
end

local function in_a_task(f, beside)
  watch()
  return gather(f, beside)
end

local function in_a_stepped_task(f, beside)
  local run, place = kept(f)
  local task, ends = plexauth.task(run), core.now() + LONGEST
  watch()
  local done = task:step()
  if beside then beside() end
  while not done and core.now() < ends do done = task:step(0.005) end
  task:cancel()
  return settle(place.results)
end

-- The loop ends by itself only where the wait function left nothing in it.
-- What is still closing when the Lua state ends makes luv 1.44 crash, so the
-- loop has to see the alarm's end as well.
local function under_luv(f, beside)
  local uv = require "luv"
  local run, place = kept(f)
  local alarm = uv.new_timer()
  uv.update_time()              -- the loop may have stood for minutes
  alarm:start(math.ceil(LONGEST * 1000), 0, function()
    place.results = nil
    uv.walk(function(handle)
      if not handle:is_closing() then handle:close() end
    end)
  end)
  alarm:unref()
  watch()
  coroutine.wrap(run)()
  if beside then coroutine.wrap(beside)() end
  uv.run()
  if not alarm:is_closing() then alarm:close() end
  uv.run()
  return settle(place.results)
end

local function under_cqueues(f, beside)
  local loop = require "cqueues".new()
  local run, place = kept(f)
  watch()
  loop:wrap(run)
  assert(loop:step(0))
  if beside then loop:wrap(beside) end
  assert(loop:loop(LONGEST))
  return settle(place.results)
end

local function through_a_wait(f, beside)
  return under_luv(function()
    return gather(f, beside, require "plexauth.wait.luv")
  end)
end

local function add(name, run, library, waits)
  local found = not library or pcall(require, library)
  manners[#manners + 1] = {
    name = name, run = run, missing = not found and library or nil,
    wait = found and waits and require("plexauth.wait." .. library) or nil,
    blocks = run == directly,
  }
end

add("blocking", directly)
add("in a task", in_a_task)
add("in a stepped task", in_a_stepped_task)
add("under luv", under_luv, "luv", true)
add("under cqueues", under_cqueues, "cqueues", true)
add("through a wait in gather", through_a_wait, "luv")

---A client that makes its calls in this manner: to `url`, each only once,
-- unless `options` say otherwise.
function manners.client(manner, url, options)
  local all = {
    wait = manner.wait, server_url = url, account_url = url, retries = 0,
    access_token = "token-1", client_id = "client-1",
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return left.add(plexauth.new(all))
end

---What f returns, and before it how many seconds that took.
function manners.timed(f, ...)
  local began = core.now()
  local results = pack(f(...))
  return core.now() - began, unpack(results, 1, results.n)
end

return manners
