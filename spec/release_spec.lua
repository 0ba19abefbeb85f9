-- A release: that its parts agree, that the tarball builds where nothing else
-- is, and that the rock made of it is installed and works. No network is used.

local child = require "spec.support.child"
local plexauth = require "plexauth"

local RELEASE = "plexauth-" .. plexauth._VERSION
local ROCKSPEC = "rockspec/" .. RELEASE .. "-1.rockspec"

local lua_version = _VERSION:match "[%d.]+$"

-- Nothing of this tree, nor of the make that may have started us.
local clean = "env -u LUA_PATH -u LUA_CPATH -u LD_PRELOAD -u MAKEFLAGS "
  .. "-u MAKELEVEL -u LUA_PATH_X -u LUA_CPATH_X "
clean = clean:gsub("_X", (lua_version:gsub("^(%d+)%.", "_%1_")))

local luarocks = clean .. "luarocks --lua-version " .. lua_version .. " "

local function run(dir, command)
  local output, well = child.shell(("cd '%s' && %s"):format(dir, command))
  assert.is_true(well, output)
  return output
end

local function rockspec_at(path)
  local env = {}
  local chunk = assert(loadfile(path, "t", env))
  if setfenv then setfenv(chunk, env) end
  chunk()
  return env
end

-- What this machine lacks, if anything.
local function missing()
  if rawget(_G, "jit") then return "LuaJIT takes the rock of Lua 5.1" end
  for _, program in ipairs { "git", "luarocks" } do
    local _, well = child.shell("command -v " .. program)
    if not well then return "needs " .. program end
  end
  local _, well = child.shell(luarocks .. "config variables.LUA_INCDIR")
  if not well then return "luarocks finds no Lua " .. lua_version end
end

describe("a release", function()
  it("agrees with the module's version", function()
    local spec = rockspec_at(ROCKSPEC)
    assert.equal(plexauth._VERSION .. "-1", spec.version)
    assert.matches(("/v%s/%s.tar.gz"):format(plexauth._VERSION, RELEASE),
      spec.source.url, 1, true)
    local changes = assert(io.open "CHANGELOG.md")
    assert.matches("\n## %[" .. plexauth._VERSION:gsub("%.", "%%.") .. "%]",
      changes:read "*a")
    changes:close()
  end)

  it("is built as a clone is", function()
    local release = rockspec_at(ROCKSPEC)
    local scm = rockspec_at "rockspec/plexauth-scm-1.rockspec"
    release.version, release.source = scm.version, scm.source
    assert.same(scm, release)
  end)
end)

describe("the tarball", function()
  local lack = missing()
  if lack then
    pending(lack)
    return
  end

  local dir, tarball

  -- Of the tree as it is, committed or not.
  local function commit_copy()
    run(".", "mkdir " .. dir .. "/clone && tar --exclude=./build "
      .. "--exclude=./.git -cf - . | tar -xf - -C " .. dir .. "/clone")
    run(dir .. "/clone", "git init -q && git add -A && git -c user.name=spec "
      .. "-c user.email=spec@example.org -c commit.gpgsign=false "
      .. "commit -q -m all && " .. clean .. "make -s dist")
  end

  setup(function()
    dir = child.shell "mktemp -d":match "[^\n]+"
    tarball = dir .. "/clone/build/" .. RELEASE .. ".tar.gz"
    commit_copy()
    run(dir, "tar -xzf " .. tarball)
    run(dir .. "/" .. RELEASE, luarocks .. "make --deps-mode=none --tree "
      .. dir .. "/made " .. ROCKSPEC)
    run(dir, luarocks .. "pack --tree made plexauth")
    run(dir, luarocks .. "install --deps-mode=none --tree installed "
      .. RELEASE .. "-1.*.rock")
  end)

  teardown(function() child.shell("rm -rf " .. dir) end)

  it("is the same each time", function()
    run(dir .. "/clone", "cp " .. tarball .. " first && " .. clean
      .. "make -s dist && cmp first " .. tarball)
  end)

  it("holds one directory, and nothing that only a clone needs", function()
    for name in run(dir, "tar -tzf " .. tarball):gmatch "[^\n]+" do
      assert.equal(RELEASE .. "/", name:sub(1, #RELEASE + 1))
      assert.not_matches("/%.git", name)
      assert.not_matches("/%.ci", name)
    end
  end)

  it("has a rockspec that passes luarocks lint", function()
    run(".", luarocks .. "lint " .. ROCKSPEC)
  end)

  it("is what the rockspec's source unpacks to", function()
    local source = rockspec_at(ROCKSPEC).source.url
    assert.equal(RELEASE .. ".tar.gz", source:match "[^/]+$")
    run(dir, ("cp %s %s && sed -i.as-it-was 's|https://.*download/v[^/]*/"
      .. "|file://%s/|' %s/%s"):format(tarball, dir, dir, RELEASE, ROCKSPEC))
    run(dir, luarocks .. "unpack " .. RELEASE .. "/" .. ROCKSPEC)
    run(dir, ("ls %s-1/%s/src/plexauth.c"):format(RELEASE, RELEASE))
  end)

  local program = [[
    local server = require "plexauth.mock".start()
    local plex = require "plexauth".new {
      access_token = "mock-token", account_url = server.url,
    }
    print(plex:get_token_details().username, plex)
    server:stop()]]

  for _, tree in ipairs { "made", "installed" } do
    it("gives a rock that works where it is " .. tree, function()
      local share = ("%s/%s/share/lua/%s/"):format(dir, tree, lua_version)
      local lib = ("%s/%s/lib/lua/%s/"):format(dir, tree, lua_version)
      local output = run(dir, ("%s LUA_PATH='%s?.lua;%s?/init.lua;;' "
        .. "LUA_CPATH='%s?.so;;' lua%s -e '%s'"):format(clean, share, share,
        lib, lua_version, program))
      assert.matches("^mock%-user\tplexauth%.client %(http", output)
    end)
  end
end)
