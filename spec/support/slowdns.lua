---The library of slowdns.c, to be preloaded: it is built, and removed.

local child = require "spec.support.child"

local slowdns = {}

---Its path; nil where the system has another way to preload one.
function slowdns.build()
  if child.shell "uname -s" ~= "Linux\n" then return nil end
  local base = os.tmpname()
  local path = base .. ".so"
  child.shell(("${CC:-cc} -shared -fPIC -o %s %s -ldl"):format(
    path, "spec/support/slowdns.c"))
  os.remove(base)
  return path
end

return slowdns
