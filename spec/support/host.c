/*
** What a host in C does around a Lua state, as a Lua module: it forks, has
** signal handlers, small stacks, several states, and few descriptors left.
*/

#define _GNU_SOURCE

#include "compat.h"

#include <fcntl.h>
#include <lualib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAXFD 4096
#define MAXTEXT 1024

int luaopen_host (lua_State *L);

static volatile sig_atomic_t handled = 0;


/*
** {======================================================
** Processes
** =======================================================
*/

static int host_fork (lua_State *L) {
  lua_pushinteger(L, fork());
  return 1;
}


/* The exit status of a child; -1 where it did not exit by itself. */
static int host_wait (lua_State *L) {
  int status = 0;
  waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0);
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return 1;
}


/* Ends the process, and nothing is closed or collected before. */
static int host_exit (lua_State *L) {
  _exit((int)luaL_checkinteger(L, 1));
}

/* }====================================================== */


/*
** {======================================================
** Signals and descriptors
** =======================================================
*/

static void onsignal (int signal) {
  (void)signal;
  handled++;
}


static int host_catch (lua_State *L) {
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = onsignal;
  sigaction((int)luaL_checkinteger(L, 1), &action, NULL);
  return 0;
}


static int host_handled (lua_State *L) {
  lua_pushinteger(L, handled);
  return 1;
}


/* Handler, flags and mask of every signal, and this thread's own mask, as
   text to compare. */
static int host_dispositions (lua_State *L) {
  luaL_Buffer b;
  sigset_t blocked;
  int i;
  luaL_buffinit(L, &b);
  for (i = 1; i < 32; i++) {
    struct sigaction a;
    int j, mask = 0;
    sigaction(i, NULL, &a);
    for (j = 1; j < 32; j++)
      mask = mask * 3 + sigismember(&a.sa_mask, j);
    lua_pushfstring(L, "%p %d %d\n", (void *)(size_t)a.sa_handler, a.sa_flags,
                    mask);
    luaL_addvalue(&b);
  }
  pthread_sigmask(SIG_SETMASK, NULL, &blocked);
  for (i = 1; i < 32; i++)
    luaL_addchar(&b, sigismember(&blocked, i) ? '1' : '0');
  luaL_pushresult(&b);
  return 1;
}


/* How many descriptors are open, and one more than the highest. */
static int host_descriptors (lua_State *L) {
  int fd, n = 0, top = 0;
  for (fd = 0; fd < MAXFD; fd++)
    if (fcntl(fd, F_GETFD) >= 0) {
      n++;
      top = fd + 1;
    }
  lua_pushinteger(L, n);
  lua_pushinteger(L, top);
  return 2;
}


/* No descriptor from this number on; returns what the limit was. */
static int host_limit (lua_State *L) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  lua_pushinteger(L, (lua_Integer)limit.rlim_cur);
  limit.rlim_cur = (rlim_t)luaL_checkinteger(L, 1);
  setrlimit(RLIMIT_NOFILE, &limit);
  return 1;
}

/* Give back what is free: how much is kept varies from run to run. */
static int host_trim (lua_State *L) {
  (void)L;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return 0;
}

/* }====================================================== */


/*
** {======================================================
** Further states
** =======================================================
*/

typedef struct Job {
  const char *code, *path, *cpath;
  char text[MAXTEXT]; /* what the code returned or raised */
} Job;


static void setpath (lua_State *L, const char *name, const char *path) {
  lua_getglobal(L, "package");
  lua_pushstring(L, path);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}


/* A state's whole life. */
static void *live (void *argument) {
  Job *job = argument;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  setpath(L, "path", job->path);
  setpath(L, "cpath", job->cpath);
  (void)luaL_dostring(L, job->code);
  strncpy(job->text,
          lua_isstring(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1),
          MAXTEXT - 1);
  lua_close(L);
  return NULL;
}


static const char *packagefield (lua_State *L, const char *name) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, name);
  return lua_tostring(L, -1);
}


static void newjob (lua_State *L, Job *job) {
  memset(job, 0, sizeof(*job));
  job->code = luaL_checkstring(L, 1);
  job->path = packagefield(L, "path");
  job->cpath = packagefield(L, "cpath");
}


/* Code in a state of its own, closed at its end; what it came to. */
static int host_run (lua_State *L) {
  Job job;
  newjob(L, &job);
  live(&job);
  lua_pushstring(L, job.text);
  return 1;
}


/* The same in a thread with a stack of so many bytes. */
static int host_thread (lua_State *L) {
  Job job;
  pthread_t thread;
  pthread_attr_t attributes;
  int failed;
  newjob(L, &job);
  pthread_attr_init(&attributes);
  pthread_attr_setguardsize(&attributes, 4096);
  failed =
      pthread_attr_setstacksize(&attributes, (size_t)luaL_checkinteger(L, 2));
  if (!failed)
    failed = pthread_create(&thread, &attributes, live, &job);
  if (failed)
    return luaL_error(L, "no thread: %s", strerror(failed));
  pthread_join(thread, NULL);
  lua_pushstring(L, job.text);
  return 1;
}

/* }====================================================== */


static const luaL_Reg functions[] = {
  { "fork", host_fork },
  { "wait", host_wait },
  { "exit", host_exit },
  { "catch", host_catch },
  { "handled", host_handled },
  { "dispositions", host_dispositions },
  { "descriptors", host_descriptors },
  { "limit", host_limit },
  { "trim", host_trim },
  { "run", host_run },
  { "thread", host_thread },
  { NULL, NULL },
};


int luaopen_host (lua_State *L) {
  luaL_newlib(L, functions);
  lua_pushinteger(L, SIGPIPE);
  lua_setfield(L, -2, "SIGPIPE");
  lua_pushinteger(L, SIGALRM);
  lua_setfield(L, -2, "SIGALRM");
  return 1;
}
