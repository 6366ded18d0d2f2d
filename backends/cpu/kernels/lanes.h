/* lanes.h: convolutions of stride 1 of small images, with images in the lanes of vectors.
 *
 * A batch is brought into groups of NR images whose pixels lie side by side. Whatever a filter tap
 * meets is then a contiguous vector: nothing is gathered, and taps that meet the border are left
 * out instead of multiplied by zeros, which for the gradient of the input are most of them. It pays
 * where there are too few filters to make up for gathering, and a group stays in the cache. */
#ifndef LP_CPU_LANES_H
#define LP_CPU_LANES_H

#include "conv.h"

/* Is the shape one for which it pays? For convolutions and, seen as one of dy, for the gradient of
 * the input. */
#define lanes_fits ISA(lanes_fits)
bool lanes_fits(const conv *c);

/* Of the workspace of lanes_conv. */
#define lanes_bytes ISA(lanes_bytes)
size_t lanes_bytes(const conv *c);

/* y = x * w + bias and the call's chain; with mirrored, the filters are those of the forward
 * convolution (c->channels of them, of c->filters channels each) and y is its dx. Uses c's shape, w
 * and bias; all workers, ends without a barrier. */
#define lanes_conv ISA(lanes_conv)
void lanes_conv(const conv *c, bool mirrored, const float *x, float *y, void *ws, cpu_worker *w);

/* The same for the gradients of filters and bias, of a convolution without padding with the shape
 * of c, and its c->dy. */
#define lanes_dw_fits ISA(lanes_dw_fits)
bool lanes_dw_fits(const conv *c);
#define lanes_dw_bytes ISA(lanes_dw_bytes)
size_t lanes_dw_bytes(const conv *c);
#define lanes_dw ISA(lanes_dw)
void lanes_dw(const conv *c, const float *x, void *ws, cpu_worker *w);

/* A batch of `planes` planes of `pixels` as groups: pixel q of plane p of image i is element
 * ((i/NR * planes + p) * pixels + q) * NR + i%NR; images that do not exist are zeros. */
static inline int64_t lanes_size(const conv *c, int64_t planes, int64_t pixels) {
  return ceil_div(c->batch, NR) * planes * pixels * NR;
}
/* Brings plane unit % planes of group unit / planes there. */
#define lanes_gather ISA(lanes_gather)
void lanes_gather(const conv *c, int64_t planes, int64_t pixels, const float *x, float *to,
                  int64_t unit);

#endif
