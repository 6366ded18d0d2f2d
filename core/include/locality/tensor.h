/* tensor.h: data types and tensor descriptors.
 *
 * A descriptor says what a tensor is; where its bytes live is the executor's business. Tensors
 * are dense and row-major (the last axis is contiguous). Images are N x C x H x W.
 */
#ifndef LOCALITY_TENSOR_H
#define LOCALITY_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LP_MAX_DIMS 6

/* Part of the ABI: append only. LP_TOKEN is the type of the result of an operation that only
 * changes state (an optimiser step): it has no bytes and can only be a plan's target. */
typedef enum lp_dtype {
  LP_TOKEN = 0,
  LP_F32 = 1,
  LP_I32 = 2,
  LP_U8 = 3,
  LP_BF16 = 4,
  LP_F64 = 5, /* files and host-side analysis only; no device op takes it */
  LP_I64 = 6, /* files only */
} lp_dtype;

typedef struct lp_desc {
  uint32_t dtype; /* lp_dtype */
  uint32_t ndim;  /* 0 is a scalar of one element */
  int64_t dim[LP_MAX_DIMS];
} lp_desc;

static inline size_t lp_dtype_size(uint32_t dtype) {
  static const uint8_t size[] = {0, 4, 4, 1, 2, 8, 8};
  return dtype < sizeof size ? size[dtype] : 0;
}

/* Number of elements; 1 for a scalar. */
static inline int64_t lp_numel(const lp_desc *d) {
  int64_t n = 1;
  for (uint32_t i = 0; i < d->ndim; i++) n *= d->dim[i];
  return n;
}

static inline size_t lp_nbytes(const lp_desc *d) {
  return (size_t)lp_numel(d) * lp_dtype_size(d->dtype);
}

/* Elements per entry of the first axis: the size of one sample of a batch. */
static inline int64_t lp_inner(const lp_desc *d) {
  int64_t n = 1;
  for (uint32_t i = 1; i < d->ndim; i++) n *= d->dim[i];
  return n;
}

static inline lp_desc lp_desc_make(uint32_t dtype, uint32_t ndim, const int64_t *dim) {
  lp_desc d = {dtype, ndim, {0}};
  for (uint32_t i = 0; i < ndim && i < LP_MAX_DIMS; i++) d.dim[i] = dim[i];
  return d;
}

/* lp_f32(64, 1, 28, 28): an f32 descriptor of the given extents. */
#define LP_DIMS_(...)                                                                              \
  (const int64_t[]) {                                                                              \
    __VA_ARGS__                                                                                    \
  }
#define LP_DESC(dtype, ...)                                                                        \
  lp_desc_make((dtype), (uint32_t)(sizeof(LP_DIMS_(__VA_ARGS__)) / sizeof(int64_t)),               \
               LP_DIMS_(__VA_ARGS__))
#define lp_f32(...) LP_DESC(LP_F32, __VA_ARGS__)

static inline bool lp_desc_equal(const lp_desc *a, const lp_desc *b) {
  if (a->dtype != b->dtype || a->ndim != b->ndim) return false;
  for (uint32_t i = 0; i < a->ndim; i++)
    if (a->dim[i] != b->dim[i]) return false;
  return true;
}

#ifdef __cplusplus
}
#endif
#endif
