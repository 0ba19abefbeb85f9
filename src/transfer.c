/*
** One HTTP exchange over libcurl.
**
** libcurl carries a custom header such as X-Plex-Token along to whatever host
** a redirect names, sends a POST again when a kept connection dies under it,
** takes a proxy from the environment, and does not bound a name lookup. What
** keeps it from each is set here, and every setting's result is looked at.
*/

/* for dladdr and RTLD_NOLOAD */
#define _GNU_SOURCE

#include "transfer.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


/*
** {======================================================
** What libcurl calls
** =======================================================
*/

static size_t take (pa_Transfer *t, pa_Buffer *b, const char *data, size_t n) {
  switch (pa_bufadd(b, data, n)) {
    case PA_ADDED:
      return n;
    case PA_FULL:
      t->stop = PA_OVERFLOW;
      break;
    default:
      t->stop = CURLE_OUT_OF_MEMORY;
      break;
  }
  return 0;
}


/* The cap is here and not in CURLOPT_MAXFILESIZE alone, which older libcurls
   do not apply to chunked or decompressed bodies. Memory is borrowed no sooner:
   of many in flight few are being answered, and theirs stays in the cache. */
static size_t onbody (char *data, size_t one, size_t n, void *transfer) {
  pa_Transfer *t = transfer;
  if (n == 0)
    return 0;
  if (t->body.size == 0)
    pa_poolborrow(t->pool, &t->body);
  return take(t, &t->body, data, n * one);
}


/*
** Two lengths that differ leave it open where an answer ends and the next one
** begins. libcurl takes the last one.
*/
static int contradicts (const pa_Buffer *head, const char *line, size_t n) {
  static const char name[] = "content-length:";
  const size_t len = sizeof(name) - 1;
  const char *p, *end;
  if (head->len == 0 || n <= len || strncasecmp(line, name, len) != 0)
    return 0;
  end = head->data + head->len;
  for (p = head->data; p < end; p++) {
    if (strncasecmp(p, name, len) == 0)
      return (size_t)(end - p) < n || memcmp(p, line, n) != 0;
    if ((p = memchr(p, '\n', (size_t)(end - p))) == NULL)
      break;
  }
  return 0;
}


/* An interim response (1xx) is followed by another: the last one counts. */
static size_t onhead (char *data, size_t one, size_t n, void *transfer) {
  pa_Transfer *t = transfer;
  if (n >= 5 && memcmp(data, "HTTP/", 5) == 0) {
    t->head.len = 0;
    t->headed = 0;
  }
  if (contradicts(&t->head, data, n)) {
    t->stop = CURLE_WEIRD_SERVER_REPLY;
    return 0;
  }
  if (n > 0 && (data[0] == '\r' || data[0] == '\n'))
    t->headed = 1;
  return take(t, &t->head, data, n * one);
}


/* The connection stands and the request is about to leave. */
static int onready (void *transfer, char *ip, char *local, int port,
                    int localport) {
  (void)ip;
  (void)local;
  (void)port;
  (void)localport;
  ((pa_Transfer *)transfer)->sent++;
  return CURL_PREREQFUNC_OK;
}

/* }====================================================== */


/*
** {======================================================
** Setting up
** =======================================================
*/

static const struct {
  CURLoption option;
  long value;
} settings[] = {
  { CURLOPT_NOSIGNAL, 1 }, /* signals belong to the host */
  { CURLOPT_NOPROGRESS, 1 },
  { CURLOPT_FOLLOWLOCATION, 0 },
  { CURLOPT_DISALLOW_USERNAME_IN_URL, 1 },
  { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
  { CURLOPT_HTTP09_ALLOWED, 0 },
  { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
  { CURLOPT_SSL_VERIFYPEER, 1 },
  { CURLOPT_SSL_VERIFYHOST, 2 },
  { CURLOPT_PROXY_SSL_VERIFYPEER, 1 },
  { CURLOPT_PROXY_SSL_VERIFYHOST, 2 },
  { CURLOPT_HEADEROPT, CURLHEADER_SEPARATE }, /* no token for a proxy */
  { CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
  { CURLOPT_NETRC, CURL_NETRC_IGNORED },
};


/* Older headers lack these, and the library found at run time may be older
   than the headers. */
static CURLcode setnewer (CURL *easy) {
  CURLcode c;
#if LIBCURL_VERSION_NUM >= 0x075500
  c = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  c = curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                       (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  if (c == CURLE_OK) { /* do not wait for a name lookup that hangs */
    c = curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    if (c == CURLE_UNKNOWN_OPTION)
      c = CURLE_OK;
  }
#endif
  return c;
}


#define set(c, easy, option, value) \
  ((void)((c) == CURLE_OK && \
          ((c) = curl_easy_setopt(easy, option, value)) == CURLE_OK))


static CURLcode setfixed (CURL *easy) {
  CURLcode c = setnewer(easy);
  size_t i;
  for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
    set(c, easy, settings[i].option, settings[i].value);
  return c;
}


/*
** What the caller names replaces the system's store. With a bundle file the
** directory is left out: libcurl keeps the parsed store for a client's next
** connections only where there is no directory to look into.
*/
static CURLcode settrust (CURL *easy, const pa_Settings *s) {
  const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
  CURLcode c = CURLE_OK;
  if (s->cafile != NULL || s->capath != NULL) {
    set(c, easy, CURLOPT_CAINFO, s->cafile);
    set(c, easy, CURLOPT_CAPATH, s->capath);
  }
  else if (v->cainfo != NULL && v->capath != NULL)
    set(c, easy, CURLOPT_CAPATH, (char *)NULL);
  return c;
}


static CURLcode setproxy (CURL *easy, const pa_Settings *s) {
  CURLcode c = CURLE_OK;
  if (s->proxy != NULL) {
    set(c, easy, CURLOPT_PROXY, s->proxy);
    set(c, easy, CURLOPT_NOPROXY, "");
  }
  return c;
}


static CURLcode setcallbacks (CURL *easy) {
  CURLcode c = CURLE_OK;
  set(c, easy, CURLOPT_WRITEFUNCTION, onbody);
  set(c, easy, CURLOPT_HEADERFUNCTION, onhead);
  set(c, easy, CURLOPT_PREREQFUNCTION, onready);
  return c;
}


/* What is the same for all of a client's transfers. A handle is never reset
   instead: where memory is short, that leaves it half set, and says nothing. */
static CURLcode setclient (pa_Seat *seat, const pa_Settings *s) {
  CURL *easy = seat->easy;
  CURLcode c = setfixed(easy);
  if (c == CURLE_OK)
    c = settrust(easy, s);
  if (c == CURLE_OK)
    c = setproxy(easy, s);
  if (c == CURLE_OK)
    c = setcallbacks(easy);
  if (c == CURLE_OK)
    c = pa_poolsockets(seat);
  set(c, easy, CURLOPT_USERAGENT, s->useragent);
  set(c, easy, CURLOPT_RESOLVE, s->resolve);
  set(c, easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)s->maxbody);
  return c;
}


static CURLcode setpost (CURL *easy, const pa_Request *r) {
  CURLcode c = CURLE_OK;
  set(c, easy, CURLOPT_POST, 1L);
  set(c, easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->nbody);
  set(c, easy, CURLOPT_POSTFIELDS, r->body);
  return c;
}


/* libcurl would send a request again when a reused connection turns out to be
   dead; on a connection of its own it cannot. */
static CURLcode setonce (CURL *easy) {
  CURLcode c = CURLE_OK;
  set(c, easy, CURLOPT_FRESH_CONNECT, 1L);
  set(c, easy, CURLOPT_FORBID_REUSE, 1L);
  return c;
}


static CURLcode setowner (CURL *easy, pa_Transfer *t) {
  CURLcode c = CURLE_OK;
  set(c, easy, CURLOPT_WRITEDATA, t);
  set(c, easy, CURLOPT_HEADERDATA, t);
  set(c, easy, CURLOPT_PREREQDATA, t);
  set(c, easy, CURLOPT_ERRORBUFFER, t->message);
  return c;
}


/* The deadline is not libcurl's to judge: another transfer's step would end
   this one before its owner could read what has come in the meantime. */
static CURLcode setrequest (CURL *easy, pa_Transfer *t, const pa_Request *r) {
  CURLcode c = setowner(easy, t);
  set(c, easy, CURLOPT_URL, r->url);
  set(c, easy, CURLOPT_HTTPHEADER, r->headers);
  set(c, easy, CURLOPT_CONNECTTIMEOUT_MS, r->connectms);
  if (c == CURLE_OK && r->body != NULL)
    c = setpost(easy, r);
  return c == CURLE_OK && r->once ? setonce(easy) : c;
}


/* A handle that has carried a password is not kept, nor is its answer. */
static CURLcode setup (pa_Transfer *t, const pa_Settings *s,
                       const pa_Request *r) {
  CURLcode c = t->seat.fresh ? setclient(&t->seat, s) : CURLE_OK;
  t->seat.keep = c == CURLE_OK && r->body == NULL && !r->once;
  return c == CURLE_OK ? setrequest(t->seat.easy, t, r) : c;
}


void pa_init (pa_Transfer *t) {
  memset(t, 0, sizeof(*t));
  t->seat.done = 1;
  t->seat.code = PA_CANCELLED;
  pa_bufinit(&t->head, PA_MAXHEAD);
  pa_bufinit(&t->body, 0);
}


void pa_start (pa_Transfer *t, pa_Pool *p, const pa_Settings *s,
               const pa_Request *r) {
  CURLcode c = pa_poolenter(p, &t->seat);
  t->pool = p;
  pa_bufinit(&t->body, s->maxbody);
  t->deadline = pa_now() + 1 + r->timeoutms; /* 'pa_now' rounds down */
  if (c == CURLE_OK)
    c = setup(t, s, r);
  if (c == CURLE_OK)
    c = pa_poolstart(&t->seat);
  if (c != CURLE_OK) {
    pa_stop(t, (int)c);
    t->seat.code = (int)c;
  }
}

/* }====================================================== */


/*
** {======================================================
** Going on
** =======================================================
*/

/* Read what libcurl knows of the answer while it still knows it. */
static void settle (pa_Transfer *t) {
  curl_off_t after = 0;
  /* sent again over another connection: a handle that did so five times in its
     life is refused a sixth by libcurl */
  if (t->sent > 1)
    t->seat.keep = 0;
  if (t->seat.code == CURLE_WRITE_ERROR && t->stop != 0)
    t->seat.code = t->stop;
  /* libcurl takes a connection closed amid the headers for a whole answer */
  if (t->seat.code == CURLE_OK && !t->headed)
    t->seat.code = CURLE_PARTIAL_FILE;
  if (t->seat.code == CURLE_OK) {
    curl_easy_getinfo(t->seat.easy, CURLINFO_RESPONSE_CODE, &t->status);
    curl_easy_getinfo(t->seat.easy, CURLINFO_RETRY_AFTER, &after);
    t->retryafter = after > 0 ? after : 0;
  }
  pa_poolleave(&t->seat);
}


int pa_step (pa_Transfer *t) {
  if (t->seat.pool == NULL)
    return 1;
  if (!t->seat.done)
    pa_poolstep(&t->seat);
  if (t->seat.done)
    settle(t);
  else if (pa_now() >= t->deadline)
    pa_stop(t, PA_DEADLINE);
  return t->seat.done;
}


void pa_stop (pa_Transfer *t, int code) {
  if (t->seat.pool == NULL)
    return;
  t->seat.done = 1;
  t->seat.code = code;
  pa_poolleave(&t->seat);
}


long long pa_timeout (const pa_Transfer *t) {
  long long now = pa_now();
  long long until = t->deadline;
  long long due = pa_pooldue(&t->seat);
  if (t->seat.done)
    return 0;
  if (due >= 0 && due < until)
    until = due;
  return until > now ? until - now : 0;
}


void pa_wait (pa_Transfer *t, long long ms) {
  long long most = pa_timeout(t);
  if (ms > most)
    ms = most;
  poll(t->seat.watches.fds, t->seat.watches.n,
       ms > INT_MAX ? INT_MAX : (int)ms);
}


int pa_awake (pa_Transfer *t, const struct pollfd *polled) {
  pa_Watches *w = &t->seat.watches;
  nfds_t i;
  for (i = 0; i < w->n; i++)
    w->fds[i].revents = polled[i].revents;
  return pa_poolready(&t->seat) || pa_now() >= t->deadline;
}


void pa_close (pa_Transfer *t) {
  pa_stop(t, PA_CANCELLED);
  pa_poolleave(&t->seat);
  pa_buffree(&t->head);
  if (t->pool != NULL && t->seat.keep)
    pa_poolreturn(t->pool, &t->body);
  else
    pa_buffree(&t->body);
  t->pool = NULL;
}

/* }====================================================== */


/*
** {======================================================
** Once a process
** =======================================================
*/

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int initialised = 0; /* written under 'once' alone */


/*
** A name lookup that was given up goes on in a thread of libcurl's. Were the
** module unloaded with the Lua state, and libcurl with it, the thread would
** return into unmapped memory: so libcurl stays, wherever it was loaded from.
** So do we, as not every system forgets an unloaded module's fork handler.
*/
static void pin (void *address) {
  Dl_info info;
  if (dladdr(address, &info) != 0)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}


static void initialise (void) {
  initialised =
      curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && pa_poolglobal();
  if (initialised) {
    pin((void *)(size_t)curl_easy_init);
    pin(&initialised);
  }
}


int pa_globalinit (void) {
  pthread_once(&once, initialise);
  return initialised;
}

/* }====================================================== */
