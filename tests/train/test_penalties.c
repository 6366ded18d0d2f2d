/* Penalties in training, and that a network builds its priors once. */
#include "support.h"

#include <locality/io.h>
#include <locality/registry.h>

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The wires of layer lp, from its weights: sum of |w| (2 d + 1) on a grid of 7 x 7. */
static double wires(lp_trainer *t) {
  float w[49 * 49];
  double sum = 0;
  assert_int_equal(lp_session_read(lp_trainer_session(t), "lp.weight", w, sizeof w), LP_OK);
  for (int i = 0; i < 49; i++)
    for (int j = 0; j < 49; j++)
      sum += fabs((double)w[i * 49 + j]) * (2 * hypot(i / 7 - j / 7, i % 7 - j % 7) + 1);
  return sum;
}

/* Shorter wires; the value of an epoch lies between those before and after it; passes and a resume
 * give the same. */
static void penalties(void **state) {
  (void)state;
  lp_train_spec s = default_spec();
  char path[120];
  snprintf(path, sizeof path, "%s/penalty.safetensors", folder);
  s.net.set = "penalty.lp=(wiring_l1:k=2,weight=0.01,schedule=linear,last=0.5)";
  lp_trainer *t = new_trainer(&s), *u;
  const double before = wires(t);
  const lp_penalty_value *p;
  lp_epoch_result r;
  train_epochs(t, 1, &r);
  const double after = wires(t);
  assert_int_equal(lp_trainer_penalties(t, &p), 1);
  assert_string_equal(p->layer, "lp");
  assert_float_equal(p->strength, 0.01, 1e-12);
  assert_true(after < 0.9 * before);
  assert_true(after < p->value && p->value < before);
  assert_int_equal(lp_evaluate(t, test_set, &r), LP_OK); /* whose graph has no penalty */
  assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
  train_epochs(t, 2, &r);
  lp_trainer_penalties(t, &p);
  assert_float_equal(p->strength, 0.005, 1e-12); /* of 3 epochs the last */
  u = new_trainer(&s);
  assert_int_equal(lp_checkpoint_load(u, path), LP_OK);
  train_epochs(u, 2, &r);
  assert_same_weights(t, u);
  const lp_penalty_value *q;
  lp_trainer_penalties(u, &q);
  assert_true(p->value == q->value);
  lp_trainer_free(u);

  /* In three passes the penalty counts as much as in one. */
  set(&s, "accumulate", "3");
  u = new_trainer(&s);
  train_epochs(u, 1, &r);
  lp_trainer_penalties(u, &q);
  assert_true(after < q->value && q->value < before);
  assert_float_equal(wires(u), after, 0.05 * after);
  lp_trainer_free(u);
  lp_trainer_free(t);

  /* A model file holds no more for it. */
  s = default_spec();
  t = new_trainer(&s);
  s.net.set = "penalty.lp=wiring_l1";
  u = new_trainer(&s);
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  lp_safetensors *f[2];
  lp_trainer *both[2] = {t, u};
  for (int i = 0; i < 2; i++) {
    assert_int_equal(lp_model_save(both[i], path), LP_OK);
    assert_int_equal(lp_safetensors_read(path, &f[i]), LP_OK);
    lp_trainer_free(both[i]);
  }
  assert_int_equal(lp_safetensors_count(f[0]), lp_safetensors_count(f[1]));
  for (int i = 0; i < 2; i++) lp_safetensors_free(f[i]);
}

/* Two on a layer have strengths, values and states of their own. */
static void several(void **state) {
  (void)state;
  lp_train_spec s = default_spec();
  char path[120];
  snprintf(path, sizeof path, "%s/several.safetensors", folder);
  s.net.set =
      "penalty.lp=((wiring_l1:weight=0.01),(jacobs_jordan:weight=0.02,schedule=linear,last=0.5))";
  lp_trainer *t = new_trainer(&s), *u;
  const lp_penalty_value *p;
  lp_epoch_result r;
  train_epochs(t, 1, &r);
  assert_int_equal(lp_trainer_penalties(t, &p), 2);
  assert_string_equal(p[0].layer, p[1].layer);
  assert_float_equal(p[0].strength, 0.01, 1e-12);
  assert_float_equal(p[1].strength, 0.02, 1e-12);
  assert_true(p[0].value > 0 && p[1].value > 0 && p[0].value != p[1].value);
  assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
  train_epochs(t, 2, &r);
  lp_trainer_penalties(t, &p);
  assert_float_equal(p[1].strength, 0.01, 1e-12);
  u = new_trainer(&s);
  assert_int_equal(lp_checkpoint_load(u, path), LP_OK);
  train_epochs(u, 2, &r);
  assert_same_weights(t, u);
  lp_trainer_free(u);
  lp_trainer_free(t);

  /* One of strength 0 changes nothing but the order of sums. */
  s.net.set = "penalty.lp=((wiring_l1:weight=0.01),(jacobs_jordan:weight=0))";
  t = new_trainer(&s);
  s.net.set = "penalty.lp=(wiring_l1:weight=0.01)";
  u = new_trainer(&s);
  train_epochs(t, 1, &r);
  train_epochs(u, 1, &r);
  assert_float_equal(wires(t), wires(u), 1e-4 * wires(u));
  lp_trainer_free(u);
  lp_trainer_free(t);
}

/* Each of them trains, with a last batch that is smaller; what has no penalty, evaluation and model
 * file, agrees with it about the layer's constants. */
static void every_penalty(void **state) {
  (void)state;
  char path[120], set_to[80];
  uint32_t n = 0;
  snprintf(path, sizeof path, "%s/every.safetensors", folder);
  for (uint32_t i = 0; i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    if (e->kind != LP_KIND_PENALTY) continue;
    lp_train_spec s = default_spec();
    snprintf(set_to, sizeof set_to, "penalty.lp=(%s:weight=0.001)", e->name);
    s.net.set = set_to;
    lp_trainer *t = new_trainer(&s), *u = new_trainer(&s);
    const lp_penalty_value *p;
    lp_epoch_result r;
    train_epochs(t, 1, &r);
    assert_int_equal(lp_trainer_penalties(t, &p), 1);
    assert_true(isfinite(p->value) && p->value > 0);
    assert_int_equal(lp_evaluate(t, test_set, &r), LP_OK);
    assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
    assert_int_equal(lp_checkpoint_load(u, path), LP_OK);
    assert_int_equal(lp_model_save(t, path), LP_OK);
    lp_trainer_free(u);
    lp_trainer_free(t);
    n++;
  }
  assert_true(n >= 6);
}

/* Windows are drawn anew in every step, by seed and step alone: a resumed training has the same,
 * and so has one in passes. */
static void drawn_windows(void **state) {
  (void)state;
  enum { SIDE = 4, SAMPLES = 2 }; /* a window of 4 stands at 4 x 4 places of 7 x 7 units */
  lp_train_spec s = default_spec();
  char path[120], state_name[80];
  snprintf(path, sizeof path, "%s/drawn.safetensors", folder);
  s.net.set = "penalty.lp_out=(tdann:weight=0.1,window=4,samples=2)";
  lp_trainer *t = new_trainer(&s), *u = new_trainer(&s);
  float window[2][SAMPLES * SIDE * SIDE], again[SAMPLES * SIDE * SIDE];
  lp_epoch_result r;
  const lp_penalty_value *p;
  for (int epoch = 0; epoch < 2; epoch++) {
    train_epochs(t, 1, &r);
    lp_trainer_penalties(t, &p);
    snprintf(state_name, sizeof state_name, "%s.penalty.draw", p->layer);
    assert_int_equal(
        lp_session_read(lp_trainer_session(t), state_name, window[epoch], sizeof window[epoch]),
        LP_OK);
    for (int i = 0; i < SAMPLES; i++) {
      int ones = 0;
      for (int k = 0; k < SIDE * SIDE; k++) {
        const float v = window[epoch][i * SIDE * SIDE + k];
        assert_true(v == 0 || v == 1);
        ones += v == 1;
      }
      assert_int_equal(ones, 1);
    }
    if (!epoch) assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
  }
  assert_memory_not_equal(window[0], window[1], sizeof window[0]);
  assert_int_equal(lp_checkpoint_load(u, path), LP_OK);
  train_epochs(u, 1, &r);
  assert_same_weights(t, u);
  lp_trainer_free(u);
  set(&s, "accumulate", "3");
  u = new_trainer(&s);
  train_epochs(u, 2, &r);
  assert_int_equal(lp_session_read(lp_trainer_session(u), state_name, again, sizeof again), LP_OK);
  assert_memory_equal(again, window[1], sizeof again);
  lp_trainer_free(u);
  lp_trainer_free(t);
}

/* Training with passes of two sizes, an update of its own, evaluation of two batch sizes,
 * activations and sites: eight graphs, and one prior each for the two layers of a network. */
static void prior_is_built_once(void **state) {
  (void)state;
  void *module = dlopen(COUNTING, RTLD_NOW | RTLD_LOCAL);
  assert_non_null(module);
  uint32_t (*builds)(void);
  *(void **)&builds = dlsym(module, "counting_builds");
  assert_non_null(builds);
  const uint32_t before = builds();
  lp_train_spec s = default_spec();
  s.net.layer = "locality:cost=counting";
  s.net.set = "fc1=(locality:cost=counting,metric=l1)";
  set(&s, "accumulate", "2");
  for (uint32_t network = 1; network <= 2; network++) {
    lp_trainer *t = new_trainer(&s);
    lp_epoch_result r;
    train_epochs(t, 2, &r);
    assert_int_equal(lp_evaluate(t, test_set, &r), LP_OK);
    assert_int_equal(lp_evaluate(t, train_set, &r), LP_OK);
    const lp_site *site;
    uint32_t n;
    assert_int_equal(lp_trainer_sites(t, &site, &n), LP_OK);
    float *maps[4];
    int32_t label[3];
    const uint32_t index[3] = {0, 1, 2};
    for (uint32_t k = 0; k < n; k++) maps[k] = malloc(3 * site[k].units * sizeof(float));
    assert_int_equal(lp_activations(t, test_set, index, 3, maps, label), LP_OK);
    for (uint32_t k = 0; k < n; k++) free(maps[k]);
    lp_trainer_free(t);
    assert_int_equal(builds(), before + 2 * network);
  }
  dlclose(module);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(penalties),           cmocka_unit_test(several),
      cmocka_unit_test(every_penalty),       cmocka_unit_test(drawn_windows),
      cmocka_unit_test(prior_is_built_once),
  };
  return run_on_devices(tests);
}
