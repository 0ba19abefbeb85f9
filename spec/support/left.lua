---The clients that a spec file has made and left open. LuaJIT and 5.1 do not
-- collect one that its own functions refer to, and after some files there would
-- be more descriptors than select(2) knows.

local left = {}

local clients = setmetatable({}, { __mode = "k" })

function left.add(client)
  clients[client] = true
  return client
end

function left.close()
  for client in pairs(clients) do client:close() end
  collectgarbage() -- transfers that were dropped have descriptors, too
  collectgarbage()
end

return left
