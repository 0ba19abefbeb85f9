/*
** JSON's numbers as Lua's.
*/

#ifndef pa_number_h
#define pa_number_h

#include "compat.h"

#pragma GCC visibility push(hidden)

/* Not isdigit: the locale is the host's. */
static inline int pa_isdecimal (char c) {
  return c >= '0' && c <= '9';
}

/*
** Push the number at '*p', step over it and return NULL; or step to where it
** is none and return what is wrong there. One with an integral value is an
** integer: up to 2^53 however it is written, up to 64 bits as an integer
** literal; others are floats. A byte that belongs to no number has to follow.
*/
const char *pa_pushnumber (lua_State *L, const char **p);

#pragma GCC visibility pop

#endif
