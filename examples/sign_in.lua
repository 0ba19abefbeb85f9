-- Signs in, asking for a two-factor code only where Plex wants one.
-- Run: PLEX_CLIENT_ID=<an id you keep> lua5.4 examples/sign_in.lua
-- Without it a stand-in answers (user@example.com, secret; needs LuaSocket);
-- PLEX_ACCOUNT_URL names another base than plex.tv's.
local plexauth = require "plexauth"

local id, server = os.getenv "PLEX_CLIENT_ID", nil
if not id then server = require("plexauth.mock").start() end
local plex = plexauth.new {
  client_id = id or "plexauth-example",
  account_url = server and server.url or os.getenv "PLEX_ACCOUNT_URL",
}

local function ask(what)
  io.stderr:write(what, ": ")
  return io.read() or ""
end

local function ask_unseen(what)
  os.execute "stty -echo 2>/dev/null" -- fails harmlessly without a terminal
  local ok, answer = pcall(ask, what)
  os.execute "stty echo 2>/dev/null"
  io.stderr:write "\n"
  return ok and answer or error(answer, 0)
end

local args = { login = ask "Login", password = ask_unseen "Password" }
local account, err = plex:post_users_sign_in_data(args)
for _, kind in ipairs { "two_factor_required", "two_factor_invalid" } do
  if account or err.kind ~= kind then break end -- a wrong code: once more
  args.verification_code = ask "Verification code"
  account, err = plex:post_users_sign_in_data(args)
end
plex:close()
if server then server:stop() end

if not account then io.stderr:write(tostring(err), "\n") os.exit(1) end
print(("Signed in as %s. Keep the token (%d bytes) in a safe place.")
  :format(account.username, #account.authToken))
