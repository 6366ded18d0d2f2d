/* prune.c: what pruning did to the networks (locality prune): a figure and a table. */
#include "report/report_internal.h"

#include <locality/analysis.h>
#include <locality/io.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Panels of the figure: a rank each; lines: arms, and, dashed, the same after fine-tuning. */
enum { MOST_RANKS = 4 };
#define ALPHA 0.05

/* prune.json in the run folder, to be released; NULL: nobody pruned. */
static json_t *read_pruned(const report_run *run) {
  json_t *root = NULL;
  char *path = lp_path_join(run->dir, LP_RUN_PRUNED "/" LP_RUN_PRUNE_JSON);
  if (path && access(path, F_OK) == 0 &&
      lp_run_json(run->dir, LP_RUN_PRUNED "/" LP_RUN_PRUNE_JSON, &root) != LP_OK)
    lp_log(LP_LOG_WARNING, "%s", lp_error_message());
  free(path);
  return root;
}

bool lp_prune_any(const report_run *run) {
  char *path = lp_path_join(run->dir, LP_RUN_PRUNED "/" LP_RUN_PRUNE_JSON);
  const bool any = path && access(path, F_OK) == 0;
  free(path);
  return any;
}

/* Values of the networks of an arm, a rank, a fraction and a state; room for all rows. */
typedef struct cell {
  const char *arm, *rank;
  double keep;
  bool tuned;
} cell;

static uint32_t values(const json_t *rows, const cell *c, const char *key, double *out) {
  uint32_t n = 0;
  size_t i;
  json_t *r;
  json_array_foreach(
      rows, i, r) if (strcmp(lp_jstr(r, "arm"), c->arm) == 0 &&
                      strcmp(lp_jstr(r, "rank"), c->rank) == 0 && lp_jnum(r, "keep") == c->keep &&
                      (lp_jnum(r, "finetuned") > 0) == c->tuned) out[n++] = lp_jnum(r, key);
  return n;
}

static int falling(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

/* All fractions from 1 down, malloc'ed. */
static double *fractions(const json_t *root, size_t *n) {
  const json_t *keep = lp_jobj(root, "keep");
  double *all = calloc(json_array_size(keep) + 1, sizeof *all);
  *n = 0;
  if (!all) return NULL;
  all[(*n)++] = 1;
  for (size_t i = 0; i < json_array_size(keep); i++)
    all[(*n)++] = json_number_value(json_array_get(keep, i));
  qsort(all, *n, sizeof *all, falling);
  return all;
}

/* ---- the figure ------------------------------------------------------------------------------ */

typedef struct picture {
  const report_run *run;
  json_t *root;
  const json_t *rows, *ranks;
  double *keep, *x;
  size_t n_keep;
  uint32_t n_ranks;
} picture;

static lp_status open_picture(const report_run *run, picture *p) {
  *p = (picture){.run = run, .root = read_pruned(run)};
  if (!p->root) return lp_fail(LP_ERR_NOT_FOUND, "nothing was pruned");
  p->rows = lp_jobj(p->root, "rows");
  p->ranks = lp_jobj(p->root, "ranks");
  p->n_ranks = (uint32_t)json_array_size(p->ranks);
  if (p->n_ranks > MOST_RANKS) p->n_ranks = MOST_RANKS;
  p->keep = fractions(p->root, &p->n_keep);
  p->x = calloc(json_array_size(p->rows) + 1, sizeof *p->x);
  return p->keep && p->x ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
}

static void close_picture(picture *p) {
  json_decref(p->root);
  free(p->keep);
  free(p->x);
}

static const char *rank_of(const picture *p, uint32_t k) {
  const char *name = json_string_value(json_array_get(p->ranks, k));
  return name ? name : "";
}

static void line(FILE *f, uint32_t panel, uint32_t arm, bool tuned, const cell *c, const char *what,
                 double y, double low, double high) {
  fprintf(f, "%u,%u,%d,", panel + 1, arm + 1, tuned);
  lp_csv_text(f, c->arm);
  fprintf(f, ",%s,", c->rank);
  lp_csv_num(f, c->keep);
  fprintf(f, ",%s,", what);
  lp_csv_num(f, y);
  fputc(',', f);
  lp_csv_num(f, low);
  fputc(',', f);
  lp_csv_num(f, high);
  fputc('\n', f);
}

/* The unpruned network stands at the beginning of both lines. */
static uint32_t cell_values(const picture *p, cell c, const char *key) {
  if (c.keep == 1) c.tuned = false;
  return values(p->rows, &c, key, p->x);
}

static uint32_t write_line(picture *p, FILE *f, uint32_t panel, uint32_t arm, bool tuned,
                           bool means) {
  uint32_t total = 0;
  for (size_t k = 0; k < p->n_keep; k++) {
    const cell c = {p->run->arms[arm].name, rank_of(p, panel), p->keep[k], tuned};
    const uint32_t n = cell_values(p, c, "accuracy");
    total += n;
    for (uint32_t i = 0; i < n && !means; i++)
      line(f, panel, arm, tuned, &c, "network", p->x[i], NAN, NAN);
    if (!means || !n) continue;
    const lp_moments m = lp_moments_of(p->x, n);
    const double half = n > 2 ? lp_student_t_critical(ALPHA, n - 1) * m.sd / sqrt(n) : NAN;
    line(f, panel, arm, tuned, &c, "mean", m.mean, m.mean - half, m.mean + half);
  }
  return total;
}

lp_status lp_prune_figure(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)of;
  (void)arg;
  picture p;
  lp_status st = open_picture(run, &p);
  const bool tuned = st == LP_OK && lp_jnum(p.root, "finetune") > 0;
  uint32_t total = 0;
  if (st == LP_OK) {
    fputs("# panel,arm number,fine-tuned,arm,rank,keep,network or mean,accuracy,low,high\n",
          out->csv);
    for (int means = 0; means < 2; means++) {
      if (means) fputs("\n\n", out->csv);
      for (uint32_t r = 0; r < p.n_ranks; r++)
        for (uint32_t a = 0; a < run->n_arms; a++)
          for (int t = 0; t <= tuned; t++) total += write_line(&p, out->csv, r, a, t, means);
    }
    if (!total) st = lp_fail(LP_ERR_NOT_FOUND, "no network of this folder was pruned");
  }
  if (st == LP_OK) {
    static const struct {
      const char *rank, *title;
    } titles[] = {{"pw", "kept by |P W|"},
                  {"w", "kept by |W|"},
                  {"w-over-d", "kept by |W| / (1 + d)"},
                  {"random", "kept at random"}};
    const char *title[MOST_RANKS];
    for (uint32_t r = 0; r < p.n_ranks; r++) {
      title[r] = rank_of(&p, r);
      for (size_t k = 0; k < sizeof titles / sizeof *titles; k++)
        if (strcmp(titles[k].rank, title[r]) == 0) title[r] = titles[k].title;
    }
    lp_gp_arms(out->var, run);
    fprintf(out->var, "n_panel = %u\ntuned = %d\nleast = ", p.n_ranks, tuned);
    lp_csv_num(out->var, p.keep[p.n_keep - 1]);
    fputc('\n', out->var);
    lp_gp_array(out->var, "panel", title, p.n_ranks, 30);
    lp_report_html(
        out->caption,
        "Test accuracy against the fraction of wires that is kept (logarithmic): a point a "
        "network, "
        "the line through the means, bars: the 95 %% interval of the mean over networks, where "
        "there are 3 or more.%s",
        tuned ? " Dashed: after fine-tuning with the same wires." : "");
  }
  close_picture(&p);
  return st;
}

/* ---- the section ----------------------------------------------------------------------------- */

static void moments(FILE *f, const picture *p, uint32_t n, int decimals) {
  const lp_moments m = lp_moments_of(p->x, n);
  lp_html_cell(f, lp_mean_sd(n ? m.mean : NAN, n > 1 ? m.sd : NAN, decimals).s, NULL);
}

static void rows_of(const picture *p, FILE *f, const char *arm, const char *rank, bool tuned) {
  static const struct {
    const char *key;
    int decimals;
  } column[] = {{"accuracy", 2}, {"loss", 4}, {"length", 2}, {"mean_length", 3}};
  for (size_t k = 0; k < p->n_keep; k++) {
    const cell c = {arm, rank, p->keep[k], tuned};
    const uint32_t n = values(p->rows, &c, "accuracy", p->x);
    if (!n) continue;
    lp_report_html(f,
                   "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td><td>%s</td><td "
                   "class=\"text\">%s</td><td>%u</td>",
                   arm, rank, lp_report_exact(c.keep).s, tuned ? "yes" : "no", n);
    for (size_t i = 0; i < sizeof column / sizeof *column; i++)
      moments(f, p, values(p->rows, &c, column[i].key, p->x), column[i].decimals);
    lp_report_html(f, "</tr>\n");
  }
}

static void table(const picture *p, FILE *f) {
  static const char *const head[] = {"Arm",      "<Kept by", "Fraction", "<Fine-tuned", "Networks",
                                     "Accuracy", "Loss",     "Length",   "Mean length"};
  lp_open_table(f, "Pruned networks: mean \xc2\xb1 sd over networks");
  lp_table_head(f, head, sizeof head / sizeof *head);
  for (uint32_t a = 0; a < p->run->n_arms; a++)
    for (uint32_t r = 0; r < p->n_ranks; r++)
      for (int tuned = 0; tuned < 2; tuned++)
        rows_of(p, f, p->run->arms[a].name, rank_of(p, r), tuned);
  lp_close_table(f);
}

/* "control by pw 0.39, linear by pw 0.29 ..." */
static void one_point(const picture *p, FILE *f) {
  size_t i, k;
  json_t *l, *network;
  lp_report_html(f,
                 "<p>One point of accuracy is lost at, of the wires (mean over networks; between "
                 "the fractions that were tried by their logarithms):</p>\n<ul>\n");
  json_array_foreach(lp_jobj(p->root, "one_point"), i, l) {
    uint32_t n = 0, all = 0;
    json_array_foreach(lp_jobj(l, "networks"), k, network) {
      const double keep = lp_jnum(network, "keep");
      if (isfinite(keep)) p->x[n++] = keep;
      all++;
    }
    lp_report_html(f, "<li>%s, %s%s: ", lp_jstr(l, "arm"), lp_jstr(l, "rank"),
                   lp_jnum(l, "finetuned") > 0 ? ", fine-tuned" : "");
    if (n) lp_report_html(f, "%s", lp_report_num(lp_moments_of(p->x, n).mean, 3).s);
    if (n < all)
      lp_report_html(f, "%s%u of %u networks do not lose it", n ? "; " : "", all - n, all);
    lp_report_html(f, "</li>\n");
  }
  lp_report_html(f, "</ul>\n");
}

lp_status lp_prune_section(const report_run *run, FILE *f) {
  static const char *const names[] = {"pruning"};
  picture p;
  lp_status st = open_picture(run, &p);
  if (st == LP_OK) {
    const char *layers = lp_jstr(p.root, "layers");
    lp_report_html(
        f,
        "<p>After training, wires were taken out of %s%s: of each %s the fraction that ranks "
        "highest is kept, the rest is 0. Length: the sum of |P W| times distance over what is "
        "kept; mean length: the mean distance. <a href=\"" LP_RUN_PRUNED "/" LP_RUN_PRUNE_CSV
        "\">" LP_RUN_PRUNE_CSV "</a> has a row a network.</p>\n",
        *layers ? "layers " : "the layers under study", layers,
        strcmp(lp_jstr(p.root, "scope"), "global") == 0 ? "network" : "layer");
    st = lp_figures_emit(run, PER_RUN, names, 1, f);
  }
  if (st == LP_OK) {
    one_point(&p, f);
    table(&p, f);
  } else if (st == LP_ERR_NOT_FOUND) {
    lp_report_html(f, "<p class=\"warn\">" LP_RUN_PRUNE_JSON " cannot be read.</p>\n");
    st = LP_OK;
  }
  close_picture(&p);
  return st;
}
