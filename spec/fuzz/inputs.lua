-- What users hand over: no check raises, and what a check lets pass has the
-- properties that the layers below count on.

local check = require "plexauth.check"
local core = require "plexauth.core"
local redact = require "plexauth.redact"
local url = require "plexauth.url"

local kinds = {
  "text", "header", "call", "token", "flag", "seconds", "retries", "count",
  "bytes", "port", "protocol", "url", "host", "proxy", "resolve",
}

local function each_check(text)
  for _, kind in ipairs(kinds) do
    check[kind](text)
    local fault = check[kind](text .. "CANARY\n")
    assert(not fault or not fault:find("CANARY", 1, true),
      "a message quotes the value")
  end
end

-- What passes as a header is one line; the core refuses the rest by itself.
local function header(text)
  local line = "X-Fuzz: " .. text
  local control = text:find("[%z\1-\31\127]") ~= nil
  assert(not (check.header(text) == nil and control))
  assert(pcall(core.lines, { line }) == not control)
end

local function address(text)
  local base = url.parse(text)
  if not base then return end
  assert(not base.text:find("[%z\1-\32\127-\255?#\\]"))
  assert(base.host:find("^%[[%x:.]+%]$") or base.host:find("^[%w._-]+$"))
  assert(base.scheme == "http" or base.scheme == "https")
  assert(base.port >= 1 and base.port <= 65535)
  local again = assert(url.parse(base.text))
  assert(again.text == base.text and again.host == base.host)
  url.is_loopback(base.host)
end

local function unquoted(text) return text:gsub("[%z\1-\127]", "") end

-- A secret in either spelling of the wire leaves no trace.
local function secret(text)
  local value = text:sub(1, 24)
  if #value < 4 or unquoted(value) == "***" then return end
  for _, spelled in ipairs {
    value, url.encode(value), url.form_encode(value),
  } do
    local struck = redact.text("<" .. spelled .. ">", { value })
    assert(struck == "<***>" or not struck:find(spelled, 1, true))
  end
  redact.text(text, { value, text:sub(-5) })
  url.host_of(text)
end

return function(text)
  each_check(text)
  header(text)
  address(text)
  address("http://" .. text)
  secret(text)
end
