/*
** A client's libcurl multi handle.
**
** Many event loops, or none, may wait for the transfers of one handle at the
** same time, each for its own. So the handle is only ever driven through
** curl_multi_socket_action, on the stepping transfer's own descriptors or for
** a timer that is due: curl_multi_perform, _poll and _wait would also take
** what is ready for a transfer whose owner sleeps, and nobody would wake it.
*/

/* for clock_gettime */
#define _POSIX_C_SOURCE 200809L

#include "pool.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A bound on how often one step runs the timer: libcurl may ask to be called
   again at once, but not for ever. */
#define MAXTURNS 16


long long pa_now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}


/*
** {======================================================
** What libcurl calls
** =======================================================
*/

static pa_Seat *seatof (CURL *easy) {
  char *seat = NULL;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &seat);
  return (pa_Seat *)(void *)seat;
}


/* A removal may come in another transfer's name, or in that of a handle
   which is libcurl's own, so the seat is looked for. */
static void forget (pa_Pool *p, int fd) {
  pa_Seat *s;
  for (s = p->seats; s != NULL; s = s->next)
    if (pa_unwatch(&s->watches, fd))
      return;
}


static int onsocket (CURL *easy, curl_socket_t fd, int what, void *pool,
                     void *unused) {
  pa_Seat *s = seatof(easy);
  (void)unused;
  if (what != CURL_POLL_REMOVE && s != NULL)
    pa_watch(&s->watches, fd, what);
  else if (s == NULL || !pa_unwatch(&s->watches, fd))
    forget(pool, fd);
  return 0;
}


static int ontimer (CURLM *multi, long ms, void *pool) {
  pa_Pool *p = pool;
  (void)multi;
  p->due = ms < 0 ? -1 : pa_now() + ms;
  return 0;
}


/* Programs that the host starts must not keep our connections open. */
static curl_socket_t onopen (void *unused, curlsocktype purpose,
                             struct curl_sockaddr *a) {
  int fd = socket(a->family, a->socktype, a->protocol);
  (void)unused;
  (void)purpose;
  if (fd >= 0)
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd < 0 ? CURL_SOCKET_BAD : fd;
}


/* A sleeper with a copy of it has to wake, and the peer to know. */
static int onclose (void *unused, curl_socket_t fd) {
  (void)unused;
  shutdown(fd, SHUT_RDWR);
  return close(fd);
}

/* }====================================================== */


/*
** {======================================================
** Driving
** =======================================================
*/

static int isdue (const pa_Pool *p) {
  return p->due >= 0 && p->due <= pa_now();
}


static void teardown (pa_Pool *p, int code);


/*
** Where memory is short libcurl may fail to note a socket, and then nothing
** would ever happen to the transfer again. The multi handle is of no more use:
** libcurl 7.88 divides by zero if it is only asked to take the transfer out.
*/
static int drive (pa_Seat *s, curl_socket_t fd, int bits) {
  pa_Pool *p = s->pool;
  int running;
  if (curl_multi_socket_action(p->multi, fd, bits, &running) == CURLM_OK)
    return 1;
  teardown(p, CURLE_OUT_OF_MEMORY);
  return 0;
}


/* Works on a copy, as every action may change what the seat watches. */
static int feed (pa_Seat *s) {
  struct pollfd ready[PA_MAXWATCH];
  pa_Watches *w = &s->watches;
  nfds_t i, n = w->n;
  if (n == 0 || (!pa_watchready(w) && poll(w->fds, n, 0) <= 0))
    return 1;
  memcpy(ready, w->fds, sizeof(ready));
  for (i = 0; i < n; i++)
    w->fds[i].revents = 0;
  for (i = 0; i < n; i++) {
    const struct pollfd *fd = &ready[i];
    if (fd->revents != 0 && !drive(s, fd->fd, pa_watchbits(fd)))
      return 0;
  }
  return 1;
}


/* Repeats while libcurl asks to be called at once: the timer is one for all
   transfers, so nobody may go to sleep on a zero meant for another. */
static int fire (pa_Seat *s) {
  pa_Pool *p = s->pool;
  int turns;
  p->roused = NULL;
  for (turns = 0; turns < MAXTURNS; turns++) {
    if (!isdue(p))
      break;
    p->due = -1;
    if (!drive(s, CURL_SOCKET_TIMEOUT, 0))
      return 0;
  }
  return 1;
}


static void collect (pa_Pool *p) {
  CURLMsg *m;
  int left;
  while ((m = curl_multi_info_read(p->multi, &left)) != NULL) {
    pa_Seat *s = seatof(m->easy_handle);
    if (m->msg == CURLMSG_DONE && s != NULL) {
      s->done = 1;
      s->code = (int)m->data.result;
    }
  }
}


static void unseat (pa_Pool *p, pa_Seat *s) {
  p->nseats--;
  s->watches.n = 0;
  s->easy = NULL;
  if (s->prev != NULL)
    s->prev->next = s->next;
  else
    p->seats = s->next;
  if (s->next != NULL)
    s->next->prev = s->prev;
  s->pool = NULL;
}


/* Its owner finds it ended when it next looks. */
static void evict (pa_Pool *p, pa_Seat *s, int code) {
  s->done = 1;
  s->code = code;
  unseat(p, s);
}


static void freespare (pa_Pool *p) {
  while (p->nspare > 0)
    pa_buffree(&p->spare[--p->nspare]);
}


/* How often this process descends from a fork since we were loaded: written
   in the child, before anything else runs there. To ask the system for the
   process's number each time would cost a tenth of a call. */
static unsigned forks = 0;


static void onfork (void) {
  forks++;
}


int pa_poolglobal (void) {
  return pthread_atfork(NULL, NULL, onfork) == 0;
}


/*
** In a forked child the handles are the parent's: to close them would say
** goodbye on the parent's connections. They are left as they are.
*/
static int inherited (pa_Pool *p) {
  if (p->multi == NULL || p->forks == forks)
    return 0;
  while (p->seats != NULL)
    evict(p, p->seats, PA_CANCELLED);
  freespare(p);
  pa_poolinit(p);
  return 1;
}


void pa_poolstep (pa_Seat *s) {
  pa_Pool *p = s->pool;
  if (p != NULL && !inherited(p)) {
    pa_watchtakeback(&s->watches);
    if (feed(s) && fire(s))
      collect(p);
  }
}


int pa_poolready (pa_Seat *s) {
  pa_Pool *p = s->pool;
  if (s->done || p == NULL || pa_watchready(&s->watches))
    return 1;
  if ((p->roused != NULL && p->roused != s) || !isdue(p))
    return 0;
  p->roused = s;
  return 1;
}


long long pa_pooldue (const pa_Seat *s) {
  return s->pool != NULL ? s->pool->due : -1;
}

/* }====================================================== */


/*
** {======================================================
** Life and death
** =======================================================
*/

void pa_poolinit (pa_Pool *p) {
  memset(p, 0, sizeof(*p));
  p->due = -1;
}


static CURLMcode openmulti (pa_Pool *p) {
  CURLMcode m = CURLM_OK;
  if (p->multi != NULL)
    return m;
  if ((p->multi = curl_multi_init()) == NULL)
    return CURLM_OUT_OF_MEMORY;
  p->forks = forks;
  m = curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, onsocket);
  if (m == CURLM_OK)
    m = curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
  if (m == CURLM_OK)
    m = curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, ontimer);
  if (m == CURLM_OK)
    m = curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
  return m;
}


/* By itself libcurl keeps four connections for each transfer that runs now: at
   the end of many it would close what the next many need again. */
static CURLMcode keepopen (pa_Pool *p) {
  if (p->nseats <= p->most)
    return CURLM_OK;
  p->most = p->nseats;
  return curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, 4 * p->most);
}


static void seat (pa_Pool *p, pa_Seat *s) {
  memset(s, 0, sizeof(*s));
  s->pool = p;
  s->next = p->seats;
  if (p->seats != NULL)
    p->seats->prev = s;
  p->seats = s;
  p->nseats++;
}


CURLcode pa_poolenter (pa_Pool *p, pa_Seat *s) {
  inherited(p);
  if (openmulti(p) != CURLM_OK)
    return CURLE_OUT_OF_MEMORY;
  seat(p, s);
  if (keepopen(p) != CURLM_OK)
    return CURLE_OUT_OF_MEMORY;
  s->fresh = p->nidle == 0;
  s->easy = s->fresh ? curl_easy_init() : p->idle[--p->nidle];
  if (s->easy == NULL)
    return CURLE_OUT_OF_MEMORY;
  return curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
}


CURLcode pa_poolsockets (pa_Seat *s) {
  CURLcode c = curl_easy_setopt(s->easy, CURLOPT_OPENSOCKETFUNCTION, onopen);
  if (c == CURLE_OK)
    c = curl_easy_setopt(s->easy, CURLOPT_CLOSESOCKETFUNCTION, onclose);
  return c;
}


CURLcode pa_poolstart (pa_Seat *s) {
  return curl_multi_add_handle(s->pool->multi, s->easy) == CURLM_OK
             ? CURLE_OK
             : CURLE_OUT_OF_MEMORY;
}


/* Kept handles remember their settings and TLS sessions, but nothing that
   belongs to a transfer. */
static void giveback (pa_Pool *p, CURL *easy, int keep) {
  if (!keep || p->nidle == PA_MAXIDLE) {
    curl_easy_cleanup(easy);
    return;
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, (struct curl_slist *)NULL);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, (char *)NULL);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)NULL);
  p->idle[p->nidle++] = easy;
}


void pa_poolleave (pa_Seat *s) {
  pa_Pool *p = s->pool;
  CURL *easy = s->easy;
  if (p != NULL && !inherited(p)) {
    if (easy != NULL)
      curl_multi_remove_handle(p->multi, easy);
    unseat(p, s);
    p->roused = NULL;
    if (easy != NULL)
      giveback(p, easy, s->keep && s->code != CURLE_OUT_OF_MEMORY);
  }
  pa_watchtakeback(&s->watches);
}


void pa_poolborrow (pa_Pool *p, pa_Buffer *b) {
  if (p->nspare > 0)
    *b = p->spare[--p->nspare];
}


void pa_poolreturn (pa_Pool *p, pa_Buffer *b) {
  if (p->multi == NULL || p->nspare == PA_MAXSPARE || b->size == 0 ||
      b->size > PA_SPARESIZE) {
    pa_buffree(b);
    return;
  }
  b->len = 0;
  p->spare[p->nspare++] = *b;
  pa_bufinit(b, 0);
}


/* The multi handle goes first and lets go of its easy handles: to take them
   out one by one is what may not be safe any more, see 'drive'. */
static void teardown (pa_Pool *p, int code) {
  curl_multi_cleanup(p->multi);
  while (p->seats != NULL) {
    CURL *easy = p->seats->easy;
    pa_watchawaken(&p->seats->watches);
    evict(p, p->seats, code);
    curl_easy_cleanup(easy);
  }
  while (p->nidle > 0)
    curl_easy_cleanup(p->idle[--p->nidle]);
  freespare(p);
  pa_poolinit(p);
}


void pa_poolclose (pa_Pool *p) {
  if (p->multi != NULL && !inherited(p))
    teardown(p, PA_CANCELLED);
}

/* }====================================================== */
