/* Matrix products by CLBlast on the device that the OpenCL backend uses. CLBlast is found at run
 * time and declared here as far as it is needed: no header, no linking. */
#include "bench.h"
#include "opencl.h"

#include "../core/base/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MAJOR = 101, COPY_HOST = 1 << 5, BLOCKING = 1 };

struct bench_clblast {
  void *context, *queue, *a, *b, *c;
};

static void *clblast; /* the library, which stays loaded */
static int (*sgemm)(int layout, int ta, int tb, size_t m, size_t n, size_t k, float alpha, void *a,
                    size_t a_offset, size_t lda, void *b, size_t b_offset, size_t ldb, float beta,
                    void *c, size_t c_offset, size_t ldc, void **queue, void **event);

static bool load(void) {
  if (clblast) return true;
  if (!bench_cl_load()) return false;
  void *blast = lp_library_open("libclblast.so.1");
  if (!blast) return lp_fail(LP_ERR_NOT_FOUND, "libclblast.so.1 is not installed"), false;
  void *fn = dlsym(blast, "CLBlastSgemm");
  if (!fn) return lp_fail(LP_ERR_NOT_FOUND, "CLBlastSgemm is missing"), false;
  memcpy(&sgemm, &fn, sizeof fn);
  clblast = blast;
  return true;
}

void bench_clblast_close(bench_clblast *w) {
  if (!w) return;
  if (w->queue) bench_cl.finish(w->queue);
  void *buffer[] = {w->a, w->b, w->c};
  for (int i = 0; i < 3; i++)
    if (buffer[i]) bench_cl.free_buffer(buffer[i]);
  if (w->queue) bench_cl.free_queue(w->queue);
  if (w->context) bench_cl.free_context(w->context);
  free(w);
}

/* The library keeps its parameters by device, for all of a process. */
static bool set_parameters(void *device, const char *tuned) {
  static char set[256];
  static bool used;
  if (used && strcmp(set, tuned ? tuned : "") == 0) return true;
  if (used)
    return lp_fail(
               LP_ERR_UNSUPPORTED,
               "CLBlast has one set of parameters a process: measure tuned ones in another run"),
           false;
  if (tuned && !bench_clblast_tune(clblast, device, tuned)) return false;
  snprintf(set, sizeof set, "%s", tuned ? tuned : "");
  return used = true;
}

bench_clblast *bench_clblast_open(const bench_gemm *g, const char *tuned, char device_name[128]) {
  if (!load()) return NULL;
  int32_t e[5] = {0};
  void *device = bench_cl_device("opencl", device_name);
  if (!device || !set_parameters(device, tuned)) return NULL;
  bench_clblast *w = calloc(1, sizeof *w);
  if (!w) return lp_fail(LP_ERR_MEMORY, "out of memory"), NULL;
  size_t m = (size_t)g->m, n = (size_t)g->n, k = (size_t)g->k;
  w->context = bench_cl.context(NULL, 1, &device, NULL, NULL, &e[0]);
  if (w->context) {
    w->queue = bench_cl.queue(w->context, device, 0, &e[1]);
    w->a = bench_cl.buffer(w->context, COPY_HOST, m * k * sizeof(float), (void *)g->a, &e[2]);
    w->b = bench_cl.buffer(w->context, COPY_HOST, k * n * sizeof(float), (void *)g->b, &e[3]);
    w->c = bench_cl.buffer(w->context, COPY_HOST, m * n * sizeof(float), g->c, &e[4]);
  }
  if (w->context && w->queue && w->a && w->b && w->c) return w;
  for (int i = 0; i < 5; i++)
    if (e[i]) lp_fail(LP_ERR_DEVICE, "%s: OpenCL error %d", device_name, e[i]);
  bench_clblast_close(w);
  return NULL;
}

bool bench_clblast_run(bench_clblast *w, const bench_gemm *g, uint32_t times) {
  for (uint32_t i = 0; i < times; i++) {
    int e =
        sgemm(ROW_MAJOR, g->ta, g->tb, (size_t)g->m, (size_t)g->n, (size_t)g->k, 1, w->a, 0,
              (size_t)g->lda, w->b, 0, (size_t)g->ldb, 0, w->c, 0, (size_t)g->n, &w->queue, NULL);
    if (e != 0) return lp_fail(LP_ERR_DEVICE, "CLBlastSgemm: status %d", e), false;
  }
  int32_t e = bench_cl.finish(w->queue);
  return e == 0 || (lp_fail(LP_ERR_DEVICE, "clFinish: OpenCL error %d", e), false);
}

bool bench_clblast_read(bench_clblast *w, const bench_gemm *g) {
  size_t bytes = (size_t)g->m * (size_t)g->n * sizeof *g->c;
  int32_t e = bench_cl.read(w->queue, w->c, BLOCKING, 0, bytes, g->c, 0, NULL, NULL);
  return e == 0 || (lp_fail(LP_ERR_DEVICE, "clEnqueueReadBuffer: OpenCL error %d", e), false);
}
