/* registry.h: what the loaded modules offer, by name.
 *
 * Modules are looked for in the build tree when the library runs from one, else in the installed
 * module folder; then in the absolute folders of LOCALITY_PLUGIN_PATH (colon-separated); never in
 * the current directory. Each folder is read in sorted order. The first module to register a name
 * has it, so no other module takes a built-in's place: it is refused with a warning that names
 * both files. Nor can a cost or prior take the name of a built-in layer, since both name arms.
 *
 * A module that changes the floating-point mode of the process (code linked with -ffast-math does)
 * is used, but the mode is set back, with a warning.
 *
 * Threads: lp_registry_load once, before anything else; look-ups are then safe from any thread.
 */
#ifndef LOCALITY_REGISTRY_H
#define LOCALITY_REGISTRY_H

#include <locality/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Loads every module found. A module that cannot be used is skipped with a warning and listed with
 * its reason; only a broken environment fails. A second call does nothing. */
LP_API lp_status lp_registry_load(void);
/* Calls every plugin's fini. No other call of the library may follow. */
LP_API void lp_registry_shutdown(void);

typedef enum lp_kind {
  LP_KIND_TOPOLOGY = 0,
  LP_KIND_COST = 1,
  LP_KIND_PRIOR = 2,
  LP_KIND_LAYER = 3,
  LP_KIND_BACKEND = 4,
  LP_KIND_PENALTY = 5,
  LP_KIND_MEASURE = 6, /* the library has some of its own */
  LP_KIND_COUNT
} lp_kind;
LP_API const char *lp_kind_name(lp_kind kind); /* "topology", ... */

typedef struct lp_module_info {
  const char *file;                               /* absolute path */
  const char *name, *version, *license, *summary; /* "" when it could not be read */
  const char *refused;                            /* why it is not in use; NULL when it is */
  int foreign;          /* 1: found through LOCALITY_PLUGIN_PATH, not the library's own */
  const char *rejected; /* what it registered in vain although it is in use; NULL: nothing */
} lp_module_info;
LP_API uint32_t lp_module_count(void);
/* i of an entry may be LP_MODULE_OWN: the library itself, which is not counted. */
#define LP_MODULE_OWN UINT32_MAX
LP_API const lp_module_info *lp_module_get(uint32_t i);

typedef struct lp_entry {
  lp_kind kind;
  const char *name, *summary, *source; /* source may be "" */
  const lp_param *params; /* NULL for backends; of a penalty with those that all have */
  uint32_t n_params;
  const void *descriptor; /* lp_topology, lp_cost, ... of its kind */
  uint32_t module;        /* index for lp_module_get */
} lp_entry;
LP_API uint32_t lp_entry_count(void);
LP_API const lp_entry *lp_entry_get(uint32_t i);
/* NULL, with an error that suggests the nearest name of that kind, when there is none. */
LP_API const lp_entry *lp_entry_find(lp_kind kind, const char *name);

/* "name:key=value,key=value" resolved against a registered entry: what a user writes for a cost, a
 * topology or a layer. Values are checked for type and range; an unknown key suggests the nearest.
 * Commas inside a value are protected by parentheses: "locality:cost=(power:p=2,s=1)". */
typedef struct lp_spec {
  const lp_entry *entry;
  lp_arg *args; /* n_params of them, in order of declaration */
  char *text;   /* canonical form, defaults filled in: "power:s=1,p=2" */
} lp_spec;
LP_API lp_status lp_spec_parse(lp_kind kind, const char *text, lp_spec *out);
LP_API void lp_spec_free(lp_spec *spec);
/* The canonical form, that of specs inside values too: "locality:cost=(power:p=2.0)" and
 * "locality:cost=power" are one text where the defaults are the same. A value of a parameter that
 * is called as a kind (cost, topology) is a spec of that kind, any other of its parent's, and where
 * it is none, a text. malloc'ed; NULL: memory is exhausted. A text that is no spec comes back as it
 * is. */
LP_API char *lp_spec_full_text(lp_kind kind, const char *text);

/* Devices of all backends, best first: discrete GPU, integrated GPU, cpu, OpenCL CPU devices, dummy
 * devices last. Writes at most cap, reports the true number. Backends that fail are skipped with a
 * log line. */
LP_API lp_status lp_devices(lp_device_info *out, uint32_t cap, uint32_t *n);
/* Opens "auto" or "backend[:selector][,key=value...]" ("cpu:threads=2" is cpu with a parameter,
 * "opencl:1" and "opencl:NVIDIA" have a selector, "opencl:pci=..." a parameter). "auto:key=value"
 * is the best device that does not answer LP_ERR_UNSUPPORTED to the parameters. The core owns the
 * device; close it with lp_device_table(dev)->close(dev). */
LP_API lp_status lp_device_open(const char *device, lp_device **out);
/* The device string with one more parameter: "cpu", "threads=2" -> "cpu:threads=2". Caller frees;
 * NULL when out of memory. */
LP_API char *lp_device_with(const char *device, const char *parameter);
/* What the device rounds the operands of products to: "f32" or "bf16". */
LP_API const char *lp_device_precision(const lp_device *dev);
/* Its kernels by name (backend.h), or its name where it does not tell them. */
LP_API const char *lp_device_kernels(const lp_device *dev, const lp_device_info *info);

#ifdef __cplusplus
}
#endif
#endif
