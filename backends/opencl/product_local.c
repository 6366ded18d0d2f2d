/* Engines for GPUs: tiles in local memory, sums split over a work-group, and the plain reference.
 */
#include "product.h"

bool local_fits(lp_device *dev, const lp_plan_view *plan, const product *p) {
  (void)plan, (void)p;
  return dev->local_memory >= 16384;
}

static void begin(ocl_encoder *e, const product *p, const char *kernel) {
  const char *problem = p->conv ? "conv" : "linear";
  ocl_begin_with(e, problem, kernel, kernel);
  product_define(e, p, 0);
}

static void tile(ocl_encoder *e, const product *p, int size, int depth, int items) {
  begin(e, p, "gemm_tile");
  ocl_define_int(e, "TM", size);
  ocl_define_int(e, "TN", size);
  ocl_define_int(e, "TK", depth);
  ocl_define_int(e, "WM", items);
  ocl_define_int(e, "WN", items);
  ocl_grid(e, (size_t)ocl_ceil(p->m, size), (size_t)ocl_ceil(p->n, size), (size_t)(items * items));
  product_args(e, p);
}

void tile64_encode(ocl_encoder *e, const product *p) {
  tile(e, p, 64, 16, 16);
}
void tile32_encode(ocl_encoder *e, const product *p) {
  tile(e, p, 32, 16, 8);
}
void tile16_encode(ocl_encoder *e, const product *p) {
  tile(e, p, 16, 16, 8);
}

/* Few elements, long sums: tiles of 32 would leave most of the device idle. */
bool split_preferred(lp_device *dev, const product *p) {
  int64_t tiles = ocl_ceil(p->m, 32) * ocl_ceil(p->n, 32);
  return p->k >= 128 && tiles < (int64_t)dev->units && p->m * p->n < (1 << 16);
}

void split_encode(ocl_encoder *e, const product *p) {
  int64_t size = p->m * p->n >= 4096 ? 4 : 2, group = p->k >= 1024 ? 256 : 64;
  begin(e, p, "gemm_split");
  ocl_define_int(e, "SM", size);
  ocl_define_int(e, "SN", size);
  ocl_grid(e, (size_t)ocl_ceil(p->m, size), (size_t)ocl_ceil(p->n, size), (size_t)group);
  product_args(e, p);
}

void naive_encode(ocl_encoder *e, const product *p) {
  begin(e, p, "gemm_naive");
  ocl_grid(e, (size_t)ocl_ceil(p->m, 64), (size_t)p->n, 64);
  product_args(e, p);
}
