/* Activations in blocks of images: what is read, means, and products of centred units. */
#include "measure_internal.h"

#include <math.h>
#include <stdlib.h>

static lp_status read_f32(const lp_responses *x, uint32_t first, uint32_t count, double *out) {
  const float *from = (const float *)x->data + (size_t)first * x->units;
  for (size_t i = 0; i < (size_t)count * x->units; i++) out[i] = from[i];
  return LP_OK;
}

static lp_status read_f64(const lp_responses *x, uint32_t first, uint32_t count, double *out) {
  const double *from = (const double *)x->data + (size_t)first * x->units;
  for (size_t i = 0; i < (size_t)count * x->units; i++) out[i] = from[i];
  return LP_OK;
}

lp_responses lp_responses_f32(const float *x, uint32_t n, uint32_t units) {
  return (lp_responses){n, units, read_f32, x};
}

lp_responses lp_responses_f64(const double *x, uint32_t n, uint32_t units) {
  return (lp_responses){n, units, read_f64, x};
}

/* ---- a first pass -------------------------------------------------------------------------- */

void lp_scan_free(unit_scan *s) {
  free(s->mean);
  free(s->scale);
  free(s->varies);
  *s = (unit_scan){0};
}

lp_status lp_scan_units(const lp_responses *x, unit_scan *out) {
  uint32_t units = x->units, block = x->n < BLOCK_ROWS ? x->n : BLOCK_ROWS;
  *out = (unit_scan){calloc((size_t)units + 1, sizeof(double)),
                     calloc((size_t)units + 1, sizeof(double)), calloc((size_t)units + 1, 1), true};
  double *rows = malloc(sizeof *rows * ((size_t)block * units + 1));
  double *low = malloc(sizeof *low * ((size_t)units + 1)),
         *high = malloc(sizeof *high * ((size_t)units + 1));
  lp_status s = out->mean && out->scale && out->varies && rows && low && high
                    ? LP_OK
                    : lp_no_memory("means of units");
  for (uint32_t first = 0; s == LP_OK && first < x->n; first += block) {
    uint32_t count = x->n - first < block ? x->n - first : block;
    s = x->read(x, first, count, rows);
    if (s != LP_OK) break;
#pragma omp parallel for schedule(static)
    for (uint32_t i = 0; i < units; i++) {
      if (first == 0) low[i] = high[i] = rows[i];
      for (uint32_t m = 0; m < count; m++) {
        double v = rows[(size_t)m * units + i];
        out->mean[i] += v;
        if (v < low[i]) low[i] = v;
        if (v > high[i]) high[i] = v;
      }
    }
  }
  for (uint32_t i = 0; s == LP_OK && x->n && i < units; i++) {
    out->mean[i] /= x->n;
    out->finite &= isfinite(out->mean[i]) != 0;
    out->varies[i] = low[i] < high[i] && isfinite(out->mean[i]);
    out->scale[i] = lp_scale_to_one(high[i] / 2 - low[i] / 2);
    if (!out->varies[i]) out->mean[i] = isfinite(out->mean[i]) ? low[i] : NAN;
  }
  free(rows);
  free(low);
  free(high);
  if (s != LP_OK) lp_scan_free(out);
  return s;
}

/* ---- products ------------------------------------------------------------------------------ */

typedef double four __attribute__((vector_size(32), aligned(8)));

/* Multiplications and additions stay apart, so that both builds of it give the same bits. */
static inline __attribute__((always_inline)) void panel_body(const double *a, const double *b,
                                                             uint32_t rows, double acc[4 * PANEL]) {
  four s[4][2];
  for (int k = 0; k < 4; k++)
    for (int h = 0; h < 2; h++) s[k][h] = *(const four *)(acc + k * PANEL + 4 * h);
  for (uint32_t m = 0; m < rows; m++, a += PANEL, b += PANEL) {
    four b0 = *(const four *)b, b1 = *(const four *)(b + 4);
    for (int k = 0; k < 4; k++) {
      s[k][0] += a[k] * b0;
      s[k][1] += a[k] * b1;
    }
  }
  for (int k = 0; k < 4; k++)
    for (int h = 0; h < 2; h++) *(four *)(acc + k * PANEL + 4 * h) = s[k][h];
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void panel_avx2(const double *a, const double *b,
                                                       uint32_t rows, double acc[4 * PANEL]) {
  panel_body(a, b, rows, acc);
}
#endif

void lp_panel_product(const double *a, const double *b, uint32_t rows, double acc[4 * PANEL]) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    panel_avx2(a, b, rows, acc);
    return;
  }
#endif
  panel_body(a, b, rows, acc);
}

/* Rows of a block, centred and scaled, as panels of PANEL units: panel[unit / PANEL][row][unit %
 * PANEL]. Units that do not vary, and those that fill the last panel up, are 0. */
static void to_panels(const double *rows, uint32_t count, uint32_t units, const unit_scan *scan,
                      double *panels) {
  uint32_t n_panels = (units + PANEL - 1) / PANEL;
#pragma omp parallel for schedule(static)
  for (uint32_t q = 0; q < n_panels; q++) {
    double *to = panels + (size_t)q * BLOCK_ROWS * PANEL;
    for (uint32_t m = 0; m < count; m++)
      for (uint32_t k = 0; k < PANEL; k++) {
        uint32_t i = q * PANEL + k;
        bool used = i < units && scan->varies[i];
        to[m * PANEL + k] =
            used ? (rows[(size_t)m * units + i] - scan->mean[i]) * scan->scale[i] : 0;
      }
  }
}

static void add_products(const double *panels, uint32_t count, uint32_t units, double *c) {
  uint32_t n_panels = (units + PANEL - 1) / PANEL;
#pragma omp parallel for schedule(dynamic)
  for (uint32_t p = 0; p < n_panels; p++)
    for (uint32_t q = p; q < n_panels; q++)
      for (uint32_t half = 0; half < PANEL; half += 4) {
        double acc[4 * PANEL] = {0};
        lp_panel_product(panels + (size_t)p * BLOCK_ROWS * PANEL + half,
                         panels + (size_t)q * BLOCK_ROWS * PANEL, count, acc);
        for (uint32_t k = 0; k < 4; k++) {
          uint32_t i = p * PANEL + half + k;
          for (uint32_t l = 0; i < units && l < PANEL && q * PANEL + l < units; l++)
            c[(size_t)i * units + q * PANEL + l] += acc[k * PANEL + l];
        }
      }
}

lp_status lp_centred_products(const lp_responses *x, const unit_scan *scan, double *c) {
  uint32_t units = x->units, n_panels = (units + PANEL - 1) / PANEL;
  double *rows = malloc(sizeof *rows * ((size_t)BLOCK_ROWS * units + 1));
  double *panels = malloc(sizeof *panels * ((size_t)n_panels * BLOCK_ROWS * PANEL + 1));
  lp_status s = rows && panels ? LP_OK : lp_no_memory("blocks of activations");
  for (size_t i = 0; i < (size_t)units * units; i++) c[i] = 0;
  for (uint32_t first = 0; s == LP_OK && first < x->n; first += BLOCK_ROWS) {
    uint32_t count = x->n - first < BLOCK_ROWS ? x->n - first : BLOCK_ROWS;
    s = x->read(x, first, count, rows);
    if (s != LP_OK) break;
    to_panels(rows, count, units, scan, panels);
    add_products(panels, count, units, c);
  }
  free(rows);
  free(panels);
  return s;
}
