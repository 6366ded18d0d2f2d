/* Penalty `prior_decay`: what decay of a layer's weights W under a prior P is for the weights V = P
 * o W that it works with: the sum of |v / P|^order / order. With order 2 a ridge weighted by the
 * square of each wire's cost 1 / P; with order 1 the length of wires in that cost, which is
 * wiring_l1 (Liu, Gan & Tegmark, 2023) where P is linear. So a plain layer with this penalty
 * minimises what a layer with the prior (Sax, Locality Prior, 2017) and decay does, though gradient
 * descent takes another way there: under the prior, V moves by P^2 times its gradient.
 *
 * P must be above 0 everywhere: 0 means that there is no wire, and so no weight to divide. Time: as
 * much as reading the weights a few times. */
#include "build.h"

#include <math.h>

enum { ORDER, COST, TOPOLOGY, METRIC, NORMALIZE };
static const lp_param params[] = {
    [ORDER] = {"order", LP_PARAM_INT, 2, 1, 2, NULL, "of decay: 2 (ridge) or 1 (lasso)"},
    [COST] = {"cost", LP_PARAM_STRING, 0, 0, 0, "linear", "wiring cost, or a whole prior"},
    [TOPOLOGY] = TOPOLOGY_PARAM,
    [METRIC] = METRIC_PARAM,
    [NORMALIZE] = {"normalize", LP_PARAM_STRING, 0, 0, 0, "none", "none, fan_in, fan_out or total"},
};

/* Element i of an operand's values, 1 where it is absent. */
static double entry(const float *values, int64_t i) {
  return values ? (double)values[i] : 1;
}

/* Can weights be divided by every P that the operands give? A weight of 1 divided by the least of
 * them must leave room for a sum in single precision. */
static lp_status check_prior(const builder *b, const lp_arg *args, const lp_val *in) {
  const double order = args[ORDER].value, most = 1e30;
  const void *data[LP_LINEAR_INPUTS] = {0};
  for (uint32_t i = LP_PRIOR_TABLE; i < LP_LINEAR_INPUTS; i++)
    if (in[i].id) data[i] = b->host->constant_data(b->g, in[i]);
  const float *table = data[LP_PRIOR_TABLE];
  const int32_t *out_at = data[LP_PRIOR_OFF_OUT], *in_at = data[LP_PRIOR_OFF_IN];
  double least = INFINITY;
  uint32_t from = 0, to = 0;
  for (uint32_t o = 0; o < b->req->n_out; o++)
    for (uint32_t i = 0; i < b->req->n_in; i++) {
      double p = table ? (double)table[out_at[o] + in_at[i]]
                       : entry(data[LP_PRIOR_DENSE], (int64_t)o * b->req->n_in + i);
      p = fabs(p * entry(data[LP_PRIOR_ROW_SCALE], o) * entry(data[LP_PRIOR_COL_SCALE], i));
      if (p < least) least = p, from = i, to = o;
    }
  if (pow(least, -order) <= most) return LP_OK;
  const char *cost = args[COST].text;
  if (least == 0)
    return b->host->fail(LP_ERR_ARG,
                         "cost=%s: P is 0 from unit %u to unit %u, so there is no wire and no "
                         "weight to divide by it; take a cost above 0 everywhere, as linear, or "
                         "the layer locality:cost=(%s), which leaves out such wires",
                         cost, from, to, cost);
  return b->host->fail(LP_ERR_ARG,
                       "cost=%s: P is %g from unit %u to unit %u, and weights divided by it, to "
                       "the power of order=%g, leave single precision; take a cost that falls less "
                       "steeply",
                       cost, least, from, to, order);
}

/* The weights divided by P. */
static lp_status divided(const builder *b, const lp_arg *args, lp_val weight, lp_val *out) {
  lp_val in[LP_LINEAR_INPUTS] = {0};
  lp_op_params op = {0}, shape = {0};
  lp_desc d;
  lp_status s = b->host->prior(b->g, b->req, args[TOPOLOGY].text, args[COST].text,
                               args[METRIC].text, args[NORMALIZE].text, in, &op.linear);
  if (s == LP_OK) s = b->host->shape(b->g, weight, &d);
  if (s != LP_OK) return s;
  *out = weight;
  bool all_one = true;
  for (uint32_t i = LP_PRIOR_TABLE; i < LP_LINEAR_INPUTS; i++) all_one &= !in[i].id;
  if (all_one) return LP_OK;
  s = check_prior(b, args, in);
  if (s != LP_OK) return s;
  const lp_val number = number_one(b);
  shape.shape.ndim = d.ndim;
  for (uint32_t i = 0; i < d.ndim; i++) shape.shape.dim[i] = (uint32_t)d.dim[i];
  in[0] = b->host->apply(b->g, LP_OP_EXPAND, &shape, &number, 1);
  *out = two(b, LP_OP_DIV, weight, b->host->apply(b->g, LP_OP_PRIOR, &op, in, LP_LINEAR_INPUTS));
  return LP_OK;
}

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val weight, lp_val y, lp_val *scalar) {
  (void)y;
  const builder b = {self, g, req};
  uint32_t rows = 0, cols = 0;
  lp_val w = LP_NO_VAL;
  lp_status s = weight_shape(&b, weight, &rows, &cols);
  if (s == LP_OK) s = divided(&b, args, weight, &w);
  if (s != LP_OK) return s;
  const bool ridge = args[ORDER].value == 2;
  const lp_val sum = one(&b, LP_OP_SUM, one(&b, ridge ? LP_OP_SQUARE : LP_OP_ABS, w));
  *scalar = affine(&b, ridge ? 0.5 : 1, sum, 0);
  return finish(&b, *scalar);
}

PENALTY(prior_decay, "prior-decay",
        "decay of a prior's weights, on those it works with: sum of |w / P|^order / order",
        "Sax 2017; Liu, Gan & Tegmark, arXiv 2305.08746, 2023", NULL)
