-- What each check takes and what it refuses; that no message holds a value.

local check = require "plexauth.check"

local nan, inf = 0 / 0, math.huge

local callable = setmetatable({}, { __call = function() end })
local guarded = setmetatable({}, { __call = print, __metatable = false })
local words = { "canary", "", 7654321, true, {}, print }

---The values of all the lists, in one.
local function join(...)
  local all = {}
  for _, list in ipairs { ... } do
    for _, value in ipairs(list) do all[#all + 1] = value end
  end
  return all
end

local seconds = {
  good = { 1, 0.001, 86400 },
  bad = join(words, { 0, -7654321, 86400.5, nan, inf, -inf, "7654321" }),
}

local not_text = { "", ("canary"):rep(700), 7654321, true, {}, print }

local cases = {
  text = { good = { "a", " ", "\0", "\195\164", ("x"):rep(4096) },
    bad = not_text },
  file = { good = { "/etc/x y", "\195\164" },
    bad = join(not_text, { "\0", "/canary\0", "/canary\0.pem" }) },
  header = { good = { "a", " a ", "\195\164", "&=+%:;,\"'\\",
    ("x"):rep(4096) },
    bad = { "", " ", "   ", ("x"):rep(4097), 7654321, true, {}, print,
      callable } },
  token = { good = { "a", print, callable },
    bad = { "", "  ", "canary\n", 7654321, true, {}, guarded } },
  call = { good = { print, callable },
    bad = { "canary", 7654321, true, {}, guarded } },
  flag = { good = { true, false }, bad = { "canary", "true", 0, 1, {} } },
  seconds = seconds,
  retries = { good = { 0, 1, 10, 2.0 },
    bad = join(words, { -1, 11, 1.5, nan, inf, -inf, "1" }) },
  bytes = { good = { 1, 2 ^ 20, 2 ^ 30 },
    bad = { "canary", "7654321", true, {}, 0, -7654321, 1.5, 2 ^ 30 + 1, nan,
      inf } },
  count = { good = { 1, 64 },
    bad = { "canary", "7654321", true, {}, 0, -7654321, 1.5, nan, inf } },
  port = { good = { 1, 65535, 32400, "1", "32400", "65535" },
    bad = join(words, { 0, -1, 65536, 1.5, nan, inf, "0", "65536", "-1", " 80",
      "80 ", "0x50", "1e3", "80.0", "032400", "8\0" }) },
  protocol = { good = { "http", "https" },
    bad = join(words, { "HTTP", "http:", "http://canary", "ftp", "https " }) },
  url = { good = { "http://a", "https://a:1/b" },
    bad = join(words, { "http://u:canary@a", "http://a?canary", "ftp://a" }) },
  host = { good = { "10.0.0.1", "nas", "a_b.example-1", "::1", "[::1]",
      "fe80::a", "[::ffff:1.2.3.4]" },
    bad = { "", "can ary", "canary:80", "canary/x", "canary@x", "can\0ary",
      "canary\n", "http://canary", "[canary]", "[::1", "::1]", "[[::1]]",
      "1.2.3.4:80", "[1.2.3.4]", ":", "abc:", "fe80::1%lo", 7654321, true,
      {}, print } },
  proxy = { good = { "env", "http://a", "https://a:1/", "socks4://1.2.3.4:1",
      "socks4a://a", "socks5://u:p@[::1]:1", "socks5h://u%40:p%2F@a",
      "http://u:p!$&'()*+,;=~._-@a" },
    bad = join(words, { "ENV", "canary:3128", "ftp://canary", "http://",
      "http:///canary", "HTTP://canary", "http://can ary", "http://canary\n",
      "http://u:canary@", "http://u:canary@h:port", "http://u:canary@h:99999",
      "http://u:can@ary@h", "http://u:canary/@h", "http://u:can%zzary@h",
      "http://u:can\\ary@h", "http://[canary", "http://u:canary@h?x",
      "http://u:canary@h#x", "socks5://canary:1:2", "socks6://canary" }) },
  resolve = { good = { {}, { ["a.example:80"] = "127.0.0.1" },
      { ["a:1"] = "::1", ["b_c-d:65535"] = "[::1]" } },
    bad = { "canary", 7654321, true, print, { "127.0.0.1" },
      { canary = "127.0.0.1" }, { ["canary:"] = "127.0.0.1" },
      { ["canary:0"] = "127.0.0.1" }, { ["canary:65536"] = "127.0.0.1" },
      { ["can ary:80"] = "127.0.0.1" }, { ["*:80"] = "127.0.0.1" },
      { ["-canary:80\n"] = "127.0.0.1" }, { ["a:80"] = "canary" },
      { ["a:80"] = "" }, { ["a:80"] = 7654321 }, { ["a:80"] = "1.2.3.256" },
      { ["a:80"] = "127.0.0.1,canary" }, { ["a:80"] = "[::1" },
      { ["a:80"] = "[127.0.0.1]" }, { ["a:80"] = "127.0.0.1:80" },
      { ["a:80"] = "127.0.0.1\n" } } },
}

local function tells_no_value(fault)
  assert.equal("string", type(fault))
  assert.is_nil(fault:find("canary", 1, true), fault)
  assert.is_nil(fault:find("7654321", 1, true), fault)
end

describe("plexauth.check", function()
  for name, case in pairs(cases) do
    it("has a " .. name .. " that takes what is right alone", function()
      for _, value in ipairs(case.good) do
        assert.is_nil(check[name](value), tostring(value))
      end
      for _, value in ipairs(case.bad) do
        local fault = check[name](value)
        assert.is_truthy(fault, tostring(value))
        tells_no_value(fault)
      end
    end)
  end

  it("has no check that is not looked at here", function()
    for name in pairs(check) do
      assert.is_truthy(cases[name] or name == "fields", name)
    end
  end)

  for _, name in ipairs { "header", "token" } do
    it("lets no control byte into a " .. name, function()
      for byte = 0, 255 do
        local char = string.char(byte)
        local control = byte < 32 or byte == 127
        for _, text in ipairs { char .. "canary", "can" .. char .. "ary",
          "canary" .. char } do
          local fault = check[name](text)
          assert.equal(control, fault ~= nil, "byte " .. byte)
          if fault then tells_no_value(fault) end
        end
      end
    end)
  end
end)

describe("check.fields", function()
  local known = { login = "text", password = "text", port = "port" }

  it("takes known names with good values, or none", function()
    assert.is_nil(check.fields({}, known, "f"))
    assert.is_nil(check.fields({ login = "a", port = 1 }, known, "f"))
  end)

  it("names the field, and what it must be", function()
    assert.equal("f: port must be a port from 1 to 65535",
      check.fields({ login = "a", port = "canary" }, known, "f"))
  end)

  it("names the nearest known name, the first of two as near", function()
    local near = { logn = "login", LOGIN = "login", pasword = "password",
      passwd = "password", prt = "port", report = "port", ["p\0rt"] = "port",
      [""] = "port", [("x"):rep(99)] = "login" }
    for name, nearest in pairs(near) do
      local fault = check.fields({ [name] = "canary" }, known, "f")
      assert.is_truthy(fault:find("did you mean '" .. nearest .. "'?", 1, true),
        fault)
      tells_no_value(fault)
    end
    assert.is_truthy(check.fields({ x = 1 }, { b = "text", a = "text" }, "f")
      :find("'a'", 1, true))
  end)

  it("does not repeat a name without end", function()
    local fault = check.fields({ [("x"):rep(1e6)] = 1 }, known, "f")
    assert.is_true(#fault < 200)
  end)

  it("takes no positions and no other keys", function()
    for _, given in ipairs { { "canary" }, { [true] = "canary" },
      { [1.5] = "canary" }, { [{}] = "canary" } } do
      assert.equal("f: takes named fields only",
        check.fields(given, known, "f"))
    end
  end)

  it("takes no other thing than a table", function()
    for _, given in ipairs { "canary", 7654321, true, false, print } do
      assert.equal("f: takes a table", check.fields(given, known, "f"))
    end
  end)

  it("holds what a metatable yields to the same rules", function()
    local given = setmetatable({}, { __index = { port = "canary" } })
    assert.is_truthy(check.fields(given, known, "f"):find("port", 1, true))
  end)
end)
