-- What leaves, byte for byte: read back from a server that records it. Only
-- the order of the header lines is left open. All that is expected is written
-- out by hand, so that no encoder is held against itself.

local endpoints = require "plexauth.endpoints"
local faults = require "spec.support.faults"
local plexauth = require "plexauth"
local request = require "plexauth.request"
local url = require "plexauth.url"

local agent = "plexauth/" .. plexauth._VERSION

local form = "application/x-www-form-urlencoded"

-- The least that each operation asks for, and what is then to be seen.
local operations = {
  {
    name = "get_transient_token", base = "server_url",
    start = "GET %s/security/token?type=delegation&scope=all HTTP/1.1",
    args = {}, headers = {},
  },
  {
    name = "get_source_connection_information", base = "server_url",
    start = "GET %s/security/resources?source=server%%3A%%2F%%2Fab HTTP/1.1",
    args = { source = "server://ab" }, headers = {},
  },
  {
    name = "get_token_details", base = "account_url",
    start = "GET %s/user HTTP/1.1",
    args = { access_token = "tok" }, headers = { ["X-Plex-Token"] = "tok" },
  },
  {
    name = "post_users_sign_in_data", base = "account_url", status = 201,
    start = "POST %s/users/signin HTTP/1.1",
    args = { login = "a@b.example", password = "pw", client_id = "id" },
    body = "login=a%40b.example&password=pw&rememberMe=false",
    headers = { ["X-Plex-Client-Identifier"] = "id" },
  },
}

local sign_in = operations[4]

local function merge(...)
  local all = {}
  for _, set in ipairs { ... } do
    for name, value in pairs(set) do all[name] = value end
  end
  return all
end

---A request as start line, header lines in order of the alphabet, and body.
local function parts(raw)
  local head, body = raw:match("^(.-)\r\n\r\n(.*)$")
  local start, lines = nil, {}
  for line in (head .. "\r\n"):gmatch("(.-)\r\n") do
    if start then lines[#lines + 1] = line else start = line end
  end
  table.sort(lines)
  return { start = start, headers = lines, body = body }
end

---The same of what is expected. `headers` are those beside the usual ones.
local function wanted(server, start, headers, body)
  local all = merge({
    Host = server.url:match("//(.*)$"), Accept = "application/json",
    ["User-Agent"] = agent,
  }, headers)
  if body then
    all["Content-Type"], all["Content-Length"] = form, #body
  end
  local lines = {}
  for name, value in pairs(all) do lines[#lines + 1] = name .. ": " .. value end
  table.sort(lines)
  return { start = start, headers = lines, body = body or "" }
end

describe("what leaves", function()
  local host, server

  local function listen(options)
    return host:listen(merge({ rows = { { body = "{}" } } }, options or {}))
  end

  setup(function() host = faults.start() end)
  teardown(function() host:stop() end)

  before_each(function() server = listen() end)
  after_each(function() server:close() end)

  ---Make the call on a client of its own; the parts of the one request sent.
  local function sent(operation, options, args, where)
    local plex = plexauth.new(merge({ retries = 0 }, options))
    local _, response = plex[operation.name](plex, args)
    plex:close()
    local log = (where or server):log()
    assert.equal(1, #log.requests, tostring(response))
    return parts(log.requests[1].raw), log.requests[1].raw
  end

  ---The call succeeds where the status is the one due.
  local function succeeds(operation, options, args)
    local there = listen {
      rows = { { status = operation.status or 200, body = "{}" } },
    }
    local plex = plexauth.new(merge(options, {
      server_url = there.url, account_url = there.url }))
    local result, response = plex[operation.name](plex, args)
    plex:close()
    there:close()
    assert.is_truthy(result, tostring(response))
  end

  --------------------------------------------------------- the operations

  for _, operation in ipairs(operations) do
    it("is exact for " .. operation.name .. " with no option set", function()
      local options = { [operation.base] = server.url }
      assert.same(wanted(server, operation.start:format(""), operation.headers,
        operation.body), (sent(operation, options, operation.args)))
      succeeds(operation, options, operation.args)
    end)
  end

  ---Every option that there is, but for those that say where to go.
  local function every_option()
    return {
      access_token = "token-1", client_id = "client-1", client_name = "Shelf",
      client_version = "1.0", client_platform = "Linux", device_name = "nas",
      user_agent = "agent/1", server_url = server.url,
      account_url = server.url, timeout = 60, connect_timeout = 10,
      retries = 1, ca_file = "/nowhere/ca.pem", ca_path = "/nowhere",
      resolve = { ["plex.example:80"] = "127.0.0.1" },
      max_response_bytes = 1000, allow_insecure = true,
      logger = function() end, wait = function() return false end,
    }
  end

  local identity = {
    ["X-Plex-Client-Identifier"] = "client-1", ["X-Plex-Product"] = "Shelf",
    ["X-Plex-Version"] = "1.0", ["X-Plex-Platform"] = "Linux",
    ["X-Plex-Device"] = "nas", ["User-Agent"] = "agent/1",
  }

  local token = { ["X-Plex-Token"] = "token-1" }

  for _, operation in ipairs(operations) do
    local signs_in = operation == sign_in

    it("is exact for " .. operation.name .. " with every option", function()
      local args = merge(operation.args)
      args.access_token, args.client_id = nil, nil
      assert.same(wanted(server, operation.start:format(""),
        merge(identity, signs_in and {} or token), operation.body),
        (sent(operation, every_option(), args)))
    end)

    it("is exact for " .. operation.name .. " with all of a call", function()
      local args = merge(operation.args, {
        server_url = server.url .. "/base/", access_token = "token-2",
        timeout = 50, retries = 0,
        client_id = signs_in and "client-2" or nil,
      })
      local own = { ["X-Plex-Client-Identifier"] =
        signs_in and "client-2" or "client-1" }
      if not signs_in then own["X-Plex-Token"] = "token-2" end
      local options = every_option()
      options.server_url = "http://127.0.0.1:1"
      options.account_url = options.server_url
      assert.same(wanted(server, operation.start:format("/base"),
        merge(identity, own), operation.body),
        (sent(operation, options, args)))
    end)
  end

  ------------------------------------------------------ values of all sorts

  -- raw, as a header takes it; and in the encodings of a query and a form
  local odd = {
    raw = "a b \195\164&b=c+d%2Fe%/?#;\"'\\\195\159:,~*",
    query = "a%20b%20%C3%A4%26b%3Dc%2Bd%252Fe%25%2F%3F%23%3B%22%27%5C%C3%9F"
      .. "%3A%2C~%2A",
    form = "a+b+%C3%A4%26b%3Dc%2Bd%252Fe%25%2F%3F%23%3B%22%27%5C%C3%9F%3A%2C"
      .. "%7E*",
  }

  local function odd_options()
    return {
      access_token = "token " .. odd.raw, client_id = "id " .. odd.raw,
      client_name = "name " .. odd.raw, client_version = "version " .. odd.raw,
      client_platform = "platform " .. odd.raw,
      device_name = "device " .. odd.raw, user_agent = "agent " .. odd.raw,
      server_url = server.url, account_url = server.url,
    }
  end

  local function odd_identity()
    return {
      ["X-Plex-Client-Identifier"] = "id " .. odd.raw,
      ["X-Plex-Product"] = "name " .. odd.raw,
      ["X-Plex-Version"] = "version " .. odd.raw,
      ["X-Plex-Platform"] = "platform " .. odd.raw,
      ["X-Plex-Device"] = "device " .. odd.raw,
      ["User-Agent"] = "agent " .. odd.raw,
    }
  end

  local odd_token = { ["X-Plex-Token"] = "token " .. odd.raw }

  it("has odd values as they are in headers", function()
    assert.same(wanted(server,
      "GET /security/token?type=delegation&scope=all HTTP/1.1",
      merge(odd_identity(), odd_token)),
      (sent(operations[1], odd_options(), {})))
  end)

  it("has odd values encoded in a query", function()
    local source = "server://" .. odd.raw
    assert.same(wanted(server,
      "GET /security/resources?source=server%3A%2F%2F" .. odd.query
        .. " HTTP/1.1", merge(odd_identity(), odd_token)),
      (sent(operations[2], odd_options(), { source = source })))
  end)

  it("has odd values encoded in a form", function()
    local args = {
      login = "login " .. odd.raw, password = "password " .. odd.raw,
      verification_code = "code " .. odd.raw, remember_me = true,
    }
    assert.same(wanted(server, "POST /users/signin HTTP/1.1", odd_identity(),
      "login=login+" .. odd.form .. "&password=password+" .. odd.form
        .. "&rememberMe=true&verificationCode=code+" .. odd.form),
      (sent(sign_in, odd_options(), args)))
  end)

  it("names a source by every byte there is", function()
    local bytes, encoded = {}, {}
    for i = 0, 255 do
      bytes[i + 1] = string.char(i)
      encoded[i + 1] = bytes[i + 1]:find("^[%w._~-]") and bytes[i + 1]
        or ("%%%02X"):format(i)
    end
    assert.equal("GET /security/resources?source="
      .. table.concat(encoded) .. " HTTP/1.1",
      sent(operations[2], { server_url = server.url },
        { source = table.concat(bytes) }).start)
  end)

  -- a password, and what it becomes
  local passwords = {
    { "a\0b", "a%00b" }, { "\0", "%00" }, { "a\r\nb: c", "a%0D%0Ab%3A+c" },
    { " ", "+" }, { "+", "%2B" }, { "%20", "%2520" },
    { "&login=x", "%26login%3Dx" },
    { "p\195\164ssw\195\182rd", "p%C3%A4ssw%C3%B6rd" }, { "\255", "%FF" },
    { ("x"):rep(4096), ("x"):rep(4096) },
    { ("\255"):rep(4096), ("%FF"):rep(4096) },
  }

  for i, pair in ipairs(passwords) do
    it("holds the password whole, number " .. i, function()
      local args = merge(sign_in.args, { password = pair[1] })
      assert.same(wanted(server, "POST /users/signin HTTP/1.1",
        sign_in.headers, "login=a%40b.example&password=" .. pair[2]
          .. "&rememberMe=false"),
        (sent(sign_in, { account_url = server.url }, args)))
    end)
  end

  it("asks for no other life of a token unless told to", function()
    for value, text in pairs { [true] = "true", [false] = "false" } do
      local there = listen()
      local args = merge(sign_in.args, { remember_me = value })
      assert.equal("login=a%40b.example&password=pw&rememberMe=" .. text,
        sent(sign_in, { account_url = there.url }, args, there).body)
      there:close()
    end
  end)

  ------------------------------------------------------------- the secrets

  it("never has the token in a URL, a body or a sign-in", function()
    for _, operation in ipairs(operations) do
      local there = listen()
      local options = { access_token = "canary", server_url = there.url,
        account_url = there.url, client_id = "id" }
      local args = merge(operation.args, { access_token = "canary" })
      local seen, raw = sent(operation, options, args, there)
      there:close()
      local _, count = raw:gsub("canary", "")
      assert.equal(operation == sign_in and 0 or 1, count)
      assert.is_nil((seen.start .. seen.body):find("canary", 1, true))
    end
  end)

  it("asks a token function once a call, and never to sign in", function()
    local asked = 0
    local function ask()
      asked = asked + 1
      return "token-" .. asked
    end
    local there = listen { rows = { { body = "{}" }, { body = "{}" },
      { status = 201, body = "{}" } } }
    local plex = plexauth.new { access_token = ask, account_url = there.url }
    assert(plex:get_token_details())
    assert(plex:get_token_details { access_token = ask })
    assert(plex:post_users_sign_in_data(merge(sign_in.args,
      { access_token = ask })))
    plex:close()
    local requests = there:log().requests
    there:close()
    assert.equal("token-1", requests[1].headers["x-plex-token"])
    assert.equal("token-2", requests[2].headers["x-plex-token"])
    assert.is_nil(requests[3].headers["x-plex-token"])
    assert.equal(2, asked)
  end)

  it("keeps no cookie", function()
    local there = listen { rows = { { body = "{}", headers = {
      { "Set-Cookie", "_my-plex_session_32=x; path=/" } } } } }
    local plex = plexauth.new { access_token = "tok",
      account_url = there.url }
    assert(plex:get_token_details())
    assert(plex:get_token_details())
    plex:close()
    local requests = there:log().requests
    there:close()
    assert.equal(2, #requests)
    assert.equal(requests[1].raw, requests[2].raw)
    assert.same(wanted(there, "GET /user HTTP/1.1", operations[3].headers),
      parts(requests[2].raw))
  end)

  ----------------------------------------------------------- where it goes

  -- what a base URL may end with, and the path before the operation's own
  local endings = {
    { "", "" }, { "/", "" }, { "//", "" }, { "/base", "/base" },
    { "/base/", "/base" }, { "/a/b%20c", "/a/b%20c" },
    { "/a/b%20c//", "/a/b%20c" },
  }

  for _, operation in ipairs(operations) do
    it("has one slash before the path of " .. operation.name, function()
      for _, ending in ipairs(endings) do
        for _, place in ipairs { "option", "argument" } do
          local there = listen()
          local base = there.url .. ending[1]
          local options = { [operation.base] = base }
          local args = operation.args
          if place == "argument" then
            options, args = {}, merge(args, { server_url = base })
          end
          assert.equal(operation.start:format(ending[2]),
            sent(operation, options, args, there).start)
          there:close()
        end
      end
    end)
  end

  it("goes where protocol, ip and port say", function()
    for _, ip in ipairs { "127.0.0.1", "localhost" } do
      for _, port in ipairs { server.port, tostring(server.port) } do
        local there = listen()
        local options = { protocol = "http", ip = ip,
          port = port == server.port and there.port or tostring(there.port) }
        local seen = sent(operations[1], options, {}, there)
        there:close()
        assert.equal(operations[1].start:format(""), seen.start)
        local line = ("Host: %s:%d"):format(ip, there.port)
        assert.equal(line, seen.headers[2])
      end
    end
  end)

  it("puts brackets around an IPv6 address", function()
    local possible, there = pcall(listen, { host = "::1" })
    if not possible then return pending "no IPv6 on this machine" end
    there:close()
    for _, options in ipairs { { ip = "::1" }, { ip = "[::1]" }, {} } do
      there = listen { host = "::1" }
      if options.ip then
        options.protocol, options.port = "http", there.port
      else
        options.server_url = there.url
      end
      local seen = sent(operations[1], options, {}, there)
      there:close()
      assert.equal("Host: [::1]:" .. there.port, seen.headers[2])
    end
  end)

  it("goes to https, port 32400 and plex.tv by itself", function()
    local places = {
      [operations[1]] = { "10.0.0.1:32400", { ip = "10.0.0.1" } },
      [operations[2]] = { "[fe80::1]:32400", { ip = "fe80::1" } },
      [operations[3]] = { "plex.tv:443", {} },
      [sign_in] = { "plex.tv:443", {} },
    }
    for operation, place in pairs(places) do
      local there = listen { rows = { { status = 403, after = "fin" } } }
      local options = merge(place[2], { proxy = there.url })
      local seen = sent(operation, options, operation.args, there)
      there:close()
      assert.equal("CONNECT " .. place[1] .. " HTTP/1.1", seen.start)
      -- and tells the proxy nothing
      assert.is_nil(table.concat(seen.headers, "\n"):find("X-Plex", 1, true))
    end
  end)

  it("lets the call's server_url, token and time count", function()
    local other = listen { rows = { { hold = "for ever" } } }
    local plex = plexauth.new { server_url = server.url, retries = 0 }
    local result, err = plex:get_transient_token { server_url = other.url,
      access_token = "tok", timeout = 0.05 }
    plex:close()
    assert.is_nil(result)
    assert.equal("timeout", err.kind)
    assert.equal(0, server:log().connections)
    assert.equal("tok", other:log().requests[1].headers["x-plex-token"])
    other:close()
  end)

  it("lets the call's retries count", function()
    local there = listen { rows = { { status = 503 } } }
    local plex = plexauth.new { server_url = there.url, retries = 10 }
    local _, err = plex:get_transient_token { retries = 0 }
    plex:close()
    assert.equal(503, err.status)
    assert.equal(1, #there:log().requests)
    there:close()
  end)
end)

---------------------------------------------------------- without a network

describe("plexauth.request", function()
  local rows = {}
  for _, row in ipairs(endpoints) do rows[row.name] = row end

  local client = {
    identity = { "Accept: application/json" }, timeout = 30, retries = 2,
    server = url.parse "https://nas.example:32400",
    account = url.parse "https://plex.tv/api/v2",
  }

  local function build(name, args, given)
    return assert(request.build(rows[name], client, args or {}, given))
  end

  it("takes time and retries from the call before the client", function()
    local built = build("get_transient_token")
    assert.same({ 30, 2 }, { built.timeout, built.retries })
    built = build("get_transient_token", { timeout = 1, retries = 0 })
    assert.same({ 1, 0 }, { built.timeout, built.retries })
  end)

  it("sends sign-in once, whatever the retries", function()
    local built = build("post_users_sign_in_data",
      { login = "l", password = "p", retries = 5 })
    assert.same({ true, 0 }, { built.once, built.retries })
    assert.is_nil(build("get_token_details", {}, "t").once)
  end)

  it("asks plex.tv by its own path", function()
    local built = build("get_token_details", {}, "t")
    assert.equal("https://plex.tv/api/v2/user", built.url)
    assert.equal("/api/v2/user", built.path)
  end)

  it("has no query in the path that a logger is told", function()
    assert.equal("/security/token", build("get_transient_token").path)
  end)

  it("knows what is secret in a call", function()
    assert.same({ "t" }, build("get_transient_token", {}, "t").secrets)
    assert.same({}, build("get_transient_token").secrets)
    assert.same({ "p", "c" }, build("post_users_sign_in_data", { login = "l",
      password = "p", verification_code = "c" }, "t").secrets)
  end)

  it("leaves the client's own lines as they are", function()
    build("post_users_sign_in_data",
      { login = "l", password = "p", client_id = "other" }, "t")
    build("get_token_details", {}, "t")
    assert.same({ "Accept: application/json" }, client.identity)
  end)

  it("makes a base of protocol, ip and port", function()
    assert.equal("https://nas:32400", request.base_of { ip = "nas" })
    assert.equal("http://[::1]:80",
      request.base_of { ip = "::1", protocol = "http", port = 80 })
    assert.equal("https://[::1]:8443",
      request.base_of { ip = "[::1]", port = "8443" })
  end)
end)
