/*
** The example host's plugins under a loop that counts and measures: embed
** FRAMES MICROSECONDS SCRIPT... rests so long after each frame, and starts a
** script that has ended anew. A script may say count "something". Prints
** lines of a name and figures, with tabs between.
*/

#define main example_main
#include "../../examples/embed/host.c"
#undef main

#include <fcntl.h>
#include <string.h>

#define MAXPLUGINS 16
#define MAXCOUNTS 32
#define MAXFD 1024

static struct {
  char name[32];
  int n;
} counts[MAXCOUNTS];


static int count (lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  int i = 0;
  while (counts[i].n > 0 && strcmp(counts[i].name, name) != 0)
    if (++i == MAXCOUNTS)
      return luaL_error(L, "too many counts");
  snprintf(counts[i].name, sizeof(counts[i].name), "%s", name);
  counts[i].n++;
  return 0;
}


static lua_State *begin (const char *script) {
  lua_State *L = start(script);
  if (L == NULL)
    exit(1);
  lua_pushcfunction(L, count);
  lua_setglobal(L, "count");
  return L;
}


static double milliseconds (clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}


static int descriptors (void) {
  int fd, n = 0;
  for (fd = 0; fd < MAXFD; fd++)
    n += fcntl(fd, F_GETFD) >= 0;
  return n;
}


/* KiB; 0 where there is no /proc. */
static long resident (void) {
  char line[128];
  long kib = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof(line), status) != NULL)
    if (sscanf(line, "VmRSS: %ld", &kib) == 1)
      break;
  if (status != NULL)
    fclose(status);
  return kib;
}


/* What plugins take of one frame: by the clock, and of the processor. */
static void timed (lua_State **plugins, int n, double *wall, double *used) {
  double began = milliseconds(CLOCK_MONOTONIC);
  double before = milliseconds(CLOCK_THREAD_CPUTIME_ID);
  frame(plugins, n);
  *wall = milliseconds(CLOCK_MONOTONIC) - began;
  *used = milliseconds(CLOCK_THREAD_CPUTIME_ID) - before;
}


static int ascending (const void *a, const void *b) {
  const double *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}


/* The longest frame, and the longest but for one in a thousand. */
static void report (const char *name, double *times, int frames) {
  qsort(times, (size_t)frames, sizeof(*times), ascending);
  printf("%s\t%.2f\t%.2f\n", name, times[frames - 1],
         times[frames - 1 - frames / 1000]);
}


static void state (const char *when) {
  printf("%s\t%ld\t%d\n", when, resident(), descriptors());
}


int main (int argc, char **argv) {
  int frames = atoi(argv[1]), n = argc - 3, i, j;
  struct timespec rest = { 0, atol(argv[2]) * 1000 };
  lua_State *plugins[MAXPLUGINS] = { NULL };
  double *wall = malloc((size_t)frames * sizeof(*wall));
  double *used = malloc((size_t)frames * sizeof(*used));
  state("before");
  for (i = 0; i < frames; i++) {
    for (j = 0; j < n; j++)
      if (plugins[j] == NULL)
        plugins[j] = begin(argv[j + 3]);
    timed(plugins, n, &wall[i], &used[i]);
    if ((i + 1) % (frames / 10) == 0)
      state("amid");
    nanosleep(&rest, NULL);
  }
  for (j = 0; j < n; j++)
    if (plugins[j] != NULL)
      lua_close(plugins[j]);
  state("after");
  for (i = 0; i < MAXCOUNTS && counts[i].n > 0; i++)
    printf("count\t%s\t%d\n", counts[i].name, counts[i].n);
  report("wall", wall, frames);
  report("used", used, frames);
  free(wall);
  free(used);
  return 0;
}
