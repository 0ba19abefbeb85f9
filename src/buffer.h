/*
** Growable bytes with a cap, wiped before they are freed: what passes through
** here may be a token. Knows neither Lua nor libcurl.
*/

#ifndef pa_buffer_h
#define pa_buffer_h

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* So many zero bytes follow what was added, for readers that want an end. */
#define PA_SPARE 8

typedef struct pa_Buffer {
  char *data;  /* NULL while nothing was ever added */
  size_t len;  /* set to 0, it can be filled again */
  size_t size; /* allocated */
  size_t max;  /* 'len' never exceeds this */
} pa_Buffer;

enum { PA_ADDED, PA_FULL, PA_NOMEMORY }; /* results of 'pa_bufadd' */

void pa_bufinit (pa_Buffer *b, size_t max);
int pa_bufadd (pa_Buffer *b, const void *bytes, size_t n);
void pa_buffree (pa_Buffer *b);

/* Overwrite memory in a way that the compiler may not leave out. */
void pa_wipe (void *p, size_t n);

#pragma GCC visibility pop

#endif
