/* locality prune: accuracy and wiring length against the fraction of wires that is kept. */
#include "../base/text.h"
#include "cli.h"

#include <locality/analysis.h>
#include <locality/io.h>
#include <locality/prune.h>
#include <locality/run.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const cli_flag flags[] = {
    {"rank", 'r', "RANK,..",
     "what is kept longest: pw, w, w-over-d, random [pw,w,w-over-d,random]"},
    {"keep", 'k', "X,..", "fractions of the wires that are kept [0.5,0.2,0.1,0.05,0.02]"},
    {"scope", 0, "SCOPE", "the fraction is of each layer, or of all (global) [layer]"},
    {"layers", 0, "NAME,..", "layers that are pruned [lp; without it, all with a prior]"},
    {"finetune", 'f', "EPOCHS", "then train that long, with what is pruned kept at 0 [0]"},
    {"settings", 's', "KEY=VALUE,..", "of fine-tuning, as an arm has them: lr=0.001 [as trained]"},
    {"data", 'd', "DATA", "of a model file: data set [the one it was trained on]"},
    {"backend", 0, "DEVICE", "where to compute [the run's; auto]"},
    CLI_SPARSE,
    {"out", 'o', "DIR", "new folder for the results [RUN/pruned; MODEL-pruned]"},
};

enum { MOST = 32 };

/* ---- arguments ------------------------------------------------------------------------------- */

typedef struct request {
  lp_prune_spec spec;
  lp_prune_rank rank[MOST];
  double keep[MOST];
} request;

static int read_ranks(const char *text, request *r) {
  const char *name[8];
  uint32_t n = 0;
  while ((name[n] = lp_prune_rank_name(n))) n++;
  char *copy = strdup(text), *rest = copy;
  int code = copy ? CLI_OK : cli_fail_with("out of memory");
  for (char *word; code == CLI_OK && *copy && (word = lp_next_token(&rest));) {
    uint32_t k = 0;
    while (k < n && strcmp(word, name[k]) != 0) k++;
    if (k == n)
      code = cli_usage("--rank: no rank is named '%s'%s", word,
                       lp_did_you_mean_or(word, name, n).text);
    else if (r->spec.n_ranks == MOST)
      code = cli_usage("--rank: more than %d", MOST);
    else
      r->rank[r->spec.n_ranks++] = (lp_prune_rank)k;
  }
  free(copy);
  return code;
}

static int read_fractions(const char *text, request *r) {
  char *copy = strdup(text), *rest = copy;
  int code = copy ? CLI_OK : cli_fail_with("out of memory");
  for (char *word; code == CLI_OK && *copy && (word = lp_next_token(&rest));) {
    char *end;
    const double x = strtod(word, &end);
    if (end == word || *end || !(x > 0 && x < 1))
      code = cli_usage("--keep: '%s' is not a fraction between 0 and 1, such as 0.1", word);
    else if (r->spec.n_keep == MOST)
      code = cli_usage("--keep: more than %d", MOST);
    else
      r->keep[r->spec.n_keep++] = x;
  }
  free(copy);
  return code;
}

static int read_request(const cli_args *a, request *r) {
  const char *rank = cli_get(a, "rank"), *keep = cli_get(a, "keep"), *scope = cli_get(a, "scope"),
             *epochs = cli_get(a, "finetune");
  *r = (request){.spec = {.layers = cli_get(a, "layers"),
                          .data = cli_get(a, "data"),
                          .backend = cli_get(a, "backend"),
                          .settings = cli_get(a, "settings")}};
  r->spec.rank = r->rank;
  r->spec.keep = r->keep;
  int code = read_ranks(rank ? rank : "pw,w,w-over-d,random", r);
  if (code == CLI_OK) code = read_fractions(keep ? keep : "0.5,0.2,0.1,0.05,0.02", r);
  if (code != CLI_OK) return code;
  if (scope && strcmp(scope, "layer") != 0 && strcmp(scope, "global") != 0)
    return cli_usage("--scope: '%s' is neither layer nor global", scope);
  if (scope && *scope == 'g') r->spec.scope = LP_PRUNE_GLOBAL;
  uint64_t n = 0;
  if (epochs && !lp_whole(epochs, 0, 100000, &n))
    return cli_usage("--finetune: '%s' is not a number of epochs", epochs);
  r->spec.finetune = (uint32_t)n;
  return cli_read_share(a, &r->spec.sparse_share);
}

/* Where results go; malloc'ed, NULL out of memory. */
static char *default_out(const char *what) {
  struct stat st;
  char *out;
  const bool run = stat(what, &st) == 0 && S_ISDIR(st.st_mode);
  static const char ending[] = ".safetensors";
  const size_t n = strlen(what), cut = sizeof ending - 1;
  const bool named = !run && n > cut && strcmp(what + n - cut, ending) == 0;
  const int stem = (int)(named ? n - cut : n);
  return asprintf(&out, "%.*s%s" LP_RUN_PRUNED, stem, what, run ? "/" : "-") < 0 ? NULL : out;
}

/* ---- while it works -------------------------------------------------------------------------- */

typedef struct watch {
  cli_progress bar;
  lp_pruned *row;
  uint32_t n;
  char **arm; /* of each row; a row's text ends with the call */
  bool full;
} watch;

static bool on_row(void *user, const lp_pruned *p, uint32_t done, uint32_t total) {
  watch *w = user;
  if (!w->row) {
    w->row = calloc(total + 1, sizeof *w->row);
    w->arm = calloc(total + 1, sizeof *w->arm);
    if (!w->row || !w->arm) return !(w->full = true);
  }
  char label[120] = "";
  if (p) {
    w->row[w->n] = *p;
    w->row[w->n].arm = w->arm[w->n] = strdup(p->arm);
    if (!w->arm[w->n++]) return !(w->full = true);
    snprintf(label, sizeof label, "%.60s seed %llu, %s", p->arm, (unsigned long long)p->seed,
             lp_prune_rank_name(p->rank));
  }
  cli_progress_show(&w->bar, (double)done / total, label, NAN, NAN);
  return !cli_stopped();
}

/* ---- the table ------------------------------------------------------------------------------- */

static bool same_cell(const lp_pruned *a, const lp_pruned *b) {
  return strcmp(a->arm, b->arm) == 0 && a->rank == b->rank && a->keep == b->keep &&
         a->finetuned == b->finetuned;
}

/* A line a cell: means over its networks. */
static void print_table(const watch *w) {
  int wide = 8;
  for (uint32_t i = 0; i < w->n; i++)
    if ((int)strlen(w->arm[i]) > wide) wide = (int)strlen(w->arm[i]);
  printf("%-*s %-9s %7s %6s %9s %9s %8s %10s %12s\n", wide, "arm", "rank", "keep", "epochs",
         "networks", "accuracy", "loss", "length", "mean length");
  double *x = calloc(4 * (size_t)w->n + 1, sizeof *x);
  for (uint32_t i = 0; x && i < w->n; i++) {
    const lp_pruned *of = &w->row[i];
    uint32_t n = 0;
    bool first = true;
    for (uint32_t k = 0; k < i && first; k++) first = !same_cell(&w->row[k], of);
    for (uint32_t k = i; first && k < w->n; k++) {
      const lp_pruned *r = &w->row[k];
      if (!same_cell(r, of)) continue;
      const double value[] = {r->accuracy, r->loss, r->length, r->mean_length};
      for (int v = 0; v < 4; v++) x[v * w->n + n] = value[v];
      n++;
    }
    if (!first) continue;
    printf("%-*s %-9s %7.4g %6u %9u", wide, of->arm, lp_prune_rank_name(of->rank), of->keep,
           of->finetuned, n);
    static const int decimals[] = {2, 4, 3, 3}, width[] = {9, 8, 10, 12};
    for (int v = 0; v < 4; v++)
      printf(" %*s", width[v], lp_fixed(lp_moments_of(x + v * w->n, n).mean, decimals[v]).text);
    printf("\n");
  }
  free(x);
}

static int show(const cli_args *a, const watch *w, const char *out) {
  char *path = lp_path_join(out, LP_RUN_PRUNE_JSON);
  if (!path) return cli_fail_with("out of memory");
  json_error_t error;
  json_t *root = json_load_file(path, 0, &error);
  free(path);
  if (!root) return cli_fail_with("%s: %s", out, error.text);
  if (a->json) return cli_print_json(root);
  print_table(w);
  size_t i, k;
  json_t *line, *network;
  printf("\none point of accuracy is lost at (mean over networks)\n");
  json_array_foreach(json_object_get(root, "one_point"), i, line) {
    double sum = 0;
    uint32_t n = 0, all = 0;
    json_array_foreach(json_object_get(line, "networks"), k, network) {
      const json_t *keep = json_object_get(network, "keep");
      all++;
      if (!json_is_number(keep)) continue;
      sum += json_number_value(keep);
      n++;
    }
    const int epochs = (int)json_integer_value(json_object_get(line, "finetuned"));
    printf("%s, %s", json_string_value(json_object_get(line, "arm")),
           json_string_value(json_object_get(line, "rank")));
    if (epochs) printf(", %d epochs later", epochs);
    if (n) printf(": %.3g of the wires", sum / n);
    if (n < all) printf("%s %u of %u networks do not lose it", n ? ";" : ":", all - n, all);
    printf("\n");
  }
  json_decref(root);
  printf("\n%s\n", out);
  return CLI_OK;
}

static int run(cli_args *a) {
  request r;
  int code = read_request(a, &r);
  if (code != CLI_OK) return code;
  const char *given = cli_get(a, "out");
  char *out = given ? strdup(given) : default_out(a->operand[0]);
  if (!out) return cli_fail_with("out of memory");
  cli_catch_signals();
  watch w = {0};
  cli_progress_init(&w.bar, a->quiet);
  const lp_status status = lp_prune(a->operand[0], &r.spec, out, on_row, &w);
  cli_progress_end(&w.bar);
  code = status == LP_OK ? show(a, &w, out) : w.full ? cli_fail_with("out of memory") : cli_fail();
  for (uint32_t i = 0; i < w.n; i++) free(w.arm[i]);
  free(w.arm);
  free(w.row);
  free(out);
  return code;
}

const cli_command cli_cmd_prune = {
    .name = "prune",
    .operands = "MODEL.safetensors|RUN [options]",
    .summary = "accuracy and wiring length of pruned networks",
    .about =
        "Takes wires out of trained networks: of a layer's weights the fraction that ranks "
        "highest\n"
        "by |P W| (pw), |W| (w), |W| / (1 + distance) (w-over-d) or at random is kept, the rest "
        "is\n"
        "0. Of a run folder every trained network is pruned; its report then has a section about\n"
        "it. DIR gets prune.csv, prune.json and models/, which hold what is kept alone;\n"
        "`locality eval` reads them. A command that was interrupted goes on when it is given "
        "again.",
    .examples = "  locality prune runs/quick\n"
                "  locality prune runs/quick --rank pw,w --keep 0.1,0.05 --finetune 2 -s lr=0.001 "
                "-o tuned\n"
                "  locality prune sqrt.safetensors --scope global --layers fc1,lp",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
