/*
** plexauth inside a program in C or C++: README.md, "Embed it in a C program".
** Link with libplexauth.a, libcurl, and the Lua whose headers both were
** compiled with.
*/

#ifndef plexauth_h
#define plexauth_h

#include <lua.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
** Push the module, as 'require' would: for package.preload.plexauth, or for
** luaL_requiref. The state's package library must be open; from then on it
** also finds plexauth.wait.luv and plexauth.wait.cqueues.
*/
int luaopen_plexauth (lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
