-- The fuzz targets without the fuzzer: every input of the corpus, and random
-- JSON documents that lua-cjson has to read as we do.

local lua = require "spec.support.lua"
local shell = require("spec.support.child").shell

local function run(command)
  local output, fine = shell(command)
  assert(fine, output)
  return (output:gsub("%s+$", ""))
end

local build = lua.build .. "/replay/"

local function inputs(paths, target)
  local out = run(("make -s LUA=%s %s%s && %s%s %s"):format(lua.name, build,
    target, build, target, paths))
  return tonumber(out:match "(%d+) inputs$")
end

-- A generator of its own, so that a failing seed fails again.
local function generator(seed)
  return function(n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
  end
end

local function number(random)
  local digits = {}
  for i = 1, random(20) do digits[i] = random(10) - 1 end
  local text = table.concat(digits):gsub("^0+(%d)", "%1")
  if random(3) == 1 then text = text .. "." .. random(1000) end
  if random(4) == 1 then text = text .. "e" .. (random(40) - 20) end
  return (random(2) == 1 and "-" or "") .. text
end

local pieces = {
  "a", " ", "\195\169", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\u0041",
  "\\ud83d\\ude00", "long enough not to be an interned string, in any Lua",
}

local function text(random)
  local parts = {}
  for i = 1, random(4) do parts[i] = pieces[random(#pieces)] end
  return '"' .. table.concat(parts) .. '"'
end

local value

local function members(random, depth, named)
  local parts = {}
  for i = 1, random(6) - 1 do
    parts[i] = (named and text(random) .. " : " or "") .. value(random, depth)
  end
  return table.concat(parts, ", ")
end

function value(random, depth)
  local kind = random(depth > 0 and 7 or 5)
  if kind == 1 then return number(random) end
  if kind == 2 then return text(random) end
  if kind <= 5 then return ({ "null", "true", "false" })[kind - 2] end
  if kind == 6 then return "[" .. members(random, depth - 1) .. "]" end
  return "{" .. members(random, depth - 1, true) .. "}"
end

local function write(path, content)
  local file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
end

describe("the fuzz target", function()
  for _, target in ipairs { "json", "inputs", "answer" } do
    it(target .. " finds nothing in its corpus", function()
      local n = inputs(("spec/fuzz/corpus/%s/*"):format(target), target)
      assert.is_true(n >= 5, n)
    end)
  end

  it("json finds nothing in random documents", function()
    local dir = run "mktemp -d"
    for seed = 1, 500 do
      local document = "[" .. value(generator(seed * 7919), 6) .. "]"
      write(dir .. "/" .. seed, document)
      write(dir .. "/cut" .. seed, document:sub(1, seed % #document))
    end
    local n = inputs(dir .. "/*", "json")
    run("rm -rf " .. dir)
    assert.equal(1000, n)
  end)
end)
