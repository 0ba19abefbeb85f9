-- Runs the torture program against the stand-in, in all its ways.

local program = arg[1]
local server = require("plexauth.mock").start()
local failed = false

for _, where in ipairs { "core", "curl", "lua" } do
  for _, how in ipairs { "once", "forever" } do
    local command = ("%s %s %s spec/support/torture/scenarios.lua %s")
      :format(program, where, how, server.url)
    local ok, _, status = os.execute(command)
    if not ok or (status or 0) ~= 0 then failed = true end
  end
end

server:stop()
os.exit(not failed, true)
