-- Holds a decoded text against lua-cjson's reading of it.

local reference = require "spec.support.reference"

return function(text, decoded, value)
  reference.compare(text, decoded, value)
end
