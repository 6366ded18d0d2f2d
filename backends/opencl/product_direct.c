/* Direct convolution for CPU devices: kernels/conv_direct.cl and conv_dw.cl. */
#include "product.h"

bool direct_fits(lp_device *dev, const lp_plan_view *plan, const product *p) {
  (void)plan, (void)dev, (void)p;
  return false;
}

size_t direct_workspace(lp_device *dev, const lp_plan_view *plan, const product *p) {
  (void)plan, (void)dev, (void)p;
  return 0;
}

void direct_encode(ocl_encoder *e, const product *p) { (void)e, (void)p; }
