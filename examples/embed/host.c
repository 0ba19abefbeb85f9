/*
** A program with frames whose plugins are Lua scripts: host FRAMES SCRIPT...
** A script is written as if its calls blocked, and no frame waits for one. It
** may raise, hang or leave things open: its own Lua state is all it touches.
*/

#include "plexauth.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Makes a script a task, and returns what each frame calls: that goes on with
   the script as far as is possible at once. Has it ended, or with what? */
static const char glue[] =
    "local task = require('plexauth').task(assert(loadfile(...)))\n"
    "local function step() return task:step(0) end\n"
    "return function() return select(2, xpcall(step, tostring)) end";

/* Whatever a script raises ends here. */
static int call (lua_State *L, int arguments) {
  if (lua_pcall(L, arguments, 1, 0) == 0 && !lua_isstring(L, -1))
    return 1;
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  return 0;
}

/* A plugin is a Lua state of its own; NULL: there is none any more. */
static lua_State *start (const char *script) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_plexauth);
  lua_setfield(L, -2, "plexauth");
  luaL_loadstring(L, glue);
  lua_pushstring(L, script);
  if (call(L, 1))
    return L;
  lua_close(L);
  return NULL;
}

static lua_State *step (lua_State *L) {
  lua_pushvalue(L, -1);
  if (call(L, 0) && !lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    return L;
  }
  lua_close(L);
  return NULL;
}

/* Plugins get 2 ms of a frame. Who had no turn is the first in the next. */
static void frame (lua_State **plugins, int n) {
  static int next = 0;
  clock_t until = clock() + CLOCKS_PER_SEC / 500;
  for (int i = 0; i < n && clock() < until; i++, next = (next + 1) % n)
    if (plugins[next] != NULL)
      plugins[next] = step(plugins[next]);
}

int main (int argc, char **argv) {
  const struct timespec rest = { 0, 16000000 };
  lua_State *plugins[16];
  int i, n = argc < 18 ? argc - 2 : 16, frames = argc > 1 ? atoi(argv[1]) : 0;
  for (i = 0; i < n; i++)
    plugins[i] = start(argv[i + 2]);
  for (; frames > 0; frames--) {
    frame(plugins, n);
    nanosleep(&rest, NULL); /* where you draw and wait for the screen */
  }
  for (i = 0; i < n; i++)
    if (plugins[i] != NULL)
      lua_close(plugins[i]); /* calls that still run end with it */
  return 0;
}
