-- A stand-in for Plex on this machine: a loopback server, in a process of its
-- own, that answers the four operations as plex.tv and a media server do.
-- Loaded only when asked for; needs luasocket, lua-cjson and a POSIX shell.
-- The child ends with `stop` and with its parent, be it by SIGKILL; only where
-- another program has inherited the connection, a killed parent's child ends
-- when that one does. No setting is ever on a command line.

local check = require "plexauth.check"
local need = require "plexauth.need"

local socket = need.library("socket", "plexauth.mock")
local cjson = need.library("cjson", "plexauth.mock")

local start_seconds = 30 -- until a child is given up
local answer_seconds = 30 -- for one answer on the control connection
local slice_seconds = 0.1 -- how soon a child that died at once is noticed

local defaults = {
  token = "mock-token", username = "mock-user", login = "user@example.com",
  password = "secret",
}

-- Option -> the check it has to pass; the first two have no default.
local options = { lua = "text", verification_code = "text" }
for name in pairs(defaults) do options[name] = "text" end

-------------------------------------------------------------- the options

local function settings_of(given)
  local settings = { verification_code = given.verification_code }
  for name, default in pairs(defaults) do
    settings[name] = given[name] or default
  end
  return settings
end

---------------------------------------------------------------- the child

-- The program that runs this script, if it is a Lua: `arg` may be a host's.
local function interpreter()
  local args, i = rawget(_G, "arg"), -1
  if type(args) ~= "table" then args = {} end
  while args[i - 1] do i = i - 1 end
  local program = args[i]
  if type(program) == "string" and program:find("lua[^/]*$") then
    return program
  end
  return rawget(_G, "jit") and "luajit" or _VERSION:lower():gsub(" ", "")
end

local function shell_quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Made without math.random, whose state belongs to the script.
local function make_nonce()
  local source = io.open("/dev/urandom", "rb")
  local bytes = source and source:read(16)
  if source then source:close() end
  bytes = bytes or tostring({}) .. socket.gettime()
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

-- The shell puts the child in the background and ends, so closing the pipe
-- never waits for it; a session of its own, where there is setsid, keeps the
-- terminal's Ctrl-C from it. What to run comes by the pipe, where ps does not
-- see it.
local command = [[{ $(command -v setsid) %s \
-e 'assert((loadstring or load)(io.read()))()' <&3 >/dev/null & } 3<&0]]

local program = "package.path, package.cpath = %q, %q; "
  .. "require('plexauth.mock.server').run(%d, %q)"

---@return file* pipe to the child's standard input
local function spawn(lua, port, nonce)
  local pipe = assert(io.popen(command:format(shell_quoted(lua)), "w"))
  local line = program:format(package.path, package.cpath, port, nonce)
  pipe:setvbuf("no")
  pipe:write((line:gsub("\\\n", "\\n")), "\n")
  return pipe
end

local function knows(control, nonce)
  control:settimeout(1, "t")
  return control:receive(#nonce) == nonce
end

---Wait until the child calls. A write shows whether it still lives: luasocket
---has SIGPIPE ignored.
---@return table? control the connection to it
---@return string? problem
local function await(listener, pipe, nonce)
  local deadline = socket.gettime() + start_seconds
  listener:settimeout(slice_seconds)
  while socket.gettime() < deadline do
    local control = listener:accept()
    if control and knows(control, nonce) then return control end
    if control then control:close() end
    if not pipe:write("\n") then return nil, "it ended at once" end
  end
  return nil, ("it did not call back within %d s"):format(start_seconds)
end

---Send one line and decode the line that answers it.
local function ask(control, line)
  control:settimeout(answer_seconds, "t")
  local sent, problem = control:send(line .. "\n")
  if not sent then return nil, problem end
  local answer, why = control:receive()
  if not answer then return nil, why end
  return cjson.decode(answer)
end

---@return table? control
---@return integer|string port_or_problem
local function launch(lua, settings)
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  local nonce = make_nonce()
  local pipe = spawn(lua, tonumber(port), nonce)
  local control, problem = await(listener, pipe, nonce)
  listener:close()
  pipe:close()
  if not control then return nil, problem end
  local answer, why = ask(control, cjson.encode(settings))
  if not answer then
    control:close()
    return nil, "it went away: " .. why
  end
  return control, answer.port
end

--------------------------------------------------------------- the parent

local server = {}
server.__index = server
server.__name = "plexauth.MockServer"

---What the stand-in has received, oldest first: the newest thousand at most.
---Raises once it is stopped or gone.
---@return plexauth.MockRequest[]
function server:requests()
  if not self.control then
    error("plexauth.mock: the stand-in is stopped", 2)
  end
  local answer, problem = ask(self.control, "requests")
  if not answer then
    error("plexauth.mock: the stand-in is gone: " .. problem, 2)
  end
  return answer.requests
end

---Stop the stand-in and wait until its port is free. May be repeated.
function server:stop()
  local control = self.control
  if not control then return end
  self.control = nil
  -- Not close: other children may have inherited the descriptor, and while
  -- one of them has it, only a shutdown ends the connection.
  control:shutdown("send")
  control:settimeout(answer_seconds, "t")
  control:receive()
  control:close()
end

function server:__tostring()
  return ("plexauth.MockServer (%s)")
    :format(self.control and self.url or "stopped")
end

server.__close, server.__gc = server.stop, server.stop

local mock = {}

---Start a stand-in in a process of its own, on a free port of 127.0.0.1.
---Raises on misuse, and where the child does not come up within 30 seconds.
---@param given? plexauth.MockOptions all of them strings
---@return plexauth.MockServer
function mock.start(given)
  if given == nil then given = {} end
  local fault = check.fields(given, options, "plexauth.mock.start")
  if fault then error(fault, 2) end
  local lua = given.lua or interpreter()
  local control, port = launch(lua, settings_of(given))
  if not control then
    error(("plexauth.mock: no stand-in came up with %q: %s. Its own words, "
      .. "if any, are on stderr. Is that the name of a Lua interpreter "
      .. "(option lua) that finds plexauth, luasocket and lua-cjson?")
      :format(lua, port), 2)
  end
  return setmetatable({ control = control,
    url = ("http://127.0.0.1:%d"):format(port) }, server)
end

return mock
