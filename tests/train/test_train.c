/* Training: it learns, is reproducible to the bit, resumes exactly, and reports what goes wrong.
 * Runs on every device of LOCALITY_TEST_DEVICES (default "cpu"). */
#include <locality/io.h>
#include <locality/registry.h>
#include <locality/rng.h>
#include <locality/train.h>

#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* needs the headers above */

static char folder[] = "/tmp/locality-train-XXXXXX";
static const char *device = "cpu";
static lp_dataset *train_set, *test_set;

static void put_u32(uint8_t *p, uint32_t v) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* A separable problem: class k is a bright bar in row 2k+4, on noise. */
static void write_split(const char *prefix, uint32_t n, uint64_t seed) {
  uint8_t *images = malloc(16 + n * 784), *labels = malloc(8 + n);
  put_u32(images, 0x803), put_u32(images + 4, n), put_u32(images + 8, 28), put_u32(images + 12, 28);
  put_u32(labels, 0x801), put_u32(labels + 4, n);
  lp_rng r = lp_rng_make(seed, "images");
  for (uint32_t i = 0; i < n; i++) {
    uint32_t k = lp_rng_below(&r, 10);
    labels[8 + i] = (uint8_t)k;
    for (uint32_t p = 0; p < 784; p++) {
      bool bar = p / 28 == 2 * k + 4;
      images[16 + i * 784 + p] = (uint8_t)(lp_rng_below(&r, 120) + (bar ? 130 : 0));
    }
  }
  char path[200];
  snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", folder, prefix);
  assert_int_equal(lp_write_file(path, images, 16 + n * 784), LP_OK);
  snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", folder, prefix);
  assert_int_equal(lp_write_file(path, labels, 8 + n), LP_OK);
  free(images);
  free(labels);
}

static int set_up(void **state) {
  (void)state;
  assert_non_null(mkdtemp(folder));
  write_split("train", 330, 1); /* 5 batches of 64 and one of 10 */
  write_split("t10k", 130, 2);
  char spec[120];
  snprintf(spec, sizeof spec, "idx:%s", folder);
  assert_int_equal(lp_dataset_open(spec, LP_SPLIT_TRAIN, &train_set), LP_OK);
  assert_int_equal(lp_dataset_open(spec, LP_SPLIT_TEST, &test_set), LP_OK);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  lp_dataset_close(train_set);
  lp_dataset_close(test_set);
  char command[200];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static lp_train_spec default_spec(void) {
  lp_train_spec s = {0};
  s.net = (lp_net_spec){.model = "lenet",
                        .layer = "locality:cost=linear",
                        .classes = 10,
                        .in_channels = 1,
                        .in_h = 28,
                        .in_w = 28,
                        .pixels = {1, 1 / 255.0f, {0.3f}, {0.2f}},
                        .dropout = -1,
                        .dropout2d = -1};
  s.optim = lp_optim_defaults(LP_OPT_SGD);
  s.optim.momentum = 0.5f;
  s.optim.decay = 0.001f;
  s.device = device;
  s.seed = 7;
  s.epochs = 3;
  s.batch = 64;
  s.lr = 0.05;
  return s;
}

static lp_trainer *new_trainer(const lp_train_spec *s) {
  lp_trainer *t;
  lp_status status = lp_trainer_new(s, train_set, &t);
  if (status != LP_OK) print_error("%s\n", lp_error_message());
  assert_int_equal(status, LP_OK);
  return t;
}

static void train_epochs(lp_trainer *t, uint32_t n, lp_epoch_result *last) {
  for (uint32_t i = 0; i < n; i++) {
    lp_status status = lp_train_epoch(t, NULL, NULL, last);
    if (status != LP_OK) print_error("%s\n", lp_error_message());
    assert_int_equal(status, LP_OK);
  }
}

/* All parameters and state, concatenated. */
static float *weights(lp_trainer *t, size_t *n) {
  lp_session *s = lp_trainer_session(t);
  float *all = NULL;
  *n = 0;
  for (uint32_t i = 0; i < lp_session_var_count(s); i++) {
    const char *name;
    lp_var_kind kind;
    lp_desc d;
    assert_int_equal(lp_session_var(s, i, &name, &kind, &d), LP_OK);
    if (kind == LP_VAR_CONSTANT || strcmp(name, "metrics.eval") == 0) continue;
    size_t count = (size_t)lp_numel(&d);
    all = realloc(all, (*n + count) * sizeof *all);
    assert_int_equal(lp_session_read(s, name, all + *n, count * sizeof *all), LP_OK);
    *n += count;
  }
  return all;
}

static void assert_same_weights(lp_trainer *a, lp_trainer *b) {
  size_t n, m;
  float *x = weights(a, &n), *y = weights(b, &m);
  assert_int_equal(n, m);
  assert_memory_equal(x, y, n * sizeof *x);
  free(x);
  free(y);
}

static void learns(void **state) {
  (void)state;
  lp_train_spec s = default_spec();
  s.optim = lp_optim_defaults(LP_OPT_ADAM);
  s.lr = 0.003;
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
  assert_non_null(strstr(lp_netspec_text(lp_model_spec(m)->network), "sheet: '7x7'"));
  lp_train_spec e = {.net = *lp_model_spec(m),
                     .optim = lp_optim_defaults(LP_OPT_SGD),
                     .device = device,
                     .seed = 99};
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
  lp_train_spec e = {.net = *lp_model_spec(m), .device = device};
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
  lp_train_spec s = default_spec(), other = s;
  if (strcmp(device, "cpu") == 0) {
    s.device = "cpu:threads=1";
    other.device = "cpu:threads=2";
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

static bool stop_at(void *user, const lp_progress *p) {
  const uint32_t *where = user;
  return !(p->epoch == where[0] && p->step == where[1]);
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

static void resume_is_exact(void **state) {
  (void)state;
  const uint32_t stops[][2] = {{1, 0}, {1, 3}, {2, 0}, {2, 5}};
  lp_train_spec s = default_spec();
  s.optim = lp_optim_defaults(LP_OPT_RMSPROP);
  s.optim.momentum = 0.5f;
  s.lr = 0.001;
  s.schedule = LP_SCHEDULE_COSINE;
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
  s.lr = 0.002; /* another training must not continue this one */
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
  s.accumulate = 4;
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
  s.optim = lp_optim_defaults(LP_OPT_SGD);
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
      s.optim = lp_optim_defaults(LP_OPT_SGD);
      s.batch = row[i][0];
      s.accumulate = cut ? row[i][1] : 1;
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
  s.lr = 1e30;
  lp_trainer *t = new_trainer(&s);
  lp_epoch_result r;
  lp_status status = lp_train_epoch(t, NULL, NULL, &r);
  if (status == LP_OK) status = lp_train_epoch(t, NULL, NULL, &r);
  assert_int_equal(status, LP_ERR_NONFINITE);
  assert_true(r.steps >= 1 && r.lr == 1e30 && !isfinite(r.loss));
  assert_non_null(strstr(lp_error_message(), "step"));
  assert_non_null(strstr(lp_error_message(), "1e+30"));
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
  s.batch = 3; /* 110 steps: one whole block and one of 10 */
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
  s.schedule = LP_SCHEDULE_STEP, s.step_epochs = 2, s.gamma = 0.1;
  lp_trainer *t = new_trainer(&s);
  double step_lr[] = {0.05, 0.05, 0.005};
  for (int i = 0; i < 3; i++) {
    train_epochs(t, 1, &r);
    assert_true(fabs(r.lr - step_lr[i]) < 1e-15);
  }
  lp_trainer_free(t);
  s.schedule = LP_SCHEDULE_COSINE;
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
  s.batch = 1;
  assert_int_equal(lp_trainer_new(&s, train_set, &t), LP_ERR_ARG);
  s = default_spec();
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
  s.device = "gpux";
  assert_int_not_equal(lp_trainer_new(&s, train_set, &t), LP_OK);
  assert_null(t);
}

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
  s.accumulate = 3;
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
  s.accumulate = 2;
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
      cmocka_unit_test(learns),
      cmocka_unit_test(model_round_trip),
      cmocka_unit_test(incomplete_files_are_named),
      cmocka_unit_test(two_runs_are_identical),
      cmocka_unit_test(resume_is_exact),
      cmocka_unit_test(a_resumed_epoch_took_as_long),
      cmocka_unit_test(accumulation),
      cmocka_unit_test(no_image_is_lost_between_passes),
      cmocka_unit_test(nonfinite_loss_is_reported),
      cmocka_unit_test(progress_delivers_every_loss),
      cmocka_unit_test(schedules),
      cmocka_unit_test(bad_specs),
      cmocka_unit_test(penalties),
      cmocka_unit_test(prior_is_built_once),
  };
  char list[200];
  const char *env = getenv("LOCALITY_TEST_DEVICES");
  snprintf(list, sizeof list, "%s", env && *env ? env : "cpu");
  int failed = 0;
  for (char *save = NULL, *d = strtok_r(list, " ", &save); d; d = strtok_r(NULL, " ", &save)) {
    device = d;
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    failed += cmocka_run_group_tests_name(device, tests, set_up, tear_down);
  }
  lp_registry_shutdown();
  return failed;
}
