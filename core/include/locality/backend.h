/* backend.h: the interface a backend module implements.
 *
 * The core plans (order, memory, fusion); a backend compiles the finished plan and runs it any
 * number of times. A backend is a plugin (plugin.h) whose init calls host->add_backend. It sees
 * this header, op.h and plugin.h only and never links the library.
 *
 * Threads: one thread drives a device. Different devices may be driven by different threads at
 * the same time; enumerate and open may be called from any thread.
 */
#ifndef LOCALITY_BACKEND_H
#define LOCALITY_BACKEND_H

#include <locality/op.h>
#include <locality/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LP_NO_SLOT UINT32_MAX

/* Opaque to the core; each backend defines its own. */
typedef struct lp_device lp_device;
typedef struct lp_buffer lp_buffer;
typedef struct lp_program lp_program;
typedef struct lp_event lp_event;

typedef enum lp_slot_kind {
  LP_SLOT_PERSISTENT = 0, /* parameters, state, constants: shared by the plans of a session */
  LP_SLOT_TRANSIENT = 1,  /* in an arena whose bytes are reused between steps */
  LP_SLOT_BOUND = 2,      /* a caller's buffer, given to every run: buffer indexes args->bound */
} lp_slot_kind;

/* Where a value lives. offset is a multiple of lp_device_info.alignment. */
typedef struct lp_slot {
  uint32_t kind;   /* lp_slot_kind */
  uint32_t buffer; /* index into lp_plan_view.buffers, or into lp_run_args.bound */
  uint64_t offset; /* bytes from the start of the buffer */
  lp_desc desc;
  uint32_t last; /* number of the last step that reads it; n_steps: it is read after the run */
} lp_slot;

/* One element-wise op (lp_op_fusable) applied to a step's first output before it is stored. The
 * chain value is its first operand, `extra` the second (LP_NO_SLOT for unary ops). extra never
 * overlaps the output in memory. The output slot has the op's own shape; extra may be shaped
 * otherwise, with the same first axis and element count. */
typedef struct lp_post {
  uint32_t op; /* lp_op */
  uint32_t extra;
  lp_op_params params;
} lp_post;

typedef struct lp_step {
  uint32_t op;                     /* lp_op */
  uint32_t in_first, in_count;     /* ranges of lp_plan_view.operands */
  uint32_t out_first, out_count;   /* same table; every op's outputs, LP_NO_SLOT where unused */
  uint32_t post_first, post_count; /* range of lp_plan_view.posts */
  uint32_t workspace; /* transient slot of the size workspace() asked for, or LP_NO_SLOT */
  uint32_t node;      /* the graph node it came from, for messages and profiles */
  lp_op_params params;
} lp_step;

/* A plan is immutable while a program compiled from it lives. Arrays carry their stride in bytes
 * so that structs may grow. While supports() and workspace() are asked, slots carry descriptors
 * only (no buffers or offsets yet). */
typedef struct lp_plan_view {
  uint32_t struct_size;
  const char *name; /* "train 64": for profiles and messages */
  const lp_slot *slots;
  uint32_t n_slots, slot_stride;
  const lp_step *steps;
  uint32_t n_steps, step_stride;
  const lp_post *posts;
  uint32_t n_posts, post_stride;
  const uint32_t *operands; /* slot indices */
  uint32_t n_operands;
  lp_buffer *const *buffers;
  uint32_t n_buffers;
  uint32_t n_bound;
} lp_plan_view;

/* Entries of a plan by their strides. Of a slot, NULL for LP_NO_SLOT. */
static inline const lp_step *lp_plan_step(const lp_plan_view *plan, uint32_t i) {
  return (const lp_step *)(const void *)((const char *)plan->steps + (size_t)i * plan->step_stride);
}
static inline const lp_post *lp_plan_post(const lp_plan_view *plan, uint32_t i) {
  return (const lp_post *)(const void *)((const char *)plan->posts + (size_t)i * plan->post_stride);
}
static inline const lp_slot *lp_plan_slot(const lp_plan_view *plan, uint32_t i) {
  if (i == LP_NO_SLOT) return NULL;
  return (const lp_slot *)(const void *)((const char *)plan->slots + (size_t)i * plan->slot_stride);
}
/* Slot of operand or output i of a step; NULL when absent. */
static inline const lp_slot *lp_step_in(const lp_plan_view *plan, const lp_step *s, uint32_t i) {
  return i < s->in_count ? lp_plan_slot(plan, plan->operands[s->in_first + i]) : NULL;
}
static inline const lp_slot *lp_step_out(const lp_plan_view *plan, const lp_step *s, uint32_t i) {
  return i < s->out_count ? lp_plan_slot(plan, plan->operands[s->out_first + i]) : NULL;
}

/* What changes from run to run. */
typedef struct lp_run_args {
  uint32_t struct_size;
  uint32_t n_bound;
  uint64_t seed;          /* of the run: key of every random draw */
  uint64_t iteration;     /* optimiser updates done before this one */
  uint64_t sample_offset; /* index of the first sample of this batch in the global batch */
  const double *scalars;  /* LP_SCALAR_COUNT values */
  uint32_t n_scalars;
  uint32_t flags; /* LP_RUN_* */
  lp_buffer *const *bound;
} lp_run_args;

enum { LP_RUN_PROFILE = 1 }; /* time every step; may slow the run down */

typedef struct lp_step_time {
  uint32_t step;
  uint32_t launches; /* kernel launches or parallel regions */
  double seconds;    /* device time where plausible, else host time; NaN when unknown */
} lp_step_time;

typedef struct lp_device_counters { /* since the device was opened */
  uint32_t struct_size, reserved;   /* the caller sets struct_size: how much is wanted */
  uint64_t launches;
  uint64_t blocking_calls; /* the host waited until the device had nothing left to do */
  uint64_t bytes_to_device, bytes_from_device;
  uint64_t waits; /* the host, ahead of the device, waited for a buffer while work was queued */
} lp_device_counters;

typedef enum lp_device_type {
  LP_DEVICE_CPU = 0,        /* this backend's own code on the host's cores */
  LP_DEVICE_DISCRETE = 1,   /* a GPU with its own memory */
  LP_DEVICE_INTEGRATED = 2, /* a GPU that shares the host's memory */
  LP_DEVICE_CL_CPU = 3,     /* a driver that runs kernels on the host's cores */
  LP_DEVICE_DUMMY = 4,      /* computes nothing (null); never chosen by "auto" */
  /* Neither CPU nor GPU (an FPGA, say): after both, whatever backend they have. */
  LP_DEVICE_ACCELERATOR = 5,
} lp_device_type;

typedef struct lp_device_info {
  uint32_t struct_size;
  uint32_t type;      /* lp_device_type */
  char id[64];        /* what open() takes: "cpu", "opencl:1" */
  char name[128];     /* for people: "AMD EPYC, 2 threads, avx512" */
  char driver[192];   /* driver and version, "" where there is none */
  uint64_t memory;    /* bytes of device memory, 0 unknown */
  uint64_t max_alloc; /* largest single buffer in bytes, 0 no limit */
  uint32_t alignment; /* of slot offsets in bytes, a power of two */
  uint32_t units;     /* threads or compute units */
} lp_device_info;

/* The device table. Every pointer that is not optional must be set. A late (asynchronous)
 * failure surfaces in sync or the next call and sticks to the device. */
typedef struct lp_device_ops {
  uint32_t struct_size;
  void (*close)(lp_device *dev);
  lp_status (*info)(lp_device *dev, lp_device_info *out);
  /* Can this step, with its post chain, be run? The core unfuses chains that are refused. */
  bool (*supports)(lp_device *dev, const lp_plan_view *plan, uint32_t step);
  /* Scratch bytes that the step wants in the planned arena. */
  lp_status (*workspace)(lp_device *dev, const lp_plan_view *plan, uint32_t step, size_t *nbytes);
  lp_status (*buf_alloc)(lp_device *dev, size_t nbytes, lp_buffer **out); /* not zeroed */
  void (*buf_free)(lp_device *dev, lp_buffer *buf);
  /* done == NULL: blocks. Otherwise src/dst must stay valid until event_wait; *done may be NULL,
   * meaning finished. Calls on one device take effect in order. */
  lp_status (*buf_write)(lp_device *dev, lp_buffer *buf, size_t offset, const void *src, size_t n,
                         lp_event **done);
  lp_status (*buf_read)(lp_device *dev, lp_buffer *buf, size_t offset, void *dst, size_t n,
                        lp_event **done);
  lp_status (*buf_fill)(lp_device *dev, lp_buffer *buf, size_t offset, uint8_t value, size_t n);
  lp_status (*event_wait)(lp_device *dev, lp_event *event); /* waits, then frees */
  lp_status (*compile)(lp_device *dev, const lp_plan_view *plan, lp_program **out);
  void (*program_free)(lp_device *dev, lp_program *prog);
  /* Enqueues all steps. The bound buffers and every buffer of the plan belong to the device until
   * *done (or until sync when done is NULL). args and what it points to are read before return. */
  lp_status (*run)(lp_device *dev, lp_program *prog, const lp_run_args *args, lp_event **done);
  lp_status (*sync)(lp_device *dev);
  /* Optional: times of the last run that had LP_RUN_PROFILE, one entry a step. */
  lp_status (*timings)(lp_device *dev, lp_program *prog, lp_step_time *out, uint32_t cap,
                       uint32_t *n);
  void (*counters)(lp_device *dev, lp_device_counters *out); /* optional */
  /* Optional: to what the operands of products (linear and convolution layers and their gradients)
   * are rounded: "f32" or "bf16". Tensors in memory and sums are f32 in any case. A device is
   * opened with the parameter precision=NAME; one that cannot do it answers LP_ERR_UNSUPPORTED.
   * Without this function: "f32". */
  const char *(*precision)(const lp_device *dev);
  /* Optional: name of the kernels. With the driver it says what decides the bits of results, as the
   * device's name does where this function is missing; a run goes on only where it is the same. */
  const char *(*kernels)(const lp_device *dev);
} lp_device_ops;

/* A device starts with its table, so that the core can call it and a backend can extend it:
 * struct lp_device { const lp_device_ops *ops; ... }. */
static inline const lp_device_ops *lp_device_table(const lp_device *dev) {
  return *(const lp_device_ops *const *)(const void *)dev;
}

/* "threads=2,tune" as key/value pairs; a bare key has the value "". */
typedef struct lp_device_params {
  uint32_t struct_size, count;
  const char *const *key;
  const char *const *value;
} lp_device_params;

typedef struct lp_backend {
  uint32_t struct_size;
  const char *name;    /* "cpu" */
  const char *summary; /* one line */
  void *self;
  /* Devices in the backend's own order of preference. Writes at most cap entries, reports the
   * true number in *n. No device is LP_OK with *n == 0; host->fail says why, for messages. */
  lp_status (*enumerate)(void *self, lp_device_info *out, size_t cap, size_t *n);
  /* selector: what stood between "name" and the parameters: "" (default), "1", "NVIDIA".
   * An unknown parameter or selector is LP_ERR_ARG or LP_ERR_NOT_FOUND. */
  lp_status (*open)(void *self, const char *selector, const lp_device_params *params,
                    lp_device **out);
} lp_backend;

#ifdef __cplusplus
}
#endif
#endif
