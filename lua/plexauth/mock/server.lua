-- The child process of the stand-in: an HTTP/1.1 server on a free loopback
-- port, one coroutine per connection, and a control connection to its parent
-- that brings the settings and asks for the requests. It ends with that
-- connection. A request's size and the number of
-- connections and of remembered requests are bounded.
local socket = require "socket"
local cjson = require "cjson"
local answers = require "plexauth.mock.answers"

local max_head, max_body = 16384, 65536 -- bytes
local max_connections = 512
local max_requests = 1000 -- the oldest are forgotten
local parent_seconds = 30 -- longest that the parent may take for a line

local reasons = {
  [200] = "OK", [201] = "Created", [400] = "Bad Request",
  [401] = "Unauthorized", [404] = "Not Found", [405] = "Method Not Allowed",
  [411] = "Length Required", [413] = "Content Too Large",
  [431] = "Request Header Fields Too Large",
}

-------------------------------------------------------------- a connection

---Read what is there into the buffer, or wait until something is.
---@return boolean alive false where the peer has closed
local function fill(conn)
  local data, problem, partial = conn.socket:receive(8192)
  data = data or partial
  conn.buffer = conn.buffer .. data
  if data == "" and problem == "timeout" then coroutine.yield("r") end
  return data ~= "" or problem == "timeout"
end

local function take(conn, length)
  local data = conn.buffer:sub(1, length)
  conn.buffer = conn.buffer:sub(length + 1)
  return data
end

local function send(conn, data)
  local sent, problem, last = conn.socket:send(data)
  while not sent and problem == "timeout" do
    coroutine.yield("w")
    sent, problem, last = conn.socket:send(data, last + 1)
  end
  return sent
end

---@return string? head up to its empty line
---@return integer? status with which to refuse; nil where the peer left
local function read_head(conn)
  while true do
    local _, last = conn.buffer:find("\r\n\r\n", 1, true)
    if last and last <= max_head then return take(conn, last) end
    if #conn.buffer > max_head then return nil, 431 end
    if not fill(conn) then return nil end
  end
end

local function parse_headers(lines)
  local headers = {}
  for name, value in lines:gmatch("([^:\r\n]+):[ \t]*([^\r\n]-)[ \t]*\r\n") do
    local key, first = name:lower(), headers[name:lower()]
    headers[key] = first and first .. ", " .. value or value
  end
  return headers
end

---@return table? request without its body; nil where the head is malformed
---@return boolean? last whether the connection ends with this request
local function parse_head(head)
  local method, target, version, lines =
    head:match("^(%u+) (/%S*) HTTP/1%.([01])\r\n(.*)$")
  if not method then return nil end
  local path, query = target:match("^([^?]*)%??(.*)$")
  local headers = parse_headers(lines)
  local wish = (headers.connection or ""):lower()
  return {
    method = method, path = path, query = answers.decode_pairs(query),
    headers = headers,
  }, wish == "close" or version == "0" and wish ~= "keep-alive"
end

---@return integer? length of the body in bytes
---@return integer? status with which to refuse
local function body_length(headers)
  local length = headers["content-length"] or "0"
  if headers["transfer-encoding"] then return nil, 411 end
  if not length:find("^%d+$") then return nil, 400 end
  if tonumber(length) > max_body then return nil, 413 end
  return tonumber(length)
end

---@return string? body
---@return integer? status with which to refuse; nil where the peer left
local function read_body(conn, headers)
  local length, status = body_length(headers)
  if not length then return nil, status end
  if (headers.expect or ""):lower() == "100-continue" then
    send(conn, "HTTP/1.1 100 Continue\r\n\r\n")
  end
  while #conn.buffer < length do
    if not fill(conn) then return nil end
  end
  return take(conn, length)
end

local function is_form(headers)
  local kind = (headers["content-type"] or ""):lower()
  return kind:find("application/x-www-form-urlencoded", 1, true) == 1
end

---@return plexauth.MockRequest? request
---@return integer|boolean|nil status_or_last without a request the status to
---refuse with, nil where the peer left; else whether the connection ends
local function read_request(conn)
  local head, status = read_head(conn)
  if not head then return nil, status end
  local request, last = parse_head(head)
  if not request then return nil, 400 end
  request.body, status = read_body(conn, request.headers)
  if not request.body then return nil, status end
  if is_form(request.headers) then
    request.form = answers.decode_pairs(request.body)
  end
  return request, last
end

local function write_response(conn, response, last, without_body)
  local lines = {
    ("HTTP/1.1 %d %s"):format(response.status, reasons[response.status]),
    "Content-Type: " .. response.type,
    "Content-Length: " .. #response.body,
    "Connection: " .. (last and "close" or "keep-alive"),
  }
  for name, value in pairs(response.headers or {}) do
    lines[#lines + 1] = name .. ": " .. value
  end
  lines[#lines + 1] = "\r\n"
  return send(conn, table.concat(lines, "\r\n")
    .. (without_body and "" or response.body))
end

local function remember(state, request)
  local requests = state.requests
  if #requests >= max_requests then table.remove(requests, 1) end
  requests[#requests + 1] = request
end

local function serve(conn, state)
  repeat
    local request, last = read_request(conn)
    if not request then
      local status = last
      return status and write_response(conn, answers.html_page(status), true)
    end
    remember(state, request)
    local response = answers.respond(request, state.settings)
    local sent = write_response(conn, response, last,
      request.method == "HEAD")
  until last or not sent
end

------------------------------------------------------------------ the loop

---Let a connection go on until it waits again, or has come to its end.
local function resume(state, conn)
  local alive, wants = coroutine.resume(conn.thread, conn, state)
  if not alive then io.stderr:write("plexauth.mock: ", wants, "\n") end
  conn.wants = alive and wants
  if coroutine.status(conn.thread) == "dead" then
    conn.socket:close()
    state.connections[conn.socket] = nil
    state.count = state.count - 1
  end
end

local function accept(state)
  local client = state.listener:accept()
  if not client then return end
  -- select would raise on a descriptor beyond its set
  if client:getfd() >= socket._SETSIZE then return client:close() end
  client:settimeout(0)
  client:setoption("tcp-nodelay", true)
  local conn = { socket = client, buffer = "",
    thread = coroutine.create(serve) }
  state.connections[client] = conn
  state.count = state.count + 1
  resume(state, conn)
end

---Answer the parent's next line.
---@return boolean go_on false where the parent has ended the connection
local function obey(state)
  if state.control:receive() ~= "requests" then return false end
  local reply = cjson.encode { requests = state.requests }
  return state.control:send(reply .. "\n") ~= nil
end

local function wait(state)
  local readers, writers = { state.control }, {}
  if state.count < max_connections then readers[2] = state.listener end
  for client, conn in pairs(state.connections) do
    local list = conn.wants == "w" and writers or readers
    list[#list + 1] = client
  end
  return socket.select(readers, writers)
end

---@return boolean go_on false where it is time to end
local function turn(state)
  local readable, writable = wait(state)
  if readable[state.control] and not obey(state) then return false end
  if readable[state.listener] then accept(state) end
  for _, ready in ipairs { readable, writable } do
    for _, client in ipairs(ready) do
      local conn = state.connections[client]
      if conn then resume(state, conn) end
    end
  end
  return true
end

-- popen hands on every descriptor of the parent: other stand-ins' control
-- connections and whatever listens there would stay open with this process.
local function close_inherited()
  local handle = socket.tcp()
  for fd = 3, socket._SETSIZE - 1 do
    handle:setfd(fd)
    handle:close()
  end
end

local function greet(port, nonce)
  local control = assert(socket.connect("127.0.0.1", port))
  control:settimeout(parent_seconds)
  assert(control:send(nonce))
  local line = control:receive()
  return control, line and cjson.decode(line)
end

---Serve until the control connection ends. The parent's first line is the
---settings as JSON; it and every line "requests" get one line of JSON back.
---@param port integer of 127.0.0.1, where the parent listens
---@param nonce string proves to the parent who is calling
local function run(port, nonce)
  close_inherited()
  local control, settings = greet(port, nonce)
  if not settings then return end
  local listener = assert(socket.bind("127.0.0.1", 0, max_connections))
  listener:settimeout(0)
  local _, own_port = listener:getsockname()
  control:send(cjson.encode { port = tonumber(own_port) } .. "\n")
  local state = { control = control, listener = listener, count = 0,
    settings = settings, connections = {}, requests = {} }
  while turn(state) do end -- luacheck: ignore 542
  -- the control connection last: its end tells the parent that all is closed
  listener:close()
  for client in pairs(state.connections) do client:close() end
  control:close()
end

return { run = run }
