-- Tasks: functions whose calls run at the same time. A task is a coroutine
-- that says what it waits for and yields; whoever steps it waits for all.
-- Needs no event loop, and can wait through the host's.

local call = require "plexauth.call"
local check = require "plexauth.check"
local core = require "plexauth.core"

local tasks = {}

local default_limit = 64

-- Seconds; what is waited for ends sooner.
local long = 3600

local unpack = table.unpack or unpack

local Task = {}

local meta = { __name = "plexauth.task", __index = Task }

function meta.__tostring(task)
  return ("plexauth.task (%s)"):format(task.done and "done" or "running")
end

-- Fields: `transfers` and `wake` (a time, or nil) say what it waits for,
-- `ready` that it may go on; `children` are those of a gather inside it.
local function new(f, ...)
  local args, n = { ... }, select("#", ...)
  local task = { ready = true, done = false, transfers = {} }
  task.co = coroutine.create(function() return f(unpack(args, 1, n)) end)
  return setmetatable(task, meta)
end

local function close_coroutine(co)
  if coroutine.close and coroutine.status(co) == "suspended" then
    coroutine.close(co)
  end
end

local function cancel(task)
  if task.done then return end
  task.done = true
  for _, child in ipairs(task.children or {}) do cancel(child) end
  for _, transfer in ipairs(task.transfers) do transfer:close() end
  close_coroutine(task.co)
end

-- Where it was raised would be lost with the coroutine.
local function with_origin(co, raised)
  if type(raised) ~= "string" or raised:find("\nstack traceback:", 1, true) then
    return raised
  end
  return debug.traceback(co, raised)
end

local function settle(task, ok, ...)
  if not ok then
    task.done, task.failed = true, true
    task.raised = with_origin(task.co, (...))
  elseif coroutine.status(task.co) == "dead" then
    task.done, task.results = true, { n = select("#", ...), ... }
  elseif (...) ~= call.waiting then
    task.failed, task.raised = true,
      "a plexauth task yielded to somebody else's scheduler"
    cancel(task)
  end
end

local function resume(task)
  local outer = call.task
  call.task, task.ready = task, false
  settle(task, coroutine.resume(task.co))
  call.task = outer
end

local function rouse_sleepers(list)
  local now
  for _, task in ipairs(list) do
    if task.wake then
      now = now or core.now()
      if task.wake <= now then task.ready = true end
    end
  end
end

-- All that a list of tasks waits for: transfers, whose they are, and until
-- when at most.
local function union(list, seconds)
  local transfers, owners, n, now = {}, {}, 0, nil
  for _, task in ipairs(list) do
    for _, transfer in ipairs(task.transfers) do
      n = n + 1
      transfers[n], owners[n] = transfer, task
    end
    if task.ready then
      seconds = 0
    elseif task.wake then
      now = now or core.now()
      seconds = math.max(0, math.min(seconds, task.wake - now))
    end
  end
  return transfers, owners, seconds
end

-- The three ways to wait for transfers. Each returns the indices of those
-- that may go on, or nil where Ctrl-C was pressed.

local function wait_in_core(transfers, seconds)
  return core.poll(transfers, seconds)
end

local function wait_in_task(task)
  return function(transfers, seconds)
    task.transfers, task.wake = transfers, core.now() + seconds
    coroutine.yield(call.waiting)
    task.transfers, task.wake = {}, nil
    return core.poll(transfers, 0)
  end
end

local function wait_through(wait)
  return function(transfers, seconds)
    local watches = {}
    for _, transfer in ipairs(transfers) do
      seconds = math.min(seconds, transfer:timeout())
      for _, watch in ipairs(transfer:watches()) do
        watches[#watches + 1] = watch
      end
    end
    return core.poll(transfers, wait(watches, seconds) and 0 or seconds)
  end
end

local function interrupt(list)
  for _, task in ipairs(list) do
    for _, transfer in ipairs(task.transfers) do transfer:interrupt() end
    task.ready = true
  end
end

-- Wait, for `seconds` at most, until one of the tasks may go on.
local function wait_for(list, seconds, wait)
  local transfers, owners
  transfers, owners, seconds = union(list, seconds)
  local ready = wait(transfers, seconds)
  if not ready then return interrupt(list) end
  for _, i in ipairs(ready) do owners[i].ready = true end
  rouse_sleepers(list)
end

local function run_ready(list)
  for _, task in ipairs(list) do
    if task.ready and not task.done then resume(task) end
    if task.failed then return task end
  end
end

local function any_done(list)
  for _, task in ipairs(list) do
    if task.done then return true end
  end
end

---Go on as far as is possible; wait for `seconds` at most.
---@param seconds number?  0 by default: do not wait
---@return boolean done
function Task:step(seconds)
  seconds = seconds or 0
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds <= 86400) then
    error("step: seconds must be a number from 0 to 86400", 2)
  end
  local list, until_ = { self }, core.now() + seconds
  repeat
    if not self.ready and not self.done then
      wait_for(list, math.max(0, until_ - core.now()), wait_in_core)
    end
    if run_ready(list) then
      self.failed = false
      error(self.raised, 0)
    end
  until self.done or core.now() >= until_
  return self.done
end

---Give up: connections in use are closed at once, results never come.
function Task:cancel()
  if call.task == self then error("a task cannot cancel itself", 2) end
  cancel(self)
end

---Make a task of a function and its arguments.
---@return plexauth.Task
function tasks.task(f, ...)
  if type(f) ~= "function" then
    error("task: takes a function", 2)
  end
  return new(f, ...)
end

local gather_options = { limit = "count", wait = "call" }

local function gather_fault(fs, options)
  if type(fs) ~= "table" then return "gather: takes an array of functions" end
  for i = 1, #fs do
    if type(fs[i]) ~= "function" then
      return "gather: takes an array of functions, and one is none"
    end
  end
  return check.fields(options, gather_options, "gather")
end

local function collect(state, task)
  local first, second = task.results[1], task.results[2]
  state.results[task.index] = first
  if first == nil then state.errors[task.index] = second end
end

-- Drop what is done, and start what the limit allows.
local function refill(state)
  local list = {}
  for _, task in ipairs(state.list) do
    if task.done then collect(state, task) else list[#list + 1] = task end
  end
  while #list < state.limit and state.next <= #state.fs do
    local task = new(state.fs[state.next])
    task.index = state.next
    list[#list + 1] = task
    state.next = state.next + 1
  end
  state.list = list
  return list
end

-- The innermost scheduler decides: inside a task, its own.
local function wait_of(options)
  if call.task then return wait_in_task(call.task) end
  return options.wait and wait_through(options.wait) or wait_in_core
end

local function abandon(list, raised)
  for _, task in ipairs(list) do cancel(task) end
  error(raised, 0)
end

---Call functions at the same time, each as a task of its own.
---@param fs function[]
---@param options { limit: integer?, wait: plexauth.WaitFunction? }?
---@return any[] results  what each returned first; `n` is their number
---@return any[] errors  what each returned second, where the first is nil
function tasks.gather(fs, options)
  options = options or {}
  local fault = gather_fault(fs, options)
  if fault then error(fault, 2) end
  local state = {
    fs = fs, next = 1, list = {}, limit = options.limit or default_limit,
    results = { n = #fs }, errors = {},
  }
  local wait, host = wait_of(options), call.task
  while true do
    local list = refill(state)
    if host then host.children = list end
    if #list == 0 then return state.results, state.errors end
    local failed = run_ready(list)
    if failed then abandon(list, failed.raised) end
    if not any_done(list) then wait_for(list, long, wait) end
  end
end

return tasks
