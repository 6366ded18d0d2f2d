/* lp-bench: what is measured, and the command line. */
#include "bench.h"

#include <locality/registry.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: lp-bench COMMAND [OPTION...]\n"
    "  devices            limits of each device: multiply-adds, memory, launch, copies\n"
    "  gemm               matrix products, square and of the layer's shapes\n"
    "  conv               convolutions of LeNet and AlexNet, forward and backward\n"
    "  ops                every op case of the test table\n"
    "  prior              the layer with its prior against a plain one\n"
    "  train [MODEL...]   training steps of lenet, mlp, alexnet, with the prior and plain\n"
    "  startup            a new process up to its first training step\n"
    "  data               reading batches\n"
    "  scale              training and the layer over threads and batch sizes\n"
    "  compare A B        what changed between two JSON files; exit 1 when something is slower\n"
    "  plot F...          roofline picture of JSON files (needs gnuplot)\n"
    "  report F...        one HTML page of JSON files\n"
    "options:\n"
    "  --backend D[,D]    devices to measure, in turn (default: all that compute)\n"
    "  --peer P[,P]       also time openblas, blis, onednn, clblast (gemm), torch and\n"
    "                     torch:precision=bf16 (train, prior) where installed\n"
    "  --layer SPEC       the layer to train: plain, locality:cost=linear, ...\n"
    "  --size N[,N]       --batch N     --threads N (cpu)     --filter TEXT     --list\n"
    "  --precision R      width of the median's interval to reach (0.02)\n"
    "  --max-time S       seconds a row may take (3)     --quick  everything in about a minute\n"
    "  --json F  --csv F  --markdown F    --out F (plot, report)    --margin R (compare, 0.03)\n";

static void on_signal(int number) {
  (void)number;
  bench_stop = 1;
}

/* A comma starts a new device unless what follows is a parameter (key=value) of the last one. */
static bool add_backends(bench_options *o, const char *text) {
  while (*text) {
    size_t n = strcspn(text, ",");
    while (text[n] == ',') {
      size_t more = strcspn(text + n + 1, ",");
      const char *equals = memchr(text + n + 1, '=', more);
      const char *colon = memchr(text + n + 1, ':', more);
      if (!equals || (colon && colon < equals)) break;
      n += 1 + more;
    }
    if (!n || o->n_backends == BENCH_MAX_BACKENDS || n >= sizeof o->backend[0]) return false;
    snprintf(o->backend[o->n_backends], sizeof o->backend[0], "%.*s", (int)n, text);
    /* --threads belongs to the plain-C backend. */
    char *b = o->backend[o->n_backends++];
    if (o->threads && strcmp(b, "cpu") == 0)
      snprintf(b, sizeof o->backend[0], "cpu:threads=%u", o->threads);
    text += n + (text[n] == ',');
  }
  return o->n_backends > 0;
}

static bool default_backends(bench_options *o) {
  lp_device_info info[BENCH_MAX_BACKENDS];
  uint32_t n = 0;
  if (lp_devices(info, BENCH_MAX_BACKENDS, &n) != LP_OK) return false;
  for (uint32_t i = 0; i < n && i < BENCH_MAX_BACKENDS; i++)
    if (info[i].type != LP_DEVICE_DUMMY && !add_backends(o, info[i].id)) return false;
  return o->n_backends > 0;
}

/* ---- suites ---------------------------------------------------------------------------------- */

typedef struct suite {
  const bench_options *o;
  bench_results *r;
} suite;

static bool wanted(const suite *s, const char *name) {
  if (bench_stop || (s->o->filter && !strstr(name, s->o->filter))) return false;
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
  for (size_t i = 0; i < n; i++) measure_row(s, &rows[i], false);
}

static void ops(const suite *s) {
  for (uint32_t i = 0; i < op_cases_count(); i++) {
    op_case c = op_cases_get(i);
    measure_case(s, &c, c.name, false);
  }
}

/* The layer of size x size units forward and backward in one, and the same in PyTorch. */
static void whole_layer(const suite *s, uint32_t batch, uint32_t size) {
  static const char *const layer[][2] = {{"plain", "plain"}, {"local", "locality:cost=linear"}};
  for (int k = 0; k < 2; k++) {
    char name[96];
    snprintf(name, sizeof name, "layer/%ux%u %s", batch, size, layer[k][0]);
    if (!wanted(s, name)) continue;
    bench_network net = {"layer", layer[k][1], batch, size};
    uint32_t first = s->r->n;
    uint64_t parameters = 0;
    for (uint32_t b = 0; b < s->o->n_backends && !bench_stop; b++) {
      uint64_t n = bench_add_network(s->r, &net, name, s->o->backend[b]);
      if (n) parameters = n;
    }
    if (!bench_stop) bench_add_torch(s->o, s->r, &net, name, parameters);
    bench_measure(s->o, s->r, first, false);
  }
}

/* Plain and local layers in one group: the ratio is the price of the prior. */
static void prior(const suite *s) {
  static const struct {
    const char *name;
    prior_form form;
  } forms[] = {{"plain", PRIOR_NONE},
               {"local", PRIOR_TABLE_RUN},
               {"permuted", PRIOR_TABLE},
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
          snprintf(name, sizeof name, "%s/%ux%u %s", lp_op_get_info(*op)->name, batch, size,
                   forms[f].name);
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
    bench_network net = {model, layer[k][1], batch ? batch : usual, 0};
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
  suite threads = {&own, s->r};
  train_group(&threads, "lenet", 64);
  case_row row = product("64x4096x4096", 64, 4096, 4096, PRIOR_TABLE_RUN);
  measure_row(&threads, &row, false);
}

/* ---- command line ---------------------------------------------------------------------------- */

static bool parse_sizes(bench_options *o, const char *text) {
  for (char *end; *text; text = *end ? end + 1 : end) {
    unsigned long v = strtoul(text, &end, 10);
    if (end == text || (*end && *end != ',') || v < 1 || v > 32768 || o->n_sizes == BENCH_MAX_SIZES)
      return false;
    o->size[o->n_sizes++] = (uint32_t)v;
  }
  return o->n_sizes > 0;
}

static bool parse_count(uint32_t *out, const char *text) {
  char *end;
  unsigned long v = strtoul(text, &end, 10);
  *out = (uint32_t)v;
  return !*end && end != text && v >= 1 && v <= 65536;
}

static bool parse_real(double *out, const char *text) {
  char *end;
  *out = strtod(text, &end);
  return !*end && end != text && *out > 0;
}

/* Options from argv[from] on; what is none of them goes to rest[0..*n-1]. */
static bool parse(int argc, char **argv, int from, bench_options *o, char **rest, int *n) {
  const char *backends = NULL;
  for (int i = from; i < argc; i++) {
    char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;
    bool ok = true;
    if (strcmp(a, "--quick") == 0)
      o->quick = true;
    else if (strcmp(a, "--list") == 0)
      o->list = true;
    else if (a[0] != '-')
      rest[(*n)++] = a;
    else if (!v)
      return false;
    else {
      i++;
      if (strcmp(a, "--backend") == 0)
        backends = v;
      else if (strcmp(a, "--peer") == 0)
        o->peer = v;
      else if (strcmp(a, "--layer") == 0)
        o->layer = v;
      else if (strcmp(a, "--filter") == 0)
        o->filter = v;
      else if (strcmp(a, "--json") == 0)
        o->json = v;
      else if (strcmp(a, "--csv") == 0)
        o->csv = v;
      else if (strcmp(a, "--markdown") == 0)
        o->markdown = v;
      else if (strcmp(a, "--out") == 0)
        o->out = v;
      else if (strcmp(a, "--size") == 0)
        ok = parse_sizes(o, v);
      else if (strcmp(a, "--batch") == 0)
        ok = parse_count(&o->batch, v);
      else if (strcmp(a, "--threads") == 0)
        ok = parse_count(&o->threads, v);
      else if (strcmp(a, "--precision") == 0)
        ok = parse_real(&o->precision, v);
      else if (strcmp(a, "--max-time") == 0)
        ok = parse_real(&o->max_time, v);
      else if (strcmp(a, "--margin") == 0)
        ok = parse_real(&o->margin, v);
      else
        ok = false;
    }
    if (!ok) {
      fprintf(stderr, "lp-bench: %s %s: not understood\n", a, v ? v : "");
      return false;
    }
  }
  if (o->quick) {
    if (o->max_time == 3) o->max_time = 0.25;
    o->warm_up = 0.01;
  }
  return !backends || add_backends(o, backends);
}

static const struct {
  const char *name;
  void (*run)(const suite *s);
} suites[] = {{"gemm", gemm}, {"conv", conv}, {"ops", ops}, {"prior", prior}, {"scale", scale}};

int main(int argc, char **argv) {
  bench_options o = {.precision = 0.02, .max_time = 3, .warm_up = 0.1, .margin = 0.03};
  char **rest = calloc((size_t)argc + 1, sizeof *rest);
  int n = 0, status = 2;
  /* Without a command: the whole default set. */
  bool named = argc > 1 && argv[1][0] != '-';
  const char *command = named ? argv[1] : "all";
  if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
    fputs(usage, stdout);
    free(rest);
    return 0;
  }
  if (!rest || !parse(argc, argv, named ? 2 : 1, &o, rest, &n)) {
    fputs(usage, stderr);
    free(rest);
    return 2;
  }
  /* The second one ends the program at once. */
  struct sigaction stop = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  sigaction(SIGINT, &stop, NULL);
  if (strcmp(command, "compare") == 0 && n == 2)
    status = bench_compare(&o, rest[0], rest[1]);
  else if (strcmp(command, "plot") == 0 && n > 0)
    status = bench_plot(&o, rest, n);
  else if (strcmp(command, "report") == 0 && n > 0)
    status = bench_report(&o, rest, n);
  else if (lp_registry_load() != LP_OK || (!o.n_backends && !default_backends(&o)))
    fprintf(stderr, "lp-bench: no device: %s\n", lp_error_message());
  else if (strcmp(command, "first-step") == 0)
    status = bench_first_step(o.backend[0]);
  else {
    bench_results r = {0};
    suite s = {&o, &r};
    bool all = strcmp(command, "all") == 0, known = true;
    bool listing = strcmp(command, "devices") != 0 && !o.list;
    if (all || strcmp(command, "devices") == 0) bench_devices(&o, &r);
    if (strcmp(command, "startup") == 0)
      bench_startup(&o, &r, argv[0]);
    else if (strcmp(command, "data") == 0)
      bench_data(&o, &r);
    else if (strcmp(command, "train") == 0) {
      uint32_t usual;
      if (n == 0) rest[n++] = "lenet";
      for (int i = 0; i < n; i++) known = known && bench_has_model(rest[i], &usual);
      if (known && listing) bench_print_head();
      for (int i = 0; i < n && known; i++) train_group(&s, rest[i], o.batch);
    } else if (all) {
      if (listing) bench_print_head();
      gemm(&s), conv(&s), prior(&s), train_group(&s, "lenet", o.batch);
    } else if (strcmp(command, "devices") != 0) {
      known = false;
      for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        if (strcmp(command, suites[i].name) == 0) {
          known = true;
          if (listing) bench_print_head();
          suites[i].run(&s);
        }
    }
    if (bench_stop) r.interrupted = true;
    if (!known)
      fputs(usage, stderr);
    else
      status = bench_write(&o, &r) ? 0 : 1;
    for (uint32_t i = 0; i < r.n; i++)
      if (known && r.row[i].state == ROW_WRONG) status = 1;
    if (r.interrupted && status == 0) status = 128 + SIGINT;
    bench_results_free(&r);
  }
  free(rest);
  return status;
}
