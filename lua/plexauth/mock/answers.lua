-- What the stand-in answers: pure functions from a request to a response.
-- `routes` is the table of the operations that it knows. Media server and
-- plex.tv differ in how they word a success and in how they refuse, and each
-- writes JSON only where Accept is exactly "application/json", as they do.
-- All values are invented; the shapes are those of spec/samples. The XML is
-- made from the JSON, so there is one text of each answer.
local cjson = require "cjson"

local days = 24 * 60 * 60
local transient = "transient-00000000-1111-2222-3333-444444444444"
local xml_declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'

local function decode_byte(hex)
  return string.char(tonumber(hex, 16))
end

local function decode(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", decode_byte))
end

---Decode a query or a form; of a name that comes twice, the last value holds.
---@param text string "a=1&b=two+words"
---@return table<string, string>
local function decode_pairs(text)
  local values = {}
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    values[decode(name)] = decode(value)
  end
  return values
end

------------------------------------------------------------------ the texts

-- Broken into lines for the reader only; `$name` stands for a value.
local transient_token = [[{"MediaContainer":{"size":0,"token":$transient}}]]

-- A media server writes child elements as arrays.
local source_connections = [[{"MediaContainer":{"size":1,"Device":[{
  "name":"Example Server",
  "clientIdentifier":"0123456789abcdef0123456789abcdef01234567",
  "accessToken":$transient,"Connection":[
  {"protocol":"https","address":"10.0.0.25","port":32400,"local":true,
  "uri":"https://10-0-0-25.0123456789abcdef.plex.direct:32400"},
  {"protocol":"https","address":"198.51.100.9","port":8443,"local":false,
  "uri":"https://198-51-100-9.0123456789abcdef.plex.direct:8443",
  "relay":true}]}]}}]]

local account = [[{"id":22800682,"uuid":"0123456789abcdef",
  "username":$username,"title":$username,"email":$login,"friendlyName":"",
  "locale":null,"confirmed":true,"joinedAt":1502262342,
  "emailOnlyAuth":false,"hasPassword":true,"protected":false,
  "thumb":"https://example.org/users/0123456789abcdef/avatar",
  "authToken":$token,"mailingListStatus":"unsubscribed",
  "mailingListActive":false,"scrobbleTypes":"","country":"US",
  "subscription":{"active":true,"subscribedAt":"2018-02-10T07:32:35Z",
  "status":"Active","paymentService":null,"plan":"lifetime",
  "features":["pass","webhooks"]},"subscriptionDescription":null,
  "restricted":false,"anonymous":null,"home":false,"guest":false,
  "homeSize":1,"homeAdmin":false,"maxHomeSize":15,
  "rememberExpiresAt":$expires,"profile":{"autoSelectAudio":true,
  "defaultAudioLanguage":"en","defaultSubtitleLanguage":null,
  "autoSelectSubtitle":1,"defaultSubtitleAccessibility":0,
  "defaultSubtitleForced":0,"watchedIndicator":1,
  "mediaReviewsVisibility":0},"entitlements":[],"roles":["plexpass"],
  "subscriptions":[{"id":null,"mode":"lifetime","renewsAt":null,
  "endsAt":null,"billing":{"paymentMethodId":null,
  "internalPaymentMethod":{}},"canceled":false,"gracePeriod":false,
  "onHold":false,"canReactivate":false,"canUpgrade":false,
  "canDowngrade":false,"canConvert":false,"type":"plexpass",
  "transfer":null,"state":"active"}],
  "services":[{"identifier":"epg","endpoint":"https://example.org/epg",
  "token":"mock-epg-token","secret":null,"status":"online"}],
  "adsConsent":null,"adsConsentSetAt":null,"adsConsentReminderAt":null,
  "experimentalFeatures":false,"twoFactorEnabled":$twofactor,
  "backupCodesCreated":false,"attributionPartner":null}]]

-- A sign-in tells of two more things than GET /user.
local signed_in = account:sub(1, -2) .. [[,"pastSubscriptions":[{"id":null,
  "mode":null,"renewsAt":null,"endsAt":1646772617,"billing":{
  "paymentMethodId":null,"internalPaymentMethod":{}},"canceled":false,
  "gracePeriod":false,"onHold":false,"canReactivate":false,
  "canUpgrade":false,"canDowngrade":false,"canConvert":false,
  "type":"plexpass","transfer":null,"state":"ended"}],"trials":[]}]]

local refusal =
  [[{"errors":[{"code":$code,"message":$message,"status":$status}]}]]

local function fill(template, values)
  local text = template:gsub("\n%s*", "")
  return (text:gsub("%$(%w+)", function(name)
    local value = values[name]
    return type(value) == "string" and cjson.encode(value) or tostring(value)
  end))
end

---------------------------------------------------------------- JSON to XML

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
  ['"'] = "&quot;" }

local function attribute(value)
  if value == cjson.null then return "" end
  if type(value) == "boolean" then return value and "1" or "0" end
  if type(value) == "number" then return ("%.0f"):format(value) end
  return (value:gsub('[&<>"]', entities))
end

local function sorted_keys(object)
  local keys = {}
  for key in pairs(object) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local to_xml

local function element(name, object)
  local attributes, children = "", ""
  for _, key in ipairs(sorted_keys(object)) do
    local value = object[key]
    if type(value) == "table" then
      children = children .. to_xml(key, value)
    else
      attributes = ('%s %s="%s"'):format(attributes, key, attribute(value))
    end
  end
  if children == "" then return ("<%s%s/>"):format(name, attributes) end
  return ("<%s%s>%s</%s>"):format(name, attributes, children, name)
end

-- plex.tv wraps a list, <roles><role id="plexpass"/></roles>; a media server,
-- whose names begin with a capital, does not.
function to_xml(name, value)
  if #value == 0 then return element(name, value) end
  local wrapped, items = name:find("^%l"), {}
  for i, item in ipairs(value) do
    items[i] = element(wrapped and name:gsub("s$", "") or name,
      type(item) == "table" and item or { id = item })
  end
  local list = table.concat(items)
  return wrapped and ("<%s>%s</%s>"):format(name, list, name) or list
end

---The XML form of a JSON text. An object with one key lends it as the root.
local function xml_document(json)
  local object = cjson.decode(json)
  local name = next(object)
  if next(object, name) == nil then return to_xml(name, object[name]) end
  return element("user", object)
end

--------------------------------------------------------------- the refusals

-- What plex.tv says where it refuses; a media server tells the status only.
local refusals = {
  no_client_id = { status = 400, code = 1000,
    message = "X-Plex-Client-Identifier is missing" },
  bad_parameter = { status = 400, code = 1004, message = "Bad request" },
  not_authenticated = { status = 401, code = 1001,
    message = "User could not be authenticated" },
  wrong_code = { status = 401, code = 1028,
    message = "Invalid verification code" },
  code_required = { status = 401, code = 1029,
    message = "Please enter the verification code" },
  wrong_verb = { status = 405, code = 1005, message = "Method not allowed" },
}

local titles = {
  [400] = "Bad Request", [401] = "Unauthorized",
  [405] = "Method Not Allowed", [411] = "Length Required",
  [413] = "Content Too Large", [431] = "Request Header Fields Too Large",
}

---A refusal in HTML, as a media server writes it.
---@param status integer one of 400, 401, 405, 411, 413, 431
---@return plexauth.MockResponse
local function html_page(status)
  local title = titles[status]
  return { status = status, type = "text/html", body = ([[
<html><head><title>%s</title></head><body><h1>%d %s</h1></body></html>]])
    :format(title, status, title) }
end

------------------------------------------------------------------ the sites

local media_server = {
  types = { json = "application/json", xml = "text/xml;charset=utf-8" },
  headers = { ["X-Plex-Protocol"] = "1.0", ["Cache-Control"] = "no-cache" },
}

local plex_tv = {
  types = { json = "application/json; charset=utf-8",
    xml = "application/xml; charset=utf-8" },
  -- A client should not keep the cookie.
  headers = { ["X-Request-Id"] = "00000000-0000-4000-8000-000000000000",
    ["Set-Cookie"] = "_my-plex_session_32=mock; path=/; HttpOnly" },
}

local function render(site, request, status, template, values)
  local exactly = request.headers.accept == "application/json"
  local json = fill(template, values)
  return { status = status, type = site.types[exactly and "json" or "xml"],
    body = exactly and json or xml_declaration .. xml_document(json) }
end

function media_server.refuse(_, why)
  return html_page(why.status)
end

function plex_tv.refuse(request, why)
  return render(plex_tv, request, why.status, refusal, why)
end

------------------------------------------------------------- the operations

local function account_values(settings, lifetime)
  return {
    username = settings.username, login = settings.login,
    token = settings.token, twofactor = settings.verification_code ~= nil,
    expires = os.time() + lifetime,
  }
end

local function get_transient_token(request)
  return render(media_server, request, 200, transient_token,
    { transient = transient })
end

local function get_source_connections(request)
  return render(media_server, request, 200, source_connections,
    { transient = transient })
end

local function get_user(request, settings)
  return render(plex_tv, request, 200, account,
    account_values(settings, 30 * days))
end

---A value that may come as a header or as part of the query.
local function parameter(request, name)
  local value = request.headers[name:lower()] or request.query[name]
  return value ~= "" and value or nil
end

-- plex.tv takes the user name for the e-mail address, too.
local function knows_login(form, settings)
  return (form.login == settings.login or form.login == settings.username)
    and form.password == settings.password
end

local function sign_in_problem(request, settings)
  local form = request.form or {}
  local code, due = form.verificationCode or "", settings.verification_code
  if not parameter(request, "X-Plex-Client-Identifier") then
    return refusals.no_client_id
  elseif not knows_login(form, settings) then
    return refusals.not_authenticated
  elseif due and code ~= due then
    return code == "" and refusals.code_required or refusals.wrong_code
  end
end

local function sign_in(request, settings)
  local why = sign_in_problem(request, settings)
  if why then return plex_tv.refuse(request, why) end
  local remember = request.form.rememberMe
  local kept = remember == "true" or remember == "1"
  return render(plex_tv, request, 201, signed_in,
    account_values(settings, kept and 365 * days or 30 * days))
end

-- `query` holds patterns: a parameter that does not match is refused.
local routes = {
  ["/security/token"] = { verb = "GET", site = media_server, token = true,
    query = { type = "^delegation$", scope = "^all$" },
    answer = get_transient_token },
  ["/security/resources"] = { verb = "GET", site = media_server, token = true,
    query = { source = "." }, answer = get_source_connections },
  ["/user"] = { verb = "GET", site = plex_tv, token = true,
    query = {}, answer = get_user },
  ["/users/signin"] = { verb = "POST", site = plex_tv, token = false,
    query = {}, answer = sign_in },
}

local function find_route(path)
  local below = path:match("^/api/v2(/.*)$")
  local route = routes[below or path]
  if route and (not below or route.site == plex_tv) then return route end
end

local function request_problem(route, request, settings)
  if request.method ~= route.verb then return refusals.wrong_verb end
  if route.token
    and parameter(request, "X-Plex-Token") ~= settings.token then
    return refusals.not_authenticated
  end
  for name, pattern in pairs(route.query) do
    if not (request.query[name] or ""):find(pattern) then
      return refusals.bad_parameter
    end
  end
end

---@class plexauth.MockResponse
---@field status integer
---@field type string the Content-Type
---@field body string
---@field headers? table<string, string> further ones

---Answer one request.
---@param request plexauth.MockRequest
---@param settings plexauth.MockOptions with its defaults filled in
---@return plexauth.MockResponse
local function respond(request, settings)
  local route = find_route(request.path)
  if not route then
    return { status = 404, type = plex_tv.types.json,
      body = '{"status":404,"error":"Not Found"}' }
  end
  local why = request_problem(route, request, settings)
  local response = why and route.site.refuse(request, why)
    or route.answer(request, settings)
  response.headers = route.site.headers
  return response
end

return {
  decode_pairs = decode_pairs,
  html_page = html_page,
  respond = respond,
  routes = routes,
}
