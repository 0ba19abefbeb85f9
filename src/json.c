/*
** JSON text to Lua values, in one pass over the bytes.
**
** Behind the text are zero bytes, which are legal nowhere in JSON: so no loop
** needs to look for the end, and none runs past it. All memory is Lua's:
** where it runs out, the error is Lua's too, and nothing is left behind.
*/

#include "json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Members are collected on the stack so that their table can be made in the
   right size; those of a large one that come after this many go straight into
   it. */
#define PORTION 48

/* The first this many digits decide what a double is; for all that follow it
   only matters whether they are zero. */
#define MAXDIGITS 800

/* So many digits are less than 2^63. */
#define SAFEDIGITS 18

/* Beyond this a double no longer tells neighbouring integers apart. */
#define EXACT 9007199254740992.0 /* 2^53 */

/* A field's name, as it stands in the text. */
typedef struct Name {
  const char *s; /* NULL: none yet */
  size_t len;
  unsigned next; /* place of the one that came after it */
  int fields;    /* of the last object that it was the name of, or of items */
} Name;

/* The names met last are at hand as Lua strings, on the stack from 'names' on:
   most come again and again, and to make a string means to hash it. */
#define NAMES 64

typedef struct Parser {
  lua_State *L;
  const char *p;
  const char *fault; /* what is wrong at 'p' */
  int depth;
  int names;
  unsigned *next; /* where to note the place of the next name */
  Name *under;    /* whose value is being read, or NULL */
  Name name[NAMES];
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


static int isdecimal (char c) { /* not isdigit: the locale is the host's */
  return c >= '0' && c <= '9';
}


/*
** {======================================================
** Strings
** =======================================================
*/

static int hexdigit (char c) {
  if (isdecimal(c))
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


static uint64_t littleendian (const char *p) {
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


static unsigned placeof (const char *s, size_t len) {
  const unsigned char *u = (const unsigned char *)s;
  unsigned sum = (u[0] * 31u + u[len / 2]) * 31u + u[len > 0 ? len - 1 : 0];
  return (sum * 31u + (unsigned)len) % NAMES;
}


/* Push the name at 'place', and remember that it is the one that comes now. */
static Name *pushknown (Parser *P, unsigned place) {
  lua_pushvalue(P->L, P->names + (int)place);
  *P->next = place;
  P->next = &P->name[place].next;
  return &P->name[place];
}


/* Of two names with their closing quotes, of which one has 'n' bytes. Words of
   eight bytes may reach into the padding, but none begins there: zeros are in
   no name. */
static int samename (const char *s, const char *t, size_t n) {
  for (; n > 8; n -= 8, s += 8, t += 8)
    if (littleendian(s) != littleendian(t))
      return 0;
  return (littleendian(s) ^ littleendian(t)) << (64 - 8 * n) == 0;
}


static Name *pushname (Parser *P, const char *s, size_t len) {
  unsigned place = placeof(s, len);
  Name *n = &P->name[place];
  if (n->s == NULL || !samename(s, n->s, n->len + 1)) {
    lua_pushlstring(P->L, s, len);
    lua_replace(P->L, P->names + (int)place);
    n->s = s;
    n->len = len;
    n->fields = 0;
  }
  return pushknown(P, place);
}


/* Objects of one kind have their fields in one order: so the name that came
   next the last time is tried before any is looked for. */
static Name *pushexpected (Parser *P) {
  const Name *n = &P->name[*P->next];
  const char *s = P->p + 1;
  if (n->s == NULL || !samename(s, n->s, n->len + 1))
    return NULL;
  P->p = s + n->len + 1;
  return pushknown(P, *P->next);
}

/* }====================================================== */


/*
** {======================================================
** Numbers
** =======================================================
*/

/* A number's parts, as they stand in the text. */
typedef struct Number {
  int negative;
  const char *whole;
  size_t nwhole;
  const char *fraction;
  size_t nfraction;
  long exponent;
  int literal; /* an integer literal: neither fraction nor exponent */
} Number;


static size_t digits (Parser *P) {
  const char *start = P->p;
  while (isdecimal(*P->p))
    P->p++;
  return (size_t)(P->p - start);
}


/* Far beyond any double's it makes no difference, so it stops growing. */
static int exponent (Parser *P, Number *n) {
  int negative = 0;
  long e = 0;
  if (*P->p == '+' || *P->p == '-')
    negative = *P->p++ == '-';
  if (!isdecimal(*P->p))
    return fail(P, "digit expected");
  for (; isdecimal(*P->p); P->p++)
    if (e < 100000000)
      e = e * 10 + (*P->p - '0');
  n->exponent = negative ? -e : e;
  return 1;
}


static int split (Parser *P, Number *n) {
  memset(n, 0, sizeof(*n));
  n->negative = *P->p == '-';
  P->p += n->negative;
  n->whole = P->p;
  n->nwhole = digits(P);
  if (n->nwhole == 0 || (n->nwhole > 1 && n->whole[0] == '0'))
    return fail(P, "invalid number");
  n->literal = *P->p != '.' && *P->p != 'e' && *P->p != 'E';
  if (*P->p == '.') {
    n->fraction = ++P->p;
    n->nfraction = digits(P);
    if (n->nfraction == 0)
      return fail(P, "digit expected");
  }
  if (*P->p == 'e' || *P->p == 'E') {
    P->p++;
    return exponent(P, n);
  }
  return 1;
}


/* The integer of a literal, where 64 bits hold it. */
static int tointeger (const Number *n, int64_t *i) {
  uint64_t most = (uint64_t)INT64_MAX + (n->negative ? 1u : 0u);
  uint64_t v = 0;
  size_t at;
  for (at = 0; at < n->nwhole; at++) {
    unsigned digit = (unsigned)(n->whole[at] - '0');
    if (at >= SAFEDIGITS && v > (most - digit) / 10)
      return 0;
    v = v * 10 + digit;
  }
  *i = (int64_t)(n->negative ? 0u - v : v);
  return 1;
}


/* Append a run of digits; of those that have no place it is only kept whether
   they are all zero. */
static size_t copydigits (char *out, size_t len, const char *s, size_t n,
                          long *e) {
  size_t i;
  for (i = 0; i < n; i++) {
    if (len == 0 && s[i] == '0')
      continue;
    if (len < MAXDIGITS)
      out[len++] = s[i];
    else {
      ++*e;
      if (s[i] != '0')
        out[MAXDIGITS - 1] |= 1; /* the digits '0' to '9' stay digits */
    }
  }
  return len;
}


/* Written anew without a decimal point, whose form is a matter of the host's
   locale, the number can be left to strtod. */
static double todouble (const Number *n) {
  char text[MAXDIGITS + 32] = "0";
  long e = n->exponent - (long)n->nfraction;
  size_t len = copydigits(text, 0, n->whole, n->nwhole, &e);
  double d;
  len = copydigits(text, len, n->fraction, n->nfraction, &e);
  if (len > 0)
    (void)snprintf(text + len, 32, "e%ld", e);
  d = strtod(text, NULL);
  return n->negative ? -d : d;
}


static int number (Parser *P) {
  Number n;
  int64_t i;
  double d;
  if (!split(P, &n))
    return 0;
  if (n.literal && tointeger(&n, &i)) {
    pa_pushint64(P->L, i);
    return 1;
  }
  d = todouble(&n);
  if (d >= -EXACT && d <= EXACT && d == (double)(int64_t)d)
    pa_pushint64(P->L, (int64_t)d);
  else
    lua_pushnumber(P->L, d);
  return 1;
}

/* }====================================================== */


/*
** {======================================================
** Arrays and objects
** =======================================================
*/

/* Leaves a slot for the table on the stack; its members come above. */
static int enter (Parser *P) {
  if (++P->depth > PA_MAXDEPTH)
    return fail(P, "nested too deeply");
  luaL_checkstack(P->L, 2 * PORTION + 8, "JSON");
  lua_pushnil(P->L);
  P->p++;
  skipspace(P);
  return 1;
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
  if (lua_isnil(L, table)) {
    lua_createtable(L, narray, nfields);
    lua_replace(L, table);
  }
}


/* The 'n' items on top. */
static void storeitems (lua_State *L, int table, int n) {
  maketable(L, table, n, 0);
  for (; n > 0; n--)
    lua_rawseti(L, table, n);
}


static int array (Parser *P) {
  lua_State *L = P->L;
  Name *kind = P->under;
  int table = lua_gettop(L) + 1;
  int made = 0;
  int more = 1;
  int count = 0;
  if (!enter(P))
    return 0;
  if (*P->p == ']') {
    P->p++;
    more = 0;
  }
  while (more > 0) {
    P->under = kind;
    if (!value(P))
      return 0;
    count++;
    if (made)
      lua_rawseti(L, table, count);
    else if (count == 2 * PORTION) { /* an item takes half of a field's room */
      storeitems(L, table, count);
      made = 1;
    }
    more = next(P, ']');
  }
  if (!made)
    storeitems(L, table, count);
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


/* An object gets a table of the size that the last one under its name had;
   not of any size, as objects within each other may all go by one that has
   ended long before. */
static int object (Parser *P) {
  lua_State *L = P->L;
  Name *kind = P->under;
  int table = lua_gettop(L) + 1;
  int made = kind != NULL && kind->fields > 0;
  int more = 1;
  int count = 0;
  if (!enter(P))
    return 0;
  if (made)
    maketable(L, table, 0, kind->fields);
  if (*P->p == '}') {
    P->p++;
    more = 0;
  }
  while (more > 0) {
    if (!fieldname(P) || !fieldvalue(P))
      return 0;
    count++;
    if (made)
      lua_rawset(L, table);
    else if (count == PORTION) {
      storefields(L, table, count);
      made = 1;
    }
    more = next(P, '}');
  }
  if (!made)
    storefields(L, table, count);
  if (kind != NULL)
    kind->fields = count < PORTION ? count : PORTION;
  P->depth--;
  return more == 0;
}

/* }====================================================== */


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
      return *P->p == '-' || isdecimal(*P->p) ? number(P) : word(P);
  }
}


/* Push the value at 'p', or leave anything on the stack and return 0. */
static inline int value (Parser *P) {
  return *P->p == '"' ? string(P) : nostring(P);
}


int pa_pushjson (lua_State *L, const char *text, size_t len) {
  Parser P = { .L = L, .p = text };
  unsigned start = 0;
  int ok;
  P.next = &start;
  P.names = lua_gettop(L) + 1;
  luaL_checkstack(L, NAMES, "JSON");
  lua_settop(L, P.names + NAMES - 1);
  skipspace(&P);
  ok = value(&P);
  if (ok) {
    skipspace(&P);
    ok = P.p == text + len || fail(&P, "text behind the value");
  }
  if (!ok)
    lua_pushfstring(L, "%s at byte %d", P.fault, (int)(P.p - text) + 1);
  lua_replace(L, P.names);
  lua_settop(L, P.names);
  return ok;
}
