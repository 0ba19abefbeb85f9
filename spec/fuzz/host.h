/*
** What the fuzz targets share: a Lua state with the core in it, and a script
** that gives one function, which is called for every input.
*/

#ifndef fuzz_host_h
#define fuzz_host_h

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int luaopen_plexauth_core (lua_State *L);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);


static void fuzz_must (lua_State *L, int status) {
  if (status == 0)
    return;
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  abort();
}


/* The function that 'script' returns, as "check" in the registry. */
static lua_State *fuzz_open (const char *script) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_plexauth_core);
  lua_setfield(L, -2, "plexauth.core");
  fuzz_must(L, luaL_loadfile(L, script));
  fuzz_must(L, lua_pcall(L, 0, 1, 0));
  lua_setfield(L, LUA_REGISTRYINDEX, "check");
  lua_settop(L, 0);
  return L;
}

#endif
