/* Any bytes as an option, a URL, a header, a secret: see inputs.lua. */

#include "host.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static lua_State *L = NULL;
  if (L == NULL)
    L = fuzz_open("spec/fuzz/inputs.lua");
  lua_settop(L, 0);
  lua_getfield(L, LUA_REGISTRYINDEX, "check");
  lua_pushlstring(L, (const char *)data, size);
  fuzz_must(L, lua_pcall(L, 1, 0, 0));
  return 0;
}
