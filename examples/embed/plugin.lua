-- A plugin of host.c's. It waits for plex.tv here, and no frame waits with it.

local plexauth = require "plexauth"

local plex = plexauth.new {
  access_token = os.getenv "PLEX_TOKEN", client_name = "example",
  account_url = os.getenv "PLEX_ACCOUNT_URL",
}

local account, err = plex:get_token_details()
print(account and "Hello, " .. account.username or err)
