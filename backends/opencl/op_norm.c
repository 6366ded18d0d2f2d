/* Batch normalisation: kernels/batchnorm.cl; for CPU devices batchnorm_planes.cl for images and
 * batchnorm_rows.cl for (N, C). */
#include "ops.h"

static void for_cpu(ocl_encoder *e, bool rows, int64_t channels, int64_t pixels) {
  int width = (rows ? channels : pixels) >= 16 ? 16 : 1;
  ocl_begin(e, rows ? "batchnorm_rows" : "batchnorm_planes");
  ocl_grid(e, rows ? ocl_ceil(channels, width) : channels, rows || width == 16 ? 1 : 256);
  ocl_define_int(e, "WIDTH", width);
}

/* Rows have their channels side by side in memory. */
static void for_gpu(ocl_encoder *e, bool rows, int64_t channels) {
  enum { ITEMS = 256 };
  int columns = rows ? 16 : 1;
  ocl_begin(e, "batchnorm");
  ocl_grid(e, ocl_ceil(channels, columns), ITEMS);
  ocl_define_int(e, "COLUMNS", columns);
}

void ocl_encode_batchnorm(ocl_encoder *e) {
  const lp_step *s = e->step;
  int mode = s->op == LP_OP_BATCHNORM        ? 1
             : s->op == LP_OP_BATCHNORM_EVAL ? 2
             : s->op == LP_OP_BATCHNORM_DX   ? 3
                                             : 4;
  const lp_slot *first = lp_step_out(e->plan, s, 0);
  int64_t channels = first->desc.dim[1], pixels = lp_inner(&first->desc) / channels;
  bool rows = pixels == 1;
  if (e->dev->cpu)
    for_cpu(e, rows, channels, pixels);
  else
    for_gpu(e, rows, channels);
  ocl_define_int(e, "MODE", mode);
  ocl_define_int(e, "CHANNELS", channels);
  ocl_define_int(e, "PIXELS", pixels);
  ocl_define_float(e, "EPS", s->params.batchnorm.eps);
  ocl_define_float(e, "MOMENTUM", s->params.batchnorm.momentum);
  bool forward = mode <= 2;
  static const char *const name[2][2] = {{"WITH_DGAMMA", "WITH_DBETA"},
                                         {"WITH_MEAN", "WITH_INVSTD"}};
  for (uint32_t i = 0; i < 2; i++)
    ocl_define_int(e, name[forward][i], mode != 2 && lp_step_out(e->plan, s, 1 + i) != NULL);
  ocl_posts(e, NULL, lp_inner(&first->desc), e->dev->cpu && !rows ? pixels : 0, 0);
  for (uint32_t i = 0; i < 5; i++) ocl_arg_slot(e, lp_step_in(e->plan, s, i));
  for (uint32_t i = 0; i < (mode == 2 ? 1U : 3U); i++)
    if (lp_step_out(e->plan, s, i)) ocl_arg_slot(e, lp_step_out(e->plan, s, i));
  ocl_arg_int(e, first->desc.dim[0]);
  ocl_post_args(e, NULL);
}
