/* product.h: matrix products and convolutions, and the candidates (engines) that compute them. */
#ifndef LP_OPENCL_PRODUCT_H
#define LP_OPENCL_PRODUCT_H

#include "ocl.h"

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
} product;

typedef struct engine {
  const char *name;
  bool (*fits)(lp_device *dev, const lp_plan_view *plan, const product *p);
  size_t (*workspace)(lp_device *dev, const lp_plan_view *plan, const product *p);
  void (*encode)(ocl_encoder *e, const product *p);
  int argument; /* tile shape of the engine */
} engine;

void product_of(const lp_plan_view *plan, const lp_step *s, product *p);
/* Text of the shape, key of the tuning file: "linear 64 4096 4096 table". */
void product_key(const product *p, char *out, size_t cap);
/* Definitions and arguments of kernels/linear.cl or conv.cl, up to POST_PARAMS. */
void product_define(ocl_encoder *e, const product *p, int span);
void product_args(ocl_encoder *e, const product *p);

/* All engines by preference; NULL-terminated names. */
const engine *product_engines(uint32_t *n);
const engine *product_named(const char *name); /* NULL for an unknown one, or NULL */
const engine *product_choose(lp_device *dev, const lp_plan_view *plan, const product *p);

/* product_panel.c, product_direct.c, product_local.c, product_clblast.c */
bool panel_fits(lp_device *dev, const lp_plan_view *plan, const product *p);
size_t panel_workspace(lp_device *dev, const lp_plan_view *plan, const product *p);
void panel_encode(ocl_encoder *e, const product *p);
bool direct_fits(lp_device *dev, const lp_plan_view *plan, const product *p);
size_t direct_workspace(lp_device *dev, const lp_plan_view *plan, const product *p);
void direct_encode(ocl_encoder *e, const product *p);
bool local_fits(lp_device *dev, const lp_plan_view *plan, const product *p);
void tile64_encode(ocl_encoder *e, const product *p);
void tile32_encode(ocl_encoder *e, const product *p);
void tile16_encode(ocl_encoder *e, const product *p);
void split_encode(ocl_encoder *e, const product *p);
void naive_encode(ocl_encoder *e, const product *p);
bool clblast_fits(lp_device *dev, const lp_plan_view *plan, const product *p);
size_t clblast_workspace(lp_device *dev, const lp_plan_view *plan, const product *p);
void clblast_encode(ocl_encoder *e, const product *p);
bool split_preferred(lp_device *dev, const product *p);

#endif
