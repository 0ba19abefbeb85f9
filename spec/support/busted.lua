-- busted by hand, for tools such as valgrind that wrap one interpreter:
-- lua5.4 spec/support/busted.lua DIR_OR_FILE...

package.path = "./?.lua;" .. package.path
arg[#arg + 1] = "--helper=spec/support/helper.lua"
arg[#arg + 1] = "--output=spec/support/summary.lua"
arg[#arg + 1] = "--pattern=_spec"
require "busted.runner" { standalone = false }
