/* OpenCL at run time, and the most multiply-adds that a device does. */
#include "opencl.h"

#include "../core/base/library.h"
#include "bench.h"

#include <dlfcn.h>
#include <math.h>
#include <string.h>

enum { MAX_DEVICES = 16, DEVICE_NAME = 0x102B };
static const uint64_t any_device = 0xFFFFFFFF;

bench_cl_functions bench_cl;

/* In the order of the members. */
static const char *const symbol[] = {"clGetPlatformIDs",
                                     "clGetDeviceIDs",
                                     "clGetDeviceInfo",
                                     "clCreateContext",
                                     "clCreateCommandQueue",
                                     "clCreateBuffer",
                                     "clEnqueueReadBuffer",
                                     "clCreateProgramWithSource",
                                     "clBuildProgram",
                                     "clCreateKernel",
                                     "clSetKernelArg",
                                     "clEnqueueNDRangeKernel",
                                     "clFinish",
                                     "clReleaseMemObject",
                                     "clReleaseKernel",
                                     "clReleaseProgram",
                                     "clReleaseCommandQueue",
                                     "clReleaseContext"};
enum { SYMBOLS = sizeof symbol / sizeof *symbol };
_Static_assert(sizeof bench_cl == SYMBOLS * sizeof(void *), "a name for each member");

/* The backend's name of a device is the driver's, and where it is on the bus. */
static bool is_device(const char *name, const char *wanted) {
  const size_t n = strcspn(wanted, ",");
  return strcmp(name, wanted) == 0 || (strlen(name) >= n && wanted[n] && !strncmp(name, wanted, n));
}

bool bench_cl_load(void) {
  static bool loaded;
  if (loaded) return true;
  void *cl = lp_library_open("libOpenCL.so.1");
  if (!cl) return lp_fail(LP_ERR_NOT_FOUND, "libOpenCL.so.1 is not installed"), false;
  for (int i = 0; i < SYMBOLS; i++) {
    void *fn = dlsym(cl, symbol[i]);
    if (!fn) return lp_fail(LP_ERR_NOT_FOUND, "%s is missing", symbol[i]), false;
    memcpy((char *)&bench_cl + (size_t)i * sizeof fn, &fn, sizeof fn);
  }
  return loaded = true;
}

/* Drivers that the backend does not trust after their trial are not asked here, either. */
void *bench_cl_device(const char *backend, char name[128]) {
  char wanted[128];
  lp_session *s = NULL;
  if (lp_session_open(backend, 1, &s) != LP_OK) return NULL;
  snprintf(wanted, sizeof wanted, "%s", lp_session_device(s)->name);
  lp_session_close(s);
  void *platform[MAX_DEVICES], *device[MAX_DEVICES];
  uint32_t n = 0;
  if (bench_cl.platforms(MAX_DEVICES, platform, &n) != 0) n = 0;
  for (uint32_t p = 0; p < n && p < MAX_DEVICES; p++) {
    uint32_t m = 0;
    if (bench_cl.devices(platform[p], any_device, MAX_DEVICES, device, &m) != 0) continue;
    for (uint32_t d = 0; d < m && d < MAX_DEVICES; d++)
      if (bench_cl.device_info(device[d], DEVICE_NAME, 128, name, NULL) == 0 &&
          is_device(name, wanted))
        return device[d];
  }
  lp_fail(LP_ERR_DEVICE, "%s (%s) is no OpenCL device", backend, wanted);
  return NULL;
}

/* ---- multiply-adds -----------------------------------------------------------------------------
 */

enum { CHAINS = 16, IN_A_ROUND = 4, ROUNDS = 64, GROUP = 256 };

/* Each x depends on itself alone: a chain is as slow as a multiply-add is long, so many of them.
 * The result is stored so that nothing is left out. */
static const char source[] =
    "#define NEXT x = x * a + b; y = y * a + b; z = z * a + b; w = w * a + b;\n"
    "kernel __attribute__((reqd_work_group_size(256, 1, 1)))\n"
    "void chains(global float *out, const float a, const float b, const int rounds) {\n"
    "  float4 x = (float4)(0.0f, 1.0f, 2.0f, 3.0f), y = x + 4.0f, z = x + 8.0f, w = x + 12.0f;\n"
    "  for (int i = 0; i < rounds; i++) { NEXT NEXT NEXT NEXT }\n"
    "  x += y + z + w;\n"
    "  out[get_global_id(0)] = x.x + x.y + x.z + x.w;\n"
    "}\n";

typedef struct peak {
  void *context, *queue, *out, *program, *kernel;
  size_t items;
} peak;

static void close_peak(peak *p) {
  if (p->kernel) bench_cl.free_kernel(p->kernel);
  if (p->program) bench_cl.free_program(p->program);
  if (p->out) bench_cl.free_buffer(p->out);
  if (p->queue) bench_cl.free_queue(p->queue);
  if (p->context) bench_cl.free_context(p->context);
}

static bool open_peak(peak *p, void *device, uint32_t units) {
  const char *text = source;
  int32_t e = 0;
  p->items = (size_t)units * 2048;
  p->context = bench_cl.context(NULL, 1, &device, NULL, NULL, &e);
  if (p->context) p->queue = bench_cl.queue(p->context, device, 0, &e);
  if (p->queue) p->out = bench_cl.buffer(p->context, 0, p->items * sizeof(float), NULL, &e);
  if (p->out) p->program = bench_cl.program(p->context, 1, &text, NULL, &e);
  if (p->program && bench_cl.build(p->program, 1, &device, "-cl-std=CL1.2", NULL, NULL) == 0)
    p->kernel = bench_cl.kernel(p->program, "chains", &e);
  return p->kernel != NULL;
}

/* Seconds of one launch; NaN when it was refused. */
static double launch_seconds(const peak *p, int32_t rounds) {
  const float a = 0.999f, b = 1e-3f;
  const size_t group = GROUP;
  int32_t e = bench_cl.argument(p->kernel, 0, sizeof p->out, &p->out) |
              bench_cl.argument(p->kernel, 1, sizeof a, &a) |
              bench_cl.argument(p->kernel, 2, sizeof b, &b) |
              bench_cl.argument(p->kernel, 3, sizeof rounds, &rounds);
  if (e == 0) e = bench_cl.finish(p->queue);
  const double start = bench_now();
  if (e == 0) e = bench_cl.launch(p->queue, p->kernel, 1, NULL, &p->items, &group, 0, NULL, NULL);
  if (e == 0) e = bench_cl.finish(p->queue);
  return e == 0 ? bench_now() - start : NAN;
}

double bench_cl_peak(const char *backend, bool quick) {
  char name[128];
  peak p = {0};
  double best = NAN;
  lp_session *s = NULL;
  if (!bench_cl_load() || lp_session_open(backend, 1, &s) != LP_OK) return NAN;
  const uint32_t units = lp_session_device(s)->units;
  lp_session_close(s);
  void *device = bench_cl_device(backend, name);
  if (device && open_peak(&p, device, units ? units : 1)) {
    /* So long that the launch does not count, and the clocks have risen. */
    int32_t rounds = ROUNDS;
    double t = launch_seconds(&p, rounds);
    while (t < (quick ? 0.005 : 0.03) && rounds < 1 << 24) t = launch_seconds(&p, rounds *= 2);
    for (int i = 0; i < (quick ? 3 : 10) && !isnan(t); i++) {
      t = launch_seconds(&p, rounds);
      const double gflops = 2e-9 * IN_A_ROUND * CHAINS * (double)rounds * (double)p.items / t;
      best = fmax(best, gflops); /* skips NaN */
    }
  }
  close_peak(&p);
  return best;
}
