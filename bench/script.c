/* The scripts of bench/peers, in the first python3 on the PATH that has what they need. A script
 * answers with a line about itself, then runs as many steps as it is told a line and answers with
 * their seconds, so that its rounds come between those of the other rows. */
#include "bench.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct bench_script {
  pid_t pid;
  int fd;
  double seconds;
  char line[512];
};

/* Without its newline. A signal ends the wait. */
static bool read_line(bench_script *s) {
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
  bench_script *s = self;
  char ask[16], *end;
  int n = snprintf(ask, sizeof ask, "%u\n", times);
  if (send(s->fd, ask, (size_t)n, MSG_NOSIGNAL) != n)
    return lp_fail(LP_ERR_IO, "the script ended early"), false;
  if (!read_line(s)) return false;
  s->seconds = strtod(s->line, &end);
  return (end != s->line && s->seconds > 0) ||
         (lp_fail(LP_ERR_IO, "the script answered %.80s", s->line), false);
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

/* Starts the script in that Python and reads its first line. */
static bool start(bench_script *s, char *python, const char *name, const char *const *argument,
                  uint32_t n) {
  char path[512], *argv[BENCH_SCRIPT_ARGUMENTS + 4] = {python, path, "--serve"};
  if (n > BENCH_SCRIPT_ARGUMENTS) return lp_fail(LP_ERR_ARG, "too many arguments"), false;
  if (!find_script(name, path)) return false;
  for (uint32_t i = 0; i < n; i++) argv[3 + i] = (char *)(uintptr_t)argument[i];
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return lp_fail(LP_ERR_IO, "socketpair: %s", strerror(errno)), false;
  s->fd = pair[0];
  posix_spawn_file_actions_t actions;
  int e = posix_spawn_file_actions_init(&actions);
  if (e == 0) {
    e = posix_spawn_file_actions_adddup2(&actions, pair[1], 0);
    if (e == 0) e = posix_spawn_file_actions_adddup2(&actions, pair[1], 1);
    if (e == 0) e = posix_spawn(&s->pid, python, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
  }
  close(pair[1]);
  if (e != 0) return lp_fail(LP_ERR_IO, "cannot start %s: %s", python, strerror(e)), false;
  return read_line(s);
}

static void stop(bench_script *s) {
  if (s->fd >= 0) close(s->fd);
  if (s->pid > 0) {
    if (bench_stop) kill(s->pid, SIGTERM); /* it may be in the middle of long steps */
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR) {
    }
  }
  s->fd = -1;
  s->pid = 0;
}

static void close_script(void *self) {
  stop(self);
  free(self);
}

/* The k-th python3 on the PATH, each program once (/bin is often /usr/bin). */
static bool find_python(uint32_t k, char out[PATH_MAX]) {
  char seen[16][PATH_MAX];
  uint32_t n = 0;
  const char *list = getenv("PATH");
  if (!list || !*list) list = "/usr/local/bin:/usr/bin:/bin";
  for (const char *p = list; *p && n < 16; p += strcspn(p, ":"), p += *p == ':') {
    size_t len = strcspn(p, ":");
    snprintf(out, PATH_MAX, "%.*s/python3", len ? (int)len : 1, len ? p : ".");
    if (access(out, X_OK) != 0 || !realpath(out, seen[n])) continue;
    uint32_t i = 0;
    while (i < n && strcmp(seen[i], seen[n]) != 0) i++;
    if (i == n && n++ == k) return true;
  }
  return false;
}

json_t *bench_script_open(bench_row *row, const char *name, const char *const *argument,
                          uint32_t n) {
  bench_script *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->fd = -1;
  row->self = s;
  row->peer = true;
  row->run = run_script;
  row->close = close_script;
  row->took = &s->seconds;
  row->state = ROW_UNAVAILABLE;
  snprintf(row->note, sizeof row->note, "python3 is not installed");
  char python[PATH_MAX];
  for (uint32_t k = 0; !bench_stop && find_python(k, python); k++) {
    json_t *j = start(s, python, name, argument, n) ? json_loads(s->line, 0, NULL) : NULL;
    const char *error = json_string_value(json_object_get(j, "error"));
    if (json_is_object(j) && !error) {
      row->state = ROW_OK;
      row->note[0] = 0;
      row->pid = (int)s->pid;
      return j;
    }
    /* The first Python's reason stands for all. */
    if (k == 0) snprintf(row->note, sizeof row->note, "%.200s", error ? error : lp_error_message());
    json_decref(j);
    stop(s);
  }
  if (bench_stop) snprintf(row->note, sizeof row->note, "interrupted");
  return NULL;
}
