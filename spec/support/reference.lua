-- lua-cjson as the reference for the decoder: the same tables, once what it
-- gives is put in our form, and a list of where the two must differ.

local cjson = require("cjson").new()

cjson.decode_max_depth(64)
cjson.decode_invalid_numbers(false)

local reference = {}

local exact = 2 ^ 53

local function integer(n)
  return math.tointeger and math.tointeger(n) or n
end

---What lua-cjson decoded, in our form: no nulls in objects, integral numbers
---as integers where the Lua has them.
function reference.tidy(value)
  if type(value) == "number" then
    local integral = value % 1 == 0 and value >= -exact and value <= exact
    return integral and integer(value) or value
  end
  if type(value) ~= "table" then return value end
  for k, v in pairs(value) do
    if v == cjson.null and type(k) == "string" then
      value[k] = nil
    else
      value[k] = reference.tidy(v)
    end
  end
  return value
end

---@return boolean decoded
---@return any value
function reference.decode(text)
  local decoded, value = pcall(cjson.decode, text)
  if decoded then return true, reference.tidy(value) end
  return false
end

-- Where lua-cjson is laxer than RFC 8259.
local laxer = {
  "%z", -- it takes a zero byte for the end of the text
  "[\1-\31]", -- raw control characters within strings
  "%d%.%D", "%d%.$", "%-%.", -- a decimal point without digits at both sides
}

-- Half a surrogate pair is an error to it, and U+FFFD to us.
local stricter = { "\\u[dD][89a-fA-F]" }

local function found(text, patterns)
  for _, pattern in ipairs(patterns) do
    if text:find(pattern) then return true end
  end
end

-- It reads every number as a float; we keep integer literals of 64 bits.
local function same_number(a, b)
  return a == b or a ~= a and b ~= b
    or (a > exact or a < -exact) and a + 0.0 == b + 0.0
end

local function same(a, b)
  if type(a) == "number" and type(b) == "number" then
    return same_number(a, b)
  end
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for k, v in pairs(a) do
    if not same(v, b[k]) then return false end
  end
  for k in pairs(b) do
    if a[k] == nil then return false end
  end
  return true
end

---Raise unless our outcome is the reference's, or differs as it has to.
function reference.compare(text, decoded, value)
  local theirs, expected = reference.decode(text)
  if decoded and theirs then
    if found(text, stricter) then return end
    assert(same(value, expected), "another value than lua-cjson's")
  elseif decoded then
    assert(found(text, stricter), "lua-cjson refuses what we take")
  elseif theirs then
    assert(found(text, laxer), "we refuse what lua-cjson takes")
  end
end

return reference
