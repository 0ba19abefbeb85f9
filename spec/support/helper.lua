-- Loaded before all specs. busted forgets after each file what the file has
-- loaded, and Lua then collects it; luv 1.44 keeps using its loop all the same.

pcall(require, "luv")
pcall(require, "cqueues")

-- For the same reason the clients are told of in one place for all files.
require "busted".subscribe({ "file", "end" }, require "spec.support.left".close)
