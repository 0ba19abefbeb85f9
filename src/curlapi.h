/*
** libcurl's header, or word of where to get it. All that depends on
** libcurl's version is here and in 'setnewer' (transfer.c).
*/

#ifndef pa_curlapi_h
#define pa_curlapi_h

#if defined(__has_include)
#if !__has_include(<curl/curl.h>)
#error \
    "plexauth needs libcurl's header. Debian, Ubuntu: libcurl4-openssl-dev; \
Fedora: libcurl-devel; Alpine: curl-dev; Arch: curl; Homebrew: curl"
#endif
#endif

#include <curl/curl.h>

#if LIBCURL_VERSION_NUM < 0x075100
#error "plexauth needs libcurl 7.81 or newer"
#endif

/* How an exchange may end beyond what libcurl's own CURLcode can tell. */
enum {
  PA_CANCELLED = 1000, /* the transfer or its client was closed */
  PA_INTERRUPTED,      /* Ctrl-C */
  PA_DEADLINE,         /* our own, which also covers name resolution */
  PA_OVERFLOW          /* more bytes than the caller allowed */
};

#endif
