/* Products: what a LINEAR or CONV2D step computes, and which engine computes it. */
#include "product.h"
#include "tune.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

static void describe_linear(const lp_plan_view *plan, const lp_step *s, product *p) {
  const lp_desc *q = &p->q->desc, *x = &p->p->desc;
  p->table = lp_step_in(plan, s, LP_PRIOR_TABLE);
  p->off_out = lp_step_in(plan, s, LP_PRIOR_OFF_OUT);
  p->off_in = lp_step_in(plan, s, LP_PRIOR_OFF_IN);
  p->row = lp_step_in(plan, s, LP_PRIOR_ROW_SCALE);
  p->col = lp_step_in(plan, s, LP_PRIOR_COL_SCALE);
  p->dense = lp_step_in(plan, s, LP_PRIOR_DENSE);
  p->batch = x->dim[0];
  p->outputs = p->direction == 3 ? x->dim[1] : q->dim[0];
  p->inputs = q->dim[1];
  if (p->direction == 1) {
    p->m = p->outputs, p->n = p->batch, p->k = p->inputs;
    p->a_kfast = true;
  } else if (p->direction == 2) {
    p->m = p->batch, p->n = p->inputs, p->k = p->outputs;
    p->a_kfast = p->b_nfast = p->c_nfast = true;
  } else {
    p->m = p->outputs, p->n = p->inputs + (p->second != NULL), p->k = p->batch;
    p->b_nfast = p->c_nfast = true;
  }
}

static void describe_conv(const lp_step *s, product *p) {
  const lp_desc *y = &p->y->desc, *q = &p->q->desc, *x = &p->p->desc;
  const lp_desc *image = p->direction == 1 ? x : p->direction == 2 ? y : q;
  const lp_desc *map = p->direction == 1 ? y : x;
  p->batch = x->dim[0];
  p->c = image->dim[1], p->h = image->dim[2], p->w = image->dim[3];
  p->o = map->dim[1], p->oh = map->dim[2], p->ow = map->dim[3];
  p->ks = p->direction == 3 ? (int64_t)s->params.conv.kernel : q->dim[2];
  p->stride = s->params.conv.stride;
  p->pad = s->params.conv.pad;
  int64_t taps = p->c * p->ks * p->ks;
  p->c_nfast = true;
  if (p->direction == 1) {
    p->m = p->o, p->n = p->batch * p->oh * p->ow, p->k = taps;
    p->a_kfast = p->b_nfast = true;
  } else if (p->direction == 2) {
    p->m = p->c, p->n = p->batch * p->h * p->w, p->k = p->o * p->ks * p->ks;
    p->a_kfast = p->b_nfast = true;
  } else {
    p->m = p->o, p->n = taps + (p->second != NULL), p->k = p->batch * p->oh * p->ow;
    p->a_kfast = true;
  }
}

void product_of(const lp_plan_view *plan, const lp_step *s, product *p) {
  *p = (product){.step = s,
                 .p = lp_step_in(plan, s, 0),
                 .q = lp_step_in(plan, s, 1),
                 .y = lp_step_out(plan, s, 0)};
  p->conv = s->op == LP_OP_CONV2D || s->op == LP_OP_CONV2D_DX || s->op == LP_OP_CONV2D_DW;
  p->direction = s->op == LP_OP_CONV2D || s->op == LP_OP_LINEAR         ? 1
                 : s->op == LP_OP_CONV2D_DX || s->op == LP_OP_LINEAR_DX ? 2
                                                                        : 3;
  p->second = p->direction == 1   ? lp_step_in(plan, s, 2)
              : p->direction == 3 ? lp_step_out(plan, s, 1)
                                  : NULL;
  for (uint32_t i = 0; i < s->post_count; i++)
    p->draws |= lp_plan_post(plan, s->post_first + i)->op == LP_OP_DROPOUT;
  if (p->conv)
    describe_conv(s, p);
  else
    describe_linear(plan, s, p);
}

void product_key(const product *p, char *out, size_t cap) {
  static const char *const name[] = {"", "", "_dx", "_dw"};
  if (p->conv)
    snprintf(out, cap, "conv%s n%lld c%lld %lldx%lld o%lld k%lld s%lld p%lld", name[p->direction],
             (long long)p->batch, (long long)p->c, (long long)p->h, (long long)p->w,
             (long long)p->o, (long long)p->ks, (long long)p->stride, (long long)p->pad);
  else
    snprintf(out, cap, "linear%s n%lld i%lld o%lld%s", name[p->direction], (long long)p->batch,
             (long long)p->inputs, (long long)p->outputs,
             p->table   ? " table"
             : p->dense ? " dense"
                        : "");
}

void product_define(ocl_encoder *e, const product *p, int span) {
  ocl_define_int(e, "DIRECTION", p->direction);
  ocl_define_int(e, "WITH_BIAS", p->direction == 1 && p->second);
  ocl_define_int(e, "WITH_DB", p->direction == 3 && p->second);
  ocl_define_int(e, "A_KFAST", p->a_kfast);
  ocl_define_int(e, "B_NFAST", p->b_nfast);
  ocl_define_int(e, "C_NFAST", p->c_nfast);
  if (p->conv) {
    const struct {
      const char *name;
      int64_t value;
    } extent[] = {{"C", p->c},   {"O", p->o},           {"H", p->h},
                  {"W", p->w},   {"OH", p->oh},         {"OW", p->ow},
                  {"KS", p->ks}, {"STRIDE", p->stride}, {"PAD", p->pad}};
    for (size_t i = 0; i < sizeof extent / sizeof *extent; i++)
      ocl_define_int(e, extent[i].name, extent[i].value);
  } else {
    ocl_define_int(e, "STRAIGHT", p->straight);
    ocl_define_int(e, "INPUTS", p->inputs);
    ocl_define_int(e, "OUTPUTS", p->outputs);
    ocl_define_int(e, "PRIOR", p->table ? 1 : p->dense ? 2 : 0);
    ocl_define_int(e, "WITH_ROW", p->row != NULL);
    ocl_define_int(e, "WITH_COL", p->col != NULL);
    ocl_define_int(e, "RUN16", p->step->params.linear.run && p->step->params.linear.run % 16 == 0);
  }
  ocl_posts(e, NULL, lp_inner(&p->y->desc), 0, span);
}

void product_args(ocl_encoder *e, const product *p) {
  ocl_arg_slot(e, p->p);
  ocl_arg_slot(e, p->q);
  ocl_arg_slot(e, p->y);
  const lp_slot *rest[] = {p->second, p->table, p->off_out, p->off_in, p->dense, p->row, p->col};
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
    if (rest[i]) ocl_arg_slot(e, rest[i]);
  ocl_arg_int(e, p->batch);
  ocl_post_args(e, NULL);
}

/* ---- choice -------------------------------------------------------------------------------- */

/* Engines for CPU devices come before all others where they are usable, naive after them. */
static double first_of_all(lp_device *dev, const product *p, const engine *g) {
  (void)dev, (void)p, (void)g;
  return 0;
}

static double second_of_all(lp_device *dev, const product *p, const engine *g) {
  (void)dev, (void)p, (void)g;
  return 1;
}

static double last_of_all(lp_device *dev, const product *p, const engine *g) {
  (void)dev, (void)p, (void)g;
  return DBL_MAX;
}

#define WINOGRAD winograd_fits, winograd_workspace, winograd_cost, winograd_encode

static const engine engines[] = {
    {"direct", direct_fits, direct_workspace, first_of_all, direct_encode, {0}},
    {"panel", panel_fits, panel_workspace, second_of_all, panel_encode, {0}},
    {"tile128", tile_fits, tile_workspace, tile_cost, tile_encode, {128, 128, 16, 16, 16}},
    {"tile128x64", tile_fits, tile_workspace, tile_cost, tile_encode, {128, 64, 8, 16, 8}},
    {"tile64x128", tile_fits, tile_workspace, tile_cost, tile_encode, {64, 128, 8, 8, 16}},
    {"tile64", tile_fits, tile_workspace, tile_cost, tile_encode, {64, 64, 16, 16, 16}},
    {"tile32x128", tile_fits, tile_workspace, tile_cost, tile_encode, {32, 128, 8, 8, 16}},
    {"tile16x128", tile_fits, tile_workspace, tile_cost, tile_encode, {16, 128, 8, 4, 32}},
    {"tile128x16", tile_fits, tile_workspace, tile_cost, tile_encode, {128, 16, 8, 32, 4}},
    {"tile32", tile_fits, tile_workspace, tile_cost, tile_encode, {32, 32, 8, 8, 8}},
    {"tile16", tile_fits, tile_workspace, tile_cost, tile_encode, {16, 16, 16, 8, 8}},
    {"winograd", WINOGRAD, {32, 32, 4, 4, 4}},
    {"winograd16", WINOGRAD, {16, 16, 8, 4, 4}},
    {"clblast", clblast_fits, clblast_workspace, NULL, clblast_encode, {0}},
    {"naive", NULL, NULL, last_of_all, naive_encode, {0}},
};
enum { N_ENGINES = sizeof engines / sizeof *engines };

const engine *product_engines(uint32_t *n) {
  *n = N_ENGINES;
  return engines;
}

const engine *product_named(const char *name) {
  for (size_t i = 0; name && i < N_ENGINES; i++)
    if (!strcmp(engines[i].name, name)) return &engines[i];
  return NULL;
}

void product_names(char *out, size_t cap) {
  size_t at = 0;
  for (size_t i = 0; i < N_ENGINES && at < cap; i++)
    at += (size_t)snprintf(out + at, cap - at, "%s%s", i ? ", " : "", engines[i].name);
}

bool product_usable(lp_device *dev, const product *p, const engine *g) {
  if (g->fits && !g->fits(dev, p, g)) return false;
  return !g->workspace || g->workspace(dev, p, g) <= product_room(dev);
}

const engine *product_choose(lp_device *dev, const product *p) {
  char key[128];
  if (dev->forced) return product_named(dev->forced); /* the tuner has asked */
  const engine *asked = product_named(dev->product);
  if (asked && product_usable(dev, p, asked)) return asked;
  product_key(p, key, sizeof key);
  const engine *known = product_named(ocl_tuning_find(dev, key));
  if (known && product_usable(dev, p, known)) return known;
  const engine *best = &engines[N_ENGINES - 1];
  double least = best->cost(dev, p, best);
  for (size_t i = 0; i + 1 < N_ENGINES; i++) {
    const engine *g = &engines[i];
    if (!g->cost || !product_usable(dev, p, g)) continue;
    double cost = g->cost(dev, p, g);
    if (cost < least) best = g, least = cost;
  }
  return best;
}

size_t ocl_workspace_product(lp_device *dev, const lp_plan_view *plan, const lp_step *s,
                             uint32_t index) {
  (void)index;
  product p;
  product_of(plan, s, &p);
  if (dev->tune && !dev->forced) ocl_tune(dev, plan, s);
  const engine *chosen = product_choose(dev, &p);
  if (*dev->product && !dev->forced && strcmp(chosen->name, dev->product) != 0) {
    char key[128];
    product_key(&p, key, sizeof key);
    ocl_host->log(LP_LOG_INFO, "%s: product=%s cannot do %s here; %s does it", dev->info.id,
                  dev->product, key, chosen->name);
  }
  return chosen->workspace ? chosen->workspace(dev, &p, chosen) : 0;
}

void ocl_encode_product(ocl_encoder *e) {
  product p;
  product_of(e->plan, e->step, &p);
  const engine *chosen = product_choose(e->dev, &p);
  chosen->encode(e, &p, chosen);
}
