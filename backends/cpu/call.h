/* call.h: what a kernel is given. A call is one step of a plan with its pointers resolved; a worker
 * is one thread of the team that executes the calls (team.h). */
#ifndef LP_CPU_CALL_H
#define LP_CPU_CALL_H

#include "product.h"

#include <locality/backend.h>

#define CPU_ALIGN 64

/* An operand. given is false for LP_NO_SLOT; p is NULL while workspaces are asked for. */
typedef struct cpu_arg {
  void *p;
  bool given;
  lp_desc desc;
} cpu_arg;

typedef struct cpu_post {
  uint32_t op;
  void *extra; /* f32, NULL for unary ops */
  lp_op_params params;
} cpu_post;

/* Values that change from run to run. */
typedef struct cpu_env {
  uint64_t seed, iteration, sample_offset;
  double lr;
  uint64_t row;
} cpu_env;

typedef struct cpu_call {
  uint32_t op, n_in, n_out, n_post;
  lp_op_params params;
  const cpu_arg *in, *out;
  const cpu_post *post;
  bool winograd;      /* may convolutions take it? */
  bool rounded;       /* operands of products are rounded (bf16) */
  int64_t post_inner; /* elements per sample of the first output's slot */
  void *ws;
  const cpu_env *env;
} cpu_call;

typedef struct cpu_worker cpu_worker;

/* One row of a kernel table. Every worker of the team enters run; the parts of a kernel are shared
 * out with cpu_next and separated by cpu_barrier. Results must not depend on the number of workers:
 * partial sums belong to fixed chunks of the data, never to a worker. */
typedef struct cpu_kernel {
  void (*run)(const cpu_call *c, cpu_worker *w);
  size_t (*workspace)(const cpu_call *c); /* bytes; NULL: none. Pointers in c are not set. */
} cpu_kernel;

typedef struct cpu_kernels {
  const char *name;              /* of the instruction set */
  const cpu_product *f32, *bf16; /* bf16: emulated */
  cpu_kernel op[LP_OP_COUNT];
} cpu_kernels;

static inline const float *cpu_in(const cpu_call *c, uint32_t i) {
  return i < c->n_in && c->in[i].given ? c->in[i].p : NULL;
}

static inline float *cpu_out(const cpu_call *c, uint32_t i) {
  return i < c->n_out && c->out[i].given ? c->out[i].p : NULL;
}

static inline bool cpu_has_out(const cpu_call *c, uint32_t i) {
  return i < c->n_out && c->out[i].given;
}

#endif
