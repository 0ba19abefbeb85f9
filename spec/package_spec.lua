-- The rock, as a stranger installs it: built by LuaRocks in a copy of the
-- tree, with no variable set, and required from where it was installed.

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
local make = clean .. "luarocks --lua-version 5.4 make --deps-mode=none"

describe("the rock", function()
  if not has("luarocks") then
    pending("needs luarocks")
    return
  end

  local dir, tree

  setup(function()
    dir = run("mktemp -d")
    tree = dir .. "/tree"
    run(("cp -r Makefile README.md rockspec src lua examples %s"):format(dir))
    run(("cd %s && %s --tree %s rockspec/plexauth-scm-1.rockspec")
      :format(dir, make, tree))
  end)

  teardown(function() run("rm -rf " .. dir) end)

  local function lua(code)
    return run(("cd %s && %s LUA_PATH='%s;;' LUA_CPATH='%s;;' lua5.4 -e '%s'")
      :format(dir, clean,
        tree .. "/share/lua/5.4/?.lua;" .. tree .. "/share/lua/5.4/?/init.lua",
        tree .. "/lib/lua/5.4/?.so", code))
  end

  it("gives every module, found where it was installed", function()
    local out = lua([[
      for _, name in ipairs { "", ".mock", ".types", ".task" } do
        local path = package.searchpath("plexauth" .. name, package.path)
        print(path)
        require("plexauth" .. name)
      end
      local core = package.searchpath("plexauth.core", package.cpath)
      print(core)
      print(require("plexauth").version().libcurl)]])
    local _, found = out:gsub(tree:gsub("%p", "%%%0"), "")
    assert.are.equal(5, found, out)
    assert.matches("%d+%.%d+%.%d+$", out)
  end)

  it("holds every module of the tree", function()
    local here = run("cd lua && find . -name '*.lua' | sort")
    local there = run(("cd %s/share/lua/5.4 && find . -name '*.lua' | sort")
      :format(tree))
    assert.are.equal(here, there)
  end)

  it("exports one symbol", function()
    local out = run(("nm -D --defined-only %s/lib/lua/5.4/plexauth/core.so")
      :format(tree))
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
