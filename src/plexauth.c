/*
** plexauth.core: clients and transfers as userdata, for the Lua layer alone.
** Arguments are checked here only so far that none can do harm: what a user
** gets wrong is told to them by the Lua layer, in their terms.
*/

/* for clock_gettime */
#define _POSIX_C_SOURCE 200809L

#include "failure.h"
#include "headers.h"
#include "json.h"
#include "lines.h"
#include "wait.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLIENT "plexauth.core.client"

typedef struct Client {
  pa_Pool pool;
  pa_Settings settings;
  int open;
} Client;


/*
** {======================================================
** Transfers
** =======================================================
*/

/* What a method is called on; its type's metatable is the method's upvalue,
   which is found faster than one by its name. */
static void *checkself (lua_State *L, const char *type) {
  void *self = lua_touserdata(L, 1);
  if (self != NULL && lua_getmetatable(L, 1)) {
    int same = lua_rawequal(L, -1, lua_upvalueindex(1));
    lua_pop(L, 1);
    if (same)
      return self;
  }
  return luaL_checkudata(L, 1, type);
}


static pa_Transfer *checktransfer (lua_State *L) {
  return checkself(L, PA_TRANSFER);
}


static int transfer_perform (lua_State *L) {
  pa_perform(L, checktransfer(L));
  return 0;
}


static int transfer_step (lua_State *L) {
  lua_pushboolean(L, pa_step(checktransfer(L)));
  return 1;
}


static int transfer_timeout (lua_State *L) {
  lua_pushnumber(L, (lua_Number)pa_timeout(checktransfer(L)) / 1000);
  return 1;
}


static const char *eventnames (int events) {
  if ((events & POLLIN) && (events & POLLOUT))
    return "rw";
  return events & POLLOUT ? "w" : "r";
}


static void pushwatch (lua_State *L, int fd, int events) {
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, fd);
  lua_setfield(L, -2, "fd");
  lua_pushstring(L, eventnames(events));
  lua_setfield(L, -2, "events");
}


static int transfer_watches (lua_State *L) {
  pa_Watches *w = &checktransfer(L)->seat.watches;
  int i;
  pa_watchlend(w);
  lua_createtable(L, w->nlent, 0);
  for (i = 0; i < w->nlent; i++) {
    pushwatch(L, pa_watchlent(w, i), w->fds[i].events);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}


/* Push the decoded body, or nil and why it is none that could be due. */
static int pushbody (lua_State *L, const pa_Buffer *b) {
  static const char nothing[PA_PADDING] = "";
  _Static_assert(PA_SPARE >= PA_PADDING, "the decoder reads that far");
  if (pa_pushjson(L, b->data != NULL ? b->data : nothing, b->len)) {
    if (lua_istable(L, -1))
      return 1;
    lua_pop(L, 1);
    lua_pushliteral(L, "it is no object and no array");
  }
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}


/* Status, Content-Type and Retry-After (seconds), each or nil, and then the
   decoded body, or nil and why not; or nil where there is no answer. */
static int transfer_answer (lua_State *L) {
  pa_Transfer *t = checktransfer(L);
  luaL_argcheck(L, t->seat.done, 1, "not at its end");
  if (t->seat.code != CURLE_OK)
    return 0;
  lua_pushinteger(L, t->status);
  pa_pushheader(L, t->head.data, t->head.len, "content-type");
  if (t->retryafter > 0)
    pa_pushint64(L, t->retryafter);
  else
    lua_pushnil(L);
  return 3 + pushbody(L, &t->body);
}


/* Where there is no answer: kind, sentence, transient. */
static int transfer_failure (lua_State *L) {
  pa_Transfer *t = checktransfer(L);
  return pa_pushfailure(L, t->seat.code, t->message);
}


/* The header lines as they came, for core.headers. */
static int transfer_head (lua_State *L) {
  pa_Transfer *t = checktransfer(L);
  lua_pushlstring(L, t->head.data != NULL ? t->head.data : "", t->head.len);
  return 1;
}


static int transfer_body (lua_State *L) {
  pa_Transfer *t = checktransfer(L);
  lua_pushlstring(L, t->body.data != NULL ? t->body.data : "", t->body.len);
  return 1;
}


static int transfer_size (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)checktransfer(L)->body.len);
  return 1;
}


static int transfer_sent (lua_State *L) {
  lua_pushboolean(L, checktransfer(L)->sent > 0);
  return 1;
}


static int transfer_interrupt (lua_State *L) {
  pa_stop(checktransfer(L), PA_INTERRUPTED);
  return 0;
}


/* The request goes, too, as it holds secrets. Lua before 5.4 wants a table in
   its place; this one is there anyway. */
static int transfer_close (lua_State *L) {
  pa_close(checktransfer(L));
  lua_getmetatable(L, 1);
  lua_setiuservalue(L, 1, 1);
  return 0;
}

/* }====================================================== */


/*
** {======================================================
** Clients
** =======================================================
*/

static Client *checkclient (lua_State *L) {
  Client *c = checkself(L, CLIENT);
  luaL_argcheck(L, c->open, 1, "client is closed");
  return c;
}


/* A string of the table at 'arg', or NULL; it lives as long as the table
   holds it. One with a zero byte would be cut short, so it is refused. */
static const char *field (lua_State *L, int arg, const char *name) {
  const char *s = NULL;
  lua_getfield(L, arg, name);
  if (lua_type(L, -1) == LUA_TSTRING)
    s = lua_tostring(L, -1);
  if (s != NULL && strlen(s) != lua_rawlen(L, -1))
    luaL_error(L, "zero byte in %s", name);
  lua_pop(L, 1);
  return s;
}


static int flag (lua_State *L, int arg, const char *name) {
  int b;
  lua_getfield(L, arg, name);
  b = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return b;
}


/* The lines of core.lines at 'name', likewise; NULL: none. */
static struct curl_slist *linesfield (lua_State *L, int arg, const char *name) {
  struct curl_slist *list;
  lua_getfield(L, arg, name);
  list = pa_tolines(L, -1);
  lua_pop(L, 1);
  return list;
}


static void getrequest (lua_State *L, int arg, pa_Request *r) {
  r->url = field(L, arg, "url");
  luaL_argcheck(L, r->url != NULL, arg, "incomplete request");
  r->headers = linesfield(L, arg, "headers");
  lua_getfield(L, arg, "body");
  r->body = lua_tolstring(L, -1, &r->nbody);
  lua_pop(L, 1);
  r->once = flag(L, arg, "once");
}


/* Push a transfer: the one at 'spare', as good as new, where there is one and
   it is closed. To make and to collect one for each call would take a twentieth
   of its time, where many are in flight. */
static pa_Transfer *newtransfer (lua_State *L, int spare) {
  pa_Transfer *t;
  if (!lua_isnoneornil(L, spare)) {
    t = luaL_checkudata(L, spare, PA_TRANSFER);
    if (t->pool == NULL) {
      pa_init(t);
      lua_pushvalue(L, spare);
      return t;
    }
  }
  t = lua_newuserdatauv(L, sizeof(*t), 1);
  pa_init(t);
  luaL_setmetatable(L, PA_TRANSFER);
  return t;
}


/*
** client:transfer(request, seconds, connect_seconds, spare): an exchange that
** has begun. 'request' has url, headers (of core.lines), body (a string: POST),
** once; it is this client's and does not change any more. As the transfer's
** user value it keeps alive what libcurl goes on to read, and the client.
** 'spare' is an earlier transfer or nil.
*/
static int client_transfer (lua_State *L) {
  Client *c = checkclient(L);
  pa_Request r;
  pa_Transfer *t;
  luaL_checktype(L, 2, LUA_TTABLE);
  r.timeoutms = pa_checkms(L, 3);
  r.connectms = (long)pa_checkms(L, 4);
  if (r.connectms > r.timeoutms)
    r.connectms = (long)r.timeoutms;
  getrequest(L, 2, &r);
  t = newtransfer(L, 5);
  lua_pushvalue(L, 1);
  lua_setfield(L, 2, "client");
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, 1);
  pa_start(t, &c->pool, &c->settings, &r);
  return 1;
}


/* __gc, __close and close are this one; a client that never opened, or was
   closed before, is passed over. */
static int client_close (lua_State *L) {
  Client *c = checkself(L, CLIENT);
  if (c->open) {
    c->open = 0;
    pa_poolclose(&c->pool);
  }
  return 0;
}


static int client_isopen (lua_State *L) {
  lua_pushboolean(L, ((Client *)checkself(L, CLIENT))->open);
  return 1;
}

/* }====================================================== */


/*
** {======================================================
** The module
** =======================================================
*/

static void getsettings (lua_State *L, int arg, pa_Settings *s) {
  lua_Integer max;
  s->useragent = field(L, arg, "user_agent");
  s->cafile = field(L, arg, "ca_file");
  s->capath = field(L, arg, "ca_path");
  s->proxy = flag(L, arg, "proxy_env") ? NULL : field(L, arg, "proxy");
  s->resolve = linesfield(L, arg, "resolve");
  lua_getfield(L, arg, "max_response_bytes");
  max = luaL_checkinteger(L, -1);
  luaL_argcheck(L, max > 0, arg, "max_response_bytes out of range");
  s->maxbody = (size_t)max;
  lua_pop(L, 1);
}


/*
** core.client(settings): 'settings' belongs to the client from now on, as its
** user value.
*/
static int core_client (lua_State *L) {
  Client *c;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  c = lua_newuserdatauv(L, sizeof(Client), 1);
  pa_poolinit(&c->pool);
  c->open = 0;
  luaL_setmetatable(L, CLIENT);
  getsettings(L, 1, &c->settings);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 2, 1);
  c->open = 1;
  return 1;
}


static int core_headers (lua_State *L) {
  size_t len;
  const char *head = luaL_checklstring(L, 1, &len);
  pa_pushheaders(L, head, len);
  return 1;
}


/* Seconds of a clock that nobody sets; not of 'pa_now', as a turn of a host's
   lasts no longer than a millisecond. */
static int core_now (lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec / 1e9);
  return 1;
}


/*
** A number in [0, 1) to spread retries with; the generator of 'math' belongs
** to the host, which may have seeded it. One round of splitmix64.
*/
static int core_random (lua_State *L) {
  unsigned long long x;
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  x = (unsigned long long)t.tv_nsec * 0x9E3779B97F4A7C15u + (size_t)L;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  x ^= x >> 31;
  lua_pushnumber(L, (lua_Number)(x >> 11) / 9007199254740992.0);
  return 1;
}


/* Versions of libcurl and of the TLS library. */
static int core_versions (lua_State *L) {
  const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
  lua_pushstring(L, v->version);
  lua_pushstring(L, v->ssl_version);
  return 2;
}


static const luaL_Reg clientmethods[] = {
  { "transfer", client_transfer },
  { "close", client_close },
  { "is_open", client_isopen },
  { NULL, NULL },
};

static const luaL_Reg transfermethods[] = {
  { "perform", transfer_perform },
  { "step", transfer_step },
  { "timeout", transfer_timeout },
  { "watches", transfer_watches },
  { "answer", transfer_answer },
  { "failure", transfer_failure },
  { "head", transfer_head },
  { "body", transfer_body },
  { "size", transfer_size },
  { "sent", transfer_sent },
  { "interrupt", transfer_interrupt },
  { "close", transfer_close },
  { NULL, NULL },
};

static const luaL_Reg nomethods[] = { { NULL, NULL } };

static const luaL_Reg functions[] = {
  { "client", core_client },
  { "headers", core_headers },
  { "lines", pa_makelines },
  { "now", core_now },
  { "poll", pa_poll },
  { "sleep", pa_sleep },
  { "random", core_random },
  { "versions", core_versions },
  { NULL, NULL },
};


/* Methods, and what closes, get the metatable as the upvalue that 'checkself'
   compares with. */
static void newtype (lua_State *L, const char *name, const luaL_Reg *methods,
                     lua_CFunction close) {
  luaL_newmetatable(L, name);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, close, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__gc");
  lua_setfield(L, -2, "__close");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_newtable(L);
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, methods, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}


#define EXPORTED __attribute__((visibility("default")))

EXPORTED int luaopen_plexauth_core (lua_State *L);

int luaopen_plexauth_core (lua_State *L) {
  if (!pa_globalinit())
    return luaL_error(L, "libcurl could not be initialised");
  newtype(L, CLIENT, clientmethods, client_close);
  newtype(L, PA_TRANSFER, transfermethods, transfer_close);
  newtype(L, PA_LINES, nomethods, pa_wipelines);
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  return 1;
}
