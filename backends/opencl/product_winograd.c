/* product_winograd.c: 3 x 3 convolutions of stride 1 with 16 multiplications for 36, for GPUs; two
 * launches, of which the first transforms the filters into the workspace. */
#include "product.h"

enum { POINTS = 16 };
/* What a work-item pays, in instructions: for a filter, for what it loads and transforms of a slab,
 * for a tile of results. */
enum { FILTER = 80, SLAB = 140, RESULT = 200 };

static int64_t rows_up(const product *p, const tile_shape *t) {
  return ocl_ceil(p->m, t->m) * t->m;
}

/* Channels that are summed over. */
static int64_t terms(const product *p) {
  return p->direction == 1 ? p->c : p->o;
}

static int64_t filters(const product *p, const tile_shape *t) {
  return rows_up(p, t) * ocl_ceil(terms(p), t->depth) * t->depth;
}

static int64_t groups(const product *p, const tile_shape *t) {
  int64_t down = p->direction == 1 ? p->oh : p->h, across = p->direction == 1 ? p->ow : p->w;
  int64_t tiles = p->batch * ocl_ceil(down, 2) * ocl_ceil(across, 2);
  return ocl_ceil(p->m, t->m) * ocl_ceil(tiles, t->n);
}

bool winograd_fits(lp_device *dev, const product *p, const engine *g) {
  const tile_shape *t = &g->tile;
  if (!dev->winograd || !p->conv || p->direction == 3 || p->ks != 3 || p->stride != 1) return false;
  if (terms(p) < 1 || terms(p) > PRODUCT_MOST_TERMS) return false;
  int rows = t->m / t->wm, columns = t->n / t->wn;
  int places = 32 + (p->draws ? 24 : 0);
  if ((uint32_t)(rows * columns + rows + columns + POINTS + places) > dev->registers) return false;
  return sizeof(float) * (size_t)(2 * POINTS * t->depth * (t->m + 4)) <= dev->local_memory;
}

size_t winograd_workspace(lp_device *dev, const product *p, const engine *g) {
  (void)dev;
  return sizeof(float) * POINTS * (size_t)filters(p, &g->tile);
}

double winograd_cost(lp_device *dev, const product *p, const engine *g) {
  const tile_shape *t = &g->tile;
  int group = POINTS * t->wm * t->wn;
  double rows = t->m / t->wm, columns = t->n / t->wn;
  double slab = t->depth * (rows * columns + (rows + columns) / 4) + SLAB;
  double results = rows * columns * t->wm * t->wn / group * RESULT;
  return 2 * PRODUCT_LAUNCH + product_turns(dev, filters(p, t)) * FILTER +
         product_turns(dev, groups(p, t) * group) *
             ((double)ocl_ceil(terms(p), t->depth) * slab + results);
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
  const lp_slot *transformed = lp_plan_slot(e->plan, e->step->workspace);
  for (int transform = 1; transform >= 0; transform--) {
    begin(e, p, t, transform);
    if (transform)
      ocl_grid(e, ocl_ceil(filters(p, t), ITEMS), ITEMS);
    else
      ocl_grid(e, groups(p, t), POINTS * t->wm * t->wn);
    product_args(e, p);
    ocl_arg_slot(e, transformed);
  }
}
