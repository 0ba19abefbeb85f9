-- busted's plain output, closed by one line that a script can read.

local plain = require "busted.outputHandlers.plainTerminal"

return function(options)
  local handler = plain(options)

  require("busted").subscribe({ "suite", "end" }, function()
    local failed = handler.failuresCount + handler.errorsCount
    local line = ("%d passed, %d failed"):format(handler.successesCount, failed)
    if handler.pendingsCount > 0 then
      line = line .. (", %d skipped"):format(handler.pendingsCount)
    end
    io.write("\n", line, "\n")
    io.flush()
    return nil, true
  end)

  return handler
end
