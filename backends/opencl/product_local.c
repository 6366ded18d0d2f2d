/* Engines for GPUs: tiles in local memory, sums split over a work-group, and the plain reference.
 * All groups lie along dimension 0 of the grid: along the others, NVIDIA's and AMD's drivers take
 * no more than 65535. */
#include "product.h"

#include <float.h>

static void begin(ocl_encoder *e, const product *p, const char *kernel) {
  const char *problem = p->conv ? "conv" : "linear";
  ocl_begin_with(e, problem, kernel, kernel);
  product_define(e, p, 0);
}

/* Groups that cover C(m,n) by parts of rows x columns. */
static int64_t groups_of(const product *p, int64_t rows, int64_t columns) {
  return ocl_ceil(p->m, rows) * ocl_ceil(p->n, columns);
}

/* Time of a product, in multiply-adds of one unit: groups that run one after the other, waste at
 * the edges included, times what one of them does for each term of the sum. A load counts as LOAD
 * multiply-adds: that is why large tiles win where there are enough of them for all units. */
static double estimate(const lp_device *dev, const product *p, int64_t rows, int64_t columns) {
  enum { LOAD = 16 };
  int64_t turns = ocl_ceil(groups_of(p, rows, columns), (int64_t)dev->units);
  return (double)turns * (double)p->k * (double)(rows * columns + LOAD * (rows + columns));
}

bool tile_fits(lp_device *dev, const product *p, const engine *g) {
  (void)p;
  const tile_shape *t = &g->tile;
  return sizeof(float) * (size_t)(t->depth * (t->m + t->n + 2)) <= dev->local_memory;
}

double tile_cost(lp_device *dev, const product *p, const engine *g) {
  return 2 + estimate(dev, p, g->tile.m, g->tile.n);
}

void tile_encode(ocl_encoder *e, const product *p, const engine *g) {
  const tile_shape *t = &g->tile;
  begin(e, p, "gemm_tile");
  ocl_define_int(e, "TM", t->m);
  ocl_define_int(e, "TN", t->n);
  ocl_define_int(e, "TK", t->depth);
  ocl_define_int(e, "WM", t->wm);
  ocl_define_int(e, "WN", t->wn);
  ocl_grid(e, groups_of(p, t->m, t->n), t->wm * t->wn);
  product_args(e, p);
}

static int64_t split_size(const product *p) {
  return p->m * p->n >= 4096 ? 4 : 2;
}

static int split_group(const product *p) {
  return p->k >= 1024 ? 256 : 64;
}

bool split_fits(lp_device *dev, const product *p, const engine *g) {
  (void)g;
  return sizeof(float) * (size_t)split_group(p) <= dev->local_memory;
}

/* For few elements with long sums, where tiles would leave most of the device idle. */
double split_cost(lp_device *dev, const product *p, const engine *g) {
  (void)g;
  int64_t size = split_size(p);
  if (p->k < 128) return DBL_MAX;
  return 2 + estimate(dev, p, size, size);
}

void split_encode(ocl_encoder *e, const product *p, const engine *g) {
  (void)g;
  int64_t size = split_size(p);
  begin(e, p, "gemm_split");
  ocl_define_int(e, "SM", size);
  ocl_define_int(e, "SN", size);
  ocl_grid(e, groups_of(p, size, size), split_group(p));
  product_args(e, p);
}

void naive_encode(ocl_encoder *e, const product *p, const engine *g) {
  (void)g;
  enum { ROWS = 64 };
  begin(e, p, "gemm_naive");
  ocl_grid(e, groups_of(p, ROWS, 1), ROWS);
  product_args(e, p);
}
