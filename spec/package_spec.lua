-- The rock, as a stranger installs it: built by LuaRocks in a copy of the
-- tree for the Lua that runs this, with no variable set, and required from
-- where it was installed.

local lua_under_test = require "spec.support.lua"

local function read(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo exit=$?"))
  local out = pipe:read("*a")
  pipe:close()
  local text, status = out:match("^(.-)%s*exit=(%d+)%s*$")
  return text, tonumber(status)
end

local function run(command)
  local out, status = read(command)
  assert.are.equal(0, status, out)
  return out
end

local function has(program)
  local _, status = read("command -v " .. program)
  return status == 0
end

local clean = "env -u LUA_PATH -u LUA_CPATH "
local version = _VERSION:match "%d.%d"
local make = clean .. "luarocks --lua-version " .. version
  .. " make --deps-mode=none"

describe("the rock", function()
  if not has("luarocks") then
    pending("needs luarocks")
    return
  end

  local dir, tree, modules, libraries

  setup(function()
    dir = run("mktemp -d")
    tree = dir .. "/tree"
    modules = tree .. "/share/lua/" .. version
    libraries = tree .. "/lib/lua/" .. version
    run(("cp -r Makefile README.md rockspec src lua examples %s"):format(dir))
    run(("cd %s && %s --tree %s rockspec/plexauth-scm-1.rockspec")
      :format(dir, make, tree))
  end)

  teardown(function() run("rm -rf " .. dir) end)

  local function lua(code)
    return run(("cd %s && %s LUA_PATH='%s;;' LUA_CPATH='%s;;' %s -e '%s'")
      :format(dir, clean, modules .. "/?.lua;" .. modules .. "/?/init.lua",
        libraries .. "/?.so", lua_under_test.program(), code))
  end

  it("gives every module, found where it was installed", function()
    local out = lua([[
      local function search(name, path)
        name = name:gsub("%.", "/")
        for template in path:gmatch "[^;]+" do
          local file = template:gsub("%?", name)
          if io.open(file) then return file end
        end
      end
      for _, name in ipairs { "", ".mock", ".types", ".task" } do
        print(search("plexauth" .. name, package.path))
        require("plexauth" .. name)
      end
      print(search("plexauth.core", package.cpath))
      print(require("plexauth").version().libcurl)]])
    local _, found = out:gsub(tree:gsub("%p", "%%%0"), "")
    assert.are.equal(5, found, out)
    assert.matches("%d+%.%d+%.%d+$", out)
  end)

  it("holds every module of the tree", function()
    local here = run("cd lua && find . -name '*.lua' | sort")
    local there = run(("cd %s && find . -name '*.lua' | sort")
      :format(modules))
    assert.are.equal(here, there)
  end)

  it("exports one symbol", function()
    local out = run(("nm -D --defined-only %s/plexauth/core.so")
      :format(libraries))
    assert.matches("^%x+ T luaopen_plexauth_core$", out)
  end)

  it("passes luarocks lint", function()
    run(clean .. "luarocks lint rockspec/plexauth-scm-1.rockspec")
  end)

  it("says which package has the header, where it is missing", function()
    local out, status = read(([[cd %s && cc -nostdinc -fsyntax-only \
      -D__has_include\(x\)=0 src/curlapi.h]]):format(dir))
    assert.are_not.equal(0, status)
    assert.matches("libcurl4%-openssl%-dev", out)
  end)
end)
