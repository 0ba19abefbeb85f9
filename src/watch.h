/*
** The descriptors that one transfer waits for, and copies of them for whoever
** sleeps on them in an event loop. Knows neither Lua nor libcurl's handles.
*/

#ifndef pa_watch_h
#define pa_watch_h

#include <poll.h>

#pragma GCC visibility push(hidden)

/* libcurl uses at most five sockets for a transfer. */
#define PA_MAXWATCH 8

/* All zero: none. */
typedef struct pa_Watches {
  struct pollfd fds[PA_MAXWATCH]; /* what libcurl waits for */
  nfds_t n;
  int lent[PA_MAXWATCH]; /* copies of 'fds', for a sleeper */
  int nlent;
} pa_Watches;

/* Wait on 'fd' for 'what' (CURL_POLL_IN and the like) from now on. */
void pa_watch (pa_Watches *w, int fd, int what);

/* No more; false: it never did. */
int pa_unwatch (pa_Watches *w, int fd);

/* Has anything happened on one of them, as far as is known? */
int pa_watchready (const pa_Watches *w);

/* For curl_multi_socket_action, what has happened. */
int pa_watchbits (const struct pollfd *fd);

/* Make the copies that a sleeper is to watch, good until they are taken
   back. */
void pa_watchlend (pa_Watches *w);

/* The copy of descriptor 'i', or, where none was left, the descriptor. */
int pa_watchlent (const pa_Watches *w, int i);

/* The sleeper is awake, and its event loop has forgotten the copies. */
void pa_watchtakeback (pa_Watches *w);

/* End a sleep on descriptors that nobody will use again. */
void pa_watchawaken (const pa_Watches *w);

#pragma GCC visibility pop

#endif
