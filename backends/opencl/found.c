/* Which OpenCL devices there are: all platforms, discrete devices first, each card once. Part of
 * the module and of lp-opencl-list. */
#include "device.h"
#include "listing.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Vendor queries for the bus address; the values are the vendors' (cl_ext.h may be older). */
#define PCI_INFO_KHR  0x410F /* cl_khr_pci_bus_info: domain, bus, device, function */
#define PCI_BUS_NV    0x4008
#define PCI_SLOT_NV   0x4009
#define PCI_DOMAIN_NV 0x400A
#define TOPOLOGY_AMD  0x4037
#define BOARD_AMD     0x4038 /* the name on the box; CL_DEVICE_NAME is the chip's, "gfx1030" */

static void text_of(cl_device_id id, cl_device_info what, char *out, size_t cap) {
  char text[512] = "";
  clGetDeviceInfo(id, what, sizeof text - 1, text, NULL);
  size_t first = strspn(text, " ");
  snprintf(out, cap, "%s", text + first);
  for (size_t n = strlen(out); n && out[n - 1] == ' '; n--) out[n - 1] = 0;
}

/* Drivers are asked only what they say they know. */
static bool knows(cl_device_id id, const char *extension) {
  size_t size = 0;
  clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, 0, NULL, &size);
  char *known = calloc(size + 1, 1);
  if (known) clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, size, known, NULL);
  bool yes = known && strstr(known, extension);
  free(known);
  return yes;
}

static void find_pci(cl_device_id id, char *out, size_t cap) {
  cl_uint khr[4], bus, slot, domain = 0;
  union {
    struct {
      cl_uint type;
      cl_uchar unused[17], bus, device, function;
    } pcie;
    cl_uchar bytes[64];
  } amd;
  memset(&amd, 0, sizeof amd);
  size_t n = 0;
  if (knows(id, "cl_khr_pci_bus_info") &&
      clGetDeviceInfo(id, PCI_INFO_KHR, sizeof khr, khr, &n) == CL_SUCCESS && n == sizeof khr) {
    snprintf(out, cap, "%04x:%02x:%02x.%x", khr[0] & 0xffffU, khr[1] & 0xffU, khr[2] & 0xffU,
             khr[3] & 0xfU);
  } else if (knows(id, "cl_nv_device_attribute_query") &&
             clGetDeviceInfo(id, PCI_BUS_NV, sizeof bus, &bus, NULL) == CL_SUCCESS &&
             clGetDeviceInfo(id, PCI_SLOT_NV, sizeof slot, &slot, NULL) == CL_SUCCESS) {
    clGetDeviceInfo(id, PCI_DOMAIN_NV, sizeof domain, &domain, NULL);
    snprintf(out, cap, "%04x:%02x:%02x.%x", domain & 0xffffU, bus & 0xffU, slot >> 3 & 0x1fU,
             slot & 7U);
  } else if (knows(id, "cl_amd_device_attribute_query") &&
             clGetDeviceInfo(id, TOPOLOGY_AMD, sizeof amd, &amd, NULL) == CL_SUCCESS &&
             amd.pcie.type == 1) {
    snprintf(out, cap, "0000:%02x:%02x.%x", amd.pcie.bus, amd.pcie.device, amd.pcie.function);
  }
}

static void find_name(cl_device_id id, char *out, size_t cap) {
  char board[80] = "", chip[128];
  text_of(id, CL_DEVICE_NAME, chip, sizeof chip);
  if (knows(id, "cl_amd_device_attribute_query")) text_of(id, BOARD_AMD, board, sizeof board);
  if (*board && !strstr(chip, board))
    snprintf(out, cap, "%s (%.40s)", board, chip);
  else
    snprintf(out, cap, "%s", chip);
}

static lp_device_type type_of(cl_device_id id) {
  cl_device_type type = 0;
  cl_bool unified = CL_FALSE;
  clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
  clGetDeviceInfo(id, CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof unified, &unified, NULL);
  if (type & CL_DEVICE_TYPE_CPU) return LP_DEVICE_CL_CPU;
  if (!(type & CL_DEVICE_TYPE_GPU)) return LP_DEVICE_ACCELERATOR;
  return unified ? LP_DEVICE_INTEGRATED : LP_DEVICE_DISCRETE;
}

static bool usable(cl_device_id id, const char *name) {
  cl_bool available = CL_FALSE, compiler = CL_FALSE, little = CL_TRUE;
  clGetDeviceInfo(id, CL_DEVICE_AVAILABLE, sizeof available, &available, NULL);
  clGetDeviceInfo(id, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler, NULL);
  clGetDeviceInfo(id, CL_DEVICE_ENDIAN_LITTLE, sizeof little, &little, NULL);
  if (available && compiler && little) return true;
  ocl_host->log(LP_LOG_INFO, "opencl: %s is left out: %s", name,
                !available  ? "not available"
                : !compiler ? "no compiler"
                            : "big-endian");
  return false;
}

static void describe(ocl_found *d, cl_platform_id platform, cl_device_id id) {
  char version[96] = "", driver[64] = "";
  *d = (ocl_found){.platform = platform, .id = id, .type = type_of(id)};
  find_name(id, d->name, sizeof d->name);
  text_of(id, CL_DEVICE_VERSION, version, sizeof version);
  text_of(id, CL_DRIVER_VERSION, driver, sizeof driver);
  clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof d->platform_name - 1, d->platform_name,
                    NULL);
  snprintf(d->driver, sizeof d->driver, "%.80s, %.40s, driver %.50s", d->platform_name, version,
           driver);
  find_pci(id, d->pci, sizeof d->pci);
}

static int rank(lp_device_type t) {
  return t == LP_DEVICE_DISCRETE     ? 0
         : t == LP_DEVICE_INTEGRATED ? 1
         : t == LP_DEVICE_CL_CPU     ? 2
                                     : 3;
}

/* ---- one card under two platforms ---------------------------------------------------------------
 */

/* Is the platform by the maker of the device? Both names begin with it ("Intel(R) Corporation");
 * those of Mesa and PoCL, which drive cards of any maker, do not. */
static bool is_makers(const ocl_found *d) {
  char maker[64] = "", vendor[64] = "";
  text_of(d->id, CL_DEVICE_VENDOR, maker, sizeof maker);
  clGetPlatformInfo(d->platform, CL_PLATFORM_VENDOR, sizeof vendor - 1, vendor, NULL);
  size_t n = strcspn(maker, " ,(");
  return n > 0 && !strncasecmp(maker, vendor, n) && !isalpha((unsigned char)vendor[n]);
}

/* Keeps one of each pair with the same bus address: the maker's, else the first. A platform may
 * have several devices at one address (parts of a card); these are all kept. */
static void drop_doubles(ocl_found *list, uint32_t *n) {
  for (uint32_t i = 0; i < *n; i++) {
    const ocl_found *by = NULL, *d = &list[i];
    for (uint32_t k = 0; k < *n && !by; k++) {
      const ocl_found *other = &list[k];
      if (!*d->pci || other->platform == d->platform || strcmp(other->pci, d->pci) != 0) continue;
      if (is_makers(other) != is_makers(d) ? is_makers(other) : k < i) by = other;
    }
    if (!by) continue;
    ocl_host->log(LP_LOG_INFO, "opencl: %s of %s is left out: it is %s of %s (pci %s)", d->name,
                  d->platform_name, by->name, by->platform_name, d->pci);
    memmove(&list[i], &list[i + 1], (*n - i - 1) * sizeof *list);
    --*n, i--;
  }
}

static lp_status append(ocl_found **list, uint32_t *n, cl_platform_id platform) {
  cl_uint count = 0;
  cl_int e = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &count);
  if (e != CL_SUCCESS || !count) return LP_OK; /* a platform without devices is normal */
  cl_device_id *id = calloc(count, sizeof(cl_device_id));
  ocl_found *grown = realloc(*list, (*n + count) * sizeof **list);
  if (grown) *list = grown;
  lp_status s = LP_OK;
  if (!id || !grown)
    s = ocl_host->fail(LP_ERR_MEMORY, "opencl: out of memory while listing devices");
  else if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, id, NULL) == CL_SUCCESS)
    for (cl_uint i = 0; i < count; i++) {
      ocl_found d;
      describe(&d, platform, id[i]);
      if (!usable(id[i], d.name)) continue;
      uint32_t at = *n; /* stable insertion by rank */
      while (at > 0 && rank((*list)[at - 1].type) > rank(d.type)) at--;
      memmove(&(*list)[at + 1], &(*list)[at], (*n - at) * sizeof **list);
      (*list)[at] = d;
      ++*n;
    }
  free(id);
  return s;
}

/* Why a platform has no device: PoCL's is hidden when its cache cannot be written. */
static void explain_none(cl_uint platforms, const char *names, char *why, size_t cap) {
  const char *own = getenv("POCL_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME");
  const char *home = getenv("HOME");
  char folder[512] = "";
  if (own)
    snprintf(folder, sizeof folder, "POCL_CACHE_DIR=%s", own);
  else if (xdg)
    snprintf(folder, sizeof folder, "XDG_CACHE_HOME=%s", xdg);
  else
    snprintf(folder, sizeof folder, "HOME=%s", home ? home : "");
  if (strstr(names, "Portable Computing Language"))
    snprintf(why, cap,
             "PoCL hides its device when it cannot write its cache (below %.150s): set "
             "POCL_CACHE_DIR to a folder that can be written",
             folder);
  else
    snprintf(why, cap, "%u OpenCL platform%s (%.150s), but no usable device", platforms,
             platforms == 1 ? "" : "s", names);
}

lp_status ocl_find_devices(ocl_found **out, uint32_t *n, char *why, size_t cap,
                           void (*stage)(const char *what)) {
  *out = NULL;
  *n = 0;
  cl_uint count = 0;
  cl_int e = clGetPlatformIDs(0, NULL, &count);
  if (e != CL_SUCCESS || !count) { /* -1001: no driver is registered with the loader */
    snprintf(why, cap,
             "no OpenCL driver is installed (%s); install one, for example "
             "pocl-opencl-icd for the CPU",
             ocl_error_name(e));
    return LP_OK;
  }
  cl_platform_id *platform = calloc(count, sizeof(cl_platform_id));
  if (!platform) return ocl_host->fail(LP_ERR_MEMORY, "opencl: out of memory");
  lp_status s = LP_OK;
  char names[256] = "";
  size_t used = 0;
  if (clGetPlatformIDs(count, platform, NULL) == CL_SUCCESS)
    for (cl_uint i = 0; i < count && s == LP_OK; i++) {
      char name[128] = "", what[160];
      clGetPlatformInfo(platform[i], CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
      snprintf(what, sizeof what, "platform %s", name);
      if (stage) stage(what);
      if (used < sizeof names)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", name);
      s = append(out, n, platform[i]);
    }
  free(platform);
  if (s != LP_OK) {
    free(*out);
    *out = NULL;
    *n = 0;
  } else if (!*n) {
    explain_none(count, names, why, cap);
  } else {
    drop_doubles(*out, n);
  }
  return s;
}

void ocl_fill_info(const ocl_found *d, uint32_t index, lp_device_info *out) {
  cl_ulong memory = 0, largest = 0;
  cl_uint align_bits = 0, units = 0;
  clGetDeviceInfo(d->id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof memory, &memory, NULL);
  clGetDeviceInfo(d->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof largest, &largest, NULL);
  clGetDeviceInfo(d->id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof align_bits, &align_bits, NULL);
  clGetDeviceInfo(d->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
  *out = (lp_device_info){.struct_size = sizeof *out,
                          .type = d->type,
                          .memory = memory,
                          .units = units,
                          .alignment = OCL_MIN_ALIGN};
  while (out->alignment < align_bits / 8 && out->alignment < 4096) out->alignment *= 2;
  if (largest > OCL_MAX_BUFFER) largest = OCL_MAX_BUFFER;
  out->max_alloc = largest > OCL_BUFFER_PAD ? (largest - OCL_BUFFER_PAD) / 4096 * 4096 : 0;
  snprintf(out->id, sizeof out->id, "opencl:%u", index);
  if (*d->pci)
    snprintf(out->name, sizeof out->name, "%.90s, pci %s", d->name, d->pci);
  else
    snprintf(out->name, sizeof out->name, "%s", d->name);
  snprintf(out->driver, sizeof out->driver, "%s", d->driver);
}
