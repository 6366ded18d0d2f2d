/* What happens when an OpenCL call fails: one row a call and code. Each row trains nothing and
 * needs no broken driver: a small plan runs, then with the fault, then without it again. Checked
 * are the status, what is said, and whether the device goes on and computes what it did before. */
#include "bench.h"
#include "fault.h"

#include <locality/io.h>
#include <locality/registry.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef enum action { PLAN, TUNE, RUN, PROFILE, UPLOAD, BUFFER } action;
static const char *const action_name[] = {
    "make a plan", "tune and make a plan", "run", "timed run", "upload", "allocate"};

typedef struct row {
  const char *device;
  action action;
  fault fault[2];
  lp_status status;
  const char *said, *not_said; /* parts of the message, of the log where all is well; or NULL */
  bool goes_on;
} row;

#define KERNEL(name, code)                                                                         \
  {                                                                                                \
    { "clEnqueueNDRangeKernel", name, 1, code }                                                    \
  }
#define CALL(name, code)                                                                           \
  {                                                                                                \
    { name, NULL, 1, code }                                                                        \
  }
#define GEMM  "opencl:kernels=gpu,product=clblast"
#define TUNED "opencl:kernels=gpu,tune=60"
#define TILES "opencl:kernels=gpu,product=tile32"
static const char batch[] = "lower the batch size", late[] = "a kernel failed or ran too long";

static const row rows[] = {
    /* refused kernels */
    {"opencl", RUN, KERNEL("linear", -54), LP_ERR_UNSUPPORTED,
     "refuses kernel linear_panel: invalid work-group size", batch, true},
    {"opencl", RUN, KERNEL("linear", -5), LP_ERR_UNSUPPORTED, "refuses kernel linear_panel", batch,
     true},
    {"opencl", RUN, KERNEL("linear", -4), LP_ERR_MEMORY, batch, NULL, true},
    {"opencl", RUN, KERNEL("softmax", -6), LP_ERR_MEMORY, batch, NULL, true},
    {"opencl", RUN, KERNEL("softmax", -55), LP_ERR_UNSUPPORTED, "refuses kernel softmax", batch,
     true},
    {"opencl", RUN, KERNEL("softmax", -63), LP_ERR_UNSUPPORTED, "refuses kernel softmax", batch,
     true},
    {TILES, RUN, KERNEL("gemm_tile", -54), LP_ERR_UNSUPPORTED, "refuses kernel gemm_tile", batch,
     true},
    {"opencl", PROFILE, KERNEL("softmax", -54), LP_ERR_UNSUPPORTED, "refuses kernel softmax", batch,
     true},
    /* a candidate of the tuner: left out by name */
    {TUNED,
     TUNE,
     {{"clEnqueueNDRangeKernel", "gemm_tile", 0, -54}},
     LP_OK,
     "tile128 is left out of the choice for this product",
     batch,
     true},
    {TUNED,
     TUNE,
     {{"clEnqueueNDRangeKernel", "gemm_tile", 0, -5}},
     LP_OK,
     "tile128 is left out of the choice for this product",
     batch,
     true},
    {TUNED,
     TUNE,
     {{"CLBlastSgemmWithTempBuffer", NULL, 0, -2046}},
     LP_OK,
     "clblast is left out of the choice",
     batch,
     true},
    /* the device is lost */
    {"opencl", RUN, KERNEL("linear", -2), LP_ERR_DEVICE, "the device is lost", batch, false},
    {"opencl", RUN, KERNEL("linear", -34), LP_ERR_DEVICE, "the device is lost", batch, false},
    {"opencl", RUN, KERNEL("softmax", -36), LP_ERR_DEVICE, "the device is lost", batch, false},
    {"opencl", RUN, KERNEL("softmax", -9999), LP_ERR_DEVICE, "illegal read or write", batch, false},
    /* a refusal that is the echo of an earlier failure */
    {"opencl",
     RUN,
     {{"clEnqueueNDRangeKernel", "softmax", 1, -5}, {"clFinish", NULL, 1, -5}},
     LP_ERR_DEVICE,
     late,
     batch,
     false},
    /* CLBlast: its own codes, and those of the kernels that it enqueues */
    {GEMM, RUN, CALL("CLBlastSgemmWithTempBuffer", -2046), LP_ERR_UNSUPPORTED,
     "refuses kernel clblast: CLBlast needs more local memory", batch, true},
    {GEMM, RUN, CALL("CLBlastSgemmWithTempBuffer", -2039), LP_ERR_UNSUPPORTED,
     "refuses kernel clblast: CLBlast's error -2039", batch, true},
    {GEMM, RUN, KERNEL("Xgemm", -54), LP_ERR_UNSUPPORTED, "refuses kernel clblast", batch, true},
    {GEMM, RUN, KERNEL("Xgemm", -36), LP_ERR_DEVICE, "the device is lost", batch, false},
    /* late failures */
    {"opencl", RUN, CALL("clFinish", -5), LP_ERR_DEVICE, late, batch, false},
    {"opencl", RUN, CALL("clFinish", -4), LP_ERR_MEMORY, batch, late, false},
    {"opencl", RUN, CALL("clFinish", -36), LP_ERR_DEVICE, late, batch, false},
    {"opencl", PROFILE, CALL("clWaitForEvents", -5), LP_ERR_DEVICE, late, batch, false},
    {"opencl",
     PROFILE,
     {{"clGetEventInfo", NULL, 2, -5}},
     LP_ERR_DEVICE,
     "softmax: out of resources",
     batch,
     false},
    {"opencl", UPLOAD, CALL("clGetEventInfo", -5), LP_ERR_DEVICE, late, batch, false},
    {"opencl", UPLOAD, CALL("clGetEventInfo", -9999), LP_ERR_DEVICE, "illegal read or write", batch,
     false},
    /* transfers */
    {"opencl", RUN, CALL("clEnqueueReadBuffer", -5), LP_ERR_DEVICE, late, batch, false},
    {"opencl", RUN, CALL("clEnqueueReadBuffer", -14), LP_ERR_DEVICE, "download", batch, false},
    {"opencl", RUN, CALL("clEnqueueReadBuffer", -30), LP_ERR_UNSUPPORTED, "refuses download", batch,
     true},
    {"opencl", UPLOAD, CALL("clEnqueueWriteBuffer", -4), LP_ERR_MEMORY, batch, NULL, true},
    {"opencl", UPLOAD, CALL("clEnqueueWriteBuffer", -36), LP_ERR_DEVICE, "lost", batch, false},
    /* memory */
    {"opencl", BUFFER, CALL("clCreateBuffer", -4), LP_ERR_MEMORY, "cannot allocate 4096 bytes",
     late, true},
    {"opencl", BUFFER, CALL("clCreateBuffer", -61), LP_ERR_MEMORY, "cannot allocate 4096 bytes",
     late, true},
    {"opencl", PLAN, CALL("clCreateBuffer", -4), LP_ERR_MEMORY, "cannot allocate", late, true},
    /* ... of drivers that take it at first use */
    {"opencl", BUFFER, CALL("clEnqueueFillBuffer", -4), LP_ERR_MEMORY, "cannot allocate 4096 bytes",
     late, true},
    {"opencl", BUFFER, CALL("clEnqueueFillBuffer", -5), LP_ERR_MEMORY, "cannot allocate 4096 bytes",
     late, true},
    {"opencl", BUFFER, CALL("clWaitForEvents", -4), LP_ERR_MEMORY, "cannot allocate 4096 bytes",
     late, true},
    {"opencl", PLAN, CALL("clEnqueueFillBuffer", -4), LP_ERR_MEMORY, "cannot allocate", late, true},
    {"opencl", BUFFER, CALL("clEnqueueFillBuffer", -36), LP_ERR_DEVICE, "the device is lost", batch,
     false},
    {"opencl", BUFFER, CALL("clFinish", -5), LP_ERR_DEVICE, late, "cannot allocate", false},
    /* programs and kernels */
    {"opencl", PLAN, CALL("clBuildProgram", -11), LP_ERR_DEVICE, "cannot build the kernels", batch,
     true},
    {"opencl", PLAN, CALL("clCreateKernel", -46), LP_ERR_DEVICE, "invalid kernel name", batch,
     true},
    {"opencl", PLAN, CALL("clCreateKernel", -6), LP_ERR_MEMORY, batch, NULL, true},
    {"opencl", PLAN, CALL("clSetKernelArg", -51), LP_ERR_DEVICE, "invalid argument size", batch,
     true},
};

static char cache[] = "/tmp/locality-faults-XXXXXX";

static void forget_tuning(void) {
  char pattern[64];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/opencl/tuning/*", cache);
  if (glob(pattern, 0, NULL, &found) != 0) return;
  for (size_t i = 0; i < found.gl_pathc; i++) unlink(found.gl_pathv[i]);
  globfree(&found);
}

/* What is logged until log_end(), which gives the beginning of it. */
typedef struct logged {
  FILE *file;
  int before;
} logged;

static logged log_begin(void) {
  logged l = {tmpfile(), dup(STDERR_FILENO)};
  if (l.file) dup2(fileno(l.file), STDERR_FILENO);
  return l;
}

static void log_end(logged l, char *out, size_t cap) {
  dup2(l.before, STDERR_FILENO);
  close(l.before);
  *out = 0;
  if (!l.file) return;
  rewind(l.file);
  size_t n = fread(out, 1, cap - 1, l.file);
  out[n] = 0;
  for (char *c = out; *c; c++)
    if (*c == '\n') *c = c[1] ? '/' : 0;
  fclose(l.file);
}

static lp_status act(bench *b, action what, float *y) {
  lp_buffer *more = NULL;
  switch (what) {
  case TUNE:
  case PLAN:
    return make_plan(b);
  case UPLOAD:
    return upload(b);
  case BUFFER: {
    lp_status s = lp_session_buffer(b->session, 4096, &more);
    if (s == LP_OK) lp_session_buffer_free(b->session, more);
    return s;
  }
  default:
    return run(b, what == PROFILE, y);
  }
}

/* ---- a row ----------------------------------------------------------------------------------- */

/* NULL, or what is wrong. */
static const char *try_row(const row *r, char *said, size_t cap) {
  static float before[ROWS * OUT], after[ROWS * OUT];
  bench b;
  const char *wrong = NULL;
  forget_tuning(); /* an earlier row's */
  lp_status s = open_bench(r->device, &b);
  if (s == LP_OK && r->action > TUNE) s = make_plan(&b);
  if (s == LP_OK) s = upload(&b);
  if (s == LP_OK && r->action > TUNE) s = run(&b, false, before);
  if (s != LP_OK) {
    wrong = "fails before the fault";
  } else {
    fault_set(r->fault, r->fault[1].call ? 2 : 1);
    logged log = log_begin();
    s = act(&b, r->action, after);
    log_end(log, said, cap);
    if (!fault_hits())
      wrong = "the call was never made";
    else if (s != r->status)
      wrong = "another status";
  }
  fault_set(NULL, 0);
  if (s != LP_OK) snprintf(said, cap, "%s", lp_error_message());
  if (!wrong && r->said && !strstr(said, r->said)) wrong = "does not say what it should";
  if (!wrong && r->not_said && strstr(said, r->not_said)) wrong = "says what it should not";
  if (!wrong) {
    s = make_plan(&b);
    if (s == LP_OK) s = upload(&b);
    if (s == LP_OK) s = run(&b, false, after);
    if (r->goes_on && s != LP_OK) wrong = "the device does not go on";
    if (r->goes_on && r->action > TUNE && memcmp(before, after, sizeof after) != 0)
      wrong = "computes something else afterwards";
    if (!r->goes_on && s != r->status) wrong = "the failure does not stick";
    if (!r->goes_on && strcmp(said, lp_error_message()) != 0) wrong = "another text the next time";
  }
  close_bench(&b);
  return wrong;
}

static int optional_exit(void) {
  fprintf(stderr, "test-faults: %s\n", lp_error_message());
  return getenv("LOCALITY_TEST_OPTIONAL") ? 77 : 2;
}

int main(void) {
  char said[512] = "";
  if (!mkdtemp(cache) || setenv("LOCALITY_CACHE", cache, 1) != 0) return 2;
  lp_session *probe;
  if (lp_registry_load() != LP_OK || lp_session_open("opencl", 1, &probe) != LP_OK)
    return optional_exit();
  lp_session_close(probe);
  int failed = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const row *r = &rows[i];
    const char *wrong = try_row(r, said, sizeof said);
    printf("%s %s, %s: %s%s%s %d: %s: device %s: %s%s%s\n", wrong ? "failed" : "passed", r->device,
           action_name[r->action], r->fault[0].call, r->fault[0].kernel ? " of " : "",
           r->fault[0].kernel ? r->fault[0].kernel : "", (int)r->fault[0].code,
           lp_status_name(r->status), r->goes_on ? "goes on" : "is given up", said,
           wrong ? ": " : "", wrong ? wrong : "");
    fflush(stdout);
    failed += wrong != NULL;
  }
  printf("%zu rows, %d failed\n", sizeof rows / sizeof *rows, failed);
  lp_registry_shutdown();
  return failed != 0;
}
