/*
** A getaddrinfo for LD_PRELOAD, for which slow.invalid hangs for as many
** seconds as SLOWDNS says, and none.invalid is known not to be.
*/

/* for RTLD_NEXT */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int (*Lookup) (const char *, const char *, const struct addrinfo *,
                       struct addrinfo **);


static void hang (void) {
  const char *seconds = getenv("SLOWDNS");
  struct timespec t = { 0, 0 };
  t.tv_sec = seconds != NULL ? atol(seconds) : 0;
  nanosleep(&t, NULL);
}


int getaddrinfo (const char *node, const char *service,
                 const struct addrinfo *hints, struct addrinfo **result) {
  Lookup real = (Lookup)dlsym(RTLD_NEXT, "getaddrinfo");
  if (node != NULL && strcmp(node, "none.invalid") == 0)
    return EAI_NONAME;
  if (node != NULL && strcmp(node, "slow.invalid") == 0) {
    hang();
    return EAI_AGAIN;
  }
  return real(node, service, hints, result);
}
