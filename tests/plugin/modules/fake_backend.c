/* A backend whose devices do nothing but say how they were opened. */
#include <locality/plugin.h>

#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const lp_host *host;

struct lp_device {
  const lp_device_ops *ops;
  char how[128];
};

static void close_device(lp_device *dev) {
  free(dev);
}

static lp_status info(lp_device *dev, lp_device_info *out) {
  *out = (lp_device_info){.struct_size = sizeof *out, .type = LP_DEVICE_DUMMY, .alignment = 64};
  snprintf(out->name, sizeof out->name, "%s", dev->how);
  return LP_OK;
}

/* These devices are opened and asked for their name only, so the table ends there. */
static const lp_device_ops ops = {.struct_size = sizeof ops, .close = close_device, .info = info};

static const uint32_t types[] = {LP_DEVICE_DUMMY,      LP_DEVICE_CL_CPU,     LP_DEVICE_CPU,
                                 LP_DEVICE_DISCRETE,   LP_DEVICE_INTEGRATED, LP_DEVICE_DISCRETE,
                                 LP_DEVICE_CPU,        LP_DEVICE_DUMMY,      LP_DEVICE_CL_CPU,
                                 LP_DEVICE_INTEGRATED, LP_DEVICE_ACCELERATOR};

/* More devices than a caller expects at first. */
static lp_status enumerate(void *self, lp_device_info *out, size_t cap, size_t *n) {
  (void)self;
  *n = sizeof types / sizeof *types;
  for (size_t i = 0; i < *n && i < cap; i++) {
    out[i].type = types[i];
    snprintf(out[i].id, sizeof out[i].id, "fake:%zu", i);
  }
  return LP_OK;
}

static lp_status open_device(void *self, const char *selector, const lp_device_params *params,
                             lp_device **out) {
  (void)self;
  if (strcmp(selector, "broken") == 0) return host->fail(LP_ERR_DEVICE, "smoke");
  if (strcmp(selector, "nothing") == 0) return LP_OK;
  if (strcmp(selector, "upward") == 0) fesetround(FE_UPWARD); /* as drivers do */
  for (uint32_t i = 0; i < params->count; i++) {
    if (strcmp(params->key[i], "colour") == 0) return host->fail(LP_ERR_ARG, "no colours");
    if (strcmp(params->key[i], "precision") == 0 && strcmp(selector, "4") < 0)
      return host->fail(LP_ERR_UNSUPPORTED, "f32 only");
  }
  lp_device *dev = calloc(1, sizeof *dev);
  if (!dev) return host->fail(LP_ERR_MEMORY, "out of memory");
  dev->ops = &ops;
  snprintf(dev->how, sizeof dev->how, "[%s]", selector);
  for (uint32_t i = 0; i < params->count; i++) {
    size_t used = strlen(dev->how);
    snprintf(dev->how + used, sizeof dev->how - used, " %s=%s", params->key[i], params->value[i]);
  }
  *out = dev;
  return LP_OK;
}

static const lp_backend backend = {
    .struct_size = sizeof backend,
    .name = "fake",
    .summary = "for tests",
    .enumerate = enumerate,
    .open = open_device,
};

static lp_status enumerate_failing(void *self, lp_device_info *out, size_t cap, size_t *n) {
  (void)self, (void)out, (void)cap;
  *n = 5;
  return host->fail(LP_ERR_DEVICE, "no driver");
}

static const lp_backend failing = {
    .struct_size = sizeof failing,
    .name = "failing",
    .summary = "for tests",
    .enumerate = enumerate_failing,
    .open = open_device,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  lp_status s = h->add_backend(r, &failing);
  return s == LP_OK ? h->add_backend(r, &backend) : s;
}

LP_PLUGIN("fake-backend", "1.0", "Apache-2.0", "for tests", init, NULL)
