---The ways in which many functions run at once: a list of
-- { name =, run =, wait =, missing = }.
--
-- run(fs) calls all of them at the same time and returns, in their order, what
-- each returned first; it raises what one of them raised, or, after a minute
-- (see manners.lua), that there is no end. `wait` belongs into the clients'
-- options. `missing` names the library that run needs and that is not there.

local lua = require "spec.support.lua"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"

local function by_name(name)
  for _, manner in ipairs(manners) do
    if manner.name == name then return manner end
  end
  error("no manner is called " .. name)
end

---Each function, but what it returns or raises is put into `ends`.
local function kept(fs, ends)
  local wrapped = {}
  for i, f in ipairs(fs) do
    wrapped[i] = function() ends[i] = { lua.pcall(f) } end
  end
  return wrapped
end

local function each(spawn)
  return function(fs)
    for _, f in ipairs(fs) do spawn(f) end
  end
end

-- The first function's end is not that of the others: run waits for all.
local function runner(manner, start)
  return function(fs)
    local ends, results = {}, {}
    manner.run(function() start(kept(fs, ends)) end)
    for i = 1, #fs do
      local ok, result = (table.unpack or unpack)(ends[i] or {})
      if not ok then error(result or "one did not end", 0) end
      results[i] = result
    end
    return results
  end
end

local crowd = {}

local function add(name, manner_name, start)
  local manner = by_name(manner_name)
  crowd[#crowd + 1] = {
    name = name, run = runner(manner, start), wait = manner.wait,
    missing = manner.missing,
  }
end

add("in gather", "blocking", function(fs)
  plexauth.gather(fs, { limit = #fs })
end)

add("under luv", "under luv", each(function(f) coroutine.wrap(f)() end))

add("under cqueues", "under cqueues", each(function(f)
  require "cqueues".running():wrap(f)
end))

return crowd
