-- A sign-in reaches the server once at most, whatever goes wrong: its code is
-- good for one time, and an address that fails often is locked out.

local certs = require "spec.support.certs"
local core = require "plexauth.core"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"

local ACCOUNT = { body = '{"id":1}' }
local SIGNED_IN = { status = 201, body = '{"authToken":"t"}' }

local SHORT = 0.1

-- Status, and what the error says of it: kind, outcome.
local answers = {
  { 307, "redirect" },
  { 400, "bad_request" },
  { 401, "unauthorized" },
  { 408, "http" },
  { 429, "rate_limited" },
  { 500, "server_error", "unknown" },
  { 502, "server_error", "unknown" },
  { 503, "server_error", "unknown" },
  { 504, "server_error", "unknown" },
}

-- What may become of one that has left, or begun to.
local endings = {
  { "is reset", { cut = 0, after = "rst" } },
  { "is reset before all of it is there", {
    read = 40, cut = 0, after = "rst" } },
  { "is hung up on", { cut = 0, after = "fin" } },
  { "gets half a head", { cut = 20, after = "fin" } },
  { "gets half a body", { status = 201, body = '{"authToken":"t"}',
    cut = 50, after = "fin" } },
  { "gets half a body, then a reset", { status = 201,
    body = '{"authToken":"t"}', cut = 50, after = "rst" } },
}

describe("a sign-in", function()
  local host, made, deaf
  local random = core.random

  setup(function()
    host, made = faults.start(), certs.make()
    deaf = host:listen { connect = "ignore" }
    core.random = function() return 0 end
  end)

  teardown(function()
    core.random = random
    host:stop()
    certs.clean()
  end)

  local function listen(...)
    return host:listen { rows = { ... } }
  end

  local function posts(server)
    local list = {}
    for _, request in ipairs(server:log().requests) do
      if request.method == "POST" then list[#list + 1] = request end
    end
    return list
  end

  for _, manner in ipairs(manners) do
    local it = lua.it(it, manner.missing)

    -- It would be tried again for whatever a GET would be.
    local function client(url, options)
      options = options or {}
      options.retries = 5
      return manners.client(manner, url, options)
    end

    local function sign_in(plex, timeout)
      return manner.run(function()
        return plex:post_users_sign_in_data {
          login = "ann", password = "secret", verification_code = "123",
          retries = 5, timeout = timeout,
        }
      end)
    end

    local function details(plex)
      return manner.run(function() return plex:get_token_details() end)
    end

    local function assert_failed(kind, outcome, result, err)
      assert.is_nil(result)
      assert.same({ kind, outcome, 1 },
        { err.kind, err.outcome, err.attempts })
      local hint = err.message:find("new verification code", 1, true)
      assert.equal(outcome ~= nil and not err.status, hint ~= nil)
    end

    describe(manner.name, function()
      it("is not sent again where a kept connection dies", function()
        for _, after in ipairs { "fin", "rst" } do
          local server = listen(ACCOUNT, { cut = 0, after = after }, SIGNED_IN)
          local plex = client(server.url)
          assert.same({ id = 1 }, details(plex))
          assert_failed("network", "unknown", sign_in(plex))
          assert.equal(1, #posts(server))
        end
      end)

      it("has a connection of its own", function()
        local server = listen(ACCOUNT, SIGNED_IN, ACCOUNT)
        local plex = client(server.url)
        assert.same({ id = 1 }, details(plex))
        assert.same({ authToken = "t" }, sign_in(plex))
        server:wait("closed", 1)
        assert.same({ id = 1 }, details(plex))
        local used = {}
        for i, request in ipairs(server:log().requests) do
          used[i] = request.connection
        end
        assert.same({ 1, 2, 1 }, used)
      end)

      for _, case in ipairs(answers) do
        it("is not sent again after a " .. case[1], function()
          local server = listen({ status = case[1], headers = {
            { "Location", "/" }, { "Retry-After", "1" } } }, SIGNED_IN)
          assert_failed(case[2], case[3], sign_in(client(server.url)))
          assert.equal(1, #server:log().requests)
        end)
      end

      for _, case in ipairs(endings) do
        it("is not sent again where it " .. case[1], function()
          local server = listen(case[2], SIGNED_IN)
          assert_failed("network", "unknown", sign_in(client(server.url)))
          assert.equal(1, #server:log().requests)
        end)
      end

      it("is not sent again where nobody answers", function()
        local server = listen({ hold = "never" }, SIGNED_IN)
        assert_failed("timeout", "unknown", sign_in(client(server.url),
          0.3 * manners.slow))
        assert.equal(1, #posts(server))
      end)

      it("never left where nobody listens", function()
        local server = listen(SIGNED_IN)
        server:close()
        assert_failed("connect", nil, sign_in(client(server.url)))
      end)

      it("never left where the connect hangs", function()
        assert_failed("timeout", nil, sign_in(client(deaf.url), SHORT))
        assert_failed("timeout", nil, sign_in(client(deaf.url, {
          connect_timeout = SHORT })))
      end)

      it("never left where the server is another", function()
        local server = host:listen { tls = made.self_signed,
          rows = { SIGNED_IN } }
        assert_failed("tls", nil, sign_in(client(server.url, {
          ca_file = made.ca })))
        server:wait("closed", 1)
        local log = server:log()
        assert.same({ 1, 0 }, { log.connections, #log.requests })
      end)

      it("never left where the handshake hangs", function()
        local server = listen { hold = "never" }
        local url = server.url:gsub("^http:", "https:")
        assert_failed("timeout", nil, sign_in(client(url), SHORT))
      end)
    end)
  end

  -- The request has the form with the password in it.
  it("leaves no request behind", function()
    local methods = debug.getregistry()["plexauth.core.client"].__index
    local transfer, requests = methods.transfer, setmetatable({}, {
      __mode = "k" })
    finally(function() methods.transfer = transfer end)
    function methods.transfer(self, request, ...)
      requests[request] = true
      return transfer(self, request, ...)
    end
    local plex = manners.client(manners[1], listen(SIGNED_IN).url)
    assert(plex:post_users_sign_in_data { login = "l", password = "p" })
    assert.is_true(next(requests) ~= nil)
    collectgarbage()
    collectgarbage()
    assert.is_true(next(requests) == nil) -- and is not printed
    plex:close()
  end)
end)
