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

/* The strings are borrowed for the call of 'pa_start' alone. */
typedef struct pa_Request {
  const char *url;
  const char *useragent;
  const char *cafile; /* NULL: libcurl's own */
  const char *capath;
  const char *proxy; /* "": none; NULL: as the environment says */
  int post;          /* POST 'body', else GET */
  int once;          /* must not reach the server twice */
  long connectms;
  long long timeoutms;
} pa_Request;

typedef struct pa_Transfer {
  pa_Seat seat;
  pa_Buffer lines; /* header lines, each with a zero byte behind it */
  struct curl_slist *headers; /* one block; its nodes point into 'lines' */
  struct curl_slist *resolve;
  pa_Buffer request; /* the body that is sent */
  pa_Buffer head;    /* the answer's header lines, of its last response */
  pa_Buffer body;
  pa_Buffer length; /* the first Content-Length line */
  long long deadline;
  int stop;   /* why our own callbacks ended it, else 0 */
  int headed; /* its header section has come whole */
  int sent;   /* how often the request may have left, in part or whole */
  long status;
  long long retryafter; /* seconds; 0: none said */
  char message[CURL_ERROR_SIZE];
} pa_Transfer;

void pa_init (pa_Transfer *t);

/* Before 'pa_start'. These return 0 when out of memory (for the body also
   when it is larger than a request of ours ever is). */
int pa_addheader (pa_Transfer *t, const char *line);
int pa_addresolve (pa_Transfer *t, const char *entry);
int pa_setbody (pa_Transfer *t, const char *bytes, size_t n);

/* Begin. What cannot be begun is done at once, with its code. */
void pa_start (pa_Transfer *t, pa_Pool *p, const pa_Request *r, size_t max);

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
