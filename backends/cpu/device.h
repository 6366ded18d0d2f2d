/* device.h: the device and its programs, shared by device.c and program.c. */
#ifndef LP_CPU_DEVICE_H
#define LP_CPU_DEVICE_H

#include "isa.h"
#include "team.h"

struct lp_buffer {
  char *p;
  size_t nbytes;
};

struct lp_device {
  const lp_device_ops *ops; /* first: lp_device_table() reads it */
  const lp_host *host;
  const cpu_variant *variant;
  const cpu_product *product; /* kernels->f32, or the variant's bf16 */
  bool winograd;              /* where the product gains by it */
  int threads;
  cpu_team team;
  char *scratch; /* threads x CPU_SCRATCH */
  lp_device_counters counters;
  char kernels[32]; /* "AVX-512, bf16" */
};

/* The device given by the parameters of lp_backend.open. */
lp_status cpu_device_open(const lp_host *host, const lp_device_params *params, lp_device **out);
/* What info() tells, without opening. */
void cpu_device_describe(const cpu_variant *v, bool bf16, int threads, lp_device_info *out);
/* Cores this process may use, or OMP_NUM_THREADS. */
int cpu_default_threads(void);

/* program.c */
bool cpu_supports(lp_device *dev, const lp_plan_view *plan, uint32_t step);
lp_status cpu_workspace(lp_device *dev, const lp_plan_view *plan, uint32_t step, size_t *nbytes);
lp_status cpu_compile(lp_device *dev, const lp_plan_view *plan, lp_program **out);
void cpu_program_free(lp_device *dev, lp_program *prog);
lp_status cpu_run(lp_device *dev, lp_program *prog, const lp_run_args *args, lp_event **done);
lp_status cpu_timings(lp_device *dev, lp_program *prog, lp_step_time *out, uint32_t cap,
                      uint32_t *n);

#endif
