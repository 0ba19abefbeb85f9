-- One call: its attempts, its deadline, and how it waits.

local core = require "plexauth.core"
local errors = require "plexauth.error"

local call = {}

-- The task of ours (plexauth.task) that is being resumed, if any, and what it
-- yields while it waits.
call.task = nil
call.waiting = {}

-- Full jitter, so that many clients do not come back in step.
local first_delay, max_delay = 0.5, 8

local passing_statuses = {
  [408] = true, [429] = true, [500] = true, [502] = true, [503] = true,
  [504] = true,
}

---The innermost task that is being resumed, if any. One that is not, though
---call.task says so, is what running out of memory on the way out of it left.
function call.innermost()
  local task = call.task
  while task do
    local status = coroutine.status(task.co)
    if status == "running" or status == "normal" then break end
    task = task.outer
  end
  call.task = task
  return task
end

-- nil: Lua 5.1 and 5.2 cannot tell, and a yield in a callback from C raises.
local isyieldable = coroutine.isyieldable

---The task whose own coroutine runs here, where it can yield. In one of the
---user's inside a task a yield would reach the wrong resumer, and in a callback
---from C it would raise: there, a call blocks.
function call.task_here()
  local task = call.task
  if not task then return nil end
  local here = coroutine.running()
  if task.co ~= here then task = call.innermost() end
  if not task or task.co ~= here then return nil end
  return (not isyieldable or isyieldable()) and task or nil
end

-- Not found out by trying, as OpenResty has phases that let modules load but no
-- coroutine run.
local pcall_yields = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

---pcall around what may yield. PUC Lua 5.1 cannot do that: what raises in a
---coroutine is on its own there.
function call.pcall(f, ...)
  if pcall_yields or not coroutine.running() then return pcall(f, ...) end
  return true, f(...)
end

-- A transfer left behind by a wait that raises could still send its request,
-- in another call's step, when its caller has long been told of an error.
local function or_close(transfer, ok, ...)
  if ok then return ... end
  transfer:close()
  error((...), 0)
end

-- The request leaves when whoever resumed the task has resumed the others that
-- were ready: many that leave together cost the system and the server less.
-- The task goes on when its transfer is at its end. Where the yield raises, it
-- never heard of one: so it is the yield that tells it.
local function perform_in_task(task, client, transfer)
  if isyieldable then
    coroutine.yield(call.waiting, transfer, client)
  else
    or_close(transfer, call.pcall(coroutine.yield, call.waiting, transfer,
      client))
  end
  task.transfers[1], task.own = nil, nil
end

local function wait_for(wait, transfer)
  return or_close(transfer, call.pcall(wait, transfer:watches(),
    transfer:timeout()))
end

local function perform_waiting(wait, transfer)
  while not transfer:step() do
    if not wait_for(wait, transfer) then return transfer:perform() end
  end
end

local function perform(client, transfer)
  local task = call.task_here()
  if task then return perform_in_task(task, client, transfer) end
  if client.wait and not call.innermost() then
    return perform_waiting(client.wait, transfer)
  end
  return transfer:perform()
end

local function sleep_in_task(task, seconds)
  task.wake = core.now() + seconds
  while core.now() < task.wake and not task.interrupted do
    coroutine.yield(call.waiting)
  end
  task.wake = nil
  return not task.interrupted
end

-- false: interrupted
local function sleep(client, seconds)
  local task = call.task_here()
  if task then return sleep_in_task(task, seconds) end
  if client.wait and not call.innermost()
    and client.wait({}, seconds) then
    return true
  end
  return core.sleep(seconds)
end

-- Most callers never look at the headers: they are read when one does.
local heads = setmetatable({}, { __mode = "k" })

local lazy = { __name = "plexauth.response" }

function lazy.__index(response, key)
  local head = key == "headers" and heads[response]
  if not head then return nil end
  response.headers, heads[response] = core.headers(head), nil
  return response.headers
end

-- At a prompt; the rest of the head may hold what a server sent back.
function lazy.__tostring(response)
  return ("plexauth.response (HTTP %d)"):format(response.status)
end

local function new_response(transfer, status, content_type)
  local response = { status = status, content_type = content_type }
  heads[response] = transfer:head()
  return setmetatable(response, lazy)
end

-- What the error is made of where the answer is none that was due.
local function whole(transfer, status, content_type, retry_after, decoded)
  return {
    status = status, content_type = content_type, retry_after = retry_after,
    headers = core.headers(transfer:head()), body = transfer:body(),
    decoded = decoded,
  }
end

-- Result and response; or nil, the error, and whether to try again.
local function read(request, transfer)
  local status, content_type, after, decoded, why = transfer:answer()
  if decoded and status == request.row.success then
    return decoded, new_response(transfer, status, content_type)
  elseif not status then
    local kind, sentence, transient = transfer:failure()
    return nil, errors.of_failure(request, kind, sentence, transfer:sent()),
      transient
  end
  local answer = whole(transfer, status, content_type, after, decoded)
  if status ~= request.row.success then
    return nil, errors.of_answer(request, answer), passing_statuses[status]
  end
  return nil, errors.of_body(request, answer, why)
end

local function log(client, request, attempt, began, transfer, result, extra)
  -- what a logger raises is its own affair: the call goes on
  pcall(client.logger, {
    method = request.row.verb, scheme = request.base.scheme,
    host = request.base.host, port = request.base.port, path = request.path,
    attempt = attempt, status = extra.status, bytes = transfer:size(),
    kind = result == nil and extra.kind or nil, seconds = core.now() - began,
  })
end

-- The last transfer is used again. It is taken out meanwhile, as a logger, a
-- finaliser or a debug hook may make a call; so the core will not have one that
-- is in use.
local function exchange(client, request, attempt, seconds)
  local began, spare = client.logger and core.now(), client.spare
  client.spare = nil
  local transfer = client.core:transfer(request, seconds,
    client.connect_timeout, spare)
  perform(client, transfer)
  local result, extra, again = read(request, transfer)
  if client.logger then
    log(client, request, attempt, began, transfer, result, extra)
  end
  transfer:close()
  client.spare = transfer
  return result, extra, again
end

-- How long to wait before the next attempt, or nil where it would be too late.
local function delay(err, attempt, left)
  local seconds = err.retry_after
    or core.random() * math.min(max_delay, first_delay * 2 ^ (attempt - 1))
  return seconds < left and seconds or nil
end

-- The error of a call that ends between two attempts.
local function broken_off(request, kind, attempt)
  local err = errors.of_failure(request, kind, "the call was " .. kind, false)
  err.attempts = attempt
  return err
end

---Make the call.
---@return table? result, table response_or_error
function call.run(client, request)
  local deadline = core.now() + request.timeout
  local left, attempt = request.timeout, 0
  while true do
    attempt = attempt + 1
    local result, extra, again = exchange(client, request, attempt, left)
    if result ~= nil then return result, extra end
    extra.attempts = attempt
    left = deadline - core.now()
    local pause = again and attempt <= request.retries
      and delay(extra, attempt, left)
    if not pause then return nil, extra end
    if not sleep(client, pause) then
      return nil, broken_off(request, "interrupted", attempt)
    end
    if not client.core:is_open() then
      return nil, broken_off(request, "cancelled", attempt)
    end
    left = deadline - core.now()
    if left <= 0 then return nil, extra end
  end
end

return call
