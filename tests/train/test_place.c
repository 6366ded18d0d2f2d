/* `place`: units exchange places, and the network computes what it did. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 5, COLS = 7, UNITS = ROWS * COLS, PIXELS = 28 * 28, IMAGES = 330 };

/* Pixels on 28 x 28, two layers of 5 x 7 units, batch norm between them. */
static const char *const text = "input: {size: 28}\n"
                                "layers:\n"
                                "  - flatten\n"
                                "  - fc1: {layer: plain, sheet: 5x7}\n"
                                "  - bn: batchnorm\n"
                                "  - relu: {record: one}\n"
                                "  - fc2: {layer: plain, sheet: 5x7}\n"
                                "  - relu: {record: two}\n"
                                "  - out: linear:units=$classes\n";

static lp_netspec *network;

static lp_train_spec spec_of(const char *place) {
  lp_train_spec s = default_spec();
  s.net.network = network;
  set(&s, "momentum", "0.9");
  set(&s, "place", place);
  return s;
}

static lp_trainer *trained(const char *place, uint32_t epochs) {
  lp_train_spec s = spec_of(place);
  lp_trainer *t = new_trainer(&s);
  lp_epoch_result r;
  train_epochs(t, epochs, &r);
  return t;
}

static void ok(lp_status s) {
  if (s != LP_OK) print_error("%s\n", lp_error_message());
  assert_int_equal(s, LP_OK);
}

static float *variable(lp_trainer *t, const char *name, size_t n) {
  float *x = malloc(n * sizeof *x);
  ok(lp_session_read(lp_trainer_session(t), name, x, n * sizeof *x));
  return x;
}

/* Maps of both sites, and labels, of all training images. */
static void read_maps(lp_trainer *t, float *maps[2]) {
  uint32_t index[IMAGES];
  int32_t labels[IMAGES];
  for (uint32_t i = 0; i < IMAGES; i++) index[i] = i;
  for (int k = 0; k < 2; k++) maps[k] = malloc(IMAGES * UNITS * sizeof **maps);
  ok(lp_activations(t, train_set, index, IMAGES, maps, labels));
}

/* Where the rows of a are in b: to[i] of row i. */
static void find_rows(const float *a, const float *b, size_t length, uint32_t to[UNITS]) {
  for (uint32_t i = 0; i < UNITS; i++) {
    uint32_t k = 0;
    while (k < UNITS && memcmp(a + i * length, b + k * length, length * sizeof *a) != 0) k++;
    assert_true(k < UNITS);
    to[i] = k;
  }
}

/* Both sheets cover the area of the finer one's places, whose spacing is 1. */
static double at(uint32_t k, uint32_t n, uint32_t finer) {
  return (k + 0.5) * finer / n - 0.5;
}

/* sum |w| d, Manhattan, of the wires into fc1 and from it to fc2. */
static double wires(const float *in, const float *out) {
  double sum = 0;
  for (uint32_t u = 0; u < UNITS; u++) {
    for (uint32_t p = 0; p < PIXELS; p++)
      sum += fabs((double)in[u * PIXELS + p]) *
             (fabs(at(u / COLS, ROWS, 28) - p / 28) + fabs(at(u % COLS, COLS, 28) - p % 28));
    for (uint32_t v = 0; v < UNITS; v++)
      sum += fabs((double)out[v * UNITS + u]) *
             (abs((int)(u / COLS) - (int)(v / COLS)) + abs((int)(u % COLS) - (int)(v % COLS)));
  }
  return sum;
}

static void exchange(float *in, float *out, uint32_t u, uint32_t v) {
  for (uint32_t p = 0; p < PIXELS; p++) {
    const float x = in[u * PIXELS + p];
    in[u * PIXELS + p] = in[v * PIXELS + p], in[v * PIXELS + p] = x;
  }
  for (uint32_t r = 0; r < UNITS; r++) {
    const float x = out[r * UNITS + u];
    out[r * UNITS + u] = out[r * UNITS + v], out[r * UNITS + v] = x;
  }
}

/* Wires get shorter, by what the weights themselves say; no exchange of two units would help more;
 * activations of the layer are permuted to the bit, and what follows stays. */
static void shorter_wires(void **state) {
  (void)state;
  lp_trainer *t = trained("", 2);
  float *in[2], *out[2], *maps[2][2];
  lp_epoch_result r[2];
  lp_placement p;
  uint32_t to[UNITS];
  for (int k = 0; k < 2; k++) {
    in[k] = variable(t, "fc1.weight", UNITS * PIXELS);
    out[k] = variable(t, "fc2.weight", UNITS * UNITS);
    read_maps(t, maps[k]);
    ok(lp_evaluate(t, test_set, &r[k]));
    if (k == 0) ok(lp_trainer_place(t, "fc1=(metric=l1, rounds=1000)", train_set, &p));
  }
  for (int k = 0; k < 2; k++)
    assert_float_equal(p.wiring[k], wires(in[k], out[k]), 1e-5 * p.wiring[0]);
  assert_true(p.wiring[1] < p.wiring[0] && p.swaps > 0 && p.moved > 1);
  for (uint32_t u = 0; u < UNITS; u++)
    for (uint32_t v = 0; v < u; v++) {
      exchange(in[1], out[1], u, v);
      assert_true(wires(in[1], out[1]) > (1 - 1e-6) * p.wiring[1]);
      exchange(in[1], out[1], u, v);
    }
  find_rows(in[0], in[1], PIXELS, to);
  for (uint32_t i = 0; i < IMAGES * UNITS; i++) {
    assert_true(maps[0][0][i] == maps[1][0][i / UNITS * UNITS + to[i % UNITS]]);
    assert_float_equal((double)maps[0][1][i], (double)maps[1][1][i],
                       1e-4 * (1 + fabs((double)maps[0][1][i])));
  }
  assert_true(r[0].accuracy == r[1].accuracy);
  assert_float_equal(r[0].loss, r[1].loss, 1e-4 * r[0].loss);
  for (int k = 0; k < 2; k++) {
    free(in[k]);
    free(out[k]);
    for (int i = 0; i < 2; i++) free(maps[k][i]);
  }
  lp_trainer_free(t);
}

static double pearson(const double *x, const double *y, uint32_t n) {
  double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
  for (uint32_t i = 0; i < n; i++) mx += x[i] / n, my += y[i] / n;
  for (uint32_t i = 0; i < n; i++) {
    xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my);
    xy += (x[i] - mx) * (y[i] - my);
  }
  return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/* Of activations images x units, on the grid. */
static double alignment(const float *maps) {
  static double x[UNITS][IMAGES], r[UNITS * UNITS], s[UNITS * UNITS];
  uint32_t pairs = 0;
  for (uint32_t u = 0; u < UNITS; u++)
    for (uint32_t i = 0; i < IMAGES; i++) x[u][i] = (double)maps[i * UNITS + u];
  for (uint32_t u = 0; u < UNITS; u++)
    for (uint32_t v = 0; v < u; v++) {
      r[pairs] = pearson(x[u], x[v], IMAGES);
      s[pairs++] = 1 / (1 + hypot((double)(u / COLS) - v / COLS, (double)(u % COLS) - v % COLS));
    }
  return pearson(r, s, pairs);
}

/* Half the weighted mean of the squared distances of pairs of units. */
static double variance(const float *maps) {
  double total = 0;
  uint32_t n = 0;
  for (uint32_t i = 0; i < IMAGES; i++) {
    const float *a = maps + i * UNITS;
    double all = 0, same = 0, sum = 0;
    for (uint32_t u = 0; u < UNITS; u++) {
      all += (double)a[u], same += (double)a[u] * (double)a[u];
      for (uint32_t v = 0; v < UNITS; v++) {
        const double dy = (double)(u / COLS) - v / COLS, dx = (double)(u % COLS) - v % COLS;
        sum += (double)a[u] * (double)a[v] * (dx * dx + dy * dy) / 2;
      }
    }
    if (same < all * all) total += sum / (all * all - same), n++;
  }
  return total / n;
}

static void like_stands_by_like(void **state) {
  (void)state;
  lp_trainer *t = trained("", 2);
  lp_placement p;
  float *maps[2][2];
  read_maps(t, maps[0]);
  ok(lp_trainer_place(t, "fc2=(by=alignment,rounds=1000)", train_set, &p));
  read_maps(t, maps[1]);
  for (int k = 0; k < 2; k++) {
    assert_float_equal(p.alignment[k], alignment(maps[k][1]), 1e-6);
    assert_float_equal(p.variance[k], variance(maps[k][1]), 1e-5 * p.variance[0]);
  }
  assert_true(p.alignment[1] > p.alignment[0] + 0.05);
  assert_memory_equal(maps[0][0], maps[1][0], IMAGES * UNITS * sizeof(float)); /* not fc1's */
  for (int k = 0; k < 4; k++) free(maps[k / 2][k % 2]);
  assert_int_equal(lp_trainer_place(t, "fc2=(by=alignment)", NULL, &p), LP_ERR_ARG);
  ok(lp_trainer_place(t, "fc2", NULL, &p)); /* wires need no images, and then tell no more */
  assert_true(isnan(p.alignment[0]) && isnan(p.variance[1]) && p.wiring[1] <= p.wiring[0]);
  lp_trainer_free(t);
}

/* A network whose units were placed goes on as it would have, but for rounding: the momentum went
 * along. */
static void training_goes_on(void **state) {
  (void)state;
  lp_trainer *t[2] = {trained("", 1), trained("", 1)};
  float *w[2];
  lp_placement p;
  lp_epoch_result r;
  uint32_t to[UNITS];
  ok(lp_trainer_place(t[1], "fc1", NULL, &p));
  for (int k = 0; k < 2; k++) w[k] = variable(t[k], "fc1.weight", UNITS * PIXELS);
  find_rows(w[0], w[1], PIXELS, to);
  for (int k = 0; k < 2; k++) {
    free(w[k]);
    train_epochs(t[k], 2, &r);
    w[k] = variable(t[k], "fc1.weight", UNITS * PIXELS);
  }
  double difference = 0, size = 0;
  for (uint32_t i = 0; i < UNITS * PIXELS; i++) {
    const double x = (double)w[0][i], y = (double)w[1][to[i / PIXELS] * PIXELS + i % PIXELS];
    difference += (x - y) * (x - y), size += x * x;
  }
  assert_true(difference < 1e-8 * size);
  for (int k = 0; k < 2; k++) {
    free(w[k]);
    lp_trainer_free(t[k]);
  }
}

/* Epochs at which it is due; a resume in the middle ends with the same bits. */
static void in_training(void **state) {
  (void)state;
  static const char place[] = "fc1=(by=alignment,every=2),fc2=(every=last,metric=l1)";
  static const uint32_t due[] = {0, 1, 1};
  char path[120];
  snprintf(path, sizeof path, "%s/placed.safetensors", folder);
  lp_train_spec s = spec_of(place);
  lp_trainer *t = new_trainer(&s), *u = new_trainer(&s), *v = new_trainer(&s);
  const lp_placement *p;
  lp_epoch_result r;
  for (uint32_t e = 0; e < 3; e++) {
    train_epochs(t, 1, &r);
    assert_int_equal(lp_trainer_placements(t, &p), due[e]);
    if (due[e]) assert_string_equal(p->layer, e == 1 ? "fc1" : "fc2");
    if (due[e]) assert_string_equal(p->by, e == 1 ? "alignment" : "wiring");
  }
  assert_true(p->wiring[1] < p->wiring[0]);
  uint32_t where[2] = {3, 2};
  train_epochs(u, 2, &r);
  assert_int_equal(lp_train_epoch(u, stop_at, where, &r), LP_ERR_INTERRUPTED);
  ok(lp_checkpoint_save(u, path));
  ok(lp_checkpoint_load(v, path));
  train_epochs(v, 1, &r);
  assert_same_weights(t, v);
  lp_trainer_free(u);
  u = trained("", 3); /* another training, and its checkpoint is refused */
  ok(lp_checkpoint_save(u, path));
  assert_int_equal(lp_checkpoint_load(v, path), LP_ERR_ARG);
  lp_trainer_free(v);
  lp_trainer_free(u);
  lp_trainer_free(t);
}

static void refused(const lp_train_spec *s, const char *place, const char *says) {
  lp_trainer *t = NULL;
  if (lp_trainer_new(s, train_set, &t) == LP_OK) fail_msg("%s is placed", place);
  if (!strstr(lp_error_message(), says)) print_error("%s\n", lp_error_message());
  assert_non_null(strstr(lp_error_message(), says));
  assert_null(strchr(lp_error_message(), '\n'));
}

static void what_cannot_be_placed(void **state) {
  (void)state;
  static const struct {
    const char *model, *set, *place, *says;
  } wrong[] = {
      {"rnn", NULL, "rec", "layer rec cannot change places: it is recurrent"},
      {"lenet", NULL, "conv2", "layer conv2 cannot change places: they are channels"},
      {"lenet", NULL, "lp", "layer lp cannot change places: its prior knows"},
      {"lenet", NULL, "fc1", "layer fc1 cannot change places: lp reads them, and its prior"},
      {"lenet", NULL, "fc2", "layer fc2 cannot change places: they stand on no sheet"},
      {"lenet", NULL, "bn", "it has no weights; name the layer"},
      {"lenet", NULL, "fc3", "no layer 'fc3'; did you mean 'fc1'"},
      {"mlp", "layer=plain", "lp=(by=length)", "by=length, expected wiring or alignment"},
      {"mlp", "layer=plain", "lp=(evry=2)", "unknown 'evry'; did you mean 'every'"},
      {"mlp", "layer=plain", "lp=(every=4)",
       "every=4, expected a number of epochs from 1 to the 3"},
      {"mlp", "layer=plain", "lp=(metric=l3)", "no metric is called 'l3'"},
      {"mlp", "layer=plain", "lp=(by=wiring", "'lp=(by=wiring': a parenthesis has no other"},
      {"mlp", "layer=plain", "lp=(by=wiring,rounds=2,by=alignment)", "lp: by is given twice"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    lp_train_spec s = default_spec();
    s.net.model = wrong[i].model;
    s.net.layer = NULL;
    s.net.set = wrong[i].set                   ? wrong[i].set
                : strcmp(s.net.model, "lenet") ? NULL
                                               : "layer=locality";
    set(&s, "place", wrong[i].place);
    refused(&s, wrong[i].place, wrong[i].says);
  }
  static const char *const bare[][2] = {
      {"a=(by=alignment)", "by=alignment asks how its units respond"},
      {"b", "neither what it reads nor what reads it stands on"}};
  for (size_t i = 0; i < 2; i++) {
    lp_train_spec s = spec_of(bare[i][0]);
    lp_netspec *n;
    ok(lp_netspec_parse(
        "input: {size: 28}\nlayers:\n  - flatten\n  - a: {layer: plain, sheet: 3x3}\n"
        "  - m: linear:units=5\n  - b: {layer: plain, sheet: 3x3}\n"
        "  - out: linear:units=$classes\n",
        "bare.yaml", &n));
    s.net.network = n;
    refused(&s, bare[i][0], bare[i][1]);
    lp_netspec_free(n);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shorter_wires),         cmocka_unit_test(like_stands_by_like),
      cmocka_unit_test(training_goes_on),      cmocka_unit_test(in_training),
      cmocka_unit_test(what_cannot_be_placed),
  };
  if (lp_netspec_parse(text, "place.yaml", &network) != LP_OK) return 1;
  const int failed = run_on_devices(tests);
  lp_netspec_free(network);
  return failed;
}
