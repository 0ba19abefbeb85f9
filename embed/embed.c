/*
** The whole module as one C function: the core, and the Lua layer's source
** text compiled in. It only fills package.preload, so that each part is loaded
** when something requires it, as where they are files.
*/

#include "plexauth.h"

#include <lauxlib.h>

typedef struct Chunk {
  const char *module;
  const char *name; /* in messages and tracebacks */
  const unsigned char *text;
  size_t size;
} Chunk;

#include "layer.h" /* static const Chunk layer[], made by layer.sh */

#define NCHUNKS (sizeof(layer) / sizeof(layer[0]))

int luaopen_plexauth_core (lua_State *L);


/* A module's loader; it is called with what 'require' calls loaders with. */
static int load (lua_State *L) {
  const Chunk *c = &layer[lua_tointeger(L, lua_upvalueindex(1))];
  if (luaL_loadbuffer(L, (const char *)c->text, c->size, c->name) != 0)
    return lua_error(L);
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}


/* Not by way of the global 'package', which a host may have taken away. */
static void pushpreload (lua_State *L) {
  static const char *const path[] = { "_LOADED", "package", "preload" };
  size_t i;
  lua_pushvalue(L, LUA_REGISTRYINDEX);
  for (i = 0; i < sizeof(path) / sizeof(path[0]); i++) {
    lua_getfield(L, -1, path[i]);
    lua_remove(L, -2);
    if (!lua_istable(L, -1))
      luaL_error(L, "plexauth needs Lua's package library: luaopen_package");
  }
}


int luaopen_plexauth (lua_State *L) {
  size_t i;
  pushpreload(L);
  lua_pushcfunction(L, luaopen_plexauth_core);
  lua_setfield(L, -2, "plexauth.core");
  for (i = 0; i < NCHUNKS; i++) {
    lua_pushinteger(L, (lua_Integer)i);
    lua_pushcclosure(L, load, 1);
    lua_setfield(L, -2, layer[i].module);
  }
  lua_getfield(L, -1, "plexauth");
  lua_pushliteral(L, "plexauth");
  lua_call(L, 1, 1);
  return 1;
}
