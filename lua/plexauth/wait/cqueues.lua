-- A wait function for cqueues:
-- plexauth.new { wait = require "plexauth.wait.cqueues" }.
-- In a coroutine that a controller runs it polls; elsewhere it declines.

local need = require "plexauth.need"

local cqueues = need.library("cqueues", "plexauth.wait.cqueues")

local unpack = table.unpack or unpack

return function(watches, seconds)
  local _, is_direct = cqueues.running()
  if not is_direct then return false end
  local polled = {}
  for i, watch in ipairs(watches) do
    polled[i] = { pollfd = watch.fd, events = watch.events }
  end
  polled[#polled + 1] = seconds
  cqueues.poll(unpack(polled))
  -- it keeps a descriptor registered, which libcurl may close next
  for _, watch in ipairs(watches) do cqueues.cancel(watch.fd) end
  return true
end
