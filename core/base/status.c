/* Status codes and the calling thread's error text. */
#include <locality/status.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[1024];

lp_status lp_fail(lp_status status, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char text[sizeof message]; /* the arguments may point into the old message */
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  memcpy(message, text, sizeof message);
  return status;
}

lp_status lp_fail_in(lp_status status, const char *fmt, ...) {
  char text[sizeof message];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  if (n < 0) return status;
  size_t used = strnlen(text, sizeof text - 3), rest = strnlen(message, sizeof text - used - 3);
  memcpy(text + used, ": ", 2);
  memcpy(text + used + 2, message, rest);
  text[used + 2 + rest] = '\0';
  memcpy(message, text, sizeof message);
  return status;
}

const char *lp_error_message(void) {
  return message;
}

const char *lp_status_name(lp_status status) {
  static const char *const name[] = {
      [LP_OK] = "ok",
      [LP_ERR_ARG] = "bad argument",
      [LP_ERR_SHAPE] = "shapes do not fit",
      [LP_ERR_MEMORY] = "out of memory",
      [LP_ERR_IO] = "input/output error",
      [LP_ERR_FORMAT] = "malformed file",
      [LP_ERR_UNSUPPORTED] = "not supported",
      [LP_ERR_DEVICE] = "device failure",
      [LP_ERR_PLUGIN] = "bad plugin",
      [LP_ERR_NOT_FOUND] = "not found",
      [LP_ERR_NONFINITE] = "loss not finite",
      [LP_ERR_INTERRUPTED] = "interrupted",
  };
  size_t i = (size_t)status;
  return i < sizeof name / sizeof *name && name[i] ? name[i] : "unknown status";
}
