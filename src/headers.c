/*
** An answer's header lines as a Lua table.
*/

#include "headers.h"

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


static void lower (char *out, const char *s, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) /* not tolower: the locale is the host's */
    out[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + ('a' - 'A') : s[i]);
}


static void pushlower (lua_State *L, const char *s, size_t n) {
  char name[64]; /* what is longer goes through memory of Lua's */
  char *out = n <= sizeof(name) ? name : lua_newuserdatauv(L, n, 0);
  lower(out, s, n);
  lua_pushlstring(L, out, n);
  if (out != name)
    lua_remove(L, -2);
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
  lua_rawget(L, -3);
  if (lua_isstring(L, -1)) {
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


static int countlines (const char *text, size_t len) {
  int n = 0;
  for (; len > 0; len--)
    n += *text++ == '\n';
  return n;
}


/* Cut the first line off. */
static size_t nextline (const char **text, size_t *len, const char **line) {
  const char *newline = memchr(*text, '\n', *len);
  size_t n = newline != NULL ? (size_t)(newline - *text) + 1 : *len;
  *line = *text;
  *text += n;
  *len -= n;
  return n;
}


void pa_pushheaders (lua_State *L, const char *text, size_t len) {
  lua_createtable(L, 0, countlines(text, len));
  while (len > 0) {
    const char *line;
    size_t n = nextline(&text, &len, &line);
    addheader(L, line, n);
  }
}


static int iscalled (const char *line, size_t n, const char *name) {
  size_t i;
  for (i = 0; name[i] != '\0'; i++) {
    char c = '\0';
    if (i < n)
      lower(&c, line + i, 1);
    if (c != name[i])
      return 0;
  }
  return i < n && line[i] == ':';
}


void pa_pushheader (lua_State *L, const char *text, size_t len,
                    const char *name) {
  while (len > 0) {
    const char *line, *value;
    size_t n = nextline(&text, &len, &line);
    if (iscalled(line, n, name)) {
      line += strlen(name) + 1;
      n = trim(line, n - strlen(name) - 1, &value);
      lua_pushlstring(L, value, n);
      return;
    }
  }
  lua_pushnil(L);
}
