local socket = require "socket"
local ssl = require "ssl"
local certs = require "spec.support.certs"
local faults = require "spec.support.faults"

local GET = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
local POST = "POST /b HTTP/1.1\r\nContent-Length: 3\r\nX-A: 1\r\n"
  .. "x-a: 2\r\n\r\nabc"
local OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
local DEADLINE = 60

local function connect(listener, address)
  local client = assert(socket.connect(address or "127.0.0.1", listener.port))
  client:settimeout(DEADLINE)
  return client
end

local function secure(listener, ca)
  local client = assert(ssl.wrap(connect(listener), {
    mode = "client", protocol = "any", verify = "peer", cafile = ca,
    options = "all" }))
  client:settimeout(DEADLINE)
  return client, client:dohandshake()
end

---Everything until the end; whether that was a FIN (else nil, err, bytes).
local function talk(client, request)
  if request then assert(client:send(request)) end
  return client:receive "*a"
end

local function silent(client)
  client:settimeout(0)
  local _, err = client:receive(1)
  client:settimeout(DEADLINE)
  return err == "timeout" or err == "wantread"
end

local function ended(client)
  return select(2, client:receive(1))
end

local function shell(format, ...)
  local pipe = assert(io.popen(format:format(...) .. " 2>&1 </dev/null"))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function interpreter()
  local first = -1
  while arg[first - 1] do first = first - 1 end
  return arg[first]
end

describe("the scripted server", function()
  local host

  local function listen(...)
    return host:listen { rows = { ... } }
  end

  setup(function() host = faults.start() end)
  teardown(function()
    host:stop()
    certs.clean()
  end)

  it("answers row by row and tells what it read", function()
    local listener = listen({ body = "hi" }, { status = 404 })
    local client = connect(listener)
    client:send(GET)
    assert.equal(OK, client:receive(#OK))
    client:send(POST .. GET)
    local missing = "HTTP/1.1 404 Error\r\nContent-Length: 0\r\n\r\n"
    assert.equal(missing:rep(2), client:receive(2 * #missing))
    local log = listener:log()
    assert.same({ 1, 1, 3 }, { log.connections, log.open, #log.requests })
    assert.same({ connection = 1, complete = true, raw = POST,
      method = "POST", target = "/b", body = "abc",
      headers = { ["content-length"] = "3", ["x-a"] = "1, 2" } },
      log.requests[2])
  end)

  it("cuts a reply at a byte, with a FIN or an RST", function()
    local fin = listen { body = "hi", cut = 20, after = "fin" }
    assert.equal(OK:sub(1, 20), talk(connect(fin), GET))
    local rst = listen { body = "hi", cut = 20, after = "rst" }
    local whole, err, part = talk(connect(rst), GET)
    assert.same({ "closed", OK:sub(1, 20) }, { err, part })
    assert.is_nil(whole)
    assert.equal(GET, rst:log().requests[1].raw)
  end)

  it("acts after a part of the request, or before it", function()
    local part = listen { read = 7, send = "x", after = "fin" }
    local client = connect(part)
    assert.equal("x", talk(client, POST))
    local request = part:log().requests[1]
    assert.same({ POST:sub(1, 7), false, "POST" },
      { request.raw, request.complete, request.method })
    local none = listen { read = 0, send = "x", after = "fin" }
    assert.equal("x", talk(connect(none)))
    assert.equal(0, #none:log().requests)
  end)

  it("reads on after an early reply", function()
    local listener = listen({ read = 4, body = "hi" }, { send = "x" })
    local client = connect(listener)
    client:send(POST:sub(1, 4))
    assert.equal(OK, client:receive(#OK))
    client:send(POST:sub(5) .. GET)
    assert.equal("x", client:receive(1))
    assert.equal(GET, listener:log().requests[2].raw)
  end)

  it("records a request that breaks off", function()
    local listener = listen {}
    local client = connect(listener)
    client:send(POST:sub(1, -2))
    client:close()
    assert.is_true(listener:wait("closed", 1))
    local request = listener:log().requests[1]
    assert.same({ false, "ab" }, { request.complete, request.body })
  end)

  it("stalls until the client leaves", function()
    local listener = listen { body = "hi", cut = 3, after = "stall" }
    local client = connect(listener)
    client:send(GET)
    assert.equal(OK:sub(1, 3), client:receive(3))
    assert.is_true(silent(client))
    assert.equal(1, listener:log().open)
    client:close()
    listener:wait("closed", 1)
    assert.equal(0, listener:log().open)
  end)

  it("holds a reply until its release, or the client's leaving", function()
    local listener = listen { body = "hi", hold = "gate" }
    local client, other = connect(listener), connect(listener)
    client:send(GET)
    other:send(GET)
    listener:wait("requests", 2)
    assert.is_true(silent(client))
    other:close()
    listener:wait("closed", 1)
    listener:release "gate"
    assert.equal(OK, client:receive(#OK))
  end)

  it("answers nobody before the barrier is full", function()
    local listener = host:listen { barrier = 2, rows = { { body = "hi" } } }
    local first, second = connect(listener), connect(listener)
    first:send(GET)
    listener:wait("requests", 1)
    assert.is_true(silent(first))
    second:send(GET)
    assert.equal(OK, first:receive(#OK))
    assert.equal(OK, second:receive(#OK))
  end)

  it("sends chunks, repetitions, drops and late replies", function()
    local head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    local chunked = listen { body = ("a"):rep(16), chunked = true,
      repeat_body = 2, after = "fin" }
    assert.equal(head .. ("10\r\n" .. ("a"):rep(16) .. "\r\n"):rep(2)
      .. "0\r\n\r\n", talk(connect(chunked), GET))
    local slow = listen { body = "h", repeat_body = 3, delay = 0.01,
      drip = 0.001, after = "fin" }
    assert.equal("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhhh",
      talk(connect(slow), GET))
  end)

  it("sends without an end", function()
    local listener = listen { body = "0123456789", repeat_body = "forever" }
    local client = connect(listener)
    client:send(GET)
    assert.equal(4e6, #client:receive(4e6))
    client:close()
    assert.is_true(listener:wait("closed", 1))
  end)

  it("counts handshakes and keeps the endings apart over TLS", function()
    local pair, ca = certs.make().good, certs.make().ca
    local listener = host:listen { tls = pair, rows = {
      { body = "hi", cut = 20, after = "fin" },
      { body = "hi", cut = 20, after = "rst" } } }
    assert.equal(OK:sub(1, 20), talk(secure(listener, ca), GET))
    local whole, _, part = talk(secure(listener, ca), GET)
    assert.is_nil(whole)
    assert.equal(OK:sub(1, 20), part)
    local client, done = secure(listener, certs.make().self_signed.cert)
    assert.is_false(done)
    client:close()
    listener:wait("tls_failures", 1)
    assert.equal(2, listener:log().handshakes)
  end)

  it("resumes TLS sessions and counts it", function()
    local listener = host:listen { tls = certs.make().good }
    shell("openssl s_client -tls1_2 -reconnect -connect 127.0.0.1:%d",
      listener.port)
    listener:wait("handshakes", 6)
    assert.equal(5, listener:log().resumed)
  end)

  it("speaks an old TLS only where told to", function()
    local pair = certs.make().good
    local listener = host:listen { tls = {
      cert = pair.cert, key = pair.key, min = "1.1", max = "1.1" } }
    local try = "openssl s_client %s -connect 127.0.0.1:%d"
    shell(try, "-tls1_2", listener.port)
    listener:wait("tls_failures", 1)
    shell(try, "-tls1_1 -cipher ALL:@SECLEVEL=0", listener.port)
    listener:wait("handshakes", 1)
  end)

  it("lets a connect hang", function()
    local listener = host:listen { connect = "ignore" }
    local client = socket.tcp()
    client:settimeout(0.5)
    assert.same({ nil, "timeout" },
      { client:connect("127.0.0.1", listener.port) })
    client:close()
  end)

  it("listens on ::1", function()
    local listener = host:listen { host = "::1", rows = {
      { send = "x", after = "fin" } } }
    assert.equal("x", talk(connect(listener, "::1"), GET))
    assert.equal("http://[::1]:" .. listener.port, listener.url)
  end)

  it("resets its connections when it is closed", function()
    local listener = listen {}
    local client = connect(listener)
    listener:wait("connections", 1)
    listener:close()
    listener:close()
    assert.equal("closed", ended(client))
    assert.is_nil(socket.connect("127.0.0.1", listener.port))
    assert.equal(0, listener:log().open)
  end)

  it("raises on misspelt faults and at a deadline", function()
    assert.error_matches(function() listen { aftr = "rst" } end, "aftr")
    assert.error_matches(function() listen { after = "rts" } end, "rts")
    local listener = listen {}
    assert.error_matches(function()
      listener:wait("requests", 1, 0.01)
    end, "0 of 1 requests")
  end)

  it("ends with its parent", function()
    local parent = assert(io.popen(([[echo $$; exec '%s' -e '
      local faults = require "spec.support.faults"
      local listener = faults.start():listen {}
      print(listener.port)
      io.stdout:flush()
      listener:wait("requests", 1, 600)']]):format(interpreter())))
    local pid, port = parent:read "*l", tonumber(parent:read "*l")
    local client = connect { port = port }
    os.execute("kill -9 " .. pid)
    assert.equal("closed", ended(client))
    parent:close()
  end)

  it("stops once, and says so afterwards", function()
    local other = faults.start()
    local listener = other:listen {}
    other:stop()
    other:stop()
    listener:close()
    assert.error_matches(function() listener:log() end, "stopped")
  end)
end)
