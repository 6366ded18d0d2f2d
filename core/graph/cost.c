/* What a part of a graph costs: parameters, multiply-adds, bytes. */
#include "graph_internal.h"

#include <stdlib.h>
#include <string.h>

/* Adds one operation's multiply-adds and bytes. */
static lp_status add_op(const lp_graph *g, const lp_op_record *op, lp_graph_cost *out) {
  lp_desc *in = calloc(op->in_count + 1, sizeof *in);
  lp_desc *made = calloc(op->out_count + 1, sizeof *made);
  lp_status status =
      in && made ? LP_OK : lp_fail(LP_ERR_MEMORY, "graph %s: out of memory", g->name);
  for (uint32_t i = 0; status == LP_OK && i < op->in_count; i++) {
    uint32_t id = g->operand[op->in_first + i];
    if (id) in[i] = g->value[id].desc;
  }
  for (uint32_t i = 0; status == LP_OK && i < op->out_count; i++)
    made[i] = g->value[op->out_first + i].desc;
  if (status == LP_OK) {
    if (lp_op_get_row(op->op)->flops)
      out->multiply_adds +=
          lp_op_flops(op->op, &op->params, in, op->in_count, made, op->out_count) / 2;
    out->bytes += lp_op_bytes(op->op, &op->params, in, op->in_count, made, op->out_count);
  }
  free(in);
  free(made);
  return status;
}

lp_status lp_graph_cost_of(const lp_graph *g, uint32_t first, uint32_t end, lp_graph_cost *out) {
  memset(out, 0, sizeof *out);
  lp_status status = lp_graph_status(g);
  for (uint32_t id = first; id < end && id < g->n_values && status == LP_OK; id++) {
    const lp_value *v = &g->value[id];
    if (v->kind == VALUE_PARAM) out->parameters += (uint64_t)lp_numel(&v->desc);
    if (v->kind == VALUE_CONSTANT) out->constants += lp_nbytes(&v->desc);
    if (v->kind == VALUE_RESULT && v->index == 0) status = add_op(g, &g->op[v->op], out);
  }
  return status;
}
