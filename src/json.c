/*
** JSON text to Lua values, in one pass over the bytes.
**
** Behind the text are zero bytes, which are legal nowhere in JSON: so no loop
** needs to look for the end, and none runs past it. All memory is Lua's:
** where it runs out, the error is Lua's too, and nothing is left behind but
** the names that were met.
*/

#include "json.h"
#include "number.h"

#include <stdint.h>
#include <string.h>

/* Members of a table of unknown size are collected on the stack, so that it can
   be made in the right one; this many slots of it are for them. */
#define ROOM 96

/* The names met last stay at hand, for the texts that follow too: the same come
   again and again, and to make a Lua string means to hash it. Not those that
   are longer. */
#define NAMES 256
#define MAXNAME 35

/* A field's name: as it stood in the text, with its closing quote. */
typedef struct Name {
  char s[MAXNAME + 1 + PA_PADDING];
  int len;
  int fields;        /* of the last object under it, or among its items */
  int items;         /* of the last array, likewise */
  struct Name *next; /* the one that came after it */
} Name;

typedef struct Parser {
  lua_State *L;
  const char *p;
  const char *fault; /* what is wrong at 'p' */
  int depth;
  int strings; /* where the names' Lua strings are, in an array */
  Name *name;  /* those names; and one more, for what is under no name */
  Name **next; /* where to note the next name */
  Name *under; /* whose value is being read; NULL: of one not at hand */
} Parser;

static inline int value (Parser *P);


static int fail (Parser *P, const char *fault) {
  P->fault = fault;
  return 0;
}


static void skipspace (Parser *P) {
  while (*P->p == ' ' || *P->p == '\n' || *P->p == '\r' || *P->p == '\t')
    P->p++;
}


/* Looks at no more bytes than stand behind the text. */
#define skipword(P, word) \
  (memcmp((P)->p, word, sizeof(word) - 1) == 0 \
       ? ((P)->p += sizeof(word) - 1, 1) \
       : 0)


/*
** {======================================================
** Strings
** =======================================================
*/

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


/* What stands between 'p' and 'end' was found to be well formed. It never
   grows when its escapes are read. */
static void pushescaped (lua_State *L, const char *p, const char *end) {
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


/* Step over the escape at 'P->p'. */
static int escape (Parser *P) {
  if (P->p[1] == 'u' && hex4(P->p + 2) >= 0)
    P->p += 6;
  else if (unescaped(P->p[1]) != '\0')
    P->p += 2;
  else
    return fail(P, "invalid escape");
  return 1;
}


#define EACH(byte) (UINT64_MAX / 255 * (byte)) /* that byte eight times */


/*
** Of a word of eight bytes, the top bit of each that does not stand for itself
** in a string: a quote, a backslash, a control character. What is below the
** byte that is taken away borrows; above the lowest such byte the borrowing
** may have marked others as well.
*/
static uint64_t special (uint64_t w) {
  uint64_t quote = (w ^ EACH('"')) - EACH(1);
  uint64_t backslash = (w ^ EACH('\\')) - EACH(1);
  return (quote | backslash | (w - EACH(' '))) & ~w & EACH(0x80);
}


static inline uint64_t littleendian (const char *p) {
  const unsigned char *u = (const unsigned char *)p;
  return (uint64_t)u[0] | (uint64_t)u[1] << 8 | (uint64_t)u[2] << 16 |
         (uint64_t)u[3] << 24 | (uint64_t)u[4] << 32 | (uint64_t)u[5] << 40 |
         (uint64_t)u[6] << 48 | (uint64_t)u[7] << 56;
}


/* Step over what stands for itself, eight bytes at a time: the text has
   PA_PADDING bytes behind it, so none that is not ours is looked at. */
static const char *plain (const char *p) {
  uint64_t marks;
  while ((marks = special(littleendian(p))) == 0)
    p += sizeof(marks);
  return p + (unsigned)__builtin_ctzll(marks) / 8;
}


/* From the first byte of a string that does not stand for itself to behind its
   closing quote. Kept out of 'scan', which most strings never leave. */
static __attribute__((noinline)) int scanrest (Parser *P, int *escapes) {
  for (; *P->p == '\\'; P->p = plain(P->p)) {
    if (!escape(P))
      return 0;
    *escapes = 1;
  }
  if (*P->p != '"')
    return fail(P, "unfinished string, or a control character in it");
  P->p++;
  return 1;
}


/* Step over the string at 'p': where it begins, and whether it has escapes.
   It ends before the quote that 'p' is behind then. */
static int scan (Parser *P, const char **start, int *escapes) {
  *escapes = 0;
  *start = P->p + 1;
  P->p = plain(*start);
  if (*P->p != '"')
    return scanrest(P, escapes);
  P->p++;
  return 1;
}


static int string (Parser *P) {
  const char *start;
  int escapes;
  if (!scan(P, &start, &escapes))
    return 0;
  if (escapes)
    pushescaped(P->L, start, P->p - 1);
  else
    lua_pushlstring(P->L, start, (size_t)(P->p - 1 - start));
  return 1;
}

/* }====================================================== */


/*
** {======================================================
** Names
** =======================================================
*/

/* At first every name is the empty one, and it is the next one. */
static void newnames (lua_State *L) {
  Name *name;
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


static Name *placeof (Parser *P, const char *s, size_t len) {
  const unsigned char *u = (const unsigned char *)s;
  unsigned sum = (u[0] * 31u + u[len / 2]) * 31u + u[len > 0 ? len - 1 : 0];
  return &P->name[(sum * 31u + (unsigned)len) % NAMES];
}


static int indexof (const Parser *P, const Name *n) {
  return (int)(n - P->name) + 1;
}


/* Push the name, and remember that it is the one that comes now. */
static Name *pushknown (Parser *P, Name *n) {
  lua_rawgeti(P->L, P->strings, indexof(P, n));
  *P->next = n;
  P->next = &n->next;
  return n;
}


/* Of two names with their closing quotes, of which one has 'n' bytes. Words of
   eight bytes may reach into the padding, but none begins behind its first
   byte: zeros are in no name. */
static inline int samename (const char *s, const char *t, size_t n) {
  for (; n > 8; n -= 8, s += 8, t += 8)
    if (littleendian(s) != littleendian(t))
      return 0;
  return (littleendian(s) ^ littleendian(t)) << (64 - 8 * n) == 0;
}


/* The string first, as making one may run a finaliser, and that may decode. */
static void keepname (Parser *P, Name *n, const char *s, size_t len) {
  lua_pushlstring(P->L, s, len);
  lua_rawseti(P->L, P->strings, indexof(P, n));
  memset(n->s, 0, sizeof(n->s));
  memcpy(n->s, s, len + 1);
  n->len = (int)len;
  n->fields = 0;
  n->items = 0;
}


static Name *pushname (Parser *P, const char *s, size_t len) {
  Name *n = placeof(P, s, len);
  if (len > MAXNAME) {
    lua_pushlstring(P->L, s, len);
    return NULL;
  }
  if (!samename(s, n->s, (size_t)n->len + 1))
    keepname(P, n, s, len);
  return pushknown(P, n);
}


/* Objects of one kind have their fields in one order: so the name that came
   next the last time is tried before any is looked for. */
static Name *pushexpected (Parser *P) {
  Name *n = *P->next;
  const char *s = P->p + 1;
  if (!samename(s, n->s, (size_t)n->len + 1))
    return NULL;
  P->p = s + n->len + 1;
  return pushknown(P, n);
}

/* }====================================================== */


/*
** {======================================================
** Arrays and objects
** =======================================================
*/

/* Leaves a slot for the table on the stack, with room above it. 1: members
   follow, 0: there are none, -1: failed. */
static int enter (Parser *P, char close, int made) {
  int more;
  if (++P->depth > PA_MAXDEPTH) {
    P->fault = "nested too deeply";
    return -1;
  }
  luaL_checkstack(P->L, 8, "JSON");
  lua_pushnil(P->L);
  P->p++;
  skipspace(P);
  more = *P->p != close;
  if (!more)
    P->p++;
  else if (!made)
    luaL_checkstack(P->L, ROOM + 8, "JSON");
  return more;
}


/* Step over a comma (1), the closing bracket (0), or fail (-1). */
static int next (Parser *P, char close) {
  char c;
  skipspace(P);
  c = *P->p;
  if (c != ',' && c != close) {
    P->fault = "comma or closing bracket expected";
    return -1;
  }
  P->p++;
  if (c == close)
    return 0;
  skipspace(P);
  return 1;
}


static void maketable (lua_State *L, int table, int narray, int nfields) {
  lua_createtable(L, narray, nfields);
  lua_replace(L, table);
}


/* The 'n' items on top. */
static void storeitems (lua_State *L, int table, int n) {
  maketable(L, table, n, 0);
  for (; n > 0; n--)
    lua_rawseti(L, table, n);
}


/* Like an object, see there. */
static int array (Parser *P) {
  lua_State *L = P->L;
  Name *kind = P->under;
  int table = lua_gettop(L) + 1;
  int made = kind != NULL && kind->items > 0;
  int more = enter(P, ']', made);
  int count = 0;
  if (more < 0)
    return 0;
  if (made) {
    maketable(L, table, kind->items, 0);
    kind->items = 0; /* not for those within it, too */
  }
  for (; more > 0; more = next(P, ']')) {
    P->under = kind;
    if (!value(P))
      return 0;
    count++;
    if (made)
      lua_rawseti(L, table, count);
    else if (count == ROOM) {
      storeitems(L, table, count);
      made = 1;
    }
  }
  if (!made)
    storeitems(L, table, count);
  if (kind != NULL)
    kind->items = count < ROOM ? count : ROOM;
  P->depth--;
  return more == 0;
}


/* The 'n' pairs on top; in order, so that of two fields with one name the last
   one counts. */
static void storefields (lua_State *L, int table, int n) {
  int i;
  maketable(L, table, 0, n);
  for (i = table + 1; i < table + 2 * n; i += 2) {
    lua_pushvalue(L, i);
    lua_pushvalue(L, i + 1);
    lua_rawset(L, table);
  }
  lua_settop(L, table);
}


/* One with escapes is none of those at hand. */
static int name (Parser *P) {
  const char *start;
  int escapes;
  if ((P->under = pushexpected(P)) != NULL)
    return 1;
  if (!scan(P, &start, &escapes))
    return 0;
  if (escapes)
    pushescaped(P->L, start, P->p - 1);
  else
    P->under = pushname(P, start, (size_t)(P->p - 1 - start));
  return 1;
}


static int fieldname (Parser *P) {
  if (*P->p != '"')
    return fail(P, "name expected");
  if (!name(P))
    return 0;
  skipspace(P);
  if (*P->p != ':')
    return fail(P, "colon expected");
  P->p++;
  skipspace(P);
  return 1;
}


/* A null field is one that is not there. */
static int fieldvalue (Parser *P) {
  if (!skipword(P, "null"))
    return value(P);
  lua_pushnil(P->L);
  return 1;
}


/* An object gets a table of the size that the last one under its name had. It
   is used once: of objects within each other, all could go by one that was. */
static int object (Parser *P) {
  lua_State *L = P->L;
  Name *kind = P->under;
  int table = lua_gettop(L) + 1;
  int made = kind != NULL && kind->fields > 0;
  int more = enter(P, '}', made);
  int count = 0;
  if (more < 0)
    return 0;
  if (made) {
    maketable(L, table, 0, kind->fields);
    kind->fields = 0;
  }
  for (; more > 0; more = next(P, '}')) {
    if (!fieldname(P) || !fieldvalue(P))
      return 0;
    count++;
    if (made)
      lua_rawset(L, table);
    else if (count == ROOM / 2) {
      storefields(L, table, count);
      made = 1;
    }
  }
  if (!made)
    storefields(L, table, count);
  if (kind != NULL)
    kind->fields = count < ROOM / 2 ? count : ROOM / 2;
  P->depth--;
  return more == 0;
}

/* }====================================================== */


static int number (Parser *P) {
  P->fault = pa_pushnumber(P->L, &P->p);
  return P->fault == NULL;
}


static int word (Parser *P) {
  if (skipword(P, "true"))
    lua_pushboolean(P->L, 1);
  else if (skipword(P, "false"))
    lua_pushboolean(P->L, 0);
  else if (skipword(P, "null"))
    lua_pushlightuserdata(P->L, NULL);
  else
    return fail(P, "value expected");
  return 1;
}


/* Most values are strings, and should not pay for what these need. */
static __attribute__((noinline)) int nostring (Parser *P) {
  switch (*P->p) {
    case '{':
      return object(P);
    case '[':
      return array(P);
    default:
      return *P->p == '-' || pa_isdecimal(*P->p) ? number(P) : word(P);
  }
}


/* Push the value at 'p', or leave anything on the stack and return 0. */
static inline int value (Parser *P) {
  return *P->p == '"' ? string(P) : nostring(P);
}


int pa_pushjson (lua_State *L, const char *text, size_t len) {
  Parser P = { .L = L, .p = text };
  int ok;
  luaL_checkstack(L, 8, "JSON");
  pushnames(L);
  P.strings = lua_gettop(L) - 1;
  P.name = lua_touserdata(L, -1);
  P.under = &P.name[NAMES];
  P.next = &P.under->next;
  skipspace(&P);
  ok = value(&P);
  if (ok) {
    skipspace(&P);
    ok = P.p == text + len || fail(&P, "text behind the value");
  }
  if (!ok)
    lua_pushfstring(L, "%s at byte %d", P.fault, (int)(P.p - text) + 1);
  lua_replace(L, P.strings);
  lua_settop(L, P.strings);
  return ok;
}
