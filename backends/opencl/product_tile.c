/* product_tile.c: tiles in local memory, for GPUs, and the plain reference. Which tile, and into
 * how many shares its sums are cut, follows from counts: no device is asked for its name. All
 * groups lie along dimension 0 of the grid: along the others, NVIDIA's and AMD's drivers take no
 * more than 65535. */
#include "product.h"

#include <float.h>

/* What a work-item pays for an element of a share, written and read, in instructions. */
enum { SHARE_ELEMENT = 24 };

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

static double time_of(const lp_device *dev, const product *p, const tile_shape *t, int64_t splits) {
  int64_t items = groups_of(p, t->m, t->n) * splits * t->wm * t->wn;
  double time = PRODUCT_LAUNCH +
                product_turns(dev, items) * (double)ocl_ceil(p->k, splits) * instructions(p, t);
  if (splits > 1)
    time += PRODUCT_LAUNCH + product_turns(dev, p->m * p->n) * (double)splits * SHARE_ELEMENT;
  return time;
}

static size_t shares_bytes(const product *p, int64_t splits) {
  return splits > 1 ? sizeof(float) * (size_t)(splits * p->m * p->n) : 0;
}

/* Terms of a share: whole slabs. */
static int64_t depth_of(const product *p, const tile_shape *t, int64_t splits) {
  return ocl_ceil(ocl_ceil(p->k, splits), t->depth) * t->depth;
}

/* The number of shares with the least time, of those whose sums are short enough, or as short as
 * memory allows. */
static int64_t splits_of(const lp_device *dev, const product *p, const tile_shape *t) {
  static const int64_t times[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};
  int64_t least = ocl_ceil(p->k, PRODUCT_MOST_TERMS), best = 1;
  double best_time = DBL_MAX;
  while (least > 1 && shares_bytes(p, least) > product_room(dev)) least--;
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    int64_t splits = least * times[i];
    if (i && (p->k < splits * 4 * t->depth || shares_bytes(p, splits) > product_room(dev))) break;
    double time = time_of(dev, p, t, splits);
    if (time < best_time) best = splits, best_time = time;
  }
  /* Where a share is rounded up to whole slabs, the last ones may be left without terms. */
  return p->k ? ocl_ceil(p->k, depth_of(p, t, best)) : 1;
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
  ocl_arg_int(e, depth_of(p, t, splits));

  enum { ITEMS = 256 };
  begin(e, p, "gemm_sum", true);
  ocl_define_int(e, "SPLITS", splits);
  ocl_grid(e, ocl_ceil(p->m * p->n, ITEMS), ITEMS);
  product_args(e, p);
  ocl_arg_slot(e, shares);
}

void naive_encode(ocl_encoder *e, const product *p, const engine *g) {
  (void)g;
  enum { ROWS = 64 };
  begin(e, p, "gemm_naive", false);
  ocl_grid(e, groups_of(p, ROWS, 1), ROWS);
  product_args(e, p);
}
