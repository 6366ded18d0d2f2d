/* Replays a recorded case through the reference. */
#include "reference.h"

#include <stdlib.h>
#include <string.h>

double ref_element(uint32_t dtype, const void *data, size_t i) {
  switch (dtype) {
  case LP_F32:
    return (double)((const float *)data)[i];
  case LP_F64:
    return ((const double *)data)[i];
  case LP_I32:
    return ((const int32_t *)data)[i];
  case LP_I64:
    return (double)((const int64_t *)data)[i];
  case LP_U8:
    return ((const uint8_t *)data)[i];
  default:
    return 0.0;
  }
}

static void load_leaf(const case_leaf *l, double *to) {
  size_t n = (size_t)lp_numel(&l->desc);
  for (size_t i = 0; i < n; i++) to[i] = ref_element(l->desc.dtype, l->data, i);
}

lp_status ref_load(const case_program *p, ref_values *v) {
  memset(v, 0, sizeof *v);
  for (uint32_t id = 1; id < CASE_MAX_VALUES; id++) {
    const lp_desc *d = &p->desc[id];
    if (d->dtype == LP_TOKEN) continue;
    v->value[id] = calloc((size_t)lp_numel(d), sizeof(double));
    if (!v->value[id]) {
      ref_free(v);
      return lp_fail(LP_ERR_MEMORY, "reference: out of memory");
    }
  }
  for (uint32_t i = 0; i < p->n_leaves; i++) load_leaf(&p->leaf[i], v->value[p->leaf[i].val.id]);
  return LP_OK;
}

void ref_reset(const case_program *p, ref_values *v) {
  for (uint32_t i = 0; i < p->n_leaves; i++)
    if (p->leaf[i].role == ROLE_STATE) load_leaf(&p->leaf[i], v->value[p->leaf[i].val.id]);
}

void ref_replay(const case_program *p, ref_values *v, uint32_t runs) {
  lp_run run = p->run;
  for (uint32_t r = 0; r < runs; r++, run.iteration++)
    for (uint32_t k = 0; k < p->n_steps; k++) {
      const case_step *s = &p->step[k];
      double *in[CASE_MAX_IN] = {0};
      const lp_desc *in_desc[CASE_MAX_IN] = {0};
      for (uint32_t i = 0; i < s->n_in; i++) {
        in[i] = v->value[s->in[i]];
        in_desc[i] = &p->desc[s->in[i]];
      }
      ref_call call = {&s->params,       in,   in_desc, s->n_in, &v->value[s->out],
                       &p->desc[s->out], &run, p->seed};
      ref_op_get(s->op)(&call);
    }
}

void ref_free(ref_values *v) {
  for (uint32_t id = 0; id < CASE_MAX_VALUES; id++) {
    free(v->value[id]);
    v->value[id] = NULL;
  }
}
