/*
** Waiting in C, with an eye on Ctrl-C.
*/

#include "wait.h"

#include <string.h>

/* It is looked for this often, in milliseconds. */
#define SLICE 200

#define MAXSECONDS 1e6


/* The standalone interpreter answers SIGINT by setting a debug hook, which
   cannot run while we are in C: so we watch for the hook to change. */
typedef struct Hook {
  lua_State *L;
  lua_Hook f;
  int mask;
} Hook;


static Hook hooknow (lua_State *L) {
  Hook h;
  pa_pushmain(L);
  h.L = lua_tothread(L, -1);
  lua_pop(L, 1);
  h.f = lua_gethook(h.L);
  h.mask = lua_gethookmask(h.L);
  return h;
}


static int interrupted (const Hook *h) {
  return lua_gethook(h->L) != h->f || lua_gethookmask(h->L) != h->mask;
}


long long pa_checkms (lua_State *L, int arg) {
  lua_Number s = luaL_checknumber(L, arg);
  luaL_argcheck(L, s >= 0 && s <= MAXSECONDS, arg, "seconds out of range");
  return (long long)(s * 1000 + 0.999);
}


void pa_perform (lua_State *L, pa_Transfer *t) {
  Hook h = hooknow(L);
  while (!pa_step(t)) {
    pa_wait(t, SLICE);
    if (interrupted(&h))
      pa_stop(t, PA_INTERRUPTED);
  }
}


int pa_sleep (lua_State *L) {
  long long until = pa_now() + pa_checkms(L, 1);
  Hook h = hooknow(L);
  long long left;
  while ((left = until - pa_now()) > 0 && !interrupted(&h))
    poll(NULL, 0, left < SLICE ? (int)left : SLICE);
  lua_pushboolean(L, left <= 0);
  return 1;
}


/* One of those that a poll is for, and where its descriptors are. */
typedef struct Waiter {
  pa_Transfer *transfer;
  struct pollfd *fds;
} Waiter;


/* Of an array's transfers; the array keeps them alive. */
static void listwaiters (lua_State *L, int array, Waiter *w, int n) {
  int i;
  for (i = 0; i < n; i++) {
    lua_rawgeti(L, array, i + 1);
    w[i].transfer = luaL_checkudata(L, -1, PA_TRANSFER);
    lua_pop(L, 1);
  }
}


/* Descriptors of all, and the longest sleep that none of them minds. */
static nfds_t gatherfds (Waiter *w, int n, struct pollfd *fds, long long *ms) {
  struct pollfd *next = fds;
  int i;
  for (i = 0; i < n; i++) {
    const pa_Watches *watches = &w[i].transfer->seat.watches;
    long long most = pa_timeout(w[i].transfer);
    if (most < *ms)
      *ms = most;
    w[i].fds = memcpy(next, watches->fds, watches->n * sizeof(*fds));
    next += watches->n;
  }
  return (nfds_t)(next - fds);
}


/* Give each its events; the array on top gets the indices that may go on. */
static void sharefds (lua_State *L, const Waiter *w, int n) {
  int i, ready = 0;
  for (i = 0; i < n; i++) {
    if (pa_awake(w[i].transfer, w[i].fds)) {
      lua_pushinteger(L, i + 1);
      lua_rawseti(L, -2, ++ready);
    }
  }
}


/* All that is asked of Lua comes first: finalisers that run then may make
   calls, which changes what transfers wait for. Not select(2), which knows no
   descriptor beyond 1023. */
int pa_poll (lua_State *L) {
  long long ms = pa_checkms(L, 2);
  long long until, left;
  size_t n;
  nfds_t nfds;
  Waiter *w;
  struct pollfd *fds;
  Hook h = hooknow(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  n = lua_rawlen(L, 1);
  w = lua_newuserdatauv(L, (n + 1) * sizeof(*w), 0);
  fds = lua_newuserdatauv(L, (n * PA_MAXWATCH + 1) * sizeof(*fds), 0);
  lua_createtable(L, (int)n, 0);
  listwaiters(L, 1, w, (int)n);
  nfds = gatherfds(w, (int)n, fds, &ms);
  left = ms;
  until = pa_now() + ms;
  while (poll(fds, nfds, left < SLICE ? (int)left : SLICE) <= 0) {
    if (interrupted(&h))
      return 0;
    if ((left = until - pa_now()) <= 0)
      break;
  }
  sharefds(L, w, (int)n);
  return 1;
}
