/*
** json FILE...: a line for each document: its bytes, the nanoseconds that our
** decoder takes for it, and those of lua-cjson with a pass behind it that
** makes the same table: no nulls in objects, integral numbers as integers.
*/

#define _POSIX_C_SOURCE 200809L

#include "json.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS 0.004 /* for which each of the two is run, about */
#define MAXTEXT ((size_t)1 << 20)
#define EXACT 9007199254740992.0 /* 2^53 */

typedef int (*Decoder)(lua_State *L, const char *text, size_t len);


static void die (const char *why) {
  fprintf(stderr, "error: %s\n", why);
  exit(1);
}


static double now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}


static int isintegral (lua_State *L) {
  lua_Number n = lua_tonumber(L, -1);
  return n >= -EXACT && n <= EXACT && n == (lua_Number)(lua_Integer)n;
}


static void tidy (lua_State *L);


/* Stack: ... table key value; true: what takes its place was pushed. */
static int pushtidied (lua_State *L) {
  int type = lua_type(L, -1);
  if (type == LUA_TTABLE)
    tidy(L);
  else if (type == LUA_TLIGHTUSERDATA && lua_type(L, -2) == LUA_TSTRING)
    return lua_pushnil(L), 1;
  else if (type == LUA_TNUMBER && !lua_isinteger(L, -1) && isintegral(L))
    return lua_pushinteger(L, (lua_Integer)lua_tonumber(L, -1)), 1;
  return 0;
}


static void tidy (lua_State *L) {
  luaL_checkstack(L, 6, "JSON");
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (pushtidied(L)) {
      lua_pushvalue(L, -3);
      lua_insert(L, -2);
      lua_rawset(L, -5);
    }
    lua_pop(L, 1);
  }
}


/* The decoder of lua-cjson lies at index 1. */
static int theirs (lua_State *L, const char *text, size_t len) {
  lua_pushvalue(L, 1);
  lua_pushlstring(L, text, len);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK)
    return 0;
  tidy(L);
  return 1;
}


static double timed (lua_State *L, Decoder f, long n, const char *text,
                     size_t len) {
  double began = now();
  long i;
  for (i = 0; i < n; i++) {
    if (!f(L, text, len))
      die(lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  return (now() - began) / (double)n;
}


static size_t readfile (const char *name, char *text) {
  FILE *f = fopen(name, "rb");
  size_t n;
  if (f == NULL)
    die(name);
  n = fread(text, 1, MAXTEXT, f);
  fclose(f);
  memset(text + n, 0, PA_PADDING);
  return n;
}


int main (int argc, char **argv) {
  static char text[MAXTEXT + PA_PADDING];
  lua_State *L = luaL_newstate();
  int i;
  luaL_openlibs(L);
  if (luaL_dostring(L, "return require 'cjson'.new().decode") != LUA_OK)
    die(lua_tostring(L, -1));
  for (i = 1; i < argc; i++) {
    size_t len = readfile(argv[i], text);
    long n = 1 + (long)(SECONDS / timed(L, theirs, 100, text, len));
    double ours = timed(L, pa_pushjson, n, text, len);
    printf("%zu %.0f %.0f\n", len, ours * 1e9,
           timed(L, theirs, n, text, len) * 1e9);
  }
  return 0;
}
