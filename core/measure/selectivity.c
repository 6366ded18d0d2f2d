/* Selectivity of units for classes: moments of each class in one pass, tests against the rest. */
#include "measure_internal.h"

#include <locality/analysis.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Count, mean and sum of squares about it. */
typedef struct moments {
  double n, mean, square;
} moments;

/* Chan, Golub & LeVeque, Am Stat 1983. Equal means leave no rounding behind. */
static moments joined(moments a, moments b) {
  if (a.n == 0) return b;
  if (b.n == 0) return a;
  double n = a.n + b.n, gap = b.mean - a.mean;
  return (moments){n, a.mean + gap * (b.n / n), a.square + b.square + gap * gap * (a.n * b.n / n)};
}

/* Means and squares: classes x units, by Welford's method (Technometrics 1962). */
typedef struct sums {
  uint32_t units, classes;
  double *mean, *square, *count;
} sums;

static void add_rows(sums *s, const double *rows, const int32_t *labels, uint32_t count) {
  enum { PART = 256 };
  uint32_t parts = (s->units + PART - 1) / PART;
#pragma omp parallel for schedule(static)
  for (uint32_t part = 0; part < parts; part++) {
    uint32_t from = part * PART, to = from + PART < s->units ? from + PART : s->units;
    for (uint32_t m = 0; m < count; m++) {
      double *mean = s->mean + (size_t)labels[m] * s->units,
             *square = s->square + (size_t)labels[m] * s->units;
      const double *x = rows + (size_t)m * s->units;
      double share = 1 / s->count[s->classes + m];
      for (uint32_t i = from; i < to; i++) {
        double gap = x[i] - mean[i];
        mean[i] += gap * share;
        square[i] += gap * (x[i] - mean[i]);
      }
    }
  }
}

static lp_status sum_classes(const lp_responses *x, const int32_t *labels, sums *s) {
  uint32_t block = x->n < BLOCK_ROWS ? x->n : BLOCK_ROWS;
  double *rows = malloc(sizeof *rows * ((size_t)block * x->units + 1));
  lp_status status = rows ? LP_OK : lp_no_memory("blocks of activations");
  for (uint32_t first = 0; status == LP_OK && first < x->n; first += block) {
    uint32_t count = x->n - first < block ? x->n - first : block;
    for (uint32_t m = 0; m < count; m++) {
      int32_t label = labels[first + m];
      if (label < 0 || (uint32_t)label >= s->classes) {
        status = lp_fail(LP_ERR_ARG, "label %d of image %u is not one of %u classes", label,
                         first + m, s->classes);
        break;
      }
      s->count[s->classes + m] = ++s->count[label]; /* images of its class so far */
    }
    if (status == LP_OK) status = x->read(x, first, count, rows);
    if (status == LP_OK) add_rows(s, rows, labels + first, count);
  }
  free(rows);
  return status;
}

/* P(T > t) of Welch's test. */
static double welch_greater(moments a, moments b) {
  if (a.n < 2 || b.n < 2) return NAN;
  double va = a.square / (a.n - 1) / a.n, vb = b.square / (b.n - 1) / b.n, gap = a.mean - b.mean;
  if (isnan(gap)) return NAN;
  if (va + vb == 0) return gap > 0 ? 0 : 1;
  double sum = va + vb, df = sum * sum / (va * va / (a.n - 1) + vb * vb / (b.n - 1)),
         half = lp_student_t_p(gap / sqrt(sum), df) / 2;
  return gap > 0 ? half : 1 - half;
}

static void test_unit(moments in, moments rest, const lp_selectivity *out, size_t at) {
  double gap = in.mean - rest.mean, t = NAN, d = NAN, p = NAN;
  if (in.n > 0 && rest.n > 0 && isfinite(gap)) {
    double v1 = in.square / in.n, v0 = rest.square / rest.n;
    double error = sqrt(v1 / in.n + v0 / rest.n), spread = sqrt((v1 + v0) / 2);
    t = error > 0 ? gap / error : 0;
    d = spread > 0 ? gap / spread : 0;
    p = welch_greater(in, rest);
  }
  if (out->t) out->t[at] = t;
  if (out->dprime) out->dprime[at] = d;
  if (out->p) out->p[at] = p;
  if (out->mean) out->mean[at] = in.n > 0 ? in.mean : NAN;
}

/* The rest of a class is what comes before it and what comes after: differences of totals would
 * leave rounding where there is no spread. */
static lp_status test_classes(const sums *s, const lp_selectivity *out) {
  bool memory = true;
#pragma omp parallel
  {
    moments *after = malloc(sizeof *after * ((size_t)s->classes + 1));
    if (!after) {
#pragma omp atomic write
      memory = false;
    }
#pragma omp for schedule(static)
    for (uint32_t i = 0; i < s->units; i++) {
      if (!after) continue;
      after[s->classes] = (moments){0};
      for (uint32_t c = s->classes; c-- > 0;) {
        size_t at = (size_t)c * s->units + i;
        after[c] = joined((moments){s->count[c], s->mean[at], s->square[at]}, after[c + 1]);
      }
      moments before = {0};
      for (uint32_t c = 0; c < s->classes; c++) {
        size_t at = (size_t)c * s->units + i;
        moments own = {s->count[c], s->mean[at], s->square[at]};
        test_unit(own, joined(before, after[c + 1]), out, at);
        before = joined(before, own);
      }
    }
    free(after);
  }
  return memory ? LP_OK : lp_no_memory("moments of classes");
}

lp_status lp_selectivity_of(const lp_responses *x, const int32_t *labels, uint32_t classes,
                            const lp_selectivity *out) {
  size_t n = (size_t)classes * x->units;
  sums s = {x->units, classes, calloc(n + 1, sizeof(double)), calloc(n + 1, sizeof(double)),
            calloc((size_t)classes + BLOCK_ROWS, sizeof(double))};
  lp_selectivity want = *out;
  double *own_p = out->q && !out->p ? malloc(sizeof *own_p * (n + 1)) : NULL;
  if (own_p) want.p = own_p;
  lp_status status = s.mean && s.square && s.count && (!out->q || want.p)
                         ? LP_OK
                         : lp_no_memory("moments of classes");
  if (status == LP_OK) status = sum_classes(x, labels, &s);
  if (status == LP_OK) status = test_classes(&s, &want);
  for (uint32_t c = 0; status == LP_OK && out->q && c < classes; c++)
    status = lp_adjust_bh(want.p + (size_t)c * x->units, x->units, out->q + (size_t)c * x->units);
  free(s.mean);
  free(s.square);
  free(s.count);
  free(own_p);
  return status;
}
