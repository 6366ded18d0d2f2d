/* graph.h: computation graphs.
 *
 * A graph is an append-only list of values. Leaves are inputs (bound to a buffer at every run),
 * parameters, state and constants; the rest are results of operations (op.h). Ops take effect in
 * the order in which they were added, so an optimiser step added last updates parameters after
 * everything that read them. Errors stick to the graph: builders chain, and the first failure
 * (with op and shapes) is asked for once with lp_graph_status.
 *
 * Threads: a graph belongs to one thread at a time. Ownership: descriptors, names and data are
 * copied in.
 */
#ifndef LOCALITY_GRAPH_H
#define LOCALITY_GRAPH_H

#include <locality/op.h>
#include <locality/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* name is for messages and profiles ("train 64"). */
LP_API lp_status lp_graph_new(const char *name, lp_graph **out);
LP_API void lp_graph_free(lp_graph *g);

/* First error of the graph; its text becomes the thread's error message. */
LP_API lp_status lp_graph_status(const lp_graph *g);
/* Makes the graph fail (first failure wins); returns the graph's status. */
LP_API lp_status lp_graph_fail(lp_graph *g, lp_status status, const char *fmt, ...) LP_PRINTF(3, 4);

/* Leaves. An input's position among the inputs is its index in lp_run.bound. Parameters, state and
 * constants are named; values of the same name in graphs of one session share storage, and must
 * agree in shape, constants also in their bytes. Parameters are what an optimiser trains; state
 * (running statistics, momentum) is updated in place but has no gradient; constants never change.
 */
LP_API lp_val lp_input(lp_graph *g, const char *name, const lp_desc *desc);
LP_API lp_val lp_graph_param(lp_graph *g, const char *name, const lp_desc *desc,
                             const lp_init *init);
LP_API lp_val lp_graph_state(lp_graph *g, const char *name, const lp_desc *desc,
                             const lp_init *init);
/* The same with a role (plugin.h), which says whether it is a parameter or state; every other one
 * is LP_ROLE_WEIGHT (of a parameter with one axis, LP_ROLE_BIAS) or LP_ROLE_RUNNING. */
LP_API lp_val lp_graph_leaf(lp_graph *g, lp_role role, const char *name, const lp_desc *desc,
                            const lp_init *init);
LP_API lp_role lp_graph_role(const lp_graph *g, lp_val v); /* of a parameter or state */
LP_API lp_val lp_graph_constant(lp_graph *g, const char *name, const lp_desc *desc,
                                const void *data);

/* From now on the optimisers (nn.h) take the gradient of a parameter times mask, a value of its
 * shape: what is 0 in both is 0 after every step, whatever the loss is made of. Once a parameter.
 */
LP_API lp_status lp_graph_mask(lp_graph *g, lp_val param, lp_val mask);
LP_API lp_val lp_graph_mask_of(const lp_graph *g, lp_val param); /* LP_NO_VAL: it has none */

/* The columns of a parameter or state (.., I) stand in memory in another order: column i is column
 * order[i] of the tensor that initial values, files and whoever reads or writes it know (exec.h).
 * `order` is a constant i32 (I) that holds every number below I once. What optimisers and masks
 * keep of the parameter stands alike. Once a value. */
LP_API lp_status lp_graph_order(lp_graph *g, lp_val leaf, lp_val order);
LP_API lp_val lp_graph_order_of(const lp_graph *g, lp_val leaf); /* LP_NO_VAL: as it is known */

/* Adds an op and returns its first output (of a SLICE that is a part of a CONCAT, that part);
 * further outputs are lp_output(v, 1), ... Optional operands that are missing are LP_NO_VAL. params
 * may be NULL for ops without any. */
LP_API lp_val lp_apply(lp_graph *g, lp_op op, const lp_op_params *params, const lp_val *in,
                       uint32_t n);
static inline lp_val lp_output(lp_val first, uint32_t i) {
  if (first.id) first.id += i;
  return first;
}

LP_API lp_status lp_graph_shape(const lp_graph *g, lp_val v, lp_desc *out);
/* How many values it has so far; their ids are 1 up to this number. */
LP_API uint32_t lp_graph_value_count(const lp_graph *g);

/* What the values first .. end - 1 cost: numbers that are trained, bytes of constants, and
 * the multiply-adds (of products) and bytes (lp_op_bytes) of the ops that make them. */
typedef struct lp_graph_cost {
  uint64_t parameters, constants;
  double multiply_adds, bytes;
} lp_graph_cost;
LP_API lp_status lp_graph_cost_of(const lp_graph *g, uint32_t first, uint32_t end,
                                  lp_graph_cost *out);

/* Reverse-mode differentiation: adds the nodes that compute d loss / d wrt[i]. loss is a scalar. A
 * value that loss does not depend on gets LP_NO_VAL. */
LP_API lp_status lp_grad(lp_graph *g, lp_val loss, const lp_val *wrt, uint32_t n, lp_val *dwrt);
/* The same from a given gradient dy arriving at y (a vector-Jacobian product). */
LP_API lp_status lp_vjp(lp_graph *g, lp_val y, lp_val dy, const lp_val *wrt, uint32_t n,
                        lp_val *dwrt);

/* All parameters of the graph in order of creation. Returns their number; writes at most cap. */
LP_API uint32_t lp_graph_params(const lp_graph *g, lp_val *out, uint32_t cap);
/* The i-th constant in order of creation; false past the last one. Name and bytes belong to the
 * graph. */
LP_API bool lp_graph_constant_get(const lp_graph *g, uint32_t i, const char **name, lp_desc *desc,
                                  const void **data);
/* The bytes of constant v, which belong to the graph; NULL: it is none. */
LP_API const void *lp_graph_constant_data(const lp_graph *g, lp_val v);
/* Name of a leaf, "" for results. Owned by the graph. */
LP_API const char *lp_graph_value_name(const lp_graph *g, lp_val v);

/* Which weights of a layer exist: op.h, SPARSE_LINEAR. Immutable. A parameter that is the w of one
 * starts with what the matrix (O,I) of its name would have at these places. */
typedef struct lp_pattern {
  uint32_t n_out, n_in, n;            /* n wires */
  int32_t *rows, *columns;            /* n_out + 1, n */
  int32_t *starts, *sources, *places; /* n_in + 1, n, n */
} lp_pattern;
/* From one side, which is copied: rows has n_out + 1 numbers from 0 on, columns rise in each row.
 * LP_ERR_ARG where they do not. O(n + n_out + n_in). */
LP_API lp_status lp_pattern_new(uint32_t n_out, uint32_t n_in, const int32_t *rows,
                                const int32_t *columns, lp_pattern **out);
LP_API void lp_pattern_free(lp_pattern *p);
/* Puts it into a graph as constants path.rows ..: operands[LP_SPARSE_ROWS .. LP_SPARSE_PLACES]. */
LP_API lp_status lp_pattern_operands(const lp_pattern *p, lp_graph *g, const char *path,
                                     lp_val operands[LP_SPARSE_INPUTS]);

/* Of such a parameter: its wires, which belong to the graph, and the sizes of its layer. False: the
 * parameter is a tensor as it stands. */
LP_API bool lp_graph_wires(const lp_graph *g, lp_val param, const int32_t **rows,
                           const int32_t **columns, uint32_t *n_out, uint32_t *n_in);

/* Makes param, the weights of LINEARs or SPARSE_LINEARs of one prior, the w of pattern p: these ops
 * become SPARSE_LINEARs with constants path.rows .., path.prior, and a weight that p does not have
 * is 0 from now on. Of a SPARSE_LINEAR p must have some of the wires. Comes before differentiation.
 * *done false: something else reads it, too; nothing was changed. O(wires, operands). */
LP_API lp_status lp_graph_thin(lp_graph *g, lp_val param, const lp_pattern *p, const char *path,
                               bool *done);

/* A prior that stands in the graph, as it was built: what a file must say to build it again. Sheets
 * have the extents that the topology gave them, ndim of them. */
typedef struct lp_prior_note {
  const char *layer, *topology, *cost, *metric, *normalize;
  uint32_t n_out, n_in, ndim, extent_out[LP_MAX_AXES], extent_in[LP_MAX_AXES];
} lp_prior_note;
/* Copies the note; a second one of a layer and the same sheets is the first. */
LP_API lp_status lp_graph_note_prior(lp_graph *g, const lp_prior_note *note);
/* Forgets all notes but the first n: what is not of the network itself. */
LP_API void lp_graph_keep_priors(lp_graph *g, uint32_t n);
/* The notes in order, *n of them. Owned by the graph, up to the next note. */
LP_API const lp_prior_note *lp_graph_priors(const lp_graph *g, uint32_t *n);

/* ---- the op table: one row an operation (names are in op.h) --------------------------------- */

typedef struct lp_op_info {
  uint32_t min_in, max_in; /* max_in UINT32_MAX: operand groups of `group` */
  uint32_t n_out, group;
  uint32_t state_mask; /* bit i: operand i (modulo group, for grouped ops) is updated in place */
} lp_op_info;

/* Row of an op; NULL for an unknown number. Static storage. */
LP_API const lp_op_info *lp_op_get_info(uint32_t op);
/* Floating-point operations and bytes moved at least once, from operand and result shapes: what a
 * profile or a roofline needs. in and out follow op.h; absent operands have dtype 0. */
LP_API double lp_op_flops(uint32_t op, const lp_op_params *p, const lp_desc *in, uint32_t n_in,
                          const lp_desc *out, uint32_t n_out);
LP_API double lp_op_bytes(uint32_t op, const lp_op_params *p, const lp_desc *in, uint32_t n_in,
                          const lp_desc *out, uint32_t n_out);

#ifdef __cplusplus
}
#endif
#endif
