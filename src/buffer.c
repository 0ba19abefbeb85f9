/*
** Growable bytes with a cap, wiped before they are given back.
*/

#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#define FIRSTSIZE 1024

/* A call through a volatile pointer cannot be optimised away; unlike
   explicit_bzero and memset_s it exists on every system. */
static void *(*const volatile setbytes)(void *, int, size_t) = memset;


void pa_wipe (void *p, size_t n) {
  if (n > 0)
    setbytes(p, 0, n);
}


void pa_bufinit (pa_Buffer *b, size_t max) {
  b->data = NULL;
  b->len = b->size = 0;
  b->max = max;
}


/* The size to grow to so that 'need' bytes fit; 'need' is at most 'max'. Most
   answers come in one piece: it then fits. */
static size_t growth (const pa_Buffer *b, size_t need) {
  size_t size = b->size > 0 ? b->size * 2 : FIRSTSIZE;
  if (size > b->max)
    size = b->max;
  return size > need ? size : need;
}


/* Not realloc: it would leave the old bytes behind, unwiped. */
static int grow (pa_Buffer *b, size_t need) {
  size_t size = growth(b, need);
  char *data = malloc(size + PA_SPARE);
  if (data == NULL)
    return PA_NOMEMORY;
  if (b->len > 0)
    memcpy(data, b->data, b->len);
  pa_wipe(b->data, b->size);
  free(b->data);
  b->data = data;
  b->size = size;
  return PA_ADDED;
}


int pa_bufadd (pa_Buffer *b, const void *bytes, size_t n) {
  if (n > b->max - b->len)
    return PA_FULL;
  if (n > b->size - b->len && grow(b, b->len + n) != PA_ADDED)
    return PA_NOMEMORY;
  if (n > 0) {
    memcpy(b->data + b->len, bytes, n);
    b->len += n;
    memset(b->data + b->len, 0, PA_SPARE);
  }
  return PA_ADDED;
}


void pa_buffree (pa_Buffer *b) {
  pa_wipe(b->data, b->size);
  free(b->data);
  b->data = NULL;
  b->len = b->size = 0;
}
