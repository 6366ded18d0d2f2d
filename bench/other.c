/* devices, startup: measurements that are not op cases. */
#include "bench.h"

#include <locality/registry.h>

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

int bench_devices(const bench_options *o, bench_results *r) {
  printf("%-18s %10s %-12s %9s %11s %10s %12s  %s\n", "backend", "GFLOP/s", "which is", "GB/s",
         "launch", "to GB/s", "from GB/s", "device");
  for (uint32_t i = 0; i < o->n_backends && !bench_stop; i++) {
    lp_session *s = NULL;
    if (lp_session_open(o->backend[i], 1, &s) != LP_OK) {
      printf("%-18s unavailable: %s\n", o->backend[i], lp_error_message());
      continue;
    }
    char name[128];
    snprintf(name, sizeof name, "%s", lp_session_device(s)->name);
    lp_session_close(s);
    const bench_limits *l = bench_limits_of(o->backend[i], o->quick);
    printf("%-18s %10.1f %-12s %9.2f %8.2f us %10.2f %12.2f  %s\n", o->backend[i], l->gflops,
           l->gflops_of, l->gbps, l->launch_seconds * 1e6, l->to_device_gbps, l->from_device_gbps,
           name);
    fflush(stdout);
    static const char *const what[] = {"device/fma", "device/memory"};
    for (int k = 0; k < 2; k++) {
      bench_row *row = bench_add(r, what[k], o->backend[i]);
      if (!row) continue;
      if (k == 0)
        row->gflops = l->gflops;
      else
        row->gbps = l->gbps;
      snprintf(row->device, sizeof row->device, "%s", name);
      snprintf(row->note, sizeof row->note, "limit: %.4g GFLOP/s (%s), %.4g GB/s, launch %.4g us",
               l->gflops, l->gflops_of, l->gbps, l->launch_seconds * 1e6);
    }
  }
  return 0;
}

/* A new process that trains one step: loading, device, kernels, first run. */
typedef struct starter {
  char backend[64];
} starter;

static bool run_start(void *self, uint32_t times) {
  starter *s = self;
  for (uint32_t i = 0; i < times; i++) {
    char *argv[] = {"lp-bench", "first-step", "--backend", s->backend, NULL};
    extern char **environ;
    pid_t pid;
    int status = 0;
    int e = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
    if (e != 0) return lp_fail(LP_ERR_IO, "cannot start a process: %s", strerror(e)), false;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
      return lp_fail(LP_ERR_DEVICE, "the first step on %s failed", s->backend), false;
  }
  return true;
}

int bench_startup(const bench_options *o, bench_results *r) {
  bench_options own = *o;
  own.warm_up = 0; /* the first start fills the kernel cache and is the warm-up */
  if (own.max_time > 5) own.max_time = 5;
  bench_print_head();
  for (uint32_t i = 0; i < o->n_backends && !bench_stop; i++) {
    uint32_t first = r->n;
    starter *s = calloc(1, sizeof *s);
    bench_row *row = bench_add(r, "startup/first training step", o->backend[i]);
    if (!s || !row) {
      free(s);
      return 1;
    }
    snprintf(s->backend, sizeof s->backend, "%s", o->backend[i]);
    row->run = run_start;
    row->self = s;
    row->close = free;
    bench_measure(&own, r, first, false);
  }
  return 0;
}
