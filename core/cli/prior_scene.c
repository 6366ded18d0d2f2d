/* What one output unit receives, drawn where the input units stand. */
#include "prior_scene.h"

#include <locality/measure.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 0.08 /* room for titles, of a panel's width */

bool cli_prior_off_plane(const lp_prior *p) {
  const uint32_t *extent = p->sheets.extent_in;
  return !extent[0] || (extent[1] && extent[2]);
}

static lp_status room(cli_scene *s, uint32_t marks, uint32_t titles) {
  *s = (cli_scene){.mark = calloc((size_t)marks + 1, sizeof *s->mark),
                   .title = calloc((size_t)titles + 1, sizeof *s->title)};
  if (s->mark && s->title) return LP_OK;
  cli_scene_free(s);
  return lp_fail(LP_ERR_MEMORY, "out of memory for a picture of %u units", marks);
}

static cli_title *add_title(cli_scene *s, double x, double y) {
  cli_title *t = &s->title[s->n_titles++];
  t->x = x, t->y = y;
  return t;
}

/* Grounds first, strong signals last, so that none is hidden by a weak one. */
static int by_strength(const void *a, const void *b) {
  const cli_mark *x = a, *y = b;
  const double s = isnan(x->value) ? -1 : fabs(x->value), t = isnan(y->value) ? -1 : fabs(y->value);
  return s != t ? (s > t) - (s < t) : (x->unit > y->unit) - (x->unit < y->unit);
}

static void sort_marks(cli_scene *s) {
  qsort(s->mark, s->n_marks, sizeof *s->mark, by_strength);
}

/* ---- a box --------------------------------------------------------------------------------- */

static lp_status slices(const uint32_t *extent, const double *value, cli_scene *s) {
  const uint32_t rows = extent[0], cols = extent[1], layers = extent[2];
  const double step = cols + 0.5, head = HEAD * (layers * step);
  lp_status status = room(s, rows * cols * layers, layers);
  if (status != LP_OK) return status;
  s->width = layers * step - 0.5;
  s->height = rows + head;
  for (uint32_t k = 0; k < layers; k++) {
    cli_title *t = add_title(s, k * step, 0.7 * head);
    snprintf(t->text, sizeof t->text, k ? "%u" : "layer %u", k);
    for (uint32_t r = 0; r < rows; r++)
      for (uint32_t c = 0; c < cols; c++) {
        const uint32_t unit = (r * cols + c) * layers + k;
        s->mark[s->n_marks++] =
            (cli_mark){k * step + c + 0.5, head + r + 0.5, 0.5, CLI_SQUARE, value[unit], unit};
      }
  }
  return LP_OK;
}

/* ---- a sphere ------------------------------------------------------------------------------ */

static double dot(const double *a, const double *b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* All places equally far from the origin, and distances not those through it. */
static bool is_sphere(const lp_places *p) {
  if (p->radius > 0) return true;
  if (!p->apart || p->ndim != 3) return false;
  const double radius = dot(p->at, p->at);
  for (uint32_t i = 0; i < p->n; i++)
    if (fabs(dot(p->at + 3 * (size_t)i, p->at + 3 * (size_t)i) - radius) > 1e-9 * radius)
      return false;
  return radius > 0;
}

/* Axes of a view from above `up`: to the right, and towards the top. */
static void view_axes(const double *up, double right[3], double top[3]) {
  const double least[3] = {fabs(up[0]), fabs(up[1]), fabs(up[2])};
  const int k = least[2] <= least[0] && least[2] <= least[1] ? 2 : least[1] <= least[0] ? 1 : 0;
  double other[3] = {0}, length;
  other[k] = 1;
  for (int a = 0; a < 3; a++)
    right[a] = other[(a + 1) % 3] * up[(a + 2) % 3] - other[(a + 2) % 3] * up[(a + 1) % 3];
  length = sqrt(dot(right, right));
  for (int a = 0; a < 3; a++) right[a] /= length;
  for (int a = 0; a < 3; a++)
    top[a] = up[(a + 1) % 3] * right[(a + 2) % 3] - up[(a + 2) % 3] * right[(a + 1) % 3];
}

/* centre: the place of the output unit. */
static lp_status two_halves(const lp_places *p, uint32_t unit, const double *centre,
                            const double *value, cli_scene *s) {
  const double radius = sqrt(dot(p->at, p->at)), length = sqrt(dot(centre, centre));
  const double dot_radius = 0.35 * sqrt(4 * M_PI / p->n), head = 4 * HEAD,
               step = 2.1 + 2 * dot_radius;
  double up[3], right[3], top[3];
  lp_status status = room(s, p->n + 2, 2);
  if (status != LP_OK) return status;
  for (int a = 0; a < 3; a++) up[a] = centre[a] / length;
  view_axes(up, right, top);
  s->width = step + 2 + 2 * dot_radius, s->height = 2 + 2 * dot_radius + head;
  for (uint32_t side = 0; side < 2; side++) {
    const double x = 1 + dot_radius + side * step, y = 1 + dot_radius + head;
    cli_title *t = add_title(s, side * step, 0.7 * head);
    snprintf(t->text, sizeof t->text, side ? "the other half" : "around unit %u", unit);
    s->mark[s->n_marks++] = (cli_mark){x, y, 1, CLI_DISK, NAN, 0};
    for (uint32_t i = 0; i < p->n; i++) {
      const double *at = p->at + 3 * (size_t)i, depth = dot(at, up) / radius;
      if ((depth < 0) != side) continue;
      const double across = dot(at, right) / radius;
      s->mark[s->n_marks++] = (cli_mark){x + (side ? -across : across),
                                         y - dot(at, top) / radius,
                                         dot_radius,
                                         CLI_DISK,
                                         value[i],
                                         i};
    }
  }
  sort_marks(s);
  return LP_OK;
}

/* ---- points -------------------------------------------------------------------------------- */

/* Distance of unit i to its nearest one. */
static double nearest(const lp_places *p, uint32_t i) {
  double least = INFINITY;
  for (uint32_t j = 0; j < p->n; j++)
    if (j != i) least = fmin(least, lp_places_distance(p, i, j));
  return least;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The median of distances to the nearest unit; *even: all are the same. */
static lp_status spacing_of(const lp_places *p, double *spacing, bool *even) {
  double *d = malloc(sizeof *d * p->n);
  if (!d) return lp_fail(LP_ERR_MEMORY, "out of memory for %u units", p->n);
  for (uint32_t i = 0; i < p->n; i++) d[i] = nearest(p, i);
  qsort(d, p->n, sizeof *d, by_size);
  *spacing = p->n > 1 ? d[p->n / 2] : 1;
  *even = p->n > 1 && d[p->n - 1] - d[0] < 1e-6 * *spacing;
  free(d);
  return LP_OK;
}

/* Do units have six neighbours at most, some of them that many, beside each other in rows? */
static lp_status is_hexagonal(const lp_places *p, uint32_t across, bool *hexagonal) {
  lp_neighbours *w;
  lp_status s = lp_neighbours_of(p, LP_ROOK, &w);
  if (s != LP_OK) return s;
  uint32_t most = 0;
  bool in_rows = false;
  for (uint32_t i = 0; i < p->n; i++) {
    const uint32_t n = w->first[i + 1] - w->first[i];
    most = n > most ? n : most;
    for (uint32_t e = w->first[i]; e < w->first[i + 1]; e++) {
      const double *a = p->at + (size_t)i * p->ndim, *b = p->at + (size_t)w->other[e] * p->ndim;
      in_rows |= fabs(fabs(a[across] - b[across]) - lp_places_distance(p, i, w->other[e])) < 1e-9;
    }
  }
  *hexagonal = most == 6 && in_rows;
  lp_neighbours_free(w);
  return LP_OK;
}

/* The range of an axis of places. */
static void range_of(const lp_places *p, uint32_t axis, double *low, double *high) {
  *low = INFINITY, *high = -INFINITY;
  for (uint32_t i = 0; i < p->n; i++) {
    *low = fmin(*low, p->at[(size_t)i * p->ndim + axis]);
    *high = fmax(*high, p->at[(size_t)i * p->ndim + axis]);
  }
}

static lp_status at_places(const lp_places *p, const double *value, cli_scene *s) {
  uint32_t axis[3], axes = 0;
  double spacing = 1, low[3] = {0}, high[3] = {0};
  bool even = false, hexagonal = false;
  lp_status status = spacing_of(p, &spacing, &even);
  for (uint32_t k = 0; k < p->ndim; k++) {
    range_of(p, k, &low[axes], &high[axes]);
    if (high[axes] - low[axes] > 1e-9 * spacing) axis[axes++] = k;
  }
  if (status == LP_OK && axes == 2 && even) status = is_hexagonal(p, axis[1], &hexagonal);
  const uint32_t views = axes == 3 ? 2 : 1;
  if (status == LP_OK) status = room(s, views * p->n, views);
  if (status != LP_OK) return status;
  const double r = 0.5 * spacing, margin = 1.2 * r, down = axes > 1 ? high[0] - low[0] : 0;
  const double head = views > 1 ? HEAD * (high[1] - low[1] + high[2] - low[2] + 4 * margin) : 0;
  s->height = down + 2 * margin + head;
  for (uint32_t v = 0; v < views; v++) {
    const uint32_t k = axes > 1 ? 1 + v : 0; /* the axis to the right */
    const double left = s->width + (v ? spacing : 0);
    if (views > 1) {
      cli_title *t = add_title(s, left, 0.7 * head);
      snprintf(t->text, sizeof t->text, "axes 1 and %u", axis[k] + 1);
    }
    s->width = left + high[k] - low[k] + 2 * margin;
    for (uint32_t i = 0; axes && i < p->n; i++) {
      const double *at = p->at + (size_t)i * p->ndim;
      s->mark[s->n_marks++] = (cli_mark){left + margin + at[axis[k]] - low[k],
                                         head + margin + (axes > 1 ? at[axis[0]] - low[0] : 0),
                                         hexagonal ? r : 0.9 * r,
                                         hexagonal ? CLI_HEXAGON : CLI_DISK,
                                         value[i],
                                         i};
    }
  }
  sort_marks(s);
  return LP_OK;
}

lp_status cli_prior_scene(const lp_prior_spec *spec, const lp_prior *p, uint32_t unit,
                          const double *value, cli_scene *out) {
  if (p->sheets.extent_in[0]) return slices(p->sheets.extent_in, value, out);
  lp_places *places;
  lp_status s =
      lp_places_topology(spec->topology, spec->n_in, spec->extent_in, spec->seed, &places);
  if (s != LP_OK) return s;
  s = is_sphere(places)
          ? two_halves(places, unit, p->sheets.pos_out + (size_t)unit * p->sheets.ndim, value, out)
          : at_places(places, value, out);
  lp_places_free(places);
  return s;
}
