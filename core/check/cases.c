/* The table of op cases. To add a case, add a row. */
#include "case.h"

#include <stdio.h>

#define CONV(name_, n_, c_, h_, w_, o_, k_, s_, p_, flags_)                                        \
  {                                                                                                \
    .family = &case_conv, .name = name_, .n = n_, .c = c_, .h = h_, .w = w_, .o = o_, .k = k_,     \
    .stride = s_, .pad = p_, .flags = flags_                                                       \
  }
#define POOL(family_, name_, n_, c_, h_, w_, k_, s_, fill_)                                        \
  {                                                                                                \
    .family = &family_, .name = name_, .n = n_, .c = c_, .h = h_, .w = w_, .k = k_, .stride = s_,  \
    .form = fill_                                                                                  \
  }
/* Batch, inputs on a sheet of h x w, outputs. */
#define LINEAR(name_, n_, h_, w_, o_, prior_, flags_)                                              \
  {                                                                                                \
    .family = &case_linear, .name = name_, .n = n_, .c = (h_) * (w_), .h = h_, .w = w_, .o = o_,   \
    .form = prior_, .flags = flags_                                                                \
  }
/* Inputs on a sheet of h x w, outputs, elements behind each pair, blocks. */
#define PRIOR(name_, h_, w_, o_, rest_, blocks_, prior_)                                           \
  {                                                                                                \
    .family = &case_priors, .name = name_, .n = 1, .c = (h_) * (w_), .h = h_, .w = w_, .o = o_,    \
    .k = rest_, .stride = blocks_, .form = prior_                                                  \
  }
/* Batch, inputs, outputs, share of the wires that exist, with a prior. */
#define SPARSE(name_, n_, c_, o_, p_, prior_, flags_)                                              \
  {                                                                                                \
    .family = &case_sparse, .name = name_, .n = n_, .c = c_, .o = o_, .p = p_, .form = prior_,     \
    .flags = flags_                                                                                \
  }
#define BATCHNORM(family_, name_, n_, c_, h_, w_)                                                  \
  { .family = &family_, .name = name_, .n = n_, .c = c_, .h = h_, .w = w_ }
#define MATRIX(family_, name_, n_, c_, fill_)                                                      \
  { .family = &family_, .name = name_, .n = n_, .c = c_, .form = fill_ }
/* All extents but that of the axis, which the parts give. */
#define SLICES(name_, n_, c_, h_, w_, axis_, parts_)                                               \
  {                                                                                                \
    .family = &case_slices, .name = name_, .n = n_, .c = c_, .h = h_, .w = w_, .o = axis_,         \
    .k = parts_                                                                                    \
  }
#define DROPOUT(name_, n_, c_, h_, w_, group_, p_, iteration_, offset_)                            \
  {                                                                                                \
    .family = &case_dropout, .name = name_, .n = n_, .c = c_, .h = h_, .w = w_, .k = group_,       \
    .p = p_, .iteration = iteration_, .sample_offset = offset_                                     \
  }
#define LOGITS(family_, name_, n_, c_, range_, flags_)                                             \
  { .family = &family_, .name = name_, .n = n_, .c = c_, .q = range_, .flags = flags_ }
/* Groups, elements of the first one, iteration, momentum, decay and its kind; last: leave out a
 * momentum that is 0. */
#define OPTIM(name_, groups_, c_, iteration_, momentum_, decay_, kind_, lr_scale_, leave_out_)     \
  {                                                                                                \
    .family = &case_optim, .name = name_, .n = groups_, .c = c_, .iteration = iteration_,          \
    .form = leave_out_, .optim = {                                                                 \
      momentum_,                                                                                   \
      0.99f,                                                                                       \
      0.9f,                                                                                        \
      0.999f,                                                                                      \
      1e-8f,                                                                                       \
      decay_,                                                                                      \
      kind_,                                                                                       \
      lr_scale_                                                                                    \
    }                                                                                              \
  }
#define ACCUMULATE(name_, groups_, c_, alpha_, beta_)                                              \
  { .family = &case_accumulate, .name = name_, .n = groups_, .c = c_, .p = alpha_, .q = beta_ }

/* clang-format off */
static const case_row rows[] = {
  {.family = &case_normalize, .name = "lenet", .n = 5, .c = 1, .h = 28, .w = 28, .flags = CASE_BYTES},
  {.family = &case_normalize, .name = "rgb odd", .n = 2, .c = 3, .h = 17, .w = 19, .flags = CASE_BYTES},
  {.family = &case_normalize, .name = "f32 4 channels", .n = 1, .c = 4, .h = 5, .w = 3},

  CONV("1x1", 1, 1, 1, 1, 1, 1, 1, 0, 0),
  CONV("whole image", 2, 3, 5, 5, 4, 5, 1, 0, 0),
  CONV("odd", 3, 5, 9, 7, 7, 3, 1, 1, 0),
  CONV("odd stride 2", 2, 3, 11, 8, 5, 3, 2, 1, CASE_NO_BIAS),
  CONV("stride 3 uneven", 2, 2, 13, 12, 3, 4, 3, 2, 0),
  CONV("padding over kernel", 1, 2, 4, 3, 3, 3, 1, 3, 0),
  CONV("pointwise", 3, 17, 6, 5, 19, 1, 1, 0, 0),
  CONV("lenet conv1", 8, 1, 28, 28, 10, 5, 1, 0, 0),
  CONV("lenet conv2", 7, 10, 12, 12, 20, 5, 1, 0, 0),
  CONV("lenet conv1 batch", 61, 1, 28, 28, 10, 5, 1, 0, 0),
  CONV("lenet conv2 batch", 45, 10, 12, 12, 20, 5, 1, 0, 0),
  CONV("few filters odd", 45, 3, 9, 11, 7, 3, 1, 1, 0),
  CONV("few filters 7x7", 14, 2, 10, 9, 17, 7, 1, 0, CASE_NO_BIAS),
  CONV("few filters padding 2", 31, 4, 6, 7, 9, 3, 1, 2, 0),
  CONV("few filters pointwise", 16, 5, 3, 4, 6, 1, 1, 0, 0),
  CONV("alexnet conv1 crop", 2, 3, 47, 63, 64, 11, 4, 2, 0),
  CONV("alexnet conv1", 1, 3, 224, 224, 64, 11, 4, 2, 0),
  CONV("alexnet conv3", 1, 192, 13, 13, 384, 3, 1, 1, 0),
  /* Large enough for Winograd's. */
  CONV("alexnet conv2 crop", 2, 64, 9, 9, 96, 5, 1, 2, 0),
  CONV("alexnet conv2", 1, 64, 27, 27, 192, 5, 1, 2, 0),
  CONV("3x3 many channels", 3, 37, 13, 15, 45, 3, 1, 1, 0),
  CONV("3x3 no padding", 2, 32, 18, 19, 33, 3, 1, 0, CASE_NO_BIAS),
  CONV("3x3 padding 2", 5, 40, 7, 9, 32, 3, 1, 2, 0),
  CONV("3x3 deep", 2, 523, 13, 13, 33, 3, 1, 1, 0),
  CONV("3x3 padding over kernel", 8, 32, 8, 8, 32, 3, 1, 3, 0),
  CONV("5x5 many channels", 2, 33, 11, 13, 47, 5, 1, 2, 0),
  CONV("5x5 no padding", 2, 35, 14, 15, 34, 5, 1, 0, 0),
  CONV("5x5 padding 4", 2, 33, 7, 8, 32, 5, 1, 4, 0),

  POOL(case_pool, "2 of 24", 3, 10, 24, 24, 2, 2, FILL_SIGNED),
  POOL(case_pool, "2 of odd", 2, 3, 7, 9, 2, 2, FILL_SIGNED),
  POOL(case_pool, "3 by 2 overlapping", 2, 5, 13, 13, 3, 2, FILL_SIGNED),
  POOL(case_pool, "3 by 2 of 27", 1, 19, 27, 27, 3, 2, FILL_SIGNED),
  POOL(case_pool, "5 by 1", 1, 2, 6, 8, 5, 1, FILL_SIGNED),
  POOL(case_pool, "15", 1, 1, 15, 16, 15, 1, FILL_SIGNED),
  POOL(case_pool, "2 by 3 with gaps", 2, 2, 11, 8, 2, 3, FILL_SIGNED),
  POOL(case_pool, "ties", 3, 4, 12, 10, 2, 2, FILL_STEPS),
  POOL(case_pool, "ties overlapping", 2, 3, 9, 11, 3, 2, FILL_STEPS),
  POOL(case_pool, "all equal", 2, 3, 8, 8, 3, 2, FILL_ZERO),
  POOL(case_pool, "ties of 96", 1, 2, 96, 98, 2, 2, FILL_STEPS),
  POOL(case_pool, "ties of 97", 1, 2, 97, 99, 3, 2, FILL_STEPS),
  POOL(case_pool_forward, "not a number", 2, 3, 12, 12, 2, 2, FILL_NAN),
  POOL(case_pool_forward, "not a number overlapping", 2, 3, 13, 12, 3, 2, FILL_NAN),
  POOL(case_pool_forward, "not a number by 1", 2, 3, 13, 12, 3, 1, FILL_NAN),

  POOL(case_averages, "2 of odd", 2, 3, 7, 9, 2, 2, 0),
  POOL(case_averages, "3 by 2 overlapping", 2, 5, 13, 12, 3, 2, 0),
  POOL(case_averages, "2 by 3 with gaps", 2, 2, 11, 8, 2, 3, 0),
  POOL(case_averages, "5 by 1", 1, 2, 6, 8, 5, 1, 0),
  POOL(case_averages, "global", 3, 17, 7, 7, 7, 7, 0),
  {.family = &case_averages, .name = "global of 5x9", .n = 3, .c = 7, .h = 5, .w = 9, .k = 5, .o = 9, .stride = 1},

  LINEAR("1x1x1", 1, 1, 1, 1, PRIOR_NONE, 0),
  LINEAR("batch 1", 1, 5, 8, 33, PRIOR_NONE, 0),
  LINEAR("odd", 7, 11, 13, 29, PRIOR_NONE, CASE_NO_BIAS),
  LINEAR("lenet fc1", 64, 16, 20, 49, PRIOR_NONE, 0),
  LINEAR("lenet fc2", 33, 7, 7, 10, PRIOR_NONE, 0),
  LINEAR("lenet lp", 64, 7, 7, 49, PRIOR_TABLE_RUN, 0),
  LINEAR("lenet lp permuted", 64, 7, 7, 49, PRIOR_TABLE, 0),
  LINEAR("lenet lp dense", 64, 7, 7, 49, PRIOR_DENSE, 0),
  LINEAR("table batch 1", 1, 7, 7, 49, PRIOR_TABLE_RUN, 0),
  LINEAR("table line", 3, 1, 37, 37, PRIOR_TABLE_RUN, 0),
  LINEAR("table column", 3, 23, 1, 23, PRIOR_TABLE_RUN, 0),
  LINEAR("table uneven", 9, 3, 5, 15, PRIOR_TABLE_RUN, CASE_NO_BIAS),
  LINEAR("table row scale", 6, 6, 9, 54, PRIOR_SCALED_ROW, 0),
  LINEAR("table col scale", 6, 9, 6, 54, PRIOR_SCALED_COL, 0),
  LINEAR("permuted both scales", 5, 8, 8, 64, PRIOR_SCALED, 0),
  LINEAR("unequal table", 9, 3, 4, 40, PRIOR_TABLE_RUN, 0),
  LINEAR("unequal table narrow", 4, 10, 9, 21, PRIOR_SCALED_ROW, 0),
  LINEAR("unequal permuted", 4, 5, 5, 31, PRIOR_TABLE, 0),
  LINEAR("unequal dense", 4, 8, 5, 20, PRIOR_DENSE, CASE_NO_BIAS),
  LINEAR("dense wide", 17, 12, 25, 129, PRIOR_DENSE, 0),
  LINEAR("table 16x16", 67, 16, 16, 256, PRIOR_TABLE_RUN, 0),
  LINEAR("table 3x64 row scale", 5, 3, 64, 192, PRIOR_SCALED_ROW, 0),
  LINEAR("table 5x32 col scale", 9, 5, 32, 160, PRIOR_SCALED_COL, 0),
  LINEAR("table 20x31", 19, 20, 31, 620, PRIOR_TABLE_RUN, 0),
  LINEAR("large batch col scale", 71, 4, 16, 64, PRIOR_SCALED_COL, 0),
  LINEAR("large batch both scales", 70, 7, 5, 35, PRIOR_SCALED, 0),
  LINEAR("large batch dense", 66, 20, 31, 48, PRIOR_DENSE, 0),
  LINEAR("alexnet fc3", 2, 64, 64, 1000, PRIOR_NONE, 0),
  LINEAR("alexnet lp", 4, 64, 64, 4096, PRIOR_TABLE_RUN, 0),
  LINEAR("alexnet lp permuted", 1, 64, 64, 4096, PRIOR_TABLE, CASE_NO_GRADIENT),

  LINEAR("ordered 4x11", 6, 4, 11, 44, PRIOR_ORDERED, 0),
  LINEAR("ordered 6x32", 19, 6, 32, 50, PRIOR_ORDERED, 0),
  LINEAR("ordered large batch", 70, 5, 16, 33, PRIOR_ORDERED, CASE_NO_BIAS),

  PRIOR("1", 1, 1, 1, 1, 1, PRIOR_DENSE),
  PRIOR("3x3 filters", 3, 5, 15, 9, 1, PRIOR_TABLE_RUN),
  PRIOR("filters of unequal sheets", 3, 4, 29, 25, 1, PRIOR_TABLE),
  PRIOR("three gates", 5, 7, 35, 1, 3, PRIOR_TABLE_RUN),
  PRIOR("three gates scaled", 7, 3, 21, 1, 3, PRIOR_SCALED),
  PRIOR("row scale", 4, 6, 24, 4, 2, PRIOR_SCALED_ROW),
  PRIOR("dense", 5, 5, 17, 9, 2, PRIOR_DENSE),
  PRIOR("large", 16, 16, 256, 3, 3, PRIOR_SCALED_COL),

  SPARSE("one wire", 1, 1, 1, 1, 1, 0),
  SPARSE("one sample", 1, 77, 51, 0.2f, 1, 0),
  SPARSE("few samples", 3, 49, 130, 0.05f, 0, CASE_NO_BIAS),
  SPARSE("odd", 5, 131, 67, 0.1f, 1, 0),
  SPARSE("units without wires", 9, 61, 45, 0.02f, 0, 0),
  SPARSE("all wires", 7, 33, 19, 1, 1, 0),
  SPARSE("batch", 64, 300, 270, 0.07f, 1, 0),
  SPARSE("odd batch", 150, 53, 71, 0.3f, 1, CASE_NO_BIAS),
  SPARSE("large", 16, 2100, 1900, 0.01f, 0, CASE_NO_GRADIENT),

  BATCHNORM(case_batchnorm, "2 of 1", 2, 1, 0, 0),
  BATCHNORM(case_batchnorm, "odd", 5, 3, 0, 0),
  BATCHNORM(case_batchnorm, "lenet", 64, 49, 0, 0),
  BATCHNORM(case_batchnorm, "wide", 3, 1031, 0, 0),
  BATCHNORM(case_batchnorm, "images", 3, 5, 7, 9),
  BATCHNORM(case_batchnorm, "odd batch", 67, 19, 0, 0),
  BATCHNORM(case_batchnorm, "odd images", 7, 3, 11, 13),
  BATCHNORM(case_batchnorm, "one image", 1, 4, 6, 5),
  BATCHNORM(case_batchnorm_eval, "batch 1", 1, 13, 0, 0),

  MATRIX(case_elementwise, "1", 1, 1, FILL_SIGNED),
  MATRIX(case_elementwise, "odd", 3, 37, FILL_SIGNED),
  MATRIX(case_elementwise, "zeros and ties", 5, 33, FILL_STEPS),
  MATRIX(case_elementwise, "long", 2, 50021, FILL_SIGNED),
  MATRIX(case_positive, "1", 1, 1, FILL_POSITIVE),
  MATRIX(case_positive, "odd", 3, 37, FILL_POSITIVE),
  MATRIX(case_positive, "long", 2, 50021, FILL_POSITIVE),

  SLICES("one part", 2, 3, 1, 5, 1, 1),
  SLICES("first axis", 9, 3, 5, 2, 0, 3),
  SLICES("second axis", 3, 16, 2, 7, 1, 4),
  SLICES("inside", 3, 2, 9, 5, 2, 3),
  SLICES("last axis", 7, 5, 3, 25, 3, 5),
  SLICES("large", 5, 9, 33, 67, 1, 3),

  MATRIX(case_permute, "1", 1, 1, 0),
  MATRIX(case_permute, "odd", 5, 37, 0),
  MATRIX(case_permute, "long", 3, 20011, 0),

  DROPOUT("half", 5, 49, 0, 0, 1, 0.5f, 0, 0),
  DROPOUT("none", 4, 31, 0, 0, 1, 0.0f, 0, 0),
  DROPOUT("odd rate", 3, 53, 0, 0, 1, 0.3f, 0, 0),
  DROPOUT("nearly all", 64, 5, 0, 0, 1, 0.95f, 2, 0),
  DROPOUT("channels", 3, 20, 4, 4, 16, 0.5f, 0, 0),
  DROPOUT("images by element", 2, 3, 5, 7, 1, 0.5f, 0, 0),
  DROPOUT("later iteration", 5, 49, 0, 0, 1, 0.5f, 100003, 0),
  DROPOUT("second half of a batch", 5, 49, 0, 0, 1, 0.5f, 7, 64),
  DROPOUT("channels offset", 2, 7, 3, 5, 15, 0.25f, 9, 3),

  MATRIX(case_reduce, "1", 1, 1, 0),
  MATRIX(case_reduce, "odd", 7, 13, 0),
  MATRIX(case_reduce, "long", 3, 70001, 0),

  LOGITS(case_softmax, "1 class", 3, 1, 1.0f, 0),
  LOGITS(case_softmax, "10 classes", 7, 10, 3.0f, 0),
  LOGITS(case_softmax, "far apart", 5, 6, 90.0f, 0),
  LOGITS(case_softmax, "1000 classes", 3, 1000, 5.0f, 0),
  LOGITS(case_cross, "batch 1", 1, 10, 3.0f, 0),
  LOGITS(case_cross, "lenet", 64, 10, 3.0f, CASE_HISTORY),
  LOGITS(case_cross, "3 classes", 11, 3, 2.0f, CASE_HISTORY),
  LOGITS(case_cross, "1000 classes", 5, 1000, 5.0f, CASE_HISTORY),
  LOGITS(case_cross, "1000 classes of a batch", 41, 1000, 5.0f, CASE_HISTORY),
  LOGITS(case_cross, "far apart", 9, 7, 90.0f, CASE_HISTORY),
  LOGITS(case_cross, "bad labels", 9, 7, 3.0f, CASE_HISTORY | CASE_BAD_LABEL),

  OPTIM("plain", 1, 1, 0, 0.0f, 0.0f, LP_DECAY_L2, 1.0f, 1),
  OPTIM("momentum buffer at 0", 2, 31, 0, 0.0f, 0.0f, LP_DECAY_L2, 1.0f, 0),
  OPTIM("momentum l2", 3, 257, 0, 0.9f, 0.01f, LP_DECAY_L2, 1.0f, 0),
  OPTIM("momentum l1", 2, 100, 5, 0.5f, 0.02f, LP_DECAY_L1, 1.0f, 0),
  OPTIM("decoupled", 3, 77, 11, 0.5f, 0.1f, LP_DECAY_DECOUPLED, 1.0f, 0),
  OPTIM("no momentum l1", 2, 19, 3, 0.0f, 0.02f, LP_DECAY_L1, 0.25f, 1),
  OPTIM("many groups", 16, 3, 1000, 0.5f, 0.01f, LP_DECAY_L2, 1.0f, 0),
  OPTIM("large", 2, 300007, 2, 0.9f, 1e-4f, LP_DECAY_L2, 2.0f, 0),
  ACCUMULATE("overwrite", 1, 41, 1.0f, 0.0f),
  ACCUMULATE("add", 3, 130, 1.0f, 1.0f),
  ACCUMULATE("average", 9, 65, 0.25f, 0.75f),
};
/* clang-format on */

enum { MAX_CHAINS = 64 };

op_case op_cases_get(uint32_t i) {
  for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++)
    for (const uint32_t *op = rows[r].family->ops; *op; op++)
      if (i-- == 0) return op_case_make(&rows[r], *op);
  static case_row chain_row[MAX_CHAINS];
  chain_row[i] = (case_row){.family = &case_chain, .name = case_chain_name(i), .form = i};
  return op_case_make(&chain_row[i], LP_OP_NONE);
}

uint32_t op_cases_count(void) {
  uint32_t n = case_chains_count();
  for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++)
    for (const uint32_t *op = rows[r].family->ops; *op; op++) n++;
  return n;
}

op_case op_case_make(const case_row *row, uint32_t op) {
  op_case c = {.row = row, .op = op};
  snprintf(c.name, sizeof c.name, "%s/%s", op == LP_OP_NONE ? row->family->name : lp_op_name(op),
           row->name);
  return c;
}
