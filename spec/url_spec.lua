-- Reading addresses strictly, and encoding what is put behind one.

local url = require "plexauth.url"

local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
local alphanumeric = letters .. letters:lower() .. "0123456789"

---What an encoder makes of every byte there is, held against a plain list.
local function encodes(encode, kept, space)
  for byte = 0, 255 do
    local char = string.char(byte)
    local wanted = ("%%%02X"):format(byte)
    if kept:find(char, 1, true) then wanted = char end
    if char == " " then wanted = space end
    assert.equal(wanted, encode(char))
  end
end

describe("url.encode", function()
  it("keeps RFC 3986's unreserved characters alone", function()
    encodes(url.encode, alphanumeric .. "-._~", "%20")
  end)

  it("returns one value, of the whole text", function()
    assert.same({ "a%20b%2B%00" }, { url.encode("a b+\0") })
  end)
end)

describe("url.form_encode", function()
  it("keeps the form's characters alone, and + for a space", function()
    encodes(url.form_encode, alphanumeric .. "-._*", "+")
  end)

  it("returns one value, of the whole text", function()
    assert.same({ "a+b%2B%00" }, { url.form_encode("a b+\0") })
  end)
end)

describe("url.parse", function()
  -- text -> scheme, host, port, path, text without a slash at its end
  local good = {
    ["http://plex.example"] =
      { "http", "plex.example", 80, "", "http://plex.example" },
    ["https://plex.example/"] =
      { "https", "plex.example", 443, "", "https://plex.example" },
    ["HTTPS://Plex.Example:8443/a/b//"] = { "https", "Plex.Example", 8443,
      "/a/b", "https://Plex.Example:8443/a/b" },
    ["http://127.0.0.1:1"] =
      { "http", "127.0.0.1", 1, "", "http://127.0.0.1:1" },
    ["http://[::1]:65535/x"] =
      { "http", "[::1]", 65535, "/x", "http://[::1]:65535/x" },
    ["https://[2001:db8::ffff:10.0.0.1]"] = { "https",
      "[2001:db8::ffff:10.0.0.1]", 443, "",
      "https://[2001:db8::ffff:10.0.0.1]" },
    ["http://a_b-c.example/%20/~x/..y/z../:@!$&'()*+,;="] = { "http",
      "a_b-c.example", 80, "/%20/~x/..y/z../:@!$&'()*+,;=",
      "http://a_b-c.example/%20/~x/..y/z../:@!$&'()*+,;=" },
  }

  it("reads scheme, host, port and path", function()
    for text, wanted in pairs(good) do
      local base = assert(url.parse(text))
      assert.same(wanted,
        { base.scheme, base.host, base.port, base.path, base.text })
    end
  end)

  -- a word of the fault -> addresses with it
  local bad = {
    ["http://"] = { "", "canary", "canary.example", "//canary", "/canary",
      "ftp://canary", "file:///canary", "httpss://canary", "http:/canary",
      "http:canary", "javascript://canary", "ws://canary", "://canary",
      "1http://canary" },
    ["control"] = { " http://canary", "http://canary ", "http://can ary",
      "http://canary/a b", "http://canary/\t", "http://canary\r\n",
      "http://canary/\nX: y", "http://canary\0", "http://canary/\127",
      "http://can\195\164ry", "http://canary/\195\164" },
    ["user name"] = { "http://u@canary", "http://u:canary@host/",
      "http://:canary@host", "http://@canary", "http://127.0.0.1\\@canary" },
    ["query"] = { "http://canary?", "http://canary/?canary=1",
      "http://canary#", "http://canary/#canary", "http://canary/a?b#c",
      "http://host?@canary", "http://host#@canary" },
    ["host"] = { "http://", "http:///canary", "http://:80/canary",
      "http://[canary]", "http://[]", "http://[::1", "http://[:]",
      "http://[1.2.3.4]", "http://[1.2.3.4:80]", "http://[fe80::1%25lo]",
      "http://[::1::2]", "http://::1", "http://%63anary" },
    ["port"] = { "http://canary:", "http://canary:0", "http://canary:65536",
      "http://canary:080000", "http://canary:-1", "http://canary:+1",
      "http://canary:0x50", "http://canary:1e3", "http://canary:80:80",
      "http://[::1]canary", "http://[::1]:", "http://can%61ry",
      "http://canary,example", "http://can\\ary" },
    ["%"] = { "http://canary/%", "http://canary/%4", "http://canary/%g0",
      "http://canary/%4g", "http://canary/%%20" },
    ["any of"] = { "http://canary/\\", "http://canary/<", "http://canary/>",
      'http://canary/"', "http://canary/^", "http://canary/`",
      "http://canary/{", "http://canary/|", "http://canary/}" },
    [".."] = { "http://canary/..", "http://canary/../a", "http://canary/.",
      "http://canary/a/./b", "http://canary/a/../", "http://canary/%2e%2E",
      "http://canary/%2e", "http://canary/a/.%2e/b" },
  }

  it("tells what is wrong, and never the address", function()
    for word, texts in pairs(bad) do
      for _, text in ipairs(texts) do
        local base, fault = url.parse(text)
        assert.is_nil(base, text)
        assert.is_truthy(fault:find(word, 1, true), text .. ": " .. fault)
        assert.is_nil(fault:find("canary", 1, true), fault)
      end
    end
  end)
end)

describe("url.is_loopback", function()
  it("knows this machine's own names", function()
    for _, host in ipairs { "localhost", "LocalHost", "127.0.0.1",
      "127.255.255.255", "127.8.9.10", "[::1]" } do
      assert.is_true(url.is_loopback(host), host)
    end
  end)

  it("is not taken in by names like them", function()
    for _, host in ipairs { "127.0.0.1.evil.example",
      "localhost.evil.example", "evil.localhost", "localhost.", "127.1",
      "127.0.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "127.0.0.256",
      "127.0.0.01", "127.08.0.1", "127.0.0.1.", "1127.0.0.1", "127.0.0.1000",
      "0.0.0.0", "10.0.0.1", "128.0.0.1", "::1", "[::]", "[::2]", "[::11]",
      "[::ffff:127.0.0.1]", "[::1].evil.example" } do
      assert.is_false(url.is_loopback(host), host)
    end
  end)
end)

describe("url.is_ipv4 and url.is_ipv6", function()
  it("know an IPv4 address", function()
    for _, text in ipairs { "0.0.0.0", "255.255.255.255", "10.20.30.40" } do
      assert.is_true(url.is_ipv4(text), text)
    end
    for _, text in ipairs { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.04",
      "1.2.3.4 ", "a.b.c.d", "1..2.3", "::1" } do
      assert.is_false(url.is_ipv4(text), text)
    end
  end)

  it("know an IPv6 address", function()
    for _, text in ipairs { "::", "::1", "1::", "fe80::A:b", "1:2:3:4:5:6:7:8",
      "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4",
      "::ffff:1.2.3.4", "::1.2.3.4", "2001:0db8::1" } do
      assert.is_true(url.is_ipv6(text), text)
    end
    for _, text in ipairs { "", ":", ":::", "1", "1:2", "a:", ":a", "1::2::3",
      "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::",
      "g::", "::1.2.3", "::1.2.3.4.5", "::1.2.3.256", "1.2.3.4", "1.2.3.4:80",
      "1.2.3.4::", "[::1]", "fe80::1%lo", "::1 " } do
      assert.is_false(url.is_ipv6(text), text)
    end
  end)
end)

describe("url.host_of", function()
  it("tells the host, and nothing else, of a Location", function()
    local hosts = {
      ["https://evil.example/x"] = "evil.example",
      ["http://evil.example:8080?a=b"] = "evil.example:8080",
      ["HTTPS://evil.example#x"] = "evil.example",
      ["https://[::1]:3/"] = "[::1]:3",
      ["https://user:canary@evil.example/"] = "evil.example",
      ["https://a@canary@evil.example/@b"] = "evil.example",
      ["https://evil.example\\@b/"] = "evil.example",
    }
    for location, host in pairs(hosts) do
      assert.equal(host, url.host_of(location))
    end
  end)

  it("tells nothing where none is to be read", function()
    for _, location in ipairs { "", "/user", "user", "//evil.example/",
      "https:///x", "https://a b/", "https://%65vil/", "https://a\n/" } do
      assert.is_nil(url.host_of(location))
    end
  end)
end)
