/* For offline runs of the kernels (tests/kernels) and for the model of GPUs (bench/gpu_model.py):
 * what a plan launches, as text. */
#include "launch.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void put_arg(ocl_text *t, const ocl_arg *a) {
  switch (a->kind) {
  case OCL_ARG_MEM:
    ocl_put(t, " m%p", (void *)a->mem);
    break;
  case OCL_ARG_BOUND:
    ocl_put(t, " m%u", a->index);
    break;
  case OCL_ARG_INT:
    ocl_put(t, " i%d", a->i);
    break;
  case OCL_ARG_FLOAT:
    ocl_put(t, " f%a", (double)a->f);
    break;
  case OCL_ARG_RUN:
    ocl_put(t, " r%u", a->index);
    break;
  }
}

void ocl_dump_launches(const lp_program *p) {
  static atomic_uint count;
  const char *folder = getenv("LOCALITY_CL_DUMP");
  if (!folder || !*folder) return;
  ocl_text t = {0};
  for (uint32_t k = 0; k < p->n; k++) {
    const ocl_launch *l = &p->launch[k];
    char name[64] = "";
    if (l->gemm || clGetKernelInfo(l->kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL))
      continue;
    ocl_put(&t, "%u %s %zu %zu %zu %zu", l->step, name, l->global, (size_t)1, l->local, (size_t)1);
    for (uint32_t i = 0; i < l->n_args; i++) put_arg(&t, &l->arg[i]);
    ocl_put(&t, "\n");
  }
  char path[1024];
  snprintf(path, sizeof path, "%s/%ld-%u.launches", folder, (long)getpid(),
           atomic_fetch_add(&count, 1));
  if (!t.failed && t.s && ocl_host->write_file(path, t.s, t.n) != LP_OK)
    ocl_host->log(LP_LOG_WARNING, "opencl: cannot write %s", path);
  free(t.s);
}
