-- many.lua HTTP HTTPS CA_FILE BUNDLE DOCUMENT full|quick: figures of many
-- calls at once and of programs with a loop, one a line: what, a tab, value.
-- HTTP and HTTPS are nginx; slow and silent servers are the specs' own.

local core = require "plexauth.core"
local plexauth = require "plexauth"
local faults = require "spec.support.faults"
local now = require "socket".gettime
local common = require "bench.common"

local http, https, ca_file, bundle, document, size = ...
local quick = size == "quick"
local steps, clients, timeouts = 10000, 15, 20
if quick then steps, clients, timeouts = 300, 3, 2 end

local frame = 0.001 -- what a program does between two steps, in seconds

local host = faults.start()

local function say(what, pattern, ...)
  print(what .. "\t" .. pattern:format(...))
end

local function try(what, f, ...)
  local ok, raised = pcall(f, ...)
  if not ok then
    say(what, "failed: %s", tostring(raised):match "[^\n]*":sub(1, 120))
  end
end

-- The middle one and the largest, of times in milliseconds.
local function middle_and_most(list)
  table.sort(list)
  return list[math.ceil(#list / 2)], list[#list]
end

local function repeated(n, f)
  local fs = {}
  for i = 1, n do fs[i] = f end
  return fs
end

-- How to run n functions at the same time.
local run = {
  gather = function(n, f)
    plexauth.gather(repeated(n, f), { limit = n })
  end,
  luv = function(n, f)
    for _ = 1, n do coroutine.wrap(f)() end
    require "luv".run()
  end,
  cqueues = function(n, f)
    local loop = require "cqueues".new()
    for _ = 1, n do loop:wrap(f) end
    assert(loop:loop())
  end,
}

local function wait_of(manner)
  return manner ~= "gather" and require("plexauth.wait." .. manner) or nil
end

-- n times at once, `each` calls to a server that takes `delay` seconds.
local function run_slow(manner, wait, n, each, delay)
  local file <close> = assert(io.open(document, "rb"))
  local server = host:listen { rows = { {
    delay = delay, body = file:read "a",
    headers = { { "Content-Type", "application/json" } },
  } } }
  local plex = plexauth.new(common.options(server.url, nil, { wait = wait }))
  local start = now()
  run[manner](n, function()
    for _ = 1, each do assert(plex:get_token_details()) end
  end)
  local seconds = now() - start
  plex:close()
  server:close()
  return seconds
end

local function parallel(what, manner)
  say(what, "%.3f s", run_slow(manner, wait_of(manner), 100, 1, 0.3))
end

local function wakes(what, n)
  local each, count, sleep = 3, 0, wait_of "luv"
  run_slow("luv", function(...)
    count = count + 1
    return sleep(...)
  end, n, each, 0.2)
  say(what, "%.2f", count / (n * each))
end

-- Milliseconds, those of CPU time, and whether it is done.
local function timed_step(task)
  local start, used = now(), os.clock()
  local done = task:step(0)
  return (now() - start) * 1e3, (os.clock() - used) * 1e3, done
end

local function longest_step(what, url, ca)
  local plex <close> = plexauth.new(common.options(url, ca))
  local task = plexauth.task(run.gather, 50, function()
    while true do assert(plex:get_token_details()) end
  end)
  local seen, cpu = {}, {}
  for i = 1, steps do
    seen[i], cpu[i] = timed_step(task)
    core.sleep(frame)
  end
  task:cancel()
  local median, most = middle_and_most(seen)
  say(what, "median %.2f, longest %.2f ms; of CPU time %.2f ms", median, most,
    (select(2, middle_and_most(cpu))))
end

-- The longest step of a client's first call.
local function longest_of_first(ca)
  local plex <close> = plexauth.new(common.options(https, ca))
  local task = plexauth.task(function() assert(plex:get_token_details()) end)
  local most = 0
  repeat
    local ms, _, done = timed_step(task)
    most = math.max(most, ms)
    core.sleep(frame)
  until done
  return most
end

local function hold_up(what, ca)
  local seen = {}
  for i = 1, clients do seen[i] = longest_of_first(ca) end
  say(what, "median %.2f, longest %.2f ms", middle_and_most(seen))
end

local function lateness(what, go)
  local server = host:listen { rows = { { hold = "for ever" } } }
  local plex <close> = plexauth.new(common.options(server.url, nil, {
    timeout = 0.5,
  }))
  local late = {}
  go(function()
    local start = now()
    local _, err = plex:get_token_details()
    assert(err and err.kind == "timeout", err)
    late[#late + 1] = (now() - start - 0.5) * 1e3
  end)
  say(what, "median %.2f, most %.2f ms", middle_and_most(late))
  server:close()
end

local function blocking(f)
  for _ = 1, timeouts do f() end
end

local function at_once(f)
  run.gather(20, f)
end

-- luv ends the process where something is raised: what needs it comes last.
for _, row in ipairs {
  { "100 calls of 300 ms: gather", parallel, "gather" },
  { "100 calls of 300 ms: cqueues", parallel, "cqueues" },
  { "a step, 50 calls in flight: http", longest_step, http },
  { "a step, 50 calls in flight: https", longest_step, https, ca_file },
  { "longest step of a first call: small ca_file", hold_up, ca_file },
  { "longest step of a first call: system bundle", hold_up, bundle },
  { "a timeout of 500 ms is late by: blocking", lateness, blocking },
  { "a timeout of 500 ms is late by: 20 in gather", lateness, at_once },
  { "100 calls of 300 ms: luv", parallel, "luv" },
  { "wakes a call under luv, 100 in flight", wakes, 100 },
  { "wakes a call under luv, 1,000 in flight", wakes, 1000 },
} do
  try(row[1], row[2], row[1], row[3], row[4])
end
host:stop()
