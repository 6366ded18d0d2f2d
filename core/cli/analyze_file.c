/* locality analyze FILE: the table of measures on anyone's activations. */
#include "activations.h"
#include "analyze.h"

#include "../base/text.h"

#include <locality/registry.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- results ------------------------------------------------------------------------------- */

static json_t *numbers(const double *x, uint32_t n) {
  json_t *all = json_array();
  for (uint32_t k = 0; k < n; k++) json_array_append_new(all, lp_json_number(x[k]));
  return all;
}

static json_t *class_json(const cli_site *s, int32_t c) {
  return c < 0 ? json_null() : json_integer(s->label_of[c]);
}

static int print_json(const cli_site *s, const lp_measurements *m) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < m->n; i++) {
    const lp_measurement *v = &m->item[i];
    const lp_measured *r = &v->result;
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "measure",
                          v->measure->name, "spec", v->spec, "title", v->measure->summary, "unit",
                          v->measure->unit ? v->measure->unit : "", "source",
                          v->measure->source ? v->measure->source : "", "class",
                          class_json(s, v->of_class), "value", lp_json_number(r->value), "chance",
                          lp_json_number(r->chance), "low", lp_json_number(r->low), "high",
                          lp_json_number(r->high), "p", lp_json_number(r->p));
    if (r->n_curve)
      json_object_set_new(j, "curve",
                          json_pack("{s:o, s:o, s:o, s:o}", "x", numbers(r->x, r->n_curve), "y",
                                    numbers(r->y, r->n_curve), "low", numbers(r->y_low, r->n_curve),
                                    "high", numbers(r->y_high, r->n_curve)));
    json_array_append_new(all, j);
  }
  return cli_print_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "file", s->path, "images",
                                  (json_int_t)s->x.n, "units", (json_int_t)s->x.units, "classes",
                                  (json_int_t)s->classes, "constant_units", (json_int_t)s->constant,
                                  "measures", all));
}

static void csv_number(double v) {
  if (isnan(v))
    putchar(',');
  else
    printf(",%s", lp_exact(v).text);
}

static int print_csv(const cli_site *s, const lp_measurements *m) {
  printf("measure,class,value,chance,low,high,p,unit\n");
  for (uint32_t i = 0; i < m->n; i++) {
    const lp_measurement *v = &m->item[i];
    bool quoted = strchr(v->spec, ',') != NULL;
    printf(quoted ? "\"%s\"," : "%s,", v->spec);
    if (v->of_class >= 0) printf("%" PRId64, s->label_of[v->of_class]);
    csv_number(v->result.value);
    csv_number(v->result.chance);
    csv_number(v->result.low);
    csv_number(v->result.high);
    csv_number(v->result.p);
    printf(",%s\n", v->measure->unit ? v->measure->unit : "");
  }
  return CLI_OK;
}

static const char *shown(double v, char out[24]) {
  snprintf(out, 24, isnan(v) ? "-" : "%.4g", v);
  return out;
}

/* A line a measure: of those a class, their mean. */
static int print_table(const cli_site *s, const lp_measurements *m) {
  char a[24], b[24], c[24];
  printf("%s: %u images, %u units", s->path, s->x.n, s->x.units);
  if (s->labels) printf(", %u classes", s->classes);
  printf("\n%s%-22s %10s %10s %8s  %s%s\n", cli_bold(stdout), "measure", "value", "chance", "p",
         "what it is", cli_plain(stdout));
  for (uint32_t i = 0; i < m->n; i++) {
    const lp_measurement *v = &m->item[i];
    if (v->of_class >= 0) continue;
    printf("%-22s %10s %10s %8s  %s%s\n", v->measure->name, shown(v->result.value, a),
           shown(v->result.chance, b), shown(v->result.p, c), v->measure->summary,
           v->measure->takes == LP_TAKES_MAP ? " (mean of classes)" : "");
  }
  return CLI_OK;
}

/* ---- the command --------------------------------------------------------------------------- */

static void say_constant(const cli_args *a, const cli_site *s) {
  if (!a->quiet && s->constant)
    fprintf(stderr, "%s: %u of %u units are constant; they are in no pair\n", s->path, s->constant,
            s->x.units);
}

int cli_analyze_file(const cli_args *a) {
  cli_site s = {.path = a->operand[0]};
  const char *labels = cli_get(a, "labels"), *weights = cli_get(a, "weights"),
             *prior = cli_get(a, "prior");
  if (prior && !weights) return cli_usage("--prior goes with --weights");
  if (a->json && cli_get(a, "csv")) return cli_usage("--json or --csv, not both");
  lp_measurements m = {0};
  lp_status status = cli_open_activations(&s);
  if (status == LP_OK)
    status = cli_open_places(&s, cli_get(a, "sheet"), cli_get(a, "positions"), cli_get(a, "torus"));
  if (status == LP_OK && labels) status = cli_open_labels(&s, labels);
  if (status == LP_OK && weights) status = cli_open_weights(&s, weights, &s.weights, &s.w);
  if (status == LP_OK && prior) status = cli_open_weights(&s, prior, &s.prior, &s.p);
  if (status == LP_OK) status = cli_look_over(&s);
  lp_measure_input in = {.places = s.places,
                         .x = &s.x,
                         .labels = s.labels,
                         .classes = s.classes,
                         .negative = s.negative,
                         .w = s.w,
                         .p = s.p,
                         .n_out = s.x.units,
                         .n_in = s.x.units,
                         .seed = 1};
  if (status == LP_OK) say_constant(a, &s);
  if (status == LP_OK) status = lp_measure_site(&in, cli_get(a, "only"), &m);
  if (status == LP_OK && !a->quiet && m.left_out[0]) fprintf(stderr, "left out: %s\n", m.left_out);
  int code = status != LP_OK     ? cli_fail()
             : a->json           ? print_json(&s, &m)
             : cli_get(a, "csv") ? print_csv(&s, &m)
                                 : print_table(&s, &m);
  lp_measurements_free(&m);
  cli_close_site(&s);
  return code;
}
