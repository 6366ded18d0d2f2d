/* winograd.h: 3 x 3 and 5 x 5 convolutions of stride 1 with fewer multiplications.
 *
 * Tiles of 6 x 6 inputs and the filters are transformed, multiplied as 36 matrix products, and
 * transformed back: F(4x4, 3x3) takes 36 multiplications for 4 x 4 outputs instead of 144,
 * F(2x2, 5x5) 36 instead of 100 (Winograd, "Arithmetic Complexity of Computations", 1980; Lavin &
 * Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016). The gradient of the
 * filters is the same with the roles of outputs and filters exchanged.
 *
 * Its price is accuracy, since the transforms cancel. Reciprocal points, 0, +-1/sqrt(2), +-sqrt(2)
 * and infinity (after Alam et al., "Winograd Convolution for Deep Neural Networks: Efficient Point
 * Selection", 2022), lose least: the largest error, relative to the largest element, is at most
 * 4e-6 in the cases of core/check, against 7e-7 of the direct sum; with the usual 0, +-1, +-2 it
 * was 1.4e-5. cpu:winograd=off goes without. */
#ifndef LP_CPU_WINOGRAD_H
#define LP_CPU_WINOGRAD_H

#include "conv.h"

/* May the call take it, and is the shape one for which it is right and pays? For convolutions and,
 * seen as one of dy, for the gradient of the input. */
#define winograd_fits ISA(winograd_fits)
bool winograd_fits(const conv *c);

/* Of the workspace, in all directions. */
#define winograd_bytes ISA(winograd_bytes)
size_t winograd_bytes(const conv *c);

/* y = x * w + bias and the call's chain; with mirrored, the filters are those of the forward
 * convolution (c->channels of them, of c->filters channels each) and y is its dx. Uses c's shape, w
 * and bias; all workers, ends without a barrier. */
#define winograd_conv ISA(winograd_conv)
void winograd_conv(const conv *c, bool mirrored, const float *x, float *y, void *ws, cpu_worker *w);

/* The gradients of filters and bias, of a convolution with the shape of c and its c->dy. */
#define winograd_dw ISA(winograd_dw)
void winograd_dw(const conv *c, const float *x, void *ws, cpu_worker *w);

#endif
