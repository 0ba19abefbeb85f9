-- Every example runs as its reader would run it: as a program of its own,
-- against the stand-in, and prints no secret.

local lua = require "spec.support.lua"
local mock = require "plexauth.mock"

local LOGIN, PASSWORD = "canary-login@example.com", "canary-password"
local TOKEN, CODE = "canary-token", "271828"

local function quote(s)
  return "'" .. s:gsub("'", "'\\''") .. "'"
end

-- LUA_PATH_5_4 and the like would win over LUA_PATH: set both.
local function search_paths()
  local version = _VERSION:gsub("%D+", "_")
  return {
    LUA_PATH = package.path, ["LUA_PATH" .. version] = package.path,
    LUA_CPATH = package.cpath, ["LUA_CPATH" .. version] = package.cpath,
  }
end

local function settings(environment)
  local words = {}
  for _, variables in ipairs { search_paths(), environment or {} } do
    for name, value in pairs(variables) do
      words[#words + 1] = name .. "=" .. quote(value)
    end
  end
  return table.concat(words, " ")
end

-- Run an example with the lines of 'input' as its standard input. Returns
-- its exit status and all that it wrote. Reads up to the status rather than
-- to the end of the pipe, which a forgotten stand-in would keep open.
local function run(example, environment, input, argument)
  local lines = table.concat(input or {}, "\n")
  local pipe = assert(io.popen(table.concat({
    "unset PLEX_TOKEN PLEX_URL PLEX_CLIENT_ID PLEX_ACCOUNT_URL LUA_INIT;",
    "printf '%s\\n'", quote(lines), "|", settings(environment),
    quote(lua.program()), "examples/" .. example .. ".lua",
    argument and quote(argument) or "", "2>&1; echo exit=$?",
  }, " ")))
  local output, status = {}, nil
  for line in pipe:lines() do
    status = tonumber(line:match "exit=(%d+)$")
    if status then break end
    output[#output + 1] = line
  end
  pipe:close()
  return status, table.concat(output, "\n")
end

local function assert_no_secret(output)
  local secrets = { LOGIN, PASSWORD, TOKEN, CODE, "mock-token", '"secret"' }
  for _, secret in ipairs(secrets) do
    assert.is_nil(output:find(secret, 1, true), output)
  end
  assert.not_match("transient%-%x", output)
end

local function assert_runs(output_pattern, ...)
  local status, output = run(...)
  assert.equal(0, status, output)
  assert.match(output_pattern, output)
  assert_no_secret(output)
  return output
end

local function assert_fails(output_pattern, ...)
  local status, output = run(...)
  assert.equal(1, status, output)
  assert.match(output_pattern, output)
  assert.not_match("traceback", output)
  assert_no_secret(output)
  return output
end

local function count(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

describe("an example", function()
  local server

  local function start(options)
    options.token, options.username = TOKEN, "birch"
    options.login, options.password = LOGIN, PASSWORD
    server = mock.start(options)
    return server
  end

  after_each(function()
    if server then server:stop() end
    server = nil
  end)

  describe("whoami", function()
    it("runs as it is", function()
      assert_runs("^%S+ %(id %d+%)\nPlex Pass: %a+$", "whoami")
    end)

    it("asks for the token in the environment", function()
      start {}
      assert_runs("^birch %(id %d+%)\n", "whoami",
        { PLEX_TOKEN = TOKEN, PLEX_ACCOUNT_URL = server.url })
    end)

    it("tells a bad token", function()
      start {}
      assert_fails("sign in again", "whoami",
        { PLEX_TOKEN = TOKEN .. "x", PLEX_ACCOUNT_URL = server.url })
    end)

    it("blames no token for a host that is not there", function()
      start {}
      server:stop()
      assert_fails("nothing about the token", "whoami",
        { PLEX_TOKEN = TOKEN, PLEX_ACCOUNT_URL = server.url })
    end)
  end)

  describe("transient_token", function()
    it("runs as it is", function()
      assert_runs("^A token of %d+ characters", "transient_token")
    end)

    it("asks the server in the environment", function()
      start {}
      assert_runs("^A token of %d+ characters", "transient_token",
        { PLEX_TOKEN = TOKEN, PLEX_URL = server.url })
    end)

    it("prints a typed error", function()
      start {}
      assert_fails("%S", "transient_token",
        { PLEX_TOKEN = TOKEN .. "x", PLEX_URL = server.url })
    end)
  end)

  describe("source_connections", function()
    it("runs as it is, local connections first", function()
      local output = assert_runs("https?://", "source_connections")
      local order = {}
      for kind in output:gmatch "\t(%l+)\t" do order[#order + 1] = kind end
      local sorted = {}
      for _, kind in ipairs { "local", "remote", "relay" } do
        for _ = 1, count(output, "\t" .. kind .. "\t") do
          sorted[#sorted + 1] = kind
        end
      end
      assert.is_true(#order > 0)
      assert.same(sorted, order)
    end)

    it("asks the server in the environment for the source given", function()
      start {}
      assert_runs("https?://", "source_connections",
        { PLEX_TOKEN = TOKEN, PLEX_URL = server.url }, nil,
        "server://0123456789abcdef0123456789abcdef01234567")
    end)

    it("prints a typed error", function()
      start {}
      assert_fails("%S", "source_connections",
        { PLEX_TOKEN = TOKEN .. "x", PLEX_URL = server.url })
    end)
  end)

  describe("sign_in", function()
    local function environment()
      return { PLEX_CLIENT_ID = "spec", PLEX_ACCOUNT_URL = server.url }
    end

    it("runs as it is, and asks for no code", function()
      local output = assert_runs("Signed in as %S+%. Keep the token",
        "sign_in", nil, { "user@example.com", "secret" })
      assert.equal(0, count(output, "Verification code"))
    end)

    it("asks for a code where Plex wants one", function()
      start { verification_code = CODE }
      local output = assert_runs("Signed in as birch%.",
        "sign_in", environment(), { LOGIN, PASSWORD, CODE })
      assert.equal(1, count(output, "Verification code"))
    end)

    it("asks once more after a wrong code", function()
      start { verification_code = CODE }
      local output = assert_runs("Signed in as birch%.",
        "sign_in", environment(), { LOGIN, PASSWORD, "314159", CODE })
      assert.equal(2, count(output, "Verification code"))
    end)

    it("gives up after two wrong codes", function()
      start { verification_code = CODE }
      local output = assert_fails("%S",
        "sign_in", environment(), { LOGIN, PASSWORD, "314159", "314159" })
      assert.equal(2, count(output, "Verification code"))
      assert.not_match("314159", output)
    end)

    it("asks for no code after a wrong password", function()
      start { verification_code = CODE }
      local output = assert_fails("%S",
        "sign_in", environment(), { LOGIN, PASSWORD .. "x" })
      assert.equal(0, count(output, "Verification code"))
    end)
  end)

  local many = {
    { "many_servers", "^a token from server 1\na token from server 2\n" },
    { "poll_in_luv", "^mock%-user\nthe timer ticked$", "luv" },
    { "many_in_cqueues", "^10 answers$", "cqueues" },
    { "frame_loop", "^mock%-user\nthe frames went on$" },
  }
  for _, case in ipairs(many) do
    local name, output, library = case[1], case[2], case[3]
    local missing = library and not pcall(require, library)
    local it = lua.it(it, missing and library)

    it(name .. " makes its calls", function()
      assert_runs(output, name)
    end)

    it(name .. " is under 40 lines", function()
      local lines = 0
      for _ in io.lines("examples/" .. name .. ".lua") do lines = lines + 1 end
      assert.is_true(lines < 40)
    end)
  end

  describe("show", function()
    it("runs as it is", function()
      assert_runs('^{\n  authToken = "%*%*%*",\n.*\n}$', "show")
    end)

    it("asks for the token in the environment", function()
      -- an account's login is its e-mail address, which is shown
      server = mock.start { token = TOKEN, username = "birch" }
      assert_runs('\n  username = "birch",\n', "show",
        { PLEX_TOKEN = TOKEN, PLEX_ACCOUNT_URL = server.url })
    end)

    it("prints an error as a sentence", function()
      start {}
      assert_runs("^get_token_details: unauthorized: [^\n]*$", "show",
        { PLEX_TOKEN = TOKEN .. "x", PLEX_ACCOUNT_URL = server.url })
    end)
  end)

  describe("demo", function()
    it("shows the four operations and a typed error", function()
      local output = assert_runs("^sign_in = {", "demo")
      assert.match("\naccount = {", output)
      assert.match("\ntransient_token = {", output)
      assert.match("\nconnections = {", output)
      assert.match('\nerr.kind = "unauthorized"\n', output)
      assert.not_match("bad%-token", output)
    end)

    it("strikes secrets out", function()
      local output = assert_runs("%S", "demo")
      for _, key in ipairs { "authToken", "accessToken", "token" } do
        local struck = count(output, "\n +" .. key .. ' = "%*%*%*",')
        assert.is_true(struck > 0, key)
        assert.equal(count(output, "\n +" .. key .. " = "), struck)
      end
    end)

    it("prints Lua", function()
      local output = assert_runs("%S", "demo")
      local load_text = rawget(_G, "loadstring") or load
      assert.truthy(load_text(output:match "^(.-)err%.kind"))
    end)
  end)

  it("fits on a page", function()
    local limits = {
      whoami = 39, transient_token = 39, source_connections = 39,
      sign_in = 39, show = 39, demo = 39,
    }
    for example, limit in pairs(limits) do
      local lines = 0
      for _ in io.lines("examples/" .. example .. ".lua") do
        lines = lines + 1
      end
      assert.is_true(lines <= limit, example)
    end
  end)
end)
