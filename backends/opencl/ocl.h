/* ocl.h: what the files of the OpenCL backend share: device, buffers, launches, the op table. */
#ifndef LP_OPENCL_H
#define LP_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_ext.h>

#include <locality/plugin.h>

#define OCL_MAX_ARGS 40
#define OCL_BUFFER_PAD                                                                             \
  256 /* bytes past every buffer: vector loads may reach over a tensor's end                       \
       */
#define OCL_MAX_BUFFER (UINT64_C(8) << 30) /* kernels index elements with 32-bit integers */
#define OCL_MIN_ALIGN  128
#define OCL_FORMAT     "1" /* of cached programs and tuning files */

extern const lp_host *ocl_host; /* set by init */

/* ---- devices ------------------------------------------------------------------------------- */

typedef struct ocl_found { /* a device as enumerated */
  cl_platform_id platform;
  cl_device_id id;
  lp_device_type type;
  char name[128], platform_name[128], driver[192];
  char pci[24]; /* "0000:01:00.0" or "" */
} ocl_found;

void ocl_fill_info(const ocl_found *d, uint32_t index, lp_device_info *out);

typedef struct ocl_staging { /* pinned host memory for uploads to discrete devices */
  cl_mem mem;
  void *host;
  size_t size;
  cl_event busy;
} ocl_staging;

typedef struct ocl_built { /* a kernel that was built: its text's digest -> its program */
  char digest[41];
  cl_program program;
} ocl_built;

struct lp_device {
  const lp_device_ops *ops;
  ocl_found found;
  lp_device_info info;
  cl_context context;
  cl_command_queue queue, profiling;
  bool cpu;   /* runs kernels on the host's cores: register tiles instead of local memory */
  bool tune;  /* measure candidates that the tuning file does not know */
  bool cache; /* keep program binaries on disk */
  double tune_seconds; /* left for measuring */
  size_t max_group, local_memory;
  uint32_t units;
  lp_status broken; /* sticky */
  char reason[320];
  lp_device_counters count;
  uint64_t queued; /* commands so far */
  ocl_staging staging[2];
  uint32_t next_staging;
  ocl_built *built;
  uint32_t n_built;
  struct ocl_tuning *tuning;
  const char *forced; /* while candidates are measured: the one to use */
  char product[16];   /* engine to use wherever it fits: for tests; "" none */
  bool gemm_used;     /* by CLBlast */
};

struct lp_buffer {
  cl_mem mem;
  size_t size;
};

struct lp_event {
  cl_event event;
  uint64_t number; /* of its command, among those queued */
};

/* What was asked of OpenCL; it decides what an error code means (error.c).
 *
 *                                   OCL_CALL         OCL_ENQUEUE         OCL_WAIT
 *   -2, -34, -36, -9999 (lost)      DEVICE, sticks   DEVICE, sticks      DEVICE, sticks
 *   -4, -6 (no memory)              MEMORY           MEMORY              MEMORY, sticks
 *   -5 (resources)                  MEMORY           UNSUPPORTED         DEVICE, sticks
 *   -54, CLBlast's and the rest     DEVICE           UNSUPPORTED         DEVICE, sticks
 *
 * What does not stick concerns that one call: a program, run or candidate of the tuner failed, and
 * the device goes on. A run that was refused (LP_ERR_UNSUPPORTED: try another kernel) may have run
 * the steps before it, and is done with them when the error is returned. What sticks is returned by
 * every later call. Building kernels can fail too (LP_ERR_DEVICE, does not stick). So after any
 * failure: `ocl_check(dev) == LP_OK` means that the device goes on. */
typedef enum ocl_call {
  OCL_CALL,    /* memory, programs, kernels, arguments: done when it returns */
  OCL_ENQUEUE, /* a command that the driver takes or refuses */
  OCL_WAIT,    /* waits for commands: the code is of one that failed late */
} ocl_call;

const char *ocl_error_name(cl_int e);
bool ocl_error_is_lost(cl_int e); /* the first row of the table */
/* Records a failed OpenCL call as the table above says, and returns the status; what: one or two
 * words that name it. A refused command waits for the queue, whose own failure goes first. */
lp_status ocl_fail_at(lp_device *dev, ocl_call call, cl_int e, const char *what);
lp_status ocl_fail(lp_device *dev, cl_int e, const char *what); /* OCL_CALL */
lp_status ocl_check(lp_device *dev);                            /* the sticky error, if any */

lp_status ocl_device_open(const ocl_found *found, uint32_t index, const lp_device_params *params,
                          lp_device **out);
void ocl_device_close(lp_device *dev);
lp_status ocl_device_info(lp_device *dev, lp_device_info *out);

lp_status ocl_buf_alloc(lp_device *dev, size_t n, lp_buffer **out);
void ocl_buf_free(lp_device *dev, lp_buffer *b);
lp_status ocl_buf_write(lp_device *dev, lp_buffer *b, size_t offset, const void *src, size_t n,
                        lp_event **done);
lp_status ocl_buf_read(lp_device *dev, lp_buffer *b, size_t offset, void *dst, size_t n,
                       lp_event **done);
lp_status ocl_buf_fill(lp_device *dev, lp_buffer *b, size_t offset, uint8_t value, size_t n);
cl_int ocl_wait_for(cl_event event); /* the code of the command that failed, where one did */
lp_status ocl_event_wait(lp_device *dev, lp_event *event);
lp_status ocl_sync(lp_device *dev);
void ocl_counters(lp_device *dev, lp_device_counters *out);
void ocl_staging_free(lp_device *dev);

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

typedef struct ocl_text { /* a growing string */
  char *s;
  size_t n, cap;
  bool failed;
} ocl_text;
void ocl_put(ocl_text *t, const char *fmt, ...) LP_PRINTF(2, 3);

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
bool ocl_posts_supported(const lp_plan_view *plan, const lp_step *s);

/* ---- the op table -------------------------------------------------------------------------- */

typedef struct ocl_op {
  bool posts; /* may carry a chain */
  void (*encode)(ocl_encoder *e);
  size_t (*workspace)(lp_device *dev, const lp_plan_view *plan, const lp_step *s, uint32_t index);
} ocl_op;
extern const ocl_op ocl_ops[LP_OP_COUNT];

void ocl_encode_elementwise(ocl_encoder *e);
void ocl_encode_slice(ocl_encoder *e);
void ocl_encode_concat(ocl_encoder *e);
void ocl_encode_prior(ocl_encoder *e);
void ocl_encode_sum(ocl_encoder *e);
void ocl_encode_entropy_gradient(ocl_encoder *e);
void ocl_encode_pool(ocl_encoder *e);
void ocl_encode_avgpool(ocl_encoder *e);
void ocl_encode_batchnorm(ocl_encoder *e);
void ocl_encode_softmax(ocl_encoder *e);
void ocl_encode_cross_entropy(ocl_encoder *e);
void ocl_encode_update(ocl_encoder *e);
void ocl_encode_product(ocl_encoder *e);
size_t ocl_workspace_product(lp_device *dev, const lp_plan_view *plan, const lp_step *s,
                             uint32_t index);

lp_status ocl_encode_step(ocl_encoder *e);
lp_status ocl_compile(lp_device *dev, const lp_plan_view *plan, lp_program **out);
void ocl_program_free(lp_device *dev, lp_program *prog);
lp_status ocl_run(lp_device *dev, lp_program *prog, const lp_run_args *args, lp_event **done);
lp_status ocl_timings(lp_device *dev, lp_program *prog, lp_step_time *out, uint32_t cap,
                      uint32_t *n);
bool ocl_supports(lp_device *dev, const lp_plan_view *plan, uint32_t step);
lp_status ocl_workspace(lp_device *dev, const lp_plan_view *plan, uint32_t step, size_t *n);

/* product_clblast.c */
cl_int ocl_gemm_enqueue(ocl_gemm *g, cl_command_queue queue, const lp_run_args *args,
                        cl_event *event);
void ocl_gemm_free(ocl_gemm *g);
void ocl_gemm_forget(void); /* before a context is released where CLBlast was used */

/* ---- programs ------------------------------------------------------------------------------ */

/* Builds what the launches need and the device does not have yet, and makes their kernels. */
lp_status ocl_build(lp_device *dev, ocl_launch *launch, uint32_t n);
void ocl_built_free(lp_device *dev);
/* With LOCALITY_CL_DUMP=FOLDER: a .launches file a plan, a line a launch: kernel, global and local
 * extents, arguments (m: memory, bound inputs by number; i, f: a number; r: an ocl_run_value). */
void ocl_dump_launches(const lp_program *p);
/* SHA-256 of several texts, as 64 hexadecimal digits. */
bool ocl_digest(const char *const *part, const size_t *len, size_t n, char out[65]);
/* Text of kernels/NAME.cl, embedded at build time; NULL for an unknown name. */
const char *ocl_kernel_text(const char *name, size_t *n);

static inline int64_t ocl_ceil(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

#endif
