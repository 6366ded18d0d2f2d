/* One-tower AlexNet (Krizhevsky, "One weird trick for parallelizing convolutional neural networks",
 * arXiv 1404.5997, 2014) with a 64 x 64 sheet of units before and after the layer under study, and
 * the same network for small images: a finer first convolution, and a last pool that leaves more
 * than one pixel. Sides of the maps: 55, 27, 13, 6 (224), 21, 10, 4, 2 (64) and 32, 15, 7, 3 (32: 5
 * x 5 at stride 1 first, as in Krizhevsky's own networks for CIFAR-10, cuda-convnet, 2011). */
#include "nn_internal.h"

/* What depends on the size of the images: first convolution and windows of the pools. */
typedef struct lp_stem {
  uint32_t k, stride, pad;
  uint32_t pool[3];
} lp_stem;

static lp_val conv_relu(lp_net_builder *b, const char *path, lp_val x, uint32_t channels,
                        uint32_t k, uint32_t stride, uint32_t pad) {
  return lp_nn_relu(b, lp_nn_conv(b, path, x, channels, k, stride, pad));
}

static void build(lp_net_builder *b, lp_val x, const uint32_t sheet[2], lp_net *net, lp_stem stem) {
  float p = b->spec->dropout;

  x = lp_nn_pool(b, conv_relu(b, "conv1", x, 64, stem.k, stem.stride, stem.pad), stem.pool[0], 2);
  x = lp_nn_pool(b, conv_relu(b, "conv2", x, 192, 5, 1, 2), stem.pool[1], 2);
  x = conv_relu(b, "conv3", x, 384, 3, 1, 1);
  x = conv_relu(b, "conv4", x, 256, 3, 1, 1);
  x = lp_nn_pool(b, conv_relu(b, "conv5", x, 256, 3, 1, 1), stem.pool[2], 2);

  x = lp_nn_dropout(b, "dropout/fc1", lp_nn_flatten(b, x), p, false);
  net->lp_in = lp_nn_relu(b, lp_nn_linear(b, "fc1", x, sheet[0] * sheet[1]));

  x = lp_nn_dropout(b, "dropout/lp", net->lp_in, p, false);
  x = lp_nn_layer(b, "lp", b->spec->layer, x, sheet);
  net->lp_out = lp_nn_relu(b, lp_nn_batchnorm(b, "bn", x));

  net->logits = lp_nn_linear(b, "fc2", net->lp_out, b->spec->classes);
}

void lp_alexnet_build(lp_net_builder *b, lp_val x, const uint32_t sheet[2], lp_net *net) {
  build(b, x, sheet, net, (lp_stem){11, 4, 2, {3, 3, 3}});
}

void lp_alexnet64_build(lp_net_builder *b, lp_val x, const uint32_t sheet[2], lp_net *net) {
  build(b, x, sheet, net, (lp_stem){7, 3, 2, {3, 3, 2}});
}

void lp_alexnet32_build(lp_net_builder *b, lp_val x, const uint32_t sheet[2], lp_net *net) {
  build(b, x, sheet, net, (lp_stem){5, 1, 2, {3, 3, 3}});
}
