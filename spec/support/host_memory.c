/*
** memory URL [careless]: signs in over plexauth, with the core's memory in
** blocks of ours. A block that is given back with a secret in it is a hit, as
** is one that is never given back. "careless": pa_wipe does nothing, to show
** that it would be noticed.
*/

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_plexauth_core (lua_State *L);
void *host_malloc (size_t n);
void host_free (void *p);
void *host_memset (void *p, int c, size_t n);

typedef union Block {
  size_t size;
  max_align_t align;
} Block;

static const char *const canaries[] = {
  "PWCANARY",  "CODECANARY", "TOKCANARY",
  "authToken", "password=",  "X-Plex-Token",
};

static long alive = 0, blocks = 0, hits = 0;
static int careless = 0;


static int holds (const char *block, size_t size, const char *canary) {
  size_t n = strlen(canary), i;
  for (i = 0; i + n <= size; i++)
    if (memcmp(block + i, canary, n) == 0)
      return 1;
  return 0;
}


void *host_malloc (size_t n) {
  Block *b = calloc(1, sizeof(Block) + n);
  if (b == NULL)
    return NULL;
  b->size = n;
  alive++;
  blocks++;
  return b + 1;
}


void host_free (void *p) {
  Block *b = (Block *)p - 1;
  size_t i;
  if (p == NULL)
    return;
  for (i = 0; i < sizeof(canaries) / sizeof(canaries[0]); i++)
    hits += holds(p, b->size, canaries[i]);
  alive--;
  free(b);
}


void *host_memset (void *p, int c, size_t n) {
  return careless ? p : memset(p, c, n);
}


static int countalive (lua_State *L) {
  lua_pushinteger(L, alive);
  return 1;
}


static int run (lua_State *L) {
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_plexauth_core);
  lua_setfield(L, -2, "plexauth.core");
  if (luaL_loadfile(L, "spec/support/host_memory.lua") != 0)
    return lua_error(L);
  lua_pushvalue(L, 1);
  lua_pushcfunction(L, countalive);
  lua_call(L, 2, 0);
  return 0;
}


int main (int argc, char **argv) {
  lua_State *L = luaL_newstate();
  if (argc < 2)
    return 2;
  careless = argc > 2;
  lua_pushcfunction(L, run);
  lua_pushstring(L, argv[1]);
  if (lua_pcall(L, 1, 0, 0) != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return 1;
  }
  printf("after close: %ld alive\n", alive);
  lua_close(L);
  printf("%ld blocks, %ld with a secret, %ld alive\n", blocks, hits, alive);
  return 0;
}
