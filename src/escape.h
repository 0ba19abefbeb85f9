/*
** Escapes in JSON's strings.
*/

#ifndef pa_escape_h
#define pa_escape_h

#include "compat.h"

#pragma GCC visibility push(hidden)

/* Bytes of the escape at 'p', a backslash; 0: it is none. Looks no further
   than at the first byte that belongs to none. */
size_t pa_escapelength (const char *p);

/* Push the bytes between 'p' and 'end', with their escapes read; all of them
   were found to be some. Half a surrogate pair becomes U+FFFD. */
void pa_pushescaped (lua_State *L, const char *p, const char *end);

#pragma GCC visibility pop

#endif
