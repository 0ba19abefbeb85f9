-- What plexauth needs and others make. It is loaded, or the error says what
-- to install, before what the loader said.

local need = {}

-- Module -> who it is, and the packages that have it.
local libraries = {
  cjson = "lua-cjson (LuaRocks: lua-cjson, Debian: lua-cjson)",
  cqueues = "cqueues (LuaRocks: cqueues, Debian: lua-cqueues)",
  luv = "luv (LuaRocks: luv, Debian: lua-luv)",
  socket = "LuaSocket (LuaRocks: luasocket, Debian: lua-socket)",
}

local luarocks = "luarocks --lua-version " .. _VERSION:match "[%d.]+$"

local other_lua = "it was built for another Lua. Build it with " .. luarocks

-- Words of the loader, and what they mean. The first that match count.
local meanings = {
  { "[Ss]ymbol.-%f[%a]luaL?_%l", other_lua },
  { "%f[%a]luaL?_%l.-symbol", other_lua }, -- musl
  { "version mismatch", other_lua },
  { "libcurl%-gnutls%.", "libcurl for GnuTLS is missing or too old. Install "
    .. "it: Debian, Ubuntu: libcurl3-gnutls" },
  { "libcurl[%d.]*%.[sd][oy]", "libcurl is missing or too old. Install it: "
    .. "Debian, Ubuntu: libcurl4; Fedora, Alpine: libcurl; Arch, Homebrew: "
    .. "curl" },
  { "' not found:", "it is not installed for this Lua. Install it with "
    .. luarocks },
}

---Load a library for a module of ours.
---@param library string
---@param module string
function need.library(library, module)
  local found, result = pcall(require, library)
  if found then return result end
  error(("%s needs %s: %s"):format(module, libraries[library],
    tostring(result)), 0)
end

---Load plexauth's C core.
function need.core()
  local found, result = pcall(require, "plexauth.core")
  if found then return result end
  local said = tostring(result)
  for _, meaning in ipairs(meanings) do
    if said:find(meaning[1]) then
      error(("plexauth cannot load its C core: %s\n%s")
        :format(meaning[2], said), 0)
    end
  end
  error(result, 0)
end

return need
