/*
** floor URL N [CAFILE]: N calls, one after the other, on one handle. Prints
** the seconds of the first call, and of the others.
*/

#define _POSIX_C_SOURCE 200809L

#include "floor.h"


static void once (CURL *easy, Body *b) {
  b->len = 0;
  check(easy, curl_easy_perform(easy), b);
}


int main (int argc, char **argv) {
  Body body = { NULL, 0, 0 };
  double start, first;
  CURL *easy;
  long i, n;
  if (argc < 3)
    die("takes URL N [CAFILE]");
  curl_global_init(CURL_GLOBAL_DEFAULT);
  easy = newhandle(argv[1], argc > 3 ? argv[3] : NULL, &body);
  n = atol(argv[2]);
  start = now();
  once(easy, &body);
  first = now();
  for (i = 1; i < n; i++)
    once(easy, &body);
  printf("%.6f %.6f\n", first - start, now() - first);
  curl_easy_cleanup(easy);
  return 0;
}
