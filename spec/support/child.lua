---Lua code in a process of its own, for what only an environment variable or
-- the end of a process shows.

local lua = require "spec.support.lua"

local child = {}

local LONGEST = 60 * (tonumber(os.getenv "PLEXAUTH_SLOW") or 1)

-- timeout(1) is not everywhere.
local RUN = [[python3 -I -c '
import subprocess, sys
try:
    ended = subprocess.run(sys.argv[2:], timeout=float(sys.argv[1]))
    sys.exit(ended.returncode)
except subprocess.TimeoutExpired:
    sys.exit("it did not end in time")
' ]]

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

---It finds the modules that we find: LUA_PATH_5_4 would win over LUA_PATH.
local function search_paths()
  local version = _VERSION:gsub("%D+", "_")
  return {
    LUA_PATH = package.path, ["LUA_PATH" .. version] = package.path,
    LUA_CPATH = package.cpath, ["LUA_CPATH" .. version] = package.cpath,
  }
end

local function assignments(...)
  local words = {}
  for _, variables in ipairs { ... } do
    for name, value in pairs(variables) do
      words[#words + 1] = name .. "=" .. quote(value)
    end
  end
  return table.concat(words, " ")
end

-- The command that runs this interpreter, by the clock.
local function invocation(environment, ...)
  local words = { assignments(search_paths(), environment or {}), RUN, LONGEST,
    quote(lua.program()) }
  for _, word in ipairs { ... } do words[#words + 1] = quote(word) end
  return table.concat(words, " ")
end

---All that a shell command writes, and whether it ended well.
function child.shell(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1 </dev/null; "
    .. "echo status=$?"))
  local text = pipe:read "*a"
  pipe:close()
  local output, status = text:match "^(.*)status=(%d+)\n$"
  return output, status == "0"
end

---All that Lua code writes under further environment variables, and whether
-- it ended well.
function child.run(code, environment)
  return child.shell(invocation(environment, "-e", code))
end

---The same of another program, an array of its name and arguments, which has
-- so many minutes (1).
function child.program(words, environment, minutes)
  local quoted = {}
  for i, word in ipairs(words) do quoted[i] = quote(word) end
  return child.shell(table.concat({ assignments(environment or {}), RUN,
    LONGEST * (minutes or 1), table.concat(quoted, " ") }, " "))
end

---All that is on the screen of somebody who types these lines at a prompt,
-- and whether it ended well.
function child.type(lines, environment)
  return child.shell("printf '%s\\n' " .. quote(table.concat(lines, "\n"))
    .. " | " .. invocation(environment, "-i"))
end

---A command under way, under further environment variables: the file to read
-- all that it writes from. Where it takes too long it is killed.
function child.open(command, environment)
  return assert(io.popen(table.concat({
    "{", assignments(environment), RUN, LONGEST, command,
    "; } 2>&1 </dev/null" }, " ")))
end

return child
