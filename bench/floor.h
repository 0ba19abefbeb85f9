/*
** What the floor programs share: libcurl handles that are set up as ours are,
** with nothing around them. Nobody who speaks through libcurl takes less.
*/

#ifndef bench_floor_h
#define bench_floor_h

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Body {
  char *data;
  size_t len, size;
} Body;


static void die (const char *why) {
  fprintf(stderr, "error: %s\n", why);
  exit(1);
}


static double now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}


/* The decoder wants a zero behind the text. */
static size_t onbody (char *data, size_t one, size_t n, void *body) {
  Body *b = body;
  n *= one;
  if (b->size - b->len <= n) {
    b->size = 2 * (b->len + n) + 1;
    if ((b->data = realloc(b->data, b->size + 8)) == NULL)
      die("not enough memory");
  }
  memcpy(b->data + b->len, data, n);
  b->len += n;
  memset(b->data + b->len, 0, 8); /* for the decoder */
  return n;
}


/* As in bench/common.lua. */
static const char *const lines[] = {
  "Accept: application/json",
  "X-Plex-Client-Identifier: 6f1c0a52-bench",
  "X-Plex-Product: bench",
  "X-Plex-Version: 1.0",
  "X-Plex-Platform: Linux",
  "X-Plex-Device: bench",
  "X-Plex-Token: bench-token-0123456789",
};


static CURL *newhandle (const char *url, const char *cafile, Body *b) {
  CURL *easy = curl_easy_init();
  struct curl_slist *headers = NULL;
  size_t i;
  for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
    headers = curl_slist_append(headers, lines[i]);
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "plexauth/0.1.0");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, onbody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, b);
  /* with a directory, libcurl would parse the store for every connection */
  curl_easy_setopt(easy, CURLOPT_CAPATH, (char *)NULL);
  if (cafile != NULL)
    curl_easy_setopt(easy, CURLOPT_CAINFO, cafile);
  return easy;
}


static void check (CURL *easy, CURLcode c, const Body *b) {
  long status = 0;
  if (c != CURLE_OK)
    die(curl_easy_strerror(c));
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200 || b->len == 0)
    die("not the answer that was due");
}

#endif
