/*
** torture WHERE HOW SCRIPT URL: run each scenario of SCRIPT again and again,
** with the first, second, ... allocation failing, until one run needs no more.
**   WHERE  lua: the state's allocator; curl: libcurl's; core: our own C's
**   HOW    once: that allocation alone; forever: it and all after it
** Each run has to end in a value or an error; the same scenario has to succeed
** right after it; memory and descriptors have to be what they were before.
*/

#define _GNU_SOURCE

#include <curl/curl.h>
#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Connections that a client may keep, or not, after a fault. */
#define MAXKEPT 4

enum { NOWHERE, LUA, CURL_, CORE };

int luaopen_plexauth_core (lua_State *L);

static struct {
  int where;    /* whose allocations fail */
  int forever;
  long left;    /* allocations until then */
  int retries;  /* of Lua's: it collects garbage and asks again, once */
  int fired;
} plan;

static long blocks[CORE + 1]; /* alive */


static int fails (int where) {
  if (plan.where != where)
    return 0;
  if (plan.left > 0 && --plan.left > 0)
    return 0;
  if (!plan.fired)
    plan.retries = where == LUA ? 2 : 1;
  plan.fired = 1;
  return plan.forever || plan.retries-- > 0;
}


static void *get (int where, void *old, size_t n) {
  void *p = fails(where) ? NULL : realloc(old, n);
  if (old == NULL && p != NULL)
    blocks[where]++;
  return p;
}


static void drop (int where, void *p) {
  blocks[where] -= p != NULL;
  free(p);
}


static void *luaalloc (void *ud, void *p, size_t old, size_t n) {
  (void)ud;
  if (n == 0) {
    drop(LUA, p);
    return NULL;
  }
  if (p != NULL && n <= old) /* Lua counts on it that shrinking succeeds */
    return realloc(p, n);
  return get(LUA, p, n);
}


void *torture_malloc (size_t n) {
  return get(CORE, NULL, n);
}


void torture_free (void *p) {
  drop(CORE, p);
}


static void *curlmalloc (size_t n) {
  return get(CURL_, NULL, n);
}


static void *curlrealloc (void *p, size_t n) {
  return get(CURL_, p, n);
}


static void *curlcalloc (size_t n, size_t size) {
  void *p = get(CURL_, NULL, n * size);
  return p != NULL ? memset(p, 0, n * size) : NULL;
}


static char *curlstrdup (const char *s) {
  size_t n = strlen(s) + 1;
  char *p = get(CURL_, NULL, n);
  return p != NULL ? memcpy(p, s, n) : NULL;
}


static void curlfree (void *p) {
  drop(CURL_, p);
}


static long descriptors (void) {
  long n = 0;
  DIR *d = opendir("/proc/self/fd");
  while (readdir(d) != NULL)
    n++;
  closedir(d);
  return n;
}


static void die (const char *what, const char *scenario, long point) {
  fprintf(stderr, "torture: %s in %s, allocation %ld\n", what, scenario, point);
  exit(1);
}


/* The scenario's function is upvalue-free and stays in the registry. */
static int runscenario (lua_State *L, const char *name) {
  int status;
  lua_getfield(L, LUA_REGISTRYINDEX, "scenarios");
  lua_getfield(L, -1, name);
  status = lua_pcall(L, 0, 0, 0);
  if (status != LUA_OK && !plan.fired)
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_settop(L, 0);
  return status;
}


static lua_State *newstate (const char *script, const char *url) {
  lua_State *L = lua_newstate(luaalloc, NULL);
  luaL_openlibs(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_plexauth_core);
  lua_setfield(L, -2, "plexauth.core");
  if (luaL_loadfile(L, script) != LUA_OK)
    die(lua_tostring(L, -1), script, 0);
  lua_pushstring(L, url);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK)
    die(lua_tostring(L, -1), script, 0);
  lua_setfield(L, LUA_REGISTRYINDEX, "scenarios");
  lua_settop(L, 0);
  return L;
}


static void settle (lua_State *L, long now[]) {
  lua_getglobal(L, "renew");
  lua_call(L, 0, 0);
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);
  memcpy(now, blocks, sizeof(blocks));
}


static long scenario (lua_State *L, const char *name, int where, int forever) {
  long before[CORE + 1], after[CORE + 1];
  long point, fds;
  if (runscenario(L, name) != LUA_OK || runscenario(L, name) != LUA_OK)
    die("no success without a fault", name, 0);
  settle(L, before);
  fds = descriptors();
  for (point = 1;; point++) {
    plan.where = where;
    plan.forever = forever;
    plan.left = point;
    plan.fired = 0;
    runscenario(L, name);
    plan.where = NOWHERE;
    if (!plan.fired)
      return point - 1;
    plan.fired = 0;
    if (runscenario(L, name) != LUA_OK)
      die("no success afterwards", name, point);
    settle(L, after);
    if (after[CORE] != before[CORE])
      die("our own memory leaks", name, point);
    if (descriptors() > fds + MAXKEPT)
      die("a descriptor leaks", name, point);
  }
}


int main (int argc, char **argv) {
  const char *wheres[] = { "", "lua", "curl", "core" };
  int where = CORE, forever;
  long total = 0, closed[CORE + 1];
  if (argc != 5)
    return 2;
  while (where > NOWHERE && strcmp(argv[1], wheres[where]) != 0)
    where--;
  forever = strcmp(argv[2], "forever") == 0;
  curl_global_init_mem(CURL_GLOBAL_DEFAULT, curlmalloc, curlfree, curlrealloc,
                       curlstrdup, curlcalloc);
  {
    lua_State *L = newstate(argv[3], argv[4]);
    lua_close(L); /* what libcurl makes once and keeps is made now */
    memcpy(closed, blocks, sizeof(blocks));
    L = newstate(argv[3], argv[4]);
    lua_getfield(L, LUA_REGISTRYINDEX, "scenarios");
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
      char name[64];
      long points;
      snprintf(name, sizeof(name), "%s", lua_tostring(L, -2));
      lua_settop(L, 0);
      points = scenario(L, name, where, forever);
      printf("%-5s %-8s %-32s %6ld points\n", argv[1], argv[2], name, points);
      total += points;
      lua_getfield(L, LUA_REGISTRYINDEX, "scenarios");
      lua_pushstring(L, name);
    }
    lua_close(L);
  }
  if (memcmp(closed, blocks, sizeof(blocks)) != 0)
    die("memory is left after lua_close", "all", 0);
  printf("%s %s: %ld allocation points, 0 leaks\n", argv[1], argv[2], total);
  return 0;
}
