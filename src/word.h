/*
** Eight bytes at a time.
*/

#ifndef pa_word_h
#define pa_word_h

#include <stdint.h>

/* The first byte is the lowest; a single load, where that is the machine's own
   order. */
static inline uint64_t pa_word (const char *p) {
  const unsigned char *u = (const unsigned char *)p;
  return (uint64_t)u[0] | (uint64_t)u[1] << 8 | (uint64_t)u[2] << 16 |
         (uint64_t)u[3] << 24 | (uint64_t)u[4] << 32 | (uint64_t)u[5] << 40 |
         (uint64_t)u[6] << 48 | (uint64_t)u[7] << 56;
}

#endif
