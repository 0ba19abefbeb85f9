/*
** One HTTP exchange as a state machine over libcurl: set up, stepped until
** it is done, read, closed. Knows no Lua.
*/

#ifndef pa_transfer_h
#define pa_transfer_h

#include "buffer.h"
#include "pool.h"

#pragma GCC visibility push(hidden)

/* What the peer may send before its body; an answer of plex.tv has 1 KiB. */
#define PA_MAXHEAD ((size_t)64 * 1024)

/* What is the same for all transfers of a pool. Borrowed for its life. */
typedef struct pa_Settings {
  const char *useragent;
  const char *cafile; /* NULL: libcurl's own */
  const char *capath;
  const char *proxy; /* "": none; NULL: as the environment says */
  struct curl_slist *resolve;
  size_t maxbody; /* bytes of an answer's body */
} pa_Settings;

/* 'headers' and 'body' are borrowed until the transfer is closed. */
typedef struct pa_Request {
  const char *url;
  struct curl_slist *headers;
  const char *body; /* NULL: a GET; else a POST of this */
  size_t nbody;
  int once; /* must not reach the server twice */
  long connectms;
  long long timeoutms;
} pa_Request;

typedef struct pa_Transfer {
  pa_Seat seat;
  pa_Pool *pool;  /* whose it was, even off its seat; NULL: closed */
  pa_Buffer head; /* the answer's header lines, of its last response */
  pa_Buffer body;
  long long deadline;
  int stop;   /* why our own callbacks ended it, else 0 */
  int headed; /* its header section has come whole */
  int sent;   /* how often the request may have left, in part or whole */
  long status;
  long long retryafter; /* seconds; 0: none said */
  char message[CURL_ERROR_SIZE];
} pa_Transfer;

void pa_init (pa_Transfer *t);

/* Begin. What cannot be begun is done at once, with its code. */
void pa_start (pa_Transfer *t, pa_Pool *p, const pa_Settings *s,
               const pa_Request *r);

/* Go on as far as is possible without waiting; true: done. What is ready is
   read before the deadline is judged, so that a host which was away for a
   while still gets its answer. */
int pa_step (pa_Transfer *t);

/* Milliseconds until the next step is due, if nothing happens before. */
long long pa_timeout (const pa_Transfer *t);

/* Wait for the transfer's own descriptors, 'ms' at most. */
void pa_wait (pa_Transfer *t, long long ms);

/* After somebody else's poll(2) on its descriptors: take their events over,
   and tell whether the transfer has anything to do. */
int pa_awake (pa_Transfer *t, const struct pollfd *polled);

/* End it now, with 'code', unless it is done already. */
void pa_stop (pa_Transfer *t, int code);

/* Stop, free and wipe everything; harmless when repeated. */
void pa_close (pa_Transfer *t);

/* Once a process, and needed before anything else here; 0: it failed. */
int pa_globalinit (void);

#pragma GCC visibility pop

#endif
