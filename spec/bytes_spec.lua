-- A connection that breaks or falls silent at every single byte: of the answer
-- (row 14) and of the request (row 15). What comes of it is the whole table or
-- a typed error, and one connection a call: nothing is sent a second time.

local certs = require "spec.support.certs"
local faults = require "spec.support.faults"
local manners = require "spec.support.manners"
local plexauth = require "plexauth"

local slow = manners.slow
local STEP = slow > 1 and 7 or 1
local LONG = 30 * slow         -- seconds; a time-out that must not come
local LIMIT = 64               -- stalled calls at a time

-- A row that nobody meets holds up only for as long as this, below.
local SHORT = { http = 0.1 * slow, https = 0.4 * slow }

local TOKEN = '{"MediaContainer":{"size":0,"token":"transient-1"}}'
local LIST = '{"MediaContainer":{"size":1,"Device":[{"name":"n"}]}}'
local ACCOUNT = '{"id":1,"authToken":"a","services":[{"token":"b"}]}'

local function with_length(status, body)
  return ("HTTP/1.1 %d OK\r\nContent-Type: application/json\r\n"
    .. "Content-Length: %d\r\n\r\n%s"):format(status, #body, body)
end

local function in_chunks(status, body)
  local half = math.floor(#body / 2)
  local head = ("HTTP/1.1 %d OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    :format(status)
  return head .. ("%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n"):format(half,
    body:sub(1, half), #body - half, body:sub(half + 1))
end

-- Only the connection's end says that the answer is all there.
local function until_the_end(status, body)
  return ("HTTP/1.1 %d OK\r\nConnection: close\r\n\r\n%s")
    :format(status, body)
end

local operations = {
  { name = "get_transient_token", answer = with_length(200, TOKEN),
    result = { MediaContainer = { size = 0, token = "transient-1" } } },
  { name = "get_source_connection_information", args = { source = "s" },
    answer = in_chunks(200, LIST),
    result = { MediaContainer = { size = 1, Device = { { name = "n" } } } } },
  { name = "get_token_details", answer = until_the_end(200, ACCOUNT),
    result = { id = 1, authToken = "a", services = { { token = "b" } } } },
  { name = "post_users_sign_in_data", once = true,
    args = { login = "l", password = "p", verification_code = "123" },
    answer = with_length(201, ACCOUNT),
    result = { id = 1, authToken = "a", services = { { token = "b" } } } },
}

-- What a break may be called. Before a byte was read of a new connection it
-- may look as if nobody was there.
local broken = { network = true, protocol = true, tls = true, connect = true }

describe("every byte:", function()
  local host, made
  local points = { fin = 0, rst = 0, stall = 0 }
  local repeated = 0

  setup(function() host, made = faults.start(), certs.make() end)

  teardown(function()
    io.write(("%d cut points, %d resets, %d stalls, 0 crashes, "
      .. "%d duplicate sign-ins\n"):format(points.fin, points.rst,
      points.stall, repeated))
    host:stop()
    certs.clean()
  end)

  local function listen(scheme, rows)
    return host:listen { rows = rows,
      tls = scheme == "https" and made.good or nil }
  end

  local function client(server, timeout)
    return plexauth.new {
      server_url = server.url, account_url = server.url, ca_file = made.ca,
      access_token = "t", client_id = "c", user_agent = "u", retries = 0,
      timeout = timeout, connect_timeout = LONG,
    }
  end

  local function call(plex, operation, server)
    local args = { server_url = server and server.url,
      timeout = server and LONG }
    for name, value in pairs(operation.args or {}) do args[name] = value end
    return plex[operation.name](plex, args)
  end

  -- One row each: what is there of the answer, or was read of the request.
  local function rows_of(side, whole, how)
    local rows, last = {}, how == "stall" and #whole - 1 or #whole
    for n = 0, last, STEP do
      rows[#rows + 1] = side == "answer"
        and { send = whole, cut = n, after = how }
        or { send = "", read = n, cut = 0, after = how }
    end
    return rows
  end

  local function request_of(scheme, operation)
    local server = listen(scheme, { { send = operation.answer,
      after = "fin" } })
    assert.same(operation.result, (call(client(server, LONG), operation)))
    return server:log().requests[1].raw
  end

  -- Where nothing says how long an answer is, half of one is no JSON.
  local function may_be_undecodable(row, operation)
    return row.send ~= "" and operation.answer:find "close\r\n\r\n"
      and row.cut >= operation.answer:find "{" - 1
  end

  local function assert_broken(operation, row, result, err)
    local where = ("at byte %d: "):format(row.read or row.cut)
    assert.is_nil(result, where)
    assert.is_true(broken[err.kind] or err.kind == "decode"
      and may_be_undecodable(row, operation), where .. err.kind)
    assert.same({ operation.name, 1 }, { err.operation, err.attempts })
    if operation.once and err.kind ~= "connect" then
      assert.equal("unknown", err.outcome, where)
    end
  end

  -- The client is as good as new.
  local function assert_well(plex, scheme, operation)
    local server = listen(scheme, { { send = operation.answer,
      after = "fin" } })
    assert.same(operation.result, (call(plex, operation, server)))
  end

  local function count(operation, log, calls)
    if operation.once then
      repeated = repeated + math.max(0, log.connections - calls)
    end
    assert.equal(calls, log.connections)
    assert.is_true(#log.requests <= calls)
  end

  -- A whole table may come where only its last chunk's frame is missing, or
  -- where the break comes right behind it; and must where nothing is missing.
  local function check(operation, row, whole, result, err)
    if result and row.send ~= "" and row.cut >= whole:find "}[^}]*$" then
      return assert.same(operation.result, result)
    end
    assert_broken(operation, row, result, err)
    assert.is_false(row.cut == #whole and row.after == "fin", err.kind)
  end

  local function break_each(scheme, operation, side, whole, how)
    local rows = rows_of(side, whole, how)
    local server = listen(scheme, rows)
    local plex = client(server, LONG)
    for _, row in ipairs(rows) do
      check(operation, row, whole, call(plex, operation))
      points[how] = points[how] + 1
    end
    count(operation, server:log(), #rows)
    assert_well(plex, scheme, operation)
  end

  -- Those whose handshake took all the time met no row: they call again.
  local function stall_each(scheme, operation, side, whole)
    local rows = rows_of(side, whole, "stall")
    local server = listen(scheme, rows)
    local plex = client(server, SHORT[scheme])
    local function stalled()
      local result, err = call(plex, operation)
      return result == nil and err.kind or "a result", err
    end
    local calls, fs = 0, {}
    for i = 1, #rows do fs[i] = stalled end
    repeat
      local kinds = plexauth.gather(fs, { limit = LIMIT })
      for i = 1, #fs do assert.equal("timeout", kinds[i]) end
      calls = calls + #fs
    until #server:log().requests >= #rows - 1 or calls > 20 * #rows
    assert.is_true(calls <= 20 * #rows, "not all came so far")
    points.stall = points.stall + #rows
    count(operation, server:log(), calls)
    assert_well(plex, scheme, operation)
  end

  for _, scheme in ipairs { "http", "https" } do
    for _, operation in ipairs(operations) do
      describe(operation.name .. " over " .. scheme, function()
        for _, side in ipairs { "answer", "request" } do
          local function whole()
            return side == "answer" and operation.answer
              or request_of(scheme, operation)
          end
          for _, how in ipairs { "fin", "rst" } do
            it(("a %s in the %s"):format(how, side), function()
              break_each(scheme, operation, side, whole(), how)
            end)
          end
          it("silence in the " .. side, function()
            stall_each(scheme, operation, side, whole())
          end)
        end
      end)
    end
  end
end)
