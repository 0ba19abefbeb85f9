/*
** JSON's numbers as Lua's.
*/

#include "number.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first this many digits decide what a double is; for all that follow it
   only matters whether they are zero. */
#define MAXDIGITS 800

/* So many digits are less than 2^63. */
#define SAFEDIGITS 18

/* Beyond this a double no longer tells neighbouring integers apart. */
#define EXACT 9007199254740992.0 /* 2^53 */

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


static size_t digits (const char **p) {
  const char *start = *p;
  while (pa_isdecimal(**p))
    ++*p;
  return (size_t)(*p - start);
}


/* Far beyond any double's it makes no difference, so it stops growing. */
static const char *exponent (const char **p, Number *n) {
  int negative = 0;
  long e = 0;
  if (**p == '+' || **p == '-')
    negative = *(*p)++ == '-';
  if (!pa_isdecimal(**p))
    return "digit expected";
  for (; pa_isdecimal(**p); ++*p)
    if (e < 100000000)
      e = e * 10 + (**p - '0');
  n->exponent = negative ? -e : e;
  return NULL;
}


/* NULL, or what is wrong at '*p'. */
static const char *split (const char **p, Number *n) {
  memset(n, 0, sizeof(*n));
  n->negative = **p == '-';
  *p += n->negative;
  n->whole = *p;
  n->nwhole = digits(p);
  if (n->nwhole == 0 || (n->nwhole > 1 && n->whole[0] == '0'))
    return "invalid number";
  n->literal = **p != '.' && **p != 'e' && **p != 'E';
  if (**p == '.') {
    n->fraction = ++*p;
    n->nfraction = digits(p);
    if (n->nfraction == 0)
      return "digit expected";
  }
  if (**p == 'e' || **p == 'E') {
    ++*p;
    return exponent(p, n);
  }
  return NULL;
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


const char *pa_pushnumber (lua_State *L, const char **p) {
  Number n;
  int64_t i;
  double d;
  const char *fault = split(p, &n);
  if (fault != NULL)
    return fault;
  if (n.literal && tointeger(&n, &i)) {
    pa_pushint64(L, i);
    return NULL;
  }
  d = todouble(&n);
  if (d >= -EXACT && d <= EXACT && d == (double)(int64_t)d)
    pa_pushint64(L, (int64_t)d);
  else
    lua_pushnumber(L, d);
  return NULL;
}
