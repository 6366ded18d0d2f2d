/* film.c: a player of what the units did while a network of each arm trained: maps of a class, and
 * V and Moran's I, epoch by epoch. The page holds all of it, and figures/film.csv the numbers. */
#include "report/report_internal.h"

#include <locality/analysis.h>
#include <locality/io.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Map values that a page holds: a byte each, in base 64. */
enum { MOST_VALUES = 1200000 };

/* A network at an epoch: 0, before the first step; the last, as its activations are. */
typedef struct frame {
  uint32_t epoch;
  double v, moran;
  double *map; /* classes x units */
} frame;

typedef struct film {
  const report_run *run;
  uint32_t site, seed; /* the headline site; index of the first seed */
  uint32_t n_classes, class[REPORT_CLASSES];
  double low, high;
} film;

static char *frame_path(const report_run *run, uint32_t arm, uint32_t epoch) {
  return lp_run_frame_path(run->dir, run->arms[arm].name, run->seeds[0], epoch);
}

static bool has_frame(const report_run *run, uint32_t arm, uint32_t epoch) {
  char *path = frame_path(run, arm, epoch);
  const bool has = path && access(path, R_OK) == 0;
  free(path);
  return has;
}

bool lp_film_any(const report_run *run) {
  if (run->folder->headline >= run->n_sites) return false;
  for (uint32_t a = 0; a < run->n_arms; a++)
    for (uint32_t e = 1; e < run->folder->epochs; e++)
      if (has_frame(run, a, e)) return true;
  return false;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Mean over the images where it is defined. */
static lp_status mean_of(lp_map_fn fn, const lp_run_maps *m, const lp_run_site *site, uint32_t k,
                         double *out) {
  double *value = malloc(sizeof *value * m->n);
  if (!value) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status st = lp_map_values(fn, m->site[k], m->n, site->rows, site->cols, value);
  if (st == LP_OK) *out = lp_moments_of(value, m->n).mean;
  free(value);
  return st;
}

/* V and Moran's I where the units stand on a lattice; NaN elsewhere. */
static lp_status measure_frame(const film *m, uint32_t arm, const lp_run_maps *x, frame *f) {
  const lp_run_site *site = lp_report_sheet(m->run, arm, m->site);
  const char *topology = lp_report_topology(m->run, arm, m->run->sites[m->site]);
  const bool wraps = strcmp(topology, "torus") == 0 || strcmp(topology, "ring") == 0,
             flat = strcmp(topology, "grid") == 0 || strcmp(topology, "line") == 0;
  f->v = f->moran = NAN;
  if (!wraps && !flat) return LP_OK;
  lp_status st =
      mean_of(wraps ? lp_spatial_variance_torus : lp_spatial_variance, x, site, m->site, &f->v);
  return st == LP_OK ? mean_of(wraps ? lp_moran_i_torus : lp_moran_i, x, site, m->site, &f->moran)
                     : st;
}

static lp_status read_frame(film *m, uint32_t arm, uint32_t epoch, frame *f) {
  const report_run *run = m->run;
  const uint32_t units = lp_report_sheet(run, arm, m->site)->units;
  lp_run_maps x;
  lp_status st = epoch == 0 ? lp_run_maps_read(run->folder, LP_RUN_UNTRAINED, arm, m->seed, &x)
                 : epoch == run->folder->epochs
                     ? lp_run_maps_read(run->folder, LP_RUN_ACTIVATIONS, arm, m->seed, &x)
                     : lp_run_frame_read(run->folder, arm, m->seed, epoch, &x);
  if (st != LP_OK) return st;
  *f = (frame){.epoch = epoch, .map = malloc(sizeof *f->map * run->n_classes * units)};
  st = f->map ? lp_class_maps(x.site[m->site], x.labels, x.n, units, run->n_classes, false, f->map)
              : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK) st = measure_frame(m, arm, &x, f);
  lp_run_maps_free(&x);
  for (uint32_t c = 0; c < m->n_classes && st == LP_OK; c++) {
    memmove(f->map + (size_t)c * units, f->map + (size_t)m->class[c] * units,
            units * sizeof *f->map); /* upwards: class[c] >= c */
    for (uint32_t u = 0; u < units; u++) {
      const double v = f->map[(size_t)c * units + u];
      if (isfinite(v)) m->low = fmin(m->low, v), m->high = fmax(m->high, v);
    }
  }
  if (st != LP_OK) free(f->map);
  return st;
}

/* The frames of an arm, in order; malloc'ed. Without any: *n is 0. */
static lp_status read_arm(film *m, uint32_t arm, frame **out, uint32_t *n) {
  const uint32_t epochs = m->run->folder->epochs;
  bool any = false;
  *out = NULL;
  *n = 0;
  for (uint32_t e = 1; e < epochs; e++) any |= has_frame(m->run, arm, e);
  if (!any || !lp_report_sheet(m->run, arm, m->site)->units) return LP_OK;
  *out = calloc((size_t)epochs + 1, sizeof **out);
  if (!*out) return lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t e = 0; e <= epochs; e++) {
    lp_status st = e && e < epochs && !has_frame(m->run, arm, e)
                       ? LP_ERR_NOT_FOUND
                       : read_frame(m, arm, e, &(*out)[*n]);
    if (st == LP_OK) (*n)++;
    if (st != LP_OK && st != LP_ERR_NOT_FOUND) return st;
  }
  return LP_OK;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void base64(FILE *f, const uint8_t *byte, size_t n) {
  static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < n; i += 3) {
    const uint32_t word = (uint32_t)byte[i] << 16 | (i + 1 < n ? (uint32_t)byte[i + 1] << 8 : 0) |
                          (i + 2 < n ? byte[i + 2] : 0);
    for (size_t k = 0; k < 4; k++) fputc(i + k < n + 1 ? digit[word >> (18 - 6 * k) & 63] : '=', f);
  }
}

/* The script's text as it stands in the page: between the tags. */
static char *script(void) {
  char *all = NULL;
  return asprintf(&all, "\n%s", lp_report_asset_find("film.js")) < 0 ? NULL : all;
}

void lp_film_policy(FILE *f) {
  char hex[65], *text = script();
  uint8_t byte[32];
  if (text && lp_sha256(text, strlen(text), hex) == LP_OK) {
    for (int i = 0; i < 32; i++) {
      const char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
      byte[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    fputs("; script-src 'sha256-", f);
    base64(f, byte, sizeof byte);
    fputc('\'', f);
  }
  free(text);
}

static void number(FILE *f, double v) {
  fputs(isfinite(v) ? lp_exact(v).text : "null", f);
}

/* A text of JSON inside of HTML: "<" could end the element. */
static void text(FILE *f, const char *s) {
  fputc('"', f);
  for (; *s; s++)
    if (strchr("\"\\<>&", *s) || (unsigned char)*s < 32)
      fprintf(f, "\\u%04x", (unsigned)(unsigned char)*s);
    else
      fputc(*s, f);
  fputc('"', f);
}

static void write_arm(const film *m, uint32_t arm, const frame *frames, uint32_t n, FILE *f,
                      FILE *csv) {
  const lp_run_site *site = lp_report_sheet(m->run, arm, m->site);
  const size_t values = (size_t)m->n_classes * site->units;
  uint8_t *byte = malloc(values + 1);
  fputs("{\"name\":", f);
  text(f, m->run->arms[arm].name);
  fprintf(f, ",\"rows\":%u,\"cols\":%u,\"frames\":[", site->rows, site->cols);
  for (uint32_t i = 0; i < n && byte; i++) {
    for (size_t k = 0; k < values; k++) {
      const double v = frames[i].map[k], range = m->high - m->low;
      byte[k] = isfinite(v) && range > 0 ? (uint8_t)lround(255 * (v - m->low) / range) : 0;
    }
    fprintf(f, "%s{\"epoch\":%u,\"v\":", i ? "," : "", frames[i].epoch);
    number(f, frames[i].v);
    fputs(",\"i\":", f);
    number(f, frames[i].moran);
    fputs(",\"maps\":\"", f);
    base64(f, byte, values);
    fputs("\"}", f);
    lp_csv_text(csv, m->run->arms[arm].name);
    fprintf(csv, ",%llu,%u,", (unsigned long long)m->run->seeds[m->seed], frames[i].epoch);
    lp_csv_num(csv, frames[i].v);
    fputc(',', csv);
    lp_csv_num(csv, frames[i].moran);
    fputc('\n', csv);
  }
  fputs("]}", f);
  free(byte);
}

/* Fewer classes where the page would grow too large. */
static void choose_classes(film *m) {
  const report_run *run = m->run;
  size_t values = 0;
  for (uint32_t a = 0; a < run->n_arms; a++)
    values += (size_t)lp_report_sheet(run, a, m->site)->units * (run->folder->epochs + 1);
  const size_t fitting = values ? MOST_VALUES / values : 1;
  m->n_classes = run->n_classes < REPORT_CLASSES ? run->n_classes : REPORT_CLASSES;
  if (m->n_classes > fitting) m->n_classes = fitting ? (uint32_t)fitting : 1;
  for (uint32_t c = 0; c < m->n_classes; c++)
    m->class[c] = (uint32_t)((uint64_t)c * run->n_classes / m->n_classes);
}

static void write_player(const film *m, FILE *f) {
  lp_report_html(
      f,
      "<p>What the units at %s did after each kept epoch, in one network of each arm (seed %s): "
      "the "
      "mean map of a class, and V and Moran\xe2\x80\x99s I of all images. The arrow keys, Home and "
      "End move through the epochs, the space bar plays. Its numbers: <a "
      "href=\"figures/film.csv\">film.csv</a>.</p>\n"
      "<div id=\"film-player\" class=\"film\" tabindex=\"0\" role=\"group\" aria-label=\"Film of "
      "the training\">\n"
      "<p class=\"film-bar\"><button type=\"button\" id=\"film-play\">Play</button> <label>epoch "
      "<input type=\"range\" id=\"film-at\" min=\"0\" max=\"0\" value=\"0\" step=\"1\" /></label> "
      "<output id=\"film-now\" aria-live=\"polite\"></output> <label>class <select "
      "id=\"film-class\"></select></label></p>\n"
      "<div id=\"film-maps\" class=\"film-maps\"></div>\n<div id=\"film-curves\"></div>\n"
      "<noscript><p class=\"note\">The film needs JavaScript; film.csv has its "
      "numbers.</p></noscript>\n</div>\n",
      m->run->sites[m->site], lp_report_num((double)m->run->seeds[m->seed], 0).s);
  if (m->n_classes < m->run->n_classes)
    lp_report_html(f, "<p class=\"note\">Shown are %u of %u classes, evenly chosen.</p>\n",
                   m->n_classes, m->run->n_classes);
}

/* After the arms, whose frames say what the scale is: it stands behind them. */
static void write_data(const film *m, const char *arms, FILE *f) {
  fputs("<script type=\"application/json\" id=\"film-data\">{\"arms\":[", f);
  fputs(arms, f);
  fputs("],\"classes\":[", f);
  for (uint32_t c = 0; c < m->n_classes; c++) {
    if (c) fputc(',', f);
    text(f, m->run->classes[m->class[c]]);
  }
  fputs("],\"low\":", f);
  number(f, m->low);
  fputs(",\"high\":", f);
  number(f, m->high);
  char *player = script();
  fprintf(f, "}</script>\n<script>%s</script>\n", player ? player : "");
  free(player);
}

/* All arms are read before one is written, for the scale that they share. */
static lp_status write_arms(film *m, FILE *arms, FILE *csv) {
  const report_run *run = m->run;
  frame **frames = calloc(run->n_arms, sizeof *frames);
  uint32_t *n = calloc(run->n_arms, sizeof *n), written = 0;
  lp_status st = frames && n ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t a = 0; a < run->n_arms && st == LP_OK; a++) st = read_arm(m, a, &frames[a], &n[a]);
  fputs("arm,seed,epoch,variance,moran_i\n", csv);
  for (uint32_t a = 0; a < run->n_arms && st == LP_OK; a++) {
    if (!n[a]) continue;
    if (written++) fputc(',', arms);
    write_arm(m, a, frames[a], n[a], arms, csv);
  }
  for (uint32_t a = 0; frames && n && a < run->n_arms; a++) {
    for (uint32_t i = 0; i < n[a]; i++) free(frames[a][i].map);
    free(frames[a]);
  }
  free(frames);
  free(n);
  return st;
}

static lp_status write_csv(const report_run *run, const char *csv, size_t n) {
  char *path = lp_path_join(run->dir, "figures/film.csv");
  lp_status st = path ? lp_write_file(path, csv, n) : lp_fail(LP_ERR_MEMORY, "out of memory");
  free(path);
  return st;
}

lp_status lp_film_section(const report_run *run, FILE *f) {
  film m = {.run = run, .site = run->folder->headline, .low = INFINITY, .high = -INFINITY};
  char *arms = NULL, *csv = NULL;
  size_t n_arms = 0, n_csv = 0;
  choose_classes(&m);
  FILE *to_arms = open_memstream(&arms, &n_arms), *to_csv = open_memstream(&csv, &n_csv);
  lp_status st =
      to_arms && to_csv ? write_arms(&m, to_arms, to_csv) : lp_fail(LP_ERR_MEMORY, "out of memory");
  bool full = false;
  if (to_arms) full |= fclose(to_arms) != 0;
  if (to_csv) full |= fclose(to_csv) != 0;
  if (st == LP_OK && full) st = lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK) st = write_csv(run, csv, n_csv);
  if (st == LP_OK) {
    write_player(&m, f);
    write_data(&m, arms, f);
  }
  free(arms);
  free(csv);
  return st;
}
