/* Texts of shapes for error messages. */
#include "../graph_internal.h"

#include <stdio.h>
#include <string.h>

const char *lp_desc_text(const lp_desc *d) {
  static const char *const dtype[] = {"token", "f32", "i32", "u8", "bf16", "f64", "i64"};
  static _Thread_local char ring[8][96];
  static _Thread_local unsigned next;
  char *text = ring[next++ % 8];
  int n = snprintf(text, sizeof ring[0], "(");
  for (uint32_t i = 0; i < d->ndim && i < LP_MAX_DIMS; i++)
    n += snprintf(text + n, sizeof ring[0] - (size_t)n, i ? ",%lld" : "%lld", (long long)d->dim[i]);
  snprintf(text + n, sizeof ring[0] - (size_t)n, ") %s",
           d->dtype < sizeof dtype / sizeof *dtype ? dtype[d->dtype] : "?");
  return text;
}

lp_status lp_shape_fail(const lp_shape_call *c, const char *expected) {
  char got[400] = "";
  for (uint32_t i = 0, used = 0; i < c->n_in && i < 4; i++) {
    int n = snprintf(got + used, sizeof got - used, "%s%s", i ? ", " : "",
                     lp_present(&c->in[i]) ? lp_desc_text(&c->in[i]) : "none");
    used += (uint32_t)n;
  }
  return lp_fail(LP_ERR_SHAPE, "%s expects %s, got %s", lp_op_name(c->op), expected, got);
}

bool lp_is_f32(const lp_desc *d, uint32_t ndim) {
  return d->dtype == LP_F32 && d->ndim == ndim;
}
