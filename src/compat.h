/*
** Lua's headers, and what the older ones lack of Lua 5.4's: nothing else here
** asks which Lua it is. LuaJIT passes for a 5.1.
*/

#ifndef pa_compat_h
#define pa_compat_h

#include <lua.h>

#include <lauxlib.h>

/* Integers of 64 bits; before 5.3 what a double makes of them. */
#if LUA_VERSION_NUM >= 503
#define pa_pushint64(L, i) lua_pushinteger(L, (lua_Integer)(i))
#else
#define pa_pushint64(L, i) lua_pushnumber(L, (lua_Number)(i))
#endif

/* A userdata's one user value has to be a table before 5.4. */
#if LUA_VERSION_NUM < 504
#define lua_newuserdatauv(L, size, n) lua_newuserdata(L, size)
#define lua_getiuservalue(L, at, n) lua_getuservalue(L, at)
#define lua_setiuservalue(L, at, n) lua_setuservalue(L, at)
#endif

/* 5.1 does not tell its main thread: there, it is the one that calls. */
#if LUA_VERSION_NUM >= 502
#define pa_pushmain(L) \
  ((void)lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD))
#else
#define pa_pushmain(L) ((void)lua_pushthread(L))
#define lua_getuservalue(L, at) lua_getfenv(L, at)
#define lua_setuservalue(L, at) lua_setfenv(L, at)
#define lua_rawlen(L, at) lua_objlen(L, at)
#define luaL_setfuncs(L, list, n) luaL_openlib(L, NULL, list, n)
#define luaL_setmetatable(L, name) \
  (luaL_getmetatable(L, name), (void)lua_setmetatable(L, -2))
#undef luaL_newlib
#define luaL_newlib(L, list) (lua_newtable(L), luaL_register(L, NULL, list))
#endif

#endif
