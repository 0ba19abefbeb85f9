-- busted's plain output, closed by why specs were skipped, and by one line
-- that a script can read.

local plain = require "busted.outputHandlers.plainTerminal"

local function print_reasons(pendings)
  local counts, reasons = {}, {}
  for _, skipped in ipairs(pendings) do
    local reason = skipped.message or skipped.name
    reason = reason:gsub("^.-:%-?%d+: ", "") -- where it was said
    if not counts[reason] then reasons[#reasons + 1] = reason end
    counts[reason] = (counts[reason] or 0) + 1
  end
  table.sort(reasons)
  for _, reason in ipairs(reasons) do
    io.write(("%d skipped: %s\n"):format(counts[reason], reason))
  end
end

return function(options)
  local handler = plain(options)

  require("busted").subscribe({ "suite", "end" }, function()
    local failed = handler.failuresCount + handler.errorsCount
    local line = ("%d passed, %d failed"):format(handler.successesCount, failed)
    if handler.pendingsCount > 0 then
      line = line .. (", %d skipped"):format(handler.pendingsCount)
    end
    io.write "\n"
    print_reasons(handler.pendings)
    io.write(line, "\n")
    io.flush()
    return nil, true
  end)

  return handler
end
