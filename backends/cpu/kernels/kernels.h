/* kernels.h: every kernel of the table, declared once for one instruction set. A kernel's body
 * begins as its declaration does, KERNEL(name) {. */
#ifndef LP_CPU_KERNELS_H
#define LP_CPU_KERNELS_H

#include "vec.h"

#define KERNEL(name)    void ISA(k_##name)(const cpu_call *c, cpu_worker *w)
#define WORKSPACE(name) size_t ISA(ws_##name)(const cpu_call *c)

KERNEL(normalize);
KERNEL(conv2d);
WORKSPACE(conv2d);
KERNEL(conv2d_dx);
WORKSPACE(conv2d_dx);
KERNEL(conv2d_dw);
WORKSPACE(conv2d_dw);
KERNEL(maxpool);
KERNEL(maxpool_dx);
KERNEL(linear);
KERNEL(linear_dx);
KERNEL(linear_dw);
KERNEL(batchnorm);
KERNEL(batchnorm_dx);
KERNEL(batchnorm_eval);
KERNEL(batchnorm_eval_dx);
KERNEL(elementwise);
KERNEL(sum);
WORKSPACE(sum);
KERNEL(expand);
KERNEL(log_softmax);
KERNEL(log_softmax_dx);
KERNEL(cross_entropy);
WORKSPACE(cross_entropy);
KERNEL(cross_entropy_dx);
KERNEL(sgd);
KERNEL(rmsprop);
KERNEL(adam);
KERNEL(accumulate);
KERNEL(slice);
KERNEL(concat);
KERNEL(permute);
KERNEL(prior);
KERNEL(avgpool);
KERNEL(avgpool_dx);
KERNEL(sparse_linear);
WORKSPACE(sparse_linear);
KERNEL(sparse_linear_dx);
WORKSPACE(sparse_linear_dx);
KERNEL(sparse_linear_dw);
WORKSPACE(sparse_linear_dw);

#endif
