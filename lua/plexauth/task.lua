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

-- Seconds; longer than this, tasks do not go on before their host has a turn.
local turn = 0.001

-- So many receive before the first of them reads, and send together: the more,
-- the less often a server falls asleep in between. Where there is a host, their
-- connects and handshakes must not take more than its turn.
local batch_size, hosted_batch_size = 64, 8

local unpack = table.unpack or unpack

local Task = {}

local meta = { __name = "plexauth.task", __index = Task }

function meta.__tostring(task)
  return ("plexauth.task (%s)"):format(task.done and "done" or "running")
end

-- Fields: `transfers` and `wake` (a time, or nil) say what it waits for,
-- `ready` that it may go on, `interrupted` that Ctrl-C is why; `own` is the
-- transfer of its call, where it is in one, and `fresh` the client of one that
-- has yet to begin; `at` is its place among a gather's; `children` are those of
-- a gather inside it; `outer` is the task that resumes it, if any.
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

local function enter_call(task, transfer, client)
  if transfer then
    task.transfers[1], task.own, task.fresh = transfer, transfer, client
  end
end

local function settle(task, ok, ...)
  if not ok then
    task.done, task.failed = true, true
    task.raised = with_origin(task.co, (...))
  elseif (...) == call.waiting then
    enter_call(task, select(2, ...))
  elseif coroutine.status(task.co) == "dead" then
    task.done, task.results = true, { n = select("#", ...), ... }
  else
    task.failed, task.raised = true, with_origin(task.co,
      "a plexauth task yielded to somebody else's scheduler")
    cancel(task)
  end
end

-- Before anything else that may want memory, as an error would get past this.
local function left(task, ...)
  call.task, task.outer, task.interrupted = task.outer, nil, nil
  return ...
end

local function resume(task)
  task.outer, call.task = call.task and call.innermost(), task
  task.ready = false
  settle(task, left(task, coroutine.resume(task.co)))
end

-- Its call first, if it is in one: as long as that is not at its end, the task
-- has nothing to go on with.
local function go_on_receiving(task)
  if task.own then task.ready = task.own:step() end
  return task.ready
end

-- Send what those that were resumed have made. One transfer's step sends for
-- all of its client's, unless it could not even begin.
local function begin(list)
  local sent
  for i = 1, #list do
    local client = list[i].fresh
    if client then
      list[i].fresh = nil
      if client ~= sent and not list[i].own:step() then sent = client end
    end
  end
end

local function rouse_sleepers(list)
  local now
  for i = 1, #list do
    local wake = list[i].wake
    if wake then
      now = now or core.now()
      if wake <= now then list[i].ready = true end
    end
  end
end

-- All that a list of tasks waits for: transfers, whose they are, and until
-- when at most.
local function union(list, seconds)
  local transfers, owners, n, now = {}, {}, 0, nil
  for i = 1, #list do
    local task = list[i]
    for k = 1, #task.transfers do
      n = n + 1
      transfers[n], owners[n] = task.transfers[k], task
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
    local before = task.transfers
    task.transfers, task.wake = transfers, core.now() + seconds
    -- it raises in a callback from C, before Lua 5.3
    local ok, raised = call.pcall(coroutine.yield, call.waiting)
    task.transfers, task.wake = before, nil
    if not ok then error(raised, 0) end
    if task.interrupted then return nil end
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
    task.ready, task.interrupted = true, true
  end
end

-- Wait, for `seconds` at most, until one of the tasks may go on.
local function wait_for(list, seconds, wait)
  local transfers, owners
  transfers, owners, seconds = union(list, seconds)
  local ready = wait(transfers, seconds)
  if not ready then return interrupt(list) end
  for i = 1, #ready do owners[ready[i]].ready = true end
  rouse_sleepers(list)
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
    if self.ready and not self.done and go_on_receiving(self) then
      resume(self)
      begin(list)
    end
    if self.failed then
      self.failed = false
      error(self.raised, 0)
    end
  until self.done or core.now() >= until_
  return self.done
end

---Give up: connections in use are closed at once, results never come.
function Task:cancel()
  local running = call.innermost()
  while running do
    if running == self then error("a task cannot cancel itself", 2) end
    running = running.outer
  end
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
  local n = 0
  for _ in pairs(fs) do n = n + 1 end
  for i = 1, n do
    if type(fs[i]) ~= "function" then
      return "gather: takes an array of functions, with nothing else in it"
    end
  end
  return check.fields(options, gather_options, "gather")
end

local function collect(state, index, first, second)
  state.results[index] = first
  if first == nil then state.errors[index] = second end
end

-- One of a gather's tasks: it takes one function after the other.
local function work(state)
  while state.index < state.results.n do
    local index = state.index + 1
    state.index = index
    collect(state, index, state.fs[index]())
  end
end

-- As many as the limit allows.
local function workers(state, limit)
  local list = {}
  for i = 1, math.min(limit, state.results.n) do list[i] = new(work, state) end
  return list
end

-- The next few that may go on, of `rest` tasks that had no turn yet. All of
-- them receive before one is resumed: libcurl would send what that one asks
-- for next while it reads for another, and not all of it together.
local function next_batch(state, rest, until_)
  local batch, n, list, at = {}, 0, state.tasks, state.at
  local most = until_ and hosted_batch_size or batch_size
  while rest > 0 and n < most do
    rest, at = rest - 1, at % #list + 1
    local task = list[at]
    if task.ready then
      if go_on_receiving(task) then
        n = n + 1
        batch[n], task.at = task, at
      end
      if until_ and core.now() >= until_ then rest = 0 end
    end
  end
  state.at = at
  return batch, rest
end

local function drop_done(list)
  for i = #list, 1, -1 do
    if list[i].done then
      list[i] = list[#list]
      list[#list] = nil
    end
  end
end

-- Let each go on once that may, beginning where the last turn ended: where
-- `until_` has come, the others wait for the next. Returns one that failed, if
-- any.
local function run(state, until_)
  local rest = #state.tasks
  while rest > 0 do
    local batch
    batch, rest = next_batch(state, rest, until_)
    for i = 1, #batch do
      local task = batch[i]
      resume(task)
      if task.failed then return task end
      if until_ and core.now() >= until_ then
        state.at, rest = task.at, 0
        break
      end
    end
    begin(batch)
  end
  drop_done(state.tasks)
end

-- The innermost scheduler decides: inside a task, its own.
local function wait_of(task, options)
  if task then return wait_in_task(task) end
  if options.wait and not call.innermost() then
    return wait_through(options.wait)
  end
  return wait_in_core
end

local function abandon(list, raised)
  for _, task in ipairs(list) do cancel(task) end
  error(raised, 0)
end

---Call functions at the same time, as many as the limit allows.
---@param fs function[]
---@param options { limit: integer?, wait: plexauth.WaitFunction? }?
---@return any[] results  what each returned first; `n` is their number
---@return any[] errors  what each returned second, where the first is nil
function tasks.gather(fs, options)
  if options == nil then options = {} end
  local fault = gather_fault(fs, options)
  if fault then error(fault, 2) end
  local state = {
    fs = fs, index = 0, at = 0, results = { n = #fs }, errors = {},
  }
  state.tasks = workers(state, options.limit or default_limit)
  local host = call.task_here()
  local wait = wait_of(host, options)
  if host then host.children = state.tasks end
  while true do
    local failed = run(state, wait ~= wait_in_core and core.now() + turn or nil)
    if failed then abandon(state.tasks, failed.raised) end
    if #state.tasks == 0 then return state.results, state.errors end
    local ok, raised = call.pcall(wait_for, state.tasks, long, wait)
    if not ok then abandon(state.tasks, raised) end
  end
end

return tasks
