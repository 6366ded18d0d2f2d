/* Devices of all backends: listing in order of preference, and opening by name. */
#include "registry_internal.h"

#include "../base/library.h"
#include "../base/numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rank of each lp_device_type, best first. */
static const uint32_t type_rank[] = {
    [LP_DEVICE_DISCRETE] = 0, [LP_DEVICE_INTEGRATED] = 1, [LP_DEVICE_CPU] = 2,
    [LP_DEVICE_CL_CPU] = 3,   [LP_DEVICE_DUMMY] = 5,      [LP_DEVICE_ACCELERATOR] = 4,
};

static uint32_t rank(const lp_device_info *d) {
  uint32_t n = sizeof type_rank / sizeof *type_rank;
  return d->type < n ? type_rank[d->type] : n;
}

typedef struct device_list {
  lp_device_info *item;
  uint32_t n;
} device_list;

/* Appends the devices of one backend; one that fails is passed over. */
static lp_status add_devices(device_list *list, const lp_backend *b) {
  size_t n = 0, cap = 8;
  for (;;) {
    lp_device_info *grown = realloc(list->item, (list->n + cap) * sizeof *grown);
    if (!grown) return lp_fail(LP_ERR_MEMORY, "out of memory while listing devices");
    list->item = grown;
    memset(grown + list->n, 0, cap * sizeof *grown);
    for (size_t i = 0; i < cap; i++) grown[list->n + i].struct_size = sizeof *grown;
    lp_fp_mode mode = lp_fp_save(); /* drivers are loaded here */
    lp_status s = b->enumerate(b->self, grown + list->n, cap, &n);
    lp_fp_restore(&mode, b->name);
    if (s != LP_OK) {
      lp_log(LP_LOG_WARNING, "backend %s: %s", b->name, lp_error_message());
      return LP_OK;
    }
    if (n <= cap) break;
    cap = n;
  }
  for (size_t i = 0; i < n; i++) { /* stable insertion: backends keep their own order */
    lp_device_info d = list->item[list->n];
    uint32_t k = list->n++;
    for (; k > 0 && rank(&list->item[k - 1]) > rank(&d); k--) list->item[k] = list->item[k - 1];
    list->item[k] = d;
  }
  return LP_OK;
}

static lp_status list_devices(device_list *list) {
  *list = (device_list){0};
  for (uint32_t i = 0; i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    if (e->kind != LP_KIND_BACKEND) continue;
    lp_status s = add_devices(list, e->descriptor);
    if (s != LP_OK) {
      free(list->item);
      return s;
    }
  }
  return LP_OK;
}

lp_status lp_devices(lp_device_info *out, uint32_t cap, uint32_t *n) {
  LP_POINT_NUMBERS;
  *n = 0;
  device_list list;
  lp_status s = list_devices(&list);
  if (s != LP_OK) return s;
  *n = list.n;
  for (uint32_t i = 0; i < list.n && i < cap; i++) out[i] = list.item[i];
  free(list.item);
  return LP_OK;
}

/* The best device that computes something and can do what the parameters ask for. */
static lp_status open_auto(const char *parameters, lp_device **out) {
  device_list list;
  lp_status s = list_devices(&list);
  if (s != LP_OK) return s;
  s = lp_fail(LP_ERR_NOT_FOUND, "no backend offers a device that computes: see `locality devices`"
                                " and the warnings about modules");
  for (uint32_t i = 0; i < list.n && list.item[i].type != LP_DEVICE_DUMMY; i++) {
    char *id = lp_device_with(list.item[i].id, parameters);
    s = id ? lp_device_open(id, out) : lp_fail(LP_ERR_MEMORY, "device auto: out of memory");
    free(id);
    if (s != LP_ERR_UNSUPPORTED) break;
  }
  free(list.item);
  return s;
}

/* text is "backend[:selector][,key=value...]" and is cut up. A first token after the colon that
 * has no '=' is the selector. */
static lp_status open_named(const char *device, char *text, lp_device **out) {
  char *rest = NULL, *mark = strpbrk(text, ":,");
  bool colon = mark && *mark == ':';
  if (mark) {
    *mark = '\0';
    rest = mark + 1;
  }
  const char *name = lp_trim(text), *selector = "";
  if (strcmp(name, "auto") == 0) return open_auto(rest ? rest : "", out);
  const lp_entry *e = lp_entry_find(LP_KIND_BACKEND, name);
  if (!e) return LP_ERR_NOT_FOUND;
  uint32_t count = 0, most = 1;
  for (const char *p = rest; p && *p; p++) most += *p == ',';
  const char **key = malloc(2 * most * sizeof *key), **value = key + most;
  if (!key) return lp_fail(LP_ERR_MEMORY, "device %s: out of memory", device);
  for (char *token; (token = lp_next_token(&rest)); colon = false) {
    char *eq = strchr(token, '=');
    if (colon && !eq) {
      selector = lp_unwrap(token);
      continue;
    }
    if (eq) *eq = '\0';
    key[count] = lp_trim(token);
    value[count++] = eq ? lp_unwrap(lp_trim(eq + 1)) : "";
  }
  lp_device_params params = {sizeof params, count, key, value};
  const lp_backend *b = e->descriptor;
  lp_fp_mode mode = lp_fp_save();
  lp_status s = b->open(b->self, selector, &params, out);
  lp_fp_restore(&mode, device);
  free(key);
  if (s != LP_OK) return lp_fail_in(s, "device %s", device);
  if (!*out || !lp_device_table(*out))
    return lp_fail(LP_ERR_PLUGIN, "device %s: backend %s opened nothing", device, b->name);
  return LP_OK;
}

lp_status lp_device_open(const char *device, lp_device **out) {
  LP_POINT_NUMBERS;
  *out = NULL;
  if (!lp_balanced(device))
    return lp_fail(LP_ERR_ARG, "device %s: parentheses do not match", device);
  char *copy = strdup(device);
  if (!copy) return lp_fail(LP_ERR_MEMORY, "device %s: out of memory", device);
  lp_status s = open_named(device, copy, out);
  free(copy);
  return s;
}

char *lp_device_with(const char *device, const char *parameter) {
  LP_POINT_NUMBERS;
  char *out = NULL;
  const char *between = !*parameter ? "" : strchr(device, ':') ? "," : ":";
  return asprintf(&out, "%s%s%s", device, between, parameter) < 0 ? NULL : out;
}

const char *lp_device_precision(const lp_device *dev) {
  const lp_device_ops *ops = lp_device_table(dev);
  bool told = ops->struct_size >= offsetof(lp_device_ops, precision) + sizeof ops->precision;
  return told && ops->precision ? ops->precision(dev) : "f32";
}

const char *lp_device_kernels(const lp_device *dev, const lp_device_info *info) {
  const lp_device_ops *ops = lp_device_table(dev);
  bool told = ops->struct_size >= offsetof(lp_device_ops, kernels) + sizeof ops->kernels;
  return told && ops->kernels ? ops->kernels(dev) : info->name;
}
