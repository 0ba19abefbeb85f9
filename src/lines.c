/*
** Lines of text in libcurl's form, as a userdata.
*/

#include "lines.h"
#include "buffer.h"

#include <string.h>


/* Whoever writes a line must not be able to write a second one. */
static size_t checkline (lua_State *L, int array, int i) {
  size_t len, at;
  const char *s;
  lua_rawgeti(L, array, i);
  s = luaL_checklstring(L, -1, &len);
  for (at = 0; at < len; at++)
    if ((unsigned char)s[at] < ' ' || s[at] == 127)
      luaL_error(L, "control byte in a line");
  lua_pop(L, 1);
  return len;
}


/* One node after the other, and behind them the lines' text. */
static void linklines (lua_State *L, int array, struct curl_slist *node,
                       int n) {
  char *text = (char *)(node + n);
  int i;
  for (i = 1; i <= n; i++, node++) {
    size_t len;
    const char *s;
    lua_rawgeti(L, array, i);
    s = lua_tolstring(L, -1, &len);
    node->data = memcpy(text, s, len + 1);
    node->next = i < n ? node + 1 : NULL;
    text += len + 1;
    lua_pop(L, 1);
  }
}


int pa_makelines (lua_State *L) {
  struct curl_slist *list;
  size_t size = 0;
  int i, n;
  luaL_checktype(L, 1, LUA_TTABLE);
  n = (int)lua_rawlen(L, 1);
  for (i = 1; i <= n; i++)
    size += sizeof(*list) + checkline(L, 1, i) + 1;
  list = lua_newuserdatauv(L, size, 0);
  linklines(L, 1, list, n);
  luaL_setmetatable(L, PA_LINES);
  return 1;
}


struct curl_slist *pa_tolines (lua_State *L, int arg) {
  struct curl_slist *list = NULL;
  if (!lua_isnil(L, arg))
    list = luaL_checkudata(L, arg, PA_LINES);
  return list != NULL && lua_rawlen(L, arg) > 0 ? list : NULL;
}


int pa_wipelines (lua_State *L) {
  pa_wipe(luaL_checkudata(L, 1, PA_LINES), lua_rawlen(L, 1));
  return 0;
}
