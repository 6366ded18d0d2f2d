/* nn.h: the networks of the experiments, built into graphs.
 *
 * A network is a row of a table (core/nn/models.c): a name, defaults and a function that adds its
 * layers to a graph. The layer under study (plain or locality) is named by a layer spec, so every
 * registered layer plugin can stand there.
 */
#ifndef LOCALITY_NN_H
#define LOCALITY_NN_H

#include <locality/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lp_net_spec {
  const char *model; /* "lenet" */
  const char *layer; /* "plain", "locality:cost=linear", ...: the layer under study */
  uint32_t classes;
  uint32_t in_channels, in_h, in_w;
  uint32_t sheet[2];          /* rows, columns of the layer under study; 0 0: the model's default */
  lp_normalize_params pixels; /* applied on the device to u8 images */
  float dropout, dropout2d;   /* drop probabilities; negative: the model's default */
} lp_net_spec;

/* The values of one built network. Images are u8 (N,C,H,W), labels i32 (N). */
typedef struct lp_net {
  lp_val images, labels;
  lp_val lp_in, lp_out; /* activations before and after the layer under study, (N, units) */
  lp_val logits, log_probs;
  lp_val loss; /* mean negative log-likelihood */
} lp_net;

/* Adds a network for batches of n to g. In LP_TRAIN mode dropout is on and batch norm uses batch
 * statistics. history: rows of the per-step metrics state "metrics" (op.h, CROSS_ENTROPY), 0 none.
 */
LP_API lp_status lp_net_build(const lp_net_spec *spec, lp_graph *g, uint32_t n, lp_mode mode,
                              uint32_t history, lp_net *out);

/* Name of the i-th model, NULL past the last; *summary (may be NULL): what it is, in a line. Static
 * text; any thread. */
LP_API const char *lp_model_get(uint32_t i, const char **summary);

/* The size of images that a model is made for: side in pixels, and the shorter side of an image
 * before the centre is cut out. */
LP_API lp_status lp_net_input(const char *model, uint32_t *size, uint32_t *resize);

/* Units of the layer under study: rows x columns of its sheet for this spec. */
LP_API lp_status lp_net_sheet(const lp_net_spec *spec, uint32_t rows_cols[2]);

typedef enum lp_optimizer { LP_OPT_SGD, LP_OPT_RMSPROP, LP_OPT_ADAM, LP_OPT_ADAMW } lp_optimizer;
typedef struct lp_optim_spec {
  lp_optimizer kind;
  float momentum, alpha, beta1, beta2, eps, decay;
  lp_decay decay_kind;
  bool decay_bias, decay_norm; /* decay biases and batch-norm parameters too */
} lp_optim_spec;

/* PyTorch's defaults for a kind. */
LP_API lp_optim_spec lp_optim_defaults(lp_optimizer kind);
LP_API lp_status lp_optimizer_parse(const char *text, lp_optimizer *out);
LP_API const char *lp_optimizer_name(lp_optimizer kind);

/* Adds gradients of loss for all parameters of g and the optimiser steps. Writes at most cap step
 * tokens (a plan's targets) and their number. */
LP_API lp_status lp_optim_build(const lp_optim_spec *spec, lp_graph *g, lp_val loss, lp_val *tokens,
                                uint32_t cap, uint32_t *n);

/* The same cut in two, for batches that are too large for one pass: accumulate adds weight times
 * the gradients to running sums (first: overwrites them), update takes an optimiser step with the
 * sums. The graphs of both must hold the network whose parameters are meant. */
LP_API lp_status lp_optim_accumulate(lp_graph *g, lp_val loss, float weight, bool first,
                                     lp_val *token);
LP_API lp_status lp_optim_update(const lp_optim_spec *spec, lp_graph *g, lp_val *tokens,
                                 uint32_t cap, uint32_t *n);

#ifdef __cplusplus
}
#endif
#endif
