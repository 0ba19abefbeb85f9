/*
** JSON text to Lua values, in one pass over the bytes.
**
** Behind the text are zero bytes, which are legal nowhere in JSON: so no loop
** needs to look for the end, and none runs past it. All memory is Lua's:
** where it runs out, the error is Lua's too, and nothing is left behind but
** the names that were met.
*/

#include "json.h"
#include "escape.h"
#include "names.h"
#include "number.h"
#include "word.h"

#include <string.h>

/* Members of a table of unknown size are collected on the stack, so that it can
   be made in the right one; this many slots of it are for them. */
#define ROOM 96

typedef struct Parser {
  lua_State *L;
  const char *p;
  const char *fault; /* what is wrong at 'p' */
  int depth;
  pa_Names names;
  pa_Name *under; /* whose value is being read; NULL: of one not kept */
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


/* Step over what stands for itself, eight bytes at a time: the text has
   PA_PADDING bytes behind it, so none that is not ours is looked at. */
static const char *plain (const char *p) {
  uint64_t marks;
  while ((marks = special(pa_word(p))) == 0)
    p += sizeof(marks);
  return p + (unsigned)__builtin_ctzll(marks) / 8;
}


/* From the first byte of a string that does not stand for itself to behind its
   closing quote. Kept out of 'scan', which most strings never leave. */
static __attribute__((noinline)) int scanrest (Parser *P, int *escapes) {
  for (; *P->p == '\\'; P->p = plain(P->p)) {
    size_t n = pa_escapelength(P->p);
    if (n == 0)
      return fail(P, "invalid escape");
    P->p += n;
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
    pa_pushescaped(P->L, start, P->p - 1);
  else
    lua_pushlstring(P->L, start, (size_t)(P->p - 1 - start));
  return 1;
}

/* }====================================================== */


/*
** {======================================================
** Arrays and objects
** =======================================================
*/

/* Leaves a slot for the table on the stack, with room above it: members follow
   (1), or the table itself, as there are none (0), or fails (-1). */
static int enter (Parser *P, char close, int made) {
  if (++P->depth > PA_MAXDEPTH) {
    P->fault = "nested too deeply";
    return -1;
  }
  luaL_checkstack(P->L, 8, "JSON");
  P->p++;
  skipspace(P);
  if (*P->p == close) {
    P->p++;
    P->depth--;
    lua_newtable(P->L);
    return 0;
  }
  if (!made)
    luaL_checkstack(P->L, ROOM + 8, "JSON");
  lua_pushnil(P->L);
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
  pa_Name *kind = P->under;
  int table = lua_gettop(L) + 1;
  int made = kind != NULL && kind->items > 0;
  int more = enter(P, ']', made);
  int count = 0;
  if (more <= 0)
    return more == 0;
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


/* One with escapes is not kept. */
static int name (Parser *P) {
  const char *start = P->p + 1;
  int escapes;
  P->under = pa_pushexpected(P->L, &P->names, start);
  if (P->under != NULL) {
    P->p = start + P->under->len + 1;
    return 1;
  }
  if (!scan(P, &start, &escapes))
    return 0;
  if (escapes)
    pa_pushescaped(P->L, start, P->p - 1);
  else
    P->under = pa_pushname(P->L, &P->names, start, (size_t)(P->p - 1 - start));
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
  pa_Name *kind = P->under;
  int table = lua_gettop(L) + 1;
  int made = kind != NULL && kind->fields > 0;
  int more = enter(P, '}', made);
  int count = 0;
  if (more <= 0)
    return more == 0;
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
  pa_opennames(L, &P.names);
  P.under = P.names.root;
  skipspace(&P);
  ok = value(&P);
  if (ok) {
    skipspace(&P);
    ok = P.p == text + len || fail(&P, "text behind the value");
  }
  if (!ok)
    lua_pushfstring(L, "%s at byte %d", P.fault, (int)(P.p - text) + 1);
  lua_replace(L, P.names.strings);
  lua_settop(L, P.names.strings);
  return ok;
}
