/*
** A program with frames whose plugins are Lua scripts: host FRAMES SCRIPT...
** A script is written as if its calls blocked, and no frame waits for one. It
** may raise, hang or leave things open: its own Lua state is all it touches.
*/

#define _POSIX_C_SOURCE 200809L /* for nanosleep */

#include "plexauth.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Makes a script a task, and returns what each frame calls: that goes on with
   the script as far as is possible at once, and says whether it has ended. */
static const char glue[] =
    "local task = require('plexauth').task(assert(loadfile(...)))\n"
    "local error, pcall, tostring = error, pcall, tostring\n"
    "return function()\n"
    "  local ok, ended = pcall(task.step, task, 0)\n"
    "  if not ok then error(tostring(ended), 0) end\n"
    "  return ended\n"
    "end\n";

/* Whatever a script raises ends here. */
static int call (lua_State *L, int arguments) {
  int ok = lua_pcall(L, arguments, 1, 0) == 0;
  if (!ok)
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
  return ok;
}

/* A plugin is a Lua state of its own; NULL: there is none any more. */
static lua_State *start (const char *script) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_plexauth);
  lua_setfield(L, -2, "plexauth");
  lua_settop(L, 0);
  luaL_loadstring(L, glue);
  lua_pushstring(L, script);
  if (call(L, 1))
    return L;
  lua_close(L);
  return NULL;
}

static lua_State *step (lua_State *L) {
  lua_pushvalue(L, 1);
  if (call(L, 0) && !lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    return L;
  }
  lua_close(L);
  return NULL;
}

int main (int argc, char **argv) {
  const struct timespec rest = { 0, 16000000 };
  lua_State *plugins[16];
  int i, n = argc < 18 ? argc - 2 : 16, frames = argc > 1 ? atoi(argv[1]) : 0;
  for (i = 0; i < n; i++)
    plugins[i] = start(argv[i + 2]);
  while (frames-- > 0) {
    for (i = 0; i < n; i++)
      if (plugins[i] != NULL)
        plugins[i] = step(plugins[i]);
    nanosleep(&rest, NULL); /* where you draw and wait for the screen */
  }
  for (i = 0; i < n; i++)
    if (plugins[i] != NULL)
      lua_close(plugins[i]); /* calls that still run end with it */
  return 0;
}
