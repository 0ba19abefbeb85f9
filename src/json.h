/*
** JSON text to Lua values; the only file that knows how.
*/

#ifndef pa_json_h
#define pa_json_h

#include <lua.h>

#pragma GCC visibility push(hidden)

/* Nesting beyond this is an error. */
#define PA_MAXDEPTH 64

/*
** Push the value that the text stands for and return 1, or push a sentence
** that quotes nothing of the text and return 0. An integral number becomes an
** integer (up to 2^53); a null is left out of objects and is a light userdata
** NULL elsewhere. Raises where memory runs out, or the engine is missing.
*/
int pa_pushjson (lua_State *L, const char *text, size_t len);

/* Push the version of lua-cjson. */
void pa_pushengine (lua_State *L);

#pragma GCC visibility pop

#endif
