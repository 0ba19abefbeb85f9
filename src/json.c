/*
** JSON text to Lua values, by lua-cjson and a tidying pass that gives the
** same tables whatever version of it is found.
*/

#include "json.h"

#include <lauxlib.h>
#include <string.h>

/* Beyond this a double no longer tells neighbouring integers apart. */
#define EXACT 9007199254740992.0 /* 2^53 */

static const char engine = 0; /* its address: the decoder in the registry */


static void call (lua_State *L, int cjson, const char *f) {
  lua_getfield(L, cjson, f);
  lua_insert(L, -2);
  lua_call(L, 1, 0);
}


static void pushmodule (lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson");
  if (lua_pcall(L, 1, 1, 0) != LUA_OK)
    luaL_error(L, "plexauth needs lua-cjson (LuaRocks: lua-cjson; "
                  "Debian, Ubuntu: lua-cjson)");
}


/* An instance of its own: the host's settings of cjson are the host's. */
static void pushdecoder (lua_State *L) {
  int at = lua_gettop(L) + 1;
  int cjson;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &engine) == LUA_TFUNCTION)
    return;
  lua_settop(L, at - 1);
  pushmodule(L);
  lua_getfield(L, -1, "new");
  lua_call(L, 0, 1);
  cjson = lua_gettop(L);
  lua_pushinteger(L, PA_MAXDEPTH);
  call(L, cjson, "decode_max_depth");
  lua_pushboolean(L, 0);
  call(L, cjson, "decode_invalid_numbers");
  lua_getfield(L, cjson, "decode");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &engine);
  lua_replace(L, at);
  lua_settop(L, at);
}


void pa_pushengine (lua_State *L) {
  pushmodule(L);
  lua_getfield(L, -1, "_VERSION");
  lua_remove(L, -2);
}


static int isintegral (lua_State *L) {
  lua_Number n = lua_tonumber(L, -1);
  return n >= -EXACT && n <= EXACT && n == (lua_Number)(lua_Integer)n;
}


static void tidy (lua_State *L);


/* Stack: ... table key value. What stands in its place is put there: changing
   and removing fields is allowed while a table is traversed. */
static void tidyfield (lua_State *L) {
  switch (lua_type(L, -1)) {
    case LUA_TTABLE:
      tidy(L);
      return;
    case LUA_TNUMBER:
      if (lua_isinteger(L, -1) || !isintegral(L))
        return;
      lua_pushinteger(L, (lua_Integer)lua_tonumber(L, -1));
      break;
    case LUA_TLIGHTUSERDATA:
      if (lua_type(L, -2) != LUA_TSTRING)
        return; /* an array keeps its places */
      lua_pushnil(L);
      break;
    default:
      return;
  }
  lua_pushvalue(L, -3);
  lua_insert(L, -2);
  lua_rawset(L, -5);
}


/* The table on top; the depth is bounded by the decoder's. */
static void tidy (lua_State *L) {
  luaL_checkstack(L, 6, "JSON");
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    tidyfield(L);
    lua_pop(L, 1);
  }
}


int pa_pushjson (lua_State *L, const char *text, size_t len) {
  int status;
  /* lua-cjson takes a zero byte for the end, whatever comes after it */
  if (len > 0 && memchr(text, '\0', len) != NULL) {
    lua_pushliteral(L, "it holds a zero byte");
    return 0;
  }
  pushdecoder(L);
  lua_pushlstring(L, text != NULL ? text : "", len);
  status = lua_pcall(L, 1, 1, 0);
  if (status == LUA_ERRMEM)
    lua_error(L);
  if (status == LUA_OK && lua_istable(L, -1))
    tidy(L);
  return status == LUA_OK;
}
