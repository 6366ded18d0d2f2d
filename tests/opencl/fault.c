/* The fault injector: definitions of OpenCL's functions in the program itself, which the backend
 * module finds before those of the loader. Each calls the real one unless its turn has come. */
#include "fault.h"

#include <clblast_c.h>
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#define SEEN __attribute__((visibility("default")))

const char *fault_build_log, *fault_platform;
static fault_counts counts;
static const fault *faults;
static uint32_t n_faults, hits, counted[4];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void fault_set(const fault *list, uint32_t n) {
  pthread_mutex_lock(&lock);
  faults = list;
  n_faults = n < 4 ? n : 4;
  hits = 0;
  counts = (fault_counts){0};
  memset(counted, 0, sizeof counted);
  pthread_mutex_unlock(&lock);
}

uint32_t fault_hits(void) {
  pthread_mutex_lock(&lock);
  uint32_t n = hits;
  pthread_mutex_unlock(&lock);
  return n;
}

fault_counts fault_count(void) {
  pthread_mutex_lock(&lock);
  fault_counts n = counts;
  pthread_mutex_unlock(&lock);
  return n;
}

static void add(uint32_t *count) {
  pthread_mutex_lock(&lock);
  ++*count;
  pthread_mutex_unlock(&lock);
}

/* The code that this call is to return, or CL_SUCCESS. */
static cl_int turn(const char *call, const char *kernel) {
  cl_int code = CL_SUCCESS;
  pthread_mutex_lock(&lock);
  for (uint32_t i = 0; i < n_faults; i++) {
    const fault *f = &faults[i];
    if (strcmp(f->call, call) != 0 || (f->kernel && (!kernel || !strstr(kernel, f->kernel))))
      continue;
    if (++counted[i] != f->nth && f->nth) continue;
    code = f->code;
    hits++;
    break;
  }
  pthread_mutex_unlock(&lock);
  return code;
}

/* The function of that name in the libraries behind the program. */
#define REAL(name)                                                                                 \
  __typeof__(&name) real;                                                                          \
  void *symbol = dlsym(RTLD_NEXT, #name);                                                          \
  memcpy(&real, &symbol, sizeof real)

SEEN cl_int clEnqueueNDRangeKernel(cl_command_queue q, cl_kernel k, cl_uint dims,
                                   const size_t *offset, const size_t *global, const size_t *local,
                                   cl_uint n, const cl_event *list, cl_event *event) {
  char name[128] = "";
  clGetKernelInfo(k, CL_KERNEL_FUNCTION_NAME, sizeof name - 1, name, NULL);
  cl_int e = turn("clEnqueueNDRangeKernel", name);
  REAL(clEnqueueNDRangeKernel);
  return e ? e : real(q, k, dims, offset, global, local, n, list, event);
}

SEEN cl_int clEnqueueReadBuffer(cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset,
                                size_t size, void *to, cl_uint n, const cl_event *list,
                                cl_event *event) {
  cl_int e = turn("clEnqueueReadBuffer", NULL);
  REAL(clEnqueueReadBuffer);
  return e ? e : real(q, m, blocking, offset, size, to, n, list, event);
}

SEEN cl_int clEnqueueWriteBuffer(cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset,
                                 size_t size, const void *from, cl_uint n, const cl_event *list,
                                 cl_event *event) {
  cl_int e = turn("clEnqueueWriteBuffer", NULL);
  REAL(clEnqueueWriteBuffer);
  return e ? e : real(q, m, blocking, offset, size, from, n, list, event);
}

SEEN cl_int clEnqueueFillBuffer(cl_command_queue q, cl_mem m, const void *pattern, size_t length,
                                size_t offset, size_t size, cl_uint n, const cl_event *list,
                                cl_event *event) {
  cl_int e = turn("clEnqueueFillBuffer", NULL);
  REAL(clEnqueueFillBuffer);
  return e ? e : real(q, m, pattern, length, offset, size, n, list, event);
}

SEEN cl_int clFinish(cl_command_queue q) {
  REAL(clFinish);
  cl_int done = real(q), e = turn("clFinish", NULL);
  return e ? e : done;
}

SEEN cl_int clWaitForEvents(cl_uint n, const cl_event *list) {
  REAL(clWaitForEvents);
  cl_int done = real(n, list), e = turn("clWaitForEvents", NULL);
  return e ? e : done;
}

SEEN cl_int clGetEventInfo(cl_event event, cl_event_info what, size_t size, void *value,
                           size_t *got) {
  REAL(clGetEventInfo);
  cl_int done = real(event, what, size, value, got);
  cl_int e = what == CL_EVENT_COMMAND_EXECUTION_STATUS ? turn("clGetEventInfo", NULL) : CL_SUCCESS;
  if (e && value && size >= sizeof e) memcpy(value, &e, sizeof e);
  return done;
}

SEEN cl_mem clCreateBuffer(cl_context c, cl_mem_flags flags, size_t size, void *host,
                           cl_int *code) {
  cl_int e = turn("clCreateBuffer", NULL);
  REAL(clCreateBuffer);
  if (!e) return real(c, flags, size, host, code);
  if (code) *code = e;
  return NULL;
}

SEEN cl_kernel clCreateKernel(cl_program p, const char *name, cl_int *code) {
  cl_int e = turn("clCreateKernel", name);
  add(&counts.kernels);
  REAL(clCreateKernel);
  if (!e) return real(p, name, code);
  if (code) *code = e;
  return NULL;
}

SEEN cl_program clCreateProgramWithSource(cl_context c, cl_uint n, const char **text,
                                          const size_t *length, cl_int *code) {
  add(&counts.source);
  REAL(clCreateProgramWithSource);
  return real(c, n, text, length, code);
}

SEEN cl_program clCreateProgramWithBinary(cl_context c, cl_uint n, const cl_device_id *list,
                                          const size_t *length, const unsigned char **binary,
                                          cl_int *state, cl_int *code) {
  add(&counts.binary);
  REAL(clCreateProgramWithBinary);
  return real(c, n, list, length, binary, state, code);
}

SEEN cl_int clGetProgramInfo(cl_program p, cl_program_info what, size_t size, void *value,
                             size_t *got) {
  REAL(clGetProgramInfo);
  if (what == CL_PROGRAM_BINARIES) counts.kernels_at_binary = fault_count().kernels;
  return real(p, what, size, value, got);
}

SEEN cl_int clGetPlatformInfo(cl_platform_id p, cl_platform_info what, size_t size, void *value,
                              size_t *got) {
  REAL(clGetPlatformInfo);
  if (what != CL_PLATFORM_NAME || !fault_platform) return real(p, what, size, value, got);
  size_t n = strlen(fault_platform) + 1;
  if (got) *got = n;
  if (!value) return CL_SUCCESS;
  if (size < n) return CL_INVALID_VALUE;
  memcpy(value, fault_platform, n);
  return CL_SUCCESS;
}

SEEN cl_int clSetKernelArg(cl_kernel k, cl_uint i, size_t size, const void *value) {
  cl_int e = turn("clSetKernelArg", NULL);
  REAL(clSetKernelArg);
  return e ? e : real(k, i, size, value);
}

SEEN cl_int clBuildProgram(cl_program p, cl_uint n, const cl_device_id *list, const char *options,
                           void(CL_CALLBACK *notify)(cl_program, void *), void *user) {
  cl_int e = turn("clBuildProgram", NULL);
  REAL(clBuildProgram);
  return e ? e : real(p, n, list, options, notify, user);
}

SEEN cl_int clGetProgramBuildInfo(cl_program p, cl_device_id d, cl_program_build_info what,
                                  size_t size, void *value, size_t *got) {
  REAL(clGetProgramBuildInfo);
  if (what != CL_PROGRAM_BUILD_LOG || !fault_build_log) return real(p, d, what, size, value, got);
  size_t n = strlen(fault_build_log) + 1;
  if (got) *got = n;
  if (!value) return CL_SUCCESS;
  if (size < n) return CL_INVALID_VALUE; /* as the standard has it: nothing is written */
  memcpy(value, fault_build_log, n);
  return CL_SUCCESS;
}

SEEN CLBlastStatusCode CLBlastSgemmWithTempBuffer(
    CLBlastLayout layout, CLBlastTranspose ta, CLBlastTranspose tb, size_t m, size_t n, size_t k,
    float alpha, cl_mem a, size_t a_at, size_t lda, cl_mem b, size_t b_at, size_t ldb, float beta,
    cl_mem c, size_t c_at, size_t ldc, cl_command_queue *q, cl_event *event, cl_mem temp) {
  cl_int e = turn("CLBlastSgemmWithTempBuffer", NULL);
  REAL(CLBlastSgemmWithTempBuffer);
  return e ? (CLBlastStatusCode)e
           : real(layout, ta, tb, m, n, k, alpha, a, a_at, lda, b, b_at, ldb, beta, c, c_at, ldc, q,
                  event, temp);
}
