-- The error value: what an HTTP answer, or the lack of one, is called.
-- Nothing that was sent in secret is left in it.

local redact = require "plexauth.redact"
local url = require "plexauth.url"

local errors = {}

local max_message = 200

-- Plex's own codes tell more than the status they come with.
local kind_of_code = {
  [1003] = "rate_limited",
  [1028] = "two_factor_invalid",
  [1029] = "two_factor_required",
  [1031] = "locked_out",
}

local kind_of_status = {
  [400] = "bad_request", [401] = "unauthorized", [429] = "rate_limited",
}

-- What to say where Plex says nothing.
local sentences = {
  bad_request = "the request was refused as malformed",
  unauthorized = "the token or the login was not accepted",
  forbidden = "the account may not do this",
  two_factor_required = "a verification code is required",
  two_factor_invalid = "the verification code was not accepted",
  locked_out = "too many failed sign-ins from this address",
  rate_limited = "too many requests",
  server_error = "the server failed",
  http = "the server's answer was not the one due",
}

-- Only of the status, whatever the kind: Plex's SDKs type no others.
local type_of_status = { [400] = "BadRequest", [401] = "Unauthorized" }

local meta = { __name = "plexauth.error" }

local function suffix(err)
  local parts = {}
  if err.status then parts[1] = "HTTP " .. err.status end
  if err.code then parts[#parts + 1] = ("code %d"):format(err.code) end
  return parts[1] and " (" .. table.concat(parts, ", ") .. ")" or ""
end

function meta.__tostring(err)
  return ("%s: %s: %s%s"):format(err.operation, err.kind, err.message,
    suffix(err))
end

local function shorten(text)
  if #text <= max_message then return text end
  return text:sub(1, max_message):gsub("[\192-\255]?[\128-\191]*$", "") .. "..."
end

-- A message is shown to people: no control bytes, and not without end.
local function clean(text, secrets)
  text = redact.text(text, secrets):gsub("[%z\1-\31\127]+", " ")
  return shorten(text:match("[^ ].*") or ""):match("^(.-) *$")
end

local function new(request, fields)
  fields.operation = request.row.name
  fields.message = clean(fields.message, request.secrets)
  return setmetatable(fields, meta)
end

---Is this value one of our errors?
function errors.is(value)
  return getmetatable(value) == meta
end

local function integer(v)
  v = tonumber(v)
  if v and v % 1 == 0 and v > -2 ^ 53 and v < 2 ^ 53 then
    return math.tointeger and math.tointeger(v) or v
  end
end

local function is_said(v)
  return type(v) == "string" and v:find("[^%z\1-\32\127]") ~= nil
end

local function attribute(tag, name)
  return tag:match("%f[%w]" .. name .. '%s*=%s*"([^"]*)"')
end

-- plex.tv sends XML where something on the way changed our Accept header:
-- <errors><error code="1029" message="..." status="401"/></errors>, or, of
-- old, <errors><error>Invalid token</error></errors>.
local function errors_of_xml(body)
  local list = {}
  for tag, text in body:gmatch("<error%f[%s/>]([^<>]*)>([^<]*)") do
    list[#list + 1] = {
      code = integer(attribute(tag, "code")),
      message = attribute(tag, "message") or text:match("%S.*"),
      status = integer(attribute(tag, "status")),
    }
  end
  return list[1] and list
end

local function errors_of(decoded, body)
  if type(decoded) ~= "table" then return errors_of_xml(body) end
  if type(decoded.errors) == "table" and decoded.errors[1] ~= nil then
    return decoded.errors
  end
end

local function first_code(list)
  for _, item in ipairs(list or {}) do
    local code = type(item) == "table" and integer(item.code)
    if code then return code end
  end
end

local function first_message(list, decoded)
  for _, item in ipairs(list or {}) do
    if is_said(item) then return item end
    if type(item) == "table" and is_said(item.message) then
      return item.message
    end
  end
  if type(decoded) == "table" and is_said(decoded.error) then
    return decoded.error
  end
end

local function kind_of(row, status, code, body)
  if kind_of_code[code] then return kind_of_code[code] end
  if kind_of_status[status] then return kind_of_status[status] end
  if status == 403 then
    return row.base == "server" and "unauthorized" or "forbidden"
  end
  if status == 422 and body:find("Invalid token", 1, true) then
    return "unauthorized"
  end
  if status >= 300 and status < 400 then return "redirect" end
  return status >= 500 and status < 600 and "server_error" or "http"
end

local function redirect_sentence(location)
  local host = location and url.host_of(location)
  return "the server redirects" .. (host and " to " .. host or "")
    .. ", which is not followed"
end

local function name_of(row, status)
  local kind = type_of_status[status]
  return kind and row.sdk .. kind or "SDKException"
end

-- What is kept of an answer as it came. Secrets are struck out before anything
-- is cut out of it: a part of a secret would not be found.
local function kept(request, answer)
  return redact.value({
    body = answer.body,
    content_type = answer.headers["content-type"],
    location = answer.headers.location,
  }, request.secrets)
end

-- What came may hold a token where a sign-in succeeded all the same.
local function body_of(request, safe)
  return not request.once and safe.body or nil
end

-- A gateway's error does not tell how far a sign-in got.
local function unsure(request, status)
  return request.once and status >= 500 and "unknown" or nil
end

---The error for an answer with another status than the one due.
---@param request table
---@param answer table  status, headers, body, retry_after, and `decoded`, the
---  body's value where it is JSON
function errors.of_answer(request, answer)
  local safe = kept(request, answer)
  local code = first_code(errors_of(answer.decoded, answer.body))
  local kind = kind_of(request.row, answer.status, code, answer.body)
  local list = errors_of(answer.decoded, safe.body)
  local said = first_message(list, answer.decoded)
  if kind == "redirect" then said = redirect_sentence(safe.location) end
  return new(request, {
    kind = kind, code = code, status = answer.status,
    name = name_of(request.row, answer.status),
    message = said or sentences[kind],
    errors = redact.value(list, request.secrets),
    body = body_of(request, safe),
    content_type = safe.content_type,
    retry_after = answer.retry_after,
    outcome = unsure(request, answer.status),
  })
end

---The error for the due status with a body that is no JSON object or array.
function errors.of_body(request, answer, why)
  local safe = kept(request, answer)
  return new(request, {
    kind = "decode", status = answer.status, name = "SDKException",
    message = "the answer is not the JSON that was due: " .. why,
    body = body_of(request, safe), content_type = safe.content_type,
  })
end

---The error where no answer came.
---@param sent boolean  a byte of the request may have left
function errors.of_failure(request, kind, why, sent)
  local outcome
  if request.once and sent then
    outcome = "unknown"
    why = why .. "; the sign-in may have been received all the same, so ask "
      .. "for a new verification code before the next"
  end
  return new(request, { kind = kind, message = why, outcome = outcome })
end

return errors
