/*
** threads SCRIPT URL: sixteen threads, each with a Lua state of its own, run
** the script at the same time. For ThreadSanitizer.
*/

#define _GNU_SOURCE

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>

#define THREADS 16

int luaopen_plexauth_core (lua_State *L);

static const char *script, *url;
static pthread_barrier_t start;


static int prepare (lua_State *L) {
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_plexauth_core);
  lua_setfield(L, -2, "plexauth.core");
  if (luaL_loadfile(L, script) != 0)
    return lua_error(L);
  lua_pushstring(L, url);
  lua_call(L, 1, 1);
  return 1;
}


static void *run (void *unused) {
  lua_State *L = luaL_newstate();
  void *failed = NULL;
  (void)unused;
  pthread_barrier_wait(&start);
  lua_pushcfunction(L, prepare);
  if (lua_pcall(L, 0, 1, 0) != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    failed = &start;
  }
  else
    printf("%d calls\n", (int)lua_tointeger(L, -1));
  lua_close(L);
  return failed;
}


int main (int argc, char **argv) {
  pthread_t threads[THREADS];
  int i, failures = 0;
  if (argc != 3)
    return 2;
  script = argv[1];
  url = argv[2];
  pthread_barrier_init(&start, NULL, THREADS);
  for (i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, run, NULL);
  for (i = 0; i < THREADS; i++) {
    void *failed;
    pthread_join(threads[i], &failed);
    failures += failed != NULL;
  }
  printf("%d threads, %d failed\n", THREADS, failures);
  return failures > 0;
}
