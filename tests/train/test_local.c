/* Layers with a local prior, which have their wires alone: the same start and training as with the
 * whole matrix, files, and a resume to the bit. */
#include "support.h"

#include <locality/io.h>
#include <locality/prior.h>
#include <locality/registry.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS = 2048 }; /* 32 x 64: the least that have 2^22 weights */

/* Two sheets; `extra` changes the network. A penalty of weight 0 needs the weights as a matrix. */
static lp_train_spec spec_of(const char *layer, const char *extra) {
  lp_train_spec s = default_spec();
  s.net.model = "mlp";
  s.net.layer = layer;
  s.net.set = extra;
  s.net.sheet[0] = 32;
  s.net.sheet[1] = 64;
  set(&s, "decay", "0.001");
  return s;
}
#define DISK   "locality:cost=(disk:r=2)"
#define MATRIX "penalty.lp=(wiring_l1:weight=0)"

/* Pairs of units within 2 of each other, in the order of the outputs. Returns how many. */
static size_t within(const char *topology, uint32_t *pair) {
  const lp_prior_spec spec = {.n_out = UNITS,
                              .n_in = UNITS,
                              .extent_out = {32, 64},
                              .extent_in = {32, 64},
                              .topology = topology,
                              .cost = "disk:r=2"};
  lp_prior *p;
  assert_int_equal(lp_registry_load(), LP_OK);
  if (lp_prior_build(&spec, &p) != LP_OK) fail_msg("%s: %s", topology, lp_error_message());
  size_t n = 0;
  for (uint32_t o = 0; o < UNITS; o++)
    for (uint32_t i = 0; i < UNITS; i++)
      if (lp_prior_distance(p, o, i) <= 2) pair[n++] = o * UNITS + i;
  lp_prior_free(p);
  return n;
}

/* Points of a file: a lattice that is pulled apart and pushed about, in a mixed order. */
static const char *points(void) {
  static char spec[200];
  snprintf(spec, sizeof spec, "points:file=%s/points.csv", folder);
  FILE *f = fopen(strchr(spec, '=') + 1, "w");
  assert_non_null(f);
  for (int k = 0; k < UNITS; k++) {
    const int at = k * 683 % UNITS;
    fprintf(f, "%.3f,%.3f\n", at / 64 * 1.25 + 0.3 * sin(k), at % 64 * 0.9 + 0.3 * cos(3 * k));
  }
  assert_int_equal(fclose(f), 0);
  return spec;
}

/* Largest difference of the wires from the elements of the matrix, and the largest element. */
static double apart(lp_trainer *sparse, lp_trainer *dense, const uint32_t *pair, size_t n,
                    double *largest) {
  float *w = read_var(sparse, "lp.weight"), *m = read_var(dense, "lp.weight");
  double most = 0;
  *largest = 0;
  for (size_t k = 0; k < n; k++) {
    most = fmax(most, fabs((double)w[k] - (double)m[pair[k]]));
    *largest = fmax(*largest, fabs((double)m[pair[k]]));
  }
  free(w);
  free(m);
  return most;
}

static void trains_like_the_matrix(void **state) {
  (void)state;
  uint32_t *pair = malloc((size_t)UNITS * 30 * sizeof *pair);
  double largest;
  char path[200];
  snprintf(path, sizeof path, "%s/dense.safetensors", folder);
  const struct {
    const char *topology, *rest;
  } layer[] = {{"grid", ",normalize=fan_in"}, {"sphere", ""}, {points(), ""}};
  for (int k = 0; k < 3; k++) {
    const size_t n = within(layer[k].topology, pair);
    char text[400];
    snprintf(text, sizeof text, "locality:cost=(disk:r=2),topology=(%s)%s", layer[k].topology,
             layer[k].rest);
    lp_train_spec a = spec_of(text, NULL), b = spec_of(text, MATRIX);
    lp_trainer *sparse = new_trainer(&a), *dense = new_trainer(&b);
    assert_int_equal(var_size(sparse, "lp.weight"), n);
    assert_int_equal(var_size(dense, "lp.weight"), UNITS * UNITS);
    assert_true(apart(sparse, dense, pair, n, &largest) == 0);
    assert_true(largest > 0.9 / sqrt(UNITS)); /* they start as those of all inputs do */
    lp_epoch_result one, other;
    assert_int_equal(lp_evaluate(sparse, test_set, &one), LP_OK);
    assert_int_equal(lp_evaluate(dense, test_set, &other), LP_OK);
    assert_true(fabs(one.loss - other.loss) < 1e-5 * other.loss);
    train_epochs(sparse, 1, &one);
    train_epochs(dense, 1, &other);
    if (!(fabs(one.loss - other.loss) < 1e-5 * other.loss))
      fail_msg("%s: loss %.9g, %.9g", text, one.loss, other.loss);
    /* Sums in another order turn a unit on or off that stood at 0: a step of one image. */
    assert_true(apart(sparse, dense, pair, n, &largest) < 3e-3 * largest);
    if (k == 0) { /* a file of the matrix is read by its wires: both know the prior by a table */
      lp_model *m;
      assert_int_equal(lp_model_save(dense, path), LP_OK);
      assert_int_equal(lp_model_load(path, &m), LP_OK);
      assert_int_equal(lp_model_apply(m, sparse), LP_OK);
      assert_true(apart(sparse, dense, pair, n, &largest) == 0);
      lp_model_free(m);
    }
    lp_trainer_free(sparse);
    lp_trainer_free(dense);
  }
  free(pair);
}

static void round_trip(const char *layer) {
  lp_train_spec s = spec_of(layer, NULL);
  lp_trainer *t = new_trainer(&s), *u;
  lp_epoch_result r, a, b;
  train_epochs(t, 1, &r);
  char path[200];
  snprintf(path, sizeof path, "%s/local.safetensors", folder);
  assert_int_equal(lp_model_save(t, path), LP_OK);
  lp_safetensors *f;
  assert_int_equal(lp_safetensors_read(path, &f), LP_OK);
  assert_null(lp_safetensors_find(f, "lp.weight"));
  assert_int_equal(lp_numel(&lp_safetensors_find(f, "lp.weight.rows")->desc), UNITS + 1);
  lp_safetensors_free(f);
  lp_model *m;
  assert_int_equal(lp_model_load(path, &m), LP_OK);
  lp_train_spec e = s;
  e.net = *lp_model_spec(m);
  assert_int_equal(lp_trainer_new(&e, NULL, &u), LP_OK);
  assert_int_equal(lp_model_apply(m, u), LP_OK);
  assert_int_equal(lp_evaluate(t, test_set, &a), LP_OK);
  assert_int_equal(lp_evaluate(u, test_set, &b), LP_OK);
  assert_true(a.loss == b.loss && a.accuracy == b.accuracy);
  lp_model_free(m);
  lp_trainer_free(t);
  lp_trainer_free(u);
}

static void model_round_trip(void **state) {
  (void)state;
  char layer[300];
  snprintf(layer, sizeof layer, "locality:cost=(gaussian:cut=2),topology=(%s)", points());
  round_trip(layer);
  round_trip(DISK);
}

static void resume(const char *layer) {
  static const uint32_t stop[] = {2, 3};
  lp_train_spec s = spec_of(layer, NULL);
  set(&s, "optimizer", "adam");
  set(&s, "lr", "0.001");
  lp_trainer *whole = new_trainer(&s), *t = new_trainer(&s);
  lp_epoch_result r;
  char path[200];
  snprintf(path, sizeof path, "%s/local-checkpoint.safetensors", folder);
  train_epochs(whole, 2, &r);
  train_epochs(t, 1, &r);
  assert_int_equal(lp_train_epoch(t, stop_at, (void *)(uintptr_t)stop, &r), LP_ERR_INTERRUPTED);
  assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
  lp_trainer_free(t);
  t = new_trainer(&s);
  assert_int_equal(lp_checkpoint_load(t, path), LP_OK);
  train_epochs(t, 1, &r);
  assert_same_weights(whole, t);
  lp_trainer_free(t);
  lp_trainer_free(whole);
}

static void resume_is_exact(void **state) {
  (void)state;
  char layer[300];
  snprintf(layer, sizeof layer, "locality:cost=(gaussian:cut=2),topology=(%s),normalize=total",
           points());
  resume(layer);
  resume("locality:cost=(disk:r=1.5),topology=torus");
  resume("locality:cost=(exponential:cut=2),topology=sphere");
}

/* What is pruned of a layer's wires is not in the file, and is not computed. */
static void wires_can_be_pruned(void **state) {
  (void)state;
  uint32_t *pair = malloc((size_t)UNITS * 13 * sizeof *pair);
  const size_t n = within("grid", pair);
  int32_t *rows = calloc(UNITS + 1, sizeof *rows), *columns = malloc(n * sizeof *columns);
  size_t kept = 0;
  for (size_t k = 0; k < n; k += 3) {
    rows[pair[k] / UNITS + 1] = (int32_t)kept + 1;
    columns[kept++] = (int32_t)(pair[k] % UNITS);
  }
  for (uint32_t o = 0; o < UNITS; o++)
    if (!rows[o + 1]) rows[o + 1] = rows[o];
  const lp_train_mask mask = {"lp.weight", NULL, UNITS, rows, columns};
  lp_train_spec s = spec_of(DISK, NULL);
  s.masks = &mask;
  s.n_masks = 1;
  lp_trainer *t = new_trainer(&s);
  char path[200];
  snprintf(path, sizeof path, "%s/local.safetensors", folder); /* model_round_trip left it */
  lp_model *m;
  assert_int_equal(lp_model_load(path, &m), LP_OK);
  assert_int_equal(lp_model_apply(m, t), LP_OK);
  assert_int_equal(var_size(t, "lp.weight"), kept);
  /* each is the file's wire of its pair, and goes on from there */
  lp_train_spec all = spec_of(DISK, NULL);
  lp_trainer *u = new_trainer(&all);
  assert_int_equal(lp_model_apply(m, u), LP_OK);
  float *w = read_var(t, "lp.weight"), *x = read_var(u, "lp.weight");
  for (size_t k = 0; k < kept; k++) assert_true(w[k] == x[3 * k]);
  lp_epoch_result r;
  train_epochs(t, 1, &r);
  float *later = read_var(t, "lp.weight");
  assert_memory_not_equal(w, later, kept * sizeof *w);
  free(w);
  free(x);
  free(later);
  lp_trainer_free(u);
  snprintf(path, sizeof path, "%s/pruned.safetensors", folder);
  assert_int_equal(lp_model_save_pruned(m, t, "rank=test", path), LP_OK);
  lp_safetensors *f;
  assert_int_equal(lp_safetensors_read(path, &f), LP_OK);
  assert_int_equal(lp_numel(&lp_safetensors_find(f, "lp.weight.values")->desc), kept);
  lp_safetensors_free(f);
  lp_model_free(m);
  lp_trainer_free(t);
  free(rows);
  free(columns);
  free(pair);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trains_like_the_matrix),
      cmocka_unit_test(model_round_trip),
      cmocka_unit_test(resume_is_exact),
      cmocka_unit_test(wires_can_be_pruned),
  };
  return run_on_devices(tests);
}
