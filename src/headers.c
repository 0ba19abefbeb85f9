/*
** An answer's header lines as a Lua table.
*/

#include "headers.h"

#include <lauxlib.h>
#include <string.h>


static size_t trim (const char *s, size_t n, const char **start) {
  while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
    n--;
  while (n > 0 && (*s == ' ' || *s == '\t')) {
    s++;
    n--;
  }
  *start = s;
  return n;
}


static void pushlower (lua_State *L, const char *s, size_t n) {
  luaL_Buffer b;
  char *out = luaL_buffinitsize(L, &b, n);
  size_t i;
  for (i = 0; i < n; i++) /* not tolower: the locale is the host's */
    out[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + ('a' - 'A') : s[i]);
  luaL_pushresultsize(&b, n);
}


/* One line into the table on top; a repeated name's values are joined. */
static void addheader (lua_State *L, const char *line, size_t n) {
  const char *colon = memchr(line, ':', n);
  const char *value;
  size_t len;
  if (colon == NULL)
    return; /* the status line, or the empty one at the end */
  len = trim(colon + 1, n - (size_t)(colon + 1 - line), &value);
  pushlower(L, line, (size_t)(colon - line));
  lua_pushvalue(L, -1);
  if (lua_rawget(L, -3) == LUA_TSTRING) {
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, len);
    lua_concat(L, 3);
  }
  else {
    lua_pop(L, 1);
    lua_pushlstring(L, value, len);
  }
  lua_rawset(L, -3);
}


void pa_pushheaders (lua_State *L, const char *text, size_t len) {
  lua_newtable(L);
  while (len > 0) {
    const char *newline = memchr(text, '\n', len);
    size_t n = newline != NULL ? (size_t)(newline - text) + 1 : len;
    addheader(L, text, n);
    text += n;
    len -= n;
  }
}
