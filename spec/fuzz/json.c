/*
** Any bytes through the decoder, and the outcome held against lua-cjson's.
** Half of the mutations keep to JSON's grammar, to get past its first error.
*/

#include "host.h"
#include "json.h"

#include <string.h>

size_t LLVMFuzzerMutate (uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t max,
                                unsigned seed);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static lua_State *L = NULL;
  char *text = calloc(1, size + PA_PADDING); /* what reads past it is seen */
  if (L == NULL)
    L = fuzz_open("spec/fuzz/json.lua");
  memcpy(text, data, size);
  lua_settop(L, 0);
  lua_getfield(L, LUA_REGISTRYINDEX, "check");
  lua_pushlstring(L, text, size);
  lua_pushnil(L);
  lua_pushboolean(L, pa_pushjson(L, text, size));
  lua_replace(L, 3);
  free(text);
  fuzz_must(L, lua_pcall(L, 3, 0, 0));
  return 0;
}


static unsigned next (unsigned *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 8;
}


static const char *const atoms[] = {
  "null", "true", "false", "0", "-0", "1.0", "1e2", "1E-7", "-12.5e+3",
  "9007199254740993", "9007199254740993.0", "9223372036854775807",
  "-9223372036854775808", "9223372036854775808", "1e999", "1e-999",
  "123456789012345678901234567890", "0.1", "\"\"", "\"a\"", "\"\\u00e9\"",
  "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\u0000\"", "\"\\\\\\\"\\/\\n\"",
  "\"\xc3\xa9\"", "\"\xff\"",
};


/* A random value, at most 'max' bytes long; returns its length. */
static size_t generate (char *out, size_t max, int depth, unsigned *seed) {
  const char *atom = atoms[next(seed) % (sizeof(atoms) / sizeof(atoms[0]))];
  int object = (int)(next(seed) % 2);
  unsigned members = next(seed) % 5;
  size_t n = 0;
  if (depth == 0 || max < 64 || next(seed) % 3 == 0) {
    size_t len = strlen(atom);
    if (len > max)
      return 0;
    memcpy(out, atom, len);
    return len;
  }
  out[n++] = object ? '{' : '[';
  while (members-- > 0 && n + 40 < max) {
    if (object)
      n += (size_t)sprintf(out + n, "\"k%u\" :", next(seed) % 4);
    n += generate(out + n, max - n - 4, depth - 1, seed);
    if (members > 0 && n + 40 < max)
      out[n++] = ',';
    else
      break;
  }
  out[n++] = object ? '}' : ']';
  return n;
}


/* Where a value begins, from a random place on. */
static size_t valueat (const uint8_t *data, size_t size, unsigned *seed) {
  size_t i, start = size > 0 ? next(seed) % size : 0;
  for (i = start; i < size; i++)
    if (strchr("{[\"-0123456789tfn", data[i]) != NULL)
      return i;
  return size;
}


size_t LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t max,
                                unsigned seed) {
  size_t at, end, n;
  char fresh[512];
  if (next(&seed) % 2 == 0)
    return LLVMFuzzerMutate(data, size, max);
  at = valueat(data, size, &seed);
  for (end = at; end < size && strchr(",]}", data[end]) == NULL; end++)
    ;
  n = generate(fresh, sizeof(fresh), 6, &seed);
  if (at + n + (size - end) > max)
    return LLVMFuzzerMutate(data, size, max);
  memmove(data + at + n, data + end, size - end);
  memcpy(data + at, fresh, n);
  return at + n + (size - end);
}
