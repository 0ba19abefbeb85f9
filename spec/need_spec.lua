-- What is missing is named by the package that has it. The cores here are
-- real ones that the real loader refuses; each is asked for in a process of
-- its own.

local child = require "spec.support.child"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- What require says where C modules are looked for in `dir` alone.
local function failure(module, dir)
  local output, well = child.run(([[
    package.cpath = %q .. "/?.so"
    local found, message = pcall(require, %q)
    assert(not found, "it was found")
    print(message)]]):format(dir, module))
  assert(well, output)
  return output
end

describe("without", function()
  local dir
  local core = read(package.searchpath("plexauth.core", package.cpath))

  setup(function()
    dir = child.shell "mktemp -d":match "[^\n]+"
    assert(child.shell("mkdir " .. dir .. "/plexauth " .. dir .. "/none"))
  end)

  teardown(function() child.shell("rm -rf " .. dir) end)

  local it_linked = core:find "libcurl%.so%.4" and it or pending
  it_linked("libcurl.so.4, the error names its packages", function()
    write(dir .. "/plexauth/core.so",
      (core:gsub("libcurl%.so%.4", "libcurl.so.9")))
    local message = failure("plexauth", dir)
    assert.matches("^plexauth cannot load its C core: libcurl is missing",
      message)
    assert.matches("Debian, Ubuntu: libcurl4; Fedora", message)
    assert.matches("\n[^\n]*libcurl%.so%.9: cannot open", message)
  end)

  it("a core for this Lua, the error says so", function()
    local source = dir .. "/core.c"
    write(source, [[
      extern int lua_ofanotherlua (void *L);
      int luaopen_plexauth_core (void *L) { return lua_ofanotherlua(L); }]])
    local output, well = child.shell(
      ("${CC:-cc} -shared -fPIC -o %s/plexauth/core.so %s"):format(dir, source))
    assert(well, output)
    local message = failure("plexauth", dir)
    assert.matches("^[^\n]*built for another Lua%. Build it with luarocks "
      .. "%-%-lua%-version " .. _VERSION:match "[%d.]+" .. "\n", message)
    assert.matches("\n[^\n]*lua_ofanotherlua", message)
  end)

  it("any core, the error says how to install one", function()
    local message = failure("plexauth", dir .. "/none")
    assert.matches("^[^\n]*not installed for this Lua%. Install it with "
      .. "luarocks %-%-lua%-version ", message)
    assert.matches("\n[^\n]*no file", message)
  end)

  local libraries = {
    { "plexauth.mock", "LuaRocks: luasocket, Debian: lua%-socket" },
    { "plexauth.wait.luv", "LuaRocks: luv, Debian: lua%-luv" },
    { "plexauth.wait.cqueues", "LuaRocks: cqueues, Debian: lua%-cqueues" },
  }
  for _, case in ipairs(libraries) do
    it("what it needs, " .. case[1] .. " names the package", function()
      local message = failure(case[1], dir .. "/none")
      assert.matches("^" .. case[1]:gsub("%p", "%%%0") .. " needs [^\n]*"
        .. case[2], message)
      assert.matches("module '[%w._]+' not found", message)
    end)
  end
end)
