-- Canaries: secrets that are easy to find again are sent through every
-- operation, to servers that send them back in every place and spelling.
-- Nothing that a program may print, log or keep of it shows one. Also run by
-- itself, as a program that prints all there is.

local cjson = require "cjson".new()
local faults = require "spec.support.faults"
local plexauth = require "plexauth"

-- They hold what form-encoding, JSON and XML escape, and what begins escapes.
local TOKEN = 'TOKCANARY/+"\195\169&\\%41x'
local PASSWORD = 'PWCANARY<> /+"\195\188&\\u0042\240\159\152\128%42y'
local CODE = "CODECANARY'/\"&amp;\\%43=+;z"

-- A part of one is found as well as the whole.
local canaries = { "tokcanary", "pwcanary", "codecanary" }

local TRANSIENT, SOURCE = "get_transient_token",
  "get_source_connection_information"
local DETAILS, SIGN_IN = "get_token_details", "post_users_sign_in_data"

local operations = {
  { name = TRANSIENT, due = 200, secrets = { TOKEN }, args = {} },
  { name = SOURCE, due = 200, secrets = { TOKEN },
    args = { source = "server://abc" } },
  { name = DETAILS, due = 200, secrets = { TOKEN }, args = {} },
  { name = SIGN_IN, due = 201, secrets = { PASSWORD, CODE },
    args = { login = "me", password = PASSWORD, verification_code = CODE } },
}

local function copy(t, more)
  local all = {}
  for k, v in pairs(t) do all[k] = v end
  for k, v in pairs(more or {}) do all[k] = v end
  return all
end

-------------------------------------------------------------- spellings

local function percent(format)
  return function(text)
    return (text:gsub("[^A-Za-z0-9*._ -]", function(c)
      return format:format(c:byte())
    end):gsub(" ", "+"))
  end
end

local function json(text)
  return cjson.encode({ text }):sub(3, -3)
end

local xml_names = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
  ["'"] = "&#39;",
}

-- How a server writes a secret; `quoted`: fit for a JSON string as it is.
local spellings = {
  { write = function(text) return text end },
  { write = percent "%%%02X", quoted = true },
  { write = percent "%%%02x", quoted = true },
  { write = function(text)
    return (percent "%%%02X"(text):gsub("+", "%%20"))
  end, quoted = true },
  { write = json, quoted = true },
  { write = function(text)
    return (json(text):gsub("\\/", "/"):gsub("\195\169", "\\u00e9")
      :gsub("\195\188", "\\u00FC"):gsub("\240\159\152\128", "\\uD83D\\ude00"))
  end, quoted = true },
  { write = function(text) return (text:gsub("[&<>\"']", xml_names)) end },
}

---------------------------------------------------------------- servers

-- Bodies with the echo in the place of E, or of Q where it has to be fit for
-- a JSON string.
local bodies = {
  { "application/json",
    '{"errors":[{"code":1001,"message":"no: Q","status":401}]}' },
  { "application/json", '{"errors":["Q"]}' },
  { "application/json",
    '{"errors":[{"code":"Q","message":{"Q":["Q"]},"Q":"Q"}]}' },
  { "application/json", '{"error":"Q"}' },
  { "application/json", '{"errors":[{"message":"Q"' },
  { "application/xml",
    '<errors><error code="1001" message="E" status="401"/></errors>' },
  { "application/xml", "<errors><error>E</error></errors>" },
  { "text/html", "<html>E</html>" },
  { "text/plain", "E" },
}

local function filled(body, echo, quoted)
  return (body:gsub("[EQ]", { E = echo, Q = quoted }))
end

local statuses = { 400, 401, 403, 404, 422, 429, 500, 503, 302 }

local function row_with(status, form, body, echo)
  return {
    status = status, body = body, reason = "No " .. echo, headers = {
      { "Content-Type", form .. "; x=" .. echo }, { "X-Echo", echo },
      { "Location", "http://" .. echo .. "/" }, { "Set-Cookie", "x=" .. echo },
      { "Retry-After", echo }, { "Content-Type", echo } },
  }
end

-- Every body with three statuses, and every status with three bodies.
local function add_answers(rows, echo, quoted)
  for i, body in ipairs(bodies) do
    for j = 1, 3 do
      local status = statuses[(i * 3 + j) % #statuses + 1]
      local row = row_with(status, body[1],
        filled(body[2], echo, quoted), echo)
      if i % 2 == 0 then
        row.headers[3][2] = "https://x.example/?X-Plex-Token=" .. echo
      end
      rows[#rows + 1] = row
    end
  end
  for code, status in pairs { [1028] = 401, [1029] = 401, [1031] = 401,
    [1003] = 429 } do
    rows[#rows + 1] = row_with(status, "application/json",
      ('{"errors":[{"code":%d,"message":"%s"}]}'):format(code, quoted), echo)
  end
end

-- The due status with what is no JSON, or is too much.
local function add_undecodable(rows, due, echo, quoted)
  for _, body in ipairs { echo, '"' .. quoted .. '"', '{"a":"' .. quoted,
    '{"a":' .. echo .. "}", echo:rep(600) } do
    rows[#rows + 1] = row_with(due, "text/plain", body, echo)
  end
end

local OK = "HTTP/1.1 200 OK\r\n"

local function add_broken(rows, echo)
  for _, bytes in ipairs {
    echo, "HTTP/1.1 " .. echo .. "\r\n\r\n", "HTTP/" .. echo .. "\r\n\r\n",
    OK .. echo .. "\r\n\r\n", OK .. "X-A: " .. echo .. "\0\r\n\r\n",
    OK .. "Content-Length: " .. echo .. "\r\n\r\n" .. echo,
    OK .. "Transfer-Encoding: " .. echo .. "\r\n\r\n" .. echo,
    OK .. "Transfer-Encoding: chunked\r\n\r\n" .. echo .. "\r\n",
    OK .. "Content-Length: 999\r\n\r\n" .. echo, OK .. "X-A: " .. echo,
    OK .. "X-A: " .. echo:rep(3000) .. "\r\n\r\n",
  } do
    rows[#rows + 1] = { send = bytes, after = "fin" }
  end
end

local function rows_for(operation, spelling)
  local rows, spelt, quoted = {}, {}, {}
  for i, secret in ipairs(operation.secrets) do
    spelt[i] = spelling.write(secret)
    quoted[i] = spelling.quoted and spelt[i] or json(secret)
  end
  local echo, quote = table.concat(spelt, " or "), table.concat(quoted, ", ")
  add_answers(rows, echo, quote)
  add_undecodable(rows, operation.due, echo, quote)
  add_broken(rows, echo)
  return rows
end

------------------------------------------------------- what may be shown

-- `report(what, value)` gets everything that a program may get to see.

local function options(url, report, more)
  return copy({
    server_url = url, account_url = url, retries = 0, access_token = TOKEN,
    client_id = "client-1", max_response_bytes = 8000,
    logger = function(event) report("event", copy(event)) end,
  }, more)
end

-- A token is a string, or a function's, or the call's own.
local function token_ways(url, report)
  return {
    { options(url, report), {} },
    { options(url, report, { access_token = function() return TOKEN end }),
      {} },
    { options(url, report, { access_token = "another" }),
      { access_token = TOKEN } },
  }
end

local function report_error(report, operation, row, result, err)
  if result ~= nil then
    error("a result of " .. (row.send or row.body), 0)
  end
  if row.status and err.kind ~= "too_large" and err.status ~= row.status then
    error(tostring(err) .. ", and not " .. row.status, 0)
  end
  report("error", err)
  report("text", tostring(err))
  if operation.name == SIGN_IN then report("sign-in error", err) end
end

local function echo_all(host, report, operation, spelling, way)
  local rows = rows_for(operation, spelling)
  local listener = host:listen { rows = rows }
  local ways = token_ways(listener.url, report)
  local settings, args = ways[way % #ways + 1][1], ways[way % #ways + 1][2]
  local plex = plexauth.new(settings)
  for _, row in ipairs(rows) do
    report_error(report, operation, row,
      plex[operation.name](plex, copy(operation.args, args)))
  end
  report("client", plex)
  report("text", tostring(plex))
  plex:close()
  report("text", tostring(plex))
  listener:close()
end

local function fail_to_connect(host, report)
  local listener = host:listen {}
  listener:close()
  for _, more in ipairs { {}, { allow_insecure = true,
    proxy = "http://me:PWCANARY@127.0.0.1:" .. listener.port } } do
    local plex = plexauth.new(options(listener.url, report, more))
    for _, operation in ipairs(operations) do
      report_error(report, operation, {},
        plex[operation.name](plex, operation.args))
    end
    local results, errors = plexauth.gather {
      function() return plex:get_token_details() end,
      function() return plex:get_transient_token() end,
    }
    if results.n ~= 2 or not errors[2] then error("no errors", 0) end
    report("errors", errors)
    plex:close()
  end
end

---------------------------------------------------------------- misuse

-- No option and no argument takes one of these, except where it says so.
local function bad_values(secret)
  return {
    secret .. "\n", "\0" .. secret, { secret }, { [secret] = secret },
    "ftp://" .. secret, "http://me:" .. secret .. "@127.0.0.1/",
    "http://127.0.0.1/?X-Plex-Token=" .. secret, "http://127.0.0.1/#" .. secret,
    "http://127.0.0.1:" .. secret, "http://" .. secret, "http://\n" .. secret,
  }
end

local header_options = { "access_token", "client_id", "client_name",
  "client_version", "client_platform", "device_name", "user_agent" }
local other_options = { "server_url", "account_url", "protocol", "ip", "port",
  "timeout", "connect_timeout", "retries", "proxy", "resolve",
  "max_response_bytes", "allow_insecure", "logger", "wait", "acces_token" }

-- The first four of them are bad for a header, too.
local function each_bad_value(name, is_header, f)
  for _, secret in ipairs { TOKEN, PASSWORD, CODE } do
    for i, value in ipairs(bad_values(secret)) do
      if i <= 4 or not is_header then f({ [name] = value }) end
    end
  end
end

local function bad_options(f)
  for _, name in ipairs(header_options) do each_bad_value(name, true, f) end
  for _, name in ipairs(other_options) do each_bad_value(name, false, f) end
  for _, options_given in ipairs { TOKEN, { TOKEN },
    { server_url = "http://127.0.0.1", ip = "127.0.0.1", access_token = TOKEN },
    { resolve = { ["a:1"] = TOKEN } }, { resolve = { [TOKEN] = "::1" } } } do
    f(options_given)
  end
end

-- Each calls the operation in a manner that it must refuse.
local function bad_calls(plex, operation, f)
  local name, args = operation.name, operation.args
  local function call(more)
    f(function() return plex[name](plex, copy(args, more)) end)
  end
  for _, header in ipairs { "access_token", name == SIGN_IN and "client_id" }
  do
    each_bad_value(header, true, call)
  end
  for _, other in ipairs { "server_url", "timeout", "retries", "pasword" } do
    each_bad_value(other, false, call)
  end
  for other in pairs(args) do
    call { [other] = { TOKEN } }
    call { [other] = function() return TOKEN end }
  end
  call { TOKEN, PASSWORD, CODE }
  f(function() return plex[name](plex, TOKEN) end)
  f(function() return plex[name](TOKEN) end)
  f(function() return plex[name](args, TOKEN) end)
end

local function more_bad_calls(plex, f)
  local function call(name, args)
    f(function() return plex[name](plex, args) end)
  end
  call(DETAILS, { access_token = function() return TOKEN .. "\n" end })
  call(DETAILS, { access_token = function() return { TOKEN } end })
  call(DETAILS, { server_url = "http://example.com" })
  call(SIGN_IN, { login = "me", password = PASSWORD, verification_code = CODE,
    server_url = "http://example.com" })
  call(SIGN_IN, { password = PASSWORD, verification_code = CODE })
  call(SIGN_IN, { login = "me", password = PASSWORD, remember_me = CODE })
  call(SIGN_IN, { login = "me", password = PASSWORD, verification_code = 1,
    client_id = TOKEN })
  call(TRANSIENT, { type = TOKEN })
  call(TRANSIENT, { scope = TOKEN })
  call(SOURCE, { access_token = TOKEN })
  plex:close()
  for _, operation in ipairs(operations) do
    call(operation.name, operation.args)
  end
end

-- How often something was refused; each time, as it is told.
local function misuse(report)
  local count = 0
  local function refused(f)
    local ok, message = pcall(f)
    if ok then error("it was taken", 0) end
    report("misuse", message)
    local _, trace = xpcall(f, debug.traceback)
    report("traceback", trace)
    count = count + 1
  end
  bad_options(function(given)
    refused(function() plexauth.new(given) end)
  end)
  local plex = plexauth.new(options("http://127.0.0.1:9", report))
  for _, operation in ipairs(operations) do
    bad_calls(plex, operation, refused)
  end
  more_bad_calls(plex, refused)
  return count
end

local function show_all(report)
  local host = faults.start()
  for _, operation in ipairs(operations) do
    for i, spelling in ipairs(spellings) do
      echo_all(host, report, operation, spelling, i)
    end
  end
  fail_to_connect(host, report)
  host:stop()
  misuse(report)
end

------------------------------------------------------------- looking

---Every string that can be reached from a value, metatables included.
local function each_string(value, f, done)
  done = done or {}
  if type(value) == "string" then return f(value) end
  if type(value) == "userdata" then return f(tostring(value)) end
  if type(value) ~= "table" or done[value] then return end
  done[value] = true
  for k, v in next, value do
    each_string(k, f, done)
    each_string(v, f, done)
  end
  each_string(debug.getmetatable(value), f, done)
end

local function canary_in(text)
  text = text:lower()
  for _, canary in ipairs(canaries) do
    if text:find(canary, 1, true) then return canary end
  end
end

-------------------------------------------------------- as a program

local function print_all(what, value)
  print(what, value)
  each_string(value, print)
end

-- What a program that catches nothing leaves on the screen, with a part of it.
local uncaught = {
  { "new: access_token must", function()
    plexauth.new { access_token = { TOKEN } }
  end },
  { "get_token_details: call it", function(plex)
    plex.get_token_details(TOKEN)
  end },
  { "post_users_sign_in_data: login is", function(plex)
    plex:post_users_sign_in_data { password = PASSWORD }
  end },
  { "get_token_details: access_token must", function(plex)
    plex:get_token_details { access_token = TOKEN .. "\n" }
  end },
  { "get_token_details: unauthorized: bad %*%*%* ", function(plex)
    assert(plex:get_token_details())
  end, TOKEN },
  { "post_users_sign_in_data: unauthorized: bad %*%*%* ", function(plex)
    assert(plex:post_users_sign_in_data(operations[4].args))
  end, PASSWORD },
}

-- With a secret, there is a server that sends it back.
local function run_uncaught(f, secret)
  local url = "http://127.0.0.1:9"
  if secret then
    local echo = json(secret)
    url = faults.start():listen({ rows = { row_with(401, "application/json",
      '{"errors":[{"message":"bad ' .. echo .. '"}]}', echo) } }).url
  end
  f(plexauth.new(options(url, print_all)))
end

if not describe then
  local which = tonumber(os.getenv "PLEXAUTH_UNCAUGHT")
  if which then return run_uncaught(uncaught[which][2], uncaught[which][3]) end
  show_all(print_all)
  return print "all was shown"
end

---------------------------------------------------------------- as a spec

local child = require "spec.support.child"

describe("a secret", function()
  local host

  setup(function() host = faults.start() end)
  teardown(function() host:stop() end)

  local function assert_clean(what, value)
    each_string(value, function(text)
      local canary = canary_in(text)
      if canary then
        error(("%s in %s: %s"):format(canary, what, text:sub(1, 2000)), 0)
      end
    end)
  end

  local fields_of_events = {
    method = "string", scheme = "string", host = "string", port = "number",
    path = "string", attempt = "number", status = "number",
    seconds = "number", bytes = "number", kind = "string",
  }

  local function assert_event(event)
    for name, value in pairs(event) do
      assert.equal(fields_of_events[name], type(value), name)
    end
    for name in pairs(fields_of_events) do
      assert.is_true(event[name] ~= nil or name == "status", name)
    end
    assert.is_nil(event.path:find("[?#]"))
  end

  -- but for `forbidden`, which only plex.tv's are
  local kinds_of_answers = { "bad_request", "unauthorized",
    "two_factor_required", "two_factor_invalid", "locked_out", "rate_limited",
    "server_error", "http", "redirect", "network", "protocol", "too_large",
    "decode" }

  local counts, kinds
  before_each(function() counts, kinds = {}, {} end)

  local function check(what, value)
    counts[what] = (counts[what] or 0) + 1
    assert_clean(what, value)
    if what == "event" then assert_event(value) end
    if what == "error" then kinds[value.kind] = true end
    if what == "sign-in error" then assert.is_nil(rawget(value, "body")) end
  end

  for _, operation in ipairs(operations) do
    for i, spelling in ipairs(spellings) do
      it(("of %s, sent back in spelling %d, is struck out"):format(
        operation.name, i), function()
        local events = {}
        echo_all(host, function(what, value)
          -- what a logger raises is lost
          if what == "event" then
            events[#events + 1] = value
          else
            check(what, value)
          end
        end, operation, spelling, i)
        for _, event in ipairs(events) do check("event", event) end
        local rows = #rows_for(operation, spelling)
        assert.same({ rows, rows, 1 },
          { counts.event, counts.error, counts.client })
        for _, kind in ipairs(kinds_of_answers) do
          assert.is_true(kinds[kind], kind)
        end
      end)
    end
  end

  it("is not told where nobody could be asked", function()
    fail_to_connect(host, check)
    assert.equal(2 * #operations, counts.error)
  end)

  it("is not told to who misuses it", function()
    local count = misuse(check)
    assert.is_true(count > 1000)
    assert.same({ count, count }, { counts.misuse, counts.traceback })
  end)

  it("would be found", function()
    assert.is_nil(canary_in "tok canary, cod ecanary")
    for _, secret in ipairs { TOKEN, PASSWORD, CODE } do
      for _, spelling in ipairs(spellings) do
        assert.is_truthy(canary_in("x" .. spelling.write(secret)))
      end
      for _, value in ipairs { secret, { { { [secret] = 1 } } },
        setmetatable({}, { __index = { secret } }) } do
        assert.is_false(pcall(assert_clean, "here", value))
      end
    end
  end)

  local file = debug.getinfo(1, "S").source:match "^@(.*)"

  local function run(which)
    return child.run(("dofile %q"):format(file),
      { PLEXAUTH_UNCAUGHT = which or "" })
  end

  it("is not printed by a program that prints all it gets", function()
    local output, fine = run()
    assert.match("all was shown\n$", output:sub(-2000))
    assert.is_true(fine)
    assert.is_truthy(output:find("***", 1, true))
    assert_clean("output", output)
  end)

  for i, case in ipairs(uncaught) do
    it("is not printed by a program that catches nothing, " .. i, function()
      local output, fine = run(tostring(i))
      assert.is_false(fine)
      assert_clean("output", output)
      -- before 5.3 an error that is no string is not printed
      if not case[3] or _VERSION > "Lua 5.2" then
        assert.match(case[1], output)
      end
    end)
  end
end)
