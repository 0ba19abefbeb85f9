-- Misuse raises at the caller's line, before any socket is opened, and never
-- tells the value. What a client shows of itself, and how it ends.
--
-- Every value that is refused here holds "canary" or 7654321 where it can.

local endpoints = require "plexauth.endpoints"
local faults = require "spec.support.faults"
local lfs = require "lfs" -- busted's own
local plexauth = require "plexauth"

local here = debug.getinfo(1, "S").short_src

local nan, inf = 0 / 0, math.huge

-- What each method cannot do without, beside what `client` below has.
local needed = {
  get_transient_token = {},
  get_source_connection_information = { source = "server://x" },
  get_token_details = {},
  post_users_sign_in_data = { login = "x", password = "x" },
}

local account_methods = { "get_token_details", "post_users_sign_in_data" }

local function merge(...)
  local all = {}
  for _, set in ipairs { ... } do
    for name, value in pairs(set) do all[name] = value end
  end
  return all
end

local function starts(text, start)
  assert.equal(start, text:sub(1, #start))
end

local function contains(text, part)
  assert.is_truthy(text:find(part, 1, true), text)
end

local function tells_no_value(message)
  assert.is_nil(message:find("canary", 1, true), message)
  assert.is_nil(message:find("7654321", 1, true), message)
end

local function open_files()
  local n = 0
  for _ in lfs.dir("/dev/fd") do n = n + 1 end
  return n
end

---Call what must raise. A client's first call, however it ends, opens files
---that stay open with the client: so none may be open that was not before.
---@return string message without the place, which is looked at
local function refusal(callee, ...)
  local line
  local before = open_files()
  local ok, message = pcall(function(...)
    line = debug.getinfo(1, "l").currentline + 1
    callee(...)
  end, ...)
  assert.is_false(ok)
  assert.is_true(open_files() <= before)
  assert.equal("string", type(message))
  local place = ("%s:%d: "):format(here, line)
  starts(message, place)
  tells_no_value(message)
  return message:sub(#place + 1)
end

describe("plexauth", function()
  local host, server

  setup(function()
    host = faults.start()
    server = host:listen { rows = { { body = "{}" } } }
  end)

  teardown(function() host:stop() end)

  local function client(options)
    return plexauth.new(merge({
      server_url = server.url, account_url = server.url,
      access_token = "token", client_id = "id", retries = 0,
    }, options or {}))
  end

  describe("before anything is sent", function()
    -- kept, so that what a call opened would still be open
    local plex

    before_each(function() plex = client() end)

    after_each(function()
      plex:close()
      assert.equal(0, server:log().connections)
    end)

    local function new_refuses(name, value)
      local others = { server_url = server.url }
      if name == "ip" or name == "protocol" or name == "port" then
        others = { ip = "127.0.0.1" }
      end
      others[name] = value
      starts(refusal(plexauth.new, others), "plexauth.new: " .. name .. " ")
    end

    local function call_refuses(method, name, value)
      local args = merge(needed[method], { [name] = value })
      starts(refusal(plex[method], plex, args), method .. ": " .. name .. " ")
    end

    ------------------------------------------------------------ bad values

    local bad_urls = {
      "", "canary", "canary.example", "/canary", "//canary", "ftp://canary",
      "file:///canary", "javascript:canary", "http:/canary", "http://",
      "http:///canary", "http://:80/canary", " http://canary",
      "http://canary ", "http://can ary", "http://canary/a b",
      "http://canary\r\nX: y", "http://canary\0", "http://canary/\127",
      "http://c\195\164nary", "http://user@canary", "http://u:canary@host",
      "https://canary@plex.tv/", "http://canary?", "http://canary/?token=x",
      "http://canary#x", "http://canary/..", "http://canary/../a",
      "http://canary/./a", "http://canary/%2e%2e/", "http://canary/%zz",
      "http://canary/\\", "http://canary:", "http://canary:0",
      "http://canary:65536", "http://canary:-1", "http://canary:x",
      "http://[canary]", "http://[::1", "http://[1.2.3.4]",
      7654321, true, false, {}, print,
    }

    local no_header = { "", " ", "   ", "canary\n", "can\r\nary: x", "\0canary",
      7654321, true, false, {}, print }
    local no_token = { "", " ", "canary\n", 7654321, true, false, {} }
    local no_text = { "", ("canary"):rep(1000), 7654321, true, false, {},
      print }
    local no_file = { "", "/canary\0", "/canary\0.pem", 7654321, true, false,
      {}, print }
    local no_seconds = { 0, -0.5, -7654321, 7654321, 86401, nan, -nan, inf,
      -inf, "7654321", "canary", true, false, {}, print }
    local no_retries = { -1, 11, 0.5, 7654321, -7654321, nan, inf, -inf,
      "1", "canary", true, false, {}, print }
    local no_call = { "canary", 7654321, true, false, {} }
    local no_flag = { "canary", "true", 0, 1, 7654321, {}, print }

    local bad_options = {
      access_token = no_token, client_id = no_header, client_name = no_header,
      client_version = no_header, client_platform = no_header,
      device_name = no_header, user_agent = no_header,
      server_url = bad_urls, account_url = bad_urls,
      protocol = { "", "canary", "HTTP", "http://", "ftp", "https ", 7654321,
        true, false, {}, print },
      ip = { "", "can ary", "canary:80", "[canary]", "http://canary",
        "canary/x", "u@canary", "canary\0", "canary\r\n", "canary?", "[::1",
        "::1]", "1.2.3.4:80", "[1.2.3.4]", ":", "fe80::1%canary", 7654321,
        true, false, {}, print },
      port = { 0, -1, 65536, 7654321, 80.5, nan, inf, "", "0", "65536",
        "7654321", "canary", "80 ", "0x50", "1e3", true, false, {}, print },
      timeout = no_seconds, connect_timeout = no_seconds,
      retries = no_retries,
      max_response_bytes = { 0, -1, 0.5, -7654321, 2 ^ 31, nan, inf, "7654321",
        "canary", true, false, {}, print },
      ca_file = no_file, ca_path = no_file,
      proxy = { "", "canary", "canary:3128", "ENV", "ftp://canary", "http://",
        "http:///canary", "http://can ary", "http://canary\r\n",
        "http://u:canary@host:port", "http://u:can@ary@host",
        "http://u:canary@[::1", "socks6://canary", 7654321, true, false, {},
        print },
      resolve = { "canary", 7654321, true, false, print, { "127.0.0.1" },
        { canary = "127.0.0.1" }, { ["canary:0"] = "127.0.0.1" },
        { ["canary:65536"] = "127.0.0.1" }, { ["can ary:80"] = "127.0.0.1" },
        { ["canary:80"] = "canary.example" }, { ["canary:80"] = "" },
        { ["canary:80"] = 7654321 }, { ["canary:80"] = "127.0.0.256" },
        { ["canary:80"] = "127.0.0.1\r\n" }, { ["canary:80"] = "[::1" } },
      allow_insecure = no_flag, logger = no_call, wait = no_call,
    }

    for name, values in pairs(bad_options) do
      it("new refuses a bad " .. name, function()
        for _, value in ipairs(values) do new_refuses(name, value) end
      end)
    end

    local bad_args = {
      get_transient_token = {
        type = { "", "canary", "Delegation", 7654321, true, false, {} },
        scope = { "", "canary", "ALL", 7654321, true, false, {} },
      },
      get_source_connection_information = { source = no_text },
      get_token_details = {},
      post_users_sign_in_data = {
        login = no_text, password = no_text, verification_code = no_text,
        remember_me = no_flag, client_id = no_header,
      },
    }

    for _, row in ipairs(endpoints) do
      it(row.name .. " refuses a bad argument", function()
        local known = merge(bad_args[row.name], {
          server_url = bad_urls, access_token = no_token,
          timeout = no_seconds, retries = no_retries,
        })
        for name, values in pairs(known) do
          for _, value in ipairs(values) do
            call_refuses(row.name, name, value)
          end
        end
      end)

      it("looks at every argument of " .. row.name, function()
        for _, arg in ipairs(row.args) do
          assert.is_truthy(bad_args[row.name][arg.name], arg.name)
        end
      end)
    end

    -- What becomes a header line: a line break in it would write another.
    local function each_control_byte(refuses)
      for byte = 0, 127 do
        if byte < 32 or byte == 127 then
          local char = string.char(byte)
          refuses(char .. "canary")
          refuses("can" .. char .. "ary")
          refuses("canary" .. char)
        end
      end
    end

    for _, name in ipairs { "access_token", "client_id", "client_name",
      "client_version", "client_platform", "device_name", "user_agent" } do
      it("new refuses every control byte in " .. name, function()
        each_control_byte(function(value) new_refuses(name, value) end)
      end)
    end

    for _, row in ipairs(endpoints) do
      it(row.name .. " refuses every control byte in a header", function()
        each_control_byte(function(value)
          call_refuses(row.name, "access_token", value)
          if row.name == "post_users_sign_in_data" then
            call_refuses(row.name, "client_id", value)
          end
        end)
      end)
    end

    it("a default out of a metatable is no way around", function()
      local options = setmetatable({}, { __index = { timeout = "canary" } })
      starts(refusal(plexauth.new, options), "plexauth.new: timeout ")
      starts(refusal(plex.get_token_details, plex, options),
        "get_token_details: timeout ")
    end)

    -------------------------------------------------------------- bad names

    local function unknown(message, what, typo, nearest)
      assert.equal(("%s: unknown field '%s', did you mean '%s'?")
        :format(what, typo, nearest), message)
    end

    it("new names the option that an unknown one is nearest to", function()
      local typos = {
        acess_token = "access_token", token = "access_token",
        clientId = "client_id", client_identifier = "client_id",
        device = "device_name", server = "server_url", time_out = "timeout",
        retry = "retries", cafile = "ca_file", cert_path = "ca_path",
        insecure = "allow_insecure", useragent = "user_agent",
        max_response = "max_response_bytes", log = "logger", Proxy = "proxy",
      }
      for typo, nearest in pairs(typos) do
        unknown(refusal(plexauth.new, { [typo] = "canary" }), "plexauth.new",
          typo, nearest)
      end
    end)

    local typos_of = {
      get_transient_token = { typ = "type", scopes = "scope",
        acces_token = "access_token", token = "access_token" },
      get_source_connection_information = { sorce = "source",
        serverUrl = "server_url", connect_timeout = "timeout" },
      get_token_details = { time = "timeout", retry = "retries",
        server = "server_url" },
      post_users_sign_in_data = { pasword = "password", logins = "login",
        rememberMe = "remember_me", clientid = "client_id",
        code = "verification_code", verificationCode = "verification_code" },
    }

    for method, typos in pairs(typos_of) do
      it(method .. " names the argument nearest to an unknown", function()
        for typo, nearest in pairs(typos) do
          local args = merge(needed[method], { [typo] = "canary" })
          unknown(refusal(plex[method], plex, args), method, typo, nearest)
        end
      end)
    end

    it("takes named fields only", function()
      for _, odd in ipairs { { "canary" }, { [true] = "canary" } } do
        assert.equal("plexauth.new: takes named fields only",
          refusal(plexauth.new, odd))
        for method in pairs(needed) do
          assert.equal(method .. ": takes named fields only",
            refusal(plex[method], plex, odd))
        end
      end
    end)

    it("takes nothing but a table", function()
      for _, odd in ipairs { "canary", 7654321, true, false, print } do
        assert.equal("plexauth.new: takes a table",
          refusal(plexauth.new, odd))
        for method in pairs(needed) do
          assert.equal(method .. ": takes a table",
            refusal(plex[method], plex, odd))
        end
      end
    end)

    ------------------------------------------------------------ what is due

    it("misses what is required", function()
      local bare = plexauth.new { server_url = server.url,
        account_url = server.url }
      local due = {
        { "get_source_connection_information", "source", {} },
        { "get_token_details", "access_token", {} },
        { "post_users_sign_in_data", "client_id",
          { login = "canary", password = "canary" } },
        { "post_users_sign_in_data", "login",
          { client_id = "canary", password = "canary" } },
        { "post_users_sign_in_data", "password",
          { client_id = "canary", login = "canary" } },
      }
      for _, case in ipairs(due) do
        local method, name = case[1], case[2]
        starts(refusal(bare[method], bare, case[3]),
          ("%s: %s is required"):format(method, name))
      end
      starts(refusal(bare.get_source_connection_information, bare),
        "get_source_connection_information: source is required")
      bare:close()
    end)

    it("has no media server to ask", function()
      local bare = plexauth.new()
      for _, method in ipairs { "get_transient_token",
        "get_source_connection_information" } do
        contains(refusal(bare[method], bare, needed[method]),
          method .. ": server_url (or ip) is required")
      end
      bare:close()
    end)

    it("names no host beside protocol or port", function()
      for name, value in pairs { protocol = "http", port = 32400 } do
        assert.equal("plexauth.new: " .. name .. " is of no use without ip",
          refusal(plexauth.new, { [name] = value }))
      end
    end)

    it("does not choose between server_url and its parts", function()
      for name, value in pairs { ip = "canary", protocol = "http",
        port = 32400 } do
        assert.equal("plexauth.new: server_url and " .. name
          .. " exclude each other", refusal(plexauth.new,
          { server_url = "http://canary.example", [name] = value }))
      end
    end)

    -------------------------------------------------------- plain http

    -- Some only look like this machine: a resolver may say otherwise.
    local strangers = {
      "canary.example", "10.0.0.1", "0.0.0.0", "127.0.0.1.evil.example",
      "localhost.evil.example", "evil.localhost", "localhost.", "127.1",
      "127.0.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "127.0.0.256",
      "127.00.0.1", "127.0.0.08", "[::]", "[::2]", "[::ffff:127.0.0.1]",
    }

    for _, method in ipairs(account_methods) do
      it(method .. " does not go out in the clear", function()
        for _, stranger in ipairs(strangers) do
          local address = "http://" .. stranger .. ":" .. server.port
          local plain = client { account_url = address }
          starts(refusal(plain[method], plain, needed[method]),
            method .. ": account_url must be https")
          plain:close()
          starts(refusal(plex[method], plex,
            merge(needed[method], { server_url = address })),
            method .. ": server_url must be https")
          local denied = client { account_url = address,
            allow_insecure = false }
          refusal(denied[method], denied, needed[method])
          denied:close()
        end
      end)

      it(method .. " does not go to a proxy in the clear", function()
        local address = "http://127.0.0.1:" .. server.port
        for _, proxy in ipairs { "env", address } do
          local plain = client { account_url = address, proxy = proxy }
          starts(refusal(plain[method], plain, needed[method]),
            method .. ": account_url must be https")
          plain:close()
        end
      end)
    end

    --------------------------------------------------------------- the self

    it("wants a colon", function()
      for method in pairs(needed) do
        local call = plex[method]
        for _, self in ipairs { {}, { source = "canary" }, "canary", 7654321,
          setmetatable({}, { __index = plex }) } do
          assert.equal(("%s: call it on a client, with a colon: plex:%s()")
            :format(method, method), refusal(call, self))
        end
        contains(refusal(call), "with a colon")
      end
      contains(refusal(plex.close), "close: call it on a client")
      contains(refusal(plex.close, {}), "close: call it on a client")
    end)

    it("is closed", function()
      plex:close()
      for method, args in pairs(needed) do
        assert.equal(method .. ": the client is closed",
          refusal(plex[method], plex, args))
      end
    end)

    ------------------------------------------------------ a token function

    local asking = { "get_transient_token", "get_token_details" }

    it("does not take just anything from a token function", function()
      for _, token in ipairs { false, true, 7654321, "", " ", "canary\n",
        "canary\0", "canary\r\nX-A: b", {}, print } do
        local function ask() return token end
        local asks = client { access_token = ask }
        for _, method in ipairs(asking) do
          local start = method .. ": what access_token returned must "
          starts(refusal(asks[method], asks), start)
          starts(refusal(plex[method], plex, { access_token = ask }), start)
        end
        asks:close()
      end
    end)

    it("needs a token from a token function", function()
      local function ask() return nil, "canary" end
      for _, method in ipairs(asking) do
        starts(refusal(plex[method], plex, { access_token = ask }),
          method .. ": what access_token returned must be a string")
      end
    end)

    it("lets a token function's own error through", function()
      for _, value in ipairs { {}, "words" } do
        local asks = client { access_token = function() error(value, 0) end }
        for _, method in ipairs(asking) do
          local ok, err = pcall(asks[method], asks)
          assert.is_false(ok)
          assert.is_true(rawequal(value, err))
        end
        asks:close()
      end
    end)

    it("is closed where the token function closed it", function()
      local function ask()
        plex:close()
        return "canary"
      end
      assert.equal("get_token_details: the client is closed",
        refusal(plex.get_token_details, plex, { access_token = ask }))
    end)
  end)

  ----------------------------------------------------------- what is right

  ---A listener of one answer, and a client for it.
  local function serve(row, options)
    local there = host:listen { rows = { row } }
    return client(merge({ server_url = there.url, account_url = there.url },
      options or {})), there
  end

  it("would be seen to open something", function()
    local plex, there = serve { body = "{}" }
    collectgarbage()
    local before = open_files()
    assert(plex:get_transient_token())
    assert.is_true(open_files() > before)
    assert.equal(1, there:log().connections)
    plex:close()
    assert.equal(before, open_files())
  end)

  it("takes no table where nothing is needed", function()
    local plex = serve { body = "{}" }
    assert(plex:get_transient_token())
    assert(plex:get_token_details(nil))
    plex:close()
    assert.is_truthy(plexauth.new())
  end)

  it("takes whatever can be called for a function", function()
    local calls = {}
    local function callable(name, result)
      return setmetatable({}, { __call = function()
        calls[name] = (calls[name] or 0) + 1
        return result
      end })
    end
    local plex, there = serve({ body = "{}" }, {
      access_token = callable("token", "from a table"),
      logger = callable "logger", wait = callable("wait", false),
    })
    assert(plex:get_token_details())
    assert(plex:get_token_details { access_token = callable("own", "b") })
    plex:close()
    assert.same({ 1, 1, 2 }, { calls.token, calls.own, calls.logger })
    assert.is_true(calls.wait >= 1)
    local requests = there:log().requests
    assert.equal("from a table", requests[1].headers["x-plex-token"])
    assert.equal("b", requests[2].headers["x-plex-token"])
  end)

  it("goes out in the clear where that is allowed", function()
    for _, method in ipairs(account_methods) do
      local status = method == "get_token_details" and 200 or 201
      local there = host:listen { rows = { { status = status, body = "{}" } } }
      local name = "plex.example:" .. there.port
      local plex = client { account_url = "http://" .. name,
        allow_insecure = true, resolve = { [name] = "127.0.0.1" } }
      assert(plex[method](plex, needed[method]))
      assert(plex[method](plex,
        merge(needed[method], { server_url = "http://" .. name })))
      plex:close()
      local requests = there:log().requests
      assert.equal(2, #requests)
      assert.equal(name, requests[1].headers.host)
    end
  end)

  it("asks a media server in the clear without more ado", function()
    local there = host:listen { rows = { { body = "{}" } } }
    local name = "nas.example:" .. there.port
    local plex = client { server_url = "http://" .. name,
      resolve = { [name] = "127.0.0.1" } }
    assert(plex:get_transient_token())
    plex:close()
    assert.equal(name, there:log().requests[1].headers.host)
  end)

  it("reaches this machine in the clear", function()
    local there = host:listen { rows = { { body = "{}" } } }
    for _, name in ipairs { "localhost", "LOCALHOST", "127.0.0.1" } do
      local plex = client {
        account_url = ("http://%s:%d"):format(name, there.port) }
      assert(plex:get_token_details())
      plex:close()
    end
  end)

  ---------------------------------------------------------- what is shown

  it("shows no secret", function()
    local plex = client {
      access_token = "canary-1", client_id = "canary-2",
      proxy = "http://u:canary-3@127.0.0.1:1", user_agent = "canary-4",
      device_name = "canary-5",
    }
    assert.equal(("plexauth.client (%s)"):format(server.url), tostring(plex))
    assert.is_nil(next(plex))
    for name in pairs(plex) do error(tostring(name)) end
    assert.equal(0, #plex)
    assert.is_nil(plex.access_token)
    plex:close()
    assert.equal(("plexauth.client (closed, %s)"):format(server.url),
      tostring(plex))
  end)

  it("shows plex.tv where it knows no media server", function()
    local plex = plexauth.new {}
    assert.equal("plexauth.client (https://plex.tv/api/v2)", tostring(plex))
    plex:close()
  end)

  it("guards its metatable", function()
    local plex = client()
    assert.equal("plexauth.client", getmetatable(plex))
    assert.is_false(pcall(setmetatable, plex, {}))
    plex:close()
  end)

  it("has a version and those of what it stands on", function()
    assert.is_truthy(plexauth._VERSION:find("^%d+%.%d+%.%d+$"))
    local version = plexauth.version()
    assert.equal(plexauth._VERSION, version.plexauth)
    assert.is_truthy(version.libcurl:find("^%d+%.%d+"))
    assert.is_truthy(version.tls:find("%a"))
    assert.is_truthy(version.cjson:find("%d+%.%d+"))
    local n = 0
    for _, text in pairs(version) do
      assert.equal("string", type(text))
      n = n + 1
    end
    assert.equal(4, n)
  end)

  it("has a null for what an array holds", function()
    local plex = serve { body = '{"a":[null,1],"b":null}' }
    local result = assert(plex:get_token_details())
    assert.is_true(rawequal(plexauth.null, result.a[1]))
    assert.is_nil(result.b)
    assert.is_truthy(plexauth.null)
    plex:close()
  end)

  ------------------------------------------------------------- how it ends

  it("closes more than once", function()
    local plex = serve { body = "{}" }
    assert(plex:get_transient_token())
    assert.equal(0, select("#", plex:close()))
    assert.equal(0, select("#", plex:close()))
  end)

  it("closes its connections, and no other client's", function()
    local plex, there = serve { body = "{}" }
    local other = client { server_url = there.url }
    assert(plex:get_transient_token())
    assert(other:get_transient_token())
    plex:close()
    there:wait("closed", 1)
    assert.equal(1, there:log().open)
    assert(other:get_transient_token())
    assert.equal(2, there:log().connections)
    other:close()
    there:wait("closed", 2)
  end)

  it("closes at the end of its block", function()
    local source = [[
      local plex = ...
      do
        local scoped <close> = plex
        assert(scoped:get_transient_token())
      end]]
    local chunk = (loadstring or load)(source)
    if not chunk then return pending "this Lua has no <close>" end
    local plex, there = serve { body = "{}" }
    chunk(plex)
    there:wait("closed", 1)
    contains(refusal(plex.get_transient_token, plex), "is closed")
  end)

  it("closes at the end of a block that raises", function()
    local source = [[
      local plex = ...
      local scoped <close> = plex
      error("words", 0)]]
    local chunk = (loadstring or load)(source)
    if not chunk then return pending "this Lua has no <close>" end
    local plex = serve { body = "{}" }
    local ok, err = pcall(chunk, plex)
    assert.is_false(ok)
    assert.equal("words", err)
    contains(tostring(plex), "closed")
  end)

  it("closes when nobody holds it", function()
    local function forget()
      local plex, there = serve { body = "{}" }
      assert(plex:get_transient_token())
      return there
    end
    local there = forget()
    collectgarbage()
    collectgarbage()
    there:wait("closed", 1)
  end)
end)
