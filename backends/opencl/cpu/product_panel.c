/* The engine for CPU devices: kernels/cpu/gemm_panel.cl. Here: tile and block sizes. */
#include "../product.h"

#include <stdio.h>

#define PASS    512 /* terms summed before they are added to the rest: accuracy and cache */
#define SCRATCH (UINT64_C(512) << 20) /* bytes of workspace at most: hundreds of units */

typedef struct blocking {
  int vl, mr, lanes, kp;
  bool single;
  int64_t block_m, block_n, blocks_m, blocks, items, slice; /* slice in floats */
  int a_pack, b_pack;
} blocking;

/* Lanes of a vector that is as wide as the device's registers. */
static int vector_lanes(lp_device *dev) {
  cl_uint width = 4;
  clGetDeviceInfo(dev->found.id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof width, &width, NULL);
  return width >= 16 ? 16 : 8;
}

static void plan_blocks(lp_device *dev, const product *p, blocking *b) {
  b->vl = vector_lanes(dev);
  b->lanes = 2 * b->vl;
  b->a_pack = p->conv ? (p->direction == 2 ? 2 : 1) : (p->direction == 3 ? 3 : 1);
  b->b_pack = p->conv ? 1 : p->direction > 1 ? 3 : 2;
  int64_t most = b->vl == 16 ? 14 : 6; /* 28 of 32 or 12 of 16 registers */
  int64_t tiles_m = ocl_ceil(p->m, most);
  b->mr = (int)ocl_ceil(p->m, tiles_m);
  /* The depth of a weight gradient is the batch: not a constant of the kernel. */
  bool fixed = p->direction != 3;
  b->kp = fixed && p->k < PASS ? (int)ocl_ceil(p->k, 16) * 16 : !fixed && !p->conv ? 128 : PASS;
  b->single = p->k <= b->kp && fixed;
  tiles_m = ocl_ceil(p->m, b->mr);
  int64_t panels = ocl_ceil(p->n, b->lanes);
  int64_t tm = tiles_m, pn = panels < 128 / b->lanes ? panels : 128 / b->lanes;
  while (!b->single && tm > 1 && tm * b->mr * pn * b->lanes > 65536) tm = ocl_ceil(tm, 2);
  int64_t wanted = 4 * (int64_t)dev->units;
  while (ocl_ceil(tiles_m, tm) * ocl_ceil(panels, pn) < wanted && (tm > 1 || pn > 1)) {
    if (pn > 1 && (pn * b->lanes > tm * b->mr || tm == 1))
      pn = ocl_ceil(pn, 2);
    else
      tm = ocl_ceil(tm, 2);
  }
  b->block_m = tm * b->mr;
  b->block_n = pn * b->lanes;
  b->blocks_m = ocl_ceil(tiles_m, tm);
  b->blocks = b->blocks_m * ocl_ceil(panels, pn);
  int64_t a = b->a_pack == 3 ? (int64_t)b->kp * 16 : (int64_t)b->mr * (b->kp + 16);
  int64_t c = (b->single ? b->mr * b->lanes : b->block_m * b->block_n);
  b->slice = ocl_ceil(b->block_n * b->kp + a + 256 + c, 32) * 32;
  /* Work-items take turns at the blocks: where memory is short, fewer of them do. */
  uint64_t room = product_room(dev) < SCRATCH ? product_room(dev) : SCRATCH;
  int64_t most_items = (int64_t)(room / sizeof(float)) / b->slice;
  b->items = b->blocks < 4 * wanted ? b->blocks : 4 * wanted;
  if (b->items > most_items) b->items = most_items > 1 ? most_items : 1;
}

/* A layer of a large batch turns W rather than its inputs and outputs. */
static product oriented(const product *p) {
  product q = *p;
  if (p->conv || p->direction != 1 || p->inputs * p->outputs >= p->batch * (p->inputs + p->outputs))
    return q;
  q.m = p->batch, q.n = p->outputs;
  q.straight = q.c_nfast = true;
  return q;
}

bool panel_fits(lp_device *dev, const product *p, const engine *g) {
  (void)g;
  return dev->cpu && p->m > 0 && p->n > 0 && p->k > 0;
}

size_t panel_workspace(lp_device *dev, const product *p, const engine *g) {
  (void)g;
  const product q = oriented(p);
  blocking b;
  plan_blocks(dev, &q, &b);
  return (size_t)(b.items * b.slice) * sizeof(float);
}

void panel_encode(ocl_encoder *e, const product *given, const engine *g) {
  (void)g;
  const product q = oriented(given), *p = &q;
  blocking b;
  plan_blocks(e->dev, p, &b);
  char rows[8];
  snprintf(rows, sizeof rows, "R%d", b.mr);
  ocl_begin_with(e, p->conv ? "conv" : "linear", "lists", p->conv ? "conv_panel" : "linear_panel");
  ocl_file(e, "gemm_panel");
  product_define(e, p, p->conv ? 0 : p->c_nfast ? b.lanes : b.mr);
  ocl_define(e, "ROWS", "%s", rows);
  ocl_define_int(e, "MR", b.mr);
  ocl_define_int(e, "VL", b.vl);
  ocl_define_int(e, "KP", b.kp);
  ocl_define_int(e, "SINGLE", b.single);
  ocl_define_int(e, "A_PACK", b.a_pack);
  ocl_define_int(e, "B_PACK", b.b_pack);
  ocl_define_int(e, "SEGMENT", p->conv && p->direction == 3 ? p->oh * p->ow : INT32_MAX / 16 * 16);
  ocl_define_int(e, "C_WIDE", !p->conv && !e->step->post_count);
  ocl_define_int(e, "WIDE_END", p->straight ? p->outputs : p->inputs);
  ocl_grid(e, b.items, 1);
  product_args(e, p);
  ocl_arg_slot(e, lp_plan_slot(e->plan, e->step->workspace));
  ocl_arg_int(e, b.block_m);
  ocl_arg_int(e, b.block_n);
  ocl_arg_int(e, b.blocks_m);
  ocl_arg_int(e, b.blocks);
  ocl_arg_int(e, b.slice);
}
