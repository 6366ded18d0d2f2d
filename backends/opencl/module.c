/* The OpenCL backend as a module: its entry point, the list of devices, and which one a selector
 * means. */
#include "listing.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const lp_host *ocl_host;

static lp_status enumerate(void *self, lp_device_info *out, size_t cap, size_t *n) {
  (void)self;
  lp_device_info *info = NULL;
  uint32_t count = 0;
  char why[512] = "";
  *n = 0;
  static atomic_bool told; /* of a driver that failed: a listing gives it as an error once */
  lp_status s = ocl_list(&info, &count, why, sizeof why);
  if (s == LP_ERR_DEVICE && atomic_exchange(&told, true)) return LP_OK;
  if (s != LP_OK) return s;
  if (!count) ocl_host->fail(LP_OK, "opencl: %s", why);
  for (uint32_t i = 0; i < count && i < cap; i++) out[i] = info[i];
  *n = count;
  free(info);
  return LP_OK;
}

static bool contains(const char *text, const char *part) {
  size_t n = strlen(part);
  for (; *text; text++)
    if (!strncasecmp(text, part, n)) return true;
  return false;
}

/* "pci=01:00.0" may leave out the domain. */
static bool pci_matches(const char *pci, const char *wanted) {
  size_t n = strlen(pci), w = strlen(wanted);
  return n >= w && w > 0 && !strcasecmp(pci + n - w, wanted);
}

static lp_status choose(const ocl_found *found, uint32_t n, const char *selector, uint32_t *index) {
  unsigned long number = strtoul(selector, NULL, 10);
  if (!*selector) {
    *index = 0;
    return LP_OK;
  }
  if (strspn(selector, "0123456789") == strlen(selector)) { /* past its range it is ULONG_MAX */
    if (number < n) {
      *index = (uint32_t)number;
      return LP_OK;
    }
    return ocl_host->fail(LP_ERR_NOT_FOUND,
                          "opencl: there is no device %lu; there are %u, counted "
                          "from 0",
                          number, n);
  }
  bool by_pci = !strncmp(selector, "pci=", 4);
  for (uint32_t i = 0; i < n; i++) {
    bool match =
        by_pci ? pci_matches(found[i].pci, selector + 4)
               : contains(found[i].name, selector) || contains(found[i].platform_name, selector);
    if (!match) continue;
    *index = i;
    return LP_OK;
  }
  return ocl_host->fail(LP_ERR_NOT_FOUND,
                        "opencl: no device matches \"%s\"; `locality devices` lists them",
                        selector);
}

static lp_status open_device(void *self, const char *selector, const lp_device_params *params,
                             lp_device **out) {
  (void)self;
  ocl_found *found = NULL;
  uint32_t n = 0, index = 0;
  char why[512] = "";
  *out = NULL;
  /* "opencl:pci=..." reads as a parameter where the caller splits at '='. */
  char pci[64] = "";
  for (uint32_t i = 0; params && i < params->count; i++)
    if (!strcmp(params->key[i], "pci")) snprintf(pci, sizeof pci, "pci=%s", params->value[i]);
  lp_status s = ocl_list_here(&found, &n, why, sizeof why);
  if (s == LP_OK && !n) s = ocl_host->fail(LP_ERR_NOT_FOUND, "opencl: %s", why);
  if (s == LP_OK) s = choose(found, n, *pci ? pci : selector ? selector : "", &index);
  if (s == LP_OK) s = ocl_device_open(&found[index], index, params, out);
  free(found);
  return s;
}

static const lp_backend backend = {
    .struct_size = sizeof(lp_backend),
    .name = "opencl",
    .summary = "GPUs and other devices of any vendor through OpenCL 1.2",
    .enumerate = enumerate,
    .open = open_device,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  ocl_host = host;
  return host->add_backend(r, &backend);
}

LP_PLUGIN("opencl", "0.1.0", "Apache-2.0", "OpenCL devices", init, NULL)
