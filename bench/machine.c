/* What else the machine was doing: processor time that went to others while a group was measured.
 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Of the whole machine, with what the hypervisor took from it; NaN where the kernel does not tell.
 */
static double busy_seconds(void) {
  double user, nice, system, idle, wait, irq, softirq, steal;
  FILE *f = fopen("/proc/stat", "r");
  if (!f) return NAN;
  int n = fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait,
                 &irq, &softirq, &steal);
  fclose(f);
  if (n != 8) return NAN;
  return (user + nice + system + irq + softirq + steal) / (double)sysconf(_SC_CLK_TCK);
}

static double seconds(struct timeval t) {
  return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static double usage(int who) {
  struct rusage u;
  if (getrusage(who, &u) != 0) return NAN;
  return seconds(u.ru_utime) + seconds(u.ru_stime);
}

double bench_cpu_of(int pid) {
  char path[64], line[1024];
  double user = 0, system = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *f = fopen(path, "r");
  if (!f) return 0;
  size_t n = fread(line, 1, sizeof line - 1, f);
  fclose(f);
  line[n] = 0;
  char *after = strrchr(line, ')'); /* the name before it may hold anything */
  if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lf %lf", &user,
                       &system) != 2)
    return 0;
  return (user + system) / (double)sysconf(_SC_CLK_TCK);
}

bench_cpu bench_cpu_now(void) {
  return (bench_cpu){bench_now(), busy_seconds() - usage(RUSAGE_SELF) - usage(RUSAGE_CHILDREN)};
}

double bench_others(bench_cpu start, double ours) {
  bench_cpu end = bench_cpu_now();
  double whole = (end.at - start.at) * (double)sysconf(_SC_NPROCESSORS_ONLN);
  double others = end.others - start.others - ours;
  return whole > 0 ? fmax(0, others) / whole : NAN;
}
