/*
** The descriptors that one transfer waits for.
*/

/* for F_DUPFD_CLOEXEC */
#define _POSIX_C_SOURCE 200809L

#include "watch.h"
#include "curlapi.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>


static struct pollfd *find (pa_Watches *w, int fd) {
  nfds_t i;
  for (i = 0; i < w->n; i++)
    if (w->fds[i].fd == fd)
      return &w->fds[i];
  return NULL;
}


static short pollevents (int what) {
  int events = 0;
  if (what & CURL_POLL_IN)
    events |= POLLIN;
  if (what & CURL_POLL_OUT)
    events |= POLLOUT;
  return (short)events;
}


void pa_watch (pa_Watches *w, int fd, int what) {
  struct pollfd *p = find(w, fd);
  if (p == NULL) {
    if (w->n == PA_MAXWATCH)
      return; /* not met; the deadline would still end the exchange */
    p = &w->fds[w->n++];
    p->fd = fd;
    p->revents = 0;
  }
  p->events = pollevents(what);
}


int pa_unwatch (pa_Watches *w, int fd) {
  struct pollfd *p = find(w, fd);
  if (p != NULL)
    *p = w->fds[--w->n];
  return p != NULL;
}


int pa_watchready (const pa_Watches *w) {
  nfds_t i;
  for (i = 0; i < w->n; i++)
    if (w->fds[i].revents != 0)
      return 1;
  return 0;
}


/* An error or a hang-up counts as what was waited for: libcurl then meets it
   in the read or write, and can tell what it was. */
int pa_watchbits (const struct pollfd *fd) {
  int events = fd->revents;
  int bits = 0;
  if (events & (POLLERR | POLLHUP | POLLNVAL))
    events |= fd->events;
  if (events & POLLIN)
    bits |= CURL_CSELECT_IN;
  if (events & POLLOUT)
    bits |= CURL_CSELECT_OUT;
  return bits;
}


/*
** Another transfer's step may close what a sleeper waits for: its number could
** then come back for a third, while the event loop still knows it as the
** sleeper's. Where it belongs to a name lookup or is not connected yet, we are
** not even asked to close it (libcurl 7.88). So the numbers are our own.
*/
void pa_watchlend (pa_Watches *w) {
  nfds_t i;
  pa_watchtakeback(w);
  for (i = 0; i < w->n; i++)
    w->lent[w->nlent++] = fcntl(w->fds[i].fd, F_DUPFD_CLOEXEC, 0);
}


int pa_watchlent (const pa_Watches *w, int i) {
  return w->lent[i] < 0 ? w->fds[i].fd : w->lent[i];
}


void pa_watchtakeback (pa_Watches *w) {
  while (w->nlent > 0)
    close(w->lent[--w->nlent]);
}


void pa_watchawaken (const pa_Watches *w) {
  int i;
  for (i = 0; i < w->nlent; i++)
    shutdown(w->lent[i], SHUT_RDWR);
}
