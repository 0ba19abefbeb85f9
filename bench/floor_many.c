/*
** floor_many URL N K: N calls, K at a time, on one multi handle with epoll,
** every body decoded by our decoder. K calls before that open the
** connections. Prints the seconds of the N.
*/

#define _GNU_SOURCE

#include "floor.h"
#include "json.h"

#include <lauxlib.h>
#include <lualib.h>
#include <sys/epoll.h>

#define MAXEVENTS 256

typedef struct Slot {
  CURL *easy;
  Body body;
} Slot;

static CURLM *multi;
static lua_State *L;
static int epoll;
static double due = -1; /* when libcurl wants to be called; -1: it does not */


/* 'mark' is what we assigned: epoll has the socket. */
static int onsocket (CURL *easy, curl_socket_t fd, int what, void *unused,
                     void *mark) {
  struct epoll_event e = { 0, { .fd = fd } };
  int action = mark != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  (void)easy;
  (void)unused;
  if (what & CURL_POLL_IN)
    e.events |= EPOLLIN;
  if (what & CURL_POLL_OUT)
    e.events |= EPOLLOUT;
  epoll_ctl(epoll, what == CURL_POLL_REMOVE ? EPOLL_CTL_DEL : action, fd, &e);
  curl_multi_assign(multi, fd, what == CURL_POLL_REMOVE ? NULL : &epoll);
  return 0;
}


static int ontimer (CURLM *m, long ms, void *unused) {
  (void)m;
  (void)unused;
  due = ms < 0 ? -1 : now() + (double)ms / 1000;
  return 0;
}


static int selectbits (unsigned events) {
  return (events & ~(unsigned)EPOLLOUT ? CURL_CSELECT_IN : 0) |
         (events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
}


static void turn (void) {
  struct epoll_event events[MAXEVENTS];
  double left = (due - now()) * 1000;
  int ms = due < 0 ? -1 : left > 0 ? (int)left + 1 : 0;
  int n = epoll_wait(epoll, events, MAXEVENTS, ms);
  int i, running;
  for (i = 0; i < n; i++)
    curl_multi_socket_action(multi, events[i].data.fd,
                             selectbits(events[i].events), &running);
  if (due >= 0 && due <= now()) {
    due = -1;
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}


static void start (Slot *s) {
  s->body.len = 0;
  curl_multi_add_handle(multi, s->easy);
}


static Slot *finish (CURL *easy, CURLcode c) {
  char *private;
  Slot *s;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
  s = (Slot *)(void *)private;
  check(easy, c, &s->body);
  if (!pa_pushjson(L, s->body.data, s->body.len))
    die("the body is no JSON");
  lua_pop(L, 1);
  curl_multi_remove_handle(multi, easy);
  return s;
}


static void drive (Slot *slots, long k, long n) {
  long begun, ended = 0;
  for (begun = 0; begun < k && begun < n; begun++)
    start(&slots[begun]);
  while (ended < n) {
    CURLMsg *m;
    int left;
    turn();
    while ((m = curl_multi_info_read(multi, &left)) != NULL) {
      Slot *s = finish(m->easy_handle, m->data.result);
      ended++;
      if (begun++ < n)
        start(s);
    }
  }
}


int main (int argc, char **argv) {
  long i, n = argc > 3 ? atol(argv[2]) : 0, k = argc > 3 ? atol(argv[3]) : 0;
  Slot *slots = calloc((size_t)k + 1, sizeof(Slot));
  double began;
  if (n < 1 || k < 1 || slots == NULL)
    die("takes URL N K");
  curl_global_init(CURL_GLOBAL_DEFAULT);
  luaL_openlibs(L = luaL_newstate());
  epoll = epoll_create1(EPOLL_CLOEXEC);
  multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, onsocket);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, ontimer);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 4 * k); /* keep all of them */
  for (i = 0; i < k; i++) {
    slots[i].easy = newhandle(argv[1], NULL, &slots[i].body);
    curl_easy_setopt(slots[i].easy, CURLOPT_PRIVATE, &slots[i]);
  }
  drive(slots, k, k);
  began = now();
  drive(slots, k, n);
  printf("%.6f\n", now() - began);
  return 0;
}
