/* Pruned networks: a layer that is computed by what is kept alone trains as its matrix with a mask
 * does, whatever its prior; what must stay a matrix does; files and checkpoints. */
#include "support.h"

#include <locality/io.h>
#include <locality/rng.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DENSE = -1, SPARSE = 1 }; /* lp_train_spec.sparse_share: none, any */

/* Two sheets of 5 x 7 units. */
static lp_train_spec spec_of(const char *layer) {
  lp_train_spec s = default_spec();
  s.net.model = "mlp";
  s.net.layer = layer;
  s.net.sheet[0] = 5;
  s.net.sheet[1] = 7;
  return s;
}

/* The size of a variable; how many of its elements there are. */
static size_t size_of(lp_trainer *t, const char *wanted, lp_desc *d) {
  const char *name;
  lp_var_kind kind;
  for (uint32_t i = 0; lp_session_var(lp_trainer_session(t), i, &name, &kind, d) == LP_OK; i++)
    if (strcmp(name, wanted) == 0) return (size_t)lp_numel(d);
  fail_msg("no variable %s", wanted);
  return 0;
}

typedef struct choice {
  int32_t *rows, *columns;
  lp_train_mask mask;
  size_t n_columns, kept;
} choice;

/* Keeps a random fraction of a tensor; a row may be left empty. */
static choice choose(const char *name, uint32_t n_rows, uint32_t n_columns, double part) {
  choice c = {malloc((n_rows + 1) * sizeof(int32_t)),
              malloc((size_t)n_rows * n_columns * sizeof(int32_t)),
              {0},
              n_columns,
              0};
  lp_rng r = lp_rng_make(n_rows * 1000 + n_columns, name);
  c.rows[0] = 0;
  for (uint32_t o = 0; o < n_rows; o++) {
    for (uint32_t i = 0; i < n_columns; i++)
      if (o != 2 && lp_rng_below(&r, 1000) < 1000 * part) c.columns[c.kept++] = (int32_t)i;
    c.rows[o + 1] = (int32_t)c.kept;
  }
  c.mask = (lp_train_mask){.name = name, .n_rows = n_rows, .rows = c.rows, .columns = c.columns};
  return c;
}

static void free_choice(choice *c) {
  free(c->rows);
  free(c->columns);
}

/* A tensor as the matrix that it is, whichever way it is computed. */
static float *matrix_of(lp_trainer *t, const choice *c) {
  lp_desc d;
  const size_t n = size_of(t, c->mask.name, &d), all = c->mask.n_rows * c->n_columns;
  float *x = calloc(all, sizeof *x), *held = malloc(n * sizeof *held);
  assert_true(n == all || n == c->kept);
  assert_int_equal(lp_session_read(lp_trainer_session(t), c->mask.name, held, n * sizeof *held),
                   LP_OK);
  if (n == all) memcpy(x, held, n * sizeof *x);
  for (uint32_t o = 0; n != all && o < c->mask.n_rows; o++)
    for (int32_t k = c->rows[o]; k < c->rows[o + 1]; k++)
      x[o * c->n_columns + (size_t)c->columns[k]] = held[k];
  free(held);
  return x;
}

/* Largest difference; what is pruned is 0 in both. */
static double apart(lp_trainer *a, lp_trainer *b, const choice *c, double *largest) {
  float *x = matrix_of(a, c), *y = matrix_of(b, c);
  uint8_t *keep = calloc(c->mask.n_rows, c->n_columns);
  double most = 0;
  *largest = 0;
  for (uint32_t o = 0; o < c->mask.n_rows; o++)
    for (int32_t k = c->rows[o]; k < c->rows[o + 1]; k++)
      keep[o * c->n_columns + (size_t)c->columns[k]] = 1;
  for (size_t k = 0; k < c->mask.n_rows * c->n_columns; k++) {
    if (!keep[k]) assert_true(x[k] == 0 && y[k] == 0);
    most = fmax(most, fabs((double)x[k] - (double)y[k]));
    *largest = fmax(*largest, fabs((double)y[k]));
  }
  free(keep);
  free(x);
  free(y);
  return most;
}

static void save_start(const lp_train_spec *s, const char *path, lp_model **m) {
  lp_trainer *t = new_trainer(s);
  assert_int_equal(lp_model_save(t, path), LP_OK);
  assert_int_equal(lp_model_load(path, m), LP_OK);
  lp_trainer_free(t);
}

static lp_trainer *pruned(lp_train_spec s, const lp_train_mask *mask, uint32_t n, double share,
                          const lp_model *m) {
  s.masks = mask;
  s.n_masks = n;
  s.sparse_share = share;
  lp_trainer *t = new_trainer(&s);
  if (lp_model_apply(m, t) != LP_OK) fail_msg("%s", lp_error_message());
  return t;
}

/* Maps of a single image, too, are those of the matrix. */
static void one_image(lp_trainer *a, lp_trainer *b, uint32_t units) {
  const uint32_t index = 5;
  float *map[2][2];
  int32_t label;
  lp_trainer *const t[] = {a, b};
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < 2; i++) map[k][i] = calloc(units, sizeof(float));
    assert_int_equal(lp_activations(t[k], test_set, &index, 1, map[k], &label), LP_OK);
  }
  double sum = 0;
  for (int i = 0; i < 2; i++)
    for (uint32_t u = 0; u < units; u++) {
      assert_true(fabs((double)map[0][i][u] - (double)map[1][i][u]) < 1e-4);
      sum += (double)map[0][i][u];
    }
  assert_true(sum > 0);
  for (int k = 0; k < 4; k++) free(map[k / 2][k % 2]);
}

static void trains_like_the_mask(void **state) {
  (void)state;
  static const struct {
    const char *layer, *optimizer, *lr, *accumulate;
  } row[] = {
      {"plain", "adamw", "0.001", "3"},
      {"locality:cost=sqrt,normalize=fan_in", "sgd", "0.02", "1"},
      {"locality:cost=linear,topology=sphere", "sgd", "0.02", "1"}, /* P as a matrix */
      {"locality:cost=(permuted:base=linear,seed=3),normalize=fan_out", "sgd", "0.02", "1"},
  };
  const uint32_t units = 5 * 7;
  char path[200];
  snprintf(path, sizeof path, "%s/start.safetensors", folder);
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    lp_train_spec s = spec_of(row[i].layer);
    set(&s, "optimizer", row[i].optimizer);
    set(&s, "lr", row[i].lr);
    set(&s, "accumulate", row[i].accumulate);
    choice c[] = {choose("lp.weight", units, units, 0.15), choose("fc1.weight", units, 784, 0.05)};
    const lp_train_mask mask[] = {c[0].mask, c[1].mask};
    lp_model *m;
    save_start(&s, path, &m);
    lp_trainer *sparse = pruned(s, mask, 2, SPARSE, m), *dense = pruned(s, mask, 2, DENSE, m);
    lp_desc d;
    assert_int_equal(size_of(sparse, "lp.weight", &d), c[0].kept);
    assert_int_equal(size_of(dense, "lp.weight", &d), units * units);
    double largest;
    lp_epoch_result a, b;
    for (int k = 0; k < 2; k++) assert_true(apart(sparse, dense, &c[k], &largest) == 0);
    if (i == 0) one_image(sparse, dense, units);
    for (int epoch = 0; epoch < 2; epoch++) {
      assert_int_equal(lp_evaluate(sparse, test_set, &a), LP_OK);
      assert_int_equal(lp_evaluate(dense, test_set, &b), LP_OK);
      assert_true(fabs(a.loss - b.loss) < (epoch ? 1e-3 : 1e-6) * b.loss);
      train_epochs(sparse, 1, &a);
      train_epochs(dense, 1, &b);
      assert_true(fabs(a.loss - b.loss) < 1e-4 * b.loss);
      /* Sums in another order turn a unit on or off that stood at 0: a step of one image. */
      for (int k = 0; k < 2; k++)
        if (!(apart(sparse, dense, &c[k], &largest) < 4e-3 * largest))
          fail_msg("%s, %s: %g of %g apart", row[i].layer, mask[k].name,
                   apart(sparse, dense, &c[k], &largest), largest);
    }
    lp_trainer_free(sparse);
    lp_trainer_free(dense);
    lp_model_free(m);
    for (int k = 0; k < 2; k++) free_choice(&c[k]);
  }
}

/* A convolution, and a layer whose weights a penalty reads. */
static void some_stay_whole(void **state) {
  (void)state;
  char path[200];
  snprintf(path, sizeof path, "%s/start.safetensors", folder);
  choice c[] = {choose("lp.weight", 49, 49, 0.1), choose("conv2.weight", 20, 250, 0.1),
                choose("fc1.weight", 49, 320, 0.1)};
  const lp_train_mask mask[] = {c[0].mask, c[1].mask, c[2].mask};
  lp_train_spec s = default_spec();
  s.net.set = "penalty.lp=(wiring_l1:weight=0.001)";
  lp_model *m;
  lp_desc d;
  save_start(&s, path, &m);
  lp_trainer *t = pruned(s, mask, 3, SPARSE, m);
  assert_int_equal(size_of(t, "lp.weight", &d), 49 * 49);
  assert_int_equal(size_of(t, "conv2.weight", &d), 20 * 250);
  assert_int_equal(size_of(t, "fc1.weight", &d), c[2].kept);
  lp_epoch_result r;
  double largest;
  train_epochs(t, 1, &r);
  for (int k = 0; k < 3; k++) assert_true(apart(t, t, &c[k], &largest) == 0 && largest > 0);
  lp_trainer_free(t);
  /* evaluation alone decides alike, though its graph has no penalty */
  s.masks = mask;
  s.n_masks = 3;
  s.sparse_share = SPARSE;
  assert_int_equal(lp_trainer_new(&s, NULL, &t), LP_OK);
  assert_int_equal(size_of(t, "lp.weight", &d), 49 * 49);
  lp_trainer_free(t);
  lp_model_free(m);
  for (int k = 0; k < 3; k++) free_choice(&c[k]);
}

/* The share decides, and the device's own lies between none and all. */
static void the_share_decides(void **state) {
  (void)state;
  char path[200];
  snprintf(path, sizeof path, "%s/start.safetensors", folder);
  lp_train_spec s = spec_of("plain");
  choice c = choose("lp.weight", 35, 35, 0.15);
  const double kept = (double)c.kept / (35 * 35);
  lp_model *m;
  save_start(&s, path, &m);
  static const double factor[] = {0.99, 1.01};
  for (int k = 0; k < 2; k++) {
    lp_desc d;
    lp_trainer *t = pruned(s, &c.mask, 1, kept * factor[k], m);
    assert_int_equal(size_of(t, "lp.weight", &d), k ? c.kept : 35 * 35);
    const double share = lp_sparse_share(lp_trainer_session(t));
    assert_true(share > 0 && share < 1);
    lp_trainer_free(t);
  }
  lp_model_free(m);
  free_choice(&c);
}

/* What was measured on the device is what counts from then on; a file with nonsense does not. */
static void the_share_is_measured(void **state) {
  (void)state;
  char path[200], *before = getenv("LOCALITY_CACHE"), *old = before ? strdup(before) : NULL;
  lp_train_spec s = spec_of("plain");
  lp_trainer *t = new_trainer(&s);
  lp_session *session = lp_trainer_session(t);
  snprintf(path, sizeof path, "%s/cache", folder);
  setenv("LOCALITY_CACHE", path, 1);
  const double usual = lp_sparse_share(session);
  double share = 0;
  assert_int_equal(lp_sparse_tune(lp_setting_text(s.settings, "backend"), 33, 21, 3, 0.01, &share),
                   LP_OK);
  assert_true(share > 0 && share < 1 && lp_sparse_share(session) == share);
  char command[300];
  snprintf(command, sizeof command, "for f in '%s'/sparse/*; do echo 7 > $f; done", path);
  assert_int_equal(system(command), 0);
  assert_true(lp_sparse_share(session) == usual);
  if (old)
    setenv("LOCALITY_CACHE", old, 1);
  else
    unsetenv("LOCALITY_CACHE");
  free(old);
  lp_trainer_free(t);
}

/* Both ways give the same file, which is read either way. */
static void files_are_the_same(void **state) {
  (void)state;
  char start[200], path[2][200];
  snprintf(start, sizeof start, "%s/start.safetensors", folder);
  lp_train_spec s = spec_of("locality:cost=linear");
  choice c = choose("lp.weight", 35, 35, 0.15);
  lp_model *m, *again;
  save_start(&s, start, &m);
  char hex[2][65];
  for (int k = 0; k < 2; k++) {
    lp_trainer *t = pruned(s, &c.mask, 1, k ? SPARSE : DENSE, m);
    snprintf(path[k], sizeof path[k], "%s/pruned%d.safetensors", folder, k);
    assert_int_equal(lp_model_save_pruned(m, t, "rank=test", path[k]), LP_OK);
    assert_int_equal(lp_sha256_file(path[k], hex[k]), LP_OK);
    lp_trainer_free(t);
  }
  assert_string_equal(hex[0], hex[1]);
  const lp_train_mask *mask;
  assert_int_equal(lp_model_masks(m, &mask), 0);
  assert_int_equal(lp_model_load(path[0], &again), LP_OK);
  assert_int_equal(lp_model_masks(again, &mask), 1);
  assert_string_equal(mask->name, "lp.weight");
  assert_memory_equal(mask->rows, c.rows, 36 * sizeof *c.rows);
  assert_memory_equal(mask->columns, c.columns, c.kept * sizeof *c.columns);
  double loss[2];
  for (int k = 0; k < 2; k++) {
    lp_trainer *t = pruned(s, mask, 1, k ? SPARSE : DENSE, again);
    lp_epoch_result r;
    assert_int_equal(lp_evaluate(t, test_set, &r), LP_OK);
    loss[k] = r.loss;
    lp_trainer_free(t);
  }
  assert_true(fabs(loss[0] - loss[1]) < 1e-6 * loss[0]);
  lp_model_free(again);
  lp_model_free(m);
  free_choice(&c);
}

/* A training goes on to the bit, and in the same way alone. */
static void resume_is_exact(void **state) {
  (void)state;
  static const uint32_t stop[] = {2, 3};
  char start[200], path[200];
  snprintf(start, sizeof start, "%s/start.safetensors", folder);
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
  lp_train_spec s = spec_of("locality:cost=linear");
  set(&s, "optimizer", "adam");
  set(&s, "lr", "0.001");
  choice c = choose("lp.weight", 35, 35, 0.15), other = choose("lp.weight", 35, 35, 0.2);
  lp_model *m;
  save_start(&s, start, &m);
  for (int k = 0; k < 2; k++) {
    const double share = k ? SPARSE : DENSE;
    lp_trainer *whole = pruned(s, &c.mask, 1, share, m), *t = pruned(s, &c.mask, 1, share, m);
    lp_epoch_result r;
    train_epochs(whole, 2, &r);
    train_epochs(t, 1, &r);
    assert_int_equal(lp_train_epoch(t, stop_at, (void *)(uintptr_t)stop, &r), LP_ERR_INTERRUPTED);
    assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
    lp_trainer_free(t);
    t = pruned(s, &c.mask, 1, share, m);
    assert_int_equal(lp_checkpoint_load(t, path), LP_OK);
    train_epochs(t, 1, &r);
    assert_same_weights(whole, t);
    lp_trainer_free(t);
    lp_trainer_free(whole);
    const lp_train_mask *const wrong[] = {&c.mask, &other.mask};
    for (int i = 0; i < 2; i++) {
      t = pruned(s, wrong[i], 1, i ? share : -share, m);
      assert_int_equal(lp_checkpoint_load(t, path), LP_ERR_ARG);
      lp_trainer_free(t);
    }
  }
  lp_model_free(m);
  free_choice(&c);
  free_choice(&other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trains_like_the_mask), cmocka_unit_test(some_stay_whole),
      cmocka_unit_test(the_share_decides),    cmocka_unit_test(the_share_is_measured),
      cmocka_unit_test(files_are_the_same),   cmocka_unit_test(resume_is_exact),
  };
  return run_on_devices(tests);
}
