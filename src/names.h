/*
** The field names that the decoder met last. They stay with the Lua state, for
** the texts that follow too: the same come again and again, in the same order,
** and to make a Lua string means to hash it.
*/

#ifndef pa_names_h
#define pa_names_h

#include "json.h"

#pragma GCC visibility push(hidden)

/* Names of more bytes are not kept. */
#define PA_MAXNAME 35

/* A field's name: as it stood in the text, with its closing quote. */
typedef struct pa_Name {
  char s[PA_MAXNAME + 1 + PA_PADDING];
  int len;
  int fields;           /* of the last object under it, or among its items */
  int items;            /* of the last array, likewise */
  struct pa_Name *next; /* the one that came after it */
} pa_Name;

/* While one text is read. */
typedef struct pa_Names {
  int strings; /* where their Lua strings are, in an array */
  pa_Name *name;
  pa_Name *root;  /* one more, for what is under no name */
  pa_Name **next; /* where to note the next name */
} pa_Names;

/* Begin a text. Two values on the stack have to stay as long as it is read. */
void pa_opennames (lua_State *L, pa_Names *N);

/* Push the name of 'len' bytes at 's', which its quote follows; NULL: it is
   pushed, but not kept. */
pa_Name *pa_pushname (lua_State *L, pa_Names *N, const char *s, size_t len);

/* The same for the name that came next the last time, as objects of one kind
   have their fields in one order; NULL, and nothing pushed: it is another. */
pa_Name *pa_pushexpected (lua_State *L, pa_Names *N, const char *s);

#pragma GCC visibility pop

#endif
