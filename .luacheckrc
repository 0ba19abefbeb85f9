std = "max"
max_line_length = 80
exclude_files = { "build" }
files["spec"] = { std = "max+busted" }
files["rockspec"] = { std = "rockspec" }
files["lua/plexauth/types.lua"] = { ignore = { "211" }, max_line_length = 120 }
files["spec/support/busted.lua"] = { globals = { "arg" } }
files["examples/hosts"] = { read_globals = { "vim", "mp" } }
