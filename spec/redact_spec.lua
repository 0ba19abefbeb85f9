-- Whatever spelling a server sends a secret back in, nothing of it is left;
-- and nothing else is touched.

local redact = require "plexauth.redact"

local MARK = "***"

-------------------------------------------------------------- spellings

local char_pattern = "[%z\1-\127\194-\244][\128-\191]*"

local function code_of(c)
  local lead = c:byte()
  local code = lead % (lead < 0x80 and 0x80 or lead < 0xE0 and 0x20
    or lead < 0xF0 and 0x10 or 0x08)
  for i = 2, #c do code = code * 64 + c:byte(i) % 64 end
  return code
end

local function bytes_by(format)
  return function(c)
    return (c:gsub("[%z\1-\255]", function(byte)
      return format:format(byte:byte())
    end))
  end
end

-- Beyond the basic plane there are two of them.
local function utf16_by(format)
  return function(c)
    local code = code_of(c)
    if code < 0x10000 then return format:format(code) end
    code = code - 0x10000
    return format:format(0xD800 + math.floor(code / 0x400))
      .. format:format(0xDC00 + code % 0x400)
  end
end

local function code_by(format)
  return function(c) return format:format(code_of(c)) end
end

local function one_of(map)
  return function(c) return map[c] or c end
end

local json_short = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["/"] = "\\/", ["\b"] = "\\b",
  ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
}

local xml_names = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
  ["'"] = "&apos;",
}

-- One character as a server may write it.
local spellings = {
  { "plain", one_of {} },
  { "percent upper", bytes_by "%%%02X" },
  { "percent lower", bytes_by "%%%02x" },
  { "plus", one_of { [" "] = "+" } },
  { "JSON short", one_of(json_short) },
  { "JSON upper", utf16_by "\\u%04X" },
  { "JSON lower", utf16_by "\\u%04x" },
  { "XML names", one_of(xml_names) },
  { "XML decimal", code_by "&#%d;" },
  { "XML padded", code_by "&#%05d;" },
  { "XML upper", code_by "&#x%X;" },
  { "XML lower", code_by "&#x%04x;" },
}

local function spell(secret, how)
  return (secret:gsub(char_pattern, how))
end

--------------------------------------------------------------- by hand

local cases = {
  { "nothing to find", "a token", { "secret" }, "a token" },
  { "no text", "", { "secret" }, "" },
  { "no secrets", "secret", {}, "secret" },
  { "an empty secret", "secret", { "" }, "secret" },
  { "an empty secret and another", "my secret", { "", "secret" }, "my ***" },
  { "an empty secret at a backslash", [[a\]], { "" }, [[a\]] },
  { "all of the text", "secret", { "secret" }, "***" },
  { "at both ends", "secret and secret", { "secret" }, "*** and ***" },
  { "side by side", "secretsecret", { "secret" }, "******" },
  { "over itself", "xababay", { "aba" }, "x***y" },
  { "cut short at the end", "my secre", { "secret" }, "my secre" },
  { "a false start", "ssecret", { "secret" }, "s***" },
  { "a longer word", "secrets", { "secret" }, "***s" },
  { "upper case is another text", "SECRET", { "secret" }, "SECRET" },
  { "one byte", "a-b-a", { "a" }, "***-b-***" },

  { "slash in a form", "x=a%2Fb%2fc&", { "a/b/c" }, "x=***&" },
  { "blank in a form", "a+b a%20b", { "a b" }, "*** ***" },
  { "plus in a form", "a%2Bb a%2bb a+b", { "a+b" }, "*** *** ***" },
  { "percent in a form", "a%2541 a%41", { "a%41" }, "*** ***" },
  { "an escape of its own", "a%41", { "aA" }, "***" },
  { "letters in a form", "%73e%63ret", { "secret" }, "***" },
  { "an escape cut short", "a%2", { "a/" }, "a%2" },
  { "no escape", "a%2Gb", { "a%2Gb" }, "***" },

  { "slash in JSON", [["a\/b"]], { "a/b" }, [["***"]] },
  { "quote in JSON", [["a\"b"]], { 'a"b' }, [["***"]] },
  { "backslash in JSON", [["a\\b"]], { [[a\b]] }, [["***"]] },
  { "backslash as it is", [[a\b]], { [[a\b]] }, "***" },
  { "a line's end in JSON", [["a\nb"]], { "a\nb" }, [["***"]] },
  { "a tab in JSON", [["a\tb\u0009c"]], { "a\tb\tc" }, [["***"]] },
  { "a number in JSON", [["\u0061\u002f\u002Fb"]], { "a//b" },
    [["***"]] },
  { "two bytes in JSON", [["caf\u00e9 caf\u00E9"]], { "caf\195\169" },
    [["*** ***"]] },
  { "three bytes in JSON", [["\u20ac"]], { "\226\130\172" }, [["***"]] },
  { "a surrogate pair", [["\ud83d\ude00 \uD83D\uDE00"]],
    { "\240\159\152\128" }, [["*** ***"]] },
  { "half a surrogate pair", [["\ud83d"]], { "\240\159\152\128" },
    [["\ud83d"]] },
  { "a zero byte in JSON", [["a\u0000b"]], { "a\0b" }, [["***"]] },
  { "a backslash at the end", [[a\]], { [[a\]] }, "***" },
  { "a number cut short", [[a\u00]], { "a/" }, [[a\u00]] },

  { "names in XML", "&lt;&amp;&gt;&quot;&apos;", { "<&>\"'" }, "***" },
  { "numbers in XML", "&#97;&#x62;&#X63;", { "abc" }, "***" },
  { "zeros before a number", "&#0097;&#x0062;", { "ab" }, "***" },
  { "two bytes in XML", "&#233; &#xe9; &#xE9;", { "\195\169" },
    "*** *** ***" },
  { "four bytes in XML", "&#128512; &#x1F600;", { "\240\159\152\128" },
    "*** ***" },
  { "the last code point", "&#x10FFFF;", { "\244\143\191\191" }, "***" },
  { "beyond all code points", "&#x110000;&#xFFFFFF;&#9999999;a", { "a" },
    "&#x110000;&#xFFFFFF;&#9999999;***" },
  { "no end of digits", "&#x" .. ("0"):rep(40) .. "61;b", { "b" },
    "&#x" .. ("0"):rep(40) .. "61;***" },
  { "another name", "&nbsp;a", { "a" }, "&nbsp;***" },
  { "a name without an end", "a&amp", { "a&" }, "***amp" },

  { "in two manners at once", [[a%2Fb\/c/d]], { "a/b/c/d" }, "***" },
  -- the first % stands for itself, the second is an escape, and so on
  { "a percent both ways", "%25%2541%25", { "%25%41%25" }, "***" },
  { "a percent the other way", "%2525%41", { "%25%41" }, "***" },
  { "a backslash both ways", [[\\\\\]], { [[\\\]] }, "***" },
  { "the longer of two readings", [[x\\\\ab]], { [[\\ab]] }, "x***" },
  { "an ampersand both ways", "&amp;&amp;amp;", { "&amp;&amp;" }, "***" },

  { "a secret that begins another", "abcdef abc", { "abc", "abcdef" },
    "*** ***" },
  { "the same, the longer one first", "abcdef abc", { "abcdef", "abc" },
    "*** ***" },
  { "a secret that ends another", "abcdef def", { "def", "abcdef" },
    "*** ***" },
  { "a secret within another", "abcdef cd", { "cd", "abcdef" }, "*** ***" },
  { "secrets that overlap", "abcdef", { "abcd", "cdef" }, "***" },
  { "the same, in the other order", "abcdef", { "cdef", "abcd" }, "***" },
  { "secrets in different spellings", [[a%2Fb c\/d]], { "c/d", "a/b" },
    "*** ***" },
  { "a secret twice", "abc", { "abc", "abc" }, "***" },
  { "a mark that was there", "***abc", { "abc" }, "******" },
}

describe("redact.text", function()
  for _, case in ipairs(cases) do
    local name, text, secrets, expected = case[1], case[2], case[3], case[4]
    it("strikes out: " .. name, function()
      assert.equal(expected, redact.text(text, secrets))
    end)
  end

  -- what means something in a Lua pattern, and what ends one in 5.1
  for magic in ("%()[]^$.*+?-\0\\/'\"& \n\127"):gmatch "." do
    it(("takes byte %d for what it is"):format(magic:byte()), function()
      for _, secret in ipairs {
        magic, magic .. "ab", "a" .. magic .. "b", "ab" .. magic,
        magic .. magic, "[" .. magic, "%" .. magic, magic .. "]" } do
        assert.equal("x***y", redact.text("x" .. secret .. "y", { secret }))
        assert.equal("xaby", redact.text("xaby", { secret }))
      end
    end)
  end

  it("takes every byte as the first of a secret", function()
    for byte = 0, 255 do
      local secret = string.char(byte) .. "Q"
      assert.equal("x***y", redact.text("x" .. secret .. "y", { secret }))
    end
  end)

  it("knows every spelling of every part", function()
    local secret = "\0a/b\\c\"d'e<f>g&h%41i+j k\127\n\t\r\b\f"
      .. "\195\169\226\130\172\240\159\152\128=~"
    for _, spelling in ipairs(spellings) do
      local name, how = spelling[1], spelling[2]
      local text = "say " .. spell(secret, how) .. "."
      assert.equal("say ***.", redact.text(text, { secret }), name)
    end
  end)

  it("reads a secret that is not UTF-8", function()
    local secret = "\255\254\128a"
    assert.equal("x***y***z",
      redact.text("x\255\254\128ay%ff%FE%80az", { secret }))
  end)

  it("finishes with a large text", function()
    local unit = [[{"a":"\/\u0041&amp;%20+ secre"},]]
    local filler = unit:rep(math.floor(2 ^ 19 / #unit))
    local text = "secret" .. filler .. "s%65cret" .. filler .. "secret"
    assert.is_true(#text > 2 ^ 20 - 2 * #unit)
    assert.equal(MARK .. filler .. MARK .. filler .. MARK,
      redact.text(text, { "secret", "another" }))
  end)

  -- the readings of a backslash double with each: they must not be tried one
  -- by one
  it("finishes where everything could be an escape", function()
    local secret = ("\\"):rep(50)
    assert.equal(MARK .. "x", redact.text(("\\"):rep(100) .. "x", { secret }))
    local text = ("\\"):rep(49) .. "x"
    assert.equal(text, redact.text(text, { secret }))
  end)

  it("finishes where an entity has no end", function()
    local text = ("&#"):rep(1000) .. ("0"):rep(2 ^ 18) .. ("&a"):rep(1000)
    assert.equal(text, redact.text(text, { "secret" }))
  end)
end)

-------------------------------------------------------------- by chance

local nasty = {
  "%", "%2", "2", "5", "25", "F", "f", "4", "1", "+", " ", "&", "a", "amp",
  "&lt;", ";", "#", "x", "\\", "\\u", "u", "0", "00", "n", "t", "/", '"', "<",
  ">", "'", "(", ")", "[", "]", "^", "$", ".", "?", "-", "=", "\0", "\n",
  "\127", "\195\169", "\226\130\172", "\240\159\152\128",
}

-- The same on every Lua, so that a failure can be had again.
local seed
local function random(n)
  seed = seed * 16807 % 2147483647
  return seed % n + 1
end

local function random_text(least, most)
  local parts = {}
  for i = 1, least + random(most - least + 1) - 1 do
    parts[i] = nasty[random(#nasty)]
  end
  return table.concat(parts)
end

local function random_spelling(secret)
  return spell(secret, function(c)
    return spellings[random(#spellings)][2](c)
  end)
end

-- Whether a text holds a secret; a mark is no part of one.
local function holds(text, secret)
  return text:gsub("%*%*%*", "\1"):find(secret, 1, true) ~= nil
end

local function told(i, secret, text)
  return ("case %d: secret %q in %q"):format(i, secret, text)
end

describe("redact.text, whatever comes,", function()
  before_each(function() seed = 20240919 end)

  it("strikes out the whole of a secret and no more", function()
    for i = 1, 2000 do
      local secret = random_text(1, 10)
      -- no spelling has an underscore or a Q, none begins or ends with them
      local text = "Q_" .. random_spelling(secret) .. "_Q"
      assert.equal("Q_***_Q", redact.text(text, { secret }),
        told(i, secret, text))
    end
  end)

  it("leaves no secret behind, whatever is around it", function()
    for i = 1, 2000 do
      local secret = random_text(1, 10)
      local spelt = random_spelling(secret)
      local text = random_text(0, 10) .. spelt .. random_text(0, 10)
      local struck = redact.text(text, { secret })
      assert.is_false(holds(struck, secret), told(i, secret, text))
      assert.is_false(holds(struck, spelt), told(i, secret, text))
      assert.is_truthy(struck:find(MARK, 1, true), told(i, secret, text))
    end
  end)

  it("leaves none of several secrets behind", function()
    for i = 1, 2000 do
      local long = random_text(2, 10)
      local secrets = { long, long:sub(1, random(#long)),
        long:sub(random(#long)), random_text(1, 4) }
      local other = random(4)
      secrets[1], secrets[other] = secrets[other], secrets[1]
      local text = random_text(0, 5) .. random_spelling(long)
        .. random_text(0, 5)
      local struck = redact.text(text, secrets)
      for _, secret in ipairs(secrets) do
        assert.is_false(holds(struck, secret), told(i, secret, text))
      end
      assert.is_false(holds(struck, long), told(i, long, text))
    end
  end)

  -- the tilde's escapes take a 7 and an E, or a 6: there are none
  it("returns a text without the secret as it is", function()
    for i = 1, 2000 do
      local secret = random_text(0, 3) .. "~" .. random_text(0, 3)
      local text = random_text(0, 60)
      assert.equal(text, redact.text(text, { secret }), told(i, secret, text))
    end
  end)
end)

describe("redact.value", function()
  local secrets = { "secret", "a/b" }

  it("looks into every table, at keys and values", function()
    local value = { "my secret", { a = "a%2Fb", ["secret"] = 1, b = {
      { "none", "secret!" } } }, n = 12, yes = true }
    assert.same({ "my ***", { a = "***", ["***"] = 1, b = {
      { "none", "***!" } } }, n = 12, yes = true },
      redact.value(value, secrets))
  end)

  it("leaves what it was given alone", function()
    local inner = { "secret" }
    local value = { inner, a = "secret" }
    redact.value(value, secrets)
    assert.equal("secret", value.a)
    assert.equal(inner, value[1])
    assert.same({ "secret" }, inner)
  end)

  it("passes on what is neither text nor table", function()
    assert.equal(12, redact.value(12, secrets))
    assert.is_false(redact.value(false, secrets))
    assert.is_nil(redact.value(nil, secrets))
    assert.equal(io.stdout, redact.value(io.stdout, secrets))
  end)

  it("takes a text for itself", function()
    assert.equal("*** ***", redact.value("secret a\\/b", secrets))
  end)
end)
