-- What the Lua runs share: our client's options and the timing of calls.

local common = {}

---Options for plexauth.new; the header lines are those of floor.h.
function common.options(url, ca_file, more)
  local all = {
    server_url = url, account_url = url, ca_file = ca_file,
    access_token = "bench-token-0123456789", client_id = "6f1c0a52-bench",
    client_name = "bench", client_version = "1.0", client_platform = "Linux",
    device_name = "bench",
  }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

common.paths = {
  user = "/user", token = "/security/token?type=delegation&scope=all",
}

---Print the seconds of the first of n calls, and of the others. A single one
---is timed from outside, and LuaSocket would add to its start-up.
function common.timed(n, call)
  n = tonumber(n)
  local now = n > 1 and require "socket".gettime or os.clock
  local start = now()
  call()
  local first = now()
  for _ = 2, n do call() end
  print(("%.6f %.6f"):format(first - start, now() - first))
end

return common
