/* The kernel table of one instruction set: one row an operation. */
#include "gemm.h"
#include "kernels.h"

#define RUN(name)                                                                                  \
  { ISA(k_##name), NULL }
#define RUN_WITH(name)                                                                             \
  { ISA(k_##name), ISA(ws_##name) }

/* What fuses is done alone by the kernel that does chains. */
#define ALONE_true(name) [LP_OP_##name] = RUN(elementwise),
#define ALONE_false(name)
#define ALONE(name, number, text, fusable) ALONE_##fusable(name)

extern const cpu_kernels ISA(lp_cpu_kernels);
const cpu_kernels ISA(lp_cpu_kernels) = {
    .name = ISA_TEXT(LP_CPU_ISA),
    .f32 = &ISA(cpu_product_f32),
    .bf16 = &ISA(cpu_product_bf16),
    .op =
        {
            LP_OPS(ALONE) /* and others */
                [LP_OP_NORMALIZE] = RUN(normalize),
            [LP_OP_CONV2D] = RUN_WITH(conv2d),
            [LP_OP_CONV2D_DX] = RUN_WITH(conv2d_dx),
            [LP_OP_CONV2D_DW] = RUN_WITH(conv2d_dw),
            [LP_OP_MAXPOOL2D] = RUN(maxpool),
            [LP_OP_MAXPOOL2D_DX] = RUN(maxpool_dx),
            [LP_OP_LINEAR] = RUN(linear),
            [LP_OP_LINEAR_DX] = RUN(linear_dx),
            [LP_OP_LINEAR_DW] = RUN(linear_dw),
            [LP_OP_BATCHNORM] = RUN(batchnorm),
            [LP_OP_BATCHNORM_DX] = RUN(batchnorm_dx),
            [LP_OP_BATCHNORM_EVAL] = RUN(batchnorm_eval),
            [LP_OP_BATCHNORM_EVAL_DX] = RUN(batchnorm_eval_dx),
            [LP_OP_SIGN] = RUN(elementwise),
            [LP_OP_SUM] = RUN_WITH(sum),
            [LP_OP_EXPAND] = RUN(expand),
            [LP_OP_LOG_SOFTMAX] = RUN(log_softmax),
            [LP_OP_LOG_SOFTMAX_DX] = RUN(log_softmax_dx),
            [LP_OP_CROSS_ENTROPY] = RUN_WITH(cross_entropy),
            [LP_OP_CROSS_ENTROPY_DX] = RUN(cross_entropy_dx),
            [LP_OP_SGD] = RUN(sgd),
            [LP_OP_RMSPROP] = RUN(rmsprop),
            [LP_OP_ADAM] = RUN(adam),
            [LP_OP_ACCUMULATE] = RUN(accumulate),
            [LP_OP_SLICE] = RUN(slice),
            [LP_OP_CONCAT] = RUN(concat),
            [LP_OP_PERMUTE] = RUN(permute),
            [LP_OP_PRIOR] = RUN(prior),
            [LP_OP_AVGPOOL2D] = RUN(avgpool),
            [LP_OP_AVGPOOL2D_DX] = RUN(avgpool_dx),
            [LP_OP_SPARSE_LINEAR] = RUN_WITH(sparse_linear),
            [LP_OP_SPARSE_LINEAR_DX] = RUN_WITH(sparse_linear_dx),
            [LP_OP_SPARSE_LINEAR_DW] = RUN_WITH(sparse_linear_dw),
        },
};
