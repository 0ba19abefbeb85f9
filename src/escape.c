/*
** Escapes in JSON's strings.
*/

#include "escape.h"
#include "number.h"


static int hexdigit (char c) {
  if (pa_isdecimal(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


/* Four hex digits; -1 where they are not. */
static long hex4 (const char *p) {
  long code = 0;
  int i;
  for (i = 0; i < 4; i++) {
    int digit = hexdigit(p[i]);
    if (digit < 0)
      return -1;
    code = code * 16 + digit;
  }
  return code;
}


static char *pututf8 (char *out, long c) {
  if (c < 0x80)
    *out++ = (char)c;
  else if (c < 0x800) {
    *out++ = (char)(0xC0 | (c >> 6));
    *out++ = (char)(0x80 | (c & 0x3F));
  }
  else if (c < 0x10000) {
    *out++ = (char)(0xE0 | (c >> 12));
    *out++ = (char)(0x80 | ((c >> 6) & 0x3F));
    *out++ = (char)(0x80 | (c & 0x3F));
  }
  else {
    *out++ = (char)(0xF0 | (c >> 18));
    *out++ = (char)(0x80 | ((c >> 12) & 0x3F));
    *out++ = (char)(0x80 | ((c >> 6) & 0x3F));
    *out++ = (char)(0x80 | (c & 0x3F));
  }
  return out;
}


/* The escape at 'p', which points behind \u; half a surrogate pair stands for
   no character and becomes U+FFFD. */
static const char *unicode (const char *p, char **out) {
  long code = hex4(p);
  long low;
  p += 4;
  if (code >= 0xD800 && code < 0xDC00 && p[0] == '\\' && p[1] == 'u' &&
      (low = hex4(p + 2)) >= 0xDC00 && low < 0xE000) {
    code = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00);
    p += 6;
  }
  else if (code >= 0xD800 && code < 0xE000)
    code = 0xFFFD;
  *out = pututf8(*out, code);
  return p;
}


static char unescaped (char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case '"':
    case '\\':
    case '/':
      return c;
    default:
      return '\0';
  }
}


size_t pa_escapelength (const char *p) {
  if (p[1] == 'u' && hex4(p + 2) >= 0)
    return 6;
  return unescaped(p[1]) != '\0' ? 2 : 0;
}


/* It never grows when its escapes are read. */
void pa_pushescaped (lua_State *L, const char *p, const char *end) {
  char *start = lua_newuserdatauv(L, (size_t)(end - p), 0);
  char *out = start;
  while (p < end) {
    if (*p != '\\')
      *out++ = *p++;
    else if (p[1] == 'u')
      p = unicode(p + 2, &out);
    else {
      *out++ = unescaped(p[1]);
      p += 2;
    }
  }
  lua_pushlstring(L, start, (size_t)(out - start));
  lua_remove(L, -2);
}
