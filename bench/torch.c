/* `--peer torch` and `torch:precision=bf16`: the scripts of bench/peers in a python3 of their own.
 * A script chooses its number of threads, then runs as many steps as it is told a line and answers
 * with their seconds, so that its rounds come between those of the other rows. */
#include "bench.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct script {
  pid_t pid;
  int fd;
  double seconds;
  char line[512];
} script;

/* Without its newline. A signal ends the wait. */
static bool read_line(script *s) {
  for (size_t n = 0; n + 1 < sizeof s->line;) {
    ssize_t got = recv(s->fd, s->line + n, 1, 0);
    if (got < 0) return lp_fail(LP_ERR_IO, "script: %s", strerror(errno)), false;
    if (got == 0) return lp_fail(LP_ERR_IO, "the script ended early"), false;
    s->line[n + 1] = 0;
    if (s->line[n++] != '\n') continue;
    s->line[n - 1] = 0;
    return true;
  }
  return lp_fail(LP_ERR_IO, "the script's answer is too long"), false;
}

static bool run_script(void *self, uint32_t times) {
  script *s = self;
  char ask[16], *end;
  int n = snprintf(ask, sizeof ask, "%u\n", times);
  if (send(s->fd, ask, (size_t)n, MSG_NOSIGNAL) != n)
    return lp_fail(LP_ERR_IO, "the script ended early"), false;
  if (!read_line(s)) return false;
  s->seconds = strtod(s->line, &end);
  return (end != s->line && s->seconds > 0) ||
         (lp_fail(LP_ERR_IO, "the script answered %.80s", s->line), false);
}

static void close_script(void *self) {
  script *s = self;
  if (s->fd >= 0) close(s->fd);
  if (s->pid > 0) {
    if (bench_stop) kill(s->pid, SIGTERM); /* it may be in the middle of long steps */
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR) {
    }
  }
  free(s);
}

/* In the build tree beside the program, installed in ../share/locality. */
static bool find_script(const char *name, char path[512]) {
  static const char *const place[] = {"bench/peers", "../share/locality/peers"};
  char program[256];
  ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
  program[n > 0 ? n : 0] = 0;
  char *slash = strrchr(program, '/');
  for (int i = 0; slash && i < 2; i++) {
    snprintf(path, 512, "%.*s/%s/%s.py", (int)(slash - program), program, place[i], name);
    if (access(path, R_OK) == 0) return true;
  }
  return lp_fail(LP_ERR_NOT_FOUND, "no script %s.py", name), false;
}

static bool start(const bench_options *o, const bench_network *net, const char *precision,
                  script *s) {
  char path[512], batch[16], size[16], threads[16];
  if (!find_script(net->model, path)) return false;
  snprintf(batch, sizeof batch, "%u", net->batch);
  snprintf(size, sizeof size, "%u", net->size);
  snprintf(threads, sizeof threads, "%u", o->threads);
  char *argv[] = {"python3", path,          "--serve",         "--layer", (char *)net->layer,
                  "--batch", batch,         "--size",          size,      "--threads",
                  threads,   "--precision", (char *)precision, NULL};
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return lp_fail(LP_ERR_IO, "socketpair: %s", strerror(errno)), false;
  s->fd = pair[0];
  posix_spawn_file_actions_t actions;
  int e = posix_spawn_file_actions_init(&actions);
  if (e == 0) {
    e = posix_spawn_file_actions_adddup2(&actions, pair[1], 0);
    if (e == 0) e = posix_spawn_file_actions_adddup2(&actions, pair[1], 1);
    if (e == 0) e = posix_spawnp(&s->pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
  }
  close(pair[1]);
  if (e == ENOENT) return lp_fail(LP_ERR_NOT_FOUND, "python3 is not installed"), false;
  if (e != 0) return lp_fail(LP_ERR_IO, "cannot start python3: %s", strerror(e)), false;
  return read_line(s);
}

static void add_torch(const bench_options *o, bench_results *r, const bench_network *net,
                      const char *name, uint64_t parameters, const char *peer,
                      const char *precision) {
  bench_row *row = bench_add(r, name, peer);
  script *s = calloc(1, sizeof *s);
  if (!row || !s) {
    free(s);
    return;
  }
  s->fd = -1;
  row->self = s;
  row->peer = true;
  row->run = run_script;
  row->close = close_script;
  row->took = &s->seconds;
  row->items = net->batch;
  if (!start(o, net, precision, s)) {
    row->state = ROW_UNAVAILABLE;
    snprintf(row->note, sizeof row->note, "%.200s",
             bench_stop ? "interrupted" : lp_error_message());
    return;
  }
  json_t *j = json_loads(s->line, 0, NULL);
  const char *error = json_string_value(json_object_get(j, "error"));
  const char *version = json_string_value(json_object_get(j, "version"));
  const char *way = json_string_value(json_object_get(j, "malloc"));
  uint64_t theirs = (uint64_t)json_integer_value(json_object_get(j, "parameters"));
  if (error || !version) {
    row->state = ROW_UNAVAILABLE;
    snprintf(row->note, sizeof row->note, "%.200s", error ? error : s->line);
  } else if (parameters && theirs != parameters) {
    row->state = ROW_WRONG;
    snprintf(row->note, sizeof row->note, "another network: %llu parameters, not %llu",
             (unsigned long long)theirs, (unsigned long long)parameters);
  } else {
    snprintf(row->device, sizeof row->device, "PyTorch %.40s, %d threads, %s, %s malloc", version,
             (int)json_integer_value(json_object_get(j, "threads")), precision,
             way ? way : "default");
    row->pid = (int)s->pid;
    snprintf(row->note, sizeof row->note, "%s", row->device);
  }
  json_decref(j);
}

void bench_add_torch(const bench_options *o, bench_results *r, const bench_network *net,
                     const char *name, uint64_t parameters) {
  static const char *const peer[][2] = {{"torch", "f32"}, {"torch:precision=bf16", "bf16"}};
  for (int i = 0; i < 2 && !bench_stop; i++)
    if (bench_has_peer(o, peer[i][0]))
      add_torch(o, r, net, name, parameters, peer[i][0], peer[i][1]);
}
