/* LeNet of the MNIST experiment (after LeCun et al., Proc. IEEE 1998; layout as published by Sax,
 * 2017): two convolutions, then a sheet of units feeding an equal sheet through the layer under
 * study. Batch norm follows that layer in the control network too. */
#include "nn_internal.h"

void lp_lenet_build(lp_net_builder *b, lp_val x, const uint32_t sheet[2], lp_net *net) {
  float p = b->spec->dropout, p2d = b->spec->dropout2d;

  x = lp_nn_conv(b, "conv1", x, 10, 5, 1, 0);
  x = lp_nn_relu(b, lp_nn_pool(b, x, 2, 2));
  x = lp_nn_conv(b, "conv2", x, 20, 5, 1, 0);
  x = lp_nn_dropout(b, "dropout/conv2", x, p2d, true);
  x = lp_nn_relu(b, lp_nn_pool(b, x, 2, 2));
  x = lp_nn_dropout(b, "dropout/fc1", lp_nn_flatten(b, x), p, false);
  net->lp_in = lp_nn_relu(b, lp_nn_linear(b, "fc1", x, sheet[0] * sheet[1]));

  x = lp_nn_dropout(b, "dropout/lp", net->lp_in, p, false);
  x = lp_nn_layer(b, "lp", b->spec->layer, x, sheet);
  net->lp_out = lp_nn_relu(b, lp_nn_batchnorm(b, "bn", x));

  net->logits = lp_nn_linear(b, "fc2", net->lp_out, b->spec->classes);
}
