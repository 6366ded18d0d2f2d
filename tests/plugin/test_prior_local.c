/* Priors that are 0 beyond a distance, over large sheets of every topology: their wires are the
 * pairs that are asked for one by one, and nothing but these. */
#include "prior_support.h"

#include <locality/graph.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/locality-local-XXXXXX", plane[120], solid[120], row[120], odd[120];

/* ---- the truth --------------------------------------------------------------------------------
 */

/* The costs of these tests, written down a second time. */
typedef enum kind { DISK, GAUSSIAN, EXPONENTIAL, POWER, DOG } kind;
typedef struct formula {
  kind kind;
  double cut, a, b;
} formula;

static formula formula_of(const char *cost) {
  formula f = {0};
  if (sscanf(cost, "disk:r=%lf", &f.cut) == 1) return f;
  f.kind = GAUSSIAN;
  if (sscanf(cost, "gaussian:sigma=%lf,cut=%lf", &f.a, &f.cut) == 2) return f;
  f.kind = EXPONENTIAL;
  if (sscanf(cost, "exponential:lambda=%lf,cut=%lf", &f.a, &f.cut) == 2) return f;
  f.kind = POWER;
  if (sscanf(cost, "power:s=%lf,p=%lf,cut=%lf", &f.a, &f.b, &f.cut) == 3) return f;
  f.kind = DOG;
  if (sscanf(cost, "dog:cut=%lf", &f.cut) != 1) fail_msg("no formula for %s", cost);
  return f;
}

static double signal_of(const formula *f, double d) {
  if (d > f->cut * (1 + 1e-9)) return 0;
  switch (f->kind) {
  case DISK:
    return 1;
  case GAUSSIAN:
    return exp(-d * d / (2 * f->a * f->a));
  case EXPONENTIAL:
    return exp(-f->a * d);
  case POWER:
    return pow(1 + d / f->a, -f->b);
  case DOG:
    return exp(-d * d / 2) - exp(-d * d / 18) / 2;
  }
  return NAN;
}

/* Where permuted puts the units of both sheets, one after the other; without it each at its own. */
static uint32_t *placement(const lp_prior *p, bool permuted) {
  uint32_t *at = malloc(((size_t)p->sheets.n_out + p->sheets.n_in) * sizeof *at), n = 0;
  for (uint32_t k = 0; k < p->sheets.n_out; k++) at[n++] = k;
  for (uint32_t k = 0; k < p->sheets.n_in; k++) at[n++] = k;
  if (!permuted) return at;
  const lp_prior_source *source = lp_entry_find(LP_KIND_PRIOR, "permuted")->descriptor;
  const lp_arg args[] = {{0, "disk"}, {-1, NULL}};
  const char *base;
  assert_int_equal(source->permute(source->self, args, &p->sheets, &base, at, at + p->sheets.n_out),
                   LP_OK);
  return at;
}

/* ---- the wires --------------------------------------------------------------------------------
 */

typedef struct built {
  lp_prior_store *store;
  lp_graph *g;
  const int32_t *rows, *columns;
  const float *value; /* NULL: 1 */
} built;

static const void *constant(const lp_graph *g, const char *part) {
  const char *name;
  const void *data;
  lp_desc d;
  for (uint32_t i = 0; lp_graph_constant_get(g, i, &name, &d, &data); i++)
    if (strncmp(name, "expanded.", 9) == 0 ? strcmp(name + 9, part) == 0 : strcmp(name, part) == 0)
      return data;
  return NULL;
}

static built wires_of(const lp_prior_spec *spec) {
  built b = {.store = lp_prior_store_new()};
  lp_val in[LP_SPARSE_INPUTS] = {{0}};
  bool local = false;
  assert_int_equal(lp_graph_new("local", &b.g), LP_OK);
  if (lp_prior_store_wires(b.store, spec, b.g, "lp", in, &local) != LP_OK || !local)
    fail_msg("%s over %s: %s", spec->cost, spec->topology, local ? lp_error_message() : "all");
  b.rows = constant(b.g, "lp.prior.rows");
  b.columns = constant(b.g, "lp.prior.columns");
  b.value = constant(b.g, "lp.prior.values");
  assert_true(b.rows && b.columns);
  return b;
}

static void free_built(built *b) {
  lp_graph_free(b->g);
  lp_prior_store_free(b->store);
}

static bool is(const char *a, const char *b) {
  return a && strcmp(a, b) == 0;
}

/* A quarter of the rows, each against all pairs. */
static void check(const lp_prior_spec *q, bool table) {
  built b = wires_of(q);
  lp_prior *p = prior_built(q);
  assert_int_equal(p->table != NULL, table);
  assert_null(p->dense);
  static const char prefix[] = "permuted:base=(";
  const bool permuted = strncmp(q->cost, prefix, sizeof prefix - 1) == 0;
  const formula base = formula_of(q->cost + (permuted ? sizeof prefix - 1 : 0));
  uint32_t *at = placement(p, permuted), *from = at + q->n_out;
  double *row_of = malloc(q->n_in * sizeof *row_of), total = 0;
  for (int pass = is(q->normalize, "total") ? 0 : 1; pass < 2; pass++)
    for (uint32_t i = 0; i < q->n_out; i += pass && i > 8 && i + 12 < q->n_out ? 4 : 1) {
      double sum = 0, scale = 1;
      int32_t n = b.rows[i];
      for (uint32_t j = 0; j < q->n_in; j++) {
        row_of[j] = signal_of(&base, lp_prior_distance(p, at[i], from[j]));
        sum += fabs(row_of[j]);
      }
      if (pass == 0) {
        total += sum;
        continue;
      }
      if (is(q->normalize, "fan_in")) scale = q->n_in / sum;
      if (is(q->normalize, "total")) scale = (double)q->n_in * q->n_out / total;
      for (uint32_t j = 0; j < q->n_in; j++) {
        const double want = row_of[j] * scale, got = lp_prior_at(p, i, j);
        assert_true(fabs(got - want) <= 1e-12 * fabs(want));
        if (want == 0) continue;
        assert_true(n < b.rows[i + 1] && (uint32_t)b.columns[n] == j);
        assert_true((b.value ? b.value[n] : 1) == (float)got);
        n++;
      }
      assert_int_equal(b.rows[i + 1], n);
    }
  free(row_of);
  free(at);
  lp_prior_free(p);
  free_built(&b);
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static void tables_have_their_wires(void **state) {
  (void)state;
  static const lp_prior_spec spec[] = {
      {.n_out = 2048, .n_in = 2048, .topology = "grid", .cost = "disk:r=2.5"},
      {.n_out = 2048,
       .n_in = 2048,
       .topology = "torus",
       .cost = "gaussian:sigma=2,cut=3",
       .normalize = "total"},
      {.n_out = 2048,
       .n_in = 2048,
       .topology = "grid",
       .cost = "permuted:base=(disk:r=3)",
       .normalize = "fan_in",
       .seed = 4},
      {.n_out = 1024, .n_in = 4096, .topology = "grid", .cost = "dog:cut=4"},
      {.n_out = 4096, .n_in = 1024, .topology = "ring", .cost = "disk:r=3"},
      {.n_out = 2049, .n_in = 2049, .topology = "line", .cost = "power:s=2,p=1,cut=2"},
      {.n_out = 2197, .n_in = 2197, .topology = "grid3d", .cost = "exponential:lambda=0.2,cut=2"},
  };
  for (size_t k = 0; k < sizeof spec / sizeof *spec; k++) check(&spec[k], true);
}

/* Lattices that do not cover each other, and places of any kind. */
static void neighbours_have_their_wires(void **state) {
  (void)state;
  char input[300];
  snprintf(input, sizeof input, "points:file=%s,input=%s", plane, odd);
  char flat[160], room[140], line[140], shaken[160];
  snprintf(flat, sizeof flat, "points:file=%s", plane);
  snprintf(room, sizeof room, "points:file=%s", solid);
  snprintf(line, sizeof line, "points:file=%s", row);
  snprintf(shaken, sizeof shaken, "points:file=%s,jitter=0.4,seed=3", solid);
  const lp_prior_spec spec[] = {
      {.n_out = 2160,
       .n_in = 2090,
       .extent_out = {45, 48},
       .extent_in = {38, 55},
       .topology = "grid",
       .cost = "disk:r=3"},
      {.n_out = 2160,
       .n_in = 2090,
       .extent_out = {45, 48},
       .extent_in = {38, 55},
       .topology = "torus",
       .metric = "l1",
       .cost = "gaussian:sigma=2,cut=4.5"},
      {.n_out = 2090,
       .n_in = 2160,
       .extent_out = {2, 1045},
       .extent_in = {48, 45},
       .topology = "torus", /* an axis that the radius goes round */
       .cost = "disk:r=30"},
      {.n_out = 2161, .n_in = 2003, .topology = "ring", .cost = "dog:cut=5"},
      {.n_out = 2003, .n_in = 2161, .topology = "line", .metric = "linf", .cost = "disk:r=5"},
      {.n_out = 2197,
       .n_in = 2184,
       .extent_out = {13, 13, 13},
       .extent_in = {12, 13, 14},
       .topology = "grid3d",
       .metric = "l1",
       .cost = "exponential:lambda=0.2,cut=2.5"},
      {.n_out = 2070, .n_in = 2090, .topology = "hex", .cost = "disk:r=2"},
      {.n_out = 2070,
       .n_in = 2070,
       .topology = "hex:rows=30",
       .metric = "linf",
       .cost = "gaussian:sigma=1,cut=3"},
      {.n_out = 2111, .n_in = 2053, .topology = "sphere", .cost = "gaussian:sigma=2,cut=4"},
      {.n_out = 2053,
       .n_in = 2053,
       .topology = "sphere",
       .cost = "permuted:base=(disk:r=3)",
       .normalize = "fan_in",
       .seed = 9},
      {.n_out = 2101, .n_in = 2101, .topology = flat, .cost = "power:s=2,p=1,cut=3"},
      {.n_out = 2101,
       .n_in = 2101,
       .topology = flat,
       .metric = "l1",
       .cost = "permuted:base=(gaussian:sigma=2,cut=4)",
       .normalize = "total"},
      {.n_out = 2101, .n_in = 2003, .topology = input, .cost = "disk:r=6"},
      {.n_out = 2101, .n_in = 2101, .topology = room, .cost = "dog:cut=3"},
      {.n_out = 2101, .n_in = 2101, .topology = shaken, .metric = "linf", .cost = "disk:r=1.5"},
      {.n_out = 2101, .n_in = 2101, .topology = line, .cost = "exponential:lambda=1,cut=40"},
  };
  for (size_t k = 0; k < sizeof spec / sizeof *spec; k++) check(&spec[k], false);
}

/* Neither a layer that is small, nor a prior that is wide, has its wires alone. */
static void others_keep_all_weights(void **state) {
  (void)state;
  char wide[140];
  snprintf(wide, sizeof wide, "points:file=%s", plane);
  const lp_prior_spec other[] = {
      {.n_out = 1024, .n_in = 1024, .cost = "disk:r=2"},
      {.n_out = 2048, .n_in = 2048, .cost = "disk:f=0.5"},
      {.n_out = 2048, .n_in = 2048, .cost = "linear"},
      {.n_out = 1024, .n_in = 1024, .topology = "sphere", .cost = "disk:r=2"},
      {.n_out = 2048, .n_in = 2048, .topology = "sphere", .cost = "gaussian"},
      {.n_out = 2101, .n_in = 2101, .topology = wide, .cost = "disk:r=1000"}};
  for (size_t k = 0; k < sizeof other / sizeof *other; k++) {
    lp_prior_store *store = lp_prior_store_new();
    lp_graph *g;
    lp_val in[LP_SPARSE_INPUTS] = {{0}};
    bool local = true;
    assert_int_equal(lp_graph_new("wide", &g), LP_OK);
    assert_int_equal(lp_prior_store_wires(store, &other[k], g, "lp", in, &local), LP_OK);
    assert_false(local);
    assert_int_equal(in[LP_SPARSE_ROWS].id, 0);
    lp_graph_free(g);
    lp_prior_store_free(store);
  }
}

/* A layer that needs its weights as a matrix has the prior as one, from the same store. */
static void matrices_are_there_when_asked_for(void **state) {
  (void)state;
  const lp_prior_spec q = {.n_out = 2053,
                           .n_in = 2111,
                           .topology = "sphere",
                           .cost = "gaussian:sigma=2,cut=3",
                           .normalize = "fan_in"};
  built b = wires_of(&q);
  lp_graph *g;
  lp_val operands[LP_LINEAR_INPUTS];
  lp_linear_params params;
  assert_int_equal(lp_graph_new("matrix", &g), LP_OK);
  assert_int_equal(lp_prior_store_operands(b.store, &q, g, "lp", operands, &params), LP_OK);
  const float *dense = constant(g, "lp.prior.dense"), *scale = constant(g, "lp.prior.row_scale");
  assert_true(dense && scale && b.value && operands[LP_PRIOR_DENSE].id);
  for (uint32_t i = 0; i < q.n_out; i++) {
    int32_t k = b.rows[i];
    for (uint32_t j = 0; j < q.n_in; j++) {
      const double p = (double)dense[(size_t)i * q.n_in + j] * (double)scale[i];
      const bool wire = k < b.rows[i + 1] && (uint32_t)b.columns[k] == j;
      assert_true(fabs(p - (wire ? (double)b.value[k++] : 0)) <= 1e-6 * p);
    }
  }
  lp_graph_free(g);
  free_built(&b);
}

static void units_without_wires_are_refused(void **state) {
  (void)state;
  char apart[300];
  snprintf(apart, sizeof apart, "points:file=%s,input=%s", plane, odd);
  const struct {
    lp_prior_spec spec;
    const char *message;
  } cases[] = {
      {{.n_out = 2101, .n_in = 2003, .topology = apart, .cost = "disk:r=1e-7"},
       "receives nothing (a row of zeros)"},
      {{.n_out = 2048, .n_in = 2050, .topology = "sphere", .cost = "gaussian:cut=0.001"},
       "receives nothing (a row of zeros)"},
      {{.n_out = 1000,
        .n_in = 9000,
        .topology = "sphere",
        .cost = "disk:r=1",
        .normalize = "fan_out"},
       "sends to nobody, so normalize=fan_out is not defined"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    lp_prior *p = NULL;
    assert_int_not_equal(lp_prior_build(&cases[k].spec, &p), LP_OK);
    HAS(lp_error_message(), cases[k].message);
    assert_null(strchr(lp_error_message(), '\n'));
    assert_null(p);
  }
}

/* ---- places -----------------------------------------------------------------------------------
 */

/* Clusters of points and a few far away, on a coarse raster, so that some share coordinates. */
static void write_points(char *path, size_t cap, const char *name, int n, int axes, double side,
                         double outside) {
  uint32_t state = (uint32_t)n * 31 + (uint32_t)axes;
  snprintf(path, cap, "%s/%s.csv", folder, name);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  for (int k = 0; k < n; k++)
    for (int a = 0; a < axes; a++) {
      state = state * 1664525 + 1013904223;
      const double x = (double)(state >> 8) / (1 << 24), far = k % 500 == 7 ? outside : 1;
      fprintf(f, "%.2f%c", far * side * (k % 3 ? x : x * x), a + 1 < axes ? ',' : '\n');
    }
  assert_int_equal(fclose(f), 0);
}

static int load(void **state) {
  if (!mkdtemp(folder)) return -1;
  write_points(plane, sizeof plane, "plane", 2101, 2, 50, 1);
  write_points(odd, sizeof odd, "odd", 2003, 2, 60, 1);
  write_points(solid, sizeof solid, "solid", 2101, 3, 12, 10);
  write_points(row, sizeof row, "row", 2101, 1, 2000, 10);
  return prior_tests_load(state);
}

static int shut_down(void **state) {
  char *const files[] = {plane, solid, row, odd};
  for (int k = 0; k < 4; k++) remove(files[k]);
  remove(folder);
  return prior_tests_shut_down(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_have_their_wires),
      cmocka_unit_test(neighbours_have_their_wires),
      cmocka_unit_test(others_keep_all_weights),
      cmocka_unit_test(matrices_are_there_when_asked_for),
      cmocka_unit_test(units_without_wires_are_refused),
  };
  return cmocka_run_group_tests(tests, load, shut_down);
}
