/* Ctrl-C and SIGTERM: a command ends in good order after the first one; a second one kills. */
#include "cli.h"

#include <signal.h>

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
  (void)number;
  stopped = 1;
}

void cli_catch_signals(void) {
  struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
  sigemptyset(&act.sa_mask);
  sigaction(SIGINT, &act, NULL);
  sigaction(SIGTERM, &act, NULL);
}

bool cli_stopped(void) {
  return stopped;
}
