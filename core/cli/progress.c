/* Progress of long work: a bar with rate and time left on a terminal, lines elsewhere. */
#include "cli.h"

#include "../base/clock.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LINE_SECONDS 10.0 /* between lines where there is no terminal */

void cli_progress_init(cli_progress *p, bool quiet) {
  const char *term = getenv("TERM");
  bool terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
  *p = (cli_progress){.quiet = quiet, .bar = terminal, .last = lp_seconds()};
}

static void clear_bar(cli_progress *p) {
  if (p->drawn) fputs("\r\033[K", stderr);
  p->drawn = false;
}

static int columns(void) {
  struct winsize w;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

void cli_progress_show(cli_progress *p, double fraction, const char *label, double rate,
                       double left) {
  double t = lp_seconds();
  if (p->quiet || t - p->last < (p->bar ? 0.1 : LINE_SECONDS)) return;
  p->last = t;
  char time_left[24], tail[160];
  cli_format_seconds(left, time_left);
  int n = snprintf(tail, sizeof tail, "%s", label);
  if (isfinite(rate) && n >= 0 && n < (int)sizeof tail)
    snprintf(tail + n, sizeof tail - (size_t)n, "  %.0f images/s  %s left", rate, time_left);
  if (!p->bar) {
    fprintf(stderr, "%3.0f %%  %s\n", 100 * fraction, tail);
    return;
  }
  int room = columns() - (int)strlen(tail) - 11; /* what is left for the bar itself */
  if (room > 40) room = 40;
  char bar[48] = "";
  if (room >= 5) {
    int full = (int)(fraction * room + 0.5);
    for (int i = 0; i < room; i++) bar[i + 1] = i < full ? '=' : ' ';
    bar[0] = '[';
    memcpy(bar + room + 1, "] ", 3);
  }
  fprintf(stderr, "\r\033[K%3.0f %% %s%s", 100 * fraction, bar, tail);
  fflush(stderr);
  p->drawn = true;
}

void cli_progress_say(cli_progress *p, const char *fmt, ...) {
  if (p->quiet) return;
  clear_bar(p);
  va_list ap;
  va_start(ap, fmt);
  vfprintf(stderr, fmt, ap);
  va_end(ap);
  fputc('\n', stderr);
}

void cli_progress_end(cli_progress *p) {
  clear_bar(p);
  fflush(stderr);
}

bool cli_network_done(void *user, const char *arm, uint64_t seed, uint32_t done, uint32_t all) {
  const cli_args *a = user;
  if (!a->quiet)
    fprintf(stderr, "%s, seed %llu: %u of %u\n", arm, (unsigned long long)seed, done, all);
  return !cli_stopped();
}
