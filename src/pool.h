/*
** A client's libcurl multi handle and the transfers that sit in it: their
** sockets, the one timer, idle handles. Knows no Lua: no error may unwind
** through libcurl, and its callbacks touch nothing but the memory here.
*/

#ifndef pa_pool_h
#define pa_pool_h

#include "buffer.h"
#include "curlapi.h"
#include "watch.h"

#pragma GCC visibility push(hidden)

#define PA_MAXIDLE 64
#define PA_MAXSPARE 16
#define PA_SPARESIZE ((size_t)32 * 1024)

typedef struct pa_Pool pa_Pool;

/* One transfer's place in a pool. */
typedef struct pa_Seat {
  pa_Pool *pool; /* NULL: not seated, or the pool is gone */
  struct pa_Seat *next, *prev;
  CURL *easy;
  int fresh; /* the handle has no settings yet */
  int keep;  /* it is fit for another transfer of the client's */
  int done;  /* the exchange has ended, with 'code' */
  int code;
  pa_Watches watches;
} pa_Seat;

struct pa_Pool {
  CURLM *multi;   /* NULL until the first transfer */
  unsigned forks; /* in which process it was opened */
  long long due;  /* when libcurl wants to be called; -1: it does not */
  pa_Seat *seats;
  long nseats;
  long most;       /* of 'nseats', ever */
  pa_Seat *roused; /* its owner was told that the timer is due */
  CURL *idle[PA_MAXIDLE];
  int nidle;
  pa_Buffer spare[PA_MAXSPARE];
  int nspare;
};

/* Milliseconds of a clock that nobody sets. */
long long pa_now (void);

/* Once a process, and needed before anything else here; 0: it failed. */
int pa_poolglobal (void);

void pa_poolinit (pa_Pool *p);

/* End every transfer (as PA_CANCELLED), close every connection. */
void pa_poolclose (pa_Pool *p);

/* Give the seat an easy handle: a fresh one, or one that was kept with its
   settings. It is not running yet. */
CURLcode pa_poolenter (pa_Pool *p, pa_Seat *s);

/* Let the pool see what sockets a fresh handle opens and closes. */
CURLcode pa_poolsockets (pa_Seat *s);

CURLcode pa_poolstart (pa_Seat *s);

/* Take from the network what is ready for this seat, then run libcurl's
   timer if it is due. Never waits. */
void pa_poolstep (pa_Seat *s);

/* Until when the seat may sleep if nothing happens on its descriptors;
   -1: no limit. */
long long pa_pooldue (const pa_Seat *s);

/* Has the seat anything to do? The timer is one for all, so where it is due
   only one owner is told, again if asked again, until it steps or leaves. */
int pa_poolready (pa_Seat *s);

/* An answer's body is too large for malloc's fast paths. So an empty buffer is
   given memory, if there is some to spare, and that is given back: freed, or
   kept as it is for the next answer to be written over. 'max' is the same for
   all of a pool's. */
void pa_poolborrow (pa_Pool *p, pa_Buffer *b);
void pa_poolreturn (pa_Pool *p, pa_Buffer *b);

/* Stop the exchange, if it runs, and give the easy handle back. */
void pa_poolleave (pa_Seat *s);

#pragma GCC visibility pop

#endif
