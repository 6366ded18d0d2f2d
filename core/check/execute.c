/* Runs a case on a device through the public interface and compares results. */
#include "execute.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t case_device_length(const char *devices) {
  size_t n = strcspn(devices, ",");
  while (devices[n] == ',') {
    const char *next = devices + n + 1;
    size_t more = strcspn(next, ",");
    const char *equals = memchr(next, '=', more), *colon = memchr(next, ':', more);
    if (!equals || (colon && colon < equals)) break;
    n += 1 + more;
  }
  return n;
}

void case_close(case_exec *x) {
  lp_plan_free(x->plan);
  for (uint32_t i = 0; i < x->n_bound; i++) lp_session_buffer_free(x->session, x->bound[i]);
  lp_session_close(x->session);
  memset(x, 0, sizeof *x);
}

static lp_status make_plan(case_exec *x, bool no_fusion) {
  lp_val target[CASE_MAX_TARGETS];
  for (uint32_t i = 0; i < x->p->n_targets; i++) target[i] = x->p->target[i].val;
  lp_plan_options options = {.no_fusion = no_fusion};
  lp_plan_free(x->plan);
  x->plan = NULL;
  return lp_plan_create(x->session, x->p->g, target, x->p->n_targets, &options, &x->plan);
}

lp_status case_unfuse(case_exec *x) {
  return make_plan(x, true);
}

lp_status case_open(const case_program *p, const char *device, case_exec *x) {
  memset(x, 0, sizeof *x);
  x->p = p;
  lp_status s = lp_session_open(device, p->seed, &x->session);
  if (s == LP_OK) s = make_plan(x, false);
  for (uint32_t i = 0; s == LP_OK && i < p->n_leaves; i++)
    if (p->leaf[i].role == ROLE_INPUT) {
      s = lp_session_buffer(x->session, lp_nbytes(&p->leaf[i].desc), &x->bound[x->n_bound]);
      if (s == LP_OK) x->n_bound++;
    }
  if (s != LP_OK) case_close(x);
  return s;
}

/* Inputs and variables as the case has them. */
static lp_status restore(case_exec *x) {
  lp_status s = LP_OK;
  uint32_t input = 0;
  for (uint32_t i = 0; s == LP_OK && i < x->p->n_leaves; i++) {
    const case_leaf *l = &x->p->leaf[i];
    if (l->role == ROLE_INPUT)
      s = lp_session_upload(x->session, x->bound[input++], l->data, lp_nbytes(&l->desc), NULL);
    else if (l->role != ROLE_CONSTANT)
      s = lp_session_write(x->session, l->name, l->data, lp_nbytes(&l->desc));
  }
  return s == LP_OK ? lp_session_sync(x->session) : s;
}

static case_item *add_item(case_result *r, const char *name, uint32_t value, const lp_desc *desc,
                           double tolerance) {
  case_item *item = &r->item[r->n];
  *item = (case_item){.value = value, .desc = *desc, .tolerance = tolerance};
  snprintf(item->name, sizeof item->name, "%s", name);
  item->data = malloc(lp_nbytes(desc) + 1);
  if (item->data) r->n++;
  return item->data ? item : NULL;
}

lp_status case_execute(case_exec *x, case_result *out) {
  const case_program *p = x->p;
  memset(out, 0, sizeof *out);
  lp_status s = restore(x);
  lp_run run = p->run;
  run.bound = x->bound;
  run.n_bound = x->n_bound;
  for (uint32_t i = 0; s == LP_OK && i < p->runs; i++, run.iteration++)
    s = lp_plan_run(x->plan, &run);
  /* What a device cannot do is said when the plan is made: later it is a failure, no case to skip.
   */
  if (s == LP_ERR_UNSUPPORTED) s = LP_ERR_DEVICE;
  double tolerance = p->n_targets ? p->target[0].tolerance : 0;
  for (uint32_t i = 0; s == LP_OK && i < p->n_targets; i++) {
    const case_target *t = &p->target[i];
    lp_desc d;
    s = lp_graph_shape(p->g, t->val, &d);
    if (s != LP_OK || d.dtype == LP_TOKEN) continue;
    case_item *item = add_item(out, t->name, t->val.id, &d, t->tolerance);
    s = item ? lp_plan_read(x->plan, i, item->data, lp_nbytes(&d))
             : lp_fail(LP_ERR_MEMORY, "op case: out of memory");
  }
  for (uint32_t i = 0; s == LP_OK && i < p->n_leaves; i++) {
    const case_leaf *l = &p->leaf[i];
    if (l->role != ROLE_PARAM && l->role != ROLE_STATE) continue;
    case_item *item = add_item(out, l->name, l->val.id, &l->desc, tolerance);
    s = item ? lp_session_read(x->session, l->name, item->data, lp_nbytes(&l->desc))
             : lp_fail(LP_ERR_MEMORY, "op case: out of memory");
  }
  if (s != LP_OK) case_result_free(out);
  return s;
}

void case_result_free(case_result *r) {
  for (uint32_t i = 0; i < r->n; i++) free(r->item[i].data);
  r->n = 0;
}

static bool agree_outside_numbers(double a, double b) {
  return (isnan(a) && isnan(b)) || a == b;
}

static double largest_error(const case_item *a, const double *truth, const case_item *other) {
  double difference = 0, scale = 0;
  size_t n = (size_t)lp_numel(&a->desc);
  for (size_t i = 0; i < n; i++) {
    double x = ref_element(a->desc.dtype, a->data, i);
    double y = truth ? truth[i] : ref_element(other->desc.dtype, other->data, i);
    if (!isfinite(x) || !isfinite(y)) {
      if (!agree_outside_numbers(x, y)) return INFINITY;
      continue;
    }
    difference = fmax(difference, fabs(x - y));
    scale = fmax(scale, fabs(y));
  }
  return scale > 0 ? difference / scale : difference;
}

double case_error(const case_item *a, const double *truth) {
  return largest_error(a, truth, NULL);
}

double case_error_between(const case_item *a, const case_item *b) {
  return largest_error(a, NULL, b);
}

bool case_identical(const case_result *a, const case_result *b) {
  bool same = a->n == b->n;
  for (uint32_t i = 0; same && i < a->n; i++)
    same = memcmp(a->item[i].data, b->item[i].data, lp_nbytes(&a->item[i].desc)) == 0;
  return same;
}
