/* listing.h: which OpenCL devices there are, asked without risk.
 *
 * A driver may abort, crash or hang as soon as it is loaded. So lists of devices come from a small
 * program, lp-opencl-list, that is started for it and may fail in the driver's place; the process
 * that asked loads no driver. Before a device is opened, which does load them, the program must
 * have gone well too: in this process, or in an earlier one with the same drivers since the last
 * boot. */
#ifndef LP_OPENCL_LISTING_H
#define LP_OPENCL_LISTING_H

#include "device.h"

/* ---- found.c: the listing itself, which loads the drivers --------------------------------------
 */

/* All usable devices, discrete first. *why (cap bytes) says what is missing when there is none.
 * stage, or NULL, is told what is about to be asked. The caller frees *out. */
lp_status ocl_find_devices(ocl_found **out, uint32_t *n, char *why, size_t cap,
                           void (*stage)(const char *what));

/* ---- drivers.c: what the loader is going to load -----------------------------------------------
 */

typedef struct ocl_driver {
  char icd[256];     /* the file that registers it, "" when an environment variable does */
  char library[256]; /* as dlopen takes it */
} ocl_driver;

/* Registered drivers, in the order of their names; at most cap are written, and their number is
 * returned. Follows ocl-icd and the Khronos loader: OCL_ICD_VENDORS (a folder or a file),
 * OCL_ICD_FILENAMES, OPENCL_VENDOR_PATH, /etc/OpenCL/vendors. */
uint32_t ocl_drivers(ocl_driver *out, uint32_t cap);

/* ---- listing.c: the program and its answers ----------------------------------------------------
 */

/* The devices, as an array that the caller frees; *why as above. LP_ERR_DEVICE: a driver failed,
 * and the message names it; this is remembered as long as the process lives. LP_ERR_INTERRUPTED: a
 * signal came while a driver hung. Thread-safe. */
lp_status ocl_list(lp_device_info **out, uint32_t *n, char *why, size_t cap);
/* Makes sure that loading the drivers here is safe, with the errors of ocl_list, then does it:
 * ocl_find_devices with the process's own handlers of SIGINT and SIGTERM left as they are. */
lp_status ocl_list_here(ocl_found **out, uint32_t *n, char *why, size_t cap);

/* What the program writes: records of this form, `size` bytes of text or a device behind each. */
typedef struct ocl_record {
  uint32_t kind, size;
} ocl_record;
enum {
  OCL_RECORD_STAGE = 1,  /* text: what is about to be asked */
  OCL_RECORD_LOG = 2,    /* text, for the log */
  OCL_RECORD_DEVICE = 3, /* a lp_device_info */
  OCL_RECORD_NONE = 4,   /* text: why there is no device */
  OCL_RECORD_FAILED = 5, /* text: an error that is no driver's crash */
  OCL_RECORD_DONE = 6
};
#define OCL_RECORD_MAX 1024
#define OCL_LIST_FD    3 /* where the program finds its socket */

#endif
