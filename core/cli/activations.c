/* Activations, labels, places and weights from files that others wrote, each checked. */
#include "activations.h"

#include "../base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool cli_names_array(const char *text) {
  static const char *const ending[] = {".npy", ".npz", ".safetensors", ".csv", ".txt"};
  for (size_t k = 0; k < sizeof ending / sizeof *ending; k++) {
    const char *at = strstr(text, ending[k]);
    size_t n = strlen(ending[k]);
    if (at && at > text && (!at[n] || at[n] == ':')) return true;
  }
  return false;
}

/* "FILE" or "FILE:NAME". */
static lp_status read_file(const char *text, lp_array *out) {
  const char *colon = strrchr(text, ':');
  if (!colon || strchr(colon, '/') || !colon[1]) return lp_array_read(text, NULL, out);
  char *path = strndup(text, (size_t)(colon - text));
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status s = lp_array_read(path, colon + 1, out);
  free(path);
  return s;
}

/* ---- activations --------------------------------------------------------------------------- */

static lp_status read_rows(const lp_responses *x, uint32_t first, uint32_t count, double *out) {
  lp_array_rows(x->data, first, count, out);
  return LP_OK;
}

lp_status cli_open_activations(cli_site *s) {
  lp_status status = read_file(s->path, &s->acts);
  if (status != LP_OK) return status;
  const lp_array *a = &s->acts;
  if (a->ndim != 2)
    return lp_fail(LP_ERR_SHAPE, "%s: an array of %u axes; activations are images x units", s->path,
                   a->ndim);
  if (a->dim[0] > INT32_MAX || a->dim[1] > INT32_MAX)
    return lp_fail(LP_ERR_SHAPE, "%s: %" PRId64 " x %" PRId64 ", too many", s->path, a->dim[0],
                   a->dim[1]);
  if (a->dim[0] < 2)
    return lp_fail(LP_ERR_SHAPE, "%s: %s; what units do over images needs two or more", s->path,
                   a->dim[0] ? "one image" : "no image");
  if (a->dim[1] < 2)
    return lp_fail(LP_ERR_SHAPE, "%s: %s; order in space needs two or more", s->path,
                   a->dim[1] ? "one unit" : "no unit");
  s->x = (lp_responses){(uint32_t)a->dim[0], (uint32_t)a->dim[1], read_rows, a};
  return LP_OK;
}

lp_status cli_look_over(cli_site *s) {
  enum { BLOCK = 256 };
  uint32_t units = s->x.units;
  double *rows = malloc(sizeof *rows * BLOCK * units), *first_row = malloc(sizeof *rows * units);
  bool *varies = calloc(units, 1);
  lp_status status = rows && first_row && varies ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t first = 0; status == LP_OK && first < s->x.n; first += BLOCK) {
    uint32_t count = s->x.n - first < BLOCK ? s->x.n - first : BLOCK;
    lp_array_rows(&s->acts, first, count, rows);
    if (first == 0) memcpy(first_row, rows, sizeof *rows * units);
    for (size_t k = 0; k < (size_t)count * units; k++) {
      if (!isfinite(rows[k])) {
        status =
            lp_fail(LP_ERR_ARG, "%s: image %zu, unit %zu is %s: activations must be finite",
                    s->path, first + k / units, k % units, isnan(rows[k]) ? "NaN" : "infinite");
        break;
      }
      s->negative |= rows[k] < 0;
      varies[k % units] |= rows[k] != first_row[k % units];
    }
  }
  for (uint32_t i = 0; status == LP_OK && i < units; i++) s->constant += !varies[i];
  if (status == LP_OK && s->constant == units)
    status = lp_fail(LP_ERR_ARG, "%s: all %u units are constant over the images", s->path, units);
  free(rows);
  free(first_row);
  free(varies);
  return status;
}

/* ---- labels -------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

lp_status cli_open_labels(cli_site *s, const char *text) {
  lp_array a;
  lp_status status = read_file(text, &a);
  if (status != LP_OK) return status;
  size_t n = lp_array_count(&a);
  bool row = a.ndim == 2 && (a.dim[0] == 1 || a.dim[1] == 1);
  int64_t *v = malloc(sizeof *v * (n + 1));
  s->labels = malloc(sizeof *s->labels * (n + 1));
  s->label_of = malloc(sizeof *s->label_of * (n + 1));
  if (!v || !s->labels || !s->label_of) {
    status = lp_fail(LP_ERR_MEMORY, "out of memory");
  } else if (a.ndim != 1 && !row) {
    status = lp_fail(LP_ERR_SHAPE, "%s: labels are one whole number an image, not %u axes", text,
                     a.ndim);
  } else if (n != s->x.n) {
    status = lp_fail(LP_ERR_SHAPE, "%s: %zu labels for %u images", text, n, s->x.n);
  } else if (a.kind == 'b' || (a.kind == 'f' && !strstr(text, ".csv") && !strstr(text, ".txt"))) {
    status = lp_fail(LP_ERR_ARG, "%s: labels of type %s: whole numbers are needed", text,
                     lp_array_type(&a));
  }
  for (size_t k = 0; status == LP_OK && k < n; k++)
    if (!lp_array_whole(&a, k, &v[k]))
      status =
          lp_fail(LP_ERR_ARG, "%s: label %zu is no whole number of 64 bits with a sign", text, k);
  if (status == LP_OK) {
    memcpy(s->label_of, v, sizeof *v * n);
    qsort(s->label_of, n, sizeof *s->label_of, by_number);
    for (size_t k = 0; k < n; k++)
      if (k == 0 || s->label_of[k] != s->label_of[s->classes - 1])
        s->label_of[s->classes++] = s->label_of[k];
    for (size_t k = 0; k < n; k++) {
      const int64_t *own = bsearch(&v[k], s->label_of, s->classes, sizeof *v, by_number);
      s->labels[k] = (int32_t)(own - s->label_of);
    }
    if (s->classes < 2)
      status = lp_fail(LP_ERR_ARG,
                       "%s: all images are of class %" PRId64 "; a class is compared with "
                       "the others",
                       text, s->label_of[0]);
  }
  free(v);
  lp_array_free(&a);
  return status;
}

/* ---- places, weights ----------------------------------------------------------------------- */

lp_status cli_open_places(cli_site *s, const char *sheet, const char *positions, bool torus) {
  if (!sheet == !positions)
    return lp_fail(LP_ERR_ARG,
                   "where do the %u units stand? give --sheet ROWSxCOLUMNS or "
                   "--positions FILE%s",
                   s->x.units, sheet ? ", not both" : "");
  if (sheet) {
    const char *at = sheet;
    uint64_t rows, cols;
    if (!lp_digits(&at, INT32_MAX, &rows) || *at++ != 'x' || !lp_digits(&at, INT32_MAX, &cols) ||
        *at || !rows || !cols)
      return lp_fail(LP_ERR_ARG, "--sheet %s: it is ROWSxCOLUMNS, as in 8x8", sheet);
    if (rows * cols != s->x.units)
      return lp_fail(LP_ERR_SHAPE, "--sheet %s has %" PRIu64 " units, %s has %u", sheet,
                     rows * cols, s->path, s->x.units);
    return lp_places_sheet((uint32_t)rows, (uint32_t)cols, torus, &s->places);
  }
  if (torus) return lp_fail(LP_ERR_ARG, "--torus goes with --sheet");
  lp_array a;
  lp_status status = read_file(positions, &a);
  if (status != LP_OK) return status;
  double *at = malloc(sizeof *at * (lp_array_count(&a) + 1));
  if (!at)
    status = lp_fail(LP_ERR_MEMORY, "out of memory");
  else if (a.ndim != 2 || a.dim[1] < 1 || a.dim[1] > 3)
    status =
        lp_fail(LP_ERR_SHAPE, "%s: positions are a row a unit of 1 to 3 coordinates", positions);
  else if (a.dim[0] != s->x.units)
    status = lp_fail(LP_ERR_SHAPE, "%s: %" PRId64 " positions for %u units", positions, a.dim[0],
                     s->x.units);
  if (status == LP_OK) {
    lp_array_rows(&a, 0, (size_t)a.dim[0], at);
    status = lp_places_points(at, s->x.units, (uint32_t)a.dim[1], NULL, &s->places);
    if (status != LP_OK) lp_fail_in(status, "%s", positions);
  }
  free(at);
  lp_array_free(&a);
  return status;
}

lp_status cli_open_weights(const cli_site *s, const char *text, lp_array *a, double **out) {
  lp_status status = read_file(text, a);
  if (status != LP_OK) return status;
  if (a->ndim != 2 || a->dim[0] != s->x.units || a->dim[1] != s->x.units)
    return lp_fail(LP_ERR_SHAPE, "%s: weights between %u units are a matrix of %u x %u", text,
                   s->x.units, s->x.units, s->x.units);
  size_t n = lp_array_count(a);
  if (!(*out = malloc(sizeof **out * (n + 1)))) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_array_rows(a, 0, (size_t)a->dim[0], *out);
  for (size_t k = 0; k < n; k++)
    if (!isfinite((*out)[k]))
      return lp_fail(LP_ERR_ARG, "%s: weight %zu of unit %zu is not finite", text, k % s->x.units,
                     k / s->x.units);
  return LP_OK;
}

void cli_close_site(cli_site *s) {
  lp_array_free(&s->acts);
  lp_array_free(&s->weights);
  lp_array_free(&s->prior);
  lp_places_free(s->places);
  free(s->labels);
  free(s->label_of);
  free(s->w);
  free(s->p);
}
