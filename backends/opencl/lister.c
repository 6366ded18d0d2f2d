/* lp-opencl-list: lists OpenCL devices in the place of a process that must not be harmed by a
 * broken driver (listing.h). It tells what it is about to do, so that the driver can be named that
 * killed it, and ends with the process that started it. */
#include "listing.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

const lp_host *ocl_host;

static void put(uint32_t kind, const void *data, size_t n) {
  char buffer[sizeof(ocl_record) + OCL_RECORD_MAX];
  if (n > OCL_RECORD_MAX) n = OCL_RECORD_MAX;
  ocl_record r = {kind, (uint32_t)n};
  memcpy(buffer, &r, sizeof r);
  memcpy(buffer + sizeof r, data, n);
  const char *p = buffer;
  for (size_t left = sizeof r + n; left;) {
    ssize_t k = send(OCL_LIST_FD, p, left, MSG_NOSIGNAL);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) _exit(1); /* nobody wants to know any more */
    p += k;
    left -= (size_t)k;
  }
}

static void put_text(uint32_t kind, const char *text) {
  put(kind, text, strlen(text));
}

static void to_log(lp_log_level level, const char *fmt, ...) {
  char text[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  (void)level;
  put_text(OCL_RECORD_LOG, text);
}

static lp_status to_fail(lp_status status, const char *fmt, ...) {
  char text[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  put_text(OCL_RECORD_FAILED, text);
  return status;
}

static void stage(const char *what) {
  put_text(OCL_RECORD_STAGE, what);
}

/* One after the other, before the loader does: so the one that fails is known. */
static void load_drivers(void) {
  ocl_driver driver[32];
  char text[560];
  uint32_t n = ocl_drivers(driver, sizeof driver / sizeof *driver);
  for (uint32_t i = 0; i < n; i++) {
    const ocl_driver *d = &driver[i];
    snprintf(text, sizeof text, "driver %.255s%s%.255s%s", d->library, *d->icd ? " (" : "", d->icd,
             *d->icd ? ")" : "");
    stage(text);
    dlopen(d->library, RTLD_LAZY | RTLD_LOCAL); /* one that is missing is none */
  }
  if (n != 1) stage(n ? "drivers together" : "loader");
}

int main(void) {
  static const lp_host host = {.struct_size = sizeof host, .log = to_log, .fail = to_fail};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* whoever started it tells of a crash */
  ocl_host = &host;
  load_drivers();
  ocl_found *found = NULL;
  uint32_t n = 0;
  char why[OCL_RECORD_MAX] = "";
  if (ocl_find_devices(&found, &n, why, sizeof why, stage) != LP_OK) _exit(1);
  if (!n) put_text(OCL_RECORD_NONE, why);
  for (uint32_t i = 0; i < n; i++) {
    lp_device_info info;
    ocl_fill_info(&found[i], i, &info);
    put(OCL_RECORD_DEVICE, &info, sizeof info);
  }
  put(OCL_RECORD_DONE, "", 0);
  /* Until the other side is done too: a driver that stays loaded is not started twice. */
  char byte;
  while (recv(OCL_LIST_FD, &byte, 1, 0) < 0 && errno == EINTR) continue;
  _exit(0); /* not through the drivers' own ends */
}
