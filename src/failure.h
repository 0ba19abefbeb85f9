/*
** How an exchange that got no answer is told to Lua.
*/

#ifndef pa_failure_h
#define pa_failure_h

#include "compat.h"

#pragma GCC visibility push(hidden)

/*
** Push an error's kind, a sentence, and whether the same request may well
** succeed in a moment. 'code' is a CURLcode or one of PA_CANCELLED...;
** 'detail' is libcurl's own sentence, or empty.
*/
int pa_pushfailure (lua_State *L, int code, const char *detail);

#pragma GCC visibility pop

#endif
