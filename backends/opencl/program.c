/* From launches to kernels: one source text for all kernels that are missing, built once, and
 * program binaries kept on disk for drivers that do not keep them themselves. */
#include "launch.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BUILD_OPTIONS "-cl-std=CL1.2 -w"

static void hex(const unsigned char *bytes, size_t n, char *out) {
  for (size_t i = 0; i < n; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

bool ocl_digest(const char *const *part, const size_t *len, size_t n, char out[65]) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  bool ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL);
  for (size_t i = 0; ok && i < n; i++) {
    uint64_t length = len[i]; /* length first: parts cannot run into one another */
    ok = EVP_DigestUpdate(c, &length, sizeof length) && EVP_DigestUpdate(c, part[i], len[i]);
  }
  ok = ok && EVP_DigestFinal_ex(c, bytes, &size) && size == 32;
  EVP_MD_CTX_free(c);
  if (ok) hex(bytes, 32, out);
  return ok;
}

/* ---- one kernel's text --------------------------------------------------------------------- */

static bool launch_digest(ocl_launch *l) {
  const char *part[5] = {l->define.s ? l->define.s : ""};
  size_t len[5] = {l->define.n}, n = 1;
  char full[65];
  for (int i = 0; i < 4 && l->files[i]; i++) {
    part[n] = ocl_kernel_text(l->files[i], &len[n]);
    if (!part[n]) return false;
    n++;
  }
  if (!ocl_digest(part, len, n, full)) return false;
  memcpy(l->digest, full, 40);
  l->digest[40] = 0;
  return true;
}

static void kernel_name(const ocl_launch *l, char out[64]) {
  snprintf(out, 64, "lp_%.30s_%.10s", l->family, l->digest);
}

/* Kernel files need not clean up: what they define ends with the kernel. */
static void put_undefs(ocl_text *t, const char *text) {
  for (const char *c = text; c && *c; c = strchr(c, '\n'), c += c != NULL) {
    if (strncmp(c, "#define ", 8) != 0) continue;
    int n = (int)strspn(c + 8, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
    ocl_put(t, "#undef %.*s\n", n, c + 8);
  }
}

static void put_kernel(ocl_text *t, const ocl_launch *l) {
  char name[64];
  kernel_name(l, name);
  ocl_put(t, "#define KERNEL %s\n%s", name, l->define.s ? l->define.s : "");
  for (int i = 0; i < 4 && l->files[i]; i++) {
    size_t n;
    const char *text = ocl_kernel_text(l->files[i], &n);
    ocl_put(t, "%.*s\n", (int)n, text);
  }
  for (int i = 0; i < 4 && l->files[i]; i++) {
    size_t n;
    put_undefs(t, ocl_kernel_text(l->files[i], &n));
  }
  ocl_put(t, "%s#undef KERNEL\n", l->undef.s ? l->undef.s : "");
}

/* ---- binaries on disk ---------------------------------------------------------------------- */

/* PoCL and NVIDIA keep compiled kernels themselves. */
static bool caches_itself(const lp_device *dev) {
  return strstr(dev->found.platform_name, "Portable Computing Language") ||
         strstr(dev->found.platform_name, "NVIDIA");
}

static lp_status cache_file(lp_device *dev, const ocl_text *source, char *path, size_t cap) {
  char version[128] = "", digest[65], name[128];
  clGetDeviceInfo(dev->found.id, CL_DEVICE_VERSION, sizeof version - 1, version, NULL);
  const char *part[] = {OCL_FORMAT,      source->s,         BUILD_OPTIONS, dev->found.platform_name,
                        dev->found.name, dev->found.driver, version};
  size_t len[7];
  for (int i = 0; i < 7; i++) len[i] = strlen(part[i]);
  if (!ocl_digest(part, len, 7, digest)) return LP_ERR_MEMORY;
  snprintf(name, sizeof name, "opencl/programs/%s.bin", digest);
  return ocl_host->cache_path(name, path, cap);
}

static cl_program load_binary(lp_device *dev, const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  long n = fseek(f, 0, SEEK_END) ? -1 : ftell(f);
  unsigned char *bytes = n > 0 ? malloc((size_t)n) : NULL;
  bool ok = bytes && !fseek(f, 0, SEEK_SET) && fread(bytes, 1, (size_t)n, f) == (size_t)n;
  fclose(f);
  cl_program p = NULL;
  if (ok) {
    size_t size = (size_t)n;
    const unsigned char *binary = bytes;
    cl_int state, e;
    p = clCreateProgramWithBinary(dev->context, 1, &dev->found.id, &size, &binary, &state, &e);
    if (e != CL_SUCCESS || state != CL_SUCCESS ||
        clBuildProgram(p, 1, &dev->found.id, BUILD_OPTIONS, NULL, NULL) != CL_SUCCESS) {
      if (p && e == CL_SUCCESS) clReleaseProgram(p);
      p = NULL; /* stale or damaged: build from source again */
    }
  }
  free(bytes);
  return p;
}

static void save_binary(cl_program p, const char *path) {
  size_t size = 0;
  if (clGetProgramInfo(p, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) != CL_SUCCESS || !size)
    return;
  unsigned char *bytes = malloc(size);
  if (bytes && clGetProgramInfo(p, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL) == CL_SUCCESS)
    ocl_host->write_file(path, bytes, size); /* a cache that cannot be written is no error */
  free(bytes);
}

/* ---- building ------------------------------------------------------------------------------ */

/* What the compiler said, in full; the caller frees it. NULL where it said nothing. */
static char *build_log(const lp_device *dev, cl_program p) {
  size_t n = 0;
  cl_device_id id = dev->found.id;
  if (clGetProgramBuildInfo(p, id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n) != CL_SUCCESS || !n)
    return NULL;
  char *log = calloc(n + 1, 1);
  if (log && clGetProgramBuildInfo(p, id, CL_PROGRAM_BUILD_LOG, n, log, NULL) == CL_SUCCESS && *log)
    return log;
  free(log);
  return NULL;
}

/* The first line that tells of an error: compilers put warnings and notes before it. */
static const char *first_error(const char *log) {
  for (const char *line = log; line; line = strchr(line, '\n'), line += line != NULL) {
    size_t n = strcspn(line, "\n");
    for (size_t i = 0; i + 5 <= n; i++)
      if (!strncasecmp(line + i, "error", 5)) return line;
  }
  return log;
}

/* One line for the message; all of it, which may be thousands of lines, goes to a file. */
static lp_status build_failed(lp_device *dev, cl_program p, cl_int e) {
  char line[401], path[1024] = "";
  char *log = build_log(dev, p);
  snprintf(line, sizeof line, "%s", log ? first_error(log) : "the compiler says nothing");
  for (char *c = line; *c; c++)
    if (*c == '\n' || *c == '\r') *c = ' ';
  bool kept = log && ocl_host->cache_path("opencl/build.log", path, sizeof path) == LP_OK &&
              ocl_host->write_file(path, log, strlen(log)) == LP_OK;
  lp_status s =
      ocl_host->fail(LP_ERR_DEVICE, "%s: the driver (%s) cannot build the kernels: %s: %s%s%s",
                     dev->info.id, dev->found.driver, ocl_error_name(e), line,
                     kept ? "; all that it says is in " : "", kept ? path : "");
  free(log);
  return s;
}

/* For offline compilation: the text that is built, as a file. */
static void dump(const ocl_text *source) {
  const char *folder = getenv("LOCALITY_CL_DUMP");
  char digest[65], path[1024];
  const char *part = source->s;
  if (!folder || !*folder || !ocl_digest(&part, &source->n, 1, digest)) return;
  snprintf(path, sizeof path, "%s/%.16s.cl", folder, digest);
  if (ocl_host->write_file(path, source->s, source->n) != LP_OK)
    ocl_host->log(LP_LOG_WARNING, "opencl: cannot write %s", path);
}

/* path: where the binary is to be kept once its kernels exist; "" where it is not. */
static lp_status build_text(lp_device *dev, const ocl_text *source, cl_program *out, char *path,
                            size_t cap) {
  dump(source);
  path[0] = 0;
  if (dev->cache && !caches_itself(dev) && cache_file(dev, source, path, cap) != LP_OK) path[0] = 0;
  if (*path && (*out = load_binary(dev, path))) {
    path[0] = 0;
    return LP_OK;
  }
  cl_int e;
  const char *text = source->s;
  cl_program p = clCreateProgramWithSource(dev->context, 1, &text, &source->n, &e);
  if (e != CL_SUCCESS) return ocl_fail(dev, e, "create program");
  e = clBuildProgram(p, 1, &dev->found.id, BUILD_OPTIONS, NULL, NULL);
  if (e != CL_SUCCESS) {
    lp_status s = build_failed(dev, p, e);
    clReleaseProgram(p);
    return s;
  }
  *out = p;
  return LP_OK;
}

static cl_program find_built(const lp_device *dev, const char *digest) {
  for (uint32_t i = 0; i < dev->n_built; i++)
    if (!strcmp(dev->built[i].digest, digest)) return dev->built[i].program;
  return NULL;
}

static lp_status remember(lp_device *dev, const char *digest, cl_program p) {
  ocl_built *grown = realloc(dev->built, (dev->n_built + 1) * sizeof *grown);
  if (!grown) return ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", dev->info.id);
  dev->built = grown;
  clRetainProgram(p);
  snprintf(grown[dev->n_built].digest, sizeof grown->digest, "%s", digest);
  grown[dev->n_built++].program = p;
  return LP_OK;
}

void ocl_built_free(lp_device *dev) {
  for (uint32_t i = 0; i < dev->n_built; i++) clReleaseProgram(dev->built[i].program);
  free(dev->built);
  dev->built = NULL;
  dev->n_built = 0;
}

/* *built: the program that is new, which the caller releases, or NULL; path: as above. */
static lp_status build_missing(lp_device *dev, ocl_launch *launch, uint32_t n, cl_program *built,
                               char *path, size_t cap) {
  ocl_text source = {0};
  size_t prelude;
  const char *common = ocl_kernel_text("common", &prelude);
  lp_status s = LP_OK;
  bool *missing = calloc(n + 1, sizeof *missing);
  if (!missing) return ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", dev->info.id);
  uint32_t count = 0;
  ocl_put(&source, "%.*s\n", (int)prelude, common);
  for (uint32_t i = 0; i < n; i++) {
    if (launch[i].gemm) continue;
    if (launch[i].define.failed || launch[i].undef.failed || !launch_digest(&launch[i])) {
      s = ocl_host->fail(LP_ERR_MEMORY, "%s: cannot prepare kernel %s", dev->info.id,
                         launch[i].family);
      break;
    }
    missing[i] = !find_built(dev, launch[i].digest);
    for (uint32_t k = 0; missing[i] && k < i; k++)
      if (missing[k] && !strcmp(launch[k].digest, launch[i].digest)) missing[i] = false;
    if (!missing[i]) continue;
    put_kernel(&source, &launch[i]);
    count++;
  }
  if (s == LP_OK && source.failed)
    s = ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", dev->info.id);
  if (s == LP_OK && count) s = build_text(dev, &source, built, path, cap);
  for (uint32_t i = 0; s == LP_OK && *built && i < n; i++)
    if (missing[i]) s = remember(dev, launch[i].digest, *built);
  free(missing);
  free(source.s);
  return s;
}

lp_status ocl_build(lp_device *dev, ocl_launch *launch, uint32_t n) {
  cl_program built = NULL;
  char path[1024] = "";
  lp_status s = build_missing(dev, launch, n, &built, path, sizeof path);
  for (uint32_t i = 0; s == LP_OK && i < n; i++) {
    if (launch[i].gemm) continue;
    char name[64];
    cl_int e;
    kernel_name(&launch[i], name);
    launch[i].kernel = clCreateKernel(find_built(dev, launch[i].digest), name, &e);
    if (e != CL_SUCCESS) s = ocl_fail(dev, e, name);
  }
  /* Not before: some drivers (Mali's) compile a kernel when it is made. */
  if (s == LP_OK && *path) save_binary(built, path);
  if (built) clReleaseProgram(built);
  return s;
}
