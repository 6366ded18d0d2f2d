/* The plain-C backend: the module and its one device. */
#include "device.h"

#include <stdio.h>
#include <string.h>

static const lp_host *the_host;

static lp_status enumerate(void *self, lp_device_info *out, size_t cap, size_t *n) {
  (void)self;
  const cpu_variant *variant;
  *n = 0;
  lp_status st = cpu_variant_choose(the_host, &variant);
  if (st) return st;
  if (cap) {
    cpu_device_describe(variant, false, cpu_default_threads(), out);
    size_t end = strlen(out->name);
    snprintf(out->name + end, sizeof out->name - end, "; bf16 %s%s", variant->name,
             cpu_bf16_emulated(variant) ? " emulated" : "");
  }
  *n = 1;
  return LP_OK;
}

static lp_status open_device(void *self, const char *selector, const lp_device_params *params,
                             lp_device **out) {
  (void)self;
  if (selector && *selector)
    return the_host->fail(LP_ERR_NOT_FOUND,
                          "cpu: no device \"%s\"; there is one CPU device, \"cpu\"", selector);
  return cpu_device_open(the_host, params, out);
}

static const lp_backend backend = {
    .struct_size = sizeof(lp_backend),
    .name = "cpu",
    .summary = "plain C on the host's cores",
    .enumerate = enumerate,
    .open = open_device,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  the_host = host;
  return host->add_backend(r, &backend);
}

LP_PLUGIN("cpu", "0.1.0", "Apache-2.0", "plain-C backend for the host's cores", init, NULL)
