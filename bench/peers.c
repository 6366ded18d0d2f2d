/* Matrix products by other libraries, found at run time and never linked: OpenBLAS and BLIS by
 * their cblas_sgemm, oneDNN by dnnl_sgemm, CLBlast on the OpenCL device (clblast.c). */
#include "bench.h"

#include "../core/base/library.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
typedef void (*cblas_fn)(int order, int ta, int tb, int m, int n, int k, float alpha,
                         const float *a, int lda, const float *b, int ldb, float beta, float *c,
                         int ldc);
typedef int (*dnnl_fn)(char ta, char tb, int64_t m, int64_t n, int64_t k, float alpha,
                       const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
                       float *c, int64_t ldc);
typedef void (*threads_fn)(int n);

static const struct {
  const char *name, *file[4], *sgemm, *set_threads;
  bool dnnl;
} peers[] = {
    {"openblas",
     {"libopenblas.so.0", "libopenblas.so"},
     "cblas_sgemm",
     "openblas_set_num_threads",
     false},
    {"blis", {"libblis.so.4", "libblis.so.3"}, "cblas_sgemm", "bli_thread_set_num_threads", false},
    {"onednn", {"libdnnl.so.3", "libdnnl.so.2"}, "dnnl_sgemm", "omp_set_num_threads", true},
    {"clblast", {NULL}, NULL, NULL, false},
};
static const char no_such_peer[] =
    "no such peer; there are openblas, blis, onednn, clblast (products), torch (networks)";
static const char tuned_clblast[] = "clblast:tuned=";

typedef struct product {
  void *library;
  cblas_fn cblas;
  dnnl_fn dnnl;
  bench_clblast *clblast;
  bench_gemm g;
  case_program p;
} product;

static bool run_product(void *self, uint32_t times) {
  product *w = self;
  const bench_gemm *g = &w->g;
  if (w->clblast) return bench_clblast_run(w->clblast, g, times);
  for (uint32_t i = 0; i < times; i++) {
    if (w->dnnl) {
      int status = w->dnnl(g->ta == TRANS ? 'T' : 'N', g->tb == TRANS ? 'T' : 'N', g->m, g->n, g->k,
                           1, g->a, g->lda, g->b, g->ldb, 0, g->c, g->n);
      if (status != 0) return lp_fail(LP_ERR_DEVICE, "dnnl_sgemm: status %d", status), false;
    } else {
      w->cblas(ROW_MAJOR, g->ta, g->tb, g->m, g->n, g->k, 1, g->a, g->lda, g->b, g->ldb, 0, g->c,
               g->n);
    }
  }
  return true;
}

static void close_product(void *self) {
  product *w = self;
  bench_clblast_close(w->clblast);
  free(w->g.c);
  case_free(&w->p);
  free(w); /* the library stays: unloading one with threads of its own is not safe */
}

/* The product behind a plain linear op of the case. */
static bool describe(bench_gemm *g, const case_program *p, const op_case *c) {
  int N = (int)c->row->n, O = (int)c->row->o, I = (int)c->row->c;
  g->ta = c->op == LP_OP_LINEAR_DW ? TRANS : NO_TRANS;
  g->tb = c->op == LP_OP_LINEAR ? TRANS : NO_TRANS;
  g->m = c->op == LP_OP_LINEAR_DW ? O : N;
  g->n = c->op == LP_OP_LINEAR ? O : I;
  g->k = c->op == LP_OP_LINEAR ? I : c->op == LP_OP_LINEAR_DX ? O : N;
  g->lda = c->op == LP_OP_LINEAR ? I : O;
  g->ldb = I;
  const case_step *s = &p->step[0];
  for (uint32_t i = 0; i < p->n_leaves; i++) {
    if (p->leaf[i].val.id == s->in[0]) g->a = p->leaf[i].data;
    if (p->leaf[i].val.id == s->in[1]) g->b = p->leaf[i].data;
  }
  g->c = calloc((size_t)g->m * (size_t)g->n, sizeof *g->c);
  return (g->a && g->b && g->c) || (lp_fail(LP_ERR_MEMORY, "product: out of memory"), false);
}

/* Finds the library's function; false where it is not installed. */
static bool load(const bench_options *o, product *w, size_t which) {
  for (int f = 0; f < 4 && peers[which].file[f] && !w->library; f++)
    w->library = lp_library_open(peers[which].file[f]);
  void *fn = w->library ? dlsym(w->library, peers[which].sgemm) : NULL;
  if (!fn) return lp_fail(LP_ERR_NOT_FOUND, "%s is not installed", peers[which].file[0]), false;
  if (peers[which].dnnl)
    memcpy(&w->dnnl, &fn, sizeof fn);
  else
    memcpy(&w->cblas, &fn, sizeof fn);
  void *set = peers[which].set_threads ? dlsym(w->library, peers[which].set_threads) : NULL;
  threads_fn set_threads;
  memcpy(&set_threads, &set, sizeof set);
  /* BLIS runs on one thread unless told otherwise; oneDNN on as many as OpenMP has. */
  if (set) set_threads((int)bench_threads(o));
  return true;
}

static void add_peer(const bench_options *o, bench_results *r, const op_case *c, const char *name,
                     size_t which, const char *tuned) {
  char label[32];
  snprintf(label, sizeof label, "%s%s", peers[which].name, tuned ? ":tuned" : "");
  bench_row *row = bench_add(r, name, label);
  product *w = calloc(1, sizeof *w);
  if (!row || !w) {
    free(w);
    return;
  }
  row->peer = true;
  row->run = run_product;
  row->close = close_product;
  row->self = w;
  snprintf(row->device, sizeof row->device, "%s", peers[which].name);
  bool on_device = !peers[which].sgemm;
  bool ready = (on_device || load(o, w, which)) && case_build(c, false, &w->p) == LP_OK &&
               describe(&w->g, &w->p, c);
  if (ready && !on_device) bench_name_kernels(row, w->library, bench_threads(o));
  if (ready && on_device) w->clblast = bench_clblast_open(&w->g, tuned, row->device);
  ready = ready && (w->clblast || !on_device) && run_product(w, 1);
  if (!ready || (w->clblast && !bench_clblast_read(w->clblast, &w->g))) {
    row->state = ROW_UNAVAILABLE;
    snprintf(row->note, sizeof row->note, "%.200s", lp_error_message());
    return;
  }
  case_result result = {.n = 1};
  result.item[0] = (case_item){.desc = w->p.desc[w->p.target[0].val.id], .data = w->g.c};
  double e = bench_sampled_error(&w->p, &result);
  if (!(e <= w->p.target[0].tolerance)) {
    row->state = ROW_WRONG;
    snprintf(row->note, sizeof row->note, "error %.2g", e);
  }
  row->flops = case_flops(&w->p);
  row->bytes = case_bytes(&w->p);
}

bool bench_has_peer(const bench_options *o, const char *peer) {
  size_t n = strlen(peer);
  for (const char *p = o->peer; p && *p; p += strcspn(p, ","), p += *p == ',')
    if (strcspn(p, ",") == n && strncmp(p, peer, n) == 0) return true;
  return false;
}

void bench_add_peers(const bench_options *o, bench_results *r, const op_case *c, const char *name) {
  if (c->op >= LP_OP_CONV2D && c->op <= LP_OP_CONV2D_DW) {
    if (bench_has_peer(o, "onednn")) bench_add_onednn(o, r, c, name);
    return;
  }
  char copy[512], *rest = copy;
  snprintf(copy, sizeof copy, "%s", o->peer ? o->peer : "");
  for (char *peer; (peer = strsep(&rest, ","));) {
    size_t i = 0, n = sizeof peers / sizeof *peers;
    if (!*peer || strncmp(peer, "torch", 5) == 0) continue; /* torch has networks, no products */
    const char *tuned = strncmp(peer, tuned_clblast, strlen(tuned_clblast)) == 0
                            ? peer + strlen(tuned_clblast)
                            : NULL;
    while (i < n && strcmp(peers[i].name, tuned ? "clblast" : peer) != 0) i++;
    if (i < n) {
      add_peer(o, r, c, name, i, tuned);
      continue;
    }
    bench_row *row = bench_add(r, name, peer);
    if (!row) continue;
    row->state = ROW_UNAVAILABLE;
    snprintf(row->note, sizeof row->note, "%s", no_such_peer);
  }
}
