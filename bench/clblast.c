/* Matrix products by CLBlast on the device that the OpenCL backend uses. CLBlast and OpenCL are
 * found at run time and declared here as far as they are needed: no header, no linking. */
#include "bench.h"

#include "../core/base/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEVICES = 16, ROW_MAJOR = 101, DEVICE_NAME = 0x102B, COPY_HOST = 1 << 5, BLOCKING = 1 };
static const uint64_t any_device = 0xFFFFFFFF;

static struct {
  int32_t (*platforms)(uint32_t n, void **out, uint32_t *found);
  int32_t (*devices)(void *platform, uint64_t type, uint32_t n, void **out, uint32_t *found);
  int32_t (*device_info)(void *device, uint32_t what, size_t n, void *out, size_t *size);
  void *(*context)(const intptr_t *properties, uint32_t n, void *const *devices, void *notify,
                   void *user, int32_t *error);
  void *(*queue)(void *context, void *device, uint64_t properties, int32_t *error);
  void *(*buffer)(void *context, uint64_t flags, size_t n, void *host, int32_t *error);
  int32_t (*read)(void *queue, void *buffer, uint32_t blocking, size_t offset, size_t n, void *out,
                  uint32_t n_wait, void *wait, void *event);
  int32_t (*finish)(void *queue);
  int32_t (*free_buffer)(void *buffer);
  int32_t (*free_queue)(void *queue);
  int32_t (*free_context)(void *context);
  int (*sgemm)(int layout, int ta, int tb, size_t m, size_t n, size_t k, float alpha, void *a,
               size_t a_offset, size_t lda, void *b, size_t b_offset, size_t ldb, float beta,
               void *c, size_t c_offset, size_t ldc, void **queue, void **event);
} api;

/* In the order of the members of api. */
static const char *const symbol[] = {
    "clGetPlatformIDs",     "clGetDeviceIDs",        "clGetDeviceInfo",     "clCreateContext",
    "clCreateCommandQueue", "clCreateBuffer",        "clEnqueueReadBuffer", "clFinish",
    "clReleaseMemObject",   "clReleaseCommandQueue", "clReleaseContext",    "CLBlastSgemm"};
enum { SYMBOLS = sizeof symbol / sizeof *symbol };
_Static_assert(sizeof api == SYMBOLS * sizeof(void *), "a name for each member of api");

struct bench_clblast {
  void *context, *queue, *a, *b, *c;
};

static void *clblast; /* the library */

/* The libraries stay loaded: drivers have threads of their own. */
static bool load(void) {
  if (clblast) return true;
  void *cl = lp_library_open("libOpenCL.so.1");
  if (!cl) return lp_fail(LP_ERR_NOT_FOUND, "libOpenCL.so.1 is not installed"), false;
  void *blast = lp_library_open("libclblast.so.1");
  if (!blast) return lp_fail(LP_ERR_NOT_FOUND, "libclblast.so.1 is not installed"), false;
  for (int i = 0; i < SYMBOLS; i++) {
    void *fn = dlsym(i == SYMBOLS - 1 ? blast : cl, symbol[i]);
    if (!fn) return lp_fail(LP_ERR_NOT_FOUND, "%s is missing", symbol[i]), false;
    memcpy((char *)&api + (size_t)i * sizeof fn, &fn, sizeof fn);
  }
  clblast = blast;
  return true;
}

/* The backend's default device by its name; the first there is where that one is not found. Drivers
 * that the backend does not trust after their trial are not asked here, either. */
static void *find_device(char name[128]) {
  char wanted[128];
  lp_session *s = NULL;
  if (lp_session_open("opencl", 1, &s) != LP_OK) return NULL;
  snprintf(wanted, sizeof wanted, "%s", lp_session_device(s)->name);
  lp_session_close(s);
  void *platform[MAX_DEVICES], *device[MAX_DEVICES], *first = NULL;
  char first_name[128] = "";
  uint32_t n = 0;
  if (api.platforms(MAX_DEVICES, platform, &n) != 0) n = 0;
  for (uint32_t p = 0; p < n && p < MAX_DEVICES; p++) {
    uint32_t m = 0;
    if (api.devices(platform[p], any_device, MAX_DEVICES, device, &m) != 0) continue;
    for (uint32_t d = 0; d < m && d < MAX_DEVICES; d++) {
      if (api.device_info(device[d], DEVICE_NAME, 128, name, NULL) != 0) continue;
      if (strcmp(name, wanted) == 0) return device[d];
      if (first) continue;
      first = device[d];
      memcpy(first_name, name, sizeof first_name);
    }
  }
  memcpy(name, first_name, sizeof first_name);
  if (!first) lp_fail(LP_ERR_DEVICE, "no OpenCL device");
  return first;
}

void bench_clblast_close(bench_clblast *w) {
  if (!w) return;
  if (w->queue) api.finish(w->queue);
  void *buffer[] = {w->a, w->b, w->c};
  for (int i = 0; i < 3; i++)
    if (buffer[i]) api.free_buffer(buffer[i]);
  if (w->queue) api.free_queue(w->queue);
  if (w->context) api.free_context(w->context);
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
  void *device = find_device(device_name);
  if (!device || !set_parameters(device, tuned)) return NULL;
  bench_clblast *w = calloc(1, sizeof *w);
  if (!w) return lp_fail(LP_ERR_MEMORY, "out of memory"), NULL;
  size_t m = (size_t)g->m, n = (size_t)g->n, k = (size_t)g->k;
  w->context = api.context(NULL, 1, &device, NULL, NULL, &e[0]);
  if (w->context) {
    w->queue = api.queue(w->context, device, 0, &e[1]);
    w->a = api.buffer(w->context, COPY_HOST, m * k * sizeof(float), (void *)g->a, &e[2]);
    w->b = api.buffer(w->context, COPY_HOST, k * n * sizeof(float), (void *)g->b, &e[3]);
    w->c = api.buffer(w->context, COPY_HOST, m * n * sizeof(float), g->c, &e[4]);
  }
  if (w->context && w->queue && w->a && w->b && w->c) return w;
  for (int i = 0; i < 5; i++)
    if (e[i]) lp_fail(LP_ERR_DEVICE, "%s: OpenCL error %d", device_name, e[i]);
  bench_clblast_close(w);
  return NULL;
}

bool bench_clblast_run(bench_clblast *w, const bench_gemm *g, uint32_t times) {
  for (uint32_t i = 0; i < times; i++) {
    int e = api.sgemm(ROW_MAJOR, g->ta, g->tb, (size_t)g->m, (size_t)g->n, (size_t)g->k, 1, w->a, 0,
                      (size_t)g->lda, w->b, 0, (size_t)g->ldb, 0, w->c, 0, (size_t)g->n, &w->queue,
                      NULL);
    if (e != 0) return lp_fail(LP_ERR_DEVICE, "CLBlastSgemm: status %d", e), false;
  }
  int32_t e = api.finish(w->queue);
  return e == 0 || (lp_fail(LP_ERR_DEVICE, "clFinish: OpenCL error %d", e), false);
}

bool bench_clblast_read(bench_clblast *w, const bench_gemm *g) {
  size_t bytes = (size_t)g->m * (size_t)g->n * sizeof *g->c;
  int32_t e = api.read(w->queue, w->c, BLOCKING, 0, bytes, g->c, 0, NULL, NULL);
  return e == 0 || (lp_fail(LP_ERR_DEVICE, "clEnqueueReadBuffer: OpenCL error %d", e), false);
}
