/* orientation.c: maps of the preferred orientation with their pinwheels, of networks that were
 * shown gratings. */
#include "report/report_internal.h"

#include <locality/io.h>
#include <locality/measure.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_ORIENTATIONS = 360 };

/* Of the arm's network whose maps are shown everywhere; NULL: there are none. */
static char *path_of(const report_run *run, uint32_t arm) {
  uint64_t seed;
  if (!lp_maps_seed(run, arm, &seed)) return NULL;
  char *path = lp_run_path(run->dir, LP_RUN_GRATINGS, run->arms[arm].name, seed);
  if (path && access(path, R_OK) == 0) return path;
  free(path);
  return NULL;
}

bool lp_orientation_any(const report_run *run) {
  for (uint32_t a = 0; a < run->n_arms; a++) {
    char *path = path_of(run, a);
    free(path);
    if (path) return true;
  }
  return false;
}

/* Rows of responses and the orientation that each of them is to. */
typedef struct gratings {
  const float *x;
  const int32_t *label;
  uint32_t n, orientations;
} gratings;

static lp_status take(const lp_safetensors *file, const char *path, const char *site,
                      uint32_t units, gratings *g) {
  const lp_tensor_view *labels = lp_safetensors_find(file, "labels"),
                       *x = lp_safetensors_find(file, site);
  *g = (gratings){0};
  bool good = labels && labels->desc.dtype == LP_I32 && labels->desc.ndim == 1 &&
              labels->desc.dim[0] <= UINT32_MAX / 2;
  if (good) g->n = (uint32_t)labels->desc.dim[0];
  const lp_desc want = lp_f32(g->n, units);
  good = good && x && lp_desc_equal(&x->desc, &want);
  if (good) g->x = x->data, g->label = labels->data;
  for (uint32_t i = 0; good && i < g->n; i++) {
    good = g->label[i] >= 0 && g->label[i] < MOST_ORIENTATIONS;
    if (good && (uint32_t)g->label[i] >= g->orientations)
      g->orientations = (uint32_t)g->label[i] + 1;
  }
  return good && g->n
             ? LP_OK
             : lp_fail(LP_ERR_FORMAT,
                       "%s: needs \"%s\", F32 of responses x %u units, and \"labels\", I32 below "
                       "%d: run locality orientation again",
                       path, site, units, MOST_ORIENTATIONS);
}

/* Means over the gratings of an orientation, then angle and strength of every unit. */
static lp_status tune(const gratings *g, uint32_t units, double *angle, double *variance) {
  const uint32_t k = g->orientations;
  double *mean = calloc((size_t)units * k + 1, sizeof *mean), theta[MOST_ORIENTATIONS];
  uint32_t count[MOST_ORIENTATIONS] = {0};
  if (!mean) return lp_fail(LP_ERR_MEMORY, "out of memory for %u orientations", k);
  for (uint32_t i = 0; i < g->n; i++) {
    count[g->label[i]]++;
    for (uint32_t u = 0; u < units; u++)
      mean[(size_t)u * k + (uint32_t)g->label[i]] += g->x[(size_t)i * units + u];
  }
  for (uint32_t o = 0; o < k; o++) {
    theta[o] = acos(-1) * o / k;
    for (uint32_t u = 0; u < units && count[o]; u++) mean[(size_t)u * k + o] /= count[o];
  }
  lp_orientation(mean, theta, units, k, angle, variance);
  free(mean);
  return LP_OK;
}

typedef struct map {
  double *angle, *variance, *winding;
  lp_pinwheels found;
} map;

static lp_status map_of(const report_run *run, const subject *of, uint32_t arm, const char *path,
                        map *m) {
  const uint32_t units = of->rows * of->cols;
  const char *site = run->sites[of->site];
  lp_safetensors *file = NULL;
  gratings g;
  lp_status st = lp_safetensors_read(path, &file);
  if (st == LP_OK) st = take(file, path, site, units, &g);
  if (st == LP_OK) st = tune(&g, units, m->angle, m->variance);
  const bool wrap = strcmp(lp_report_topology(run, arm, site), "torus") == 0;
  if (st == LP_OK) st = lp_pinwheels_of(m->angle, of->rows, of->cols, wrap, m->winding, &m->found);
  lp_safetensors_free(file);
  return st;
}

/* A block an arm, a line a unit. */
static void write_units(const map *m, const subject *of, const char *arm, FILE *csv) {
  fprintf(csv, "%s# arm %s: column,row,angle in degrees,1 - circular variance,winding\n",
          ftell(csv) > 0 ? "\n\n" : "", arm);
  for (uint32_t u = 0; u < of->rows * of->cols; u++) {
    const double value[] = {m->angle[u] * 180 / acos(-1), 1 - m->variance[u], m->winding[u]};
    fprintf(csv, "%u,%u", u % of->cols, u / of->cols);
    for (size_t k = 0; k < sizeof value / sizeof *value; k++) {
      fputc(',', csv);
      lp_csv_num(csv, value[k]);
    }
    fputc('\n', csv);
  }
}

static void caption(const report_run *run, const subject *of, FILE *f) {
  lp_report_html(f, "Hue: the angle of the gratings to which each unit at %s responds most, ",
                 run->sites[of->site]);
  lp_maps_say_seed(run, f);
  lp_report_html(f, " (0: upright stripes); the paler, the weaker its preference (1 less circular "
                    "variance); grey: it has none. Dots: units round which the angles of the "
                    "neighbours turn by half a circle, black with the way round, white against it. "
                    "Pinwheels, touching units of one sign being one:");
}

lp_status lp_orientation_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)arg;
  const size_t units = (size_t)of->rows * of->cols;
  bool *shown = calloc(run->n_arms, sizeof *shown);
  map m = {.angle = calloc(3 * units + 1, sizeof *m.angle)};
  lp_status st = shown && m.angle ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
  m.variance = m.angle + units;
  m.winding = m.variance + units;
  uint32_t n = 0;
  caption(run, of, out->caption);
  for (uint32_t a = 0; a < run->n_arms && st == LP_OK; a++) {
    if (!lp_stands_in(run, of, a) || lp_report_sheet(run, a, of->site)->at) continue;
    char *path = path_of(run, a);
    if (!path) continue;
    st = map_of(run, of, a, path, &m);
    free(path);
    if (st != LP_OK) continue;
    shown[a] = true;
    write_units(&m, of, run->arms[a].name, out->csv);
    lp_report_html(out->caption, "%s %s %u", n++ ? "," : "", run->arms[a].name, m.found.pinwheels);
  }
  if (st == LP_OK && !n)
    st = lp_fail(LP_ERR_NOT_FOUND, "no network on this sheet was shown gratings");
  if (st == LP_OK) {
    fputc('.', out->caption);
    fprintf(out->var, "rows = %u\ncols = %u\n", of->rows, of->cols);
    lp_gp_arms(out->var, run);
    lp_gp_numbers(out->var, "shown", shown, run->n_arms);
  }
  free(shown);
  free(m.angle);
  return st;
}
