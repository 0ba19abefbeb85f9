---The Lua that runs the specs, and what they need where it lacks something.

local lua = {}

local is_jit = rawget(_G, "jit") ~= nil

---As `make` takes it: lua5.1, luajit, lua5.2...
lua.name = os.getenv "LUA" or is_jit and "luajit"
  or _VERSION:lower():gsub(" ", "")

---Where `make` puts what it builds for it.
lua.build = (lua.name == "lua5.4" or lua.name == "lua") and "build"
  or "build/" .. lua.name

---PUC's 5.1: it cannot yield through pcall, and does not tell its main thread.
lua.is_51 = _VERSION == "Lua 5.1" and not is_jit

---LuaJIT has one debug hook for all coroutines.
lua.one_hook = is_jit

---The program itself: the lowest index of `arg`.
function lua.program()
  local args, first = rawget(_G, "arg") or {}, 0
  while args[first - 1] do first = first - 1 end
  return args[first]
end

---pcall for what may yield. On 5.1, where that is not to be had, whatever f
-- raises goes past it.
lua.pcall = not lua.is_51 and pcall or function(f, ...) return true, f(...) end

---A value that has f called when it is collected, or at the end. In 5.1 only
---userdata has finalisers.
function lua.finaliser(f)
  local newproxy = rawget(_G, "newproxy")
  if not newproxy then return setmetatable({}, { __gc = f }) end
  local proxy = newproxy(true)
  getmetatable(proxy).__gc = f
  return proxy
end

---Compile text, with globals of its own; nil and why where it does not.
function lua.load(source, name, env)
  if not rawget(_G, "setfenv") then return load(source, name, "t", env) end
  local f, why = loadstring(source, name)
  return f and setfenv(f, env), why
end

---`it`, or, where a library is missing, what skips the spec and says why.
function lua.it(it, missing)
  if not missing then return it end
  return function(name)
    it(name, function()
      require "busted".pending(missing .. " is not installed for " .. lua.name)
    end)
  end
end

return lua
