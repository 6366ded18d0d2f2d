/* product_tile.c: tiles in local memory, for GPUs, and the plain reference. Which tile, and into
 * how many shares its sums are cut, follows from counts: no device is asked for its name. All
 * groups lie along dimension 0 of the grid: along the others, NVIDIA's and AMD's drivers take no
 * more than 65535. */
#include "product.h"

#include <float.h>

static void begin(ocl_encoder *e, const product *p, const char *kernel, bool tiles) {
  const char *problem = p->conv ? "conv" : "linear";
  ocl_begin_with(e, problem, tiles ? (p->conv ? "conv_tile" : "linear_tile") : kernel, kernel);
  if (tiles) ocl_file(e, kernel);
  product_define(e, p, 0);
}

/* Groups that cover C(m,n) by parts of rows x columns. */
static int64_t groups_of(const product *p, int64_t rows, int64_t columns) {
  return ocl_ceil(p->m, rows) * ocl_ceil(p->n, columns);
}

/* Instructions of a work-item for one term of its part: multiply-adds, reads of local memory (four
 * elements at once), and its share of what the group loads: place, value, store. */
static double instructions(const product *p, const tile_shape *t) {
  double rows = t->m / t->wm, columns = t->n / t->wn;
  double loads = (double)(t->m + t->n) / (t->wm * t->wn);
  return rows * columns + (rows + columns) / 4 + loads * (p->conv ? 9 : 4) + 1;
}

double product_sum_cost(const lp_device *dev, const product *p, int64_t splits) {
  enum { SHARE_ELEMENT = 24 }; /* what a work-item pays for one, written and read */
  return PRODUCT_LAUNCH + product_turns(dev, p->m * p->n) * (double)splits * SHARE_ELEMENT;
}

static double time_of(const lp_device *dev, const product *p, const tile_shape *t, int64_t splits) {
  int64_t items = groups_of(p, t->m, t->n) * splits * t->wm * t->wn;
  double time = PRODUCT_LAUNCH +
                product_turns(dev, items) * (double)ocl_ceil(p->k, splits) * instructions(p, t);
  return splits > 1 ? time + product_sum_cost(dev, p, splits) : time;
}

size_t product_shares_bytes(const product *p, int64_t splits) {
  return sizeof(float) * (size_t)(splits * p->m * p->n);
}

static size_t shares_bytes(const product *p, int64_t splits) {
  return splits > 1 ? product_shares_bytes(p, splits) : 0;
}

int64_t product_share_depth(int64_t terms, int64_t slab, int64_t splits) {
  return ocl_ceil(ocl_ceil(terms, splits), slab) * slab;
}

int64_t product_splits(const lp_device *dev, const product *p, const tile_shape *t, int64_t terms,
                       product_split_cost *cost) {
  static const int64_t times[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};
  int64_t least = ocl_ceil(terms, PRODUCT_MOST_TERMS), best = 1;
  double best_time = DBL_MAX;
  while (least > 1 && shares_bytes(p, least) > product_room(dev)) least--;
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    int64_t splits = least * times[i];
    if (i && (terms < splits * 4 * t->depth || shares_bytes(p, splits) > product_room(dev))) break;
    double time = cost(dev, p, t, splits);
    if (time < best_time) best = splits, best_time = time;
  }
  /* Where a share is rounded up to whole slabs, the last ones may be left without terms. */
  return terms ? ocl_ceil(terms, product_share_depth(terms, t->depth, best)) : 1;
}

static int64_t splits_of(const lp_device *dev, const product *p, const tile_shape *t) {
  return product_splits(dev, p, t, p->k, time_of);
}

bool tile_fits(lp_device *dev, const product *p, const engine *g) {
  const tile_shape *t = &g->tile;
  /* Registers for places, counters and addresses, or so; those of a draw wait beside the sums. */
  int places = (p->conv ? 32 : 24) + (p->draws ? 24 : 0);
  int rows = t->m / t->wm, columns = t->n / t->wn;
  int loads = t->depth * (t->m + t->n) / (t->wm * t->wn);
  if ((uint32_t)(rows * columns + rows + columns + loads + places) > dev->registers) return false;
  return sizeof(float) * (size_t)(t->depth * (t->m + t->n + 8)) <= dev->local_memory;
}

size_t tile_workspace(lp_device *dev, const product *p, const engine *g) {
  return shares_bytes(p, splits_of(dev, p, &g->tile));
}

double tile_cost(lp_device *dev, const product *p, const engine *g) {
  return time_of(dev, p, &g->tile, splits_of(dev, p, &g->tile));
}

void tile_encode(ocl_encoder *e, const product *p, const engine *g) {
  const tile_shape *t = &g->tile;
  int64_t splits = splits_of(e->dev, p, t);
  const lp_slot *shares = lp_plan_slot(e->plan, e->step->workspace);
  begin(e, p, "gemm_tile", true);
  ocl_define_int(e, "TM", t->m);
  ocl_define_int(e, "TN", t->n);
  ocl_define_int(e, "TK", t->depth);
  ocl_define_int(e, "WM", t->wm);
  ocl_define_int(e, "WN", t->wn);
  ocl_define_int(e, "SPLITS", splits);
  ocl_grid(e, groups_of(p, t->m, t->n) * splits, t->wm * t->wn);
  product_args(e, p);
  if (splits == 1) return;
  ocl_arg_slot(e, shares);
  ocl_arg_int(e, product_share_depth(p->k, t->depth, splits));
  product_sum_encode(e, p, splits);
}

void product_sum_encode(ocl_encoder *e, const product *p, int64_t splits) {
  enum { ITEMS = 256 };
  begin(e, p, "gemm_sum", true);
  ocl_define_int(e, "SPLITS", splits);
  ocl_grid(e, ocl_ceil(p->m * p->n, ITEMS), ITEMS);
  product_args(e, p);
  ocl_arg_slot(e, lp_plan_slot(e->plan, e->step->workspace));
}

void naive_encode(ocl_encoder *e, const product *p, const engine *g) {
  (void)g;
  enum { ROWS = 64 };
  begin(e, p, "gemm_naive", false);
  ocl_grid(e, groups_of(p, ROWS, 1), ROWS);
  product_args(e, p);
}
