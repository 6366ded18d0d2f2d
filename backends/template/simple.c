/* A complete backend in one file, to copy: a device in host memory that runs a few ops with plain
 * loops and refuses the rest. Everything it needs to know stands in <locality/backend.h> (the
 * calls) and <locality/op.h> (what the ops compute). */
#include <locality/plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const lp_host *host;

/* ---- the device's own types: opaque to the library ----------------------------------------- */

struct lp_device {
  const lp_device_ops *ops; /* must come first */
};

struct lp_buffer {
  char *data;
  size_t size;
};

struct lp_program {
  lp_plan_view plan; /* the plan outlives the program, so looking at it is enough */
};

/* ---- what an op sees of a step ------------------------------------------------------------- */

typedef struct call {
  const lp_plan_view *plan;
  const lp_step *step;
  lp_buffer *const *bound;
} call;

static void *data_of(const call *c, uint32_t index) {
  if (index == LP_NO_SLOT) return NULL;
  const lp_slot *s = lp_plan_slot(c->plan, index);
  lp_buffer *b = s->kind == LP_SLOT_BOUND ? c->bound[s->buffer] : c->plan->buffers[s->buffer];
  return b->data + s->offset;
}

static void *in(const call *c, uint32_t i) {
  return i < c->step->in_count ? data_of(c, c->plan->operands[c->step->in_first + i]) : NULL;
}

static void *out(const call *c, uint32_t i) {
  return i < c->step->out_count ? data_of(c, c->plan->operands[c->step->out_first + i]) : NULL;
}

static const lp_desc *shape_in(const call *c, uint32_t i) {
  return &lp_plan_slot(c->plan, c->plan->operands[c->step->in_first + i])->desc;
}

static const lp_desc *shape_out(const call *c, uint32_t i) {
  return &lp_plan_slot(c->plan, c->plan->operands[c->step->out_first + i])->desc;
}

/* ---- ops ----------------------------------------------------------------------------------- */

static void elementwise(const call *c) {
  const float *a = in(c, 0), *b = in(c, 1);
  float *y = out(c, 0);
  const lp_scale_params *p = &c->step->params.scale;
  int64_t n = lp_numel(shape_out(c, 0));
  for (int64_t i = 0; i < n; i++) {
    switch (c->step->op) {
    case LP_OP_RELU:
      y[i] = a[i] <= 0.0f ? 0.0f : a[i];
      break;
    case LP_OP_RELU_DX:
      y[i] = b[i] > 0.0f ? a[i] : 0.0f;
      break;
    case LP_OP_ADD:
      y[i] = a[i] + b[i];
      break;
    case LP_OP_SUB:
      y[i] = a[i] - b[i];
      break;
    case LP_OP_MUL:
      y[i] = a[i] * b[i];
      break;
    case LP_OP_SCALE:
      y[i] = p->alpha * a[i] + p->beta;
      break;
    case LP_OP_ABS:
      y[i] = fabsf(a[i]);
      break;
    case LP_OP_SQUARE:
      y[i] = a[i] * a[i];
      break;
    case LP_OP_EXPAND:
      y[i] = a[0];
      break;
    default:
      break; /* not in the table below */
    }
  }
}

static void sum(const call *c) {
  const float *x = in(c, 0);
  double total = 0; /* one order, whatever happens: runs are equal to the bit */
  for (int64_t i = 0; i < lp_numel(shape_in(c, 0)); i++) total += (double)x[i];
  *(float *)out(c, 0) = (float)total;
}

/* P[i][j] of a linear layer; 1 for a plain one. */
static double prior(const call *c, int64_t i, int64_t j, int64_t n_in) {
  const float *table = in(c, LP_PRIOR_TABLE), *dense = in(c, LP_PRIOR_DENSE);
  const int32_t *off_out = in(c, LP_PRIOR_OFF_OUT), *off_in = in(c, LP_PRIOR_OFF_IN);
  const float *row = in(c, LP_PRIOR_ROW_SCALE), *col = in(c, LP_PRIOR_COL_SCALE);
  double p = table   ? (double)table[off_out[i] + off_in[j]]
             : dense ? (double)dense[i * n_in + j]
                     : 1;
  return p * (row ? (double)row[i] : 1) * (col ? (double)col[j] : 1);
}

static void linear(const call *c) {
  const float *x = in(c, 0), *w = in(c, 1), *bias = in(c, 2);
  float *y = out(c, 0);
  int64_t batch = shape_in(c, 0)->dim[0], n_out = shape_in(c, 1)->dim[0],
          n_in = shape_in(c, 1)->dim[1];
  for (int64_t i = 0; i < n_out; i++)
    for (int64_t n = 0; n < batch; n++) {
      double v = bias ? (double)bias[i] : 0;
      for (int64_t j = 0; j < n_in; j++)
        v += prior(c, i, j, n_in) * (double)w[i * n_in + j] * (double)x[n * n_in + j];
      y[n * n_out + i] = (float)v;
    }
}

static void linear_dx(const call *c) {
  const float *dy = in(c, 0), *w = in(c, 1);
  float *dx = out(c, 0);
  int64_t batch = shape_in(c, 0)->dim[0], n_out = shape_in(c, 1)->dim[0],
          n_in = shape_in(c, 1)->dim[1];
  for (int64_t n = 0; n < batch; n++)
    for (int64_t j = 0; j < n_in; j++) {
      double v = 0;
      for (int64_t i = 0; i < n_out; i++)
        v += prior(c, i, j, n_in) * (double)w[i * n_in + j] * (double)dy[n * n_out + i];
      dx[n * n_in + j] = (float)v;
    }
}

static void linear_dw(const call *c) {
  const float *dy = in(c, 0), *x = in(c, 1);
  float *dw = out(c, 0), *db = out(c, 1); /* db is NULL where the plan has no use for it */
  int64_t batch = shape_in(c, 0)->dim[0], n_out = shape_in(c, 0)->dim[1],
          n_in = shape_in(c, 1)->dim[1];
  for (int64_t i = 0; i < n_out; i++) {
    for (int64_t j = 0; j < n_in; j++) {
      double v = 0;
      for (int64_t n = 0; n < batch; n++) v += (double)dy[n * n_out + i] * (double)x[n * n_in + j];
      dw[i * n_in + j] = (float)(v * prior(c, i, j, n_in));
    }
    double v = 0;
    for (int64_t n = 0; n < batch; n++) v += (double)dy[n * n_out + i];
    if (db) db[i] = (float)v;
  }
}

/* The one place that says what is supported. */
static void (*const ops[LP_OP_COUNT])(const call *c) = {
    [LP_OP_LINEAR] = linear,    [LP_OP_LINEAR_DX] = linear_dx, [LP_OP_LINEAR_DW] = linear_dw,
    [LP_OP_RELU] = elementwise, [LP_OP_RELU_DX] = elementwise, [LP_OP_ADD] = elementwise,
    [LP_OP_SUB] = elementwise,  [LP_OP_MUL] = elementwise,     [LP_OP_SCALE] = elementwise,
    [LP_OP_ABS] = elementwise,  [LP_OP_SQUARE] = elementwise,  [LP_OP_EXPAND] = elementwise,
    [LP_OP_SUM] = sum,
};

/* ---- the device table ---------------------------------------------------------------------- */

static void close_device(lp_device *dev) {
  free(dev);
}

static lp_status info(lp_device *dev, lp_device_info *o) {
  (void)dev;
  *o = (lp_device_info){.struct_size = sizeof *o,
                        .type = LP_DEVICE_CPU,
                        .id = "simple",
                        .name = "plain loops on the host",
                        .alignment = 64,
                        .units = 1};
  return LP_OK;
}

/* A step with a chain of element-wise ops is refused: the library then gives them as own steps. */
static bool supports(lp_device *dev, const lp_plan_view *plan, uint32_t i) {
  (void)dev;
  const lp_step *s = lp_plan_step(plan, i);
  return s->op < LP_OP_COUNT && ops[s->op] && s->post_count == 0;
}

static lp_status workspace(lp_device *dev, const lp_plan_view *plan, uint32_t step, size_t *n) {
  (void)dev, (void)plan, (void)step;
  *n = 0;
  return LP_OK;
}

static lp_status buf_alloc(lp_device *dev, size_t n, lp_buffer **o) {
  (void)dev;
  *o = NULL;
  lp_buffer *b = malloc(sizeof *b);
  char *data = aligned_alloc(64, (n / 64 + 1) * 64);
  if (!b || !data) {
    free(b);
    free(data);
    return host->fail(LP_ERR_MEMORY, "simple: cannot allocate %zu bytes", n);
  }
  *b = (lp_buffer){data, n};
  *o = b;
  return LP_OK;
}

static void buf_free(lp_device *dev, lp_buffer *b) {
  (void)dev;
  if (!b) return;
  free(b->data);
  free(b);
}

static lp_status check(const lp_buffer *b, size_t offset, size_t n) {
  if (offset <= b->size && n <= b->size - offset) return LP_OK;
  return host->fail(LP_ERR_ARG, "simple: %zu bytes at %zu do not fit a buffer of %zu", n, offset,
                    b->size);
}

/* Everything is done when a call returns, so there is never an event to wait for. */
static lp_status buf_write(lp_device *dev, lp_buffer *b, size_t offset, const void *src, size_t n,
                           lp_event **done) {
  (void)dev;
  if (done) *done = NULL;
  lp_status s = check(b, offset, n);
  if (s == LP_OK && n) memcpy(b->data + offset, src, n);
  return s;
}

static lp_status buf_read(lp_device *dev, lp_buffer *b, size_t offset, void *dst, size_t n,
                          lp_event **done) {
  (void)dev;
  if (done) *done = NULL;
  lp_status s = check(b, offset, n);
  if (s == LP_OK && n) memcpy(dst, b->data + offset, n);
  return s;
}

static lp_status buf_fill(lp_device *dev, lp_buffer *b, size_t offset, uint8_t value, size_t n) {
  (void)dev;
  lp_status s = check(b, offset, n);
  if (s == LP_OK && n) memset(b->data + offset, value, n);
  return s;
}

static lp_status event_wait(lp_device *dev, lp_event *event) {
  (void)dev, (void)event;
  return LP_OK;
}

static lp_status compile(lp_device *dev, const lp_plan_view *plan, lp_program **o) {
  (void)dev;
  *o = NULL;
  lp_program *p = malloc(sizeof *p);
  if (!p) return host->fail(LP_ERR_MEMORY, "simple: out of memory");
  p->plan = *plan;
  *o = p;
  return LP_OK;
}

static void program_free(lp_device *dev, lp_program *p) {
  (void)dev;
  free(p);
}

static lp_status run(lp_device *dev, lp_program *p, const lp_run_args *args, lp_event **done) {
  (void)dev;
  if (done) *done = NULL;
  if (args->n_bound < p->plan.n_bound)
    return host->fail(LP_ERR_ARG, "simple: the plan has %u inputs, the run gives %u",
                      p->plan.n_bound, args->n_bound);
  for (uint32_t i = 0; i < p->plan.n_steps; i++) {
    call c = {&p->plan, lp_plan_step(&p->plan, i), args->bound};
    ops[c.step->op](&c);
  }
  return LP_OK;
}

static lp_status sync(lp_device *dev) {
  (void)dev;
  return LP_OK;
}

static const lp_device_ops table = {
    .struct_size = sizeof(lp_device_ops),
    .close = close_device,
    .info = info,
    .supports = supports,
    .workspace = workspace,
    .buf_alloc = buf_alloc,
    .buf_free = buf_free,
    .buf_write = buf_write,
    .buf_read = buf_read,
    .buf_fill = buf_fill,
    .event_wait = event_wait,
    .compile = compile,
    .program_free = program_free,
    .run = run,
    .sync = sync,
};

/* ---- the backend --------------------------------------------------------------------------- */

static lp_status enumerate(void *self, lp_device_info *o, size_t cap, size_t *n) {
  (void)self;
  *n = 1;
  return cap ? info(NULL, o) : LP_OK;
}

static lp_status open_device(void *self, const char *selector, const lp_device_params *params,
                             lp_device **o) {
  (void)self;
  *o = NULL;
  if (selector && *selector && strcmp(selector, "0") != 0)
    return host->fail(LP_ERR_NOT_FOUND, "simple: there is no device \"%s\"", selector);
  if (params && params->count)
    return host->fail(LP_ERR_ARG, "simple: there is no parameter \"%s\"", params->key[0]);
  lp_device *dev = malloc(sizeof *dev);
  if (!dev) return host->fail(LP_ERR_MEMORY, "simple: out of memory");
  dev->ops = &table;
  *o = dev;
  return LP_OK;
}

static const lp_backend backend = {
    .struct_size = sizeof(lp_backend),
    .name = "simple",
    .summary = "a few ops in plain loops, as an example",
    .enumerate = enumerate,
    .open = open_device,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_backend(r, &backend);
}

LP_PLUGIN("simple", "1.0", "Apache-2.0", "example of a backend", init, NULL)
