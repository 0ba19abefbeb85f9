-- README.md keeps its word: every block of Lua in it compiles, runs against
-- the stand-in and prints what its '-->' comments say; its tables name each
-- option, argument and kind, and nothing else; its links lead somewhere.

local endpoints = require "plexauth.endpoints"
local lua = require "spec.support.lua"
local mock = require "plexauth.mock"
local plexauth = require "plexauth"

-- What the examples sign in with; the token is in the reader's environment.
local account = {
  login = "me@example.com", password = "correct horse", username = "birch",
  verification_code = "123456", token = "readme-token",
}

local kinds = {
  "bad_request", "unauthorized", "forbidden", "two_factor_required",
  "two_factor_invalid", "locked_out", "rate_limited", "server_error", "http",
  "redirect", "resolve", "connect", "tls", "timeout", "network", "protocol",
  "too_large", "interrupted", "cancelled", "decode",
}

local error_fields = {
  "kind", "name", "operation", "message", "status", "code", "errors", "body",
  "content_type", "retry_after", "attempts", "outcome",
}

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local readme = read "README.md"

local function sorted(list)
  table.sort(list)
  return list
end

----------------------------------------------------------------- its parts

---The text below each heading, by heading.
local function sections_of(text)
  local sections, heading, fenced = {}, "", false
  for line in text:gmatch "[^\n]*\n" do
    if line:find "^```" then fenced = not fenced end
    local title = not fenced and line:match "^#+ (.-)\n"
    heading = title or heading
    sections[heading] = (sections[heading] or "") .. line
  end
  return sections
end

---Blocks of Lua: { heading =, line =, source = }. The source begins with as
---many empty lines as stand above it, so that errors name README's lines.
local function blocks_of(text)
  local blocks, block, heading, number = {}, nil, "", 0
  for line in text:gmatch "([^\n]*)\n" do
    number = number + 1
    if line == "```" and block then
      blocks[#blocks + 1], block = block, nil
    elseif block then
      block.source = block.source .. line .. "\n"
    elseif line == "```lua" then
      block = { heading = heading, line = number,
        source = ("\n"):rep(number) }
    else
      heading = line:match "^#+ (.*)" or heading
    end
  end
  return blocks
end

---All names in `code` of the first column of the table that `header` heads.
local function column(section, header)
  local names, inside = {}, false
  for line in section:gmatch "([^\n]*)\n" do
    local cell = line:match "^| *(.-) *|"
    if cell == header then inside = true end
    inside = inside and (cell or line) ~= ""
    for name in (inside and cell or ""):gmatch "`([%w_]+)`" do
      names[#names + 1] = name
    end
  end
  return sorted(names)
end

---The keys of a local table, as its file writes them.
local function keys_in_source(path, variable)
  local pattern = "local " .. variable .. " = (%b{})"
  local body = assert(read(path):match(pattern), "no such table")
  local names = {}
  for name in body:gmatch "([%w_]+) *= *\"" do names[#names + 1] = name end
  assert(names[1], "the table has another form now")
  return sorted(names)
end

local sections, blocks = sections_of(readme), blocks_of(readme)

--------------------------------------------------------------- its examples

---plexauth whose clients ask the stand-in wherever README's would ask Plex.
local function redirected(server)
  local function new(options)
    local copy = { account_url = server.url }
    for name, value in pairs(options) do copy[name] = value end
    local url = copy.server_url
    if url and url:find "%.plex%.direct" and not copy.resolve then
      copy.server_url = server.url
    end
    return plexauth.new(copy)
  end
  return setmetatable({ new = new }, { __index = plexauth })
end

---What an example sees: someone who types the code, and a known environment.
local function environment(server, printed)
  local module = redirected(server)
  local env = { plexauth = module }
  env.io = { read = function() return account.verification_code end,
    write = function() end }
  env.os = { getenv = function(name)
    return name == "PLEX_TOKEN" and account.token or nil
  end }
  function env.require(name)
    return name == "plexauth" and module or require(name)
  end
  function env.print(...)
    local words = {}
    for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
    printed[#printed + 1] = table.concat(words, "\t")
  end
  return setmetatable(env, { __index = _G })
end

local function run(source, env)
  return assert(lua.load(source, "@README.md", env))()
end

local function client_block()
  for _, block in ipairs(blocks) do
    if block.heading == "The client" then return block end
  end
end

local function expected(source)
  local lines = {}
  for text in source:gmatch "%-%->%s(%C[^\n]*)" do lines[#lines + 1] = text end
  return lines
end

---A module of somebody else's that is not installed here, if any.
local function missing(source)
  for name in source:gmatch 'require *%(? *"([%w_.]+)"' do
    if not name:find "^plexauth%f[%W]" and not pcall(require, name) then
      return name
    end
  end
end

describe("README", function()
  describe("has Lua that runs", function()
    local server

    setup(function() server = mock.start(account) end)
    teardown(function() server:stop() end)

    for _, block in ipairs(blocks) do
      local test = lua.it(it, missing(block.source))
      test(("at line %d: %s"):format(block.line, block.heading), function()
        local printed = {}
        local env = environment(server, printed)
        env.plex = run(client_block().source .. "return plex", env)
        run(block.source, env)
        env.plex:close()
        local due = expected(block.source)
        if due[1] then assert.same(due, printed) end
      end)
    end

    it("in every section that shows a method", function()
      for _, row in ipairs(endpoints) do
        local found
        for _, block in ipairs(blocks) do
          found = found or block.source:find("plex:" .. row.name, 1, true)
        end
        assert.truthy(found, row.name)
      end
    end)
  end)

  it("names every option of new", function()
    assert.same(keys_in_source("lua/plexauth/init.lua", "options_known"),
      column(sections["Options of plexauth.new"], "option"))
  end)

  it("names no option that new does not know", function()
    local names = column(sections["Options of plexauth.new"], "option")
    for _, name in ipairs(names) do
      local co = coroutine.create(function() end)
      local ok, message = pcall(plexauth.new, { [name] = co })
      assert.is_false(ok)
      assert.not_match("unknown", message)
    end
  end)

  it("names every option of a call", function()
    assert.same(keys_in_source("lua/plexauth/request.lua", "per_call"),
      column(sections["Options of a call"], "option"))
  end)

  it("names every argument of every method", function()
    for _, row in ipairs(endpoints) do
      local section
      for _, text in pairs(sections) do
        if text:find("\n`plex:" .. row.name .. " {", 1, true) then
          section = text
        end
      end
      assert.truthy(section, row.name)
      local names = {}
      for i, arg in ipairs(row.args) do names[i] = arg.name end
      assert.same(sorted(names), column(section, "argument"))
    end
  end)

  it("names every kind of error, and every field", function()
    assert.same(sorted(kinds), column(sections["Errors"], "kind"))
    assert.same(sorted(error_fields), column(sections["Errors"], "field"))
  end)

  it("knows the version", function()
    local version = plexauth._VERSION
    assert.truthy(readme:find('"plexauth/' .. version .. '"', 1, true))
    assert.truthy(read "CHANGELOG.md":find("[" .. version .. "]", 1, true))
  end)

  it("links to what is there", function()
    local anchors = {}
    for heading in pairs(sections) do
      local anchor = heading:lower():gsub("[^%w _-]", ""):gsub(" ", "-")
      anchors["#" .. anchor] = true
    end
    for target in readme:gmatch "%]%(([^)]+)%)" do
      local file = target:find "^#" == nil and io.open(target)
      assert.truthy(anchors[target] or file, target)
      if file then file:close() end
    end
  end)
end)
