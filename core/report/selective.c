/* selective.c: maps of selectivity with their patches, the class that each unit prefers, and the
 * sorted matrix of classes and units. */
#include "report/report_internal.h"

#include <locality/analysis.h>
#include <locality/registry.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* As the measures `patches` and `nestedness` have them unless told otherwise. */
#define THRESHOLD 2.0
enum { LEAST = 3, MOST_LINES = 20000 };

/* ---- t ------------------------------------------------------------------------------------- */

static lp_status places_of(const report_run *run, uint32_t arm, const subject *of, uint64_t seed,
                           lp_places **out) {
  const lp_run_site *site = lp_report_sheet(run, arm, of->site);
  bool reads;
  const lp_run_prior *p = lp_run_site_prior(&run->arms[arm], site, &reads);
  if (site->at) return lp_places_points(site->at, site->units, site->ndim, NULL, out);
  if (p && lp_places_topology(p->topology, site->units, reads ? p->extent_in : p->extent_out, seed,
                              out) == LP_OK)
    return LP_OK;
  return lp_places_sheet(site->rows, site->cols, false, out);
}

lp_status lp_selective_of(const report_run *run, const subject *of, uint32_t arm, selective *out) {
  *out = (selective){.arm = arm, .classes = run->n_classes, .units = of->rows * of->cols};
  uint64_t seed;
  if (run->n_classes < 2) return lp_fail(LP_ERR_NOT_FOUND, "the images have no classes");
  if (!lp_maps_seed(run, arm, &seed)) return lp_fail(LP_ERR_NOT_FOUND, "there are no activations");
  if (!lp_stands_in(run, of, arm)) return lp_fail(LP_ERR_NOT_FOUND, "on another sheet");
  lp_run_maps m;
  lp_status st =
      lp_run_maps_read(run->folder, LP_RUN_ACTIVATIONS, arm, lp_report_seed_index(run, seed), &m);
  if (st != LP_OK) return st;
  const lp_responses x = lp_responses_f32(m.site[of->site], m.n, out->units);
  out->t = malloc(sizeof *out->t * out->classes * out->units);
  st = out->t ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK)
    st = lp_selectivity_of(&x, m.labels, out->classes, &(lp_selectivity){.t = out->t});
  if (st == LP_OK) st = places_of(run, arm, of, seed, &out->places);
  lp_run_maps_free(&m);
  if (st != LP_OK) lp_selective_free(out);
  return st;
}

void lp_selective_free(selective *s) {
  free(s->t);
  lp_places_free(s->places);
  *s = (selective){0};
}

/* Calls fn for every arm that has something to show; how many there were. */
typedef lp_status (*each_arm)(void *user, const selective *s, uint32_t row);
static lp_status over_arms(const report_run *run, const subject *of, each_arm fn, void *user,
                           uint32_t *rows) {
  lp_status st = LP_OK;
  *rows = 0;
  for (uint32_t a = 0; a < run->n_arms && st == LP_OK; a++) {
    selective s;
    st = lp_selective_of(run, of, a, &s);
    if (st == LP_ERR_NOT_FOUND || st == LP_ERR_FORMAT) {
      st = LP_OK;
      continue;
    }
    if (st == LP_OK) st = fn(user, &s, (*rows)++);
    lp_selective_free(&s);
  }
  if (st == LP_OK && !*rows)
    st = lp_fail(LP_ERR_NOT_FOUND,
                 run->n_classes < 2 ? "the images have no classes" : "there are no activations");
  return st;
}

/* Lattices are drawn as they stand; anything else has no rows and columns. */
static bool on_points(const report_run *run, const subject *of) {
  for (uint32_t a = 0; a < run->n_arms; a++)
    if (lp_stands_in(run, of, a) && lp_report_sheet(run, a, of->site)->at) return true;
  return false;
}

/* ---- maps of t ----------------------------------------------------------------------------- */

typedef struct t_maps {
  const report_run *run;
  const subject *of;
  figure_out *out;
  tile_set *tiles;
  const char **down;
  uint32_t shown[REPORT_CLASSES];
  FILE *lines; /* round patches */
  uint32_t patches;
} t_maps;

static int32_t patch_at(const t_maps *m, const int32_t *patch, int32_t r, int32_t c) {
  const bool inside = r >= 0 && c >= 0 && r < (int32_t)m->of->rows && c < (int32_t)m->of->cols;
  return inside ? patch[r * (int32_t)m->of->cols + c] : -1;
}

/* Sides between a unit in a patch and what is not in it, along one line of the tile: those that
 * follow each other are one. across: the line goes along a row, between the units of rows `at` - 1
 * and `at`. */
static void outline_line(t_maps *m, const int32_t *patch, bool across, int32_t at, uint32_t row,
                         uint32_t column) {
  const int32_t length = (int32_t)(across ? m->of->cols : m->of->rows);
  for (int32_t k = 0, start = -1; k <= length; k++) {
    const int32_t before = across ? patch_at(m, patch, at - 1, k) : patch_at(m, patch, k, at - 1),
                  behind = across ? patch_at(m, patch, at, k) : patch_at(m, patch, k, at);
    if (k < length && before != behind) {
      if (start < 0) start = k;
      continue;
    }
    if (start < 0) continue;
    fprintf(m->lines, "%u,%u,%d,%d,%d,%d\n", row + 1, column + 1, across ? start : at,
            across ? at : start, across ? k - start : 0, across ? 0 : k - start);
    m->tiles->outlines++;
    start = -1;
  }
}

static void outline(t_maps *m, const int32_t *patch, uint32_t row, uint32_t column) {
  for (uint32_t r = 0; r <= m->of->rows; r++) outline_line(m, patch, true, (int32_t)r, row, column);
  for (uint32_t c = 0; c <= m->of->cols; c++)
    outline_line(m, patch, false, (int32_t)c, row, column);
}

static lp_status add_t(void *user, const selective *s, uint32_t row) {
  t_maps *m = user;
  lp_neighbours *w;
  int32_t *patch = malloc(sizeof *patch * s->units);
  lp_status st =
      patch ? lp_neighbours_of(s->places, LP_ROOK, &w) : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st != LP_OK) {
    free(patch);
    return st;
  }
  m->down[row] = m->run->arms[s->arm].name;
  for (uint32_t c = 0; c < m->tiles->n_across && st == LP_OK; c++) {
    const double *t = s->t + (size_t)m->shown[c] * s->units;
    char what[200];
    snprintf(what, sizeof what, "arm %.80s, class %.80s", m->down[row],
             m->run->classes[m->shown[c]]);
    lp_tile_csv(m->out->csv, what, t, m->of->rows, m->of->cols);
    for (uint32_t u = 0; u < s->units; u++)
      if (isfinite(t[u])) m->tiles->high = fmax(m->tiles->high, fabs(t[u]));
    lp_patches found;
    st = lp_patches_of(t, w, THRESHOLD, LEAST, patch, &found);
    if (st == LP_OK) outline(m, patch, row, c);
    m->patches += st == LP_OK ? found.count : 0;
  }
  lp_neighbours_free(w);
  free(patch);
  return st;
}

lp_status lp_selectivity_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)arg;
  if (on_points(run, of))
    return lp_fail(LP_ERR_NOT_FOUND, "the units stand at points, on no sheet");
  const char **down = calloc(run->n_arms, sizeof *down), *across[REPORT_CLASSES];
  tile_set t = {.rows = of->rows,
                .cols = of->cols,
                .down = down,
                .across = across,
                .scale = "selectivity t",
                .diverging = true};
  t_maps m = {.run = run, .of = of, .out = out, .tiles = &t, .down = down};
  char *lines = NULL;
  size_t n = 0;
  t.n_across = lp_report_shown_classes(run, m.shown);
  for (uint32_t c = 0; c < t.n_across; c++) across[c] = run->classes[m.shown[c]];
  m.lines = open_memstream(&lines, &n);
  lp_status st = down && m.lines ? over_arms(run, of, add_t, &m, &t.n_down)
                                 : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (m.lines && fclose(m.lines) != 0 && st == LP_OK) st = lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK) {
    fprintf(out->csv, "\n\n# sides of units in patches: row of tiles,column,x,y,dx,dy\n%s",
            t.outlines ? lines : "");
    const bool drawn = t.outlines <= MOST_LINES;
    if (!drawn) t.outlines = 0;
    t.low = -t.high;
    lp_tiles_var(out->var, &t);
    lp_report_html(out->caption,
                   "Welch\xe2\x80\x99s t of each unit at %s for a class against all others, ",
                   run->sites[of->site]);
    lp_maps_say_seed(run, out->caption);
    lp_report_html(out->caption,
                   "; one colour scale for all. %s: patches, %u or more touching units with t &gt; "
                   "%s; %u of them in these maps.",
                   drawn ? "Black lines" : "In the table only, for they are many", LEAST,
                   lp_report_num(THRESHOLD, 0).s, m.patches);
    if (run->n_classes > t.n_across)
      lp_report_html(out->caption, " Shown are %u of %u classes, evenly chosen.", t.n_across,
                     run->n_classes);
  }
  free(lines);
  free(down);
  return st;
}

/* ---- the preferred class ------------------------------------------------------------------- */

enum { COLOURS = 20 };

typedef struct preference {
  const report_run *run;
  const subject *of;
  figure_out *out;
  int32_t *best;   /* n_arms x units: class, -1: none with t > 0 */
  uint32_t *arm;   /* of each row */
  uint32_t *units; /* of each class, that prefer it */
} preference;

static lp_status add_best(void *user, const selective *s, uint32_t row) {
  preference *p = user;
  p->arm[row] = s->arm;
  for (uint32_t u = 0; u < s->units; u++) {
    int32_t *best = &p->best[(size_t)row * s->units + u];
    double most = 0;
    *best = -1;
    for (uint32_t c = 0; c < s->classes; c++) {
      const double t = s->t[(size_t)c * s->units + u];
      if (t > most) most = t, *best = (int32_t)c;
    }
    if (*best >= 0) p->units[*best]++;
  }
  return LP_OK;
}

/* slot[c]: the colour of a class, from 1; COLOURS + 1 of those that share the last one. The classes
 * that most units prefer have colours of their own. Returns how many have. */
static uint32_t give_colours(const preference *p, uint32_t *slot, const char **name) {
  const uint32_t n = p->run->n_classes;
  uint32_t given = 0;
  for (uint32_t c = 0; c < n; c++) {
    uint32_t before = 0;
    for (uint32_t k = 0; n > COLOURS && k < n; k++)
      before += p->units[k] > p->units[c] || (p->units[k] == p->units[c] && k < c);
    slot[c] = n > COLOURS && before >= COLOURS ? COLOURS + 1 : ++given;
    if (slot[c] <= COLOURS) name[slot[c] - 1] = p->run->classes[c];
  }
  return given;
}

static lp_status write_preference(preference *p, uint32_t rows, uint32_t *slot, double *tile) {
  const uint32_t units = p->of->rows * p->of->cols;
  const char *name[COLOURS];
  const uint32_t given = give_colours(p, slot, name);
  bool none = false, other = false, *shown = calloc(p->run->n_arms, sizeof *shown);
  if (!shown) return lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t r = 0; r < rows; r++) {
    char what[300];
    snprintf(what, sizeof what,
             "arm %.80s: number of the preferred class in the legend, 0 none, %d another",
             p->run->arms[p->arm[r]].name, COLOURS + 1);
    for (uint32_t u = 0; u < units; u++) {
      const int32_t best = p->best[(size_t)r * units + u];
      tile[u] = best < 0 ? 0 : slot[best];
      none |= best < 0;
      other |= tile[u] > COLOURS;
    }
    shown[p->arm[r]] = true;
    lp_tile_csv(p->out->csv, what, tile, p->of->rows, p->of->cols);
  }
  fprintf(p->out->var, "rows = %u\ncols = %u\nnone = %d\nother = %d\nn_class = %u\n", p->of->rows,
          p->of->cols, none, other, given);
  lp_gp_array(p->out->var, "class", name, given, 16);
  lp_gp_arms(p->out->var, p->run);
  lp_gp_numbers(p->out->var, "shown", shown, p->run->n_arms);
  free(shown);
  lp_report_html(p->out->caption, "The class for which each unit at %s has the largest t, ",
                 p->run->sites[p->of->site]);
  lp_maps_say_seed(p->run, p->out->caption);
  lp_report_html(p->out->caption, "; white: t is above 0 for none.");
  if (other)
    lp_report_html(p->out->caption,
                   " Of %u classes the %u that most units prefer have colours; grey: another.",
                   p->run->n_classes, given);
  return LP_OK;
}

lp_status lp_preference_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)arg;
  const uint32_t units = of->rows * of->cols;
  uint32_t rows = 0, *slot = calloc(run->n_classes + 1, sizeof *slot);
  double *tile = malloc(sizeof *tile * units);
  if (on_points(run, of)) {
    free(slot);
    free(tile);
    return lp_fail(LP_ERR_NOT_FOUND, "the units stand at points, on no sheet");
  }
  preference p = {.run = run,
                  .of = of,
                  .out = out,
                  .best = malloc(sizeof *p.best * run->n_arms * units),
                  .arm = calloc(run->n_arms, sizeof *p.arm),
                  .units = calloc(run->n_classes + 1, sizeof *p.units)};
  lp_status st = slot && tile && p.best && p.arm && p.units
                     ? over_arms(run, of, add_best, &p, &rows)
                     : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK) st = write_preference(&p, rows, slot, tile);
  free(slot);
  free(tile);
  free(p.best);
  free(p.arm);
  free(p.units);
  return st;
}
