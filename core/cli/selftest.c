/* The self-test of a device: op cases and training steps of LeNet beside plain C, a line each, and
 * a block of text for a bug report. */
#include "../check/execute.h"
#include "cli.h"

#include <locality/nn.h>
#include <locality/registry.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum { LENET_BATCH = 64, LENET_STEPS = 3, LENET_PIXELS = 28 * 28 };
static const double lenet_tolerance = 1e-4; /* of losses and weights, relative to the largest */

typedef struct selftest {
  const char *device, *reference;
  bool quiet, json;
  uint32_t passed, failed, skipped;
  json_t *failures;
  cli_progress bar; /* while a case runs, which may mean compiling for minutes */
} selftest;

/* What is done now, as the share of the cases before it. LeNet counts as one. */
static void show(selftest *t, const char *name) {
  const double all = op_cases_count() + 1.0, done = t->passed + t->failed + t->skipped;
  char label[120];
  snprintf(label, sizeof label, "self-test of %.40s: %.60s", t->device, name);
  cli_progress_show(&t->bar, fmin(done / all, 1), label, NAN, NAN);
}

/* One line. error NAN: none; note: what went wrong, or NULL. */
static void say(selftest *t, const char *word, const char *name, double error, const char *note) {
  bool failed = strcmp(word, "failed") == 0;
  *(failed ? &t->failed : *word == 's' ? &t->skipped : &t->passed) += 1;
  char text[400], number[32] = "";
  if (isfinite(error)) snprintf(number, sizeof number, " error %.1e", error);
  snprintf(text, sizeof text, "%s%s%s%.280s", name, number, note ? ": " : "", note ? note : "");
  if (failed) json_array_append_new(t->failures, json_string(text));
  cli_progress_end(&t->bar);
  if (!t->json && (!t->quiet || failed)) printf("%s %s\n", word, text);
  fflush(stdout);
}

/* ---- op cases ------------------------------------------------------------------------------ */

static lp_status run_case(const case_program *p, const char *device, case_result *out) {
  case_exec x;
  lp_status s = case_open(p, device, &x);
  if (s != LP_OK) return s;
  s = case_execute(&x, out);
  case_close(&x);
  return s;
}

static void test_case(selftest *t, const op_case *c) {
  static case_program p; /* large */
  case_result got = {.n = 0}, right = {.n = 0};
  double worst = 0;
  char note[120] = "";
  lp_status s = case_build(c, false, &p);
  if (s == LP_OK) s = run_case(&p, t->device, &got);
  bool unsupported = s == LP_ERR_UNSUPPORTED;
  if (s == LP_OK) s = run_case(&p, t->reference, &right);
  for (uint32_t i = 0; s == LP_OK && i < got.n; i++) {
    const case_item *item = &got.item[i];
    double error = case_error_between(item, &right.item[i]);
    worst = fmax(worst, error);
    if (!(error <= item->tolerance) && !*note)
      snprintf(note, sizeof note, "%s differs from plain C by %.2g, allowed is %.2g", item->name,
               error, item->tolerance);
  }
  if (s != LP_OK)
    say(t, unsupported ? "skipped" : "failed", c->name, NAN, lp_error_message());
  else
    say(t, *note ? "failed" : "passed", c->name, worst, *note ? note : NULL);
  case_result_free(&got);
  case_result_free(&right);
  case_free(&p);
}

/* ---- LeNet --------------------------------------------------------------------------------- */

typedef struct lenet {
  lp_session *session;
  lp_graph *graph;
  lp_plan *plan;
  lp_buffer *bound[2];
  lp_val target[16];
  uint32_t n_targets; /* the last one is the loss */
} lenet;

static void lenet_close(lenet *l) {
  lp_plan_free(l->plan);
  lp_graph_free(l->graph);
  for (int i = 0; i < 2 && l->session; i++) lp_session_buffer_free(l->session, l->bound[i]);
  lp_session_close(l->session);
}

static lp_status lenet_open(const char *device, const uint8_t *images, const int32_t *labels,
                            lenet *l) {
  static const size_t bytes[] = {LENET_BATCH * LENET_PIXELS, LENET_BATCH * sizeof(int32_t)};
  const void *data[] = {images, labels};
  lp_net net = {0};
  lp_net_spec spec = {.model = "lenet",
                      .layer = "locality:cost=linear",
                      .classes = 10,
                      .in_channels = 1,
                      .in_h = 28,
                      .in_w = 28,
                      .pixels = {1, 1 / 255.0f, {0.3f}, {0.2f}},
                      .dropout = -1,
                      .dropout2d = -1};
  lp_optim_spec optim = lp_optim_defaults(LP_OPT_SGD);
  optim.momentum = 0.5f;
  optim.decay = 0.01f;
  *l = (lenet){0};
  lp_status s = lp_session_open(device, 1, &l->session);
  if (s == LP_OK) s = lp_graph_new("lenet", &l->graph);
  if (s == LP_OK) s = lp_net_build(&spec, l->graph, LENET_BATCH, LP_TRAIN, 0, &net);
  if (s == LP_OK) s = lp_optim_build(&optim, l->graph, net.loss, l->target, 15, &l->n_targets);
  if (s == LP_OK) {
    l->target[l->n_targets++] = net.loss;
    s = lp_plan_create(l->session, l->graph, l->target, l->n_targets, NULL, &l->plan);
  }
  lp_net_free(&net);
  for (int i = 0; i < 2 && s == LP_OK; i++) {
    s = lp_session_buffer(l->session, bytes[i], &l->bound[i]);
    if (s == LP_OK) s = lp_session_upload(l->session, l->bound[i], data[i], bytes[i], NULL);
  }
  return s;
}

static lp_status lenet_step(lenet *l, uint32_t step, float *loss) {
  lp_run run = {.iteration = step, .bound = l->bound, .n_bound = 2};
  run.scalars[LP_SCALAR_LR] = 0.01;
  lp_status s = lp_plan_run(l->plan, &run);
  return s == LP_OK ? lp_plan_read(l->plan, l->n_targets - 1, loss, sizeof *loss) : s;
}

/* Largest difference over all variables, each relative to its largest element. */
static lp_status compare_weights(const lenet *a, const lenet *b, double *error) {
  lp_status s = LP_OK;
  *error = 0;
  for (uint32_t i = 0; s == LP_OK && i < lp_session_var_count(a->session); i++) {
    const char *name;
    lp_var_kind kind;
    lp_desc d;
    s = lp_session_var(a->session, i, &name, &kind, &d);
    if (s != LP_OK || kind == LP_VAR_CONSTANT || d.dtype != LP_F32) continue;
    size_t n = (size_t)lp_numel(&d);
    float *x = malloc(2 * n * sizeof *x), *y = x + n;
    if (!x) return lp_fail(LP_ERR_MEMORY, "self-test: out of memory");
    s = lp_session_read(a->session, name, x, n * sizeof *x);
    if (s == LP_OK) s = lp_session_read(b->session, name, y, n * sizeof *y);
    double most = 0, scale = 0;
    for (size_t k = 0; s == LP_OK && k < n; k++) {
      double difference = fabs((double)x[k] - (double)y[k]);
      most = difference > most || isnan(difference) ? difference : most;
      scale = fmax(scale, fabs((double)y[k]));
    }
    free(x);
    double relative = scale > 0 ? most / scale : most;
    *error = relative > *error || isnan(relative) ? relative : *error;
  }
  return s;
}

static void test_lenet(selftest *t) {
  uint8_t *images = malloc(LENET_BATCH * LENET_PIXELS);
  int32_t labels[LENET_BATCH];
  uint32_t noise = 1;
  for (uint32_t i = 0; images && i < LENET_BATCH * LENET_PIXELS; i++) {
    noise = noise * 1664525u + 1013904223u;
    images[i] = (uint8_t)(noise >> 24);
  }
  for (int i = 0; i < LENET_BATCH; i++) labels[i] = i % 10;
  lenet l[2] = {{0}, {0}};
  lp_status s = images ? lenet_open(t->device, images, labels, &l[0])
                       : lp_fail(LP_ERR_MEMORY, "self-test: out of memory");
  bool unsupported = s == LP_ERR_UNSUPPORTED;
  if (s == LP_OK) s = lenet_open(t->reference, images, labels, &l[1]);
  for (uint32_t step = 0; step < LENET_STEPS && s == LP_OK; step++) {
    show(t, "lenet, training");
    float loss[2] = {0, 0};
    for (int i = 0; i < 2 && s == LP_OK; i++) s = lenet_step(&l[i], step, &loss[i]);
    if (s != LP_OK) break;
    double error = fabs(((double)loss[0] - (double)loss[1]) / (double)loss[1]);
    char name[32], note[80];
    snprintf(name, sizeof name, "lenet/step %u", step + 1);
    snprintf(note, sizeof note, "loss %.6f, in plain C %.6f", (double)loss[0], (double)loss[1]);
    say(t, error <= lenet_tolerance ? "passed" : "failed", name, error, note);
  }
  double error = NAN;
  if (s == LP_OK) s = compare_weights(&l[0], &l[1], &error);
  if (s != LP_OK)
    say(t, unsupported ? "skipped" : "failed", "lenet", NAN, lp_error_message());
  else
    say(t, error <= lenet_tolerance ? "passed" : "failed", "lenet/weights", error, NULL);
  for (int i = 0; i < 2; i++) lenet_close(&l[i]);
  free(images);
}

/* ---- the report ---------------------------------------------------------------------------- */

static json_t *report(const selftest *t, const lp_device_info *d) {
  struct utsname u = {0};
  uname(&u);
  char host[200];
  snprintf(host, sizeof host, "%.60s %.60s %.60s", u.sysname, u.release, u.machine);
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:i, s:i, s:i, s:i, s:O}",
                   "program", "locality " LP_VERSION, "host", host, "device", t->device, "id",
                   d->id, "name", d->name, "driver", d->driver, "memory", (json_int_t)d->memory,
                   "largest_buffer", (json_int_t)d->max_alloc, "alignment", (int)d->alignment,
                   "units", (int)d->units, "passed", (int)t->passed, "failed", (int)t->failed,
                   "skipped", (int)t->skipped, "failures", t->failures);
}

static void print_report(const json_t *r) {
  const char *key;
  json_t *value;
  printf("\n---- for a bug report, from here ----\n");
  json_object_foreach((json_t *)r, key, value) {
    if (json_is_string(value) && *json_string_value(value))
      printf("%-15s %s\n", key, json_string_value(value));
    else if (json_is_integer(value))
      printf("%-15s %lld\n", key, (long long)json_integer_value(value));
  }
  size_t i;
  json_array_foreach(json_object_get(r, "failures"), i, value)
      printf("failed          %s\n", json_string_value(value));
  printf("---- to here ----\n");
}

/* Plain C on this machine, on one thread where it is the device under test itself: then no other
 * backend is asked for its devices. */
static char *reference_for(const lp_device_info *tested) {
  if (tested->type == LP_DEVICE_CPU) return lp_device_with(tested->id, "threads=1");
  lp_device_info d[32];
  uint32_t n = 0;
  if (lp_devices(d, 32, &n) != LP_OK) return NULL;
  for (uint32_t i = 0; i < n && i < 32; i++)
    if (d[i].type == LP_DEVICE_CPU) return lp_device_with(d[i].id, "");
  lp_fail(LP_ERR_NOT_FOUND, "the self-test needs a device of type cpu to compare with");
  return NULL;
}

int cli_selftest(const cli_args *a, const char *device) {
  lp_session *s = NULL;
  if (lp_session_open(device, 1, &s) != LP_OK) return cli_fail();
  lp_device_info info = *lp_session_device(s);
  lp_session_close(s);
  char *reference = reference_for(&info);
  if (!reference) return cli_fail();
  selftest t = {.device = device,
                .reference = reference,
                .quiet = a->quiet,
                .json = a->json,
                .failures = json_array()};
  if (!t.failures) {
    free(reference);
    return cli_fail_with("out of memory");
  }
  cli_progress_init(&t.bar, a->quiet);
  cli_progress_say(&t.bar,
                   "self-test of %s: LeNet and %u cases; a device that compiles kernels may take "
                   "minutes the first time",
                   device, op_cases_count());
  if (t.bar.bar) t.bar.last = 0; /* drawn at once */
  show(&t, "lenet");
  test_lenet(&t);
  for (uint32_t i = 0; i < op_cases_count(); i++) {
    op_case c = op_cases_get(i);
    show(&t, c.name);
    test_case(&t, &c);
  }
  json_t *r = report(&t, &info);
  json_decref(t.failures);
  free(reference);
  if (!r) return cli_fail_with("out of memory");
  int code = CLI_OK;
  if (a->json) {
    code = cli_print_json(r);
  } else {
    print_report(r);
    json_decref(r);
  }
  return t.failed ? CLI_FAILURE : code;
}
