/*
** Opens plexauth in another way than the example does, and runs Lua code:
** embed_open CODE [bare]. The code gets the module, and finds no global
** 'package'; "bare": Lua's own libraries are not there.
*/

#include "plexauth.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

/* Lua 5.1 and LuaJIT have no luaL_requiref: it is this, in short. */
#if LUA_VERSION_NUM < 502
static void luaL_requiref (lua_State *L, const char *name, lua_CFunction open,
                           int global) {
  (void)global;
  lua_pushcfunction(L, open);
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}
#endif


static int run (lua_State *L) {
  const char *code = lua_touserdata(L, 1);
  lua_pushnil(L);
  lua_setglobal(L, "package");
  if (luaL_loadstring(L, code) != 0)
    return lua_error(L);
  luaL_requiref(L, "plexauth", luaopen_plexauth, 0);
  lua_call(L, 1, 0);
  return 0;
}


int main (int argc, char **argv) {
  lua_State *L = luaL_newstate();
  int failed;
  if (argc == 2)
    luaL_openlibs(L);
  lua_pushcfunction(L, run);
  lua_pushlightuserdata(L, argv[1]);
  failed = lua_pcall(L, 1, 0, 0) != 0;
  if (failed)
    printf("%s\n", lua_tostring(L, -1));
  lua_close(L);
  return failed;
}
