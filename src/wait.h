/*
** Waiting in C, with an eye on Ctrl-C.
*/

#ifndef pa_wait_h
#define pa_wait_h

#include "compat.h"
#include "transfer.h"

#pragma GCC visibility push(hidden)

/* The type of a pa_Transfer as a userdata. */
#define PA_TRANSFER "plexauth.core.transfer"

/* An argument in seconds as milliseconds, rounded up: who comes a little too
   early would only have to wait again. */
long long pa_checkms (lua_State *L, int arg);

/* Take a transfer to its end. */
void pa_perform (lua_State *L, pa_Transfer *t);

/* core.poll(transfers, seconds): wait for any of them, and say which may go on,
   as an array of indices; nil: interrupted. */
int pa_poll (lua_State *L);

/* core.sleep(seconds); false: interrupted. */
int pa_sleep (lua_State *L);

#pragma GCC visibility pop

#endif
