/* Layer `conv`: a two-dimensional convolution, as learning software calls the cross-correlation.
 * Parameters start uniform within 1/sqrt(fan-in) (PyTorch's rule, after He et al., ICCV 2015 with
 * a = sqrt 5), weights within `gain` times that: sqrt 6 = 2.4494897 keeps the variance over layers
 * with a ReLU, where 1 loses a factor of 6 a layer.
 *
 * With a cost, its channels are units on a sheet (`sheet:` of the layer; of the layer before for
 * its input's), and the filters are multiplied by a prior over (output channel, input channel): P o
 * w is made once a pass, which takes the filters' memory and one multiplication a weight. */
#include "weights.h"

enum { CHANNELS, KERNEL, STRIDE, PAD, GAIN, BIAS, TOPOLOGY, COST, METRIC, NORMALIZE };
static const lp_param params[] = {
    [CHANNELS] = {"channels", LP_PARAM_INT, 16, 1, 1 << 20, NULL, "how many it gives"},
    [KERNEL] = {"kernel", LP_PARAM_INT, 3, 1, 255, NULL, "side of the window, in pixels"},
    [STRIDE] = {"stride", LP_PARAM_INT, 1, 1, 255, NULL, "pixels from window to window"},
    [PAD] = {"pad", LP_PARAM_INT, 0, 0, 255, NULL, "rows and columns of zeros on each side"},
    [GAIN] = {"gain", LP_PARAM_REAL, 1, 0, 1e6, NULL, "of the initial weights"},
    [BIAS] = {"bias", LP_PARAM_INT, 1, 0, 1, NULL, "1: with a bias; 0: without"},
    PRIOR_PARAM_ROWS(TOPOLOGY, COST, METRIC, NORMALIZE),
};

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val in, lp_val *out) {
  const lp_host *host = self;
  uint32_t channels = (uint32_t)args[CHANNELS].value, k = (uint32_t)args[KERNEL].value;
  lp_desc x;
  lp_status s = host->shape(g, in, &x);
  if (s != LP_OK) return s;
  lp_init bias = {LP_INIT_UNIFORM, 1.0f / sqrtf((float)(x.dim[1] * k * k)), NULL};
  lp_init weight = {LP_INIT_UNIFORM, (float)args[GAIN].value * bias.value, NULL};
  lp_desc w = lp_f32(channels, x.dim[1], k, k), b = lp_f32(channels);
  lp_val operands[3] = {in, make_leaf(host, g, req, LP_ROLE_WEIGHT, "weight", &w, weight),
                        LP_NO_VAL};
  operands[1] =
      make_prior(host, g, req, channels, (uint32_t)x.dim[1], &args[TOPOLOGY], operands[1]);
  if (args[BIAS].value != 0.0)
    operands[2] = make_leaf(host, g, req, LP_ROLE_BIAS, "bias", &b, bias);
  lp_op_params op = {
      .conv = {.stride = (uint32_t)args[STRIDE].value, .pad = (uint32_t)args[PAD].value}};
  *out = host->apply(g, LP_OP_CONV2D, &op, operands, 3);
  return host->shape(g, *out, &x);
}

static lp_status init(const lp_host *h, lp_registrar *r) {
  const lp_layer layer = {
      .struct_size = sizeof layer,
      .name = "conv",
      .summary = "two-dimensional convolution, with a prior over channels if it has a cost",
      .self = (void *)(uintptr_t)h,
      .params = params,
      .n_params = sizeof params / sizeof *params,
      .build = build,
      .flags = LP_LAYER_MAPS | LP_LAYER_OWN,
  };
  return h->add_layer(r, &layer);
}

LP_PLUGIN("layer-conv", "1.0", "Apache-2.0", "two-dimensional convolution", init, NULL)
