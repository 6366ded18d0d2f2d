/* exec.h: sessions (a device with its variables) and plans (a graph made ready to run).
 *
 * A session owns one device and the persistent values (parameters, state, constants) by name.
 * Plans made in it from different graphs (train, last partial batch, eval) share them. One thread
 * at a time uses a session; several sessions may run in several threads.
 */
#ifndef LOCALITY_EXEC_H
#define LOCALITY_EXEC_H

#include <locality/backend.h>
#include <locality/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lp_session lp_session;
typedef struct lp_plan lp_plan;

/* device: "cpu", "cpu:threads=2", "opencl:1", "auto", ... (registry.h lists them). seed: draws
 * initial values and dropout masks. */
LP_API lp_status lp_session_open(const char *device, uint64_t seed, lp_session **out);
LP_API void lp_session_close(lp_session *s); /* frees its plans' storage too; close plans first */
LP_API const lp_device_info *lp_session_device(const lp_session *s);
LP_API lp_device *lp_session_handle(const lp_session *s); /* for lp-bench: the raw device */

/* Variables: the named persistent values of all graphs planned so far. */
typedef enum lp_var_kind { LP_VAR_PARAM = 0, LP_VAR_STATE = 1, LP_VAR_CONSTANT = 2 } lp_var_kind;
LP_API uint32_t lp_session_var_count(const lp_session *s);
/* i-th variable in order of creation. name is owned by the session. */
LP_API lp_status lp_session_var(const lp_session *s, uint32_t i, const char **name,
                                lp_var_kind *kind, lp_desc *desc);
/* Its role (plugin.h), of a parameter or state. */
LP_API lp_role lp_session_role(const lp_session *s, uint32_t i);
/* Of a parameter that is the weights of a pattern: the constants with its rows and columns (op.h,
 * SPARSE_LINEAR), by name, and the inputs of its layer. False: it is a tensor as it stands. */
LP_API bool lp_session_wires(const lp_session *s, uint32_t i, const char **rows,
                             const char **columns, uint32_t *n_in);
/* Whole-variable transfers, blocking. n must be the variable's size in bytes. Columns are in the
 * order that files have, however they stand in memory (graph.h, lp_graph_order). */
LP_API lp_status lp_session_read(lp_session *s, const char *name, void *dst, size_t n);
LP_API lp_status lp_session_write(lp_session *s, const char *name, const void *src, size_t n);

/* Buffers for inputs. upload with done == NULL blocks; otherwise it returns at once where the
 * device can, and src must stay valid until lp_session_wait(*done). Transfers and runs take effect
 * in the order of the calls. */
LP_API lp_status lp_session_buffer(lp_session *s, size_t nbytes, lp_buffer **out);
LP_API void lp_session_buffer_free(lp_session *s, lp_buffer *b);
LP_API lp_status lp_session_upload(lp_session *s, lp_buffer *b, const void *src, size_t n,
                                   lp_event **done);
LP_API lp_status lp_session_wait(lp_session *s, lp_event *event); /* NULL: finished already */
LP_API lp_status lp_session_sync(lp_session *s);

/* The share of its weights up to which a fully connected layer is faster on this device when only
 * they are computed (SPARSE_LINEAR and its gradients) than by its matrix: what lp_sparse_tune
 * found, else as devices of its kind gave. */
LP_API double lp_sparse_share(const lp_session *s);
/* Measures it for a layer of that size, output and both gradients of `batch` samples, in about so
 * many seconds, and keeps it in the cache folder for this device, driver and precision. */
LP_API lp_status lp_sparse_tune(const char *device, uint32_t n_out, uint32_t n_in, uint32_t batch,
                                double seconds, double *share);

typedef struct lp_plan_options {
  bool no_fusion; /* keep every op a step of its own */
  bool dry_run;   /* plan only: allocate and compile nothing; lp_plan_get_info works */
} lp_plan_options;

/* Plans the targets (and everything they need). A target's bytes stay readable until the next run
 * of any plan of the session. Allocates variables that no earlier plan had and draws their initial
 * values. options may be NULL. The graph may be freed afterwards. */
LP_API lp_status lp_plan_create(lp_session *s, const lp_graph *g, const lp_val *targets, uint32_t n,
                                const lp_plan_options *options, lp_plan **out);
LP_API void lp_plan_free(lp_plan *p);

typedef struct lp_run {
  uint64_t iteration, sample_offset;
  double scalars[LP_SCALAR_COUNT];
  lp_buffer *const *bound; /* in the order of lp_input */
  uint32_t n_bound;
  bool profile;
} lp_run;

/* Enqueues one run; returns before it is finished where the device can. */
LP_API lp_status lp_plan_run(lp_plan *p, const lp_run *run);
/* Blocking read of target number i. */
LP_API lp_status lp_plan_read(lp_plan *p, uint32_t target, void *dst, size_t n);

typedef struct lp_plan_info {
  uint32_t steps, fused;        /* steps to run; ops folded into them */
  uint64_t transient_bytes;     /* activations, gradients and scratch after reuse of dead memory */
  uint64_t transient_unplanned; /* what they would take without reuse */
  uint64_t persistent_bytes;    /* parameters, state and constants of the session */
  char largest[96];             /* "fc1.weight (4096,9216) 151 MB" */
} lp_plan_info;
LP_API void lp_plan_get_info(const lp_plan *p, lp_plan_info *out);

/* One row a step, from the last profiled run. */
typedef struct lp_profile_row {
  char label[96]; /* "conv2d+dropout conv2.weight" */
  uint32_t op, launches;
  double seconds, flops, bytes;
} lp_profile_row;
LP_API lp_status lp_plan_profile(lp_plan *p, lp_profile_row *out, uint32_t cap, uint32_t *n);

#ifdef __cplusplus
}
#endif
#endif
