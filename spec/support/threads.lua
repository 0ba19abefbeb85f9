-- Runs the threads program against the stand-in.

local server = require("plexauth.mock").start()
local ok, _, status = os.execute(("%s spec/support/thread.lua %s")
  :format(arg[1], server.url))
server:stop()
os.exit(ok and (status or 0) == 0, true)
