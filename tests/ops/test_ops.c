/* Every op case on every device against the reference: values, gradients, fused against unfused
 * plans, and equality to the bit between runs and between numbers of threads.
 *
 *   test-ops [--backend DEV[,DEV...]] [--filter TEXT[,TEXT...]] [--every N] [--list]
 *            [--values] [--expect-wrong]
 *
 * --values leaves out the gradients of whole cases, for tools under which kernels compile slowly:
 * the ops that they consist of are cases too.
 * --every N takes the last case of each op and each N-th before it: no op is left out.
 * Devices: --backend, else LOCALITY_TEST_DEVICES, else every device that computes something.
 * --expect-wrong turns the test on itself: every case must be found wrong on these devices (the
 * null backend), and what is right there fails. */
#include "execute.h" /* of core/check */

#include <locality/registry.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEVICES = 16 };

static struct {
  char device[MAX_DEVICES][64];
  uint32_t n_devices;
  const char *filter;
  uint32_t every; /* only each N-th case of an op: for devices that compile slowly */
  bool list, values, expect_wrong;
} options;

static struct { uint32_t passed, failed, skipped; } totals;

/* What one case on one device gave. */
typedef struct verdict {
  double value, fusion, gradient; /* largest error over tolerance, as a share of it */
  double value_error, gradient_error;
  bool differentiated, fusion_exact, repeat_exact, threads_checked, threads_exact, truth_is_zero;
  uint32_t fused;
  char where[96];
} verdict;

static void keep_worst(verdict *v, double *share, double error, double tolerance, const char *what,
                       const char *name) {
  double s = error == 0 ? 0 : tolerance > 0 ? error / tolerance : INFINITY;
  if (s > 1 && s > *share)
    snprintf(v->where, sizeof v->where, "%s of %s: error %.3g, tolerance %.3g", what, name, error,
             tolerance);
  *share = fmax(*share, s);
}

static void compare_truth(const case_result *r, const ref_values *truth, verdict *v) {
  v->truth_is_zero = true;
  for (uint32_t i = 0; i < r->n; i++) {
    const case_item *item = &r->item[i];
    const double *t = truth->value[item->value];
    double error = case_error(item, t);
    v->value_error = fmax(v->value_error, error);
    keep_worst(v, &v->value, error, item->tolerance, "value", item->name);
    for (int64_t k = 0; k < lp_numel(&item->desc); k++)
      if (t[k] != 0 && strncmp(item->name, "which", 5) != 0) v->truth_is_zero = false;
  }
}

static void compare_plans(const case_result *a, const case_result *b, verdict *v) {
  for (uint32_t i = 0; i < a->n; i++)
    keep_worst(v, &v->fusion, case_error_between(&a->item[i], &b->item[i]), a->item[i].tolerance,
               "fused against unfused", a->item[i].name);
  v->fusion_exact = v->fusion_exact && case_identical(a, b);
}

static lp_status on_threads(const case_program *p, const char *device, case_result *out) {
  case_exec x;
  lp_status s = case_open(p, device, &x);
  if (s != LP_OK) return s;
  s = case_execute(&x, out);
  case_close(&x);
  return s;
}

static lp_status compare_threads(const case_program *p, verdict *v) {
  case_result one = {.n = 0}, two = {.n = 0};
  lp_status s = on_threads(p, "cpu:threads=1", &one);
  if (s == LP_OK) s = on_threads(p, "cpu:threads=2", &two);
  v->threads_checked = true;
  v->threads_exact = v->threads_exact && s == LP_OK && case_identical(&one, &two);
  case_result_free(&one);
  case_result_free(&two);
  return s;
}

/* All the ways of running one program. The fused result stays in *fused. */
static lp_status run_ways(const case_program *p, const char *device, bool is_cpu,
                          case_result *fused, verdict *v) {
  case_result again = {.n = 0}, unfused = {.n = 0};
  lp_plan_info info;
  case_exec x;
  lp_status s = case_open(p, device, &x);
  if (s != LP_OK) return s;
  lp_plan_get_info(x.plan, &info);
  v->fused += info.fused;
  s = case_execute(&x, fused);
  if (s == LP_OK) s = case_execute(&x, &again);
  v->repeat_exact = v->repeat_exact && s == LP_OK && case_identical(fused, &again);
  if (s == LP_OK) s = case_unfuse(&x);
  if (s == LP_OK) s = case_execute(&x, &unfused);
  if (s == LP_OK) {
    compare_plans(fused, &unfused, v);
    lp_plan_get_info(x.plan, &info);
    if (info.fused) s = lp_fail(LP_ERR_ARG, "a plan without fusion folded %u ops", info.fused);
  }
  case_result_free(&again);
  case_result_free(&unfused);
  case_close(&x);
  return s == LP_OK && is_cpu ? compare_threads(p, v) : s;
}

static lp_status check_gradient(const op_case *c, const char *device, bool is_cpu, verdict *v) {
  static case_program p;
  case_result r = {.n = 0};
  char where[64] = "";
  lp_status s = case_build(c, true, &p);
  if (s == LP_OK) s = run_ways(&p, device, is_cpu, &r, v);
  if (s == LP_OK) s = case_gradient_error(&p, &r, &v->gradient_error, where);
  if (s == LP_OK) {
    v->differentiated = true;
    keep_worst(v, &v->gradient, v->gradient_error, p.target[p.n_targets - 1].tolerance, "gradient",
               where);
  }
  case_result_free(&r);
  case_free(&p);
  return s;
}

static const char *text_of(bool exact) {
  return exact ? "exact" : "differs";
}

static void report(const op_case *c, const char *device, lp_status s, bool is_cpu,
                   const verdict *v) {
  bool right = s == LP_OK && v->value <= 1 && v->gradient <= 1 && v->fusion <= 1 &&
               v->repeat_exact && (!v->threads_checked || v->threads_exact);
  if (s == LP_ERR_UNSUPPORTED && !is_cpu) {
    totals.skipped++;
    printf("skipped %s %s (%s)\n", device, c->name, lp_error_message());
  } else if (options.expect_wrong && s == LP_OK) {
    bool found = v->value > 1;
    if (!found && v->truth_is_zero) {
      totals.skipped++;
      printf("skipped %s %s (the right result is all 0)\n", device, c->name);
      return;
    }
    *(found ? &totals.passed : &totals.failed) += 1;
    printf("%s %s %s %s\n", found ? "passed" : "failed", device, c->name,
           found ? v->where : "was not found wrong");
  } else if (s != LP_OK) {
    totals.failed++;
    printf("failed %s %s: %s\n", device, c->name, lp_error_message());
  } else {
    *(right ? &totals.passed : &totals.failed) += 1;
    printf("%s %s %s value %.1e", right ? "passed" : "failed", device, c->name, v->value_error);
    if (v->differentiated) printf(" gradient %.1e", v->gradient_error);
    printf(" fused %u %s repeat %s", v->fused, text_of(v->fusion_exact), text_of(v->repeat_exact));
    if (v->threads_checked) printf(" threads %s", text_of(v->threads_exact));
    printf("%s%s\n", v->where[0] ? ": " : "", v->where);
  }
  fflush(stdout);
}

/* Far above what rounding does to operands of a few thousand terms. */
#define NEAR_TIE 5e-6

static void test_case(const op_case *c) {
  static case_program p;
  ref_values truth;
  lp_status s = case_build(c, false, &p);
  bool bad = s != LP_OK || p.failed;
  if (!bad) bad = ref_load(&p, &truth) != LP_OK;
  if (bad) {
    totals.failed++;
    printf("failed %s: the case cannot be built: %s\n", c->name, lp_error_message());
    case_free(&p);
    return;
  }
  ref_replay(&p, &truth, p.runs);
  double gap = ref_gap(&p, &truth);
  if (gap < NEAR_TIE) {
    totals.failed++;
    printf("failed %s: a near tie (%.1e): the case must draw other values\n", c->name, gap);
  }
  for (uint32_t d = 0; d < options.n_devices; d++) {
    const char *device = options.device[d];
    bool is_cpu = strncmp(device, "cpu", 3) == 0 && (!device[3] || device[3] == ':');
    verdict v = {.fusion_exact = true, .repeat_exact = true, .threads_exact = true};
    case_result r = {.n = 0};
    s = run_ways(&p, device, is_cpu, &r, &v);
    if (s == LP_OK) compare_truth(&r, &truth, &v);
    if (s == LP_OK && p.y.id && !(c->row->flags & CASE_NO_GRADIENT) && !options.values &&
        !options.expect_wrong)
      s = check_gradient(c, device, is_cpu, &v);
    report(c, device, s, is_cpu, &v);
    case_result_free(&r);
  }
  ref_free(&truth);
  case_free(&p);
}

/* ---- command line ---------------------------------------------------------------------------- */

static bool add_devices(const char *text) {
  while (*text) {
    const size_t n = case_device_length(text);
    if (!n || options.n_devices == MAX_DEVICES || n >= sizeof options.device[0]) return false;
    memcpy(options.device[options.n_devices], text, n);
    options.device[options.n_devices++][n] = '\0';
    text += n + (text[n] == ',');
  }
  return options.n_devices > 0;
}

static bool default_devices(void) {
  const char *from_environment = getenv("LOCALITY_TEST_DEVICES");
  if (from_environment && *from_environment) return add_devices(from_environment);
  lp_device_info info[MAX_DEVICES];
  uint32_t n = 0;
  if (lp_devices(info, MAX_DEVICES, &n) != LP_OK) return false;
  for (uint32_t i = 0; i < n && i < MAX_DEVICES; i++)
    if (info[i].type != LP_DEVICE_DUMMY && !add_devices(info[i].id)) return false;
  return options.n_devices > 0;
}

static bool parse(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    const char *a = argv[i];
    bool more = i + 1 < argc;
    if (strcmp(a, "--list") == 0)
      options.list = true;
    else if (strcmp(a, "--values") == 0)
      options.values = true;
    else if (strcmp(a, "--expect-wrong") == 0)
      options.expect_wrong = true;
    else if (strcmp(a, "--filter") == 0 && more)
      options.filter = argv[++i];
    else if (strcmp(a, "--every") == 0 && more && atoi(argv[i + 1]) > 0)
      options.every = (uint32_t)atoi(argv[++i]);
    else if (strcmp(a, "--backend") == 0 && more) {
      if (!add_devices(argv[++i])) return false;
    } else
      return false;
  }
  return true;
}

/* A device that is not there: 77, meson's "skipped", when the build only guessed that it is. */
static int missing_device(void) {
  lp_session *s = NULL;
  for (uint32_t i = 0; i < options.n_devices; i++) {
    if (lp_session_open(options.device[i], 1, &s) == LP_OK) {
      lp_session_close(s);
      continue;
    }
    fprintf(stderr, "test-ops: %s: %s\n", options.device[i], lp_error_message());
    return getenv("LOCALITY_TEST_OPTIONAL") ? 77 : 2;
  }
  return 0;
}

/* Does a name hold one of the texts of the filter? */
static bool matches(const char *name) {
  for (const char *at = options.filter; at;) {
    size_t n = strcspn(at, ",");
    char part[CASE_NAME];
    snprintf(part, sizeof part, "%.*s", (int)n, at);
    if (strstr(name, part)) return true;
    at = at[n] ? at + n + 1 : NULL;
  }
  return !options.filter;
}

/* Cases of the same op that follow case i. */
static uint32_t later_cases(uint32_t i) {
  uint32_t op = op_cases_get(i).op, n = 0;
  for (uint32_t k = i + 1; k < op_cases_count(); k++) n += op_cases_get(k).op == op;
  return n;
}

int main(int argc, char **argv) {
  if (!parse(argc, argv)) {
    fprintf(stderr,
            "usage: test-ops [--backend DEV[,DEV...]] [--filter TEXT[,TEXT...]] [--every N] "
            "[--list] [--values] [--expect-wrong]\n");
    return 2;
  }
  if (lp_registry_load() != LP_OK || (!options.list && !options.n_devices && !default_devices())) {
    fprintf(stderr, "test-ops: no device: %s\n", lp_error_message());
    return 2;
  }
  int missing = missing_device();
  if (missing) return missing;
  uint32_t chosen = 0;
  for (uint32_t i = 0; i < op_cases_count(); i++) {
    op_case c = op_cases_get(i);
    if (!matches(c.name)) continue;
    if (options.every && later_cases(i) % options.every) continue;
    chosen++;
    if (!options.list)
      test_case(&c);
    else {
      static case_program p;
      bool ok = case_build(&c, false, &p) == LP_OK;
      if (ok)
        printf("%-44s %12.0f flop %12.0f byte\n", c.name, case_flops(&p), case_bytes(&p));
      else
        printf("%-44s %s\n", c.name, lp_error_message());
      case_free(&p);
    }
  }
  if (!chosen) {
    fprintf(stderr, "test-ops: no case matches %s\n", options.filter);
    return 2;
  }
  if (!options.list)
    printf("%u passed, %u failed, %u skipped\n", totals.passed, totals.failed, totals.skipped);
  return totals.failed ? 1 : 0;
}
