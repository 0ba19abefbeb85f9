/*
** The field names that the decoder met last.
*/

#include "names.h"
#include "word.h"

#include <string.h>

#define NAMES 256
#define PROBES 8


/* At first every name is the empty one, and it is the next one. */
static void newnames (lua_State *L) {
  pa_Name *name;
  int i;
  lua_createtable(L, NAMES + 1, 0);
  name = lua_newuserdatauv(L, (NAMES + 1) * sizeof(*name), 0);
  memset(name, 0, (NAMES + 1) * sizeof(*name));
  lua_rawseti(L, -2, NAMES + 1);
  for (i = 0; i <= NAMES; i++) {
    name[i].s[0] = '"';
    name[i].next = name;
    if (i < NAMES) {
      lua_pushliteral(L, "");
      lua_rawseti(L, -2, i + 1);
    }
  }
}


/* Push the Lua state's array of names, and behind them what goes with each. */
static void pushnames (lua_State *L) {
  static const char key[] = "plexauth.core.names";
  lua_getfield(L, LUA_REGISTRYINDEX, key);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    newnames(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, key);
  }
  lua_rawgeti(L, -1, NAMES + 1);
}


static int indexof (const pa_Names *N, const pa_Name *n) {
  return (int)(n - N->name) + 1;
}


/* Push the name, and remember that it is the one that comes now. */
static pa_Name *pushknown (lua_State *L, pa_Names *N, pa_Name *n) {
  lua_rawgeti(L, N->strings, indexof(N, n));
  *N->next = n;
  N->next = &n->next;
  return n;
}


/* Of two names with their closing quotes, of which one has 'n' bytes. Words of
   eight bytes may reach into the padding, but none begins behind its first
   byte: zeros are in no name. */
static inline int samename (const char *s, const char *t, size_t n) {
  for (; n > 8; n -= 8, s += 8, t += 8)
    if (pa_word(s) != pa_word(t))
      return 0;
  return (pa_word(s) ^ pa_word(t)) << (64 - 8 * n) == 0;
}


/* Where the name is, or else where it is to go: names that share a place stand
   behind it, as far as that is quick. */
static pa_Name *placeof (const pa_Names *N, const char *s, size_t len) {
  const unsigned char *u = (const unsigned char *)s;
  unsigned sum = (u[0] * 31u + u[len / 2]) * 31u + u[len > 0 ? len - 1 : 0];
  unsigned at = sum * 31u + (unsigned)len;
  unsigned i;
  for (i = 0; i < PROBES; i++) {
    pa_Name *n = &N->name[(at + i) % NAMES];
    if (n->len == 0 || samename(s, n->s, (size_t)n->len + 1))
      return n;
  }
  return &N->name[at % NAMES];
}


/* The string first, as making one may run a finaliser, and that may decode. */
static void keepname (lua_State *L, const pa_Names *N, pa_Name *n,
                      const char *s, size_t len) {
  lua_pushlstring(L, s, len);
  lua_rawseti(L, N->strings, indexof(N, n));
  memset(n->s, 0, sizeof(n->s));
  memcpy(n->s, s, len + 1);
  n->len = (int)len;
  n->fields = 0;
  n->items = 0;
}


pa_Name *pa_pushname (lua_State *L, pa_Names *N, const char *s, size_t len) {
  pa_Name *n;
  if (len > PA_MAXNAME) {
    lua_pushlstring(L, s, len);
    return NULL;
  }
  n = placeof(N, s, len);
  if (!samename(s, n->s, (size_t)n->len + 1))
    keepname(L, N, n, s, len);
  return pushknown(L, N, n);
}


pa_Name *pa_pushexpected (lua_State *L, pa_Names *N, const char *s) {
  pa_Name *n = *N->next;
  return samename(s, n->s, (size_t)n->len + 1) ? pushknown(L, N, n) : NULL;
}


void pa_opennames (lua_State *L, pa_Names *N) {
  pushnames(L);
  N->strings = lua_gettop(L) - 1;
  N->name = lua_touserdata(L, -1);
  N->root = &N->name[NAMES];
  N->next = &N->root->next;
}
