/* lp-bench: the program. */
#include "bench.h"

#include "../core/base/standard.h"

#include <locality/registry.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: lp-bench COMMAND [OPTION...]\n"
    "  devices            limits of each device: multiply-adds, memory, launch, copies\n"
    "  gemm               matrix products, square and of the layer's shapes\n"
    "  conv               convolutions of LeNet and AlexNet, forward and backward\n"
    "  ops                every op case of the test table\n"
    "  prior              the layer with its prior against a plain one\n"
    "  train [MODEL...]   training steps of lenet, mlp, alexnet, alexnet64, resnet18-32,\n"
    "                     with the prior and plain\n"
    "  steps [MODEL...]   the steps of a training step, beside what the device allows at best\n"
    "  penalties          training steps with each penalty, against one without\n"
    "  startup            a new process up to its first training step\n"
    "  data [SPEC...]     batches of training images, by one thread (default: mnist)\n"
    "  sparse             patterns of weights against all of them: where they cross\n"
    "  sheet              a layer with short wires over 1k to 1M units\n"
    "  scale              training and the layer over threads and batch sizes\n"
    "  compare A B        what changed between two JSON files; exit 1 when something is slower\n"
    "  plot F...          roofline picture of JSON files (needs gnuplot)\n"
    "  report F...        one HTML page of JSON files\n"
    "options:\n"
    "  --backend D[,D]    devices to measure, in turn (default: all that compute)\n"
    "  --peer P[,P]       also time openblas, blis, clblast or clblast:tuned=DIR (gemm), onednn\n"
    "                     (gemm, conv), torch, torch:precision=bf16, torch:device=cuda and\n"
    "                     torch:precision=tf32 (train, prior), pillow (data) where installed\n"
    "  --layer SPEC       the layer to train: plain, locality:cost=linear, ...\n"
    "  --size N[,N]       --batch N     --threads N (cpu)     --filter TEXT     --list\n"
    "  --precision R      width of the median's interval to reach (0.02)\n"
    "  --max-time S       seconds a row may take (3)     --quick  everything in about a minute\n"
    "  --passes N         times the whole suite is gone through, each in a process of its own\n"
    "                     (3; with --quick 1)\n"
    "  --predicted F      steps: also what bench/gpu_model.py predicts\n"
    "  --json F  --csv F  --markdown F    --out F (plot, report)    --margin R (compare, 0.03)\n";

static void on_signal(int number) {
  bench_stop = number;
}

/* A device that is not there is a mistake on the command line, not a row without a time. */
static bool check_backends(const bench_options *o) {
  for (uint32_t i = 0; o->backends && i < o->n_backends; i++) {
    lp_session *s = NULL;
    if (lp_session_open(o->backend[i], 1, &s) != LP_OK) {
      fprintf(stderr, "lp-bench: --backend %s: %s\n", o->backend[i], lp_error_message());
      return false;
    }
    lp_session_close(s);
  }
  return true;
}

/* Commands that measure, on devices. Returns the exit status. */
static int measure(const bench_options *o, const char *command, char **rest, int n) {
  bench_results r = {0};
  bool known = true;
  if (strcmp(command, "devices") == 0 || (strcmp(command, "all") == 0 && !o->list && !o->pass))
    bench_devices(o, &r);
  if (strcmp(command, "startup") == 0)
    bench_startup(o, &r);
  else if (strcmp(command, "data") == 0)
    bench_data(o, &r, rest, n);
  else if (strcmp(command, "devices") != 0)
    known = bench_suite(o, &r, command, rest, n);
  int status = 2;
  if (bench_stop) r.interrupted = true;
  if (!known)
    fputs(usage, stderr);
  else if (o->pass)
    status = 0;
  else
    status = bench_write(o, &r) && !r.failed ? 0 : 1;
  for (uint32_t i = 0; i < r.n; i++)
    if (known && r.row[i].state == ROW_WRONG) status = 1;
  if (r.interrupted && status == 0) status = 128 + bench_stop;
  bench_results_free(&r);
  return status;
}

static int run(bench_options *o, const char *command, char **rest, int n) {
  if (!o->pass && !bench_check_outputs(o)) return 1;
  if (strcmp(command, "compare") == 0 && n == 2) return bench_compare(o, rest[0], rest[1]);
  if (strcmp(command, "plot") == 0 && n > 0) return bench_plot(o, rest, n);
  if (strcmp(command, "report") == 0 && n > 0) return bench_report(o, rest, n);
  if (lp_registry_load() != LP_OK || (!o->n_backends && !bench_default_backends(o))) {
    fprintf(stderr, "lp-bench: no device: %s\n", lp_error_message());
    return 2;
  }
  if (!o->pass && !o->list && !check_backends(o)) return 2;
  if (strcmp(command, "first-step") == 0) return bench_first_step(o->backend[0]);
  if (strcmp(command, "steps") == 0) return bench_steps(o, rest, n);
  return measure(o, command, rest, n);
}

/* Output that was lost is an error. */
static int finish(int status) {
  if (lp_standard_flush() || status != 0) return status;
  fputs("lp-bench: cannot write to standard output\n", stderr);
  return 1;
}

int main(int argc, char **argv) {
  lp_standard_open();
  bench_options o = {
      .precision = 0.02, .max_time = 3, .warm_up = 0.1, .margin = 0.03, .argc = argc, .argv = argv};
  if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
    fputs(usage, stdout);
    return finish(0);
  }
  /* Without a command: the whole default set. */
  bool named = argc > 1 && argv[1][0] != '-';
  int first = named ? 2 : 1, n = 0, status = 2;
  char **rest = calloc((size_t)argc + 1, sizeof *rest);
  if (!rest || !bench_parse(argc - first, argv + first, &o, rest, &n)) {
    fputs(usage, stderr);
  } else {
    /* The second one ends the program at once. */
    struct sigaction stop = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    if (o.pass) bench_pass_begin();
    status = run(&o, named ? argv[1] : "all", rest, n);
  }
  free(rest);
  return finish(status);
}
