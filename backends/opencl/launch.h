/* launch.h: kernel launches: describing them while a step is encoded, building their programs. */
#ifndef LP_OPENCL_LAUNCH_H
#define LP_OPENCL_LAUNCH_H

#include "device.h"

#define OCL_MAX_ARGS 64

/* ---- launches: what a step becomes --------------------------------------------------------- */

typedef enum ocl_run_value { /* arguments that change from run to run */
                             OCL_SEED_LOW,
                             OCL_SEED_HIGH,
                             OCL_ITERATION,
                             OCL_SAMPLE,
                             OCL_ROW,
                             OCL_RATE,       /* learning rate of the step's group */
                             OCL_ADAM_STEP,  /* rate / (1 - beta1^t) */
                             OCL_ADAM_SCALE, /* 1 / sqrt(1 - beta2^t) */
} ocl_run_value;

typedef enum ocl_arg_kind {
  OCL_ARG_MEM,
  OCL_ARG_BOUND,
  OCL_ARG_INT,
  OCL_ARG_FLOAT,
  OCL_ARG_RUN
} ocl_arg_kind;

typedef struct ocl_arg {
  ocl_arg_kind kind;
  cl_mem mem;
  uint32_t index; /* of the bound buffer, or a ocl_run_value */
  cl_int i;
  cl_float f;
} ocl_arg;

typedef struct ocl_gemm ocl_gemm; /* a product by CLBlast */

typedef struct ocl_launch {
  const char *files[4]; /* kernel files, one behind the other, after the definitions */
  const char *family;   /* for names and profiles */
  ocl_text define, undef;
  ocl_arg arg[OCL_MAX_ARGS];
  uint32_t n_args;
  size_t global, local, offset; /* work-items, those of a group, the first one's number */
  uint32_t step;
  lp_op_params params; /* of the step: rates of optimisers */
  char digest[41];
  cl_kernel kernel;
  ocl_gemm *gemm; /* instead of a kernel, or NULL */
  bool dynamic;   /* has arguments that change from run to run */
} ocl_launch;

struct lp_program {
  ocl_launch *launch;
  uint32_t n, cap;
  uint32_t n_steps, n_bound;
  cl_mem *owned; /* tables of the program itself */
  uint32_t n_owned;
  lp_step_time *time; /* of the last profiled run */
  uint32_t rows;      /* of the metrics history, 0 when there is none */
};

/* One step while it is turned into launches. */
typedef struct ocl_encoder {
  lp_device *dev;
  const lp_plan_view *plan;
  const lp_step *step;
  uint32_t index;
  lp_program *program;
  ocl_launch *now;  /* the launch being described */
  lp_status status; /* first failure */
} ocl_encoder;

void ocl_begin(ocl_encoder *e, const char *family); /* a new launch from kernels/FAMILY.cl */
/* The same from two files, under a name of its own. */
void ocl_begin_with(ocl_encoder *e, const char *first, const char *second, const char *family);
void ocl_file(ocl_encoder *e, const char *name); /* one more kernel file */
void ocl_define(ocl_encoder *e, const char *name, const char *fmt, ...) LP_PRINTF(3, 4);
void ocl_define_int(ocl_encoder *e, const char *name, int64_t value);
void ocl_define_float(ocl_encoder *e, const char *name, float value);
void ocl_arg_int(ocl_encoder *e, int64_t value);
void ocl_arg_float(ocl_encoder *e, float value);
void ocl_arg_run(ocl_encoder *e, ocl_run_value value);
void ocl_arg_mem(ocl_encoder *e, cl_mem mem);
void ocl_arg_buffer(ocl_encoder *e, const lp_slot *slot);
/* A slot is two arguments: its buffer, and its offset in units of 4 bytes. */
void ocl_arg_slot(ocl_encoder *e, const lp_slot *slot);
void ocl_arg_slot_at(ocl_encoder *e, const lp_slot *slot, uint64_t extra_bytes);
/* One dimension only: along the others, drivers for GPUs take no more than 65535 groups. */
void ocl_grid(ocl_encoder *e, int64_t groups, int local);
/* A device table owned by the program, written now. */
cl_mem ocl_table(ocl_encoder *e, const void *data, size_t n);
/* Macros from the step's chain: POST_PARAMS, POST_OPEN; POST_ROW(e) before the elements of a row
 * (row_len of them, e the first; 0: no rows) and POST_SPAN(e) before `span` consecutive elements
 * that are counted by j (0: no spans), which draw what they share; POST(v, e) changes the value v
 * of element e. inner: elements of a sample. head: an element-wise op before the chain, or NULL.
 * Call ocl_post_args at the place where the kernel has POST_PARAMS. */
void ocl_posts(ocl_encoder *e, const lp_post *head, int64_t inner, int64_t row_len, int span);
void ocl_post_args(ocl_encoder *e, const lp_post *head);
/* What an op does to the chain value v as C, with Q for its second operand; NULL: not a chain's. */
const char *ocl_chain_text(uint32_t op);
/* The same of one step of a chain, with q for its second operand and keep for dropout's factor. */
void ocl_put_post(ocl_text *out, const lp_post *post, const char *q, const char *keep);
bool ocl_posts_supported(const lp_plan_view *plan, const lp_step *s);

/* ---- programs ------------------------------------------------------------------------------ */

/* Builds what the launches need and the device does not have yet, and makes their kernels. */
lp_status ocl_build(lp_device *dev, ocl_launch *launch, uint32_t n);
void ocl_built_free(lp_device *dev);
/* With LOCALITY_CL_DUMP=FOLDER: a .launches file a plan, a line a launch: step of the plan, kernel,
 * global and local extents, arguments (m: memory, bound inputs by number; i, f: a number; r: an
 * ocl_run_value). */
void ocl_dump_launches(const lp_program *p);
/* Text of kernels/NAME.cl, embedded at build time; NULL for an unknown name. */
const char *ocl_kernel_text(const char *name, size_t *n);

static inline int64_t ocl_ceil(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

#endif
