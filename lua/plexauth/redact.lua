-- Striking secrets out of what a server sent back. A server may echo a secret
-- as it was, form-encoded or JSON-escaped, each with more than one spelling
-- (%2f or %2F, \/ or /, \u00e9 or its bytes), so the text is not searched for
-- a list of spellings: it is read unit by unit, each as what it stands for.

local redact = {}

local char, floor = string.char, math.floor

local mark = "***"

local function utf8_bytes(c)
  local last = 0x80 + c % 64
  if c < 0x80 then return char(c) end
  if c < 0x800 then return char(0xC0 + floor(c / 64), last) end
  local third = 0x80 + floor(c / 64) % 64
  if c < 0x10000 then return char(0xE0 + floor(c / 4096), third, last) end
  return char(0xF0 + floor(c / 262144), 0x80 + floor(c / 4096) % 64, third,
    last)
end

local json_letters = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local entities = { amp = "&", lt = "<", gt = ">", quot = '"', apos = "'" }

local function read_unicode(text, at)
  local high = tonumber(text:match("^\\u(%x%x%x%x)", at), 16)
  local low = tonumber(text:match("^\\u(%x%x%x%x)", at + 6) or "0", 16)
  if high >= 0xD800 and high < 0xDC00 and low >= 0xDC00 and low < 0xE000 then
    local code = 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00)
    return utf8_bytes(code), at + 12
  end
  return utf8_bytes(high), at + 6
end

local function read_backslash(text, at)
  if text:find("^u%x%x%x%x", at + 1) then return read_unicode(text, at) end
  local c = text:sub(at + 1, at + 1)
  return json_letters[c] or c, at + 2
end

local function read_percent(text, at)
  local hex = text:match("^%x%x", at + 1)
  if hex then return char(tonumber(hex, 16)), at + 3 end
end

local function read_entity(text, at)
  local name = text:match("^(%l+);", at + 1)
  if entities[name] then return entities[name], at + #name + 2 end
  local mark_x, digits = text:match("^#(x?)(%x%x?%x?%x?%x?);", at + 1)
  local code = digits and tonumber(digits, mark_x == "x" and 16 or 10)
  if code then return utf8_bytes(code), at + #mark_x + #digits + 3 end
end

local escapes = {
  ["\\"] = read_backslash,
  ["%"] = read_percent,
  ["&"] = read_entity,
  ["+"] = function(_, at) return " ", at + 1 end,
}

local function stands_at(secret, i, bytes)
  return secret:sub(i, i + #bytes - 1) == bytes
end

local function read_escape(text, at, secret, i)
  local read = escapes[text:sub(at, at)]
  if not read then return nil end
  local bytes, next_at = read(text, at)
  if bytes and bytes ~= "" and stands_at(secret, i, bytes) then
    return bytes, next_at
  end
end

local function read_plain(text, at, secret, i)
  local byte = text:sub(at, at)
  if byte ~= "" and stands_at(secret, i, byte) then return byte, at + 1 end
end

-- Where the secret ends that begins at `at`, or nil.
local function ending(text, at, secret, first, second)
  local i = 1
  while i <= #secret do
    local bytes, next_at = first(text, at, secret, i)
    if not bytes then bytes, next_at = second(text, at, secret, i) end
    if not bytes then return nil end
    i, at = i + #bytes, next_at
  end
  return at
end

-- A % may stand for itself or begin an escape: both readings are tried.
local function find(text, at, secret)
  return ending(text, at, secret, read_escape, read_plain)
    or ending(text, at, secret, read_plain, read_escape)
end

local function strike_one(text, secret)
  local candidates = "[%" .. secret:sub(1, 1) .. "%%\\&+]"
  if secret:find("^[%w%z\128-\255]") then
    candidates = "[" .. secret:sub(1, 1) .. "%%\\&+]"
  end
  local parts, from, at = {}, 1, text:find(candidates)
  while at do
    local next_at = find(text, at, secret)
    if next_at then
      parts[#parts + 1] = text:sub(from, at - 1) .. mark
      from = next_at
    end
    at = text:find(candidates, next_at or at + 1)
  end
  parts[#parts + 1] = text:sub(from)
  return table.concat(parts)
end

---Strike secrets out of a text.
---@param text string
---@param secrets string[]
---@return string
function redact.text(text, secrets)
  for _, secret in ipairs(secrets) do
    if secret ~= "" then text = strike_one(text, secret) end
  end
  return text
end

---Strike secrets out of every string in a decoded value; tables are copied.
function redact.value(value, secrets)
  if type(value) == "string" then return redact.text(value, secrets) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for k, v in pairs(value) do
    copy[redact.value(k, secrets)] = redact.value(v, secrets)
  end
  return copy
end

return redact
