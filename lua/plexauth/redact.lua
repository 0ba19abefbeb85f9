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
  if c ~= "" then return json_letters[c] or c, at + 2 end
end

local function read_percent(text, at)
  local hex = text:match("^%x%x", at + 1)
  if hex then return char(tonumber(hex, 16)), at + 3 end
end

local function read_entity(text, at)
  local name = text:match("^(%l+);", at + 1)
  if entities[name] then return entities[name], at + #name + 2 end
  local x, digits = text:match("^#([xX]?)(%x+);", at + 1)
  local code = digits and #digits <= 8
    and tonumber(digits, x == "" and 10 or 16)
  if code and code <= 0x10FFFF then
    return utf8_bytes(code), at + #x + #digits + 3
  end
end

local escapes = {
  ["\\"] = read_backslash,
  ["%"] = read_percent,
  ["&"] = read_entity,
  ["+"] = function(_, at) return " ", at + 1 end,
}

-- What the escape at this place, if it is one, stands for; where it ends.
local function read_escape(text, at)
  local read = escapes[text:sub(at, at)]
  if read then return read(text, at) end
end

-- A pattern of what a spelling of the secret may begin with.
local function beginning(secret)
  local first = secret:sub(1, 1)
  if first == "\0" then
    first = "%z" -- 5.1 ends a pattern at a zero byte
  elseif not first:find("%w") then
    first = "%" .. first
  end
  return "[" .. first .. "%%\\&+]"
end

-- Readings by the place in the text that they have come to, and there by how
-- many bytes of the secret they have read: each is where it began. Of two that
-- differ in nothing else, the longer one counts.
local function put(scan, at, count, from)
  local here = scan.readings[at]
  if not here then
    here = {}
    scan.readings[at] = here
    if at > scan.last then scan.last = at end
  end
  if not here[count] or from < here[count] then here[count] = from end
end

local function extend(scan, count, from, unit, next_at)
  local longer = count + #unit
  if scan.secret:sub(count + 1, longer) ~= unit then return end
  if longer < #scan.secret then return put(scan, next_at, longer, from) end
  scan.spans[#scan.spans + 1] = { from = from, to = next_at - 1 }
end

local none = {}

local function extend_all(scan, at, unit, next_at)
  extend(scan, 0, at, unit, next_at)
  for count, from in pairs(scan.readings[at] or none) do
    extend(scan, count, from, unit, next_at)
  end
end

-- A % may stand for itself or begin an escape, and so may what follows it: as
-- all readings go on side by side, none is missed and none is tried twice.
local function add_spans(spans, text, secret)
  local scan = { secret = secret, spans = spans, readings = {}, last = 0 }
  local pattern = beginning(secret)
  local at = text:find(pattern)
  while at and at <= #text do
    local bytes, next_at = read_escape(text, at)
    extend_all(scan, at, text:sub(at, at), at + 1)
    if bytes then extend_all(scan, at, bytes, next_at) end
    scan.readings[at] = nil
    at = scan.last > at and at + 1 or text:find(pattern, at + 1)
  end
end

local function earlier(a, b)
  return a.from < b.from
end

-- One mark for spans that overlap, whosever they are: a secret that begins
-- with another one would else leave its end behind.
local function strike(text, spans)
  local parts, next_at = {}, 1
  table.sort(spans, earlier)
  for _, span in ipairs(spans) do
    if span.from >= next_at then
      parts[#parts + 1] = text:sub(next_at, span.from - 1)
      parts[#parts + 1] = mark
    end
    next_at = math.max(next_at, span.to + 1)
  end
  parts[#parts + 1] = text:sub(next_at)
  return table.concat(parts)
end

---Strike secrets out of a text.
---@param text string
---@param secrets string[]
---@return string
function redact.text(text, secrets)
  local spans = {}
  for _, secret in ipairs(secrets) do
    if secret ~= "" then add_spans(spans, text, secret) end
  end
  return spans[1] and strike(text, spans) or text
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
