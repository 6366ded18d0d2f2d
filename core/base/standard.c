/* Standard input, output and error of a program. */
#include "standard.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void lp_standard_open(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

bool lp_standard_flush(void) {
  bool lost = ferror(stdout) != 0;
  return fflush(stdout) == 0 && !lost;
}
