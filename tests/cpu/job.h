/* job.h: one kernel on its own: operands, a team, a run. */
#ifndef TEST_CPU_JOB_H
#define TEST_CPU_JOB_H

#include "isa.h"
#include "team.h"

enum { MAX_TEAM = 5, MAX_ARGS = 12 };

/* A variant in one precision. */
typedef struct flavour {
  char name[48];
  const cpu_kernels *kernels;
  const cpu_product *product;
  bool bf16;
} flavour;

/* Runs f once for every variant that this CPU can run, in f32 and, if wanted, in bf16. */
void each_flavour(bool with_bf16, void (*f)(const flavour *));

typedef struct job {
  const flavour *flavour;
  cpu_arg arg[MAX_ARGS]; /* operands, then results */
  cpu_call call;
  cpu_env env;
} job;

job make_job(const flavour *f, uint32_t op, uint32_t n_in, uint32_t n_out);
/* Operand or result i, filled with numbers from -1 to 1. Has the slack of the device's buffers. */
float *tensor(job *j, uint32_t i, lp_desc d, uint32_t seed);
/* By a team of `count` threads. */
void run_job(job *j, int count);
void free_job(job *j);

/* Largest error relative to the largest element; NaN where one is. */
double error_of(const float *got, const double *want, int64_t n);

#endif
