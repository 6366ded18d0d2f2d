/* Likeness of representations: CKA, RDM, RSA, overlap of maps. */
#include "measure_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- CKA ----------------------------------------------------------------------------------- */

/* A layer's activations while they are compared. */
typedef struct layer {
  const lp_responses *x;
  unit_scan scan;
  double *panels; /* of the current block, by unit: panel[unit / PANEL][row][unit % PANEL] */
  double *rows;
} layer;

static uint32_t panels_of(uint32_t units) {
  return (units + PANEL - 1) / PANEL;
}

static lp_status layer_open(layer *l, const lp_responses *x) {
  *l = (layer){.x = x};
  lp_status s = lp_scan_units(x, &l->scan);
  size_t n = (size_t)BLOCK_ROWS * PANEL * panels_of(x->units);
  if (s != LP_OK) return s;
  l->panels = malloc(sizeof *l->panels * (n + 1));
  l->rows = malloc(sizeof *l->rows * (n + 1));
  return l->panels && l->rows ? LP_OK : lp_no_memory("blocks of activations");
}

static void layer_close(layer *l) {
  lp_scan_free(&l->scan);
  free(l->panels);
  free(l->rows);
}

/* Reads rows first .. and centres them; fills up with rows of 0 to a whole block. */
static lp_status layer_rows(layer *l, uint32_t first) {
  uint32_t units = l->x->units, count = l->x->n - first < BLOCK_ROWS ? l->x->n - first : BLOCK_ROWS;
  lp_status s = l->x->read(l->x, first, count, l->rows);
  for (uint32_t m = 0; s == LP_OK && m < BLOCK_ROWS; m++)
    for (uint32_t i = 0; i < units; i++) {
      double *v = l->rows + (size_t)m * units + i;
      *v = m < count && l->scan.varies[i] ? *v - l->scan.mean[i] : 0;
    }
  return s;
}

static lp_status layer_panels(layer *l, uint32_t first) {
  uint32_t units = l->x->units;
  lp_status s = layer_rows(l, first);
#pragma omp parallel for schedule(static)
  for (uint32_t q = 0; q < panels_of(units); q++)
    for (uint32_t m = 0; m < BLOCK_ROWS; m++)
      for (uint32_t k = 0; k < PANEL; k++) {
        uint32_t i = q * PANEL + k;
        l->panels[((size_t)q * BLOCK_ROWS + m) * PANEL + k] =
            i < units ? l->rows[(size_t)m * units + i] : 0;
      }
  return s;
}

/* |A'B|^2 by the matrix A'B, added up over blocks of images. */
static lp_status by_features(layer *a, layer *b, double *out) {
  uint32_t pa = panels_of(a->x->units), pb = panels_of(b->x->units);
  size_t width = (size_t)pb * PANEL;
  double *c = calloc((size_t)pa * PANEL * width + 1, sizeof *c);
  lp_status s = c ? LP_OK : lp_no_memory("products of units");
  for (uint32_t first = 0; s == LP_OK && first < a->x->n; first += BLOCK_ROWS) {
    s = layer_panels(a, first);
    if (s == LP_OK && b != a) s = layer_panels(b, first);
    if (s != LP_OK) break;
#pragma omp parallel for schedule(static)
    for (uint32_t p = 0; p < pa; p++)
      for (uint32_t q = 0; q < pb; q++)
        for (uint32_t half = 0; half < PANEL; half += 4) {
          double acc[4 * PANEL] = {0};
          lp_panel_product(a->panels + (size_t)p * BLOCK_ROWS * PANEL + half,
                           b->panels + (size_t)q * BLOCK_ROWS * PANEL, BLOCK_ROWS, acc);
          for (uint32_t k = 0; k < 4; k++)
            for (uint32_t l = 0; l < PANEL; l++)
              c[(p * PANEL + half + k) * width + q * PANEL + l] += acc[k * PANEL + l];
        }
  }
  *out = 0;
  for (size_t k = 0; s == LP_OK && k < (size_t)pa * PANEL * width; k++) *out += c[k] * c[k];
  free(c);
  return s;
}

/* Products of images: rows m of one block with rows of another, `units` long. */
static void row_products(const double *x, const double *y, uint32_t units, double *out) {
#pragma omp parallel for schedule(static)
  for (uint32_t m = 0; m < BLOCK_ROWS; m++)
    for (uint32_t l = 0; l < BLOCK_ROWS; l++) {
      const double *a = x + (size_t)m * units, *b = y + (size_t)l * units;
      double part[4] = {0};
      uint32_t k = 0;
      for (; k + 4 <= units; k += 4)
        for (int h = 0; h < 4; h++) part[h] += a[k + h] * b[k + h];
      for (; k < units; k++) part[0] += a[k] * b[k];
      out[(size_t)m * BLOCK_ROWS + l] = (part[0] + part[1]) + (part[2] + part[3]);
    }
}

/* All three norms by the products of images, which fit no memory when images are many: blocks. */
static lp_status by_images(layer *a, layer *b, double norm[3]) {
  enum { SQUARE = BLOCK_ROWS * BLOCK_ROWS };
  layer *own[2] = {a, b};
  double *k = malloc(sizeof *k * 2 * SQUARE), *held[2] = {NULL, NULL};
  lp_status s = k ? LP_OK : lp_no_memory("products of images");
  for (int h = 0; s == LP_OK && h < 2; h++)
    if (!(held[h] = malloc(sizeof(double) * BLOCK_ROWS * ((size_t)own[h]->x->units + 1))))
      s = lp_no_memory("blocks of activations");
  for (uint32_t i = 0; s == LP_OK && i < a->x->n; i += BLOCK_ROWS) {
    for (int h = 0; s == LP_OK && h < 2; h++) {
      s = layer_rows(own[h], i);
      memcpy(held[h], own[h]->rows, sizeof(double) * BLOCK_ROWS * own[h]->x->units);
    }
    for (uint32_t j = i; s == LP_OK && j < a->x->n; j += BLOCK_ROWS) {
      for (int h = 0; s == LP_OK && h < 2; h++) {
        s = layer_rows(own[h], j);
        row_products(held[h], own[h]->rows, own[h]->x->units, k + h * SQUARE);
      }
      double twice = j == i ? 1 : 2;
      for (size_t e = 0; s == LP_OK && e < SQUARE; e++) {
        norm[0] += twice * k[e] * k[e + SQUARE];
        norm[1] += twice * k[e] * k[e];
        norm[2] += twice * k[e + SQUARE] * k[e + SQUARE];
      }
    }
  }
  free(k);
  free(held[0]);
  free(held[1]);
  return s;
}

lp_status lp_cka(const lp_responses *a, const lp_responses *b, double *out) {
  *out = NAN;
  if (a->n != b->n)
    return lp_fail(LP_ERR_ARG, "CKA of %u and %u images: the same are needed", a->n, b->n);
  layer la, lb = {0};
  double norm[3] = {0};
  lp_status s = layer_open(&la, a);
  if (s == LP_OK) s = layer_open(&lb, b);
  if (s == LP_OK && la.scan.finite && lb.scan.finite) {
    double p = a->units, q = b->units;
    if (a->n * (p + q) < p * q + p * p + q * q) {
      s = by_images(&la, &lb, norm);
    } else {
      s = by_features(&la, &lb, &norm[0]);
      if (s == LP_OK) s = by_features(&la, &la, &norm[1]);
      if (s == LP_OK) s = by_features(&lb, &lb, &norm[2]);
    }
    if (s == LP_OK && norm[1] > 0 && norm[2] > 0) *out = norm[0] / (sqrt(norm[1]) * sqrt(norm[2]));
  }
  layer_close(&la);
  layer_close(&lb);
  return s;
}

lp_status lp_gram_squares(const lp_responses *x, double *trace, double *squares) {
  layer l;
  double norm[3] = {0};
  *trace = *squares = NAN;
  lp_status s = layer_open(&l, x);
  if (s == LP_OK && x->n < x->units) {
    s = by_images(&l, &l, norm);
    *squares = norm[1];
  } else if (s == LP_OK) {
    s = by_features(&l, &l, squares);
  }
  double sum = 0;
  for (uint32_t first = 0; s == LP_OK && first < x->n; first += BLOCK_ROWS) {
    s = layer_rows(&l, first);
    for (size_t k = 0; s == LP_OK && k < (size_t)BLOCK_ROWS * x->units; k++)
      sum += l.rows[k] * l.rows[k];
  }
  if (s == LP_OK) *trace = sum;
  layer_close(&l);
  return s;
}

/* ---- RDM, RSA ------------------------------------------------------------------------------ */

lp_status lp_rdm(const double *means, uint32_t classes, uint32_t n, double *out) {
#pragma omp parallel for schedule(dynamic)
  for (uint32_t c = 0; c < classes; c++)
    for (uint32_t d = 0; d <= c; d++) {
      const double *a = means + (size_t)c * n, *b = means + (size_t)d * n;
      double r = n > 1 ? lp_pearson(a, b, n) : NAN;
      if (c == d && !isnan(r)) r = 1;
      out[(size_t)c * classes + d] = out[(size_t)d * classes + c] = 1 - r;
    }
  return LP_OK;
}

lp_status lp_rsa(const double *a, const double *b, uint32_t classes, double *spearman,
                 double *tau_b) {
  size_t all = (size_t)classes * classes / 2 + 1, n = 0;
  double *x = malloc(sizeof *x * 2 * all), *y = x + all;
  if (!x) return lp_no_memory("dissimilarities of classes");
  for (uint32_t c = 0; c < classes; c++)
    for (uint32_t d = 0; d < c; d++) {
      size_t at = (size_t)c * classes + d;
      if (!isfinite(a[at]) || !isfinite(b[at])) continue;
      x[n] = a[at];
      y[n++] = b[at];
    }
  lp_status s = lp_spearman(x, y, n, spearman);
  if (s == LP_OK) s = lp_kendall(x, y, n, tau_b);
  free(x);
  return s;
}

/* ---- overlap ------------------------------------------------------------------------------- */

/* The value at and above which the top share of a map is: at the first index, in lp_ascending
 * order, that is not below share of the way. */
static lp_status top_threshold(const double *x, uint32_t n, double share, double *out) {
  uint32_t *order = lp_ascending(x, n);
  if (!order) return lp_no_memory("ranks of a map");
  double at = (1 - share) * (n - 1.0);
  uint32_t k = (uint32_t)ceil(at - 1e-9 * n);
  *out = x[order[k < n ? k : n - 1]];
  free(order);
  return LP_OK;
}

lp_status lp_iou(const double *a, const double *b, uint32_t n, double share, double *out) {
  *out = NAN;
  if (!(share > 0 && share < 1)) return lp_fail(LP_ERR_ARG, "the top share of %g of a map", share);
  if (n == 0 || !lp_all_finite(a, n) || !lp_all_finite(b, n)) return LP_OK;
  double low_a = 0, low_b = 0, both = 0, either = 0;
  lp_status s = top_threshold(a, n, share, &low_a);
  if (s == LP_OK) s = top_threshold(b, n, share, &low_b);
  for (uint32_t i = 0; s == LP_OK && i < n; i++) {
    both += a[i] >= low_a && b[i] >= low_b;
    either += a[i] >= low_a || b[i] >= low_b;
  }
  if (s == LP_OK) *out = both / either;
  return s;
}

lp_status lp_colocalisation(const double *a, const double *b, uint32_t rows, uint32_t cols,
                            uint32_t side, double threshold, double *out) {
  *out = NAN;
  if (side == 0) return lp_fail(LP_ERR_ARG, "windows of 0 units");
  uint32_t down = rows / side, across = cols / side;
  size_t windows = (size_t)down * across;
  if (windows < 3 || !lp_all_finite(a, (size_t)rows * cols) ||
      !lp_all_finite(b, (size_t)rows * cols))
    return LP_OK;
  double *x = calloc(2 * windows, sizeof *x), *y = x + windows, rho;
  if (!x) return lp_no_memory("windows of a map");
  for (uint32_t r = 0; r < down * side; r++)
    for (uint32_t c = 0; c < across * side; c++) {
      size_t w = (size_t)(r / side) * across + c / side, at = (size_t)r * cols + c;
      x[w] += a[at] > threshold;
      y[w] += b[at] > threshold;
    }
  lp_status s = lp_spearman(x, y, windows, &rho);
  if (s == LP_OK) *out = (1 + rho) / 2;
  free(x);
  return s;
}
