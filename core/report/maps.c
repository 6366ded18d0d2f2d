/* maps.c: maps of classes and of single images from activations/, and tiles for templates/maps.gp.
 *
 * Units of networks with different seeds have nothing to do with each other, so maps are never
 * averaged over networks: one seed is shown, the first for which most arms have activations; of an
 * arm that has none of this seed, its own first.
 */
#include "report/report_internal.h"

#include <locality/analysis.h>
#include <locality/io.h>
#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SAMPLES = 10 };
_Static_assert((int)MAX_SAMPLES <= (int)REPORT_CLASSES, "a map_kind must hold them");

/* Maps of one kind, arm and site: n x units as they are, and minus the mean over all images. */
typedef struct map_set {
  double *of[2];
} map_set;

/* What the maps of a kind show: its columns. */
typedef struct map_kind {
  uint32_t n;
  uint32_t index[REPORT_CLASSES]; /* classes, or images */
  const char *label[REPORT_CLASSES];
} map_kind;
enum { CLASSES = 0, SAMPLES = 1, KINDS = 2 };

typedef struct report_maps report_maps;
struct report_maps {
  uint64_t seed, *seed_of; /* for most arms; n_arms */
  uint32_t n_arms, n_sites, images;
  map_kind kind[KINDS];
  map_set *map; /* n_arms x n_sites x KINDS; NULL inside where there is nothing */
};

static map_set *map_at(const report_maps *m, uint32_t arm, uint32_t site, int kind) {
  return &m->map[(arm * m->n_sites + site) * KINDS + (uint32_t)kind];
}

void lp_maps_free(report_maps *m) {
  if (!m) return;
  for (uint32_t i = 0; m->map && i < m->n_arms * m->n_sites * KINDS; i++) {
    free(m->map[i].of[0]);
    free(m->map[i].of[1]);
  }
  free(m->map);
  free(m->seed_of);
  free(m);
}

static bool has_activations(const report_run *run, uint32_t arm, uint64_t seed) {
  char *path = lp_run_path(run->dir, LP_RUN_ACTIVATIONS, run->arms[arm].name, seed);
  const bool has = path && access(path, R_OK) == 0;
  free(path);
  return has;
}

static bool choose_seeds(const report_run *run, report_maps *m) {
  uint32_t best = 0;
  for (uint32_t s = 0; s < run->n_seeds; s++) {
    uint32_t n = 0;
    for (uint32_t a = 0; a < run->n_arms; a++) n += has_activations(run, a, run->seeds[s]);
    if (n > best) {
      best = n;
      m->seed = run->seeds[s];
    }
  }
  for (uint32_t a = 0; a < run->n_arms; a++) {
    uint32_t own = 0;
    while (own < run->n_seeds && !has_activations(run, a, run->seeds[own])) own++;
    const bool as_most = own == run->n_seeds || has_activations(run, a, m->seed);
    m->seed_of[a] = as_most ? m->seed : run->seeds[own];
  }
  return best > 0;
}

/* ---- choosing ------------------------------------------------------------------------------- */

static void choose_classes(const report_run *run, map_kind *k) {
  k->n = lp_report_shown_classes(run, k->index);
  for (uint32_t i = 0; i < k->n; i++) k->label[i] = run->classes[k->index[i]];
}

static int by_number(const void *a, const void *b) {
  const uint32_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

/* Images drawn by the seed, in the order of the data, each with its class for a label. */
static lp_status choose_samples(const report_run *run, report_maps *m, const int32_t *label,
                                uint32_t n) {
  map_kind *k = &m->kind[SAMPLES];
  uint32_t *order = malloc(n * sizeof *order);
  if (!order) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_rng_permutation(m->seed, lp_rng_stream("report/samples"), 0, order, n);
  k->n = n < MAX_SAMPLES ? n : MAX_SAMPLES;
  memcpy(k->index, order, k->n * sizeof *order);
  free(order);
  qsort(k->index, k->n, sizeof *k->index, by_number);
  for (uint32_t i = 0; i < k->n; i++) {
    int32_t c = label[k->index[i]];
    k->label[i] = c >= 0 && (uint32_t)c < run->n_classes ? run->classes[c] : "?";
  }
  return LP_OK;
}

/* ---- loading -------------------------------------------------------------------------------- */

/* Maps of all classes, of which those shown are kept. */
static lp_status class_maps(const report_maps *m, const float *x, const int32_t *label, uint32_t n,
                            uint32_t units, uint32_t all_classes, map_set *out) {
  const map_kind *k = &m->kind[CLASSES];
  lp_status st = LP_OK;
  for (int centred = 0; centred < 2 && st == LP_OK; centred++) {
    double *map = malloc((size_t)all_classes * units * sizeof *map);
    if (!map) return lp_fail(LP_ERR_MEMORY, "out of memory");
    st = lp_class_maps(x, label, n, units, all_classes, centred, map);
    for (uint32_t c = 0; c < k->n; c++) /* upwards: index[c] >= c */
      memmove(map + (size_t)c * units, map + (size_t)k->index[c] * units, units * sizeof *map);
    double *kept = realloc(map, (size_t)k->n * units * sizeof *map);
    out->of[centred] = kept ? kept : map;
  }
  return st;
}

static lp_status sample_maps(const report_maps *m, const float *x, uint32_t n, uint32_t units,
                             map_set *out) {
  const map_kind *k = &m->kind[SAMPLES];
  double *mean = calloc(units, sizeof *mean);
  for (int centred = 0; centred < 2; centred++)
    out->of[centred] = malloc((size_t)k->n * units * sizeof *mean);
  lp_status st = mean && out->of[0] && out->of[1] ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t i = 0; i < n && st == LP_OK; i++)
    for (uint32_t u = 0; u < units; u++) mean[u] += (double)x[(size_t)i * units + u] / n;
  for (uint32_t i = 0; i < k->n && st == LP_OK; i++)
    for (uint32_t u = 0; u < units; u++) {
      double v = (double)x[(size_t)k->index[i] * units + u];
      out->of[0][(size_t)i * units + u] = v;
      out->of[1][(size_t)i * units + u] = v - mean[u];
    }
  free(mean);
  return st;
}

/* What does not fit is left out with a line in the log: the page says what is missing. */
static lp_status load_arm(const report_run *run, report_maps *m, uint32_t arm) {
  lp_run_maps x;
  lp_status st = lp_run_maps_read(run->folder, LP_RUN_ACTIVATIONS, arm,
                                  lp_report_seed_index(run, m->seed_of[arm]), &x);
  if (st == LP_ERR_NOT_FOUND) return LP_OK;
  if (st == LP_OK && m->images && m->images != x.n) {
    st = lp_fail(LP_ERR_FORMAT, "activations of %s are of %u images, others of %u",
                 run->arms[arm].name, x.n, m->images);
    lp_run_maps_free(&x);
  }
  if (st != LP_OK) {
    lp_log(LP_LOG_WARNING, "%s", lp_error_message());
    return st == LP_ERR_MEMORY ? st : LP_OK;
  }
  if (m->images == 0) st = choose_samples(run, m, x.labels, x.n);
  m->images = x.n;
  for (uint32_t s = 0; s < run->n_sites && st == LP_OK; s++) {
    const uint32_t units = lp_report_sheet(run, arm, s)->units;
    if (!units) continue;
    st = class_maps(m, x.site[s], x.labels, x.n, units, run->n_classes, map_at(m, arm, s, CLASSES));
    if (st == LP_OK) st = sample_maps(m, x.site[s], x.n, units, map_at(m, arm, s, SAMPLES));
  }
  lp_run_maps_free(&x);
  return st;
}

lp_status lp_maps_load(report_run *run) {
  report_maps *m = calloc(1, sizeof *m);
  if (!m) return lp_fail(LP_ERR_MEMORY, "out of memory");
  run->maps = m;
  m->n_arms = run->n_arms;
  m->n_sites = run->n_sites;
  choose_classes(run, &m->kind[CLASSES]);
  m->map = calloc((size_t)run->n_arms * run->n_sites * KINDS + 1, sizeof *m->map);
  m->seed_of = calloc((size_t)run->n_arms + 1, sizeof *m->seed_of);
  if (!m->map || !m->seed_of) return lp_fail(LP_ERR_MEMORY, "out of memory");
  if (!run->n_sites || !run->n_classes || !choose_seeds(run, m)) return LP_OK;
  lp_status st = LP_OK;
  for (uint32_t a = 0; a < run->n_arms && st == LP_OK; a++) st = load_arm(run, m, a);
  return st;
}

/* ---- the figures ---------------------------------------------------------------------------- */

/* One row of tiles for each arm that has maps of that sheet. */
static void write_tiles(const report_run *run, int kind, const subject *of, bool centred,
                        tile_set *t, const char **down, FILE *csv) {
  const report_maps *m = run->maps;
  const uint32_t units = of->rows * of->cols;
  for (uint32_t a = 0; a < run->n_arms; a++) {
    const double *map = map_at(m, a, of->site, kind)->of[centred];
    const lp_run_site *sheet = lp_report_sheet(run, a, of->site);
    if (!map || sheet->rows != of->rows || sheet->cols != of->cols) continue;
    down[t->n_down++] = run->arms[a].name;
    for (uint32_t c = 0; c < t->n_across; c++) {
      const double *tile = map + (size_t)c * units;
      for (uint32_t u = 0; u < units; u++) {
        t->low = fmin(t->low, tile[u]);
        t->high = fmax(t->high, tile[u]);
      }
      char what[200];
      if (kind == CLASSES)
        snprintf(what, sizeof what, "arm %.80s, class %.80s", run->arms[a].name, t->across[c]);
      else
        snprintf(what, sizeof what, "arm %.80s, image %u, class %.60s", run->arms[a].name,
                 m->kind[kind].index[c], t->across[c]);
      lp_tile_csv(csv, what, tile, of->rows, of->cols);
    }
  }
}

static void caption(const report_run *run, int kind, const subject *of, bool centred, FILE *f) {
  const report_maps *m = run->maps;
  const map_kind *k = &m->kind[kind];
  const char *minus = centred ? ", minus the mean over all analysed images" : "";
  lp_report_html(f, "%s at %s%s, ",
                 kind == CLASSES ? "Mean activation over the images of each class"
                                 : "Activation for single images",
                 run->sites[of->site], minus);
  lp_maps_say_seed(run, f);
  if (kind == CLASSES)
    lp_report_html(
        f, ", %u images in all; sheet of %u \xc3\x97 %u units. One colour scale for all arms",
        m->images, of->rows, of->cols);
  else
    lp_report_html(
        f,
        ": %u of the %u analysed images, drawn by seed %s, under the name of their class. "
        "One colour scale for all arms",
        k->n, m->images, lp_report_seed(m->seed).s);
  lp_report_html(f, centred ? ", symmetric about zero." : ".");
  const uint32_t steps = lp_report_steps(run, of->site);
  if (steps > 1) lp_report_html(f, " After the last of %u steps.", steps);
  if (kind == CLASSES && run->n_classes > k->n)
    lp_report_html(f, " Shown are %u of %u classes, evenly chosen.", k->n, run->n_classes);
}

lp_status lp_maps_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  const int kind = arg / 2;
  const bool centred = arg % 2;
  const report_maps *m = run->maps;
  if (!m->images) return lp_fail(LP_ERR_NOT_FOUND, "there are no activations that fit the sheet");
  const char **down = calloc(run->n_arms, sizeof *down);
  if (!down) return lp_fail(LP_ERR_MEMORY, "out of memory");
  tile_set t = {.rows = of->rows,
                .cols = of->cols,
                .n_across = m->kind[kind].n,
                .across = m->kind[kind].label,
                .down = down,
                .scale = centred           ? "activation minus mean"
                         : kind == CLASSES ? "mean activation"
                                           : "activation",
                .diverging = centred};
  write_tiles(run, kind, of, centred, &t, down, out->csv);
  lp_status st = LP_OK;
  if (t.n_down == 0)
    st = lp_fail(LP_ERR_NOT_FOUND, "there are no activations of %s", run->sites[of->site]);
  if (centred) t.high = fmax(t.high, -t.low), t.low = -t.high;
  if (st == LP_OK) lp_tiles_var(out->var, &t);
  caption(run, kind, of, centred, out->caption);
  free(down);
  return st;
}

bool lp_maps_seed(const report_run *run, uint32_t arm, uint64_t *seed) {
  *seed = run->maps->seed_of[arm];
  return run->maps->images > 0;
}

void lp_maps_say_seed(const report_run *run, FILE *f) {
  const report_maps *m = run->maps;
  uint32_t others = 0;
  lp_report_html(f, "seed %s", lp_report_seed(m->seed).s);
  for (uint32_t a = 0; a < run->n_arms; a++)
    if (m->seed_of[a] != m->seed)
      lp_report_html(f, "%s%s: %s", others++ ? ", " : " (", run->arms[a].name,
                     lp_report_seed(m->seed_of[a]).s);
  if (others) fputc(')', f);
}

/* ---- tiles ---------------------------------------------------------------------------------- */

void lp_tile_csv(FILE *csv, const char *what, const double *value, uint32_t rows, uint32_t cols) {
  if (ftell(csv) > 0) fputs("\n\n", csv);
  fputs("# ", csv);
  for (const char *s = what; *s; s++) fputc((unsigned char)*s < 32 ? ' ' : *s, csv);
  fputc('\n', csv);
  for (uint32_t r = 0; r < rows; r++) {
    for (uint32_t c = 0; c < cols; c++) {
      if (c) fputc(',', csv);
      lp_csv_num(csv, value[(size_t)r * cols + c]);
    }
    fputc('\n', csv);
  }
}

void lp_tiles_var(FILE *var, const tile_set *t) {
  double high = t->high > t->low ? t->high : t->low + 1;
  fprintf(var, "rows = %u\ncols = %u\n", t->rows, t->cols);
  fprintf(var, "n_down = %u\nn_across = %u\n", t->n_down, t->n_across);
  lp_gp_array(var, "down", t->down, t->n_down, 24);
  lp_gp_array(var, "across", t->across, t->n_across, t->n_across > 5 ? 9 : 14);
  fputs("low = ", var);
  lp_csv_num(var, t->low);
  fputs("\nhigh = ", var);
  lp_csv_num(var, high);
  fprintf(var, "\ndiverging = %d\nlog_scale = %d\nn_outline = %u\nscale = ", t->diverging,
          t->log_scale, t->outlines);
  lp_gp_string(var, t->scale);
  fputc('\n', var);
}
