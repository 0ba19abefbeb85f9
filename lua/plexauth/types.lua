---@meta
-- Types for lua-language-server: everything that plexauth takes and gives.
-- Loading this file has no effect. Wire shapes follow the OpenAPI document of
-- the Plex API (github.com/LukasParke/plex-api-spec, MIT) and public reports
-- of real answers; '?' marks what may be absent, and JSON null is absent too.
-- plexauth does not validate an answer: servers add, drop and retype fields.
-- luacheck: ignore 212 241

---------------------------------------------------------------- the module

---@class plexauth
---@field _VERSION string version of plexauth
---@field null lightuserdata what stands for a JSON null inside an array
local plexauth = {}

---Make a client. Raises on an unknown option, a wrong type, a control byte in
---anything that becomes a header, or a URL that is not plain http(s).
---@param options? plexauth.Options
---@return plexauth.Client
function plexauth.new(options) end

---Run every function as a task: their calls run at the same time.
---If one raises, the others are cancelled and the error goes on.
---@param fs (fun(): any, any)[]
---@param options? plexauth.GatherOptions
---@return plexauth.Results results `results[i]`: first value of `fs[i]`
---@return table<integer, any> errors `errors[i]`: second one, first being nil
function plexauth.gather(fs, options) end

---Make one task for a host that has frames or ticks. It starts with its
---first step.
---@param f fun(...): any
---@param ... any what `f` is called with
---@return plexauth.Task
function plexauth.task(f, ...) end

---What is installed, for bug reports.
---@return plexauth.Versions
function plexauth.version() end

---@class plexauth.Versions
---@field plexauth string
---@field libcurl string
---@field tls string the TLS library that libcurl uses, and its version
---@field cjson? string where it is installed

---@class plexauth.GatherOptions
---@field limit? integer most tasks in flight; default 64
---@field wait? plexauth.WaitFunction how to sleep inside a host's loop

---@class plexauth.Results
---@field n integer how many functions there were
---@field [integer] any what each returned first

---@class plexauth.Task
---@field results? table what the function returned, once it is done
local task = {}

---Go on until the task is done or `seconds` have passed. Raises what the
---function raises.
---@param seconds? number longest wait in seconds; 0 waits for nothing
---@return boolean done
function task:step(seconds) end

---Give up: connections in use are closed at once, the function is not resumed,
---and `results` never come. Harmless when the task is done.
function task:cancel() end

---A descriptor that a call waits for.
---@class plexauth.Watch
---@field fd integer file descriptor
---@field events "r"|"w"|"rw" what to wait for

---Sleep until a watch is ready or `seconds` have passed, yielding as the loop
---likes, and return true; or return false to decline: then the call blocks.
---@alias plexauth.WaitFunction
---| fun(watches: plexauth.Watch[], seconds: number): boolean

---------------------------------------------------------------- the options

---@class plexauth.Options
---The X-Plex-Token, or a function that returns it, asked at every call.
---Needed by `get_token_details`. Never sent on sign-in. No default.
---@field access_token? string|(fun(): string)
---X-Plex-Client-Identifier: make one per installation and keep it, since
---Plex binds tokens to it. Needed by sign-in. No default.
---@field client_id? string
---@field client_name? string X-Plex-Product; no default
---@field client_version? string X-Plex-Version; no default
---@field client_platform? string X-Plex-Platform; no default
---@field device_name? string X-Plex-Device; no default
---Base URL of the media server, instead of protocol, ip and port.
---@field server_url? string
---@field protocol? "http"|"https" of the media server; default "https"
---@field ip? string address or name of the media server; no default
---@field port? integer|string of the media server; default 32400
---Base URL of the account operations; default "https://plex.tv/api/v2".
---@field account_url? string
---A whole call with name resolution and retries, in seconds; default 30.
---@field timeout? number
---@field connect_timeout? number one connection, in seconds; default 5
---@field retries? integer how often a GET is sent again; default 2
---@field ca_file? string PEM file of trusted CAs; default: libcurl's
---@field ca_path? string directory of trusted CAs; default: libcurl's
---@field proxy? string a URL, or "env" for the environment's; default none
---"host:port" = "address" pairs that need no DNS. Helps where a router
---filters plex.direct names. Default none.
---@field resolve? table<string, string>
---@field max_response_bytes? integer after decompression; default 1048576
---Let account operations use plain http beyond loopback, or through a proxy;
---default false.
---@field allow_insecure? boolean
---@field user_agent? string default "plexauth/" and the version
---Called after every attempt; an error in it is ignored. Default none.
---@field logger? fun(event: plexauth.LogEvent)
---How a call sleeps inside a host's event loop, for instance
---`require "plexauth.wait.luv"`; default: the call blocks.
---@field wait? plexauth.WaitFunction

---What a logger is told of one attempt. Holds no header, query or body.
---@class plexauth.LogEvent
---@field method "GET"|"POST"
---@field scheme "http"|"https"
---@field host string
---@field port integer
---@field path string without the query
---@field attempt integer 1 for the first
---@field status? integer HTTP status, where an answer came
---@field seconds number how long the attempt took
---@field bytes integer length of the answer's body
---@field kind? plexauth.ErrorKind absent after a success

----------------------------------------------------------------- the client

---Made by `plexauth.new`. Every method raises on misuse, before any socket is
---opened, and returns `nil, err` when the world fails.
---@class plexauth.Client
local client = {}

---Ask the media server for a short-lived token with the rights of the
---client's token. It lives 48 hours at most and ends with a server restart.
---@param args? plexauth.TransientTokenArgs
---@return plexauth.TransientToken? result
---@return plexauth.Response|plexauth.Error response_or_error
function client:get_transient_token(args) end

---Ask the media server how another server or provider can be reached.
---@param args plexauth.SourceConnectionArgs
---@return plexauth.SourceConnections? result
---@return plexauth.Response|plexauth.Error response_or_error
function client:get_source_connection_information(args) end

---Ask plex.tv whose token this is. Only an error of kind `unauthorized`
---says that the token is bad.
---@param args? plexauth.TokenDetailsArgs
---@return plexauth.Account? result
---@return plexauth.Response|plexauth.Error response_or_error
function client:get_token_details(args) end

---Sign in to plex.tv; the token is `result.authToken`. Sent at most once: an
---error with outcome "unknown" may have used up a verification code.
---@param args plexauth.SignInArgs
---@return plexauth.SignedInAccount? result
---@return plexauth.Response|plexauth.Error response_or_error
function client:post_users_sign_in_data(args) end

---Close connections and end running calls (`cancelled`). May be repeated;
---any other method raises afterwards.
function client:close() end

---What every method takes, for that call alone.
---@class plexauth.CallOptions
---@field server_url? string base URL, also of an account operation
---@field access_token? string|(fun(): string) not sent on sign-in
---@field timeout? number the whole call, in seconds
---@field retries? integer how often a GET is sent again; sign-in never is

---@class plexauth.TransientTokenArgs : plexauth.CallOptions
---@field type? "delegation" default "delegation", the only value there is
---@field scope? "all" default "all", the only value there is

---@class plexauth.SourceConnectionArgs : plexauth.CallOptions
---"server://" and a client identifier, or "provider://" and a provider's.
---@field source string

---@class plexauth.TokenDetailsArgs : plexauth.CallOptions

---@class plexauth.SignInArgs : plexauth.CallOptions
---@field login string e-mail address or user name
---@field password string of the account
---@field verification_code? string of two-factor sign-in; good for one use
---@field remember_me? boolean a token that lives longer; default false
---@field client_id? string instead of the client's own

---What came beside a result.
---@class plexauth.Response
---@field status integer HTTP status
---By lower-case name; the values of a repeated header are joined by ", ".
---@field headers table<string, string>
---@field content_type? string of the body, as sent

----------------------------------------------------------------- the errors

---@alias plexauth.ErrorKind
---| "bad_request" # 400: something is missing or wrong in the request
---| "unauthorized" # token, login or password refused
---| "forbidden" # 403 from plex.tv: the token is good, the right is missing
---| "two_factor_required" # sign in again with a verification_code
---| "two_factor_invalid" # the verification_code was wrong
---| "locked_out" # too many failed sign-ins from this address
---| "rate_limited" # 429, too many requests
---| "server_error" # 5xx
---| "http" # any other status, such as 404
---| "redirect" # 3xx, which is never followed
---| "resolve" # the host's name was not found
---| "connect" # nobody took the connection
---| "tls" # no secure connection, or a certificate that is not trusted
---| "timeout" # the call's time was up
---| "network" # the connection broke
---| "protocol" # the answer was not HTTP
---| "too_large" # more than max_response_bytes
---| "interrupted" # Ctrl-C
---| "cancelled" # the task was cancelled, or the client closed
---| "decode" # a success without a JSON object or array

---The world failing. `tostring(err)` is one line without a secret in it.
---@class plexauth.Error
---@field kind plexauth.ErrorKind branch on this
---"GetTokenDetailsUnauthorized" and the like, else "SDKException", as in
---Plex's generated SDKs; only where an answer came.
---@field name? string
---@field operation string method of the client
---@field message string one sentence
---@field status? integer HTTP status
---@field code? integer first of Plex's own codes, such as 1029
---@field errors? plexauth.PlexError[] as Plex sent it, secrets struck out
---@field body? string raw, secrets struck out; never after a sign-in
---@field content_type? string of the body, as sent
---@field retry_after? integer seconds that the server asked to wait
---@field attempts integer how often the request was sent
---@field outcome? "unknown" a sign-in may have been received all the same

---One item of Plex's `errors` array.
---@class plexauth.PlexError
---@field code? integer Plex's own, see `plexauth.Error.code`
---@field message? string for people; do not branch on it
---@field status? integer HTTP status

---------------------------------------------------- media server's answers

---@class plexauth.TransientToken
---@field MediaContainer plexauth.TransientTokenContainer

---@class plexauth.TransientTokenContainer
---@field size? integer 0
---@field token? string "transient-..."; absent from an unclaimed server

---@class plexauth.SourceConnections
---@field MediaContainer plexauth.SourceConnectionsContainer

---@class plexauth.SourceConnectionsContainer
---@field size? integer how many devices
---The documents show an object, other answers of Plex would have an array:
---take both.
---@field Device? plexauth.Device|plexauth.Device[]

---@class plexauth.Device
---@field name string of the server, for people
---@field clientIdentifier string what "server://" was asked for
---@field accessToken string secret; use this one with that server
---@field Connection? plexauth.Connection[] ways to reach it

---A server may write numbers and booleans as strings or 0 and 1.
---@class plexauth.Connection
---@field protocol "http"|"https"
---@field address string IP address or name
---@field port integer|string 1 to 65535
---@field uri string base URL, fit for `server_url`
---@field ["local"] boolean|integer|string in the server's own network
---@field relay? boolean|integer|string through Plex's relay, slow

--------------------------------------------------------- plex.tv's answers

---@class plexauth.Account
---@field adsConsent? boolean consent to advertising
---@field adsConsentReminderAt? string|integer ISO 8601 or epoch seconds
---@field adsConsentSetAt? string|integer ISO 8601 or epoch seconds
---@field anonymous? boolean undocumented
---@field attributionPartner? string through whom the account came
---@field authToken string secret; the account's token
---@field backupCodesCreated boolean for two-factor sign-in
---@field confirmed boolean whether the account has been confirmed
---@field country string two letters
---@field email string address of the account
---@field emailOnlyAuth boolean signs in by e-mail address only
---@field experimentalFeatures boolean whether they are switched on
---@field friendlyName string as shown to friends; may be ""
---@field entitlements string[] what else the account may use; may be {}
---@field guest boolean a guest in a Plex Home
---@field hasPassword boolean false with a Google or Apple sign-in
---@field home boolean member of a Plex Home
---@field homeAdmin boolean administrator of that Home
---@field homeSize integer accounts in it
---@field id integer of the account
---@field joinedAt integer epoch seconds
---@field locale? string language to speak to the user
---@field mailingListActive boolean gets Plex's news
---@field mailingListStatus "active"|"unsubscribed"|"removed"|string
---@field maxHomeSize integer accounts that the Home may have
---@field pin? string secret; hashed Home PIN (deprecated)
---@field profile plexauth.Profile playback preferences
---@field ["protected"] boolean whether a Home PIN is set
---@field rememberExpiresAt integer epoch seconds, end of the token's life
---@field restricted boolean a managed account
---@field roles? string[] such as "plexpass"
---@field scrobbleTypes string undocumented
---@field services plexauth.Service[] Plex's own services, with tokens
---@field subscription plexauth.Subscription Plex Pass
---@field subscriptionDescription? string for people
---Documented as the first of the two, seen in the wild as the second.
---@field subscriptions? (plexauth.Subscription|plexauth.PastSubscription)[]
---@field thumb string URL of the avatar
---@field title string name to show: username or friendlyName
---@field twoFactorEnabled boolean sign-in asks for a code
---@field username string name to sign in with
---@field uuid string of the account

---What a sign-in returns. `authToken` is the new token.
---@class plexauth.SignedInAccount : plexauth.Account
---@field pastSubscriptions plexauth.PastSubscription[]
---@field trials table[] no shape is documented

---Playback preferences.
---@class plexauth.Profile
---@field autoSelectAudio boolean choose audio and subtitles by language
---@field autoSelectSubtitle integer 0 by hand, 1 with foreign audio, 2 always
---@field defaultAudioAccessibility? integer described audio or not
---@field defaultAudioLanguage? string language code
---@field defaultAudioLanguages? string[]|string list, or joined by commas
---SDH subtitles: 0 rather not, 1 preferred, 2 only, 3 never.
---@field defaultSubtitleAccessibility integer
---Forced subtitles: 0 rather not, 1 preferred, 2 only, 3 never.
---@field defaultSubtitleForced integer
---@field defaultSubtitleLanguage? string language code
---@field defaultSubtitleLanguages? string[]|string list, or joined by commas
---@field mediaReviewsLanguages? string[]|string list, or joined by commas
---@field mediaReviewsVisibility integer 0 to 3: which reviews to show
---@field watchedIndicator integer 0 to 3: what gets a watched mark

---@class plexauth.Service
---@field identifier string such as "epg"
---@field endpoint string URL
---@field token? string secret
---@field secret? string secret
---@field status "online"|"offline"|string whether it is up

---@class plexauth.Subscription
---@field features? string[] an open set of names
---@field active? boolean whether Plex Pass is
---@field subscribedAt? string ISO 8601, or "YYYY-MM-DD hh:mm:ss UTC"
---@field status? "Active"|"Inactive"|string the same for people
---@field paymentService? string who takes the money
---@field plan? string such as "yearly"

---@class plexauth.PastSubscription
---@field id? string|integer of the subscription
---@field mode? string such as "lifetime"
---@field renewsAt? integer epoch seconds
---@field endsAt? integer epoch seconds
---@field canceled boolean given up by its owner
---@field gracePeriod boolean payment is late, features go on
---@field onHold boolean payment is late, features are off
---@field canReactivate boolean may be started again
---@field canUpgrade boolean may move to a larger plan
---@field canDowngrade boolean may move to a smaller plan
---@field canConvert boolean may become one of another type
---@field type string such as "plexpass"
---@field transfer? string undocumented
---@field state "ended"|"active"|string
---@field billing plexauth.Billing how it was paid

---@class plexauth.Billing
---@field internalPaymentMethod table no shape is documented
---@field paymentMethodId? integer of Plex's own records

--------------------------------------------------------------- the stand-in

---`require "plexauth.mock"`: a stand-in for Plex on this machine, both media
---server and plex.tv. Needs LuaSocket.
---@class plexauth.mock
local mock = {}

---Start one in a process of its own, on a free port of loopback.
---@param options? plexauth.MockOptions
---@return plexauth.MockServer
function mock.start(options) end

---@class plexauth.MockOptions
---@field token? string the one token it knows; default "mock-token"
---@field login? string default "user@example.com"
---@field password? string default "secret"
---@field verification_code? string ask for it on sign-in; default: none
---@field username? string also good as a login; default "mock-user"
---@field lua? string interpreter to run it; default: the running one

---@class plexauth.MockServer
---@field url string good as `server_url` and as `account_url`
local server = {}

---Raises once the server is stopped.
---@return plexauth.MockRequest[] requests the newest thousand, oldest first
function server:requests() end

---Stop it. May be repeated.
function server:stop() end

---What it received. Holds the secrets that were sent.
---@class plexauth.MockRequest
---@field method string such as "GET"
---@field path string without the query
---@field query table<string, string> decoded
---@field headers table<string, string> by lower-case name
---@field body string as sent
---@field form? table<string, string> the body decoded, where it is a form
