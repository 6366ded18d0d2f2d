/* Log lines to standard error: one write each, so that lines of several threads never mix. */
#include <locality/status.h>

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const level_name[] = {"error", "warning", "info", "debug"};
static atomic_int threshold = -1; /* -1: not read from the environment yet */

void lp_log_set_level(lp_log_level level) {
  atomic_store(&threshold, (int)level);
}

static int current_threshold(void) {
  int t = atomic_load(&threshold);
  if (t >= 0) return t;
  t = LP_LOG_WARNING;
  const char *env = getenv("LOCALITY_LOG");
  for (int i = 0; env && i < 4; i++)
    if (strcmp(env, level_name[i]) == 0) t = i;
  atomic_store(&threshold, t);
  return t;
}

void lp_log(lp_log_level level, const char *fmt, ...) {
  if ((int)level > current_threshold()) return;
  char line[1200];
  int n = snprintf(line, sizeof line, "locality: %s: ", level_name[level]);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
  va_end(ap);
  size_t len = strlen(line);
  line[len++] = '\n';
  ssize_t written = write(STDERR_FILENO, line, len);
  (void)written; /* nowhere left to complain */
}
