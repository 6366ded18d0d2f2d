/* Slices and what is put together from tensors: kernels/slice.cl, one launch a piece. Other orders:
 * kernels/permute.cl. */
#include "ops.h"

#define GROUP 256

typedef struct view {
  const lp_slot *slot;
  int64_t row, at; /* elements from row to row, and before the piece */
} view;

static int64_t inner_of(const lp_desc *d, uint32_t axis) {
  int64_t n = 1;
  for (uint32_t i = axis + 1; i < d->ndim; i++) n *= d->dim[i];
  return n;
}

/* Chains count elements of the result, so only a piece that is all of it may carry one. */
static void copy_rows(ocl_encoder *e, view from, view to, int64_t len, int64_t n, bool posts) {
  ocl_begin(e, "slice");
  ocl_grid(e, ocl_ceil(n, GROUP), GROUP);
  ocl_define_int(e, "LEN", len);
  ocl_define_int(e, "FROM_ROW", from.row);
  ocl_define_int(e, "TO_ROW", to.row);
  ocl_posts(e, NULL, lp_inner(&to.slot->desc), 0, 0);
  ocl_arg_slot(e, from.slot);
  ocl_arg_slot(e, to.slot);
  ocl_arg_int(e, n);
  ocl_arg_int(e, from.at); /* not in the text: a sequence has a slice a step */
  ocl_arg_int(e, to.at);
  if (posts) ocl_post_args(e, NULL);
}

void ocl_encode_slice(ocl_encoder *e) {
  const lp_slice_params *p = &e->step->params.slice;
  const lp_slot *x = lp_step_in(e->plan, e->step, 0), *y = lp_step_out(e->plan, e->step, 0);
  const int64_t inner = inner_of(&x->desc, p->axis), len = p->length * inner;
  copy_rows(e, (view){x, x->desc.dim[p->axis] * inner, p->begin * inner}, (view){y, len, 0}, len,
            lp_numel(&y->desc), true);
}

void ocl_encode_concat(ocl_encoder *e) {
  const uint32_t axis = e->step->params.slice.axis;
  const lp_slot *y = lp_step_out(e->plan, e->step, 0);
  const int64_t inner = inner_of(&y->desc, axis), row = y->desc.dim[axis] * inner;
  int64_t at = 0;
  for (uint32_t i = 0; i < e->step->in_count; i++) {
    const lp_slot *x = lp_step_in(e->plan, e->step, i);
    const int64_t len = x->desc.dim[axis] * inner;
    copy_rows(e, (view){x, len, 0}, (view){y, row, at}, len, lp_numel(&x->desc), false);
    at += len;
  }
}

void ocl_encode_permute(ocl_encoder *e) {
  const lp_slot *x = lp_step_in(e->plan, e->step, 0), *y = lp_step_out(e->plan, e->step, 0);
  const int64_t n = lp_numel(&y->desc);
  ocl_begin(e, "permute");
  ocl_grid(e, ocl_ceil(n, GROUP), GROUP);
  ocl_define_int(e, "LEN", x->desc.dim[1]);
  ocl_posts(e, NULL, lp_inner(&y->desc), 0, 0);
  ocl_arg_slot(e, x);
  ocl_arg_slot(e, lp_step_in(e->plan, e->step, 1));
  ocl_arg_slot(e, y);
  ocl_arg_int(e, n);
  ocl_post_args(e, NULL);
}
