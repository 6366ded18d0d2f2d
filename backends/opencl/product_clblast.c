/* The engine that calls CLBlast: operands that are no plain matrix (weights under a prior, images
 * of a convolution) are written out first, and what follows the product is a kernel of its own
 * (kernels/product_parts.cl). All scratch, CLBlast's too, is in the plan's workspace.
 *
 * The images of a convolution written out are KS * KS times as large as they are: they are cut into
 * pieces that fit the device, of places for y and dx (columns of the product), and for dW of the
 * terms that are summed, whose products are added up.
 *
 * Never the default: it pays for the prior with passes over memory, and its first use takes
 * seconds. On devices that run kernels on CPU cores it cannot win and is not tried. */
#include "product.h"

#include <clblast_c.h>
#include <pthread.h>
#include <stdlib.h>

#define GROUP 256
#define ROOM  (UINT64_C(256) << 20) /* bytes that a piece may take where the device has more */
#define LEAST 256                   /* columns or terms of a piece: fewer are not worth a call */

/* CLBlast 1.5 is not safe to use from several threads. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

struct ocl_gemm {
  CLBlastLayout layout;
  CLBlastTranspose ta, tb;
  size_t m, n, k, lda, ldb, ldc;
  float beta; /* 1: add to what is there */
  ocl_arg a, b, c;
  size_t a_at, b_at, c_at; /* elements from the start of their buffers */
  cl_mem temp;             /* a part of the workspace, or NULL */
};

/* Which operands are written out, and where the parts of the workspace begin, in bytes. */
typedef struct parts {
  bool a, b, c, finish;
  bool along_k;         /* the pieces are of terms, not of columns */
  int64_t n;            /* columns of the product: without that of db */
  int64_t whole, piece; /* what is cut, and how much of it is done at a time */
  size_t at_a, at_b, at_c, at_temp, size;
} parts;

static CLBlastTranspose transpose(bool yes) {
  return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

/* `count` columns or terms of the product. */
static ocl_gemm describe(const product *p, const parts *w, int64_t count) {
  size_t n = (size_t)(w->along_k ? w->n : count), k = (size_t)(w->along_k ? count : p->k);
  ocl_gemm g = {.layout = CLBlastLayoutRowMajor,
                .ta = transpose(!p->conv && p->direction != 2),
                .tb = CLBlastTransposeNo,
                .m = (size_t)p->m,
                .n = n,
                .k = k,
                .lda = k,
                .ldb = n,
                .ldc = n};
  if (p->conv) return g;
  g.lda = (size_t)(p->direction == 1 ? p->inputs : p->outputs);
  g.ldb = g.ldc = (size_t)p->inputs;
  if (p->direction == 1) { /* y is the transpose of C in rows: the same as C in columns */
    g.layout = CLBlastLayoutColMajor;
    g.ldc = (size_t)p->outputs;
  }
  return g;
}

static size_t scratch_of_library(lp_device *dev, const ocl_gemm *g) {
  /* Operands that begin within a buffer are copied, and where these will is not known yet. */
  const size_t within = 1;
  size_t bytes = 0;
  pthread_mutex_lock(&one_at_a_time);
  if (CLBlastSGemmTempBufferSize(g->layout, g->ta, g->tb, g->m, g->n, g->k, within, g->lda, within,
                                 g->ldb, within, g->ldc, &dev->queue, &bytes) != CLBlastSuccess)
    bytes = 0;
  pthread_mutex_unlock(&one_at_a_time);
  return bytes;
}

static void lay_out(lp_device *dev, const product *p, parts *w) {
  const size_t align = dev->info.alignment;
  ocl_gemm g = describe(p, w, w->piece);
  const size_t bytes[] = {w->a ? g.m * g.k * sizeof(float) : 0,
                          w->b ? g.k * g.n * sizeof(float) : 0,
                          w->c ? g.m * g.n * sizeof(float) : 0, scratch_of_library(dev, &g)};
  size_t *const at[] = {&w->at_a, &w->at_b, &w->at_c, &w->at_temp};
  w->size = 0;
  for (int i = 0; i < 4; i++) {
    *at[i] = w->size;
    w->size += (bytes[i] + align - 1) / align * align;
  }
}

static parts divide(lp_device *dev, const product *p) {
  bool prior = p->table || p->dense;
  bool db = p->direction == 3 && p->second;
  parts w = {.n = p->n - db, .along_k = p->conv && p->direction == 3};
  w.a = p->conv ? p->direction != 1 : prior && p->direction == 1;
  w.b = p->conv || (prior && p->direction == 2);
  w.c = p->conv;
  w.finish = p->conv || p->second || p->step->post_count || (prior && p->direction == 3);
  w.whole = w.piece = w.along_k ? p->k : w.n;
  uint64_t room = product_room(dev) < ROOM ? product_room(dev) : ROOM;
  lay_out(dev, p, &w);
  for (int64_t pieces = 2; p->conv && w.size > room && w.piece > LEAST; pieces *= 2) {
    w.piece = ocl_ceil(w.whole, pieces);
    lay_out(dev, p, &w);
  }
  return w;
}

bool clblast_fits(lp_device *dev, const product *p, const engine *g) {
  (void)g;
  return !dev->cpu && p->m > 0 && p->n > 0 && p->k > 0;
}

size_t clblast_workspace(lp_device *dev, const product *p, const engine *g) {
  (void)g;
  return divide(dev, p).size;
}

/* Kernel `number` over columns or terms first .. first + count - 1. */
static void part(ocl_encoder *e, const product *p, const parts *w, int number, int64_t elements,
                 size_t at, int64_t first, int64_t count) {
  ocl_begin_with(e, p->conv ? "conv" : "linear", "product_parts", "product_parts");
  product_define(e, p, 0);
  ocl_define_int(e, "PART", number);
  ocl_define_int(e, "IN_PLACE", !w->c);
  ocl_define_int(e, "ALONG_K", w->along_k);
  ocl_grid(e, ocl_ceil(elements, GROUP), GROUP);
  product_args(e, p);
  const lp_slot *ws = lp_plan_slot(e->plan, e->step->workspace);
  ocl_arg_slot_at(e, ws ? ws : p->y, ws ? at : 0);
  ocl_arg_int(e, first);
  ocl_arg_int(e, count);
}

static ocl_arg buffer_of(ocl_encoder *e, const lp_slot *slot) {
  ocl_arg a = {.kind = OCL_ARG_BOUND, .index = slot->buffer};
  if (slot->kind != LP_SLOT_BOUND)
    a = (ocl_arg){.kind = OCL_ARG_MEM, .mem = e->plan->buffers[slot->buffer]->mem};
  return a;
}

static void call(ocl_encoder *e, const product *p, const parts *w, ocl_gemm g) {
  const lp_slot *ws = lp_plan_slot(e->plan, e->step->workspace);
  /* The factors as C(m,n) sees them: forward, the second one is on the left. */
  const lp_slot *left = p->direction == 1 ? p->q : p->p, *right = p->direction == 1 ? p->p : p->q;
  const struct {
    const lp_slot *slot;
    size_t extra;
    ocl_arg *arg;
    size_t *at;
  } operand[] = {{w->a ? ws : left, w->a ? w->at_a : 0, &g.a, &g.a_at},
                 {w->b ? ws : right, w->b ? w->at_b : 0, &g.b, &g.b_at},
                 {w->c ? ws : p->y, w->c ? w->at_c : 0, &g.c, &g.c_at}};
  for (int i = 0; i < 3; i++) {
    *operand[i].arg = buffer_of(e, operand[i].slot);
    *operand[i].at = (operand[i].slot->offset + operand[i].extra) / sizeof(float);
  }
  ocl_begin(e, "clblast");
  if (!e->now) return;
  if (ws && w->size > w->at_temp) {
    cl_int error;
    cl_buffer_region region = {ws->offset + w->at_temp, w->size - w->at_temp};
    g.temp = clCreateSubBuffer(e->plan->buffers[ws->buffer]->mem, CL_MEM_READ_WRITE,
                               CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
    if (error != CL_SUCCESS) e->status = ocl_fail(e->dev, error, "scratch of CLBlast");
  }
  e->dev->gemm_used = true;
  e->now->gemm = malloc(sizeof g);
  if (e->now->gemm)
    *e->now->gemm = g;
  else
    e->status = ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", e->dev->info.id);
}

void clblast_encode(ocl_encoder *e, const product *p, const engine *unused) {
  (void)unused;
  parts w = divide(e->dev, p);
  /* What is written out once: all of A but for terms, of which a piece has its own. */
  if (w.a && !w.along_k) part(e, p, &w, 1, p->m * p->k, w.at_a, 0, p->k);
  for (int64_t at = 0; at < w.whole && e->status == LP_OK; at += w.piece) {
    int64_t count = w.whole - at < w.piece ? w.whole - at : w.piece;
    ocl_gemm g = describe(p, &w, count);
    g.beta = w.along_k && at ? 1.0f : 0.0f;
    if (w.along_k) part(e, p, &w, 1, p->m * count, w.at_a, at, count);
    if (w.b) part(e, p, &w, 2, count * (w.along_k ? w.n : p->k), w.at_b, at, count);
    call(e, p, &w, g);
    if (w.finish && p->direction != 3) part(e, p, &w, 3, p->m * count, w.at_c, at, count);
  }
  if (w.finish && p->direction == 3) part(e, p, &w, 3, p->m * p->n, w.at_c, 0, p->n);
}

void ocl_gemm_free(ocl_gemm *g) {
  if (!g) return;
  if (g->temp) clReleaseMemObject(g->temp);
  free(g);
}

static cl_mem memory(const ocl_arg *a, const lp_run_args *args) {
  return a->kind == OCL_ARG_BOUND ? args->bound[a->index]->mem : a->mem;
}

cl_int ocl_gemm_enqueue(ocl_gemm *g, cl_command_queue queue, const lp_run_args *args,
                        cl_event *event) {
  pthread_mutex_lock(&one_at_a_time);
  CLBlastStatusCode e = CLBlastSgemmWithTempBuffer(
      g->layout, g->ta, g->tb, g->m, g->n, g->k, 1.0f, memory(&g->a, args), g->a_at, g->lda,
      memory(&g->b, args), g->b_at, g->ldb, g->beta, memory(&g->c, args), g->c_at, g->ldc, &queue,
      event, g->temp);
  pthread_mutex_unlock(&one_at_a_time);
  return (cl_int)e; /* CLBlast's own codes lie outside those of OpenCL */
}

/* CLBlast keeps programs by context: they must go before it. */
void ocl_gemm_forget(void) {
  pthread_mutex_lock(&one_at_a_time);
  CLBlastClearCache();
  pthread_mutex_unlock(&one_at_a_time);
}
