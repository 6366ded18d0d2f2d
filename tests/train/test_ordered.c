/* Large layers with a permuted prior, whose inputs stand in the order of its table in memory: the
 * same start, training and files as with P as a matrix, a resume to the bit, and masks. */
#include "support.h"

#include <locality/io.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS = 1024 }; /* 32 x 32: the least that have 2^20 weights */

/* `extra` changes the network. A penalty of weight 0 needs the weights where their units are. */
static lp_train_spec spec_of(const char *layer, const char *extra) {
  lp_train_spec s = default_spec();
  s.net.model = "mlp";
  s.net.layer = layer;
  s.net.set = extra;
  s.net.sheet[0] = s.net.sheet[1] = 32;
  set(&s, "decay", "0.001");
  return s;
}
#define PERMUTED "locality:cost=(permuted:base=linear)"
#define MATRIX   "penalty.lp=(wiring_l1:weight=0)"

static bool has_var(lp_trainer *t, const char *wanted) {
  const char *name;
  lp_var_kind kind;
  lp_desc d;
  bool found = false;
  lp_session *s = lp_trainer_session(t);
  for (uint32_t i = 0; i < lp_session_var_count(s); i++)
    found |= lp_session_var(s, i, &name, &kind, &d) == LP_OK && strcmp(name, wanted) == 0;
  return found;
}

/* Largest difference of a variable in two trainers, in its largest element. */
static double apart(lp_trainer *a, lp_trainer *b, const char *name) {
  const size_t n = var_size(a, name);
  assert_int_equal(var_size(b, name), n);
  float *x = read_var(a, name), *y = read_var(b, name);
  double most = 0, largest = 1e-30;
  for (size_t k = 0; k < n; k++) {
    most = fmax(most, fabs((double)x[k] - (double)y[k]));
    largest = fmax(largest, fabs((double)y[k]));
  }
  free(x);
  free(y);
  return most / largest;
}

static void trains_like_the_matrix(void **state) {
  (void)state;
  static const char *const layer[] = {PERMUTED,
                                      "locality:cost=(permuted:base=sqrt),normalize=fan_out",
                                      "locality:cost=(permuted:base=linear),topology=torus,"
                                      "normalize=fan_in"};
  char path[200];
  snprintf(path, sizeof path, "%s/matrix.safetensors", folder);
  for (size_t k = 0; k < sizeof layer / sizeof *layer; k++) {
    lp_train_spec a = spec_of(layer[k], NULL), b = spec_of(layer[k], MATRIX);
    lp_trainer *ordered = new_trainer(&a), *matrix = new_trainer(&b);
    assert_true(has_var(ordered, "expanded.lp.prior.order"));
    assert_false(has_var(matrix, "expanded.lp.prior.order"));
    assert_true(apart(ordered, matrix, "lp.weight") == 0);
    lp_epoch_result one, other;
    train_epochs(ordered, 1, &one);
    train_epochs(matrix, 1, &other);
    assert_true(fabs(one.loss - other.loss) < 1e-5 * other.loss);
    /* Sums in another order turn a unit on or off that stood at 0: a step of one image. */
    assert_true(apart(ordered, matrix, "lp.weight") < 3e-3);
    assert_true(apart(ordered, matrix, "optim.momentum.lp.weight") < 3e-2);
    /* files are the same, and read by either */
    lp_model *m;
    lp_epoch_result x, y;
    assert_int_equal(lp_model_save(matrix, path), LP_OK);
    assert_int_equal(lp_model_load(path, &m), LP_OK);
    assert_int_equal(lp_model_apply(m, ordered), LP_OK);
    assert_true(apart(ordered, matrix, "lp.weight") == 0);
    assert_int_equal(lp_evaluate(ordered, test_set, &x), LP_OK);
    assert_int_equal(lp_evaluate(matrix, test_set, &y), LP_OK);
    assert_true(fabs(x.loss - y.loss) < 1e-5 * y.loss);
    lp_model_free(m);
    lp_trainer_free(ordered);
    lp_trainer_free(matrix);
  }
}

static void resume_is_exact(void **state) {
  (void)state;
  static const uint32_t stop[] = {2, 3};
  lp_train_spec s = spec_of(PERMUTED, NULL);
  set(&s, "optimizer", "adam");
  set(&s, "lr", "0.001");
  lp_trainer *whole = new_trainer(&s), *t = new_trainer(&s);
  lp_epoch_result r;
  char path[200];
  snprintf(path, sizeof path, "%s/ordered-checkpoint.safetensors", folder);
  train_epochs(whole, 2, &r);
  train_epochs(t, 1, &r);
  assert_int_equal(lp_train_epoch(t, stop_at, (void *)(uintptr_t)stop, &r), LP_ERR_INTERRUPTED);
  assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
  /* the file has what readers of the session see */
  static const char *const name[] = {"lp.weight", "optim.m.lp.weight", "optim.v.lp.weight"};
  lp_safetensors *f;
  assert_int_equal(lp_safetensors_read(path, &f), LP_OK);
  for (int k = 0; k < 3; k++) {
    const lp_tensor_view *v = lp_safetensors_find(f, name[k]);
    assert_non_null(v);
    assert_int_equal(lp_numel(&v->desc), UNITS * UNITS);
    float *x = read_var(t, name[k]);
    assert_memory_equal(x, v->data, lp_nbytes(&v->desc));
    free(x);
  }
  lp_safetensors_free(f);
  lp_trainer_free(t);
  t = new_trainer(&s);
  assert_int_equal(lp_checkpoint_load(t, path), LP_OK);
  train_epochs(t, 1, &r);
  assert_same_weights(whole, t);
  lp_trainer_free(t);
  lp_trainer_free(whole);
}

/* An epoch from the weights of a file with a mask that keeps two of seven; the matrix of the layer,
 * to be freed. */
static float *trained_with_mask(const char *start, const char *extra, double share,
                                const lp_train_mask *mask) {
  const size_t n = (size_t)UNITS * UNITS;
  lp_train_spec s = spec_of(PERMUTED, extra);
  s.masks = mask;
  s.n_masks = 1;
  s.sparse_share = share;
  lp_trainer *t = new_trainer(&s);
  lp_model *m;
  assert_int_equal(lp_model_load(start, &m), LP_OK);
  assert_int_equal(lp_model_apply(m, t), LP_OK); /* what is pruned becomes 0 */
  lp_model_free(m);
  const bool thin = var_size(t, "lp.weight") < n;
  assert_int_equal(thin, share > 0);
  lp_epoch_result r;
  train_epochs(t, 1, &r);
  float *w = read_var(t, "lp.weight"), *all = calloc(n, sizeof *all);
  if (!thin) memcpy(all, w, n * sizeof *all);
  for (uint32_t o = 0; thin && o < UNITS; o++)
    for (int32_t k = mask->rows[o]; k < mask->rows[o + 1]; k++)
      all[(size_t)o * UNITS + (size_t)mask->columns[k]] = w[k];
  free(w);
  lp_trainer_free(t);
  return all;
}

/* What is masked is named by the units, whether the matrix is kept, in either order, or what is
 * left of it alone. */
static void masks_are_of_the_units(void **state) {
  (void)state;
  const size_t n = (size_t)UNITS * UNITS;
  int32_t *rows = malloc((UNITS + 1) * sizeof *rows), *columns = malloc(n * sizeof *columns);
  char start[200];
  snprintf(start, sizeof start, "%s/ordered.safetensors", folder);
  lp_train_spec spec = spec_of(PERMUTED, NULL);
  lp_trainer *whole = new_trainer(&spec);
  assert_int_equal(lp_model_save(whole, start), LP_OK);
  lp_trainer_free(whole);
  int32_t kept = 0;
  rows[0] = 0;
  for (int32_t o = 0; o < UNITS; o++) {
    for (int32_t i = 0; i < UNITS; i++)
      if ((o * UNITS + i) % 7 < 2) columns[kept++] = i;
    rows[o + 1] = kept;
  }
  const lp_train_mask mask = {
      .name = "lp.weight", .n_rows = UNITS, .rows = rows, .columns = columns};
  float *ordered = trained_with_mask(start, NULL, -1, &mask),
        *wires = trained_with_mask(start, NULL, 1, &mask);
  float *matrix = trained_with_mask(start, MATRIX, -1, &mask);
  double most = 0, largest = 0;
  for (size_t k = 0; k < n; k++) {
    const double w = (double)matrix[k];
    if (k % 7 >= 2) assert_true(ordered[k] == 0 && wires[k] == 0 && w == 0);
    largest = fmax(largest, fabs(w));
    most = fmax(most, fmax(fabs((double)ordered[k] - w), fabs((double)wires[k] - w)));
  }
  assert_true(largest > 0.9 / sqrt(UNITS));
  assert_true(most < 3e-3 * largest);
  free(ordered);
  free(wires);
  free(matrix);
  free(rows);
  free(columns);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trains_like_the_matrix),
      cmocka_unit_test(resume_is_exact),
      cmocka_unit_test(masks_are_of_the_units),
  };
  return run_on_devices(tests);
}
