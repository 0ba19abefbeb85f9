---The specs' loopback server with scripted faults. Here a row of data becomes
-- bytes, and what faults.py has seen becomes a table; that one process does
-- all the I/O, for any number of listeners, and never outlives this one.
--
-- A typing error in a row would be a fault that never happens: every field is
-- checked, and whatever goes wrong here raises.

local socket = require "socket"
local mime = require "mime"
local json = require "cjson".new()

local START_SECONDS = 30
local ANSWER_SECONDS = 30      -- beyond what a wait may take by itself
local WAIT_SECONDS = 30

---A set of types and values, any of which will do for a field.
local function any(...)
  local set = {}
  for _, item in ipairs { ... } do set[item] = true end
  return set
end

local number, text, list = any "number", any "string", any "table"
local version = any("1.0", "1.1", "1.2", "1.3")

local row_fields = {
  status = number, reason = text, headers = list, body = text, send = text,
  chunked = any "boolean", repeat_body = any("number", "forever"),
  read = number, cut = number, drip = number, delay = number, hold = text,
  echo = any "boolean",
  after = any("keep", "fin", "rst", "stall"),
}
local listener_fields = {
  tls = list, rows = list, connect = any("accept", "ignore"), host = text,
  port = number, barrier = number,
}
local tls_fields = { cert = text, key = text, min = version, max = version }

local function fail(...)
  error("faults: " .. string.format(...), 0)
end

local function check(given, fields, where)
  for name, value in pairs(given) do
    local rule = fields[name]
    if not rule then fail("no field %q in a %s", name, where) end
    if not rule[value] and not rule[type(value)] then
      fail("a %s cannot have %s = %s", where, name, tostring(value))
    end
  end
end

local function base64(bytes)
  return bytes == "" and "" or (mime.b64(bytes))
end

local function header_lines(row, length)
  local lines, framed = {}, row.status == 204 or row.status == 304
  for i, header in ipairs(row.headers or {}) do
    lines[i] = header[1] .. ": " .. header[2] .. "\r\n"
    local name = header[1]:lower()
    framed = framed or name == "content-length" or name == "transfer-encoding"
  end
  if row.chunked then
    lines[#lines + 1] = "Transfer-Encoding: chunked\r\n"
  elseif not framed and length < math.huge then
    lines[#lines + 1] = ("Content-Length: %d\r\n"):format(length)
  end
  return table.concat(lines)
end

local function head(row, times)
  local status = row.status or 200
  local reason = row.reason or (status < 400 and "OK" or "Error")
  local length = row.body and times * #row.body or 0
  return ("HTTP/1.1 %d %s\r\n%s\r\n"):format(status, reason,
    header_lines(row, length))
end

local function unit(row)
  local body = row.body or ""
  if not row.chunked or body == "" then return body end
  return ("%x\r\n%s\r\n"):format(#body, body)
end

local function encoded_row(row)
  check(row, row_fields, "row")
  local times = row.repeat_body or 1
  if times == "forever" then times = math.huge end
  if times == math.huge and unit(row) == "" then fail "nothing to repeat" end
  return {
    head = base64(row.send or head(row, times)), unit = base64(unit(row)),
    times = times < math.huge and times or -1,
    tail = row.chunked and base64 "0\r\n\r\n" or "",
    read = row.read, cut = row.cut, drip = row.drip, delay = row.delay,
    hold = row.hold, after = row.after or "keep", echo = row.echo,
  }
end

local function encoded_tls(tls)
  check(tls, tls_fields, "tls")
  return { cert = tls.cert, key = tls.key, min = tls.min or "1.2",
    max = tls.max or "1.3" }
end

local function encoded_listener(options)
  check(options, listener_fields, "listener")
  local rows = {}
  for i, row in ipairs(options.rows or {}) do rows[i] = encoded_row(row) end
  return {
    command = "listen", barrier = options.barrier,
    tls = options.tls and encoded_tls(options.tls),
    rows = rows[1] and rows or { encoded_row {} },
    host = options.host or "127.0.0.1", port = options.port or 0,
    ignore = options.connect == "ignore",
  }
end

---lua-cjson makes every number a float, which 5.3 and later would print so.
local function whole(value)
  return type(value) == "number" and math.floor(value) or value
end

local function parsed_headers(lines)
  local headers = {}
  for given, value in lines:gmatch "([^:\r\n]+):[ \t]*([^\r\n]*)" do
    local name = given:lower()
    headers[name] = headers[name] and headers[name] .. ", " .. value or value
  end
  return headers
end

---A request may have come in part only: then what is missing is nil, or "".
local function parsed_request(entry)
  local raw = mime.unb64(entry.raw)
  local cut = raw:find("\r\n\r\n", 1, true) or #raw
  local line, lines = raw:sub(1, cut):match "^([^\r\n]*)\r?\n?(.*)"
  local method, target = line:match "^(%S+) (%S+)"
  return {
    connection = whole(entry.connection), complete = entry.complete,
    raw = raw, method = method, target = target,
    headers = parsed_headers(lines), body = raw:sub(cut + 4),
  }
end

local host = {}
host.__index = host
local listener = {}
listener.__index = listener

local function drop(self)
  local control, pipe = self.control, self.pipe
  self.control, self.pipe = nil, nil
  control:close()
  pipe:close()                 -- waits for the process
end

local function ask(self, message, seconds)
  if not self.control then fail "the host is stopped" end
  self.control:settimeout((seconds or 0) + ANSWER_SECONDS)
  local line, err = self.control:send(json.encode(message) .. "\n")
  if line then line, err = self.control:receive "*l" end
  if not line then
    drop(self)
    fail("the server is lost: %s", err)
  end
  local reply = json.decode(line)
  if reply.error then fail("%s", reply.error) end
  return reply
end

function host:listen(options)
  local reply = ask(self, encoded_listener(options))
  local port, address = whole(reply.port), options.host or "127.0.0.1"
  local name = address:find(":", 1, true) and "[" .. address .. "]"
    or options.tls and "localhost" or address
  local scheme = options.tls and "https" or "http"
  return setmetatable({
    host = self, number = reply.listener, port = port,
    url = ("%s://%s:%d"):format(scheme, name, port),
  }, listener)
end

---Ends the process and waits for its end. Harmless when done before.
function host:stop()
  if not self.control then return end
  self.control:send(json.encode { command = "stop" } .. "\n")
  drop(self)
end

function listener:ask(command, message, seconds)
  message = message or {}
  message.command, message.listener = command, self.number
  return ask(self.host, message, seconds)
end

function listener:log()
  local log = self:ask "log"
  local requests = {}
  for i, entry in ipairs(log.requests) do
    requests[i] = parsed_request(entry)
  end
  for name, value in pairs(log) do log[name] = whole(value) end
  log.requests = requests
  return log
end

---Opens the gate of the rows with `hold = name`, for good.
function listener:release(name)
  self:ask("release", { name = name })
end

---Waits until `what` ("connections", "requests", "closed", "handshakes",
-- "resumed", "tls_failures") has reached n; raises when it takes too long.
function listener:wait(what, n, seconds)
  seconds = seconds or WAIT_SECONDS
  self:ask("wait", { what = what, n = n, seconds = seconds }, seconds)
  return true
end

---Stops listening and resets the connections. Harmless when done before.
function listener:close()
  if self.closed or not self.host.control then return end
  self.closed = true
  self:ask "close"
end

local faults = {}

local function command(port)
  local path = debug.getinfo(1, "S").source:match "^@(.*/)" or "./"
  path = (path .. "faults.py"):gsub("'", [['\'']])
  return ("exec python3 -I '%s' %d"):format(path, port)
end

---Starts the process; its connection back says that it is ready.
function faults.start()
  local server = assert(socket.bind("127.0.0.1", 0))
  server:settimeout(START_SECONDS)
  local _, port = server:getsockname()
  local pipe = assert(io.popen(command(port)))
  local control, err = server:accept()
  server:close()
  if not control then fail("python3 did not start: %s", err) end
  control:setoption("tcp-nodelay", true)
  return setmetatable({ control = control, pipe = pipe }, host)
end

return faults
