-- Where a request must not go: to whatever host a redirect names, and through
-- a proxy that nobody asked for; and what a proxy gets to see.

local child = require "spec.support.child"
local faults = require "spec.support.faults"
local lua = require "spec.support.lua"
local manners = require "spec.support.manners"

local ANSWER = { body = '{"id":1}' }

describe("a request", function()
  local host

  setup(function() host = faults.start() end)
  teardown(function() host:stop() end)

  local function listen(row)
    return host:listen { rows = { row or ANSWER } }
  end

  local function redirecting(status, location)
    return listen { status = status, headers = { { "Location", location } } }
  end

  -- One call in every manner, in a process that has proxies in its
  -- environment. What a library is missing for counts as made.
  local function call_in_child(server, proxy, option)
    local environment = {
      SERVER = server.url, PROXY = option, no_proxy = "", NO_PROXY = "",
    }
    for _, name in ipairs { "http_proxy", "https_proxy", "HTTPS_PROXY",
      "all_proxy", "ALL_PROXY" } do
      environment[name] = proxy.url
    end
    return (child.run([[
      local manners = require "spec.support.manners"
      for _, manner in ipairs(manners) do
        local plex = manners.client(manner, os.getenv "SERVER", {
          proxy = os.getenv "PROXY", allow_insecure = true })
        local result, err = { id = 1 }, nil
        if not manner.missing then
          result, err = manner.run(function()
            return plex:get_token_details()
          end)
        end
        print(result and "id " .. result.id or err)
      end
    ]], environment))
  end

  it("ignores the environment's proxies", function()
    local server, proxy = listen(), listen { body = '{"id":2}' }
    assert.equal(("id 1\n"):rep(#manners), call_in_child(server, proxy))
    assert.equal(0, proxy:log().connections)
  end)

  it("takes the environment's proxy where told to", function()
    local server, proxy = listen { body = '{"id":2}' }, listen()
    assert.equal(("id 1\n"):rep(#manners),
      call_in_child(server, proxy, "env"))
    assert.equal(server.url .. "/user", proxy:log().requests[1].target)
    assert.equal(0, server:log().connections)
  end)

  for _, manner in ipairs(manners) do
    local it = lua.it(it, manner.missing)

    local function details(plex)
      return manner.run(function() return plex:get_token_details() end)
    end

    describe(manner.name, function()
      for _, status in ipairs { 301, 302, 303, 307, 308 } do
        it("does not follow a " .. status, function()
          local other = listen()
          local server = redirecting(status,
            other.url .. "/user?X-Plex-Token=hidden")
          local plex = manners.client(manner, server.url, { retries = 2 })
          local result, err = details(plex)
          assert.is_nil(result)
          assert.same({ "redirect", status, 1 },
            { err.kind, err.status, err.attempts })
          local place = "127.0.0.1:" .. other.port
          assert.truthy(err.message:find(place, 1, true))
          assert.is_nil(tostring(err):find("hidden", 1, true))
          assert.equal(0, other:log().connections)
          assert.equal(1, #server:log().requests)
        end)
      end

      it("does not follow a redirect to a file", function()
        local server = redirecting(302, "file:///etc/hostname")
        local _, err = details(manners.client(manner, server.url))
        assert.same({ "redirect", "" }, { err.kind, err.body })
      end)

      it("takes the proxy that it was given", function()
        local server, proxy = listen(), listen { body = '{"id":2}' }
        local plex = manners.client(manner, server.url,
          { proxy = proxy.url, allow_insecure = true })
        assert.same({ id = 2 }, details(plex))
        assert.equal(server.url .. "/user", proxy:log().requests[1].target)
        assert.equal(0, server:log().connections)
      end)

      it("tells a proxy nothing of what goes through its tunnel", function()
        local proxy = listen { status = 403, after = "fin" }
        local plex = manners.client(manner, "https://plex.invalid", {
          proxy = proxy.url, client_name = "Shelf" })
        local _, err = details(plex)
        assert.equal("network", err.kind)
        local request = proxy:log().requests[1]
        assert.same({ "CONNECT", "plex.invalid:443" },
          { request.method, request.target })
        local raw = request.raw:lower()
        for _, word in ipairs { "x-plex", "token-1", "client-1", "shelf" } do
          assert.is_nil(raw:find(word, 1, true))
        end
      end)
    end)
  end
end)
