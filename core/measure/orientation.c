/* Orientation: preferred angles, their entropy, pinwheels. */
#include "measure_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double pi(void) {
  return acos(-1);
}

void lp_orientation(const double *responses, const double *theta, uint32_t n, uint32_t k,
                    double *preferred, double *circular_variance) {
#pragma omp parallel for schedule(static)
  for (uint32_t i = 0; i < n; i++) {
    const double *r = responses + (size_t)i * k;
    double x = 0, y = 0, sum = 0, least = 0;
    for (uint32_t m = 0; m < k; m++) {
      x += r[m] * cos(2 * theta[m]);
      y += r[m] * sin(2 * theta[m]);
      sum += r[m];
      least = fmin(least, r[m]);
    }
    double length = hypot(x, y), angle = atan2(y, x) / 2;
    bool defined = least >= 0 && sum > 0 && isfinite(sum);
    if (angle < 0) angle += pi();
    if (angle >= pi()) angle = 0; /* rounding of an angle just below 0 */
    if (preferred) preferred[i] = defined && length > 1e-12 * sum ? angle : NAN;
    if (circular_variance) circular_variance[i] = defined ? 1 - length / sum : NAN;
  }
}

lp_status lp_local_entropy(const double *preferred, uint32_t rows, uint32_t cols, uint32_t side,
                           uint32_t bins, double *out) {
  if (side % 2 == 0 || bins < 1 || bins > 1024)
    return lp_fail(LP_ERR_ARG,
                   "windows of %u units (an odd number), %u classes of angle (1 to 1024)", side,
                   bins);
  int64_t half = side / 2;
#pragma omp parallel for schedule(static)
  for (uint32_t i = 0; i < rows * cols; i++) {
    uint32_t count[1024] = {0}, n = 0;
    for (int64_t dr = -half; dr <= half; dr++)
      for (int64_t dc = -half; dc <= half; dc++) {
        int64_t r = ((int64_t)(i / cols) + dr) % rows, c = ((int64_t)(i % cols) + dc) % cols;
        double a = preferred[(r < 0 ? r + rows : r) * cols + (c < 0 ? c + cols : c)];
        if (isnan(a)) continue;
        uint32_t k = (uint32_t)(a / pi() * bins);
        count[k < bins ? k : bins - 1]++;
        n++;
      }
    double h = 0;
    for (uint32_t k = 0; k < bins; k++)
      if (count[k]) h -= (double)count[k] / n * log((double)count[k] / n);
    out[i] = n ? h : NAN;
  }
  return LP_OK;
}

/* ---- pinwheels ----------------------------------------------------------------------------- */

/* The 8 neighbours in the order in which they are walked around. */
static const int step[8][2] = {{-1, -1}, {-1, 0}, {-1, 1}, {0, 1},
                               {1, 1},   {1, 0},  {1, -1}, {0, -1}};

static double winding_at(const double *a, uint32_t rows, uint32_t cols, bool wrap, uint32_t r,
                         uint32_t c) {
  if (!wrap && (r == 0 || c == 0 || r + 1 == rows || c + 1 == cols)) return 0;
  double angle[8], sum = 0;
  for (int k = 0; k < 8; k++) {
    uint32_t y = (r + rows + (uint32_t)step[k][0]) % rows,
             x = (c + cols + (uint32_t)step[k][1]) % cols;
    angle[k] = a[(size_t)y * cols + x];
  }
  for (int k = 0; k < 8; k++) {
    double turn = angle[(k + 1) % 8] - angle[k];
    sum += turn - pi() * floor(turn / pi() + 0.5); /* in [-pi/2, pi/2) */
  }
  return isnan(sum) ? NAN : round(sum / pi()) / 2; /* whole multiples of pi, but for rounding */
}

/* Connected units with the same winding of +-1/2, counted once. */
static lp_status count_pinwheels(const double *winding, uint32_t rows, uint32_t cols, bool wrap,
                                 lp_pinwheels *out) {
  lp_places *p = NULL;
  lp_neighbours *w = NULL;
  double *sign = malloc(sizeof *sign * rows * cols);
  lp_status s = sign ? lp_places_sheet(rows, cols, wrap, &p) : lp_no_memory("pinwheels");
  if (s == LP_OK) s = lp_neighbours_of(p, LP_QUEEN, &w);
  for (int way = -1; s == LP_OK && way <= 1; way += 2) {
    lp_patches found;
    for (uint32_t i = 0; i < rows * cols; i++) sign[i] = winding[i] * way;
    s = lp_patches_of(sign, w, 0.25, 1, NULL, &found);
    out->pinwheels += found.count;
    out->units += found.units;
  }
  free(sign);
  lp_places_free(p);
  lp_neighbours_free(w);
  return s;
}

/* Distance of columns of one orientation, from the peak of the radial spectrum of e^{2 i theta}. */
static lp_status column_spacing(const double *a, uint32_t rows, uint32_t cols, double *out) {
  size_t n = (size_t)rows * cols;
  uint32_t radii = (rows < cols ? rows : cols) / 2, best = 0;
  double *re = malloc(sizeof *re * n), *im = malloc(sizeof *im * n),
         *power = calloc(n, sizeof *power), *radial = malloc(sizeof *radial * (radii + 1));
  lp_status s = re && im && power && radial ? LP_OK : lp_no_memory("a spectrum");
  double mean_re = 0, mean_im = 0;
  *out = NAN;
  for (size_t i = 0; s == LP_OK && i < n; i++) {
    re[i] = isnan(a[i]) ? 0 : cos(2 * a[i]);
    im[i] = isnan(a[i]) ? 0 : sin(2 * a[i]);
    mean_re += re[i] / (double)n;
    mean_im += im[i] / (double)n;
  }
  for (size_t i = 0; s == LP_OK && i < n; i++) re[i] -= mean_re, im[i] -= mean_im;
  if (s == LP_OK) s = lp_add_power(re, im, rows, cols, power);
  if (s == LP_OK) {
    lp_radial_mean(power, rows, cols, radial);
    for (uint32_t k = 1; k < radii; k++)
      if (radial[k] > radial[best]) best = k;
    if (radii && radial[best] > 1e-20 * (double)n * (double)n) *out = sqrt((double)n) / (best + 1);
  }
  free(re);
  free(im);
  free(power);
  free(radial);
  return s;
}

lp_status lp_pinwheels_of(const double *preferred, uint32_t rows, uint32_t cols, bool wrap,
                          double *winding, lp_pinwheels *out) {
  *out = (lp_pinwheels){.spacing = NAN, .density = NAN};
  size_t n = (size_t)rows * cols;
  double *own = malloc(sizeof *own * (n + 1));
  if (!own) return lp_no_memory("pinwheels");
  for (uint32_t i = 0; i < n; i++)
    own[i] = winding_at(preferred, rows, cols, wrap, i / cols, i % cols);
  lp_status s = count_pinwheels(own, rows, cols, wrap, out);
  if (s == LP_OK) s = column_spacing(preferred, rows, cols, &out->spacing);
  if (s == LP_OK) out->density = out->pinwheels * out->spacing * out->spacing / (double)n;
  if (winding) memcpy(winding, own, sizeof *own * n);
  free(own);
  return s;
}
