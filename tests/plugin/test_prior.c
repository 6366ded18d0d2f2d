/* The prior against the formulas it is defined by, in table form and dense, and the layers. */
#include "prior_support.h"

#include <locality/graph.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_prior_spec sheets(uint32_t out_rows, uint32_t out_cols, uint32_t in_rows,
                            uint32_t in_cols, const char *topology, const char *cost) {
  return (lp_prior_spec){.n_out = out_rows * out_cols,
                         .n_in = in_rows * in_cols,
                         .extent_out = {out_rows, out_cols},
                         .extent_in = {in_rows, in_cols},
                         .topology = topology,
                         .cost = cost};
}

static void close_to(double ours, double reference) {
  if (!(fabs(ours - reference) <= 1e-12 * (1 + fabs(reference))))
    fail_msg("%.17g should be %.17g", ours, reference);
}

/* ---- the definition, written down a second time -------------------------------------------- */

/* Gap on one axis between unit r of R outputs and unit s of S inputs. */
static double axis_gap(uint32_t r, uint32_t R, uint32_t s, uint32_t S, bool wrap) {
  double most = R > S ? R : S;
  double a = (r + 0.5) * most / R - 0.5, b = (s + 0.5) * most / S - 0.5, d = fabs(a - b);
  return wrap && most - d < d ? most - d : d;
}

static double gap(const lp_prior_spec *q, uint32_t i, uint32_t j) {
  bool wrap = strcmp(q->topology, "torus") == 0;
  uint32_t oc = q->extent_out[1], ic = q->extent_in[1];
  double y = axis_gap(i / oc, q->extent_out[0], j / ic, q->extent_in[0], wrap);
  double x = axis_gap(i % oc, oc, j % ic, ic, wrap);
  if (q->metric && strcmp(q->metric, "l1") == 0) return y + x;
  if (q->metric && strcmp(q->metric, "linf") == 0) return fmax(y, x);
  return hypot(y, x);
}

static void check_linear(const lp_prior_spec *q, bool table) {
  lp_prior *p = prior_built(q);
  assert_int_equal(p->table != NULL, table);
  assert_int_equal(p->dense != NULL, !table);
  for (uint32_t i = 0; i < q->n_out; i++)
    for (uint32_t j = 0; j < q->n_in; j++) {
      close_to(lp_prior_distance(p, i, j), gap(q, i, j));
      close_to(lp_prior_at(p, i, j), 1 / (1 + gap(q, i, j)));
    }
  for (uint32_t j = 1; p->run > 1 && j < q->n_in; j++)
    if (j % p->run) assert_int_equal(p->off_in[j], p->off_in[j - 1] + 1);
  lp_prior_free(p);
}

static void table_is_the_formula(void **state) {
  (void)state;
  static const uint32_t size[][4] = {
      /* output rows, columns, input rows, columns */
      {7, 7, 7, 7},  {3, 5, 3, 5}, {1, 1, 1, 1}, {6, 8, 3, 4}, {3, 4, 6, 8}, {6, 4, 2, 12},
      {2, 12, 6, 4}, {1, 9, 5, 3}, {5, 3, 1, 9}, {8, 1, 1, 8}, {9, 5, 3, 5}, {4, 6, 4, 2},
  };
  static const char *const topology[] = {"grid", "torus"}, *const metric[] = {"l2", "l1", "linf"};
  for (size_t k = 0; k < sizeof size / sizeof *size; k++)
    for (int t = 0; t < 2; t++)
      for (int m = 0; m < 3; m++) {
        lp_prior_spec q =
            sheets(size[k][0], size[k][1], size[k][2], size[k][3], topology[t], "linear");
        q.metric = metric[m];
        check_linear(&q, true);
      }
}

static void other_ratios_are_dense(void **state) {
  (void)state;
  static const uint32_t size[][4] = {{5, 8, 3, 4}, {3, 4, 5, 8}, {3, 7, 1, 10}, {4, 6, 6, 4}};
  static const char *const topology[] = {"grid", "torus"};
  for (size_t k = 0; k < sizeof size / sizeof *size; k++)
    for (int t = 0; t < 2; t++) {
      lp_prior_spec q =
          sheets(size[k][0], size[k][1], size[k][2], size[k][3], topology[t], "linear");
      check_linear(&q, false);
    }
}

static void lines_and_rings(void **state) {
  (void)state;
  static const uint32_t size[][2] = {{7, 7}, {12, 4}, {4, 12}, {1, 6}, {7, 5}};
  for (size_t k = 0; k < sizeof size / sizeof *size; k++)
    for (int ring = 0; ring < 2; ring++) {
      uint32_t n_out = size[k][0], n_in = size[k][1];
      lp_prior *p = prior_built(&(lp_prior_spec){
          .n_out = n_out, .n_in = n_in, .topology = ring ? "ring" : "line", .cost = "quadratic"});
      assert_int_equal(p->table != NULL, k != 4);
      for (uint32_t i = 0; i < n_out; i++)
        for (uint32_t j = 0; j < n_in; j++) {
          double d = axis_gap(i, n_out, j, n_in, ring);
          close_to(lp_prior_at(p, i, j), pow(1 + d, -2));
        }
      lp_prior_free(p);
    }
}

static void costs_are_their_formulas(void **state) {
  (void)state;
  static const char *const cost[] = {
      "linear",
      "sqrt",
      "quadratic",
      "power:s=2,p=1.5",
      "exponential:lambda=0.3",
      "gaussian:sigma=1.5",
      "disk:r=2.5",
      "dog:A=1,s1=1,B=0.4,s2=3",
      "shortcut:eps=0.05,lambda=0.5",
      "uniform",
      "disk:f=0.5",
      "power:s=1,p=2",
      "gaussian:sigma=1.5,cut=2",
      "exponential:lambda=0.3,cut=3",
      "power:s=2,p=1.5,cut=2.5",
      "dog:B=0.4,cut=4",
  };
  for (size_t k = 0; k < sizeof cost / sizeof *cost; k++) {
    lp_prior_spec q = sheets(5, 6, 5, 6, "grid", cost[k]);
    lp_prior *p = prior_built(&q);
    for (uint32_t i = 0; i < q.n_out; i++)
      for (uint32_t j = 0; j < q.n_in; j++) {
        double d = gap(&q, i, j);
        const double want[] = {1 / (1 + d),
                               pow(1 + d, -0.5),
                               pow(1 + d, -2),
                               pow(1 + d / 2, -1.5),
                               exp(-0.3 * d),
                               exp(-d * d / (2 * 1.5 * 1.5)),
                               d <= 2.5,
                               exp(-d * d / 2) - 0.4 * exp(-d * d / 18),
                               0.95 * exp(-0.5 * d) + 0.05,
                               1,
                               d <= 3,
                               pow(1 + d, -2),
                               d > 2 ? 0 : exp(-d * d / (2 * 1.5 * 1.5)),
                               d > 3 ? 0 : exp(-0.3 * d),
                               d > 2.5 ? 0 : pow(1 + d / 2, -1.5),
                               d > 4 ? 0 : exp(-d * d / 2) - 0.4 * exp(-d * d / 18)};
        close_to(lp_prior_at(p, i, j), want[k]);
        assert_true(want[k] != 0 || lp_prior_at(p, i, j) == 0);
      }
    lp_prior_free(p);
  }
}

/* ---- form and size ------------------------------------------------------------------------- */

static double row_sum(const lp_prior *p, uint32_t i) {
  double sum = 0;
  for (uint32_t j = 0; j < p->sheets.n_in; j++) sum += fabs(lp_prior_at(p, i, j));
  return sum;
}

static double column_sum(const lp_prior *p, uint32_t j) {
  double sum = 0;
  for (uint32_t i = 0; i < p->sheets.n_out; i++) sum += fabs(lp_prior_at(p, i, j));
  return sum;
}

static void large_sheets_are_never_dense(void **state) {
  (void)state;
  static const char *const normalize[] = {"none", "fan_in", "fan_out", "total"};
  for (int k = 0; k < 4; k++) {
    lp_prior *p = prior_built(
        &(lp_prior_spec){.n_out = 4096, .n_in = 4096, .cost = "linear", .normalize = normalize[k]});
    assert_int_equal(p->sheets.extent_out[0], 64); /* the squarest factor pair */
    assert_int_equal(p->sheets.extent_in[1], 64);
    assert_null(p->dense);
    assert_int_equal(p->n_table, 127 * 127);
    assert_int_equal(p->run, 64);
    assert_true(lp_prior_nbytes(p) <= 4 * (127 * 127 + 3 * 4096));
    if (k == 0) { /* values of an independent computation */
      assert_true(fabs(row_sum(p, 0) - 109.76587) < 1e-5);
      assert_true(fabs(row_sum(p, 2080) - 203.18427) < 1e-5);
    }
    lp_prior_free(p);
  }
}

static void squarest_factors(void **state) {
  (void)state;
  static const uint32_t cases[][3] = {
      {49, 7, 7}, {320, 16, 20}, {13, 1, 13}, {12, 3, 4}, {1, 1, 1}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    lp_prior *p = prior_built(
        &(lp_prior_spec){.n_out = cases[k][0], .n_in = 6, .cost = "linear", .extent_in = {0, 2}});
    assert_int_equal(p->sheets.extent_out[0], cases[k][1]);
    assert_int_equal(p->sheets.extent_out[1], cases[k][2]);
    assert_int_equal(p->sheets.extent_in[0], 3); /* the open side is filled in */
    lp_prior_free(p);
  }
}

static void table_is_checked_against_distances(void **state) {
  (void)state;
  lp_prior *p =
      prior_built(&(lp_prior_spec){.n_out = 9, .n_in = 9, .topology = "crooked", .cost = "linear"});
  assert_null(p->table);
  close_to(lp_prior_at(p, 3, 5), 1.0 / 17);
  lp_prior_free(p);
  p = prior_built(
      &(lp_prior_spec){.n_out = 100, .n_in = 100, .topology = "dented", .cost = "linear"});
  assert_null(p->table);
  close_to(lp_prior_at(p, 17, 0), 1 / 18.5);
  close_to(lp_prior_at(p, 18, 1), 1 / 18.0);
  lp_prior_free(p);
  p = prior_built(
      &(lp_prior_spec){.n_out = 2000, .n_in = 1000, .topology = "crooked", .cost = "linear"});
  assert_null(p->table); /* by a sample */
  lp_prior_free(p);
}

/* A permuted table of a large layer comes as the matrix that it means. */
static void scattered_tables_are_expanded(void **state) {
  (void)state;
  static const char *const normalize[] = {"none", "fan_in"};
  enum { N = 256 };
  for (int k = 0; k < 2; k++) {
    lp_prior_spec q = {
        .n_out = N, .n_in = N, .cost = "permuted:base=sqrt", .normalize = normalize[k], .seed = 3};
    lp_prior *p = prior_built(&q);
    lp_graph *g;
    lp_val operands[LP_LINEAR_INPUTS] = {{0}};
    lp_linear_params params = {0};
    assert_non_null(p->table);
    assert_int_equal(lp_prior_nbytes(p), N * N * 4);
    assert_int_equal(lp_graph_new("expanded", &g), LP_OK);
    assert_int_equal(lp_prior_operands(p, g, "lp", operands, &params), LP_OK);
    assert_int_equal(operands[LP_PRIOR_TABLE].id, 0);
    assert_int_equal(operands[LP_PRIOR_ROW_SCALE].id, 0);
    const char *name;
    const void *data = NULL;
    lp_desc d;
    uint32_t i = 0, found = 0;
    while (lp_graph_constant_get(g, i++, &name, &d, &data))
      if (strcmp(name, lp_graph_value_name(g, operands[LP_PRIOR_DENSE])) == 0) {
        const float *f = data;
        for (uint32_t e = 0; e < N * N; e++)
          assert_true(f[e] == (float)lp_prior_at(p, e / N, e % N));
        found++;
      } else if (strcmp(name, "lp.prior.table") == 0) {
        found++;
      }
    assert_int_equal(found, 2);
    lp_graph_free(g);
    lp_prior_free(p);
  }
}

static const void *constant_named(const lp_graph *g, const char *wanted) {
  const char *name;
  const void *data;
  lp_desc d;
  for (uint32_t i = 0; lp_graph_constant_get(g, i, &name, &d, &data); i++)
    if (strcmp(name, wanted) == 0) return data;
  return NULL;
}

static const void *bytes_of(const lp_graph *g, lp_val v) {
  return v.id ? constant_named(g, lp_graph_value_name(g, v)) : NULL;
}

/* The layer of a larger one takes its inputs in the order of the table: column k of the weight is
 * that of unit order[k], with the same P, which lies side by side now. */
static void large_scattered_tables_are_ordered(void **state) {
  (void)state;
  static const lp_prior_spec spec[] = {
      {.n_out = 1024, .n_in = 1024, .cost = "permuted:base=linear", .seed = 3},
      {.n_out = 4096, .n_in = 256, .cost = "permuted:base=sqrt", .normalize = "fan_out", .seed = 4},
      {.n_out = 1024, .n_in = 1024, .cost = "permuted:base=sqrt", .normalize = "fan_in", .seed = 5},
  };
  for (size_t k = 0; k < sizeof spec / sizeof *spec; k++) {
    const uint32_t n_out = spec[k].n_out, n_in = spec[k].n_in;
    lp_prior *p = prior_built(&spec[k]);
    lp_prior_store *store = lp_prior_store_new();
    lp_graph *g;
    const lp_desc dx = lp_f32(2, n_in), dw = lp_f32(n_out, n_in);
    const lp_init zero = {LP_INIT_CONST, 0, NULL};
    assert_int_equal(lp_graph_new("ordered", &g), LP_OK);
    const lp_val x = lp_input(g, "x", &dx), w = lp_graph_param(g, "w", &dw, &zero);
    lp_val in[LP_LINEAR_INPUTS] = {x, w};
    lp_linear_params params;
    assert_int_equal(lp_prior_store_linear(store, &spec[k], g, "lp", in, &params), LP_OK);
    assert_int_equal(in[1].id, w.id);
    assert_true(in[0].id != x.id && in[LP_PRIOR_DENSE].id == 0);
    assert_true(params.run >= 16 && n_in % params.run == 0);
    const float *table = bytes_of(g, in[LP_PRIOR_TABLE]);
    const float *row = bytes_of(g, in[LP_PRIOR_ROW_SCALE]),
                *col = bytes_of(g, in[LP_PRIOR_COL_SCALE]);
    const int32_t *off_out = bytes_of(g, in[LP_PRIOR_OFF_OUT]),
                  *off_in = bytes_of(g, in[LP_PRIOR_OFF_IN]);
    const int32_t *order = bytes_of(g, lp_graph_order_of(g, w));
    const int32_t *back = constant_named(g, "expanded.lp.prior.back");
    assert_non_null(order);
    assert_non_null(back);
    for (uint32_t i = 0; i < n_in; i++) {
      assert_int_equal(back[order[i]], i);
      if (i % params.run) assert_int_equal(off_in[i], off_in[i - 1] + 1);
    }
    for (uint32_t o = 0; o < n_out; o += 37)
      for (uint32_t i = 0; i < n_in; i++) {
        const double got = (double)table[off_out[o] + off_in[i]] * (row ? (double)row[o] : 1) *
                           (col ? (double)col[i] : 1);
        const double want = lp_prior_at(p, o, (uint32_t)order[i]);
        assert_true(fabs(got - want) <= 3e-7 * fabs(want));
      }
    /* who asks for operands alone gets the matrix, from the same store */
    lp_val other[LP_LINEAR_INPUTS] = {{0}};
    assert_int_equal(lp_prior_store_operands(store, &spec[k], g, "lp", other, &params), LP_OK);
    const float *dense = bytes_of(g, other[LP_PRIOR_DENSE]);
    assert_non_null(dense);
    for (uint32_t e = 0; e < n_out * n_in; e += 101)
      assert_true(dense[e] == (float)lp_prior_at(p, e / n_in, e % n_in));
    lp_graph_free(g);
    lp_prior_store_free(store);
    lp_prior_free(p);
  }
}

static void free_positions_are_dense(void **state) {
  (void)state;
  lp_prior *p =
      prior_built(&(lp_prior_spec){.n_out = 7, .n_in = 11, .topology = "spiral", .cost = "linear"});
  assert_null(p->table);
  double d =
      hypot(sqrt(3) * cos(7.2) - sqrt(8) * cos(19.2), sqrt(3) * sin(7.2) - sqrt(8) * sin(19.2));
  close_to(lp_prior_at(p, 3, 8), 1 / (1 + d));
  assert_int_equal(lp_prior_nbytes(p), 7 * 11 * 4);
  lp_prior_free(p);
}

static void sources_give_any_matrix(void **state) {
  (void)state;
  lp_prior_spec q = sheets(10, 15, 3, 4, "grid", "rows"); /* more rows than one block */
  lp_prior *p = prior_built(&q);
  assert_null(p->table);
  for (uint32_t i = 0; i < q.n_out; i++)
    for (uint32_t j = 0; j < q.n_in; j++)
      close_to(lp_prior_at(p, i, j), i + j / 1000.0 + gap(&q, i, j));
  lp_prior_free(p);
}

/* ---- normalisation ------------------------------------------------------------------------- */

static void normalisations_fix_their_sums(void **state) {
  (void)state;
  static const char *const cost[] = {"linear", "dog", "permuted:base=dog,seed=3"};
  static const uint32_t in[][2] = {{3, 4}, {6, 10}, {5, 7}}; /* table, table, dense */
  for (int c = 0; c < 3; c++)
    for (int k = 0; k < 3; k++) {
      lp_prior_spec q = sheets(6, 8, in[k][0], in[k][1], "grid", cost[c]);
      if (k == 1) q = sheets(3, 5, 6, 10, "grid", cost[c]);
      q.normalize = "fan_in";
      lp_prior *p = prior_built(&q);
      assert_int_equal(p->table != NULL, k < 2);
      for (uint32_t i = 0; i < q.n_out; i++) close_to(row_sum(p, i), q.n_in);
      lp_prior_free(p);
      q.normalize = "fan_out";
      p = prior_built(&q);
      for (uint32_t j = 0; j < q.n_in; j++) close_to(column_sum(p, j), q.n_out);
      lp_prior_free(p);
      q.normalize = "total";
      p = prior_built(&q);
      double sum = 0;
      for (uint32_t i = 0; i < q.n_out; i++) sum += row_sum(p, i);
      close_to(sum, (double)q.n_out * q.n_in);
      q.normalize = "none";
      lp_prior *plain = prior_built(&q);
      double ratio = lp_prior_at(p, 0, 0) / lp_prior_at(plain, 0, 0);
      close_to(lp_prior_at(p, 1, 5) / lp_prior_at(plain, 1, 5), ratio);
      lp_prior_free(plain);
      lp_prior_free(p);
    }
}

/* ---- the permuted control ------------------------------------------------------------------ */

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* All values of a prior in ascending order. */
static double *sorted_values(const lp_prior *p) {
  uint32_t n_out = p->sheets.n_out, n_in = p->sheets.n_in;
  double *v = malloc((size_t)n_out * n_in * sizeof *v);
  assert_non_null(v);
  for (uint32_t i = 0; i < n_out; i++)
    for (uint32_t j = 0; j < n_in; j++) v[(size_t)i * n_in + j] = lp_prior_at(p, i, j);
  qsort(v, (size_t)n_out * n_in, sizeof *v, by_value);
  return v;
}

static uint32_t differences(const lp_prior *a, const lp_prior *b) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < a->sheets.n_out; i++)
    for (uint32_t j = 0; j < a->sheets.n_in; j++) n += lp_prior_at(a, i, j) != lp_prior_at(b, i, j);
  return n;
}

static void permuted_moves_values_only(void **state) {
  (void)state;
  static const uint32_t size[][4] = {{7, 7, 7, 7}, {6, 8, 3, 4}, {3, 7, 1, 10}};
  for (int k = 0; k < 3; k++) {
    lp_prior_spec q = sheets(size[k][0], size[k][1], size[k][2], size[k][3], "grid", "power:p=2");
    lp_prior *base = prior_built(&q);
    q.cost = "permuted:base=(power:s=1,p=2)";
    lp_prior *one = prior_built(&q), *again = prior_built(&q);
    q.cost = "permuted:base=(power:p=2),seed=2";
    lp_prior *two = prior_built(&q);
    assert_int_equal(one->table != NULL, base->table != NULL); /* the form of its base */
    assert_int_equal(one->n_table, base->n_table);
    double *a = sorted_values(base), *b = sorted_values(one);
    for (uint32_t v = 0; v < q.n_out * q.n_in; v++) assert_true(a[v] == b[v]);
    free(a);
    free(b);
    assert_int_equal(differences(one, again), 0);
    assert_true(differences(one, base) > q.n_out * q.n_in / 2);
    assert_true(differences(one, two) > q.n_out * q.n_in / 2);
    close_to(lp_prior_distance(one, 2, 3), lp_prior_distance(base, 2, 3)); /* units stay */
    lp_prior_free(base);
    lp_prior_free(one);
    lp_prior_free(again);
    lp_prior_free(two);
  }
}

/* ---- operands and layers ------------------------------------------------------------------- */

static uint32_t operands_of(const lp_prior_spec *q, lp_val operands[LP_LINEAR_INPUTS],
                            lp_linear_params *params, lp_graph *g) {
  lp_prior *p = prior_built(q);
  assert_int_equal(lp_prior_operands(p, g, "lp", operands, params), LP_OK);
  uint32_t present = 0;
  size_t bytes = 0;
  for (uint32_t k = LP_PRIOR_TABLE; k < LP_LINEAR_INPUTS; k++) {
    lp_desc d;
    if (!operands[k].id) continue;
    present |= 1u << k;
    assert_int_equal(lp_graph_shape(g, operands[k], &d), LP_OK);
    bytes += lp_nbytes(&d);
  }
  assert_int_equal(bytes, lp_prior_nbytes(p));
  lp_prior_free(p);
  return present;
}

static void operands_follow_the_form(void **state) {
  (void)state;
  const uint32_t table = 1u << LP_PRIOR_TABLE | 1u << LP_PRIOR_OFF_OUT | 1u << LP_PRIOR_OFF_IN;
  const uint32_t row = 1u << LP_PRIOR_ROW_SCALE, col = 1u << LP_PRIOR_COL_SCALE;
  const struct {
    const char *topology, *cost, *normalize;
    uint32_t present, run;
  } cases[] = {
      {"grid", "linear", "none", table, 8},
      {"grid", "linear", "fan_in", table | row, 8},
      {"grid", "linear", "fan_out", table | col, 8},
      {"grid", "linear", "total", table | row, 8},
      {"grid", "permuted", "none", table, 0},
      {"spiral", "linear", "none", 1u << LP_PRIOR_DENSE, 0},
      {"grid", "uniform", "none", 0, 0},
      {"torus", "uniform", "fan_out", 0, 0},
      {"spiral", "uniform", "total", 0, 0},
      {"grid", "half", "fan_in", 0, 0}, /* 1 everywhere once it is normalised */
      {"grid", "half", "none", table, 8},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    lp_graph *g;
    assert_int_equal(lp_graph_new("test", &g), LP_OK);
    lp_prior_spec q = {.n_out = 12,
                       .n_in = 48,
                       .extent_out = {3, 4},
                       .extent_in = {6, 8},
                       .topology = cases[k].topology,
                       .cost = cases[k].cost,
                       .normalize = cases[k].normalize};
    lp_val operands[LP_LINEAR_INPUTS];
    lp_linear_params params;
    assert_int_equal(operands_of(&q, operands, &params, g), cases[k].present);
    assert_int_equal(params.run, cases[k].run);
    if (cases[k].present & row)
      assert_string_equal(lp_graph_value_name(g, operands[LP_PRIOR_ROW_SCALE]),
                          "lp.prior.row_scale");
    lp_graph_free(g);
  }
}

static lp_status build_layer(const char *spec_text, lp_graph *g, lp_val *out) {
  lp_spec spec;
  lp_status s = lp_spec_parse(LP_KIND_LAYER, spec_text, &spec);
  if (s != LP_OK) return s;
  const lp_layer *layer = spec.entry->descriptor;
  lp_layer_request req = {.struct_size = sizeof req, .n_in = 20, .n_out = 12, .path = "lp"};
  memcpy(req.extent_in, (const uint32_t[]){4, 5}, 2 * sizeof(uint32_t));
  memcpy(req.extent_out, (const uint32_t[]){3, 4}, 2 * sizeof(uint32_t));
  lp_desc x = lp_f32(6, 20);
  s = layer->build(layer->self, spec.args, g, &req, lp_input(g, "x", &x), out);
  lp_spec_free(&spec);
  return s;
}

static void layers_share_their_parameters(void **state) {
  (void)state;
  static const char *const layer[] = {
      "plain",
      "locality",
      "locality:topology=torus,cost=(power:p=2,s=3),metric=l1,normalize=fan_in",
      "locality:cost=uniform",
      "locality:cost=(permuted:base=dog,seed=4)",
      "locality:topology=line"};
  for (size_t k = 0; k < sizeof layer / sizeof *layer; k++) {
    lp_graph *g;
    lp_val y, params[4];
    lp_desc d, want = lp_f32(6, 12);
    assert_int_equal(lp_graph_new("test", &g), LP_OK);
    if (build_layer(layer[k], g, &y) != LP_OK) fail_msg("%s: %s", layer[k], lp_error_message());
    assert_int_equal(lp_graph_shape(g, y, &d), LP_OK);
    assert_true(lp_desc_equal(&d, &want));
    assert_int_equal(lp_graph_params(g, params, 4), 2); /* the prior is not trained */
    assert_string_equal(lp_graph_value_name(g, params[0]), "lp.weight");
    assert_string_equal(lp_graph_value_name(g, params[1]), "lp.bias");
    assert_int_equal(lp_graph_shape(g, params[0], &d), LP_OK);
    want = lp_f32(12, 20);
    assert_true(lp_desc_equal(&d, &want));
    lp_graph_free(g);
  }
}

static void layer_failures_stick(void **state) {
  (void)state;
  lp_graph *g;
  lp_val y;
  assert_int_equal(lp_graph_new("test", &g), LP_OK);
  assert_int_equal(build_layer("locality:cost=nan", g, &y), LP_ERR_PLUGIN);
  HAS(lp_error_message(), "layer lp: prior nan: the signal over a distance of ");
  assert_int_equal(lp_graph_status(g), LP_ERR_PLUGIN);
  lp_graph_free(g);
  assert_int_equal(lp_graph_new("test", &g), LP_OK);
  assert_int_equal(build_layer("locality:topology=negative", g, &y), LP_ERR_PLUGIN);
  HAS(lp_error_message(), "layer lp: topology negative: the distance of output unit ");
  assert_int_equal(lp_graph_status(g), LP_ERR_PLUGIN);
  lp_graph_free(g);
  assert_int_equal(lp_graph_new("test", &g), LP_OK);
  lp_desc wrong = lp_f32(6, 21);
  lp_layer_request req = {.struct_size = sizeof req, .n_in = 20, .n_out = 12, .path = "lp"};
  const lp_layer *plain = lp_entry_find(LP_KIND_LAYER, "plain")->descriptor;
  assert_int_equal(plain->build(plain->self, NULL, g, &req, lp_input(g, "x", &wrong), &y),
                   LP_ERR_SHAPE);
  lp_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(table_is_the_formula),
      cmocka_unit_test(other_ratios_are_dense),
      cmocka_unit_test(lines_and_rings),
      cmocka_unit_test(costs_are_their_formulas),
      cmocka_unit_test(large_sheets_are_never_dense),
      cmocka_unit_test(squarest_factors),
      cmocka_unit_test(table_is_checked_against_distances),
      cmocka_unit_test(scattered_tables_are_expanded),
      cmocka_unit_test(large_scattered_tables_are_ordered),
      cmocka_unit_test(free_positions_are_dense),
      cmocka_unit_test(sources_give_any_matrix),
      cmocka_unit_test(normalisations_fix_their_sums),
      cmocka_unit_test(permuted_moves_values_only),
      cmocka_unit_test(operands_follow_the_form),
      cmocka_unit_test(layers_share_their_parameters),
      cmocka_unit_test(layer_failures_stick),
  };
  return cmocka_run_group_tests(tests, prior_tests_load, prior_tests_shut_down);
}
