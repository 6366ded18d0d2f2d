/* Layer builders shared by the models. */
#ifndef LP_NN_INTERNAL_H
#define LP_NN_INTERNAL_H

#include <locality/nn.h>

typedef struct lp_net_builder {
  lp_graph *g;
  const lp_net_spec *spec;
  lp_mode mode;
  float conv_gain; /* of the model */
} lp_net_builder;

/* Parameters are PATH.weight and PATH.bias, drawn uniformly within 1/sqrt(fan-in) (PyTorch's rule,
 * after He et al., ICCV 2015 with a = sqrt 5); weights of convolutions within conv_gain times that.
 */
lp_val lp_nn_conv(lp_net_builder *b, const char *path, lp_val x, uint32_t channels, uint32_t k,
                  uint32_t stride, uint32_t pad);
lp_val lp_nn_pool(lp_net_builder *b, lp_val x, uint32_t k, uint32_t stride);
lp_val lp_nn_relu(lp_net_builder *b, lp_val x);
lp_val lp_nn_flatten(lp_net_builder *b, lp_val x);
/* Dropout in training mode, x itself otherwise. path names the mask's random stream; per_channel
 * drops whole channels (Tompson et al., CVPR 2015). */
lp_val lp_nn_dropout(lp_net_builder *b, const char *path, lp_val x, float p, bool per_channel);
/* A registered layer ("plain", "locality:cost=sqrt") of `units` outputs. */
lp_val lp_nn_layer(lp_net_builder *b, const char *path, const char *layer, lp_val x,
                   const uint32_t sheet[2]);
lp_val lp_nn_linear(lp_net_builder *b, const char *path, lp_val x, uint32_t units);
/* Batch norm: gamma PATH.weight, beta PATH.bias, PATH.running_mean, PATH.running_var. */
lp_val lp_nn_batchnorm(lp_net_builder *b, const char *path, lp_val x);

/* A model: defaults and its body, from normalised images to logits. */
typedef struct lp_model_row {
  const char *name;
  const char *summary;
  uint32_t size, resize; /* lp_net_input */
  uint32_t sheet[2];
  float dropout, dropout2d;
  float conv_gain; /* of initial weights; 0: 1 */
  void (*build)(lp_net_builder *b, lp_val x, const uint32_t sheet[2], lp_net *net);
} lp_model_row;

const lp_model_row *lp_model_find(const char *name);
void lp_lenet_build(lp_net_builder *b, lp_val x, const uint32_t sheet[2], lp_net *net);
void lp_alexnet_build(lp_net_builder *b, lp_val x, const uint32_t sheet[2], lp_net *net);
void lp_alexnet64_build(lp_net_builder *b, lp_val x, const uint32_t sheet[2], lp_net *net);
void lp_alexnet32_build(lp_net_builder *b, lp_val x, const uint32_t sheet[2], lp_net *net);

#endif
