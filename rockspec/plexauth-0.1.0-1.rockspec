rockspec_format = "3.0"
package = "plexauth"
version = "0.1.0-1"
source = {
  -- what `make dist` makes
  url = "https://github.com/plexauth/plexauth/releases/download/v0.1.0/"
    .. "plexauth-0.1.0.tar.gz",
}
description = {
  summary = "Plex authentication: tokens, server connections, sign-in",
  detailed = [[
Four operations of plex.tv and of a Plex Media Server as methods that return
Lua tables or typed errors. The HTTP exchange is made in C on libcurl; no
secret reaches a URL, a log or a message.]],
  homepage = "https://github.com/plexauth/plexauth",
  license = "MIT",
  labels = { "plex", "authentication", "http" },
}
dependencies = {
  "lua >= 5.1, < 5.6",
  "lua-cjson >= 2.1.0",
}
external_dependencies = {
  -- by library: a header in a multiarch directory would not be found
  CURL = { library = "curl" },
}
build = {
  type = "builtin",
  modules = {
    ["plexauth"] = "lua/plexauth/init.lua",
    ["plexauth.call"] = "lua/plexauth/call.lua",
    ["plexauth.check"] = "lua/plexauth/check.lua",
    ["plexauth.endpoints"] = "lua/plexauth/endpoints.lua",
    ["plexauth.error"] = "lua/plexauth/error.lua",
    ["plexauth.mock"] = "lua/plexauth/mock.lua",
    ["plexauth.mock.answers"] = "lua/plexauth/mock/answers.lua",
    ["plexauth.mock.server"] = "lua/plexauth/mock/server.lua",
    ["plexauth.need"] = "lua/plexauth/need.lua",
    ["plexauth.redact"] = "lua/plexauth/redact.lua",
    ["plexauth.request"] = "lua/plexauth/request.lua",
    ["plexauth.task"] = "lua/plexauth/task.lua",
    ["plexauth.types"] = "lua/plexauth/types.lua",
    ["plexauth.url"] = "lua/plexauth/url.lua",
    ["plexauth.wait.cqueues"] = "lua/plexauth/wait/cqueues.lua",
    ["plexauth.wait.luv"] = "lua/plexauth/wait/luv.lua",
    ["plexauth.core"] = {
      sources = {
        "src/buffer.c", "src/escape.c", "src/failure.c", "src/headers.c",
        "src/json.c", "src/lines.c", "src/names.c", "src/number.c",
        "src/plexauth.c", "src/pool.c", "src/transfer.c", "src/wait.c",
        "src/watch.c",
      },
      libraries = { "curl" },
      incdirs = { "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
    },
  },
  copy_directories = { "examples" },
}
