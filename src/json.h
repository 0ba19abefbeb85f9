/*
** JSON text to Lua values.
*/

#ifndef pa_json_h
#define pa_json_h

#include "compat.h"

#pragma GCC visibility push(hidden)

/* So many zero bytes have to follow the text. */
#define PA_PADDING 8

/* Nesting beyond this is an error. */
#define PA_MAXDEPTH 64

/*
** Push the value that the text stands for and return 1; or push a sentence
** that quotes nothing of the text, with the place (in bytes, from 1), and
** return 0. Strict RFC 8259, but for: bytes that are no UTF-8 pass untouched,
** half a surrogate pair becomes U+FFFD, of two fields with one name the last
** counts. A null is left out of objects, and is a light userdata NULL
** elsewhere. A number with an integral value is an integer: up to 2^53 however
** it is written, up to 64 bits as an integer literal; others are floats.
** PA_PADDING zero bytes must follow the text. Raises only for want of memory.
** Field names stay with the Lua state, see names.h.
*/
int pa_pushjson (lua_State *L, const char *text, size_t len);

#pragma GCC visibility pop

#endif
