/* product_winograd.c: 3 x 3 convolutions of stride 1 with 16 multiplications for 36, for GPUs, in
 * two launches: the filters are transformed into the workspace before; for dW shares are added
 * behind. */
#include "product.h"

enum { POINTS = 16 };
/* What a work-item pays, in instructions: for a filter, for what it loads and transforms of a slab,
 * for a tile of results. */
enum { FILTER = 80, SLAB = 140, SLAB_DW = 200, RESULT = 200 };

static int64_t rows_up(const product *p, const tile_shape *t) {
  return ocl_ceil(p->m, t->m) * t->m;
}

static int64_t tiles(const product *p) {
  int64_t down = p->direction == 2 ? p->h : p->oh, across = p->direction == 2 ? p->w : p->ow;
  return p->batch * ocl_ceil(down, 2) * ocl_ceil(across, 2);
}

/* What is summed over: channels, or for dW tiles. */
static int64_t terms(const product *p) {
  return p->direction == 1 ? p->c : p->direction == 2 ? p->o : tiles(p);
}

static int64_t filters(const product *p, const tile_shape *t) {
  return rows_up(p, t) * ocl_ceil(terms(p), t->depth) * t->depth;
}

static int64_t groups(const product *p, const tile_shape *t) {
  return ocl_ceil(p->m, t->m) * ocl_ceil(p->direction == 3 ? p->c : tiles(p), t->n);
}

bool winograd_fits(lp_device *dev, const product *p, const engine *g) {
  const tile_shape *t = &g->tile;
  if (!dev->winograd || !p->conv || p->ks != 3 || p->stride != 1) return false;
  if (terms(p) < 1 || (p->direction != 3 && terms(p) > PRODUCT_MOST_TERMS)) return false;
  int rows = t->m / t->wm, columns = t->n / t->wn;
  int places = 32 + (p->draws ? 24 : 0);
  if ((uint32_t)(rows * columns + rows + columns + POINTS + places) > dev->registers) return false;
  return sizeof(float) * (size_t)(2 * POINTS * t->depth * (t->m + 4)) <= dev->local_memory;
}

static double time_of(const lp_device *dev, const product *p, const tile_shape *t, int64_t splits) {
  int group = POINTS * t->wm * t->wn;
  double rows = t->m / t->wm, columns = t->n / t->wn;
  double slab =
      t->depth * (rows * columns + (rows + columns) / 4) + (p->direction == 3 ? SLAB_DW : SLAB);
  double results = rows * columns * t->wm * t->wn / group * RESULT;
  double other = p->direction == 3 ? product_sum_cost(dev, p, splits)
                                   : PRODUCT_LAUNCH + product_turns(dev, filters(p, t)) * FILTER;
  return PRODUCT_LAUNCH + other +
         product_turns(dev, groups(p, t) * splits * group) *
             ((double)ocl_ceil(ocl_ceil(terms(p), splits), t->depth) * slab + results);
}

static int64_t splits_of(const lp_device *dev, const product *p, const tile_shape *t) {
  return p->direction == 3 ? product_splits(dev, p, t, terms(p), time_of) : 1;
}

size_t winograd_workspace(lp_device *dev, const product *p, const engine *g) {
  return p->direction == 3 ? product_shares_bytes(p, splits_of(dev, p, &g->tile))
                           : sizeof(float) * POINTS * (size_t)filters(p, &g->tile);
}

double winograd_cost(lp_device *dev, const product *p, const engine *g) {
  return time_of(dev, p, &g->tile, splits_of(dev, p, &g->tile));
}

static void begin(ocl_encoder *e, const product *p, const tile_shape *t, bool transform) {
  ocl_begin_with(e, "conv", "winograd", transform ? "winograd_filters" : "winograd");
  product_define(e, p, 0);
  ocl_define_int(e, "FILTERS", transform);
  ocl_define_int(e, "TM", t->m);
  ocl_define_int(e, "TN", t->n);
  ocl_define_int(e, "TK", t->depth);
  ocl_define_int(e, "WM", t->wm);
  ocl_define_int(e, "WN", t->wn);
}

void winograd_encode(ocl_encoder *e, const product *p, const engine *g) {
  enum { ITEMS = 256 };
  const tile_shape *t = &g->tile;
  const lp_slot *workspace = lp_plan_slot(e->plan, e->step->workspace);
  int64_t splits = splits_of(e->dev, p, t);
  if (p->direction != 3) {
    begin(e, p, t, true);
    ocl_grid(e, ocl_ceil(filters(p, t), ITEMS), ITEMS);
    product_args(e, p);
    ocl_arg_slot(e, workspace);
  }
  begin(e, p, t, false);
  ocl_grid(e, groups(p, t) * splits, POINTS * t->wm * t->wn);
  product_args(e, p);
  ocl_arg_slot(e, workspace);
  if (p->direction != 3) return;
  ocl_arg_int(e, product_share_depth(terms(p), t->depth, splits));
  product_sum_encode(e, p, splits);
}
