/*
** Any bytes as a server's answer, through the whole library: a thread sends
** them to whoever connects, and answer.lua calls the four operations.
*/

#include "host.h"

#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A copy: a connection that was given up may still be served when the input
   is gone. */
static uint8_t answer[1 << 16];
static size_t answersize;
static int listener;


/* Then until the other side leaves, which may keep the connection for a while:
   so each has a thread. Without TIME_WAIT, of which a long run has too many. */
static void *serve (void *connection) {
  struct linger now = { 1, 0 };
  int fd = (int)(intptr_t)connection;
  char buffer[4096];
  ssize_t n = read(fd, buffer, sizeof(buffer));
  if (n > 0)
    n = send(fd, answer, answersize, MSG_NOSIGNAL);
  shutdown(fd, SHUT_WR);
  while (n >= 0 && read(fd, buffer, sizeof(buffer)) > 0)
    ;
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(fd);
  return NULL;
}


static void *run (void *unused) {
  for (;;) {
    pthread_t thread;
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0 &&
        pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
      pthread_detach(thread);
  }
  return unused;
}


static int listening (void) {
  struct sockaddr_in a;
  socklen_t n = sizeof(a);
  pthread_t thread;
  memset(&a, 0, sizeof(a));
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&a, n) != 0 || listen(listener, 8) != 0)
    abort();
  getsockname(listener, (struct sockaddr *)&a, &n);
  pthread_create(&thread, NULL, run, NULL);
  return ntohs(a.sin_port);
}


int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static lua_State *L = NULL;
  static int port;
  if (L == NULL) {
    L = fuzz_open("spec/fuzz/answer.lua");
    port = listening();
  }
  answersize = size < sizeof(answer) ? size : sizeof(answer);
  memcpy(answer, data, answersize);
  lua_settop(L, 0);
  lua_getfield(L, LUA_REGISTRYINDEX, "check");
  lua_pushinteger(L, port);
  fuzz_must(L, lua_pcall(L, 1, 0, 0));
  return 0;
}
