/* Training: it learns, is reproducible to the bit, resumes exactly, and reports what goes wrong. */
#include "support.h"

#include <locality/io.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void learns(void **state) {
  (void)state;
  lp_train_spec s = default_spec();
  set(&s, "optimizer", "adam");
  set(&s, "momentum", "0");
  set(&s, "decay", "0");
  set(&s, "lr", "0.003");
  s.net.dropout = 0.1f;
  s.net.dropout2d = 0.0f;
  lp_trainer *t = new_trainer(&s);
  lp_epoch_result first, last, test;
  train_epochs(t, 1, &first);
  train_epochs(t, 14, &last);
  assert_int_equal(last.epoch, 15);
  assert_int_equal(last.steps, 15 * 6);
  assert_true(last.loss < 0.5 * first.loss);
  assert_int_equal(lp_evaluate(t, test_set, &test), LP_OK);
  assert_true(test.accuracy > 80); /* chance is 10 */
  assert_true(test.top5 >= test.accuracy && test.loss > 0);
  lp_trainer_free(t);
}

/* Evaluation by hand from the activations' network: log probabilities of a saved model. */
static void round_trip(const char *layer) {
  lp_train_spec s = default_spec();
  s.net.layer = layer;
  lp_trainer *t = new_trainer(&s), *u;
  lp_epoch_result r, a, b;
  train_epochs(t, 1, &r);
  char path[200];
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  assert_int_equal(lp_model_save(t, path), LP_OK);
  lp_model *m;
  assert_int_equal(lp_model_load(path, &m), LP_OK);
  assert_string_equal(lp_model_spec(m)->model, "lenet");
  assert_null(lp_model_class_names(m)); /* numbers are no names */
  assert_non_null(strstr(lp_netspec_text(lp_model_spec(m)->network), "sheet: '7x7'"));
  lp_train_spec e = default_spec();
  e.net = *lp_model_spec(m);
  set(&e, "seed", "99");
  assert_int_equal(lp_trainer_new(&e, NULL, &u), LP_OK);
  assert_int_equal(lp_model_apply(m, u), LP_OK);
  assert_int_equal(lp_evaluate(t, test_set, &a), LP_OK);
  assert_int_equal(lp_evaluate(u, test_set, &b), LP_OK);
  assert_true(a.loss == b.loss && a.accuracy == b.accuracy);
  enum { N = 130 };
  static float in_a[N * 49], in_b[N * 49], out_a[N * 49], out_b[N * 49];
  uint32_t index[N];
  int32_t labels[N];
  lp_dataset_selection(test_set, N, index);
  assert_int_equal(lp_activations(t, test_set, index, N, (float *const[]){in_a, out_a}, labels),
                   LP_OK);
  assert_int_equal(lp_activations(u, test_set, index, N, (float *const[]){in_b, out_b}, labels),
                   LP_OK);
  assert_memory_equal(in_a, in_b, sizeof in_a);
  assert_memory_equal(out_a, out_b, sizeof out_a);
  float most = 0;
  for (int i = 0; i < N * 49; i++) most = in_a[i] > most ? in_a[i] : most;
  assert_true(most > 0); /* something was computed */
  index[N - 1] = 130;    /* there is none */
  assert_int_equal(lp_activations(t, test_set, index, N, (float *const[]){in_a, out_a}, labels),
                   LP_ERR_ARG);
  lp_model_free(m);
  lp_trainer_free(t);
  lp_trainer_free(u);
}

static void model_round_trip(void **state) {
  (void)state;
  round_trip("locality:cost=linear");
  round_trip("locality:cost=permuted"); /* drawn by the seed of the model, not of who opens it */
}

/* ---- files that lack something --------------------------------------------------------------- */

static const char *const keys[] = {
    "format",   "model", "layer",       "network",  "classes",     "channels",
    "height",   "width", "rows",        "columns",  "pixel_scale", "pixel_mean",
    "pixel_sd", "data",  "class_names", "seed",     "epochs",      "priors",
    "epoch",    "step",  "iteration",   "training", "seconds"};
enum { N_KEYS = sizeof keys / sizeof *keys };

/* Copies a file with metadata `key` set to value, or left out. */
static void copy_with(const char *from, const char *to, const char *key, const char *value) {
  lp_safetensors *f;
  assert_int_equal(lp_safetensors_read(from, &f), LP_OK);
  uint32_t n = lp_safetensors_count(f), n_meta = 0;
  lp_tensor_view *tensor = calloc(n, sizeof *tensor);
  for (uint32_t i = 0; i < n; i++) tensor[i] = *lp_safetensors_get(f, i);
  const char *name[N_KEYS], *text[N_KEYS];
  bool found = false;
  for (size_t i = 0; i < N_KEYS; i++) {
    bool this = strcmp(keys[i], key) == 0;
    const char *old = lp_safetensors_meta(f, keys[i]);
    found |= this && old;
    name[n_meta] = keys[i];
    text[n_meta] = this ? value : old;
    n_meta += text[n_meta] != NULL;
  }
  assert_true(found);
  assert_int_equal(lp_safetensors_write(to, tensor, n, name, text, n_meta), LP_OK);
  free(tensor);
  lp_safetensors_free(f);
}

/* The error of loading the model, or "". */
static const char *model_error(const char *path) {
  lp_model *m;
  lp_trainer *t = NULL;
  lp_status status = lp_model_load(path, &m);
  if (status != LP_OK) {
    assert_int_equal(status, LP_ERR_FORMAT);
    assert_null(m);
    return lp_error_message();
  }
  lp_train_spec e = default_spec();
  e.net = *lp_model_spec(m);
  assert_int_equal(lp_trainer_new(&e, NULL, &t), LP_OK);
  assert_int_equal(lp_model_apply(m, t), LP_OK);
  lp_trainer_free(t);
  lp_model_free(m);
  return "";
}

static void incomplete_files_are_named(void **state) {
  (void)state;
  static const struct {
    bool checkpoint;
    const char *key, *value, *says; /* says "": it is taken */
  } row[] = {
      {false, "format", NULL, "not a model file of this program: metadata 'format' is missing"},
      {false, "format", "locality model 9", "metadata 'format' is locality model 9"},
      {false, "model", NULL, "metadata 'model' is missing"},
      {false, "network", NULL, "metadata 'network' is missing"},
      {false, "network", "layers: [", "network"},
      {false, "pixel_scale", NULL, "metadata 'pixel_scale' is missing"},
      {false, "pixel_mean", NULL, "metadata 'pixel_mean' is missing"},
      {false, "pixel_sd", NULL, "metadata 'pixel_sd' is missing"},
      {false, "pixel_sd", "1,2,3", "metadata 'pixel_sd' is '1,2,3', not four numbers"},
      {false, "pixel_scale", "x", "metadata 'pixel_scale' is 'x', not a number"},
      {false, "classes", NULL, "metadata 'classes' is missing"},
      {false, "height", "0", "metadata 'height' is out of range"},
      {false, "width", "18446744073709551644", "metadata 'width' is missing or not a number"},
      {false, "seed", "-1", "metadata 'seed' is missing or not a number"},
      {false, "priors", NULL, ""}, /* as version 0.1 wrote them */
      {false, "layer", NULL, ""},
      {false, "data", NULL, ""},
      {true, "format", NULL, "not a checkpoint of this program: metadata 'format' is missing"},
      {true, "format", "locality checkpoint 1", "an earlier version wrote it"},
      {true, "training", NULL, "metadata 'training' is missing"},
      {true, "training", "seed=8", "belongs to a training with other settings"},
      {true, "epoch", NULL, "metadata 'epoch' is missing"},
      {true, "step", "1.5", "metadata 'step' is missing or not a number"},
      {true, "iteration", "7", "is not of this data"},
      {true, "priors", NULL, ""},
      {true, "seconds", NULL, ""},
      {true, "seconds", "soon", "metadata 'seconds' is 'soon', not a number"},
  };
  lp_train_spec s = default_spec();
  lp_trainer *t = new_trainer(&s), *u = new_trainer(&s);
  lp_epoch_result r;
  train_epochs(t, 1, &r);
  char path[2][200], broken[200];
  snprintf(path[0], sizeof path[0], "%s/model.safetensors", folder);
  snprintf(path[1], sizeof path[1], "%s/checkpoint.safetensors", folder);
  snprintf(broken, sizeof broken, "%s/broken.safetensors", folder);
  assert_int_equal(lp_model_save(t, path[0]), LP_OK);
  assert_int_equal(lp_checkpoint_save(t, path[1]), LP_OK);
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    copy_with(path[row[i].checkpoint], broken, row[i].key, row[i].value);
    const char *said = row[i].checkpoint
                           ? lp_checkpoint_load(u, broken) == LP_OK ? "" : lp_error_message()
                           : model_error(broken);
    bool good =
        *row[i].says ? strstr(said, row[i].says) && strstr(said, "broken.safetensors") : !*said;
    if (!good) fail_msg("%s=%s: %s", row[i].key, row[i].value ? row[i].value : "-", said);
    const char *once = strstr(said, "broken.safetensors:"); /* and named once */
    if (once && strstr(once + 1, "broken.safetensors:")) fail_msg("%s", said);
  }
  lp_trainer_free(t);
  lp_trainer_free(u);
}

static void two_runs_are_identical(void **state) {
  (void)state;
  lp_train_spec s = default_spec(), other = default_spec();
  if (strcmp(lp_setting_text(s.settings, "backend"), "cpu") == 0) {
    set(&s, "backend", "cpu:threads=1");
    set(&other, "backend", "cpu:threads=2");
  }
  lp_trainer *a = new_trainer(&s), *b = new_trainer(&other);
  lp_epoch_result x, y;
  train_epochs(a, 2, &x);
  train_epochs(b, 2, &y);
  assert_true(x.loss == y.loss && x.accuracy == y.accuracy);
  assert_same_weights(a, b);
  lp_trainer_free(a);
  lp_trainer_free(b);
}

static bool slowly(void *user, const lp_progress *p) {
  usleep(30000); /* of wall time: only that it is counted is looked at */
  return stop_at(user, p);
}

/* The seconds of an epoch that was interrupted and goes on are those of all its steps. */
static void a_resumed_epoch_took_as_long(void **state) {
  (void)state;
  const uint32_t at[] = {1, 4}, never[] = {0, 0};
  lp_train_spec s = default_spec();
  lp_trainer *t = new_trainer(&s);
  lp_epoch_result r;
  char path[200];
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
  assert_int_equal(lp_train_epoch(t, slowly, (void *)at, &r), LP_ERR_INTERRUPTED);
  assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
  lp_trainer_free(t);
  t = new_trainer(&s);
  assert_int_equal(lp_checkpoint_load(t, path), LP_OK);
  assert_int_equal(lp_train_epoch(t, slowly, (void *)never, &r), LP_OK);
  if (!(r.seconds >= 7 * 0.03)) fail_msg("%g seconds", r.seconds); /* the call of step 4 twice */
  lp_trainer_free(t);
}

/* What a broken disk leaves of a checkpoint is named, with what to do. */
static void a_checkpoint_in_pieces(void **state) {
  (void)state;
  lp_train_spec s = default_spec();
  lp_trainer *t = new_trainer(&s);
  char path[200];
  void *data;
  size_t n;
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
  assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
  assert_int_equal(lp_read_file(path, &data, &n), LP_OK);
  const size_t left[] = {0, 5, n / 2, n - 1};
  for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
    assert_int_equal(lp_write_file(path, data, left[i]), LP_OK);
    assert_int_equal(lp_checkpoint_load(t, path), LP_ERR_FORMAT);
    assert_non_null(strstr(lp_error_message(), path));
    assert_non_null(strstr(lp_error_message(), "; remove this file, and the network"));
  }
  assert_int_equal(lp_write_file(path, data, n), LP_OK);
  assert_int_equal(lp_checkpoint_load(t, path), LP_OK);
  free(data);
  lp_trainer_free(t);
}

static void resume_is_exact(void **state) {
  (void)state;
  const uint32_t stops[][2] = {{1, 0}, {1, 3}, {2, 0}, {2, 5}};
  lp_train_spec s = default_spec();
  set(&s, "optimizer", "rmsprop");
  set(&s, "decay", "0");
  set(&s, "lr", "0.001");
  set(&s, "schedule", "cosine");
  lp_trainer *whole = new_trainer(&s);
  lp_epoch_result expected, got;
  train_epochs(whole, 3, &expected);
  char path[200];
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
  for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
    lp_trainer *t = new_trainer(&s);
    lp_status status = LP_OK;
    while (status == LP_OK) status = lp_train_epoch(t, stop_at, (void *)stops[i], &got);
    assert_int_equal(status, LP_ERR_INTERRUPTED);
    assert_int_equal(lp_checkpoint_save(t, path), LP_OK);
    lp_trainer_free(t);

    t = new_trainer(&s);
    assert_int_equal(lp_checkpoint_load(t, path), LP_OK);
    uint32_t epoch, step;
    lp_trainer_position(t, &epoch, &step);
    assert_int_equal(epoch, stops[i][0] - 1);
    assert_int_equal(step, stops[i][1]);
    train_epochs(t, 3 - epoch, &got);
    assert_true(got.loss == expected.loss);
    assert_same_weights(whole, t);
    lp_trainer_free(t);
  }
  set(&s, "lr", "0.002"); /* another training must not continue this one */
  lp_trainer *t = new_trainer(&s);
  assert_int_equal(lp_checkpoint_load(t, path), LP_ERR_ARG);
  lp_trainer_free(t);
  lp_trainer_free(whole);
}

/* A batch cut into passes: exact resume, and a gradient that has a closed form whatever batch norm
 * does (it couples the samples of a pass, so one pass and four do not agree). */
static void accumulation(void **state) {
  (void)state;
  lp_train_spec s = default_spec();
  set(&s, "accumulate", "4");
  lp_trainer *a = new_trainer(&s), *b = new_trainer(&s);
  lp_epoch_result x, y;
  train_epochs(a, 2, &x);
  assert_int_equal(x.steps, 12);
  const uint32_t stop[] = {1, 2};
  assert_int_equal(lp_train_epoch(b, stop_at, (void *)stop, &y), LP_ERR_INTERRUPTED);
  train_epochs(b, 2, &y);
  assert_true(x.loss == y.loss && x.accuracy == y.accuracy);
  assert_same_weights(a, b);
  lp_trainer_free(a);
  lp_trainer_free(b);

  /* fc2.bias moves by -lr * sum over classes of its gradient = 0: the softmax's gradient. */
  set(&s, "momentum", "0");
  set(&s, "decay", "0");
  a = new_trainer(&s);
  float before[10], after[10];
  lp_session *session = lp_trainer_session(a);
  assert_int_equal(lp_session_read(session, "fc2.bias", before, sizeof before), LP_OK);
  const uint32_t first[] = {1, 1};
  assert_int_equal(lp_train_epoch(a, stop_at, (void *)first, &x), LP_ERR_INTERRUPTED);
  assert_int_equal(lp_session_read(session, "fc2.bias", after, sizeof after), LP_OK);
  double sum = 0, moved = 0;
  for (int i = 0; i < 10; i++) {
    sum += (double)after[i] - (double)before[i];
    moved += fabs((double)after[i] - (double)before[i]);
  }
  assert_true(moved > 1e-4 && fabs(sum) < 1e-3 * moved);
  lp_trainer_free(a);
}

/* n images, all alike: whatever passes a step is cut into, it is the same step. */
static lp_dataset *alike(uint32_t n) {
  char path[200];
  uint8_t *images = calloc(16 + n, 784), labels[64] = {0};
  assert_true(images && 8 + n <= sizeof labels);
  put_u32(images, 0x803), put_u32(images + 4, n), put_u32(images + 8, 28), put_u32(images + 12, 28);
  put_u32(labels, 0x801), put_u32(labels + 4, n);
  for (uint32_t i = 0; i < n; i++) {
    labels[8 + i] = 3;
    for (uint32_t p = 0; p < 784; p++) images[16 + i * 784 + p] = (uint8_t)(p * p);
  }
  snprintf(path, sizeof path, "%s/alike", folder);
  assert_int_equal(lp_make_dirs(path), LP_OK);
  for (int k = 0; k < 4; k++) {
    snprintf(path, sizeof path, "%s/alike/%s-%s-ubyte", folder, k / 2 ? "t10k" : "train",
             k % 2 ? "labels-idx1" : "images-idx3");
    assert_int_equal(
        lp_write_file(path, k % 2 ? labels : images, k % 2 ? 8 + n : 16 + (size_t)n * 784), LP_OK);
  }
  free(images);
  snprintf(path, sizeof path, "idx:%s/alike", folder);
  lp_dataset *d;
  assert_int_equal(lp_dataset_open(path, LP_SPLIT_TRAIN, &d), LP_OK);
  return d;
}

static void no_image_is_lost_between_passes(void **state) {
  (void)state;
  static const uint32_t row[][2] = {{3, 2}, {5, 3}, {7, 3}, {7, 2}, {9, 4}, {10, 3}, {13, 6}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    double moved[2];
    lp_dataset *d = alike(row[i][0]);
    for (int cut = 0; cut < 2; cut++) {
      lp_train_spec s = default_spec();
      set(&s, "momentum", "0");
      set(&s, "decay", "0");
      set_number(&s, "batch", row[i][0]);
      set_number(&s, "accumulate", cut ? row[i][1] : 1);
      s.net.dropout = s.net.dropout2d = 0;
      lp_trainer *t;
      assert_int_equal(lp_trainer_new(&s, d, &t), LP_OK);
      float before[10], after[10];
      lp_epoch_result r;
      assert_int_equal(lp_session_read(lp_trainer_session(t), "fc2.bias", before, sizeof before),
                       LP_OK);
      assert_int_equal(lp_train_epoch(t, NULL, NULL, &r), LP_OK);
      assert_int_equal(lp_session_read(lp_trainer_session(t), "fc2.bias", after, sizeof after),
                       LP_OK);
      moved[cut] = (double)after[3] - (double)before[3];
      lp_trainer_free(t);
    }
    lp_dataset_close(d);
    assert_true(moved[0] > 0.01 && fabs(moved[1] / moved[0] - 1) < 1e-3);
  }
}

static void nonfinite_loss_is_reported(void **state) {
  (void)state;
  lp_train_spec s = default_spec();
  set(&s, "lr", "1e6");
  lp_trainer *t = new_trainer(&s);
  lp_epoch_result r;
  lp_status status = lp_train_epoch(t, NULL, NULL, &r);
  if (status == LP_OK) status = lp_train_epoch(t, NULL, NULL, &r);
  assert_int_equal(status, LP_ERR_NONFINITE);
  assert_true(r.steps >= 1 && r.lr == 1e6 && !isfinite(r.loss));
  assert_non_null(strstr(lp_error_message(), "step"));
  assert_non_null(strstr(lp_error_message(), "1e+06"));
  lp_trainer_free(t);
}

typedef struct lp_seen {
  uint32_t losses, calls, last_step;
  double sum;
} lp_seen;

static bool collect(void *user, const lp_progress *p) {
  lp_seen *seen = user;
  seen->calls++;
  for (uint32_t i = 0; i < p->n_loss; i++) seen->sum += (double)p->loss[i];
  seen->losses += p->n_loss;
  if (p->n_loss) seen->last_step = p->last_step;
  return true;
}

static void progress_delivers_every_loss(void **state) {
  (void)state;
  lp_train_spec s = default_spec();
  set(&s, "batch", "3"); /* 110 steps: one whole block and one of 10 */
  lp_trainer *t = new_trainer(&s);
  lp_seen seen = {0};
  lp_epoch_result r;
  assert_int_equal(lp_train_epoch(t, collect, &seen, &r), LP_OK);
  assert_int_equal(seen.losses, 110);
  assert_int_equal(seen.last_step, 110);
  assert_int_equal(seen.calls, 112);
  assert_true(fabs(seen.sum / 110 - r.loss) < 1e-6 * r.loss);
  lp_trainer_free(t);
}

static void schedules(void **state) {
  (void)state;
  lp_train_spec s = default_spec();
  lp_epoch_result r;
  set(&s, "schedule", "step");
  set(&s, "step_epochs", "2");
  set(&s, "gamma", "0.1");
  lp_trainer *t = new_trainer(&s);
  double step_lr[] = {0.05, 0.05, 0.005};
  for (int i = 0; i < 3; i++) {
    train_epochs(t, 1, &r);
    assert_true(fabs(r.lr - step_lr[i]) < 1e-15);
  }
  lp_trainer_free(t);
  set(&s, "schedule", "cosine");
  t = new_trainer(&s);
  double cosine_lr[] = {0.05, 0.0375, 0.0125}; /* cos 0, 60 and 120 degrees */
  for (int i = 0; i < 3; i++) {
    train_epochs(t, 1, &r);
    assert_true(fabs(r.lr - cosine_lr[i]) < 1e-15);
  }
  lp_trainer_free(t);
}

static void bad_specs(void **state) {
  (void)state;
  lp_trainer *t;
  lp_train_spec s = default_spec();
  s.net.in_h = 32;
  assert_int_equal(lp_trainer_new(&s, train_set, &t), LP_ERR_SHAPE);
  s = default_spec();
  s.net.classes = 9;
  assert_int_equal(lp_trainer_new(&s, train_set, &t), LP_ERR_SHAPE);
  s = default_spec();
  s.net.model = "lenett";
  assert_int_equal(lp_trainer_new(&s, train_set, &t), LP_ERR_NOT_FOUND);
  assert_non_null(strstr(lp_error_message(), "lenet"));
  s = default_spec();
  s.net.layer = "locality:cost=liner";
  assert_int_not_equal(lp_trainer_new(&s, train_set, &t), LP_OK);
  assert_non_null(strstr(lp_error_message(), "linear"));
  s = default_spec();
  set(&s, "backend", "gpux");
  assert_int_not_equal(lp_trainer_new(&s, train_set, &t), LP_OK);
  assert_null(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(learns),
      cmocka_unit_test(model_round_trip),
      cmocka_unit_test(incomplete_files_are_named),
      cmocka_unit_test(two_runs_are_identical),
      cmocka_unit_test(a_checkpoint_in_pieces),
      cmocka_unit_test(resume_is_exact),
      cmocka_unit_test(a_resumed_epoch_took_as_long),
      cmocka_unit_test(accumulation),
      cmocka_unit_test(no_image_is_lost_between_passes),
      cmocka_unit_test(nonfinite_loss_is_reported),
      cmocka_unit_test(progress_delivers_every_loss),
      cmocka_unit_test(schedules),
      cmocka_unit_test(bad_specs),
  };
  return run_on_devices(tests);
}
