/* Parameters that are pruned: what is not kept is 0 and stays so. */
#include "train_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "training: out of memory for what is pruned");
}

lp_status lp_masks_take(lp_trainer *t) {
  const lp_train_mask *from = t->spec.masks;
  const uint32_t n = t->spec.n_masks;
  t->spec.masks = NULL;
  t->spec.n_masks = 0;
  t->mask = calloc(n + 1, sizeof *t->mask);
  if (!t->mask) return out_of_memory();
  for (uint32_t i = 0; i < n; i++) {
    lp_mask *m = &t->mask[t->n_masks++];
    *m = (lp_mask){.name = strdup(from[i].name), .keep = malloc(sizeof(float) * (from[i].n + 1))};
    if (!m->name || !m->keep) return out_of_memory();
    m->n = from[i].n;
    for (size_t k = 0; k < m->n; k++) {
      m->keep[k] = from[i].keep[k] ? 1.0f : 0.0f;
      m->kept += from[i].keep[k] != 0;
    }
  }
  return LP_OK;
}

void lp_masks_free(lp_trainer *t) {
  for (uint32_t i = 0; i < t->n_masks; i++) {
    free(t->mask[i].name);
    free(t->mask[i].keep);
  }
  free(t->mask);
}

const lp_mask *lp_mask_find(const lp_trainer *t, const char *name) {
  for (uint32_t i = 0; i < t->n_masks; i++)
    if (strcmp(t->mask[i].name, name) == 0) return &t->mask[i];
  return NULL;
}

static lp_status put(const lp_trainer *t, lp_graph *g, lp_val param) {
  const lp_mask *m = lp_mask_find(t, lp_graph_value_name(g, param));
  if (!m) return LP_OK;
  lp_desc d;
  char name[300];
  lp_status status = lp_graph_shape(g, param, &d);
  if (status == LP_OK && (size_t)lp_numel(&d) != m->n)
    status = lp_fail(LP_ERR_SHAPE, "training: %s has %lld elements, what is pruned of it %zu",
                     m->name, (long long)lp_numel(&d), m->n);
  if (status != LP_OK) return status;
  snprintf(name, sizeof name, LP_MASK_PREFIX "%s", m->name);
  return lp_graph_mask(g, param, lp_graph_constant(g, name, &d, m->keep));
}

lp_status lp_masks_put(const lp_trainer *t, lp_graph *g) {
  if (!t->n_masks) return LP_OK;
  const uint32_t n = lp_graph_params(g, NULL, 0);
  lp_val *param = calloc(n + 1, sizeof *param);
  if (!param) return out_of_memory();
  lp_graph_params(g, param, n);
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < n && status == LP_OK; i++) status = put(t, g, param[i]);
  free(param);
  return status;
}

lp_status lp_masks_apply(lp_trainer *t) {
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < t->n_masks && status == LP_OK; i++) {
    const lp_mask *m = &t->mask[i];
    const size_t bytes = m->n * sizeof(float);
    float *w = malloc(bytes + 1);
    if (!w) return out_of_memory();
    status = lp_session_read(t->session, m->name, w, bytes);
    for (size_t k = 0; k < m->n; k++)
      if (m->keep[k] == 0) w[k] = 0;
    if (status == LP_OK) status = lp_session_write(t->session, m->name, w, bytes);
    free(w);
  }
  return status;
}
