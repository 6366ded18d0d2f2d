/* What the rows of `sparse` and `sheet` give together: the density from which a pattern of weights
 * is faster than all of them, and how time and memory grow with the units. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Least squares of log y over log x: the exponent. NaN below two points. */
static double exponent(const double *x, const double *y, uint32_t n) {
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (uint32_t i = 0; i < n; i++) {
    const double a = log(x[i]), b = log(y[i]);
    sx += a, sy += b, sxx += a * a, sxy += a * b;
  }
  return n > 1 ? (n * sxy - sx * sy) / (n * sxx - sx * sx) : NAN;
}

static const bench_row *find(const bench_results *r, const char *name, const char *backend) {
  for (uint32_t i = 0; i < r->n; i++)
    if (r->row[i].state == ROW_OK && r->row[i].seconds.median > 0 &&
        strcmp(r->row[i].name, name) == 0 && strcmp(r->row[i].backend, backend) == 0)
      return &r->row[i];
  return NULL;
}

/* Between the two densities where sparse begins to win, by their logarithms. */
static void crossing(const bench_results *r, const bench_row *dense, const char *stem) {
  static const double percent[] = {BENCH_DENSITIES};
  const double limit = log(dense->seconds.median);
  double lost = NAN, lost_at = NAN; /* time at the last density that was slower */
  for (size_t k = 0; k < sizeof percent / sizeof *percent; k++) {
    char name[120];
    snprintf(name, sizeof name, "%s %g %%", stem, percent[k]);
    const bench_row *row = find(r, name, dense->backend);
    if (!row) continue;
    const double t = log(row->seconds.median), p = log(percent[k]);
    if (t >= limit) {
      lost = t, lost_at = p;
      continue;
    }
    const double share = isnan(lost) ? 0 : (t - limit) / (t - lost);
    printf("%s, %s: sparse is faster %s %.3g %% of the weights\n", stem, dense->backend,
           isnan(lost) ? "already at" : "below", exp(isnan(lost) ? p : p + share * (lost_at - p)));
    return;
  }
  if (!isnan(lost)) printf("%s, %s: sparse is not faster at any density\n", stem, dense->backend);
}

void bench_print_crossings(const bench_results *r) {
  for (uint32_t i = 0; i < r->n; i++) {
    const bench_row *row = &r->row[i];
    const char *end = strstr(row->name, " dense");
    char stem[96];
    if (!end || row->state != ROW_OK || !(row->seconds.median > 0)) continue;
    snprintf(stem, sizeof stem, "%.*s", (int)(end - row->name), row->name);
    crossing(r, row, stem);
  }
}

void bench_print_exponents(const bench_results *r) {
  enum { MOST = 32, FROM = 16000 };
  for (uint32_t i = 0; i < r->n; i++) {
    double units[MOST], seconds[MOST], bytes[MOST], u;
    char kind[64];
    uint32_t n = 0;
    bool first = true;
    if (sscanf(r->row[i].name, "sheet/%lf %63[^\n]", &u, kind) != 2) continue;
    for (uint32_t k = 0; k < r->n && n < MOST; k++) {
      const bench_row *row = &r->row[k];
      char other[64];
      if (sscanf(row->name, "sheet/%lf %63[^\n]", &u, other) != 2 || strcmp(other, kind) != 0 ||
          strcmp(row->backend, r->row[i].backend) != 0)
        continue;
      first = first && k >= i;
      if (row->state != ROW_OK || !(row->seconds.median > 0) || u < FROM) continue;
      units[n] = u;
      seconds[n] = row->seconds.median;
      bytes[n++] = (double)row->memory;
    }
    if (first && n > 1)
      printf("%s, %s, from %g to %g units: time grows as units^%.3f, memory as units^%.3f\n", kind,
             r->row[i].backend, units[0], units[n - 1], exponent(units, seconds, n),
             exponent(units, bytes, n));
  }
}
