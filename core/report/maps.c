/* maps.c: class maps from activations/, and tiles for templates/maps.gp.
 *
 * Units of networks with different seeds have nothing to do with each other, so maps are never
 * averaged over networks: one seed is shown, the first for which most arms have activations.
 */
#include "report/report_internal.h"

#include <locality/analysis.h>
#include <locality/io.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CLASSES = 20 };

typedef struct class_map {
  double *of[2]; /* n_classes x units: mean activation of a class; the same minus the mean map */
} class_map;

typedef struct report_maps report_maps;
struct report_maps {
  uint64_t seed;
  uint32_t n_arms, n_classes, units, images;
  class_map *map; /* n_arms x REPORT_SITES; NULL inside where there is nothing */
};

void maps_free(report_maps *m) {
  if (!m) return;
  for (uint32_t i = 0; m->map && i < m->n_arms * REPORT_SITES; i++) {
    free(m->map[i].of[0]);
    free(m->map[i].of[1]);
  }
  free(m->map);
  free(m);
}

static char *activations_path(const report_run *run, uint32_t arm, uint64_t seed) {
  char *path = NULL;
  if (asprintf(&path, "%s/activations/%s-seed%llu.safetensors", run->dir, run->arms[arm].name,
               (unsigned long long)seed) < 0)
    return NULL;
  return path;
}

static bool choose_seed(const report_run *run, uint64_t *seed) {
  uint32_t best = 0;
  for (uint32_t s = 0; s < run->n_seeds; s++) {
    uint32_t n = 0;
    for (uint32_t a = 0; a < run->n_arms; a++) {
      char *path = activations_path(run, a, run->seeds[s]);
      n += path && access(path, R_OK) == 0;
      free(path);
    }
    if (n > best) {
      best = n;
      *seed = run->seeds[s];
    }
  }
  return best > 0;
}

/* Maps of all classes, of which those shown are kept. */
static lp_status class_maps(const report_maps *m, const float *x, const int32_t *label, uint32_t n,
                            uint32_t all_classes, class_map *out) {
  lp_status st = LP_OK;
  for (int centred = 0; centred < 2 && st == LP_OK; centred++) {
    double *map = malloc((size_t)all_classes * m->units * sizeof *map);
    if (!map) return lp_fail(LP_ERR_MEMORY, "out of memory");
    st = lp_class_maps(x, label, n, m->units, all_classes, centred, map);
    double *kept = realloc(map, (size_t)m->n_classes * m->units * sizeof *map);
    out->of[centred] = kept ? kept : map;
  }
  return st;
}

/* What does not fit is left out with a line in the log: the page says what is missing. */
static lp_status load_arm(report_maps *m, uint32_t arm, uint32_t all_classes, const char *path) {
  lp_safetensors *f = NULL;
  lp_status st = lp_safetensors_read(path, &f);
  if (st != LP_OK) {
    lp_log(LP_LOG_WARNING, "%s", lp_error_message());
    return st == LP_ERR_MEMORY ? st : LP_OK;
  }
  const lp_tensor_view *label = lp_safetensors_find(f, "labels");
  for (int s = 0; s < REPORT_SITES && st == LP_OK; s++) {
    const lp_tensor_view *x = lp_safetensors_find(f, report_site_name[s]);
    class_map *out = &m->map[arm * REPORT_SITES + (uint32_t)s];
    if (!x || !label || x->desc.dtype != LP_F32 || label->desc.dtype != LP_I32 ||
        x->desc.ndim != 2 || label->desc.ndim != 1 || x->desc.dim[0] != label->desc.dim[0] ||
        x->desc.dim[0] < 1 || x->desc.dim[0] > INT32_MAX || x->desc.dim[1] != m->units) {
      lp_log(LP_LOG_WARNING, "%s: %s and labels do not fit a sheet of %u units", path,
             report_site_name[s], m->units);
      continue;
    }
    st = class_maps(m, x->data, label->data, (uint32_t)x->desc.dim[0], all_classes, out);
    if (st == LP_ERR_ARG) {
      lp_log(LP_LOG_WARNING, "%s: %s", path, lp_error_message());
      for (int k = 0; k < 2; k++) free(out->of[k]), out->of[k] = NULL;
      st = LP_OK;
    } else {
      m->images = (uint32_t)x->desc.dim[0];
    }
  }
  lp_safetensors_free(f);
  return st;
}

lp_status maps_load(report_run *run) {
  report_maps *m = calloc(1, sizeof *m);
  if (!m) return lp_fail(LP_ERR_MEMORY, "out of memory");
  run->maps = m;
  m->n_arms = run->n_arms;
  m->units = run->rows * run->cols;
  m->n_classes = run->n_classes < MAX_CLASSES ? run->n_classes : MAX_CLASSES;
  m->map = calloc((size_t)run->n_arms * REPORT_SITES, sizeof *m->map);
  if (!m->map) return lp_fail(LP_ERR_MEMORY, "out of memory");
  if (!m->units || !m->n_classes || !choose_seed(run, &m->seed)) return LP_OK;
  lp_status st = LP_OK;
  for (uint32_t a = 0; a < run->n_arms && st == LP_OK; a++) {
    char *path = activations_path(run, a, m->seed);
    if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory");
    if (access(path, R_OK) == 0) st = load_arm(m, a, run->n_classes, path);
    free(path);
  }
  return st;
}

/* ---- the figures ---------------------------------------------------------------------------- */

/* One row of tiles for each arm that has maps. */
static void write_tiles(const report_run *run, int site, bool centred, double *tile, tile_set *t,
                        const char **down, FILE *csv) {
  const report_maps *m = run->maps;
  for (uint32_t a = 0; a < run->n_arms; a++) {
    const class_map *map = &m->map[a * REPORT_SITES + (uint32_t)site];
    if (!map->of[centred]) continue;
    down[t->n_down++] = run->arms[a].name;
    for (uint32_t c = 0; c < m->n_classes; c++) {
      for (uint32_t u = 0; u < m->units; u++) {
        tile[u] = map->of[centred][(size_t)c * m->units + u];
        t->low = fmin(t->low, tile[u]);
        t->high = fmax(t->high, tile[u]);
      }
      char what[200];
      snprintf(what, sizeof what, "arm %.80s, class %.80s", run->arms[a].name, run->classes[c]);
      tile_csv(csv, what, tile, run->rows, run->cols);
    }
  }
}

lp_status maps_write(const report_run *run, int arg, figure_out *out) {
  const int site = arg / 2;
  const bool centred = arg % 2;
  const report_maps *m = run->maps;
  if (!m->images) return lp_fail(LP_ERR_NOT_FOUND, "there are no activations that fit the sheet");
  double *tile = malloc(m->units * sizeof *tile);
  const char **down = calloc(run->n_arms, sizeof *down);
  lp_status st = LP_OK;
  tile_set t = {.rows = run->rows,
                .cols = run->cols,
                .n_across = m->n_classes,
                .across = run->classes,
                .scale = centred ? "activation minus mean" : "mean activation",
                .diverging = centred};
  if (!tile || !down) {
    st = lp_fail(LP_ERR_MEMORY, "out of memory");
  } else {
    write_tiles(run, site, centred, tile, &t, down, out->csv);
    t.down = down;
    if (centred) t.high = fmax(t.high, -t.low), t.low = -t.high;
    if (t.n_down == 0)
      st = lp_fail(LP_ERR_NOT_FOUND, "there are no activations of %s", report_site_name[site]);
    else
      tiles_var(out->var, &t);
    html(out->caption,
         "Mean activation over the test images of each class at %s%s, seed %s, %u "
         "images in all; sheet of %u \xc3\x97 %u units. One colour scale for all arms",
         report_site_name[site], centred ? ", minus the mean over all analysed images" : "",
         num((double)m->seed, 0).s, m->images, run->rows, run->cols);
    html(out->caption, centred ? ", symmetric about zero." : ".");
    if (run->n_classes > m->n_classes)
      html(out->caption, " Shown are the first %u of %u classes.", m->n_classes, run->n_classes);
  }
  free(down);
  free(tile);
  return st;
}

/* ---- tiles ---------------------------------------------------------------------------------- */

void tile_csv(FILE *csv, const char *what, const double *value, uint32_t rows, uint32_t cols) {
  if (ftell(csv) > 0) fputs("\n\n", csv);
  fputs("# ", csv);
  for (const char *s = what; *s; s++) fputc((unsigned char)*s < 32 ? ' ' : *s, csv);
  fputc('\n', csv);
  for (uint32_t r = 0; r < rows; r++) {
    for (uint32_t c = 0; c < cols; c++) {
      if (c) fputc(',', csv);
      double v = value[(size_t)r * cols + c];
      if (isfinite(v))
        fprintf(csv, "%.4g", v);
      else
        fputs("NaN", csv);
    }
    fputc('\n', csv);
  }
}

void tiles_var(FILE *var, const tile_set *t) {
  double high = t->high > t->low ? t->high : t->low + 1;
  fprintf(var, "rows = %u\ncols = %u\n", t->rows, t->cols);
  fprintf(var, "n_down = %u\nn_across = %u\n", t->n_down, t->n_across);
  gp_array(var, "down", t->down, t->n_down, 18);
  gp_array(var, "across", t->across, t->n_across, t->n_across > 5 ? 11 : 14);
  fprintf(var, "low = %.6g\nhigh = %.6g\ndiverging = %d\nlog_scale = %d\nscale = ", t->low, high,
          t->diverging, t->log_scale);
  gp_string(var, t->scale);
  fputc('\n', var);
}
