/*
** Lines of text in libcurl's form, as a userdata.
*/

#ifndef pa_lines_h
#define pa_lines_h

#include "compat.h"
#include "curlapi.h"

#pragma GCC visibility push(hidden)

#define PA_LINES "plexauth.core.lines"

/* core.lines(array of strings): good for any number of calls. Raises where a
   line has a control byte, which could end it. */
int pa_makelines (lua_State *L);

/* The lines at 'arg', which live as long as their userdata; NULL: none, or
   nil. */
struct curl_slist *pa_tolines (lua_State *L, int arg);

/* Its __gc, as a token may be in one. */
int pa_wipelines (lua_State *L);

#pragma GCC visibility pop

#endif
