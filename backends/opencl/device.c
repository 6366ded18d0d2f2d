/* Opening a device: one context, one in-order queue, parameters. */
#include "product.h"
#include "tune.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_UNITS 65536

static void CL_CALLBACK driver_message(const char *text, const void *data, size_t n, void *user) {
  (void)data, (void)n;
  const lp_device *dev = user;
  ocl_host->log(LP_LOG_DEBUG, "%s: driver: %s", dev->info.id, text);
}

static lp_status read_number(const char *key, const char *value, uint64_t most, uint64_t *out) {
  errno = 0;
  unsigned long long n = strtoull(value, NULL, 10);
  if (errno || strspn(value, "0123456789") != strlen(value) || n < 1 || n > most)
    return ocl_host->fail(LP_ERR_ARG, "opencl: %s=%s: expected a whole number from 1 to %llu", key,
                          value, (unsigned long long)most);
  *out = n;
  return LP_OK;
}

/* A smaller or other device in place of the one that is there: for tests of its limits. */
static lp_status read_limit(lp_device *dev, const char *key, const char *value) {
  uint64_t n = 0;
  bool units = !strcmp(key, "units"), registers = !strcmp(key, "registers");
  lp_status s = read_number(key, value, units || registers ? MOST_UNITS : UINT64_MAX, &n);
  if (s != LP_OK) return s;
  if (units) {
    dev->units = dev->info.units = (uint32_t)n;
  } else if (registers) {
    dev->registers = (uint32_t)n;
  } else if (!strcmp(key, "local_memory")) {
    if (n < dev->local_memory) dev->local_memory = (size_t)n;
  } else if (n < dev->info.max_alloc) {
    dev->info.max_alloc = n / dev->info.alignment * dev->info.alignment;
    if (!dev->info.max_alloc)
      return ocl_host->fail(LP_ERR_ARG, "opencl: %s=%s: at least %u bytes are needed", key, value,
                            dev->info.alignment);
  }
  return LP_OK;
}

static lp_status read_params(lp_device *dev, const lp_device_params *params) {
  const char *tune = getenv("LOCALITY_CL_TUNE"), *cache = getenv("LOCALITY_CL_CACHE");
  const char *largest = getenv("LOCALITY_CL_MAX_ALLOC");
  dev->winograd = true;
  dev->uploads.on = dev->found.type == LP_DEVICE_DISCRETE;
  dev->tune_seconds = 20;
  dev->tune = tune && *tune && strcmp(tune, "0") != 0 && strcmp(tune, "off") != 0;
  dev->cache = !cache || strcmp(cache, "off") != 0;
  if (largest && *largest) {
    lp_status s = read_limit(dev, "max_alloc", largest);
    if (s != LP_OK) return s;
  }
  for (uint32_t i = 0; params && i < params->count; i++) {
    const char *key = params->key[i], *value = params->value[i];
    if (!strcmp(key, "pci")) continue; /* part of the selection */
    if (!strcmp(key, "precision")) {
      if (!strcmp(value, "f32")) continue;
      return ocl_host->fail(LP_ERR_UNSUPPORTED,
                            "opencl: precision=%s: there is f32 only; the cpu backend has bf16",
                            value);
    }
    if (!strcmp(key, "kernels")) { /* which family of kernels: for tests without the hardware */
      if (strcmp(value, "cpu") != 0 && strcmp(value, "gpu") != 0)
        return ocl_host->fail(LP_ERR_ARG, "opencl: kernels=%s: there are cpu and gpu", value);
      dev->cpu = !strcmp(value, "cpu");
    } else if (!strcmp(key, "product")) { /* which engine, where it fits: for tests */
      if (!product_named(value)) {
        char known[256];
        product_names(known, sizeof known);
        return ocl_host->fail(LP_ERR_ARG, "opencl: product=%s: no such engine; there are %s", value,
                              known);
      }
      snprintf(dev->product, sizeof dev->product, "%s", value);
    } else if (!strcmp(key, "max_alloc") || !strcmp(key, "units") || !strcmp(key, "local_memory") ||
               !strcmp(key, "registers")) {
      lp_status s = read_limit(dev, key, value);
      if (s != LP_OK) return s;
    } else if (!strcmp(key, "winograd")) {
      if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
        return ocl_host->fail(LP_ERR_ARG, "opencl: winograd=%s: expected on or off", value);
      dev->winograd = !strcmp(value, "on");
    } else if (!strcmp(key, "uploads")) {
      if (strcmp(value, "pinned") != 0 && strcmp(value, "direct") != 0)
        return ocl_host->fail(LP_ERR_ARG, "opencl: uploads=%s: there are pinned and direct", value);
      dev->uploads.on = !strcmp(value, "pinned");
    } else if (!strcmp(key, "cache")) {
      dev->cache = strcmp(value, "off") != 0;
    } else if (!strcmp(key, "tune")) {
      char *end;
      double seconds = strtod(value, &end);
      dev->tune = strcmp(value, "off") != 0;
      if (end != value && !*end && seconds > 0)
        dev->tune_seconds = seconds;
      else if (*value && dev->tune)
        return ocl_host->fail(LP_ERR_ARG, "opencl: tune=%s: give seconds, \"off\" or nothing",
                              value);
    } else {
      return ocl_host->fail(
          LP_ERR_ARG,
          "opencl: unknown parameter \"%s\"; there are tune, cache, kernels, "
          "product, winograd, uploads, max_alloc, units, local_memory, registers, pci",
          key);
    }
  }
  return LP_OK;
}

static const lp_device_ops table = {
    .struct_size = sizeof(lp_device_ops),
    .close = ocl_device_close,
    .info = ocl_device_info,
    .supports = ocl_supports,
    .workspace = ocl_workspace,
    .buf_alloc = ocl_buf_alloc,
    .buf_free = ocl_buf_free,
    .buf_write = ocl_buf_write,
    .buf_read = ocl_buf_read,
    .buf_fill = ocl_buf_fill,
    .event_wait = ocl_event_wait,
    .compile = ocl_compile,
    .program_free = ocl_program_free,
    .run = ocl_run,
    .sync = ocl_sync,
    .timings = ocl_timings,
    .counters = ocl_counters,
};

lp_status ocl_device_info(lp_device *dev, lp_device_info *out) {
  *out = dev->info;
  return LP_OK;
}

void ocl_device_close(lp_device *dev) {
  if (!dev) return;
  if (dev->queue) clFinish(dev->queue);
  ocl_tuning_free(dev);
  ocl_uploads_free(dev);
  ocl_built_free(dev);
  if (dev->profiling) clReleaseCommandQueue(dev->profiling);
  if (dev->queue) clReleaseCommandQueue(dev->queue);
  if (dev->gemm_used) ocl_gemm_forget();
  if (dev->context) clReleaseContext(dev->context);
  free(dev);
}

lp_status ocl_device_open(const ocl_found *found, uint32_t index, const lp_device_params *params,
                          lp_device **out) {
  *out = NULL;
  lp_device *dev = calloc(1, sizeof *dev);
  if (!dev) return ocl_host->fail(LP_ERR_MEMORY, "opencl: out of memory");
  dev->ops = &table;
  dev->found = *found;
  /* Mesa's llvmpipe is a GPU driver that happens to run on the CPU: it wants many small work-items,
   * and ends a work-item's loops, with wrong results, after 65535 rounds. */
  dev->cpu = found->type == LP_DEVICE_CL_CPU && !strstr(found->name, "llvmpipe");
  ocl_fill_info(found, index, &dev->info);
  dev->units = dev->info.units ? dev->info.units : 1;
  cl_ulong local = 0;
  cl_uint vendor = 0;
  /* Of an Intel GPU, a unit is one of the execution units of which others have several; a thread's
   * 4 KiB of registers are those of 8 or more work-items. */
  enum { INTEL = 0x8086, ITEMS = 256, ITEMS_INTEL = 32, REGISTERS = 255, REGISTERS_INTEL = 80 };
  clGetDeviceInfo(found->id, CL_DEVICE_VENDOR_ID, sizeof vendor, &vendor, NULL);
  const bool intel = vendor == INTEL && found->type != LP_DEVICE_CL_CPU;
  dev->unit_items = intel ? ITEMS_INTEL : ITEMS;
  dev->registers = intel ? REGISTERS_INTEL : REGISTERS;
  clGetDeviceInfo(found->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof dev->max_group, &dev->max_group,
                  NULL);
  clGetDeviceInfo(found->id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
  dev->local_memory = (size_t)local;
  lp_status s = read_params(dev, params);
  if (s == LP_OK && dev->max_group < 256)
    s = ocl_host->fail(LP_ERR_UNSUPPORTED, "%s: work-groups of 256 are needed, the device has %zu",
                       found->name, dev->max_group);
  cl_int e = CL_SUCCESS;
  cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)found->platform,
                                        0};
  if (s == LP_OK) {
    dev->context = clCreateContext(properties, 1, &found->id, driver_message, dev, &e);
    if (e == CL_SUCCESS) dev->queue = clCreateCommandQueue(dev->context, found->id, 0, &e);
    if (e != CL_SUCCESS)
      s = ocl_host->fail(LP_ERR_DEVICE, "opencl: cannot open %s: %s", found->name,
                         ocl_error_name(e));
  }
  if (s == LP_OK) s = ocl_tuning_load(dev);
  if (s != LP_OK) {
    ocl_device_close(dev);
    return s;
  }
  *out = dev;
  return LP_OK;
}
