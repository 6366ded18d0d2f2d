/* The CPU device: parameters, buffers, counters. */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#else
#include <sched.h>
#endif

/* Kernels may read up to one vector past the end of a tensor. */
enum { BUFFER_SLACK = 256, MAX_THREADS = 1024, HUGE_PAGE = 2 << 20 };

/* OpenMP's count is that of the process: where OMP_PROC_BIND and the like are set, loading it has
 * bound this thread to one core, and the thread's own mask says 1. */
static int cores(void) {
#ifdef _OPENMP
  int n = omp_get_num_procs();
#else
  cpu_set_t set;
  int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
#endif
  return n < 1 ? 1 : n;
}

static int limit(int threads) {
#ifdef _OPENMP
  return threads < MAX_THREADS ? threads : MAX_THREADS;
#else
  (void)threads;
  return 1;
#endif
}

int cpu_default_threads(void) {
  const char *text = getenv("OMP_NUM_THREADS");
  int n = text ? atoi(text) : 0;
  return limit(n > 0 ? n : cores());
}

static void cpu_name(char *out, size_t cap) {
  snprintf(out, cap, "CPU");
  FILE *f = fopen("/proc/cpuinfo", "r");
  if (!f) return;
  char line[256];
  while (fgets(line, sizeof line, f)) {
    char *value = strchr(line, ':');
    if (strncmp(line, "model name", 10) || !value) continue;
    value += 1 + strspn(value + 1, " \t");
    value[strcspn(value, "\n")] = 0;
    snprintf(out, cap, "%s", value);
    break;
  }
  fclose(f);
}

static void name_kernels(const cpu_variant *v, bool bf16, char out[32]) {
  snprintf(out, 32, "%s%s%s", bf16 ? v->name : v->kernels->name, bf16 ? ", bf16" : "",
           bf16 && cpu_bf16_emulated(v) ? " emulated" : "");
}

void cpu_device_describe(const cpu_variant *v, bool bf16, int threads, lp_device_info *out) {
  char name[80], kernels[32];
  cpu_name(name, sizeof name);
  name_kernels(v, bf16, kernels);
  lp_device_info info = {.struct_size = sizeof info,
                         .type = LP_DEVICE_CPU,
                         .id = "cpu",
                         .alignment = CPU_ALIGN,
                         .units = (uint32_t)threads};
  snprintf(info.name, sizeof info.name, "%.64s, %d thread%s, %s", name, threads,
           threads == 1 ? "" : "s", kernels);
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) info.memory = (uint64_t)pages * (uint64_t)page;
  *out = info;
}

static lp_status device_info(lp_device *dev, lp_device_info *out) {
  bool bf16 = dev->product != dev->variant->kernels->f32;
  cpu_device_describe(dev->variant, bf16, dev->threads, out);
  return LP_OK;
}

static lp_status buf_alloc(lp_device *dev, size_t nbytes, lp_buffer **out) {
  *out = NULL;
  lp_buffer *b = malloc(sizeof *b);
  size_t align = nbytes >= 2 * HUGE_PAGE ? HUGE_PAGE : CPU_ALIGN;
  size_t whole = (nbytes + BUFFER_SLACK + align - 1) / align * align;
  char *p = b && whole >= nbytes ? aligned_alloc(align, whole) : NULL;
  if (!p) {
    free(b);
    return dev->host->fail(LP_ERR_MEMORY, "cpu: cannot allocate a buffer of %zu bytes", nbytes);
  }
#ifdef MADV_HUGEPAGE
  /* Matrix products walk down columns: with small pages every step would miss the TLB. */
  if (align == HUGE_PAGE) (void)madvise(p, whole, MADV_HUGEPAGE);
#endif
  memset(p + nbytes, 0, BUFFER_SLACK);
  *b = (lp_buffer){p, nbytes};
  *out = b;
  return LP_OK;
}

static void buf_free(lp_device *dev, lp_buffer *buf) {
  (void)dev;
  if (!buf) return;
  free(buf->p);
  free(buf);
}

static lp_status check_range(lp_device *dev, const lp_buffer *buf, size_t offset, size_t n) {
  if (offset <= buf->nbytes && n <= buf->nbytes - offset) return LP_OK;
  return dev->host->fail(LP_ERR_ARG, "cpu: bytes %zu to %zu do not lie in a buffer of %zu", offset,
                         offset + n, buf->nbytes);
}

static lp_status buf_write(lp_device *dev, lp_buffer *buf, size_t offset, const void *src, size_t n,
                           lp_event **done) {
  if (done) *done = NULL;
  lp_status st = check_range(dev, buf, offset, n);
  if (st) return st;
  if (n) memcpy(buf->p + offset, src, n);
  dev->counters.bytes_to_device += n;
  return LP_OK;
}

static lp_status buf_read(lp_device *dev, lp_buffer *buf, size_t offset, void *dst, size_t n,
                          lp_event **done) {
  if (done) *done = NULL;
  lp_status st = check_range(dev, buf, offset, n);
  if (st) return st;
  if (n) memcpy(dst, buf->p + offset, n);
  dev->counters.bytes_from_device += n;
  return LP_OK;
}

static lp_status buf_fill(lp_device *dev, lp_buffer *buf, size_t offset, uint8_t value, size_t n) {
  lp_status st = check_range(dev, buf, offset, n);
  if (st) return st;
  memset(buf->p + offset, value, n);
  return LP_OK;
}

/* Everything is finished when a call returns, so events do not exist. */
static lp_status event_wait(lp_device *dev, lp_event *event) {
  (void)dev;
  (void)event;
  return LP_OK;
}

static lp_status device_sync(lp_device *dev) {
  (void)dev;
  return LP_OK;
}

static void counters(lp_device *dev, lp_device_counters *out) {
  *out = dev->counters;
}

static const char *precision(const lp_device *dev) {
  return dev->product == dev->variant->kernels->f32 ? "f32" : "bf16";
}

static const char *kernels(const lp_device *dev) {
  return dev->kernels;
}

static void device_close(lp_device *dev) {
  if (!dev) return;
  free(dev->scratch);
  free(dev->team.ticket);
  free(dev);
}

static const lp_device_ops device_ops = {
    .struct_size = sizeof(lp_device_ops),
    .close = device_close,
    .info = device_info,
    .supports = cpu_supports,
    .workspace = cpu_workspace,
    .buf_alloc = buf_alloc,
    .buf_free = buf_free,
    .buf_write = buf_write,
    .buf_read = buf_read,
    .buf_fill = buf_fill,
    .event_wait = event_wait,
    .compile = cpu_compile,
    .program_free = cpu_program_free,
    .run = cpu_run,
    .sync = device_sync,
    .timings = cpu_timings,
    .counters = counters,
    .precision = precision,
    .kernels = kernels,
};

static lp_status parse_threads(const lp_host *host, const char *text, int *out) {
  errno = 0;
  long n = strtol(text, NULL, 10);
  if (errno || strspn(text, "0123456789") != strlen(text) || n < 1 || n > MAX_THREADS)
    return host->fail(LP_ERR_ARG, "cpu: threads=%s: expected a number from 1 to %d", text,
                      MAX_THREADS);
  *out = (int)n;
  return LP_OK;
}

static lp_status parse_precision(const lp_host *host, const char *text, bool *bf16) {
  *bf16 = !strcmp(text, "bf16");
  if (*bf16 || !strcmp(text, "f32")) return LP_OK;
  return host->fail(LP_ERR_UNSUPPORTED, "cpu: precision=%s: there are f32 and bf16", text);
}

static lp_status parse_winograd(const lp_host *host, const char *text, bool *on) {
  *on = !strcmp(text, "on");
  if (*on || !strcmp(text, "off")) return LP_OK;
  return host->fail(LP_ERR_ARG, "cpu: winograd=%s: expected on or off", text);
}

lp_status cpu_device_open(const lp_host *host, const lp_device_params *params, lp_device **out) {
  *out = NULL;
  const cpu_variant *variant;
  int threads = cpu_default_threads();
  bool bf16 = false, winograd = true;
  lp_status st = cpu_variant_choose(host, &variant);
  for (uint32_t i = 0; !st && params && i < params->count; i++) {
    const char *key = params->key[i], *value = params->value[i];
    if (!strcmp(key, "threads"))
      st = parse_threads(host, value, &threads);
    else if (!strcmp(key, "precision"))
      st = parse_precision(host, value, &bf16);
    else if (!strcmp(key, "winograd"))
      st = parse_winograd(host, value, &winograd);
    else if (!strcmp(key, "tune") && strcmp(value, "off") != 0)
      st = host->fail(
          LP_ERR_UNSUPPORTED,
          "cpu: there is nothing to tune: its kernels are chosen by the processor alone");
    else
      st = host->fail(LP_ERR_ARG,
                      "cpu: unknown parameter \"%s\"; known: threads, precision, winograd", key);
  }
  if (st) return st;
  threads = limit(threads);
  lp_device *dev = aligned_alloc(CPU_ALIGN, sizeof *dev);
  if (!dev) return host->fail(LP_ERR_MEMORY, "cpu: cannot allocate the device");
  memset(dev, 0, sizeof *dev);
  dev->ops = &device_ops;
  dev->host = host;
  dev->variant = variant;
  dev->product = bf16 ? variant->bf16 : variant->kernels->f32;
  name_kernels(variant, bf16, dev->kernels);
  dev->winograd = winograd;
  dev->threads = threads;
  dev->counters.struct_size = sizeof dev->counters;
  dev->team.spin = threads <= cores() ? 4000 : 0;
  dev->team.ticket = aligned_alloc(CPU_ALIGN, (size_t)threads * sizeof(cpu_ticket));
  dev->scratch = aligned_alloc(4096, (size_t)threads * CPU_SCRATCH);
  if (!dev->team.ticket || !dev->scratch) {
    device_close(dev);
    return host->fail(LP_ERR_MEMORY, "cpu: cannot allocate scratch memory for %d threads", threads);
  }
  memset(dev->team.ticket, 0, (size_t)threads * sizeof(cpu_ticket));
  *out = dev;
  return LP_OK;
}
