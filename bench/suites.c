/* What each command measures: shapes of products, convolutions and layers; the op table; networks.
 */
#include "bench.h"

#include <locality/registry.h>

#include <stdio.h>
#include <string.h>

typedef struct suite {
  const bench_options *o;
  bench_results *r;
  uint32_t *count; /* instead of measuring: how many cases there are */
} suite;

static bool wanted(const suite *s, const char *name) {
  if (bench_stop || (s->o->filter && !strstr(name, s->o->filter))) return false;
  if (s->count) return ++*s->count, false;
  if (s->o->list) printf("%s\n", name);
  return !s->o->list;
}

/* One case on every backend and by every peer, measured together. */
static void measure_case(const suite *s, const op_case *c, const char *name, bool with_peers) {
  if (!wanted(s, name)) return;
  uint32_t first = s->r->n;
  for (uint32_t i = 0; i < s->o->n_backends; i++) bench_add_case(s->r, c, name, s->o->backend[i]);
  if (with_peers) bench_add_peers(s->o, s->r, c, name);
  bench_measure(s->o, s->r, first, false);
}

static void measure_row(const suite *s, const case_row *row, bool with_peers) {
  for (const uint32_t *op = row->family->ops; *op; op++) {
    op_case c = op_case_make(row, *op);
    measure_case(s, &c, c.name, with_peers);
  }
}

static case_row product(const char *name, uint32_t n, uint32_t in, uint32_t out, prior_form form) {
  uint32_t rows = 1;
  while ((rows + 1) * (rows + 1) <= in) rows++;
  while (in % rows) rows--;
  return (case_row){.family = &case_linear,
                    .name = name,
                    .n = n,
                    .c = in,
                    .o = out,
                    .h = rows,
                    .w = in / rows,
                    .form = form,
                    .flags = CASE_NO_BIAS};
}

static void gemm(const suite *s) {
  static const uint32_t sizes[] = {512, 1024, 2048, 4096};
  uint32_t n = s->o->n_sizes ? s->o->n_sizes : s->o->quick ? 2 : 4;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t size = s->o->n_sizes ? s->o->size[i] : sizes[i];
    char name[32];
    snprintf(name, sizeof name, "gemm/%u", size);
    case_row row = product(name, s->o->batch ? s->o->batch : size, size, size, PRIOR_NONE);
    op_case c = op_case_make(&row, LP_OP_LINEAR);
    measure_case(s, &c, name, true);
  }
  static const uint32_t shape[][3] = {{64, 320, 49}, {64, 4096, 4096}, {256, 4096, 4096}};
  for (uint32_t i = 0; i < (s->o->quick ? 2 : 3); i++) {
    char name[48];
    snprintf(name, sizeof name, "%ux%ux%u", shape[i][0], shape[i][1], shape[i][2]);
    case_row row = product(name, shape[i][0], shape[i][1], shape[i][2], PRIOR_NONE);
    measure_row(s, &row, true);
  }
}

static void conv(const suite *s) {
  uint32_t small = s->o->batch ? s->o->batch : 64, large = s->o->batch ? s->o->batch : 16;
  if (s->o->quick && !s->o->batch) large = 2;
  const case_row rows[] = {
      {&case_conv, "lenet conv1", .n = small, .c = 1, .h = 28, .w = 28, .o = 10, .k = 5,
       .stride = 1},
      {&case_conv, "lenet conv2", .n = small, .c = 10, .h = 12, .w = 12, .o = 20, .k = 5,
       .stride = 1},
      {&case_conv, "alexnet conv1", .n = large, .c = 3, .h = 224, .w = 224, .o = 64, .k = 11,
       .stride = 4, .pad = 2},
      {&case_conv, "alexnet conv2", .n = large, .c = 64, .h = 27, .w = 27, .o = 192, .k = 5,
       .stride = 1, .pad = 2},
      {&case_conv, "alexnet conv3", .n = large, .c = 192, .h = 13, .w = 13, .o = 384, .k = 3,
       .stride = 1, .pad = 1},
      {&case_conv, "alexnet conv4", .n = large, .c = 384, .h = 13, .w = 13, .o = 256, .k = 3,
       .stride = 1, .pad = 1},
      {&case_conv, "alexnet conv5", .n = large, .c = 256, .h = 13, .w = 13, .o = 256, .k = 3,
       .stride = 1, .pad = 1},
  };
  size_t n = s->o->quick ? 5 : sizeof rows / sizeof *rows;
  for (size_t i = 0; i < n; i++) measure_row(s, &rows[i], true);
}

static void ops(const suite *s) {
  for (uint32_t i = 0; i < op_cases_count(); i++) {
    op_case c = op_cases_get(i);
    measure_case(s, &c, c.name, false);
  }
}

/* The layer of size x size units forward and backward in one, and the same in PyTorch, which knows
 * no permuted prior. */
static void whole_layer(const suite *s, uint32_t batch, uint32_t size) {
  static const char *const layer[][2] = {{"plain", "plain"},
                                         {"local", "locality:cost=linear"},
                                         {"permuted", "locality:cost=permuted"}};
  for (int k = 0; k < 3; k++) {
    char name[96];
    snprintf(name, sizeof name, "layer/%ux%u %s", batch, size, layer[k][0]);
    if (!wanted(s, name)) continue;
    bench_network net = {"layer", layer[k][1], batch, size, NULL};
    uint32_t first = s->r->n;
    uint64_t parameters = 0;
    for (uint32_t b = 0; b < s->o->n_backends && !bench_stop; b++) {
      uint64_t n = bench_add_network(s->r, &net, name, s->o->backend[b]);
      if (n) parameters = n;
    }
    if (!bench_stop && k < 2) bench_add_torch(s->o, s->r, &net, name, parameters);
    bench_measure(s->o, s->r, first, false);
  }
}

/* Plain and local layers in one group: the ratio is the price of the prior. A permuted one as
 * networks of 2^20 weights and more have it. */
static void prior(const suite *s) {
  static const struct {
    const char *name;
    prior_form form;
  } forms[] = {{"plain", PRIOR_NONE},
               {"local", PRIOR_TABLE_RUN},
               {"permuted", PRIOR_ORDERED},
               {"dense", PRIOR_DENSE}};
  static const uint32_t sizes[] = {49, 1024, 4096};
  uint32_t n = s->o->n_sizes ? s->o->n_sizes : s->o->quick ? 2 : 3;
  uint32_t batch = s->o->batch ? s->o->batch : 64;
  size_t n_forms = s->o->quick ? 2 : sizeof forms / sizeof *forms;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t size = s->o->n_sizes ? s->o->size[i] : sizes[i];
    for (const uint32_t *op = case_linear.ops; *op; op++) {
      uint32_t first = s->r->n;
      for (uint32_t b = 0; b < s->o->n_backends; b++)
        for (size_t f = 0; f < n_forms; f++) {
          char name[96];
          snprintf(name, sizeof name, "%s/%ux%u %s", lp_op_name(*op), batch, size, forms[f].name);
          case_row row = product(name, batch, size, size, forms[f].form);
          op_case c = op_case_make(&row, *op);
          if ((b == 0 || !s->o->list) && wanted(s, name))
            bench_add_case(s->r, &c, name, s->o->backend[b]);
        }
      bench_measure(s->o, s->r, first, true);
    }
    if (!s->o->quick || s->o->n_sizes) whole_layer(s, batch, size);
  }
}

/* All weights against a pattern of them, and the same pattern by PyTorch. */
static void sparse(const suite *s) {
  static const double percent[] = {BENCH_DENSITIES};
  const uint32_t batches[] = {s->o->batch ? s->o->batch : 1, 64};
  const uint32_t size = s->o->n_sizes ? s->o->size[0] : s->o->quick ? 1024 : 4096;
  for (int b = 0; b < (s->o->batch ? 1 : 2); b++)
    for (int k = 0; k < 3; k++) {
      const uint32_t first = s->r->n, op = case_sparse.ops[k], n = batches[b];
      char name[96];
      snprintf(name, sizeof name, "%s/%ux%u dense", lp_op_name(op), n, size);
      const case_row dense = product(name, n, size, size, PRIOR_NONE);
      const op_case all = op_case_make(&dense, case_linear.ops[k]);
      for (uint32_t d = 0; d < s->o->n_backends; d++)
        if ((d == 0 || !s->o->list) && wanted(s, name))
          bench_add_case(s->r, &all, name, s->o->backend[d]);
      for (size_t p = 0; p < sizeof percent / sizeof *percent; p++) {
        char layer[64];
        snprintf(name, sizeof name, "%s/%ux%u %g %%", lp_op_name(op), n, size, percent[p]);
        const case_row row = {.family = &case_sparse,
                              .name = name,
                              .n = n,
                              .c = size,
                              .o = size,
                              .p = (float)(percent[p] / 100),
                              .flags = CASE_NO_BIAS};
        const op_case c = op_case_make(&row, op);
        if (!wanted(s, name)) continue;
        for (uint32_t d = 0; d < s->o->n_backends; d++)
          bench_add_case(s->r, &c, name, s->o->backend[d]);
        snprintf(layer, sizeof layer, "%s:%g", lp_op_name(op), percent[p] / 100);
        const bench_network net = {"sparse", layer, n, size, NULL};
        if (!bench_stop) bench_add_torch(s->o, s->r, &net, name, 0);
      }
      bench_measure(s->o, s->r, first, true);
    }
}

/* One layer whose wires are short, over sheets of more and more units; the whole matrix beside it
 * while it fits. */
static void sheet(const suite *s) {
  static const uint32_t sides[] = {32, 64, 128, 256, 512, 1024};
  const uint32_t batch = s->o->batch ? s->o->batch : 16, n = s->o->quick ? 3 : 6;
  static const struct {
    const char *kind, *layer;
    uint32_t most; /* units */
  } kinds[] = {{"radius 4", "locality:cost=(disk:r=4)", UINT32_MAX}, {"dense", "plain", 1 << 14}};
  for (uint32_t i = 0; i < n; i++)
    for (int k = 0; k < 2; k++) {
      char name[96];
      const uint32_t units = sides[i] * sides[i], first = s->r->n;
      snprintf(name, sizeof name, "sheet/%u %s", units, kinds[k].kind);
      if (units > kinds[k].most || !wanted(s, name)) continue;
      const bench_network net = {"layer", kinds[k].layer, batch, units, NULL};
      for (uint32_t b = 0; b < s->o->n_backends && !bench_stop; b++)
        bench_add_network(s->r, &net, name, s->o->backend[b]);
      if (!bench_stop) bench_add_torch(s->o, s->r, &net, name, 0);
      bench_measure(s->o, s->r, first, false);
    }
}

/* batch 0: the model's own. */
static void train_group(const suite *s, const char *model, uint32_t batch) {
  const char *layer[][2] = {{"plain", "plain"}, {"local", "locality:cost=linear"}};
  uint32_t usual = 0, n = 2;
  bench_has_model(model, &usual);
  if (s->o->layer) { /* the two usual ones keep their short names */
    const char *asked = s->o->layer;
    int k = strcmp(asked, "plain") == 0 ? 0 : 1;
    layer[0][0] = k == 0 || strcmp(asked, layer[1][1]) == 0 ? layer[k][0] : asked;
    layer[0][1] = asked;
    n = 1;
  }
  for (uint32_t k = 0; k < n; k++) {
    char name[96];
    bench_network net = {model, layer[k][1], batch ? batch : usual, 0, NULL};
    snprintf(name, sizeof name, "train/%s %.60s batch %u", model, layer[k][0], net.batch);
    if (!wanted(s, name)) continue;
    uint32_t first = s->r->n;
    uint64_t parameters = 0;
    for (uint32_t b = 0; b < s->o->n_backends && !bench_stop; b++) {
      uint64_t count = bench_add_network(s->r, &net, name, s->o->backend[b]);
      if (count) parameters = count;
    }
    if (!bench_stop) bench_add_torch(s->o, s->r, &net, name, parameters);
    bench_measure(s->o, s->r, first, false);
  }
}

/* What each penalty adds to a training step; ratios are to the step without. `small`: it is for a
 * square layer of hundreds of units, as its cost grows with their cube. */
static void penalties(const suite *s) {
  static const struct {
    const char *name;
    bool small;
  } row[] = {{"none", false},
             {"wiring_l1", false},
             {"jacobs_jordan", false},
             {"prior_decay", false},
             {"sernn", true},
             {"cosine_neighbour", false},
             {"laplacian_pyramid", false},
             {"tdann", false}};
  static const char *const model[] = {"lenet", "alexnet64"};
  for (int m = 0; m < (s->o->quick ? 1 : 2); m++) {
    uint32_t usual = 0, first = s->r->n;
    bench_has_model(model[m], &usual);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
      char name[96], set[80];
      if (m && row[i].small) continue;
      snprintf(set, sizeof set, "penalty.lp=(%s:weight=0.001)", row[i].name);
      const bench_network net = {model[m], "plain", s->o->batch ? s->o->batch : usual, 0,
                                 i ? set : NULL};
      snprintf(name, sizeof name, "penalty/%s %s batch %u", model[m], row[i].name, net.batch);
      if (!wanted(s, name)) continue;
      for (uint32_t b = 0; b < s->o->n_backends && !bench_stop; b++)
        bench_add_network(s->r, &net, name, s->o->backend[b]);
    }
    bench_measure(s->o, s->r, first, true);
  }
}

static void scale(const suite *s) {
  static const uint32_t batches[] = {1, 16, 64, 256};
  for (uint32_t i = 0; i < (s->o->quick ? 3 : 4); i++) train_group(s, "lenet", batches[i]);
  /* Threads: the same work by cpu:threads=1, 2, 4, ... */
  bench_options own = *s->o;
  lp_session *session = NULL;
  if (lp_session_open("cpu", 1, &session) != LP_OK) return;
  uint32_t most = lp_session_device(session)->units;
  lp_session_close(session);
  own.n_backends = 0;
  for (uint32_t t = 1; t <= most && own.n_backends < BENCH_MAX_BACKENDS; t *= 2)
    snprintf(own.backend[own.n_backends++], sizeof own.backend[0], "cpu:threads=%u", t);
  suite threads = {&own, s->r, s->count};
  train_group(&threads, "lenet", 64);
  case_row row = product("64x4096x4096", 64, 4096, 4096, PRIOR_TABLE_RUN);
  measure_row(&threads, &row, false);
}

static void train(const suite *s, char **model, int n) {
  if (n == 0) train_group(s, "lenet", s->o->batch);
  for (int i = 0; i < n; i++) train_group(s, model[i], s->o->batch);
}

static const struct {
  const char *name;
  void (*run)(const suite *s);
} suites[] = {{"gemm", gemm},           {"conv", conv},   {"ops", ops},
              {"prior", prior},         {"scale", scale}, {"sparse", sparse},
              {"penalties", penalties}, {"sheet", sheet}};

static void run_suite(const suite *s, const char *command, char **model, int n) {
  bool all = strcmp(command, "all") == 0;
  if (all) gemm(s), conv(s), prior(s);
  if (all || strcmp(command, "train") == 0) train(s, model, n);
  for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
    if (strcmp(command, suites[i].name) == 0) suites[i].run(s);
}

static void conclude(const bench_results *r, const char *command) {
  if (strcmp(command, "sparse") == 0) bench_print_crossings(r);
  if (strcmp(command, "sheet") == 0) bench_print_exponents(r);
}

bool bench_suite(const bench_options *o, bench_results *r, const char *command, char **model,
                 int n) {
  bool training = strcmp(command, "train") == 0, known = strcmp(command, "all") == 0 || training;
  uint32_t usual, count = 0;
  for (int i = 0; training && i < n; i++) known = known && bench_has_model(model[i], &usual);
  for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
    known = known || strcmp(command, suites[i].name) == 0;
  if (!known) return false;
  if (o->filter) run_suite(&(suite){o, r, &count}, command, model, n);
  if (o->filter && !count && !bench_stop) {
    fprintf(stderr, "lp-bench: --filter %s: no case has that in its name; --list shows them\n",
            o->filter);
    r->failed = true;
    return true;
  }
  if (!o->list && !o->pass) {
    bench_print_head();
    if (o->passes > 1) {
      bench_passes(o, r);
      conclude(r, command);
      return true;
    }
  }
  run_suite(&(suite){o, r, NULL}, command, model, n);
  if (!o->list && !o->pass) conclude(r, command);
  return true;
}
