/* product.h: matrix products and convolutions, and the candidates (engines) that compute them. */
#ifndef LP_OPENCL_PRODUCT_H
#define LP_OPENCL_PRODUCT_H

#include "ops.h"

typedef struct product {
  const lp_step *step;
  bool conv;
  int direction;         /* 1 forward, 2 input gradient, 3 weight gradient */
  const lp_slot *p, *q;  /* the two factors */
  const lp_slot *y;      /* result */
  const lp_slot *second; /* bias, or db */
  const lp_slot *table, *off_out, *off_in, *row, *col, *dense;
  int64_t m, n, k; /* C(m,n) = sum over k */
  int64_t batch;
  int64_t inputs, outputs;                     /* linear */
  int64_t c, o, h, w, oh, ow, ks, stride, pad; /* convolution */
  bool a_kfast, b_nfast, c_nfast;              /* contiguous along k, n, n */
  bool straight;                               /* linear forward: m = sample, n = output */
  bool draws;                                  /* its chain draws random numbers */
} product;

/* Tiles of gemm_tile.cl: a group of wm x wn work-items makes m x n elements, depth terms at a time.
 * Of winograd.cl: m filters x n tiles of 2 x 2 elements, and wm x wn work-items for each of 16
 * points.
 */
typedef struct tile_shape {
  int m, n, depth, wm, wn;
} tile_shape;

typedef struct engine engine;
struct engine {
  const char *name;
  /* Does the kernel do this product on this kind of device? Asked through product_usable. */
  bool (*fits)(lp_device *dev, const product *p, const engine *g);
  size_t (*workspace)(lp_device *dev, const product *p, const engine *g); /* NULL: none */
  /* Estimated time in any unit, for the choice where nothing was measured; NULL: only on request.
   */
  double (*cost)(lp_device *dev, const product *p, const engine *g);
  void (*encode)(ocl_encoder *e, const product *p, const engine *g);
  tile_shape tile;
};

void product_of(const lp_plan_view *plan, const lp_step *s, product *p);
/* Text of the shape, key of the tuning file: "linear 64 4096 4096 table". */
void product_key(const product *p, char *out, size_t cap);
/* Definitions and arguments of kernels/linear.cl or conv.cl, up to POST_PARAMS. */
void product_define(ocl_encoder *e, const product *p, int span);
void product_args(ocl_encoder *e, const product *p);

/* Terms that one work-item adds one after the other: more lose digits. */
#define PRODUCT_MOST_TERMS 2048
/* Costs of tiles count the instructions of a work-item; so much is a launch. */
#define PRODUCT_LAUNCH 4000.0
/* How often a device must be filled to run so many work-items. */
static inline double product_turns(const lp_device *dev, int64_t items) {
  return (double)ocl_ceil(items, (int64_t)dev->unit_items * dev->units);
}

/* A sum in shares, which gemm_sum.cl adds: splits x m x n elements of the workspace. */
size_t product_shares_bytes(const product *p, int64_t splits);
/* Terms of a share: whole slabs. */
int64_t product_share_depth(int64_t terms, int64_t slab, int64_t splits);
/* The number of shares with the least time, of those whose sums are short enough, or as short as
 * memory allows. */
typedef double product_split_cost(const lp_device *dev, const product *p, const tile_shape *t,
                                  int64_t splits);
int64_t product_splits(const lp_device *dev, const product *p, const tile_shape *t, int64_t terms,
                       product_split_cost *cost);
double product_sum_cost(const lp_device *dev, const product *p, int64_t splits);
void product_sum_encode(ocl_encoder *e, const product *p, int64_t splits);

/* All engines; the last one, "naive", is the reference. */
const engine *product_engines(uint32_t *n);
const engine *product_named(const char *name); /* NULL for an unknown one, or NULL */
void product_names(char *out, size_t cap);     /* of all engines: "direct, panel, ..." */
/* Bytes that a workspace may take: what the device can allocate at once. */
static inline uint64_t product_room(const lp_device *dev) {
  return dev->info.max_alloc ? dev->info.max_alloc : UINT64_MAX;
}
/* Can the device run this product with this engine: its kernel fits, and the device can allocate
 * its workspace. Whoever takes an engine asks this: the default choice, a forced one (product=NAME
 * of the device), the tuning file, the tuner. */
bool product_usable(lp_device *dev, const product *p, const engine *g);
/* The engine of a product: the forced one, else the one measured to be fastest, else the cheapest
 * by its estimate; of each only what is usable. */
const engine *product_choose(lp_device *dev, const product *p);

/* cpu/product_panel.c, cpu/product_direct.c, product_tile.c, product_winograd.c, product_clblast.c
 */
bool panel_fits(lp_device *dev, const product *p, const engine *g);
size_t panel_workspace(lp_device *dev, const product *p, const engine *g);
void panel_encode(ocl_encoder *e, const product *p, const engine *g);
bool direct_fits(lp_device *dev, const product *p, const engine *g);
size_t direct_workspace(lp_device *dev, const product *p, const engine *g);
void direct_encode(ocl_encoder *e, const product *p, const engine *g);
bool tile_fits(lp_device *dev, const product *p, const engine *g);
size_t tile_workspace(lp_device *dev, const product *p, const engine *g);
double tile_cost(lp_device *dev, const product *p, const engine *g);
void tile_encode(ocl_encoder *e, const product *p, const engine *g);
bool winograd_fits(lp_device *dev, const product *p, const engine *g);
size_t winograd_workspace(lp_device *dev, const product *p, const engine *g);
double winograd_cost(lp_device *dev, const product *p, const engine *g);
void winograd_encode(ocl_encoder *e, const product *p, const engine *g);
void naive_encode(ocl_encoder *e, const product *p, const engine *g);
bool clblast_fits(lp_device *dev, const product *p, const engine *g);
size_t clblast_workspace(lp_device *dev, const product *p, const engine *g);
void clblast_encode(ocl_encoder *e, const product *p, const engine *g);

#endif
