-- A Neovim plugin: :PlexWhoami tells whose token PLEX_TOKEN is, and the editor
-- goes on meanwhile. To keep it, put it into ~/.config/nvim/plugin. To try it:
-- PLEX_TOKEN=... nvim -S examples/hosts/neovim.lua -c PlexWhoami
-- Without PLEX_TOKEN a stand-in on this machine answers (needs LuaSocket);
-- PLEX_ACCOUNT_URL names another base than plex.tv's.
local plexauth = require "plexauth"

local token, url = vim.env.PLEX_TOKEN, vim.env.PLEX_ACCOUNT_URL
local server
if not token then
  server = require("plexauth.mock").start()
  token, url = "mock-token", server.url
  vim.api.nvim_create_autocmd("VimLeave", {
    callback = function() server:stop() end,
  })
end

local plex = plexauth.new {
  access_token = token, account_url = url, client_name = "example",
  wait = require "plexauth.wait.luv", -- the editor's own loop
}

local function whoami()
  local account, err = plex:get_token_details()
  -- Now we are in a callback of the loop, where the editor lets nobody
  -- touch it; what is scheduled runs as soon as that is allowed.
  vim.schedule(function()
    vim.notify(account and account.username or tostring(err))
  end)
end

-- In a coroutine a call waits in the loop; elsewhere it would block.
vim.api.nvim_create_user_command("PlexWhoami", function()
  coroutine.wrap(whoami)()
end, { desc = "Tell whose Plex token this is" })
