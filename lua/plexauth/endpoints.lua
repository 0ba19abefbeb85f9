-- The remote operations: one row each, and nothing else says what they are.
--
--   name      the method's name, and the error's `operation`
--   sdk       what Plex's generated SDKs put before an error type's name
--   base      "server" (a Plex Media Server) or "account" (plex.tv)
--   success   the one status that means success
--   token     "optional", "required" or "never" (not even if there is one)
--   once      must not reach the server twice
--   args      in the order in which they are sent: `place` is "query", "form"
--             or "header", `wire` the name there, `check` names a function of
--             plexauth.check; `required` as it says (for client_id: here or
--             in `new`); a `secret` is struck out of errors
--
-- Source: Plex's public OpenAPI document (LukasParke/plex-api-spec, MIT).

return {
  {
    name = "get_transient_token", sdk = "GetTransientToken",
    verb = "GET", base = "server", path = "/security/token",
    success = 200, token = "optional",
    args = {
      { name = "type", place = "query", wire = "type",
        check = "text", values = { "delegation" }, default = "delegation" },
      { name = "scope", place = "query", wire = "scope",
        check = "text", values = { "all" }, default = "all" },
    },
  },
  {
    name = "get_source_connection_information",
    sdk = "GetSourceConnectionInformation",
    verb = "GET", base = "server", path = "/security/resources",
    success = 200, token = "optional",
    args = {
      { name = "source", place = "query", wire = "source",
        check = "text", required = true },
    },
  },
  {
    name = "get_token_details", sdk = "GetTokenDetails",
    verb = "GET", base = "account", path = "/user",
    success = 200, token = "required",
    args = {},
  },
  {
    name = "post_users_sign_in_data", sdk = "PostUsersSignInData",
    verb = "POST", base = "account", path = "/users/signin",
    success = 201, token = "never", once = true,
    args = {
      { name = "client_id", place = "header",
        wire = "X-Plex-Client-Identifier", check = "header", required = true },
      { name = "login", place = "form", wire = "login",
        check = "text", required = true },
      { name = "password", place = "form", wire = "password",
        check = "text", required = true, secret = true },
      { name = "remember_me", place = "form", wire = "rememberMe",
        check = "flag", default = false },
      { name = "verification_code", place = "form",
        wire = "verificationCode", check = "text", secret = true },
    },
  },
}
