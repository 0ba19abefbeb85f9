-- What TLS has to hold, in every manner of making calls. A server that is not
-- the one meant never sees a request, let alone the token in it.

local certs = require "spec.support.certs"
local child = require "spec.support.child"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"

local ANSWER = { body = '{"id":1}' }

local refused = {
  { "self_signed", "signed by nobody" },
  { "wrong_host", "of another host" },
  { "expired", "that has expired" },
}

-- Debian's OpenSSL refuses old TLS by itself: here it is told not to.
local lenient_openssl = [[
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = lenient
[lenient]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
]]

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("TLS", function()
  local host, made

  setup(function()
    host, made = faults.start(), certs.make()
  end)

  teardown(function()
    host:stop()
    certs.clean()
  end)

  local function listen(pair)
    return host:listen { tls = made[pair], rows = { ANSWER } }
  end

  local plex_tv, reason

  -- Of the port there is one only: all specs share its listener.
  local function listen_as_plex_tv()
    if not plex_tv and not reason then
      local ok, result = pcall(host.listen, host, {
        tls = made.good, rows = { ANSWER }, host = "127.0.0.77", port = 443,
      })
      plex_tv, reason = ok and result, not ok and tostring(result)
    end
    return plex_tv, reason
  end

  for _, manner in ipairs(manners) do
    local it = lua.it(it, manner.missing)

    local function details(plex, args)
      return manner.run(function() return plex:get_token_details(args) end)
    end

    describe(manner.name, function()
      it("trusts a server whose authority is in ca_file", function()
        local server = listen "good"
        local plex = manners.client(manner, server.url, { ca_file = made.ca })
        assert.same({ id = 1 }, details(plex))
        assert.equal(1, server:log().handshakes)
      end)

      for _, case in ipairs(refused) do
        it("refuses a certificate " .. case[2], function()
          local server = listen(case[1])
          local plex = manners.client(manner, server.url, {
            ca_file = made.ca, retries = 2 })
          local result, err = details(plex)
          assert.is_nil(result)
          assert.same({ "tls", 1 }, { err.kind, err.attempts })
          server:wait("closed", 1)
          local log = server:log()
          assert.same({ 1, 0 }, { log.connections, #log.requests })
        end)
      end

      it("trusts no authority that it was not told of", function()
        local server = listen "good"
        local _, err = details(manners.client(manner, server.url))
        assert.equal("tls", err.kind)
        server:wait("tls_failures", 1)
        assert.equal(0, #server:log().requests)
      end)

      it("verifies https://plex.tv where no other is named", function()
        local server, why = listen_as_plex_tv()
        if not server then pending("no 127.0.0.77:443 here: " .. why) end
        local before = #server:log().requests
        local plex = manners.client(manner, nil, {
          ca_file = made.ca, resolve = { ["plex.tv:443"] = "127.0.0.77" } })
        assert.same({ id = 1 }, details(plex))
        local requests = server:log().requests
        local request = requests[#requests]
        assert.same({ before + 1, "/api/v2/user", "plex.tv" },
          { #requests, request.target, request.headers.host })
      end)
    end)
  end

  describe("before 1.2", function()
    local code = [[
      local plexauth = require "plexauth"
      local plex = plexauth.new {
        account_url = os.getenv "SERVER", ca_file = os.getenv "CA",
        access_token = "token-1", retries = 0,
      }
      local result, err = plex:get_token_details()
      print(result and "accepted" or err.kind)
    ]]

    local function details(version)
      local server = host:listen { rows = { ANSWER }, tls = {
        cert = made.good.cert, key = made.good.key, min = version,
        max = version } }
      write(made.dir .. "/lenient", lenient_openssl)
      return server, child.run(code, { SERVER = server.url, CA = made.ca,
        OPENSSL_CONF = made.dir .. "/lenient" })
    end

    it("is refused even where OpenSSL is lenient", function()
      local server, output = details "1.1"
      assert.equal("tls\n", output)
      server:wait("tls_failures", 1)
      assert.equal(0, #server:log().requests)
    end)

    it("is no longer what 1.2 is", function()
      local server, output = details "1.2"
      assert.equal("accepted\n", output)
      assert.equal(1, server:log().handshakes)
    end)
  end)
end)
