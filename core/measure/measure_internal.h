/* What the files of core/measure share. */
#ifndef LOCALITY_MEASURE_INTERNAL_H
#define LOCALITY_MEASURE_INTERNAL_H

#include <locality/measure.h>

/* Images of a block: rows that are read, and kept as doubles, at once. */
enum { BLOCK_ROWS = 256 };

/* A pass over all images: mean of each unit, whether it varies and whether all its values are
 * finite. A unit varies when two of its values differ: a variance may be mere rounding. */
typedef struct unit_scan {
  double *mean;
  double *scale; /* a power of 2 that makes the spread of a unit about 1: no square overflows */
  bool *varies;  /* and is finite */
  bool finite;   /* all units are */
} unit_scan;
lp_status lp_scan_units(const lp_responses *x, unit_scan *out);
void lp_scan_free(unit_scan *s);

/* Products over images of centred and scaled units, c[i][j] for j >= i: units x units. */
lp_status lp_centred_products(const lp_responses *x, const unit_scan *scan, double *c);

/* Correlations of neighbouring units that vary, as lp_pairs_correlate has them. */
lp_status lp_neighbour_pairs(const lp_responses *x, const lp_neighbours *w, lp_pairs **out);

/* trace C and trace C C of the covariance of units (times n - 1, and its square). */
lp_status lp_gram_squares(const lp_responses *x, double *trace, double *squares);

enum { PANEL = 8 };
/* acc[4][8] += sum over rows of a[row][4 of PANEL] x b[row][PANEL]. */
void lp_panel_product(const double *a, const double *b, uint32_t rows, double acc[4 * PANEL]);

/* Order of n values, lp_ascending, equal ones by index; NaN is not allowed. malloc'ed. */
uint32_t *lp_ascending(const double *x, size_t n);
/* Mean ranks, 1 .. n, of values in that order. */
void lp_mean_ranks(const double *x, const uint32_t *order, size_t n, double *rank);

/* The power of 2 that brings x near 1, exactly: squares of what is multiplied by it do not
 * overflow. */
double lp_scale_to_one(double x);

/* A correlation without what rounding adds; NaN stays. */
static inline double within_one(double r) {
  return r > 1 ? 1 : r < -1 ? -1 : r;
}

bool lp_all_finite(const double *x, size_t n);
lp_status lp_no_memory(const char *what);

/* Equal bins from 0 to the largest distance; the last one has its upper edge too. */
typedef struct distance_bins {
  double edge[LP_BINS + 1], width;
} distance_bins;

static inline distance_bins bins_up_to(double largest) {
  distance_bins b;
  for (int k = 0; k <= LP_BINS; k++) b.edge[k] = largest * k / LP_BINS;
  b.width = largest / LP_BINS;
  return b;
}

static inline distance_bins bins_of(const lp_places *p) {
  return bins_up_to(lp_places_largest(p));
}

static inline int bin_of(const distance_bins *b, double d) {
  int k = b->width > 0 ? (int)(d / b->width) : 0;
  if (k > LP_BINS - 1) k = LP_BINS - 1;
  if (d < b->edge[k]) k--; /* the quotient was rounded */
  if (k < LP_BINS - 1 && d >= b->edge[k + 1]) k++;
  return k;
}

/* order.c: of spectra. */
lp_status lp_add_power(const double *re, const double *im, uint32_t rows, uint32_t cols,
                       double *power);
void lp_radial_mean(const double *power, uint32_t rows, uint32_t cols, double *radial);

/* places.c: the angle between two directions of length 1. */
double lp_arc(const double *a, const double *b);

/* Length of an axis' difference, the shorter way round where it wraps. */
static inline double axis_gap(double a, double b, double period) {
  double d = a < b ? b - a : a - b;
  return period > 0 && d > period - d ? period - d : d;
}

#endif
