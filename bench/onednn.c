/* Convolutions by oneDNN 2, found at run time and never linked; its header gives the types. Each
 * operand is in the layout that oneDNN likes best: reordering is not timed. */
#include "bench.h"

#include "../core/base/library.h"

#ifdef LP_BENCH_DNNL

#include <dlfcn.h>
#include <dnnl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EACH_FUNCTION(F)                                                                           \
  F(dnnl_engine_create)                                                                            \
  F(dnnl_engine_destroy)                                                                           \
  F(dnnl_stream_create)                                                                            \
  F(dnnl_stream_destroy)                                                                           \
  F(dnnl_stream_wait)                                                                              \
  F(dnnl_memory_desc_init_by_tag)                                                                  \
  F(dnnl_memory_create)                                                                            \
  F(dnnl_memory_get_data_handle)                                                                   \
  F(dnnl_memory_destroy)                                                                           \
  F(dnnl_convolution_forward_desc_init)                                                            \
  F(dnnl_convolution_backward_data_desc_init)                                                      \
  F(dnnl_convolution_backward_weights_desc_init)                                                   \
  F(dnnl_primitive_desc_create)                                                                    \
  F(dnnl_primitive_desc_query_md)                                                                  \
  F(dnnl_primitive_desc_destroy)                                                                   \
  F(dnnl_reorder_primitive_desc_create)                                                            \
  F(dnnl_primitive_create)                                                                         \
  F(dnnl_primitive_execute)                                                                        \
  F(dnnl_primitive_destroy)

#define MEMBER(name) __typeof__(name) *name;
static struct { EACH_FUNCTION(MEMBER) } api;

static bool load(void **out, uint32_t threads) {
  static const char *const file[] = {"libdnnl.so.2", "libdnnl.so"};
  void *library = NULL;
  for (int i = 0; i < 2 && !library; i++) library = lp_library_open(file[i]);
  void *found = NULL;
#define FIND(name)                                                                                 \
  found = library ? dlsym(library, #name) : NULL;                                                  \
  if (!found) return lp_fail(LP_ERR_NOT_FOUND, "libdnnl.so.2 is not installed"), false;            \
  memcpy(&api.name, &found, sizeof found);
  EACH_FUNCTION(FIND)
  void (*set_threads)(int);
  found = dlsym(library, "omp_set_num_threads"); /* of the OpenMP that it is linked with */
  memcpy(&set_threads, &found, sizeof found);
  if (found) set_threads((int)threads);
  *out = library;
  return true;
}

enum { MAX_OPERANDS = 4 };

/* One operand of the convolution. */
typedef struct operand {
  int arg;                   /* DNNL_ARG_* */
  dnnl_memory_desc_t plain;  /* row-major, as the case has it */
  dnnl_memory_desc_t wanted; /* first any layout, then the chosen one */
  const float *data;         /* NULL: a result */
  dnnl_memory_t memory;      /* in the chosen layout */
} operand;

typedef struct convolution {
  case_program p;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_desc_t description;
  dnnl_primitive_t primitive;
  operand operand[MAX_OPERANDS];
  dnnl_exec_arg_t arg[MAX_OPERANDS];
  int n;
  float *result; /* the first result, row-major */
} convolution;

static bool run_convolution(void *self, uint32_t times) {
  convolution *w = self;
  for (uint32_t i = 0; i < times; i++)
    if (api.dnnl_primitive_execute(w->primitive, w->stream, w->n, w->arg) != dnnl_success)
      return lp_fail(LP_ERR_DEVICE, "dnnl_primitive_execute failed"), false;
  return api.dnnl_stream_wait(w->stream) == dnnl_success ||
         (lp_fail(LP_ERR_DEVICE, "dnnl_stream_wait failed"), false);
}

static void close_convolution(void *self) {
  convolution *w = self;
  for (int i = 0; i < w->n; i++)
    if (w->operand[i].memory) api.dnnl_memory_destroy(w->operand[i].memory);
  if (w->primitive) api.dnnl_primitive_destroy(w->primitive);
  if (w->description) api.dnnl_primitive_desc_destroy(w->description);
  if (w->stream) api.dnnl_stream_destroy(w->stream);
  if (w->engine) api.dnnl_engine_destroy(w->engine);
  free(w->result);
  case_free(&w->p);
  free(w);
}

static void add_operand(convolution *w, int arg, uint32_t value, const float *data) {
  static const dnnl_format_tag_t tag[] = {dnnl_a, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd};
  const lp_desc *d = &w->p.desc[value];
  dnnl_dims_t dims = {0};
  for (uint32_t i = 0; i < d->ndim; i++) dims[i] = d->dim[i];
  operand *o = &w->operand[w->n++];
  *o = (operand){.arg = arg, .data = data};
  api.dnnl_memory_desc_init_by_tag(&o->plain, (int)d->ndim, dims, dnnl_f32, tag[d->ndim]);
  /* Biases have one layout only. */
  api.dnnl_memory_desc_init_by_tag(&o->wanted, (int)d->ndim, dims, dnnl_f32,
                                   d->ndim == 1 ? dnnl_a : dnnl_format_tag_any);
}

static const float *data_of(const case_program *p, uint32_t value) {
  for (uint32_t i = 0; i < p->n_leaves; i++)
    if (p->leaf[i].val.id == value) return p->leaf[i].data;
  return NULL;
}

/* The operands in the order of the three initializers below: gradient or image, filters, bias. */
static void add_operands(convolution *w) {
  const case_step *s = &w->p.step[0];
  const float *a = data_of(&w->p, s->in[0]), *b = data_of(&w->p, s->in[1]);
  switch (s->op) {
  case LP_OP_CONV2D:
    add_operand(w, DNNL_ARG_SRC, s->in[0], a);
    add_operand(w, DNNL_ARG_WEIGHTS, s->in[1], b);
    add_operand(w, DNNL_ARG_DST, s->out, NULL);
    if (s->n_in > 2 && s->in[2]) add_operand(w, DNNL_ARG_BIAS, s->in[2], data_of(&w->p, s->in[2]));
    break;
  case LP_OP_CONV2D_DX:
    add_operand(w, DNNL_ARG_DIFF_DST, s->in[0], a);
    add_operand(w, DNNL_ARG_WEIGHTS, s->in[1], b);
    add_operand(w, DNNL_ARG_DIFF_SRC, s->out, NULL);
    break;
  default:
    add_operand(w, DNNL_ARG_DIFF_DST, s->in[0], a);
    add_operand(w, DNNL_ARG_SRC, s->in[1], b);
    add_operand(w, DNNL_ARG_DIFF_WEIGHTS, s->out, NULL);
    if (s->n_out > 1) add_operand(w, DNNL_ARG_DIFF_BIAS, s->out + 1, NULL);
  }
}

/* A description of the convolution of the case; backward ones lean on the forward one. */
static dnnl_status_t describe(convolution *w, uint32_t op, dnnl_primitive_desc_t hint,
                              dnnl_primitive_desc_t *out) {
  const lp_conv_params *c = &w->p.step[0].params.conv;
  dnnl_dims_t stride = {c->stride, c->stride}, pad = {c->pad, c->pad};
  /* Image, filters, result of the forward convolution, whatever this case computes of them. */
  const dnnl_memory_desc_t *src = NULL, *weights = NULL, *dst = NULL, *bias = NULL;
  for (int i = 0; i < w->n; i++) {
    const dnnl_memory_desc_t *d = &w->operand[i].wanted;
    switch (w->operand[i].arg) {
    case DNNL_ARG_SRC:
    case DNNL_ARG_DIFF_SRC:
      src = d;
      break;
    case DNNL_ARG_WEIGHTS:
    case DNNL_ARG_DIFF_WEIGHTS:
      weights = d;
      break;
    case DNNL_ARG_DST:
    case DNNL_ARG_DIFF_DST:
      dst = d;
      break;
    default:
      bias = d;
    }
  }
  const dnnl_alg_kind_t kind = dnnl_convolution_auto;
  dnnl_convolution_desc_t d;
  dnnl_status_t s =
      op == LP_OP_CONV2D
          ? api.dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, kind, src, weights,
                                                   bias, dst, stride, pad, pad)
      : op == LP_OP_CONV2D_DX ? api.dnnl_convolution_backward_data_desc_init(&d, kind, src, weights,
                                                                             dst, stride, pad, pad)
                              : api.dnnl_convolution_backward_weights_desc_init(
                                    &d, kind, src, weights, bias, dst, stride, pad, pad);
  return s ? s : api.dnnl_primitive_desc_create(out, &d, NULL, w->engine, hint);
}

static dnnl_status_t reorder(convolution *w, const dnnl_memory_desc_t *from, void *source,
                             const dnnl_memory_desc_t *to, void *target) {
  dnnl_primitive_desc_t d = NULL;
  dnnl_primitive_t p = NULL;
  dnnl_memory_t a = NULL, b = NULL;
  dnnl_status_t s = api.dnnl_memory_create(&a, from, w->engine, source);
  if (!s) s = api.dnnl_memory_create(&b, to, w->engine, target);
  if (!s) s = api.dnnl_reorder_primitive_desc_create(&d, from, w->engine, to, w->engine, NULL);
  if (!s) s = api.dnnl_primitive_create(&p, d);
  dnnl_exec_arg_t arg[] = {{DNNL_ARG_FROM, a}, {DNNL_ARG_TO, b}};
  if (!s) s = api.dnnl_primitive_execute(p, w->stream, 2, arg);
  if (!s) s = api.dnnl_stream_wait(w->stream);
  if (p) api.dnnl_primitive_destroy(p);
  if (d) api.dnnl_primitive_desc_destroy(d);
  if (b) api.dnnl_memory_destroy(b);
  if (a) api.dnnl_memory_destroy(a);
  return s;
}

static dnnl_status_t prepare(convolution *w) {
  uint32_t op = w->p.step[0].op;
  dnnl_primitive_desc_t forward = NULL;
  dnnl_status_t s = api.dnnl_engine_create(&w->engine, dnnl_cpu, 0);
  if (!s) s = api.dnnl_stream_create(&w->stream, w->engine, dnnl_stream_default_flags);
  add_operands(w);
  if (!s && op != LP_OP_CONV2D) s = describe(w, LP_OP_CONV2D, NULL, &forward);
  if (!s) s = describe(w, op, forward, &w->description);
  if (forward) api.dnnl_primitive_desc_destroy(forward);
  if (!s) s = api.dnnl_primitive_create(&w->primitive, w->description);
  for (int i = 0; i < w->n && !s; i++) {
    operand *o = &w->operand[i];
    o->wanted = *api.dnnl_primitive_desc_query_md(w->description, dnnl_query_exec_arg_md, o->arg);
    void *where = NULL;
    s = api.dnnl_memory_create(&o->memory, &o->wanted, w->engine, DNNL_MEMORY_ALLOCATE);
    w->arg[i] = (dnnl_exec_arg_t){o->arg, o->memory};
    if (!s) s = api.dnnl_memory_get_data_handle(o->memory, &where);
    if (!s && o->data) s = reorder(w, &o->plain, (void *)(uintptr_t)o->data, &o->wanted, where);
  }
  return s;
}

/* Runs once and brings the result back in the case's layout. */
static dnnl_status_t read_result(convolution *w) {
  if (!run_convolution(w, 1)) return dnnl_runtime_error;
  operand *o = &w->operand[2];
  void *where = NULL;
  w->result = calloc((size_t)lp_numel(&w->p.desc[w->p.step[0].out]), sizeof *w->result);
  if (!w->result) return dnnl_out_of_memory;
  dnnl_status_t s = api.dnnl_memory_get_data_handle(o->memory, &where);
  return s ? s : reorder(w, &o->wanted, where, &o->plain, w->result);
}

void bench_add_onednn(const bench_options *o, bench_results *r, const op_case *c,
                      const char *name) {
  bench_row *row = bench_add(r, name, "onednn");
  convolution *w = calloc(1, sizeof *w);
  if (!row || !w) {
    free(w);
    return;
  }
  row->peer = true;
  row->run = run_convolution;
  row->close = close_convolution;
  row->self = w;
  snprintf(row->device, sizeof row->device, "onednn");
  void *library = NULL;
  lp_status st = load(&library, bench_threads(o)) ? case_build(c, false, &w->p) : LP_ERR_NOT_FOUND;
  if (library) bench_name_kernels(row, library, bench_threads(o));
  dnnl_status_t s = st == LP_OK ? prepare(w) : dnnl_success;
  if (st == LP_OK && !s) s = read_result(w);
  if (st != LP_OK || s) {
    row->state = ROW_UNAVAILABLE;
    if (st != LP_OK)
      snprintf(row->note, sizeof row->note, "%.200s", lp_error_message());
    else
      snprintf(row->note, sizeof row->note, "oneDNN: status %d", (int)s);
    return;
  }
  case_result result = {.n = 1};
  result.item[0] = (case_item){.desc = w->p.desc[w->p.step[0].out], .data = w->result};
  double e = bench_sampled_error(&w->p, &result);
  if (!(e <= w->p.target[0].tolerance)) {
    row->state = ROW_WRONG;
    snprintf(row->note, sizeof row->note, "error %.2g", e);
  }
  row->flops = case_flops(&w->p);
  row->bytes = case_bytes(&w->p);
}

#else

#include <stdio.h>

void bench_add_onednn(const bench_options *o, bench_results *r, const op_case *c,
                      const char *name) {
  (void)o;
  (void)c;
  bench_row *row = bench_add(r, name, "onednn");
  if (!row) return;
  row->state = ROW_UNAVAILABLE;
  snprintf(row->note, sizeof row->note, "built without dnnl.h of oneDNN 2 (libdnnl-dev)");
}

#endif
