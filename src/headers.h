/*
** An answer's header lines as a Lua table.
*/

#ifndef pa_headers_h
#define pa_headers_h

#include "compat.h"

#pragma GCC visibility push(hidden)

/*
** Push a table of the lines in 'text': lower-case name to value without
** surrounding blanks; the values of a repeated name are joined by ", ".
*/
void pa_pushheaders (lua_State *L, const char *text, size_t len);

/* Push the value of the first line called 'name' (in lower case), or nil. */
void pa_pushheader (lua_State *L, const char *text, size_t len,
                    const char *name);

#pragma GCC visibility pop

#endif
