/* nn.h: networks built into graphs, and their optimisers.
 *
 * A network is text (network.h); here it becomes nodes of a graph: input, normalisation, its layers
 * one after the other, and the loss. Every layer is a registered one, so a plugin can stand
 * anywhere.
 */
#ifndef LOCALITY_NN_H
#define LOCALITY_NN_H

#include <locality/graph.h>
#include <locality/network.h>
#include <locality/prior.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lp_net_spec {
  const lp_netspec *network; /* if given, it is this one as it stands, and model, layer, sheet and
                                dropouts are not asked for */
  const char *model;         /* a network's name or file (network.h) */
  const char *layer; /* its knob of that name: "plain", "locality:cost=linear"; NULL: its default */
  const char *set;   /* further changes, "KEY=VALUE,..." (lp_netspec_with), or NULL */
  uint32_t classes;
  uint32_t in_channels, in_h, in_w;
  uint32_t sheet[2];          /* its knob: rows, columns; 0 0: the network's default */
  lp_normalize_params pixels; /* applied on the device to u8 images */
  float dropout, dropout2d;   /* its knobs: drop probabilities; negative: the network's default */
  lp_prior_store *priors;     /* lends their priors to all graphs of one network; NULL: each graph
                                 has its own built */
  bool steer;    /* in LP_EVAL mode each site is multiplied by the state "LAYER.gain" and
                    added to "LAYER.offset", unit by unit: 1 and 0 to begin with */
  uint64_t seed; /* of the network, for a prior that is drawn at random; a trainer that
                    trains sets it to its own */
} lp_net_spec;

/* The network that a spec means, with its knobs and changes; free with lp_netspec_free. */
LP_API lp_status lp_net_spec_network(const lp_net_spec *spec, lp_netspec **out);

/* A sheet of units whose activations are kept: once an image, or after every step of a sequence. */
typedef struct lp_site {
  const char *name, *layer; /* as recorded, and the layer that it is the output of */
  const char *units_of;     /* the layer whose units these are: the last one before it, or itself,
                               that does not only change values unit by unit; "input": pixels */
  uint32_t ndim, extent[LP_MAX_AXES], units;
  uint32_t steps; /* 1: one map an image */
  lp_val val;     /* (N, units), of a sequence (N, steps, units) */
} lp_site;

/* One layer as it was built. */
typedef struct lp_net_layer {
  const char *name, *spec;
  const char *site;                         /* its name; NULL: not recorded */
  uint32_t ndim, extent[LP_MAX_AXES];       /* of its sheet; ndim 0: it has none */
  uint32_t in_ndim, in_extent[LP_MAX_AXES]; /* of the sheet of its (first) input's units */
  lp_val out;
  uint32_t first, end; /* its values in the graph: first .. end - 1 */
  bool matrix;         /* a penalty reads its weights, so that they stay whole */
} lp_net_layer;

/* A prior of a built network: between the units of the layer `from` (as lp_site.units_of has them)
 * and those of its own layer; of a recurrent layer these are the same. */
typedef struct lp_net_prior {
  lp_prior_note note; /* texts belong to the graph */
  const char *from;
} lp_net_prior;

/* A penalty of a network that is built to be trained. The texts are the network's. */
typedef struct lp_net_penalty {
  const char *layer, *spec;
  char
      path[256]; /* before ".penalty" in names of its states: the layer, of several with its name */
  lp_val value;  /* one number, not multiplied */
  lp_val strength; /* state that it is multiplied by, 1 to begin with */
  lp_val mean;     /* state of lp_net_penalty_means, once that was called */
  lp_val draw;     /* state that lp_penalty_draw fills before each step; LP_NO_VAL: there is none */
  uint32_t n_out, extent_out[LP_MAX_AXES]; /* for it */
} lp_net_penalty;

/* The values of one built network. Images are u8 (N,C,H,W), labels i32 (N). */
typedef struct lp_net {
  lp_val images, labels;
  lp_val logits, log_probs;
  lp_val loss;   /* mean negative log-likelihood */
  lp_val rows;   /* state with a row of metrics a step; none without history */
  lp_val total;  /* what is minimised: loss + the penalties; loss itself where there are none */
  lp_site *site; /* in the order of the layers */
  lp_net_layer *layer;
  lp_net_prior *prior;     /* in the order of the layers */
  lp_net_penalty *penalty; /* in the order of the layers; none in LP_EVAL mode */
  uint32_t n_sites, n_layers, n_priors, n_penalties;
  lp_netspec *own; /* the network that names point into, where the spec holds none */
} lp_net;

/* Adds a network for batches of n to g. In LP_TRAIN mode dropout is on and batch norm uses batch
 * statistics. history: rows of the per-step metrics state (op.h, CROSS_ENTROPY), 0 none.
 * A layer that does not fit is one line that begins with FILE:LINE. Free *out with lp_net_free,
 * also after a failure; the graph does not need it. */
LP_API lp_status lp_net_build(const lp_net_spec *spec, lp_graph *g, uint32_t n, lp_mode mode,
                              uint32_t history, lp_net *out);
LP_API void lp_net_free(lp_net *net);
/* The site of that name; NULL when the network records none. */
LP_API const lp_site *lp_net_site(const lp_net *net, const char *name);

/* ---- units in a network ---------------------------------------------------------------------- */

/* A parameter or running statistic, and its axis (0 or 1) that runs over a layer's units. */
typedef struct lp_unit_axis {
  const char *name; /* the graph's */
  uint32_t axis;
} lp_unit_axis;

/* A weight matrix between a layer's units and `others`: rows are the units and columns the others
 * where it is incoming, else the other way round. */
typedef struct lp_unit_wires {
  const char *weight;
  bool incoming;
  uint32_t others, ndim, extent[LP_MAX_AXES]; /* the others' sheet; ndim 0: they stand on none */
} lp_unit_wires;

typedef struct lp_net_units {
  uint32_t units, ndim, extent[LP_MAX_AXES];
  lp_unit_axis *axis;
  lp_unit_wires *wires;
  uint32_t n_axes, n_wires;
} lp_net_units;

/* All that must be permuted together for units of `layer` to change places with the function as it
 * is. n, g: what net was built of, in LP_EVAL mode. LP_ERR_UNSUPPORTED, with the reason: a layer
 * that is recurrent, convolutional or without a sheet, the last one, one with a prior, and one
 * whose units are read by such, or joined with others. Free with lp_net_units_free. */
LP_API lp_status lp_net_units_of(const lp_netspec *n, const lp_graph *g, const lp_net *net,
                                 const char *layer, lp_net_units *out);
LP_API void lp_net_units_free(lp_net_units *u);

/* ---- penalties --------------------------------------------------------------------------------
 */

/* What a penalty ("wiring_l1:weight=0.01,schedule=cosine") is multiplied by in epoch 0 .. epochs-1.
 */
LP_API lp_status lp_penalty_strength(const char *penalty, uint32_t epoch, uint32_t epochs,
                                     double *out);
/* Fails where the strength leaves single precision in one of so many epochs; warns in the log where
 * a schedule changes nothing within them. */
LP_API lp_status lp_penalty_check(const char *layer, const char *penalty, uint32_t epochs);
/* What p's state `draw`, of shape desc, has in step 0 ...; values: lp_numel(desc). seed: of the
 * network. */
LP_API lp_status lp_penalty_draw(const lp_net_penalty *p, uint64_t seed, uint64_t step,
                                 const lp_desc *desc, float *values);
/* Adds a step that adds `share` times each penalty's value to a state, its `mean`; *token is
 * the plan's target for it, LP_NO_VAL when the network has no penalty. */
LP_API lp_status lp_net_penalty_means(lp_graph *g, lp_net *net, float share, lp_val *token);

/* The size of images that a model is made for: side in pixels, and the shorter side of an image
 * before the centre is cut out. */
LP_API lp_status lp_net_input(const char *model, uint32_t *size, uint32_t *resize);

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

/* Adds gradients of loss for all parameters of g and the optimiser steps. Writes their tokens (a
 * plan's targets): LP_OPTIM_TOKENS at most; fails when cap is too small for them. */
#define LP_OPTIM_TOKENS 2
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
