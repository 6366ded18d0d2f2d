/* case.h: one op case: a small graph with its data, recorded so that a reference can replay it.
 *
 * A case is a row of the table in cases.c and one of the ops of the row's family (families.c).
 * Building it adds leaves and ops to a graph and writes the same program down, value by value;
 * reference.c replays the record in double precision. test-ops, the self-test of devices and
 * lp-bench share this table.
 */
#ifndef CASE_H
#define CASE_H

#include <locality/exec.h>

enum {
  CASE_MAX_LEAVES = 96,
  CASE_MAX_STEPS = 48,
  CASE_MAX_IN = 80,
  CASE_MAX_TARGETS = 24,
  CASE_MAX_VALUES = 256,
  CASE_NAME = 80
};

typedef struct case_program case_program;
typedef struct op_case op_case;

/* What a leaf's elements are. */
typedef enum case_fill {
  FILL_SIGNED,   /* uniform in (-1, 1) */
  FILL_POSITIVE, /* uniform in (0.5, 1.5) */
  FILL_ZERO,
  FILL_STEPS,   /* -1, -0.5, 0, 0.5 or 1: many ties and zeros */
  FILL_NAN,     /* signed, every 11th element not a number */
  FILL_INTEGER, /* 0 .. limit-1: labels, pixels, window positions */
} case_fill;

typedef enum case_role { ROLE_INPUT, ROLE_PARAM, ROLE_STATE, ROLE_CONSTANT } case_role;

typedef struct case_leaf {
  char name[40];
  case_role role;
  lp_val val;
  lp_desc desc;
  void *data;
  bool wrt; /* the gradient check differentiates by it */
} case_leaf;

typedef struct case_step {
  uint32_t op;
  lp_op_params params;
  uint32_t in[CASE_MAX_IN], n_in; /* value ids, 0 where absent */
  uint32_t out, n_out;            /* consecutive ids */
} case_step;

typedef struct case_target {
  char name[24];
  lp_val val;
  double tolerance;
} case_target;

struct case_program {
  lp_graph *g;
  uint64_t seed;
  lp_run run;    /* of the first run; the iteration rises by one a run */
  uint32_t runs; /* the plan runs this often in a row: what optimisers need */
  case_leaf leaf[CASE_MAX_LEAVES];
  uint32_t n_leaves;
  case_step step[CASE_MAX_STEPS];
  uint32_t n_steps;
  lp_desc desc[CASE_MAX_VALUES]; /* by value id, for the recorded values */
  case_target target[CASE_MAX_TARGETS];
  uint32_t n_targets;
  lp_val y; /* the value whose gradient can be checked, or none */
  /* After case_differentiate: */
  uint32_t dy_leaf; /* the random projection */
  uint32_t wrt_leaf[CASE_MAX_LEAVES], n_wrt;
  lp_val dwrt[CASE_MAX_LEAVES];
  bool failed; /* the case itself is malformed */
};

/* Sizes and options of a row; each family reads what it needs. */
typedef struct case_row {
  const struct case_family *family;
  const char *name;
  uint32_t n, c, h, w;        /* batch, channels (or inputs), image */
  uint32_t o, k, stride, pad; /* outputs, window */
  uint32_t form;              /* the family's own variant: prior_form, case_fill, ... */
  float p, q;
  uint32_t flags; /* CASE_* */
  uint64_t iteration, sample_offset;
  lp_optim_params optim;
} case_row;

enum {
  CASE_NO_BIAS = 1,
  CASE_NO_GRADIENT = 2,
  CASE_BYTES = 4,     /* u8 images */
  CASE_HISTORY = 8,   /* a metrics state */
  CASE_BAD_LABEL = 16 /* two labels outside the classes */
};

typedef struct case_family {
  const char *name;
  const uint32_t *ops; /* ends with 0; {0} alone: the row names the case */
  void (*build)(case_program *p, const op_case *c);
} case_family;

struct op_case {
  char name[CASE_NAME];
  const case_row *row;
  uint32_t op; /* LP_OP_NONE for chains of several ops */
};

/* The whole table; op_cases_get(i) for i below op_cases_count(). */
uint32_t op_cases_count(void);
op_case op_cases_get(uint32_t i);
/* A case that is not in the table: a family of it with other sizes. */
op_case op_case_make(const case_row *row, uint32_t op);
extern const case_family case_accumulate, case_averages, case_batchnorm, case_batchnorm_eval,
    case_chain, case_conv, case_cross, case_dropout, case_elementwise, case_linear, case_normalize,
    case_optim, case_permute, case_pool, case_pool_forward, case_positive, case_priors, case_reduce,
    case_slices, case_softmax, case_sparse;

/* How a prior reaches a linear op. */
typedef enum prior_form {
  PRIOR_NONE,
  PRIOR_TABLE_RUN,  /* a grid: table with runs along the input's inner axis */
  PRIOR_TABLE,      /* permuted offsets, no runs */
  PRIOR_SCALED_ROW, /* table with runs and a scale an output */
  PRIOR_SCALED_COL,
  PRIOR_SCALED, /* permuted, both scales */
  PRIOR_DENSE,
  PRIOR_ORDERED, /* permuted, with the inputs in the order of the table: runs, and a PERMUTE */
} prior_form;

/* ---- building (builder.c) ------------------------------------------------------------------ */

/* Builds a case; with_gradient adds the gradient of y by all leaves that ask for it. The error of
 * a graph that refuses is the thread's message. */
lp_status case_build(const op_case *c, bool with_gradient, case_program *out);
void case_free(case_program *p);
/* Floating-point operations and bytes of the recorded ops, by the op table. */
double case_flops(const case_program *p);
double case_bytes(const case_program *p);

lp_val case_leaf_add(case_program *p, case_role role, const char *name, lp_desc desc,
                     case_fill fill, uint32_t limit, bool wrt);
lp_val case_leaf_data(case_program *p, case_role role, const char *name, lp_desc desc,
                      const void *data);
lp_val case_apply(case_program *p, lp_op op, const lp_op_params *params, const lp_val *in,
                  uint32_t n);
void case_target_add(case_program *p, lp_val v, const char *name);
static inline lp_val case_x(case_program *p, const char *name, lp_desc desc, bool wrt) {
  return case_leaf_add(p, ROLE_INPUT, name, desc, FILL_SIGNED, 0, wrt);
}

/* Chains of several ops (chains.c), built by the rows of family "chain". */
void case_build_chain(case_program *p, const op_case *c);
uint32_t case_chains_count(void);
const char *case_chain_name(uint32_t i);

#endif
