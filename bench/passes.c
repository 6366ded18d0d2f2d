/* Passes over a suite, each by a process of its own: where a process's threads and memory come to
 * lie lasts as long as it does and moves its times by more than their spread, so that samples of
 * one process are one sample of that (Kalibera & Jones, ISMM 2013). A pass sends its rows, a group
 * as a line of JSON, and this process joins and prints them. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASS_FD = 3 };
static const char best_product[] = "best product";

/* ---- in a pass ------------------------------------------------------------------------------- */

void bench_pass_begin(void) {
  fcntl(PASS_FD, F_SETFD, FD_CLOEXEC); /* scripts would hold the pipe open */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGINT, SIG_IGN); /* the first process passes it on, as SIGTERM */
}

static json_t *pack_row(const bench_row *row) {
  json_t *samples = json_array();
  for (uint32_t i = 0; i < row->samples.n; i++)
    json_array_append_new(samples, json_real(row->samples.x[i]));
  const bench_limits *l = &row->limits;
  return json_pack(
      "{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:f, s:f, s:I, s:f, s:o, s:o, s:o, s:o, s:b, s:o, s:i}",
      "case", row->name, "backend", row->backend, "device", row->device, "kernels", row->kernels,
      "held", row->held, "note", row->note, "state", (int)row->state, "flops", row->flops, "bytes",
      row->bytes, "memory", (json_int_t)row->memory, "items", row->items, "device_seconds",
      bench_real(row->device_seconds), "others", bench_real(row->others), "limit_gflops",
      bench_real(l->gflops), "limit_gbps", bench_real(l->gbps), "limit_is_product",
      strcmp(l->gflops_of, best_product) == 0, "samples", samples, "launches", (int)row->launches);
}

void bench_pass_send(bench_results *r, uint32_t first, bool by_name) {
  json_t *rows = json_array();
  for (uint32_t i = first; i < r->n; i++) {
    json_array_append_new(rows, pack_row(&r->row[i]));
    free(r->row[i].samples.x);
  }
  r->n = first;
  json_t *group = json_pack("{s:b, s:o}", "by_name", (int)by_name, "rows", rows);
  char *line = group ? json_dumps(group, JSON_COMPACT) : NULL;
  if (!line || dprintf(PASS_FD, "%s\n", line) < 0) bench_stop = 1;
  free(line);
  json_decref(group);
}

/* ---- in the first process -------------------------------------------------------------------- */

static bool add_row(bench_results *r, const json_t *o) {
  char name[sizeof r->row->name], backend[sizeof r->row->backend];
  snprintf(name, sizeof name, "%s", bench_text(o, "case"));
  snprintf(backend, sizeof backend, "%s", bench_text(o, "backend"));
  bench_row *row = bench_add(r, name, backend);
  if (!row) return false;
  snprintf(row->device, sizeof row->device, "%s", bench_text(o, "device"));
  snprintf(row->kernels, sizeof row->kernels, "%s", bench_text(o, "kernels"));
  snprintf(row->held, sizeof row->held, "%s", bench_text(o, "held"));
  snprintf(row->note, sizeof row->note, "%s", bench_text(o, "note"));
  row->state = (bench_state)json_integer_value(json_object_get(o, "state"));
  row->flops = bench_number(o, "flops");
  row->bytes = bench_number(o, "bytes");
  row->memory = (uint64_t)json_integer_value(json_object_get(o, "memory"));
  row->items = bench_number(o, "items");
  row->launches = (uint32_t)json_integer_value(json_object_get(o, "launches"));
  row->device_seconds = bench_number(o, "device_seconds");
  row->others = bench_number(o, "others");
  row->limits.gflops = bench_number(o, "limit_gflops");
  row->limits.gbps = bench_number(o, "limit_gbps");
  if (json_is_true(json_object_get(o, "limit_is_product"))) row->limits.gflops_of = best_product;
  size_t i;
  json_t *x;
  json_array_foreach(json_object_get(o, "samples"), i, x) {
    if (!bench_samples_add(&row->samples, json_real_value(x))) return false;
  }
  return true;
}

static bool take_group(bench_results *r, const char *line) {
  json_t *group = json_loads(line, 0, NULL), *row;
  json_t *rows = json_object_get(group, "rows");
  uint32_t first = r->n;
  bool ok = json_is_array(rows);
  size_t i;
  json_array_foreach(rows, i, row) ok = ok && add_row(r, row);
  if (ok) bench_conclude(r, first, json_is_true(json_object_get(group, "by_name")));
  json_decref(group);
  return ok || (lp_fail(LP_ERR_MEMORY, "a group of rows could not be read"), false);
}

/* This program with its arguments and --pass; its records can be read from *fd. */
static bool start(const bench_options *o, uint32_t pass, pid_t *pid, int *fd) {
  int pipe_fd[2], n = 0;
  char number_of[16], option[] = "--pass";
  char **argv = calloc((size_t)o->argc + 3, sizeof *argv);
  if (!argv) return lp_fail(LP_ERR_MEMORY, "out of memory"), false;
  for (; n < o->argc; n++) argv[n] = o->argv[n];
  snprintf(number_of, sizeof number_of, "%u", pass);
  argv[n++] = option;
  argv[n] = number_of;
  int e = pipe2(pipe_fd, O_CLOEXEC) == 0 ? 0 : errno;
  posix_spawn_file_actions_t actions;
  if (e == 0) {
    e = posix_spawn_file_actions_init(&actions);
    if (e == 0) {
      e = posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], PASS_FD);
      if (e == 0) e = posix_spawn(pid, "/proc/self/exe", &actions, NULL, argv, environ);
      posix_spawn_file_actions_destroy(&actions);
    }
    close(pipe_fd[1]);
    if (e != 0) close(pipe_fd[0]);
  }
  free(argv);
  *fd = pipe_fd[0];
  return e == 0 || (lp_fail(LP_ERR_IO, "cannot start a pass: %s", strerror(e)), false);
}

/* Reads what the pass sends until it ends. Once interrupted, it is told to stop, and what it still
 * has is read. */
static bool follow(bench_results *r, pid_t pid, int fd) {
  bool told = false, ok = true;
  char *text = NULL;
  size_t n = 0, cap = 0;
  for (ssize_t got = 1; got != 0;) {
    if (bench_stop && !told) told = kill(pid, SIGTERM) == 0;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, 100) <= 0) continue; /* so that a signal just before it is seen soon */
    if (n + 65536 > cap) {
      char *grown = realloc(text, cap = 2 * cap + 131072);
      if (!grown) {
        ok = (lp_fail(LP_ERR_MEMORY, "out of memory"), false);
        break;
      }
      text = grown;
    }
    got = read(fd, text + n, cap - n - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    n += (size_t)got;
    for (char *end; (end = memchr(text, '\n', n));) {
      *end = 0;
      ok = take_group(r, text) && ok;
      n -= (size_t)(end + 1 - text);
      memmove(text, end + 1, n);
    }
  }
  free(text);
  close(fd);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (ok && WIFSIGNALED(status))
    ok = (lp_fail(LP_ERR_DEVICE, "pass %u ended by signal %d", r->pass, WTERMSIG(status)), false);
  if (ok && !bench_stop && WIFEXITED(status) && WEXITSTATUS(status) != 0)
    ok = (lp_fail(LP_ERR_DEVICE, "pass %u ended with status %d", r->pass, WEXITSTATUS(status)),
          false);
  return ok;
}

void bench_passes(const bench_options *o, bench_results *r) {
  bool ok = true;
  r->passes = o->passes;
  for (r->pass = 1; ok && r->pass <= r->passes && !bench_stop; r->pass++) {
    pid_t pid;
    int fd;
    ok = start(o, r->pass, &pid, &fd) && follow(r, pid, fd);
  }
  if (!ok) fprintf(stderr, "lp-bench: %s\n", lp_error_message());
  r->failed = !ok;
  if (!ok || bench_stop) r->interrupted = true;
  for (uint32_t i = 0; i < r->n; i++) /* interrupted before the last pass: what earlier ones gave */
    if (!r->row[i].printed) bench_print_row(&r->row[i]);
}
