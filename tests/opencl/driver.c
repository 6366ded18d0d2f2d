/* An OpenCL driver for tests, to be registered with the loader by a file *.icd. It has devices but
 * computes nothing, and FAKE_DRIVER in the environment makes it misbehave:
 *   abort, hang, print, signals     as soon as it is loaded
 *   segv                            when asked for its platforms
 *   exit, hang-devices              when asked for its devices
 */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <CL/cl_icd.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEN     __attribute__((visibility("default")))
#define PCI_INFO 0x410F
#define BOARD    0x4038
#define TOPOLOGY 0x4037

struct _cl_platform_id {
  const cl_icd_dispatch *dispatch;
  const char *name, *vendor;
};

struct _cl_device_id {
  const cl_icd_dispatch *dispatch;
  cl_platform_id platform;
  cl_device_type type;
  const char *name, *vendor, *board;
  cl_uint bus; /* 0: no address is told */
  bool no_compiler;
};

static cl_icd_dispatch table;
/* Mesa comes first, and has more GPUs (ocl-icd sorts by that): order does not give the answer. */
static struct _cl_platform_id platforms[] = {{&table, "rusticl", "Mesa/X.org"},
                                             {&table, "Acme Compute", "Acme Corporation"}};
static struct _cl_device_id devices[] = {
    {&table, &platforms[0], CL_DEVICE_TYPE_GPU, "Rocket (by Mesa)", "Acme", NULL, 7, false},
    {&table, &platforms[0], CL_DEVICE_TYPE_GPU, "Other (by Mesa)", "Other", NULL, 9, false},
    {&table, &platforms[0], CL_DEVICE_TYPE_GPU, "Old", "Other", NULL, 0, true},
    {&table, &platforms[1], CL_DEVICE_TYPE_ACCELERATOR, "Gate Array", "Acme Corporation", NULL, 0,
     false},
    {&table, &platforms[1], CL_DEVICE_TYPE_GPU, "gfx1", "Acme Corporation", "Acme Rocket", 7,
     false},
    {&table, &platforms[1], CL_DEVICE_TYPE_GPU, "gfx1", "Acme Corporation", "Acme Rocket", 7,
     false},
};
enum { N_DEVICES = sizeof devices / sizeof *devices };

static void hang(void) {
  for (;;) sleep(1000);
}

static bool is(const char *what) {
  const char *mode = getenv("FAKE_DRIVER");
  return mode && !strcmp(mode, what);
}

__attribute__((constructor)) static void load(void) {
  if (is("abort")) abort();
  if (is("hang")) hang();
  if (is("print")) {
    printf("Acme Compute, build 7\n");
    fflush(stdout);
  }
  if (is("signals")) {
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
  }
}

static cl_int give(const void *data, size_t n, size_t size, void *value, size_t *got) {
  if (got) *got = n;
  if (!value) return CL_SUCCESS;
  if (size < n) return CL_INVALID_VALUE;
  memcpy(value, data, n);
  return CL_SUCCESS;
}

static cl_int give_text(const char *text, size_t size, void *value, size_t *got) {
  return give(text, strlen(text) + 1, size, value, got);
}

static cl_int CL_API_CALL platform_info(cl_platform_id p, cl_platform_info what, size_t size,
                                        void *value, size_t *got) {
  switch (what) {
  case CL_PLATFORM_NAME:
    return give_text(p->name, size, value, got);
  case CL_PLATFORM_VENDOR:
    return give_text(p->vendor, size, value, got);
  case CL_PLATFORM_VERSION:
    return give_text("OpenCL 1.2 fake", size, value, got);
  case CL_PLATFORM_PROFILE:
    return give_text("FULL_PROFILE", size, value, got);
  case CL_PLATFORM_EXTENSIONS:
    return give_text("cl_khr_icd", size, value, got);
  case CL_PLATFORM_ICD_SUFFIX_KHR:
    return give_text("FAKE", size, value, got);
  default:
    return CL_INVALID_VALUE;
  }
}

static cl_int CL_API_CALL device_ids(cl_platform_id p, cl_device_type type, cl_uint cap,
                                     cl_device_id *out, cl_uint *n) {
  if (is("exit")) exit(3);
  if (is("hang-devices")) hang();
  cl_uint count = 0;
  for (int i = 0; i < N_DEVICES; i++) {
    if (devices[i].platform != p || !(devices[i].type & type)) continue;
    if (out && count < cap) out[count] = &devices[i];
    count++;
  }
  if (n) *n = count;
  return count ? CL_SUCCESS : CL_DEVICE_NOT_FOUND;
}

static cl_int CL_API_CALL device_info(cl_device_id d, cl_device_info what, size_t size, void *value,
                                      size_t *got) {
  cl_bool yes = CL_TRUE, no = CL_FALSE;
  cl_ulong gigabyte = (cl_ulong)1 << 30;
  cl_uint pci[4] = {0, d->bus, 0, 0}, bits = 1024, units = 4;
  cl_uint topology[6] = {1, 0, 0, 0, 0, 0};
  switch (what) {
  case CL_DEVICE_NAME:
    return give_text(d->name, size, value, got);
  case CL_DEVICE_VENDOR:
    return give_text(d->vendor, size, value, got);
  case CL_DEVICE_VERSION:
    return give_text("OpenCL 1.2 fake", size, value, got);
  case CL_DRIVER_VERSION:
    return give_text("1.0", size, value, got);
  case CL_DEVICE_EXTENSIONS:
    return give_text(!d->bus    ? ""
                     : d->board ? "cl_khr_pci_bus_info cl_amd_device_attribute_query"
                                : "cl_khr_pci_bus_info",
                     size, value, got);
  case CL_DEVICE_TYPE:
    return give(&d->type, sizeof d->type, size, value, got);
  case CL_DEVICE_PLATFORM:
    return give(&d->platform, sizeof d->platform, size, value, got);
  case CL_DEVICE_HOST_UNIFIED_MEMORY:
    return give(&no, sizeof no, size, value, got);
  case CL_DEVICE_COMPILER_AVAILABLE:
    return give(d->no_compiler ? &no : &yes, sizeof yes, size, value, got);
  case CL_DEVICE_AVAILABLE:
  case CL_DEVICE_ENDIAN_LITTLE:
    return give(&yes, sizeof yes, size, value, got);
  case CL_DEVICE_GLOBAL_MEM_SIZE:
  case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
    return give(&gigabyte, sizeof gigabyte, size, value, got);
  case CL_DEVICE_MEM_BASE_ADDR_ALIGN:
    return give(&bits, sizeof bits, size, value, got);
  case CL_DEVICE_MAX_COMPUTE_UNITS:
    return give(&units, sizeof units, size, value, got);
  case CL_DEVICE_MAX_WORK_GROUP_SIZE:
    return give(&(size_t){1024}, sizeof(size_t), size, value, got);
  case PCI_INFO:
    return give(pci, sizeof pci, size, value, got);
  case BOARD:
    return d->board ? give_text(d->board, size, value, got) : CL_INVALID_VALUE;
  case TOPOLOGY:
    return give(topology, sizeof topology, size, value, got);
  default:
    return CL_INVALID_VALUE;
  }
}

static cl_context CL_API_CALL create_context(const cl_context_properties *properties, cl_uint n,
                                             const cl_device_id *list,
                                             void(CL_CALLBACK *notify)(const char *, const void *,
                                                                       size_t, void *),
                                             void *user, cl_int *code) {
  (void)properties, (void)n, (void)list, (void)notify, (void)user;
  if (code) *code = CL_DEVICE_NOT_AVAILABLE;
  return NULL;
}

SEEN cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint cap, cl_platform_id *out, cl_uint *n) {
  if (is("segv")) raise(SIGSEGV);
  table.clGetPlatformInfo = platform_info;
  table.clGetDeviceIDs = device_ids;
  table.clGetDeviceInfo = device_info;
  table.clCreateContext = create_context;
  for (cl_uint i = 0; i < 2 && i < cap && out; i++) out[i] = &platforms[i];
  if (n) *n = 2;
  return CL_SUCCESS;
}

SEEN void *CL_API_CALL clGetExtensionFunctionAddress(const char *name) {
  cl_int(CL_API_CALL * icd)(cl_uint, cl_platform_id *, cl_uint *) = clIcdGetPlatformIDsKHR;
  cl_int(CL_API_CALL * info)(cl_platform_id, cl_platform_info, size_t, void *, size_t *) =
      platform_info;
  void *out = NULL; /* ISO C has no cast from function to object pointer */
  if (!strcmp(name, "clIcdGetPlatformIDsKHR")) memcpy(&out, &icd, sizeof out);
  if (!strcmp(name, "clGetPlatformInfo")) memcpy(&out, &info, sizeof out);
  return out;
}
