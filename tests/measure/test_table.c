/* The table of measures: every row says what it is; running rows by name on a site. */
#include "support.h"

#include <locality/registry.h>

static double X[N * UNITS];
static int32_t labels[N];
static lp_responses responses;
static lp_measure_input input;

static int open_input(void **state) {
  (void)state;
  lp_places *p;
  fill_x(X, UNITS);
  fill_labels(labels, CLASSES);
  responses = lp_responses_f64(X, N, UNITS);
  if (lp_places_sheet(ROWS, COLS, false, &p) != LP_OK) return -1;
  input = (lp_measure_input){.places = p,
                             .x = &responses,
                             .labels = labels,
                             .classes = CLASSES,
                             .negative = true,
                             .seed = 1};
  return 0;
}

static int close_input(void **state) {
  (void)state;
  lp_places_free((lp_places *)(uintptr_t)input.places);
  return 0;
}

static void rows(void **state) {
  (void)state;
  uint32_t n = 0;
  assert_ok(lp_registry_load());
  for (uint32_t i = 0; i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    if (e->kind != LP_KIND_MEASURE) continue;
    const lp_measure *m = e->descriptor;
    n++;
    assert_true(strlen(m->summary) > 5 && m->unit);
    assert_int_equal(e->module, LP_MODULE_OWN);
    assert_string_equal(lp_module_get(e->module)->name, "locality");
  }
  assert_true(n > 30);
  assert_null(lp_module_get(lp_module_count()));
}

static const lp_measurement *one(const lp_measurements *m, const char *name, int32_t class_) {
  for (uint32_t i = 0; i < m->n; i++)
    if (strcmp(m->item[i].measure->name, name) == 0 && m->item[i].of_class == class_)
      return &m->item[i];
  fail_msg("%s is not measured", name);
  return NULL;
}

/* What the functions say, by name: numbers of test_order.c. */
static void by_name(void **state) {
  (void)state;
  lp_measurements m;
  assert_ok(lp_measure_site(&input, "moran:permutations=9,tgi,(patches:threshold=.5,least=1)", &m));
  assert_int_equal(m.n, 2 * (CLASSES + 1) + 1);
  const lp_measurement *first = one(&m, "moran", 0), *mean = one(&m, "moran", -1);
  assert_string_equal(first->spec, "moran:touch=queen,permutations=9");
  assert_close(first->result.value, -0.042989127747467541, 1e-12);
  assert_close(first->result.chance, -1.0 / 34, 1e-15);
  double sum = 0;
  for (int32_t c = 0; c < CLASSES; c++) sum += one(&m, "moran", c)->result.value;
  assert_close(mean->result.value, sum / CLASSES, 1e-14);
  assert_close(one(&m, "tgi", -1)->result.value, -0.0027100076317482812, 1e-10);
  assert_true(one(&m, "patches", 1)->result.value >= 1);
  lp_measurements_free(&m);
}

static void all(void **state) {
  (void)state;
  lp_measurements m;
  assert_ok(lp_measure_site(&input, NULL, &m));
  assert_string_equal(m.left_out, "variance: activations are negative, which it forbids; "
                                  "variance_torus: activations are negative, which it forbids; "
                                  "centroid_offset: activations are negative, which it forbids");
  const lp_measured *r = &one(&m, "neighbour_correlation", -1)->result;
  /* Means over the 58 pairs of neighbours and over all 595: np.corrcoef(X.T) */
  assert_close(r->value, -0.011746915073031987, 1e-9);
  assert_close(r->chance, -0.0013825018812744247, 1e-9);
  /* np.trace(C) ** 2 / np.trace(C @ C), C = np.cov(X.T) */
  assert_close(one(&m, "participation_ratio", -1)->result.value, 14.195039232971519, 1e-10);
  r = &one(&m, "correlation_distance", -1)->result;
  assert_int_equal(r->n_curve, LP_BINS);
  assert_true(isnan(r->y[0]) && r->value == r->y[1]);
  assert_true(r->low < r->chance && r->chance < r->high);
  lp_measurements_free(&m);
  /* Each half as positive activations: V and its kin are there, with their chance. */
  for (int k = 0; k < N * UNITS; k++) X[k] += 0.2;
  input.negative = false;
  assert_ok(lp_measure_site(&input, "variance,geary_c,centroid_offset", &m));
  assert_close(one(&m, "variance", -1)->result.chance, (24 + 48) / 12.0 / (1 - 1.0 / 35), 1e-14);
  assert_true(one(&m, "variance", -1)->result.value > 4);
  assert_true(one(&m, "geary_c", -1)->result.chance == 1);
  lp_measurements_free(&m);
  input.negative = true;
  fill_x(X, UNITS);
}

/* Is off-diagonal entry k among the strongest tenth? Of equal ones the lower index is. */
static bool strong(const double *w, uint32_t k) {
  uint32_t before = 0;
  for (uint32_t j = 0; j < UNITS * UNITS; j++)
    before +=
        j / UNITS != j % UNITS && (fabs(w[j]) > fabs(w[k]) || (fabs(w[j]) == fabs(w[k]) && j < k));
  return k / UNITS != k % UNITS && before < lround(0.1 * UNITS * (UNITS - 1));
}

/* Shares of |P W| over length and of units over degree, counted here. */
static void wiring_curves(void **state) {
  (void)state;
  double w[UNITS * UNITS], p[UNITS * UNITS], v[UNITS * UNITS],
      share[LP_BINS] = {0}, prior[LP_BINS] = {0}, sum[2] = {0}, longest = 0;
  for (uint32_t k = 0; k < UNITS * UNITS; k++) {
    w[k] = (k * 37 % 101) / 50.0 - 1;
    p[k] = 1 / (1 + lp_places_distance(input.places, k / UNITS, k % UNITS));
    v[k] = p[k] * w[k];
    longest = fmax(longest, lp_places_distance(input.places, k / UNITS, k % UNITS));
    sum[0] += fabs(v[k]), sum[1] += p[k];
  }
  for (uint32_t k = 0; k < UNITS * UNITS; k++) {
    int bin = 0;
    while (bin < LP_BINS - 1 &&
           lp_places_distance(input.places, k / UNITS, k % UNITS) >= longest * (bin + 1) / LP_BINS)
      bin++;
    share[bin] += fabs(v[k]) / sum[0];
    prior[bin] += p[k] / sum[1];
  }
  lp_measure_input in = {
      .places = input.places, .w = w, .p = p, .n_out = UNITS, .n_in = UNITS, .seed = 1};
  lp_measurements m;
  assert_ok(lp_measure_site(&in, "wiring_length,degree", &m));
  const lp_measured *r = &one(&m, "wiring_length", -1)->result;
  assert_int_equal(r->n_curve, LP_BINS);
  for (int k = 0; k < LP_BINS; k++) {
    assert_close(r->x[k], longest * (k + 0.5) / LP_BINS, 1e-12);
    assert_close(r->y[k], share[k], 1e-12);
    assert_close(r->y_low[k], prior[k], 1e-12);
    assert_close(r->y_high[k], prior[k], 1e-12);
  }
  double joined = 0, squares = 0, bins[15] = {0};
  for (uint32_t i = 0; i < UNITS; i++) {
    uint32_t degree = 0;
    for (uint32_t j = 0; j < UNITS; j++)
      degree += i != j && (strong(v, i * UNITS + j) || strong(v, j * UNITS + i));
    joined += degree;
    squares += degree * degree;
    bins[degree < 14 ? degree : 14] += 1.0 / UNITS;
  }
  r = &one(&m, "degree", -1)->result;
  assert_close(r->value, sqrt(squares / UNITS - pow(joined / UNITS, 2)), 1e-12);
  /* h = scipy.stats.hypergeom(595, 34, 107): h.std(), h.pmf(4), h.sf(13) */
  assert_int_equal(joined / 2, 107);
  assert_close(r->chance, 2.1762686242090044, 1e-12);
  assert_close(r->y_low[4], 0.12601934338771087, 1e-12);
  assert_close(r->y_high[14], 0.0009491561367576345, 1e-12);
  assert_int_equal(r->n_curve, 15);
  for (int k = 0; k < 15; k++) {
    assert_close(r->x[k], k, 1e-12);
    assert_close(r->y[k], bins[k], 1e-12);
  }
  lp_measurements_free(&m);
}

static void wiring(void **state) {
  (void)state;
  double w[UNITS * UNITS];
  for (int k = 0; k < UNITS * UNITS; k++) w[k] = k % 7 - 3;
  lp_measure_input in = {.places = input.places, .w = w, .n_out = UNITS, .n_in = UNITS, .seed = 1};
  lp_measurements m;
  assert_ok(lp_measure_site(&in, NULL, &m));
  double length = 0, weight = 0, d = 0;
  for (uint32_t k = 0; k < UNITS * UNITS; k++) {
    double own = lp_places_distance(in.places, k / UNITS, k % UNITS);
    length += fabs(w[k]) * own;
    weight += fabs(w[k]);
    d += own / (UNITS * UNITS);
  }
  assert_close(one(&m, "wiring_length", -1)->result.value, length / weight, 1e-12);
  assert_close(one(&m, "wiring_length", -1)->result.chance, d, 1e-12);
  assert_close(one(&m, "pruned_length", -1)->result.chance, d, 1e-12);
  assert_true(one(&m, "small_worldness", -1)->result.value > 0);
  double sum[2] = {0}, n[2] = {0}; /* of neighbours, of all pairs */
  for (uint32_t i = 0; i < UNITS; i++)
    for (uint32_t j = 0; j < i; j++) {
      double xx = 0, yy = 0, xy = 0;
      for (uint32_t k = 0; k < UNITS; k++) {
        const double x = w[i * UNITS + k], y = w[j * UNITS + k];
        xx += x * x, yy += y * y, xy += x * y;
      }
      for (int all = lp_places_distance(in.places, i, j) > 1; all < 2; all++)
        sum[all] += xy / sqrt(xx * yy), n[all]++;
    }
  assert_close(one(&m, "neighbour_cosine", -1)->result.value, sum[0] / n[0], 1e-12);
  assert_close(one(&m, "neighbour_cosine", -1)->result.chance, sum[1] / n[1], 1e-12);
  lp_measurements_free(&m);
}

/* Weights from a smaller sheet: lengths are given, and there is no graph of units. */
static void between_sheets(void **state) {
  (void)state;
  enum { FROM = 4 };
  double w[UNITS * FROM], d[UNITS * FROM], sum = 0, length = 0;
  for (int k = 0; k < UNITS * FROM; k++) {
    w[k] = k % 5 - 2;
    d[k] = 1 + k % 3;
    sum += fabs(w[k]);
    length += fabs(w[k]) * d[k];
  }
  lp_measure_input in = {.places = input.places, .w = w, .d = d, .n_out = UNITS, .n_in = FROM};
  lp_measurements m;
  assert_ok(lp_measure_site(&in, NULL, &m));
  assert_close(one(&m, "wiring_length", -1)->result.value, length / sum, 1e-12);
  for (uint32_t i = 0; i < m.n; i++) assert_string_not_equal(m.item[i].measure->name, "modularity");
  lp_measurements_free(&m);
  assert_int_equal(lp_measure_site(&in, "modularity", &m), LP_ERR_ARG);
  in.effort = LP_MEASURE_LENIENT;
  assert_ok(lp_measure_site(&in, "modularity,wiring_length", &m));
  assert_int_equal(m.n, 1);
  assert_int_equal(m.item[0].asked, 1);
  lp_measurements_free(&m);
  in.d = NULL;
  assert_int_equal(lp_measure_site(&in, NULL, &m), LP_ERR_ARG);
}

/* What takes long is left out where there is much of it, and so are nulls of each class. */
static void bounded(void **state) {
  (void)state;
  enum { MANY = LP_BOUND_CLASSES + 1, TIMES = 2 };
  double x[MANY * TIMES * 6];
  int32_t label[MANY * TIMES];
  for (int k = 0; k < MANY * TIMES * 6; k++) x[k] = (k * 7919) % 101;
  for (int k = 0; k < MANY * TIMES; k++) label[k] = k % MANY;
  lp_responses r = lp_responses_f64(x, MANY * TIMES, 6);
  lp_places *p;
  assert_ok(lp_places_sheet(2, 3, false, &p));
  lp_measure_input in = {.places = p, .x = &r, .labels = label, .classes = MANY, .seed = 1};
  lp_measurements m;
  for (int k = 0; k < 2; k++) {
    in.effort = k ? LP_MEASURE_BOUNDED : LP_MEASURE_LENIENT;
    assert_ok(lp_measure_site(&in, "iou,moran:permutations=9", &m));
    assert_int_equal(m.n, k ? MANY + 1 : MANY + 2);
    const lp_measured *of = &one(&m, "moran", 0)->result;
    assert_true(isnan(of->p) == (k == 1) && !isnan(of->value));
    lp_measurements_free(&m);
  }
  lp_places_free(p);
}

static void refused(void **state) {
  (void)state;
  lp_measurements m;
  lp_measure_input in = input;
  in.labels = NULL;
  assert_int_equal(lp_measure_site(&in, "moran", &m), LP_ERR_ARG);
  assert_string_equal(lp_error_message(), "measure moran: it needs labels");
  assert_int_equal(lp_measure_site(&in, "modularity", &m), LP_ERR_ARG);
  assert_string_equal(lp_error_message(), "measure modularity: it needs weights");
  assert_int_equal(lp_measure_site(&in, "tgy", &m), LP_ERR_NOT_FOUND);
  assert_non_null(strstr(lp_error_message(), "did you mean 'tgi'"));
  assert_int_equal(lp_measure_site(&input, "patches:touch=bishop", &m), LP_ERR_ARG);
  assert_string_equal(lp_error_message(), "measure patches: touch=bishop: it is rook or queen");
  assert_int_equal(m.n, 0);
  lp_places *other;
  assert_ok(lp_places_sheet(2, 3, false, &other));
  in.places = other;
  assert_int_equal(lp_measure_site(&in, "tgi", &m), LP_ERR_ARG);
  assert_string_equal(lp_error_message(), "activations of 35 units at 6 places");
  lp_places_free(other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows),    cmocka_unit_test(by_name),       cmocka_unit_test(all),
      cmocka_unit_test(wiring),  cmocka_unit_test(wiring_curves), cmocka_unit_test(between_sheets),
      cmocka_unit_test(bounded), cmocka_unit_test(refused)};
  return cmocka_run_group_tests(tests, open_input, close_input);
}
