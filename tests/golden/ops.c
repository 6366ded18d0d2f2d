/* OP/in0.., /out, /gout, /grad0..: one op, forward and backward. */
#include "golden.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-5;
enum { MAX_IN = 3 };

/* A case while it is built: its name, its inputs in the graph. */
typedef struct op_case {
  golden *g;
  const char *name;
  golden_graph gg;
  lp_val in[MAX_IN];
  uint32_t n_in;
} op_case;

/* Reads "_k5s2p1" behind `base` in name; numbers that are absent keep their value. */
static bool window_numbers(const char *name, const char *base, uint32_t *k, uint32_t *s,
                           uint32_t *p) {
  size_t n = strlen(base);
  if (strncmp(name, base, n) != 0 || strncmp(name + n, "_k", 2) != 0) return false;
  for (const char *c = name + n + 1; *c;) {
    uint32_t *to = *c == 'k' ? k : *c == 's' ? s : *c == 'p' ? p : NULL;
    char *end;
    if (!to || !isdigit((unsigned char)c[1])) return false;
    *to = (uint32_t)strtoul(c + 1, &end, 10);
    c = end;
  }
  return true;
}

static lp_val apply(op_case *c, lp_op op, const lp_op_params *p) {
  return lp_apply(c->gg.g, op, p, c->in, c->n_in);
}

static lp_val build_conv(op_case *c) {
  uint32_t k = 0, s = 1, p = 0;
  window_numbers(c->name, "conv", &k, &s, &p);
  lp_desc w = {0};
  lp_graph_shape(c->gg.g, c->in[1], &w);
  if (w.ndim == 4 && w.dim[2] != (int64_t)k)
    lp_graph_fail(c->gg.g, LP_ERR_SHAPE, "a kernel of %lld, not %u", (long long)w.dim[2], k);
  lp_op_params params = {.conv = {.stride = s, .pad = p}};
  return apply(c, LP_OP_CONV2D, &params);
}

static lp_val build_pool(op_case *c) {
  uint32_t k = 0, s = 0, none = 0;
  window_numbers(c->name, "maxpool", &k, &s, &none);
  lp_op_params params = {.pool = {.k = k, .stride = s ? s : k}};
  return apply(c, LP_OP_MAXPOOL2D, &params);
}

static lp_val build_linear(op_case *c) {
  return apply(c, LP_OP_LINEAR, NULL);
}
static lp_val build_relu(op_case *c) {
  return apply(c, LP_OP_RELU, NULL);
}
static lp_val build_log_softmax(op_case *c) {
  return apply(c, LP_OP_LOG_SOFTMAX, NULL);
}

static lp_val build_nll(op_case *c) {
  const lp_tensor_view *target = golden_take(c->g, "%s/target", c->name);
  if (!target) {
    lp_graph_fail(c->gg.g, LP_ERR_NOT_FOUND, "target is missing");
    return LP_NO_VAL;
  }
  lp_val in[] = {c->in[0], golden_graph_input(&c->gg, "target", target, LP_I32)};
  return lp_apply(c->gg.g, LP_OP_CROSS_ENTROPY, NULL, in, 2);
}

/* Batch normalisation with the file's running statistics, or with fresh ones. */
static lp_val batchnorm(op_case *c, lp_op op) {
  static const char *const name[] = {"running_mean", "running_var"};
  lp_val in[5] = {c->in[0], c->in[1], c->in[2]};
  lp_desc d = {0};
  lp_graph_shape(c->gg.g, c->in[1], &d);
  for (int i = 0; i < 2; i++) {
    lp_init init = {LP_INIT_CONST, (float)i, NULL};
    if (op == LP_OP_BATCHNORM) {
      in[3 + i] = lp_graph_state(c->gg.g, name[i], &d, &init);
      continue;
    }
    const lp_tensor_view *t = golden_take(c->g, "%s/%s", c->name, name[i]);
    if (t)
      in[3 + i] = golden_graph_input(&c->gg, name[i], t, LP_F32);
    else
      lp_graph_fail(c->gg.g, LP_ERR_NOT_FOUND, "%s is missing", name[i]);
  }
  lp_op_params p = {.batchnorm = {.eps = 1e-5f, .momentum = 0.1f}};
  return lp_apply(c->gg.g, op, &p, in, 5);
}
static lp_val build_batchnorm_train(op_case *c) {
  return batchnorm(c, LP_OP_BATCHNORM);
}
static lp_val build_batchnorm_eval(op_case *c) {
  return batchnorm(c, LP_OP_BATCHNORM_EVAL);
}

/* window: the name goes on with _kK[sS][pP]. */
static const struct {
  const char *name;
  bool window;
  uint32_t least_in;
  lp_val (*build)(op_case *c);
} kinds[] = {
    {"conv", true, 2, build_conv},
    {"maxpool", true, 1, build_pool},
    {"linear", false, 2, build_linear},
    {"relu", false, 1, build_relu},
    {"log_softmax", false, 1, build_log_softmax},
    {"nll", false, 1, build_nll},
    {"batchnorm_train", false, 3, build_batchnorm_train},
    {"batchnorm_eval", false, 3, build_batchnorm_eval},
};

static lp_status run(op_case *c, lp_val (*build)(op_case *c), uint32_t least_in, golden_worst *w) {
  static const char *const gradient[MAX_IN] = {"grad0", "grad1", "grad2"};
  const lp_tensor_view *ref[1 + MAX_IN] = {golden_take(c->g, "%s/out", c->name)};
  const lp_tensor_view *gout = golden_take(c->g, "%s/gout", c->name);
  const char *what[1 + MAX_IN] = {"out"};
  for (; c->n_in < MAX_IN; c->n_in++) {
    char part[8];
    snprintf(part, sizeof part, "in%u", c->n_in);
    const lp_tensor_view *t = golden_take(c->g, "%s/%s", c->name, part);
    if (!t) break;
    c->in[c->n_in] = golden_graph_input(&c->gg, part, t, LP_F32);
  }
  if (!ref[0] || c->n_in < least_in)
    return lp_fail(LP_ERR_NOT_FOUND, "out or one of %u inputs is missing", least_in);
  lp_val y = build(c), wrt[MAX_IN], d[MAX_IN];
  golden_graph_target(&c->gg, y);
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->n_in; i++) {
    const lp_tensor_view *t = golden_take(c->g, "%s/%s", c->name, gradient[i]);
    if (!t) continue;
    what[1 + n] = gradient[i];
    ref[1 + n] = t;
    wrt[n++] = c->in[i];
  }
  if (n && !gout) return lp_fail(LP_ERR_NOT_FOUND, "gout is missing");
  if (n && lp_graph_status(c->gg.g) == LP_OK) {
    lp_desc shape;
    lp_val dy = golden_graph_input(&c->gg, "gout", gout, LP_F32);
    lp_graph_shape(c->gg.g, y, &shape);
    if (shape.ndim == 0) { /* a loss: one element, stored as a vector of one */
      lp_op_params scalar = {.shape = {.ndim = 0}};
      dy = lp_apply(c->gg.g, LP_OP_RESHAPE, &scalar, &dy, 1);
    }
    if (lp_vjp(c->gg.g, y, dy, wrt, n, d) == LP_OK)
      for (uint32_t i = 0; i < n; i++) golden_graph_target(&c->gg, d[i]);
  }
  lp_status s = golden_graph_run(&c->gg, c->g->device);
  for (uint32_t i = 0; s == LP_OK && i < 1 + n; i++)
    golden_worse(w, what[i], c->gg.out[i], c->gg.count[i], ref[i]);
  return s;
}

static void run_case(golden *g, const char *name) {
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    uint32_t number[3] = {0};
    bool match = kinds[k].window
                     ? window_numbers(name, kinds[k].name, &number[0], &number[1], &number[2])
                     : strcmp(name, kinds[k].name) == 0;
    if (!match) continue;
    op_case c = {.g = g, .name = name};
    golden_worst w = {0};
    lp_status s = golden_graph_new(&c.gg, name);
    if (s == LP_OK) s = run(&c, kinds[k].build, kinds[k].least_in, &w);
    if (s == LP_OK)
      golden_verdict_of(g, name, &w, tolerance);
    else
      golden_failed(g, name, "%s", lp_error_message());
    golden_graph_free(&c.gg);
    return;
  }
  golden_take_all(g, name);
  golden_skipped(g, name, "no op of that name in the scheme");
}

void golden_ops(golden *g) {
  for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) {
    char name[128];
    if (golden_prefix(g, i, "in0", name, sizeof name)) run_case(g, name);
  }
}
