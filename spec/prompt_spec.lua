-- At a prompt: what somebody who types at `lua -i` sees, and what they do not.
-- The secrets come by the environment, as a terminal shows what is typed.

local child = require "spec.support.child"
local mock = require "plexauth.mock"

local secrets = {
  TOKEN = "canary-token", BAD_TOKEN = "canary-bad-token",
  PASSWORD = "canary-password", BAD_PASSWORD = "canary-bad-password",
  CODE = "canary-code",
}

local session = {
  { "a client", "=plex", "plexauth%.client %(http://127%.0%.0%.1:%d+%)\n" },
  { "an error",
    "=select(2, plex:get_token_details { access_token = env 'BAD_TOKEN' })",
    "get_token_details: unauthorized: [^\n]+ %(HTTP 401, code %d+%)\n" },
  { "an error of a sign-in",
    "=select(2, plex:post_users_sign_in_data { login = 'me', "
      .. "password = env 'BAD_PASSWORD', verification_code = env 'CODE' })",
    "post_users_sign_in_data: unauthorized: [^\n]+ %(HTTP 401, code %d+%)\n" },
  { "the response", "=select(2, plex:get_token_details())",
    "plexauth%.response %(HTTP 200%)\n" },
  { "a task", "task = plexauth.task(plex.get_token_details, plex) print(task)",
    "plexauth%.task %(running%)\n" },
  { "a task that is done", "task:step(60) print(task)",
    "plexauth%.task %(done%)\n" },
  { "a result", "show(plex:get_token_details())",
    '{\n  authToken = "%*%*%*",\n  backupCodesCreated = false,\n.*'
      .. '\n  profile = {\n    autoSelectAudio = true,\n.*'
      .. '\n  roles = {\n    "plexpass",\n  },\n.*\n  uuid = "%x+",\n}\n' },
  { "a result of a sign-in",
    "show(plex:post_users_sign_in_data { login = 'me', "
      .. "password = env 'PASSWORD', verification_code = env 'CODE' })",
    '{\n  authToken = "%*%*%*",\n' },
  { "a result of a media server", "show(plex:get_transient_token())",
    '{\n  MediaContainer = {\n    size = 0,\n    token = "%*%*%*",\n  },\n}' },
  { "no result", "show(plex:get_token_details { access_token = "
      .. "env 'BAD_TOKEN' })", "get_token_details: unauthorized: [^\n]+\n" },
  { "null", "show { plexauth.null, 'a\\27[1m', { ['local'] = 1, pin = 7 } }",
    '{\n  plexauth%.null,\n  "a %[1m",\n  {\n    %["local"%] = 1,\n'
      .. '    pin = "%*%*%*",\n  },\n}\n' },
  { "what is installed", "show(plexauth.version())",
    '\n  libcurl = "[%d.]+",\n  plexauth = "[%d.]+",\n' },
  { "a misspelt option", "plexauth.new { acess_token = env 'TOKEN' }",
    "plexauth%.new: unknown field 'acess_token', "
      .. "did you mean 'access_token'%?\n" },
  { "a dot for a colon", "plex.get_token_details()",
    "get_token_details: call it on a client, with a colon" },
  { "a closed client", "plex:close() print(plex)",
    "plexauth%.client %(closed, http://127%.0%.0%.1:%d+%)\n" },
  { "a call of a closed client", "plex:get_token_details()",
    "get_token_details: the client is closed" },
}

local function typed()
  local lines = {
    'plexauth, show = require "plexauth", require "examples.show"',
    "env = os.getenv",
    "plex = plexauth.new { access_token = env 'TOKEN', client_id = 'spec', "
      .. "account_url = env 'URL', server_url = env 'URL' }",
  }
  for i, row in ipairs(session) do
    lines[#lines + 1] = ("print '-- %d'"):format(i)
    lines[#lines + 1] = row[2]
  end
  return lines
end

-- The session in README: what is typed, and what is seen. A port is any.
local function readme_session()
  local lines, rest = {}, {}
  local file = assert(io.open "README.md")
  local text = file:read("*a"):match "\n%$ LUA_PATH[^\n]* %-i\n(.-)```"
  file:close()
  for line in text:gmatch "[^\n]+" do
    local list = line:find "^> " and lines or rest
    list[#list + 1] = line:gsub("^> ", "")
  end
  return lines, rest
end

local function without_port(text)
  return (text:gsub("(127%.0%.0%.1:)%d+", "%1PORT"))
end

describe("at a prompt", function()
  local server, screen, seen

  setup(function()
    server = mock.start { token = secrets.TOKEN, login = "me",
      password = secrets.PASSWORD, verification_code = secrets.CODE }
    local environment = { URL = server.url }
    for name, value in pairs(secrets) do environment[name] = value end
    screen = child.type(typed(), environment)
    seen = {}
    local i
    for line in screen:gmatch "[^\n]*\n" do
      i = tonumber(line:match "%-%- (%d+)\n") or i
      if i then seen[i] = (seen[i] or "") .. line end
    end
  end)

  teardown(function() server:stop() end)

  for i, row in ipairs(session) do
    it("shows " .. row[1], function()
      assert.matches(row[3], seen[i])
    end)
  end

  it("shows no secret", function()
    assert.is_nil(screen:find("canary", 1, true), screen)
    assert.not_matches("transient%-%x", screen)
  end)

  it("shows what README says", function()
    local lines, due = readme_session()
    lines[#lines + 1] = "server:stop()"
    local shown, well = child.type(lines)
    assert(well, shown)
    local at = 1
    for _, line in ipairs(due) do
      local _, last = without_port(shown):find(without_port(line) .. "\n", at,
        true)
      assert.truthy(last, line .. "\nis not in\n" .. shown)
      at = last
    end
  end)
end)
