-- The stand-in for Plex, asked over raw sockets: what it answers, how it reads
-- HTTP, and that its process never outlives its parent.
-- luacheck: std max+busted
local cjson = require "cjson"
local socket = require "socket"
local lua = require "spec.support.lua"
local mock = require "plexauth.mock"

local seconds = 10 -- longest wait for anything; nothing takes that long
local json = { Accept = "application/json" }
local null = cjson.null
local unpack = unpack or table.unpack

------------------------------------------------------------------- helpers

local function connect(server)
  local conn = assert(socket.connect("127.0.0.1", server.url:match("%d+$")))
  conn:settimeout(seconds, "t")
  return conn
end

local function receive(conn, without_body)
  local status = assert(conn:receive()):match("^HTTP/1%.1 (%d+) ")
  local headers, line = {}, assert(conn:receive())
  while line ~= "" do
    local name, value = line:match("^(.-): (.*)$")
    headers[name:lower()], line = value, assert(conn:receive())
  end
  local length = without_body and 0 or tonumber(headers["content-length"])
  return { status = tonumber(status), headers = headers,
    body = assert(conn:receive(length)) }
end

local function with(...)
  local all = {}
  for _, headers in ipairs { ... } do
    for name, value in pairs(headers) do all[name] = value end
  end
  return all
end

local function write(start, headers, body)
  local lines = { start .. " HTTP/1.1", "Host: 127.0.0.1" }
  for name, value in pairs(headers or {}) do
    lines[#lines + 1] = name .. ": " .. value
  end
  if body then lines[#lines + 1] = "Content-Length: " .. #body end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

---One request on a connection of its own.
local function ask(server, ...)
  local conn = connect(server)
  assert(conn:send(write(...)))
  local answer = receive(conn)
  conn:close()
  return answer
end

local function sample(name)
  local file = assert(io.open("spec/samples/" .. name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function refuses(server)
  local conn, problem = socket.connect("127.0.0.1", server.url:match("%d+$"))
  if conn then conn:close() end
  return problem == "connection refused"
end

---A connection that ends with the process at its other side.
local function wait_for_end(conn)
  local data, problem = conn:receive()
  assert.is_nil(data)
  assert.equal("closed", problem)
  conn:close()
end

local files = {}

local function remove_files()
  for _, name in ipairs(files) do os.remove(name) end
  files = {}
end

---A file until `remove_files`; its name is one that needs quoting.
local function make_file(text, executable)
  local plain = os.tmpname()
  local name = plain .. " it's $HOME"
  files[#files + 1], files[#files + 2] = plain, name
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
  if executable then
    os.execute(("chmod +x '%s'"):format((name:gsub("'", "'\\''"))))
  end
  return name
end

local function read_file(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function paths()
  return ("package.path, package.cpath = %q, %q\n")
    :format(package.path, package.cpath)
end

---Everything that the sample has is there, and of the same type; null fits
---everything, and a list is judged by its first item.
local function assert_shape(expected, actual, where)
  if expected == null or actual == null then return end
  assert.equal(type(expected), type(actual), where)
  if type(expected) ~= "table" then return end
  for name, value in pairs(expected) do
    local open = type(name) == "number" and (name > 1 or actual[1] == nil)
    if not open then
      local path = where .. "." .. tostring(name)
      assert.is_not_nil(actual[name], path)
      assert_shape(value, actual[name], path)
    end
  end
end

------------------------------------------------------------------- answers

describe("a stand-in", function()
  local server

  setup(function()
    server = mock.start { token = "tok&<en>", login = "us+er@example.com",
      password = "a b&c%", username = "birch" }
  end)

  teardown(function() server:stop() end)

  local token = { ["X-Plex-Token"] = "tok&<en>" }
  local client = { ["X-Plex-Client-Identifier"] = "spec" }
  local form = { ["Content-Type"] = "application/x-www-form-urlencoded" }
  local right = "login=us%2Ber%40example.com&password=a+b%26c%25"

  describe("as a media server", function()
    local operations = {
      token = "/security/token?type=delegation&scope=all",
      resources = "/security/resources?source=server%3A%2F%2Fabc",
    }

    it("gives a transient token as JSON", function()
      local answer = ask(server, "GET " .. operations.token, with(json, token))
      assert.equal(200, answer.status)
      assert.equal("application/json", answer.headers["content-type"])
      assert.same(cjson.decode(sample "get-transient-token.200.json"),
        cjson.decode(answer.body))
    end)

    it("gives the connections of a source as JSON", function()
      local answer = ask(server, "GET " .. operations.resources,
        with(json, token))
      assert.equal(200, answer.status)
      assert_shape(cjson.decode(sample(
        "get-source-connection-information.200.device-array.json")),
        cjson.decode(answer.body), "")
    end)

    it("takes the token from the query, too", function()
      assert.equal(200, ask(server, "GET " .. operations.token
        .. "&X-Plex-Token=tok%26%3Cen%3E").status)
    end)

    local accepts = { "none", "*/*", "application/json, text/plain, */*" }
    for _, accept in ipairs(accepts) do
      it("writes XML for Accept " .. accept, function()
        local headers = with(token,
          accept ~= "none" and { Accept = accept } or {})
        local answer = ask(server, "GET " .. operations.token, headers)
        assert.equal("text/xml;charset=utf-8", answer.headers["content-type"])
        assert.matches('<MediaContainer size="0" token="transient-[%x-]+"/>',
          answer.body)
      end)
    end

    it("nests the connections in XML", function()
      local answer = ask(server, "GET " .. operations.resources, token)
      assert.matches('<MediaContainer size="1"><Device [^>]+>'
        .. '<Connection [^>]+ local="1" port="32400"[^>]+/>'
        .. '<Connection [^>]+ local="0" [^>]+ relay="1" [^>]+/>'
        .. "</Device></MediaContainer>$", answer.body)
    end)

    for name, target in pairs(operations) do
      for case, headers in pairs { none = json,
        wrong = with(json, { ["X-Plex-Token"] = "tok" }) } do
        it(("refuses %s with %s token, in HTML"):format(name, case), function()
          local answer = ask(server, "GET " .. target, headers)
          assert.equal(401, answer.status)
          assert.equal(sample "extra.pms-unauthorized.401.html", answer.body)
          assert.equal("text/html", answer.headers["content-type"])
          assert.equal("1.0", answer.headers["x-plex-protocol"])
          assert.equal("no-cache", answer.headers["cache-control"])
        end)
      end
    end

    for _, target in ipairs { "/security/token?scope=all",
      "/security/token?type=delegation", "/security/token?type=x&scope=all",
      "/security/resources", "/security/resources?source=" } do
      it("answers 400 to " .. target, function()
        local answer = ask(server, "GET " .. target, with(json, token))
        assert.equal(400, answer.status)
        assert.equal("text/html", answer.headers["content-type"])
        assert.matches("400 Bad Request", answer.body, 1, true)
      end)
    end
  end)

  describe("as plex.tv", function()
    for _, base in ipairs { "", "/api/v2" } do
      it(("describes the account at %s/user"):format(base), function()
        local answer = ask(server, ("GET %s/user"):format(base),
          with(json, token))
        assert.equal(200, answer.status)
        assert.equal("application/json; charset=utf-8",
          answer.headers["content-type"])
        local account = cjson.decode(answer.body)
        assert.equal("birch", account.username)
        assert.equal("us+er@example.com", account.email)
        assert.equal("tok&<en>", account.authToken)
        local documented = cjson.decode(sample "get-token-details.200.json")
        documented.pin, documented.subscriptions = nil, nil
        assert_shape(documented, account, "")
        assert.is_nil(account.trials)
      end)

      it(("signs in at %s/users/signin"):format(base), function()
        local answer = ask(server, ("POST %s/users/signin"):format(base),
          with(json, client, form), right)
        assert.equal(201, answer.status)
        local account = cjson.decode(answer.body)
        assert.equal("tok&<en>", account.authToken)
        assert.is_false(account.twoFactorEnabled)
        assert_shape(cjson.decode(sample "account-full.201.json"), account, "")
      end)
    end

    it("writes the account as XML", function()
      local body = ask(server, "GET /user", token).body
      for _, part in ipairs { '<user [^>]*authToken="tok&amp;&lt;en&gt;"',
        ' locale=""', ' hasPassword="1"', ' home="0"', ' id="22800682"',
        '<features><feature id="pass"/><feature id="webhooks"/></features>',
        "<profile [^>]+/>", "<entitlements/>",
        '<roles><role id="plexpass"/></roles>',
        "<services><service [^>]+/></services>", "</user>$" } do
        assert.matches(part, body)
      end
    end)

    it("takes the user name and the client's name from the query", function()
      local answer = ask(server,
        "POST /users/signin?X-Plex-Client-Identifier=spec",
        with(json, form), "login=birch&password=a%20b%26c%25")
      assert.equal(201, answer.status)
    end)

    it("lets a remembered sign-in last longer", function()
      local ends = {}
      for i, choice in ipairs { "false", "true" } do
        local answer = ask(server, "POST /users/signin",
          with(json, client, form), right .. "&rememberMe=" .. choice)
        ends[i] = cjson.decode(answer.body).rememberExpiresAt
      end
      assert.is_true(ends[1] > os.time())
      assert.is_true(ends[2] > ends[1] + 24 * 60 * 60)
    end)

    local refused = {
      { "no token", "get-token-details.401.json", "GET /user", json },
      { "a wrong token", "get-token-details.401.json", "GET /user",
        with(json, { ["X-Plex-Token"] = "tok&" }) },
      { "no client identifier", "post-users-sign-in-data.400.json",
        "POST /users/signin", with(json, form), right },
      { "an empty client identifier", "post-users-sign-in-data.400.json",
        "POST /users/signin",
        with(json, form, { ["X-Plex-Client-Identifier"] = "" }), right },
      { "a wrong login", "post-users-sign-in-data.401.json",
        "POST /users/signin", with(json, client, form),
        (right:gsub("us", "x", 1)) },
      { "a wrong password", "post-users-sign-in-data.401.json",
        "POST /users/signin", with(json, client, form), right .. "x" },
      { "a body that is no form", "post-users-sign-in-data.401.json",
        "POST /users/signin", with(json, client), right },
    }
    for _, case in ipairs(refused) do
      it("refuses " .. case[1], function()
        local expected = cjson.decode(sample(case[2]))
        local answer = ask(server, unpack(case, 3))
        assert.equal(expected.errors[1].status, answer.status)
        assert.same(expected, cjson.decode(answer.body))
      end)
    end

    it("refuses in 83 bytes, as recorded", function()
      local answer = ask(server, "GET /user", json)
      assert.equal('{"errors":[{"code":1001,"message":'
        .. '"User could not be authenticated","status":401}]}', answer.body)
      assert.equal(83, #answer.body)
    end)

    it("refuses in XML where JSON is not asked for", function()
      local answer = ask(server, "GET /user")
      assert.equal(401, answer.status)
      assert.equal("application/xml; charset=utf-8",
        answer.headers["content-type"])
      assert.matches('<errors><error code="1001" message="User could not be '
        .. 'authenticated" status="401"/></errors>', answer.body, 1, true)
    end)

    local verbs = { "POST /user", "GET /users/signin", "PUT /api/v2/user" }
    for _, start in ipairs(verbs) do
      it("answers 405 to " .. start, function()
        local answer = ask(server, start, with(json, token, client))
        assert.equal(405, answer.status)
        assert.equal(1005, cjson.decode(answer.body).errors[1].code)
      end)
    end

    for _, target in ipairs { "/", "/user/", "/api/v2//user", "/users",
      "/api/v2/security/token", "/api/v2" } do
      it("answers 404 to " .. target, function()
        local answer = ask(server, "GET " .. target, with(json, token))
        assert.equal(404, answer.status)
        assert.equal('{"status":404,"error":"Not Found"}', answer.body)
      end)
    end
  end)

  it("answers 405 in HTML as a media server", function()
    local answer = ask(server, "POST /security/token", with(json, token), "")
    assert.equal(405, answer.status)
    assert.equal("text/html", answer.headers["content-type"])
  end)

  describe("with a verification code", function()
    local two_factor

    setup(function()
      two_factor = mock.start { verification_code = "123456" }
    end)

    teardown(function() two_factor:stop() end)

    local login = "login=user%40example.com&password=secret"
    for code, expected in pairs {
      [""] = "extra.signin-2fa-required.401.json",
      ["&verificationCode="] = "extra.signin-2fa-required.401.json",
      ["&verificationCode=12345"] = "extra.signin-invalid-code.401.json",
    } do
      it(("refuses %q"):format(code), function()
        local answer = ask(two_factor, "POST /users/signin",
          with(json, client, form), login .. code)
        assert.equal(401, answer.status)
        assert.same(cjson.decode(sample(expected)),
          cjson.decode(answer.body))
      end)
    end

    it("tells of the code only after the password", function()
      local answer = ask(two_factor, "POST /users/signin",
        with(json, client, form), login .. "x")
      assert.equal(1001, cjson.decode(answer.body).errors[1].code)
    end)

    it("takes the right one", function()
      local answer = ask(two_factor, "POST /users/signin",
        with(json, client, form), login .. "&verificationCode=123456")
      assert.equal(201, answer.status)
      assert.is_true(cjson.decode(answer.body).twoFactorEnabled)
    end)
  end)

  ---------------------------------------------------------------- HTTP

  describe("speaks HTTP", function()
    local get = write("GET /user", with(json, token))

    it("over one connection, in pieces and in a row", function()
      local conn = connect(server)
      for piece in get:gmatch("..?.?.?.?.?.?") do assert(conn:send(piece)) end
      assert.equal(200, receive(conn).status)
      assert(conn:send(get .. write("HEAD /user") .. get))
      assert.equal(200, receive(conn).status)
      assert.equal(405, receive(conn, true).status)
      assert.equal(200, receive(conn).status)
      conn:close()
    end)

    for name, request in pairs {
      ["Connection: close"] = write("GET /user", { Connection = "close" }),
      ["HTTP/1.0"] = "GET /user HTTP/1.0\r\n\r\n",
    } do
      it("and closes after " .. name, function()
        local conn = connect(server)
        assert(conn:send(request))
        assert.equal("close", receive(conn).headers.connection)
        wait_for_end(conn)
      end)
    end

    it("and says 100 Continue to who waits for it", function()
      local conn = connect(server)
      assert(conn:send(write("POST /users/signin", with(json, form, client,
        { Expect = "100-continue", ["Content-Length"] = #right }))))
      assert.equal("HTTP/1.1 100 Continue", conn:receive())
      assert.equal("", conn:receive())
      assert(conn:send(right))
      assert.equal(201, receive(conn).status)
      conn:close()
    end)

    local broken = {
      { 400, "what?\r\n\r\n" },
      { 400, "GET /user HTTP/1.1\r\nContent-Length: -1\r\n\r\n" },
      { 411, "POST /user HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" },
      { 413, "POST /user HTTP/1.1\r\nContent-Length: 65537\r\n\r\n" },
      { 431, "GET /user HTTP/1.1\r\nX: " .. ("x"):rep(16400) },
    }
    for _, case in ipairs(broken) do
      it(("and refuses %q... with %d"):format(case[2]:sub(1, 40), case[1]),
        function()
          local conn = connect(server)
          assert(conn:send(case[2]))
          assert.equal(case[1], receive(conn).status)
          wait_for_end(conn)
        end)
    end

    it("with others while one does not read, and loses nothing", function()
      local late = connect(server)
      -- 8 MB of answers, more than the system buffers
      assert(late:send(get:rep(4000)))
      assert.equal(401, ask(server, "GET /user", json).status)
      for _ = 1, 4000 do
        local answer = receive(late)
        assert(answer.status == 200 and answer.body:sub(-1) == "}")
      end
      late:close()
    end)

    it("with 512 at a time; the next one waits", function()
      local conns = {}
      for i = 1, 513 do
        conns[i] = connect(server)
        assert(conns[i]:send(get))
      end
      for i = 1, 512 do assert.equal(200, receive(conns[i]).status) end
      assert(conns[1]:send(get))
      assert.equal(200, receive(conns[1]).status)
      assert.same({}, (socket.select({ conns[513] }, nil, 0)))
      conns[1]:close()
      assert.equal(200, receive(conns[513]).status)
      for i = 2, 513 do conns[i]:close() end
    end)
  end)
end)

------------------------------------------------------------ what it received

describe("the requests of a stand-in", function()
  local server

  before_each(function() server = mock.start() end)
  after_each(function() server:stop() end)

  it("are none at first", function()
    assert.same({}, server:requests())
  end)

  it("are told in order, decoded", function()
    ask(server, "GET /user?a=1&b=x%2By+z&c&a=2", { ["X-A"] = "  v:w  " })
    ask(server, "POST /nowhere", { ["Content-Type"]
      = "application/x-www-form-urlencoded; charset=utf-8" },
      "login=a%40b&password=%00%FF+")
    local first, second = unpack(server:requests())
    assert.same({ method = "GET", path = "/user", body = "",
      query = { a = "2", b = "x+y z", c = "" },
      headers = { host = "127.0.0.1", ["x-a"] = "v:w" } }, first)
    assert.equal("/nowhere", second.path)
    assert.equal("login=a%40b&password=%00%FF+", second.body)
    assert.same({ login = "a@b", password = "\0\255 " }, second.form)
    assert.equal(2, #server:requests())
  end)

  it("are the newest thousand", function()
    local conn = connect(server)
    for i = 1, 1001 do
      assert(conn:send(write("GET /?n=" .. i)))
      receive(conn)
    end
    conn:close()
    local requests = server:requests()
    assert.equal(1000, #requests)
    assert.equal("2", requests[1].query.n)
    assert.equal("1001", requests[1000].query.n)
  end)

  it("are no longer told after stop", function()
    server:stop()
    assert.has_error(function() server:requests() end)
  end)
end)

----------------------------------------------------------------- its process

describe("the process of a stand-in", function()
  after_each(remove_files)

  local function held_connection(server)
    local conn = connect(server)
    conn:send(write("GET /user"))
    receive(conn)
    return conn
  end

  it("ends with stop, which may be repeated", function()
    local server = mock.start()
    local conn = held_connection(server)
    assert.equal("plexauth.MockServer (" .. server.url .. ")",
      tostring(server))
    server:stop()
    assert.is_true(refuses(server))
    wait_for_end(conn)
    server:stop()
    assert.equal("plexauth.MockServer (stopped)", tostring(server))
  end)

  ---Call while another process has inherited this one's descriptors.
  local function with_heir(action)
    local heir = io.popen("echo $$; exec sleep 60")
    local pid = heir:read()
    action()
    os.execute("kill " .. pid)
    heir:close()
  end

  it("ends with stop though another process has the connection", function()
    local server = mock.start()
    with_heir(function() server:stop() end)
    assert.is_true(refuses(server))
  end)

  -- Lua 5.1 finalizes no tables: there, the socket's own finalizer must do.
  local with_finalizer = _VERSION == "Lua 5.1"
    and function(action) action() end or with_heir

  it("ends when nobody refers to it", function()
    local server = mock.start()
    local conn = held_connection(server)
    with_finalizer(function()
      server = nil -- luacheck: ignore 311
      collectgarbage()
      collectgarbage()
      wait_for_end(conn)
    end)
  end)

  local with_close = (loadstring or load)(
    "local start, use = ... local s <close> = start() use(s)")
  it("ends with its variable's scope", function()
    if not with_close then return pending "this Lua has no <close>" end
    local server
    with_close(mock.start, function(s) server = s end)
    assert.is_true(refuses(server))
  end)

  it("ends with its parent, killed", function()
    local script = make_file(paths() .. [[
      local servers = { require("plexauth.mock").start(),
        require("plexauth.mock").start() }
      print(servers[1].url)
      print(servers[2].url)
      io.stdout:flush()
      require("socket").select(nil, nil, 60)]])
    local parent = io.popen(('echo $$; exec %s "%s"')
      :format(lua.program(), script:gsub("%$", "\\$")))
    local pid = parent:read()
    local one, other = { url = parent:read() }, { url = parent:read() }
    local conns = { held_connection(one), held_connection(other) }
    os.execute("kill -9 " .. pid)
    parent:close()
    for _, conn in ipairs(conns) do wait_for_end(conn) end
    assert.is_true(refuses(one) and refuses(other))
  end)

  it("leaves another one alone", function()
    local one, other = mock.start { token = "a" }, mock.start { token = "b" }
    assert.equal(200, ask(one, "GET /user?X-Plex-Token=a").status)
    assert.equal(200, ask(other, "GET /user?X-Plex-Token=b").status)
    assert.equal(401, ask(other, "GET /user?X-Plex-Token=a").status)
    one:stop()
    assert.is_true(refuses(one))
    assert.equal(2, #other:requests())
    other:stop()
  end)

  it("keeps no descriptor of its parent", function()
    local listeners, ports = {}, {}
    for i = 1, 3 do
      listeners[i] = assert(socket.bind("127.0.0.1", 0))
      ports[i] = select(2, listeners[i]:getsockname())
    end
    local server = mock.start()
    for i = 1, 3 do
      listeners[i]:close()
      assert.is_true(refuses { url = "http://127.0.0.1:" .. ports[i] })
    end
    server:stop()
  end)

  ---Start one and tell its process id.
  local function start_known(options)
    local pid_file = make_file("")
    options.lua = make_file(('#!/bin/sh\necho $$ >"%s"\nexec %s "$@"\n')
      :format(pid_file:gsub("%$", "\\$"), lua.program()), true)
    local server = mock.start(options)
    return server, assert(tonumber(read_file(pid_file)))
  end

  local proc = io.open("/proc/self/cmdline")
  if proc then
    proc:close()

    it("shows no setting to ps", function()
      local server, pid = start_known { token = "s3cret", login = "s3cret",
        password = "s3cret", verification_code = "s3cret" }
      local line = read_file(("/proc/%d/cmdline"):format(pid))
      assert.matches("loadstring", line, 1, true)
      assert.not_matches("s3cret", line, 1, true)
      assert.not_matches("s3cret",
        read_file(("/proc/%d/environ"):format(pid)), 1, true)
      server:stop()
    end)

    it("leads a process group of its own, out of Ctrl-C's reach", function()
      local server, pid = start_known {}
      local group = read_file(("/proc/%d/stat"):format(pid))
        :match("%) %u %d+ (%d+) ")
      assert.equal(pid, tonumber(group))
      server:stop()
    end)
  end

  it("is known by its nonce", function()
    local rogue = make_file(paths() .. [[
      local line = io.read()
      local caller = require("socket").connect("127.0.0.1",
        line:match("run%((%d+)"))
      caller:send(("0"):rep(32))
      caller:receive()
      assert((loadstring or load)(line))()]])
    local wrapper = make_file(('#!/bin/sh\nexec %s "%s"\n')
      :format(lua.program(), rogue:gsub("%$", "\\$")), true)
    local server = mock.start { lua = wrapper }
    assert.equal(401, ask(server, "GET /user").status)
    server:stop()
  end)
end)

---------------------------------------------------------------------- misuse

describe("mock.start", function()
  after_each(remove_files)

  local cases = {
    { { tokn = "hush" }, "unknown field 'tokn', did you mean 'token'?" },
    { { user_name = "hush" }, "did you mean 'username'?" },
    { { verification = "hush" }, "did you mean 'verification_code'?" },
    { { "hush" }, "takes named fields only" },
    { { password = 4711 }, "password must be a string of" },
    { { lua = true }, "lua must be a string of" },
    { "hush", "takes a table" },
    { false, "start: takes a table" },
  }
  for _, case in ipairs(cases) do
    it("raises at the caller's line: " .. case[2], function()
      local fine, message = pcall(function() mock.start(case[1]) end)
      assert.is_false(fine)
      assert.matches("mock_spec.lua:%d+: plexauth.mock.start: ", message)
      assert.matches(case[2], message, 1, true)
      assert.not_matches("hush", message, 1, true)
      assert.not_matches("4711", message, 1, true)
    end)
  end

  it("notices a child that ends at once", function()
    local began = socket.gettime()
    local fine, message = pcall(function() mock.start { lua = "false" } end)
    assert.is_false(fine)
    assert.is_true(socket.gettime() - began < seconds)
    assert.matches("mock_spec.lua:%d+: ", message)
    assert.matches("it ended at once", message, 1, true)
    assert.matches("luasocket and lua-cjson", message, 1, true)
  end)

  it("gives up a child that does not call", function()
    local silent = make_file("#!/bin/sh\nexec cat\n", true)
    local gettime, ahead = socket.gettime, 0
    socket.gettime = function() -- luacheck: ignore 122
      ahead = ahead + 11
      return gettime() + ahead
    end
    local fine, message = pcall(mock.start, { lua = silent })
    socket.gettime = gettime -- luacheck: ignore 122
    assert.is_false(fine)
    assert.matches("it did not call back within 30 s", message, 1, true)
  end)

  for module, package_names in pairs {
    socket = "LuaSocket (LuaRocks: luasocket, Debian: lua-socket)",
    cjson = "lua-cjson (LuaRocks: lua-cjson, Debian: lua-cjson)",
  } do
    it("is not there without " .. module, function()
      local loaded = package.loaded[module]
      package.loaded[module], package.loaded["plexauth.mock"] = nil, nil
      package.preload[module] = function() error("not installed") end
      local fine, message = pcall(require, "plexauth.mock")
      package.preload[module] = nil
      package.loaded[module], package.loaded["plexauth.mock"] = loaded, mock
      assert.is_false(fine)
      assert.matches(package_names, message, 1, true)
    end)
  end
end)
