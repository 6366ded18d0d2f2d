/* Direct convolution of stride 1 for CPU devices: kernels/cpu/conv_direct.cl and conv_dw.cl, over a
 * copy of the image with a border of zeros where the convolution reaches past its edge (pad.cl). */
#include "../product.h"

#include <stdio.h>

typedef struct direct {
  int64_t planes, h, w, border; /* of the source image */
  int64_t tall, wide;           /* with its border */
  int64_t m, th, tw;            /* of the result; of dy for the weight gradient */
  int vl, mr, nv;
} direct;

static cl_uint native_width(lp_device *dev) {
  cl_uint width = 4;
  clGetDeviceInfo(dev->found.id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof width, &width, NULL);
  return width;
}

/* Rows of a register tile: as many as fit, even over m, a divisor of m where that costs little. */
static int tile_rows(int64_t m, int64_t most) {
  for (int64_t r = most; r * 3 >= most * 2; r--)
    if (m % r == 0) return (int)r;
  return (int)ocl_ceil(m, ocl_ceil(m, most));
}

static bool describe(lp_device *dev, const product *p, direct *d) {
  if (!p->conv || !dev->cpu || p->stride != 1 || p->ks > 7) return false;
  bool dx = p->direction == 2;
  if (dx && p->pad > p->ks - 1) return false;
  *d = (direct){.planes = dx ? p->o : p->c,
                .h = dx ? p->oh : p->h,
                .w = dx ? p->ow : p->w,
                .border = dx ? p->ks - 1 - p->pad : p->pad,
                .m = dx ? p->c : p->o,
                .th = dx ? p->h : p->oh,
                .tw = dx ? p->w : p->ow};
  d->tall = d->h + 2 * d->border;
  d->wide = d->w + 2 * d->border;
  bool wide_registers = native_width(dev) >= 16;
  d->vl =
      wide_registers && d->tw >= 16 && ocl_ceil(d->tw, 16) * 16 == ocl_ceil(d->tw, 8) * 8 ? 16 : 8;
  if (d->tw < d->vl || !p->batch) return false;
  /* Half of a wide register is idle; where a sum is long, packing for a product costs less. */
  enum { LONG_SUM = 512 };
  if (wide_registers && d->vl == 8 && !dx && p->c * p->ks * p->ks >= LONG_SUM) return false;
  int64_t registers = wide_registers ? 28 : 12;
  if (p->direction == 3) {
    d->nv = (int)p->ks;
    int64_t most = (registers - 3) / d->nv;
    d->mr = tile_rows(d->m, most > 14 ? 14 : most < 1 ? 1 : most);
  } else {
    int64_t segments = d->th * ocl_ceil(d->tw, d->vl);
    d->mr = tile_rows(d->m, wide_registers ? 14 : 6);
    d->nv = (int)(registers / d->mr);
    if (d->nv > 4) d->nv = 4;
    if (d->nv > segments) d->nv = (int)segments;
  }
  return true;
}

bool direct_fits(lp_device *dev, const product *p, const engine *g) {
  (void)g;
  direct d = {0};
  return describe(dev, p, &d);
}

size_t direct_workspace(lp_device *dev, const product *p, const engine *g) {
  (void)g;
  direct d = {0};
  describe(dev, p, &d);
  return d.border ? (size_t)(p->batch * d.planes * d.tall * d.wide) * sizeof(float) : 0;
}

static void encode_border(ocl_encoder *e, const direct *d, const lp_slot *image, int64_t batch) {
  int64_t rows = batch * d->planes * d->tall;
  ocl_begin(e, "pad");
  ocl_grid(e, ocl_ceil(rows, 64), 64);
  ocl_define_int(e, "H", d->h);
  ocl_define_int(e, "W", d->w);
  ocl_define_int(e, "BORDER", d->border);
  ocl_arg_slot(e, image);
  ocl_arg_slot(e, lp_plan_slot(e->plan, e->step->workspace));
  ocl_arg_int(e, rows);
}

static void define_lists(ocl_encoder *e, const direct *d) {
  char rows[8], columns[8];
  snprintf(rows, sizeof rows, "R%d", d->mr);
  snprintf(columns, sizeof columns, "T%d", d->nv);
  ocl_define(e, "ROWS", "%s", rows);
  ocl_define(e, "COLUMNS", "%s", columns);
  ocl_define_int(e, "MR", d->mr);
  ocl_define_int(e, "VL", d->vl);
  ocl_define_int(e, "SH", d->tall);
  ocl_define_int(e, "SW", d->wide);
}

static void encode_weights(ocl_encoder *e, const product *p, const direct *d,
                           const lp_slot *image) {
  ocl_begin_with(e, "lists", "conv_dw", "conv_dw");
  define_lists(e, d);
  ocl_define_int(e, "C", p->c);
  ocl_define_int(e, "O", p->o);
  ocl_define_int(e, "OH", p->oh);
  ocl_define_int(e, "OW", p->ow);
  ocl_define_int(e, "KS", p->ks);
  ocl_define_int(e, "WITH_DB", p->second != NULL);
  ocl_posts(e, NULL, lp_inner(&p->y->desc), 0, 0);
  ocl_grid(e, ocl_ceil(p->o, d->mr) * p->c * p->ks, 1);
  ocl_arg_slot(e, p->p);
  ocl_arg_slot(e, image);
  ocl_arg_slot(e, p->y);
  if (p->second) ocl_arg_slot(e, p->second);
  ocl_arg_int(e, p->batch);
  ocl_post_args(e, NULL);
}

void direct_encode(ocl_encoder *e, const product *p, const engine *g) {
  (void)g;
  direct d = {0};
  describe(e->dev, p, &d);
  const lp_slot *image = p->direction == 3 ? p->q : p->p;
  if (d.border) {
    encode_border(e, &d, image, p->batch);
    image = lp_plan_slot(e->plan, e->step->workspace);
  }
  if (e->status != LP_OK) return;
  if (p->direction == 3) {
    encode_weights(e, p, &d, image);
    return;
  }
  /* A work-item per sample and group of tiles: at least four for every compute unit. */
  int64_t tiles = ocl_ceil(d.m, d.mr), together = tiles;
  while (together > 1 && p->batch * ocl_ceil(tiles, together) < 4 * (int64_t)e->dev->units)
    together = ocl_ceil(together, 2);
  ocl_begin_with(e, "lists", "conv_direct", "conv_direct");
  define_lists(e, &d);
  ocl_define_int(e, "DIRECTION", p->direction);
  ocl_define_int(e, "WITH_BIAS", p->direction == 1 && p->second);
  ocl_define_int(e, "BORDER", d.border);
  ocl_define_int(e, "NV", d.nv);
  ocl_define_int(e, "TILES", together);
  ocl_define_int(e, "SC", d.planes);
  ocl_define_int(e, "M", d.m);
  ocl_define_int(e, "TH", d.th);
  ocl_define_int(e, "TW", d.tw);
  ocl_define_int(e, "KS", p->ks);
  ocl_posts(e, NULL, lp_inner(&p->y->desc), d.th * d.tw, d.vl);
  ocl_grid(e, ocl_ceil(tiles, together) * p->batch, 1);
  ocl_arg_slot(e, image);
  ocl_arg_slot(e, p->q);
  ocl_arg_slot(e, p->y);
  if (p->direction == 1 && p->second) ocl_arg_slot(e, p->second);
  ocl_post_args(e, NULL);
}
