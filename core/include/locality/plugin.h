/* plugin.h: the interface between the library and its modules.
 *
 * A plugin is a shared object that exports one symbol, lp_plugin_entry, returning its descriptor.
 * The library checks the ABI version, then calls init with a table of host functions; the plugin
 * registers what it offers: topologies, costs, priors, layers, penalties, measures, backends. It
 * need not link the library. plugins/template holds a complete example.
 *
 * Ownership: a descriptor is copied when it is registered; what it points to belongs to the plugin
 * and must live until fini. An older, shorter descriptor is taken too: what it lacks is zero.
 * Threads: callbacks may come from several threads at once and must not keep mutable global state.
 */
#ifndef LOCALITY_PLUGIN_H
#define LOCALITY_PLUGIN_H

#include <locality/backend.h>
#include <locality/op.h>
#include <locality/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A module is loaded when its major is equal and its minor not newer than the library's. What a
 * minor version added:
 *   1.1  lp_layer.flags; lp_layer_request from `mode` on; lp_sheets.seed; descriptors are copied
 *        when registered; lp_role, lp_penalty; of the host, from error_message to add_penalty
 *   1.2  lp_measure; of the host, add_measure
 *   1.3  LP_INIT_ORTHOGONAL
 *   1.4  lp_layer_request.bias; lp_penalty.draw
 *   1.5  lp_layer_request.matrix; of the host, wires
 *   1.6  lp_topology.span, lp_cost.reach
 *   1.7  of the host, constant_data
 *   1.8  of the host, linear_prior */
#define LP_ABI_MAJOR 1
#define LP_ABI_MINOR 8

#define LP_MAX_AXES 3

/* ---- declared parameters ------------------------------------------------------------------- */

typedef enum lp_param_type {
  LP_PARAM_REAL = 0,
  LP_PARAM_INT = 1,
  LP_PARAM_STRING = 2
} lp_param_type;

/* A parameter as printed by `locality plugins NAME` and checked by the core: an unknown name or a
 * value out of range never reaches the plugin. */
typedef struct lp_param {
  const char *name;
  uint32_t type; /* lp_param_type */
  double value;  /* default of a number */
  double min, max;
  const char *text;    /* default of a string */
  const char *meaning; /* one line, with the unit */
} lp_param;

/* One value, in the order of declaration. text is set for strings only. */
typedef struct lp_arg {
  double value;
  const char *text;
} lp_arg;

/* ---- topologies ---------------------------------------------------------------------------- */

typedef enum lp_metric { LP_METRIC_L2 = 0, LP_METRIC_L1 = 1, LP_METRIC_LINF = 2 } lp_metric;

/* Two sheets that face each other: input units send, output units receive. */
typedef struct lp_sheets {
  uint32_t struct_size;
  uint32_t ndim; /* axes, and coordinates a position has */
  uint32_t n_out, n_in;
  uint32_t extent_out[LP_MAX_AXES],
      extent_in[LP_MAX_AXES]; /* units on each axis; 0 off a lattice */
  double
      period[LP_MAX_AXES]; /* extent of both sheets on each axis, in units of the finer spacing */
  const double *pos_out, *pos_in; /* n x ndim */
  uint64_t seed;                  /* of the network, for a prior that is drawn at random */
} lp_sheets;

/* Places units in space and measures distance between them. A lattice sets `extents`; the core
 * then places unit k row-major, cell-centred: on an axis with R units where the other sheet has
 * R', unit r is at (r + 1/2) * max(R, R') / R - 1/2. Anything else sets `place`. */
typedef struct lp_topology {
  uint32_t struct_size;
  const char *name, *summary, *source; /* source: author, venue, year, or "" */
  void *self;
  const lp_param *params;
  uint32_t n_params;
  uint32_t ndim; /* 1..LP_MAX_AXES */
  /* In: what the user asked for, 0 where open. Out: extents whose product is n. */
  lp_status (*extents)(void *self, const lp_arg *args, uint32_t n, uint32_t extent[LP_MAX_AXES]);
  lp_status (*place)(void *self, const lp_arg *args, uint32_t n, double *pos); /* n x ndim */
  /* Distance between two positions; s->pos_* need not contain them. Never negative. */
  double (*distance)(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                     const double *a, const double *b);
  /* 1.6: where to look for units that are near, so that wires of a local prior are found without
   * asking for all pairs: coordinates of two positions no farther apart than d differ by at most
   * span[k] on axis k (INFINITY: by anything); where axis k is closed, wrap[k] is its length, and
   * coordinates, which lie on one round of it, may differ so the other way round, too. Both are 0
   * when this is called. NULL: nothing is known. */
  void (*span)(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s, double d,
               double span[LP_MAX_AXES], double wrap[LP_MAX_AXES]);
} lp_topology;

/* ---- wiring costs and priors --------------------------------------------------------------- */

/* A wiring cost, given as the signal that arrives over a distance: P(d) = 1 / cost. Finite for
 * every d >= 0. sheets describes the layer (a cost may scale with it). */
typedef struct lp_cost {
  uint32_t struct_size;
  const char *name, *summary, *source;
  void *self;
  const lp_param *params;
  uint32_t n_params;
  double (*signal)(void *self, const lp_arg *args, const lp_sheets *s, double d);
  /* 1.6: a distance beyond which the signal is 0, INFINITY: none is known. NULL: INFINITY. */
  double (*reach)(void *self, const lp_arg *args, const lp_sheets *s);
} lp_cost;

typedef struct lp_prior_request {
  uint32_t struct_size;
  uint32_t metric; /* lp_metric */
  const lp_sheets *sheets;
  /* Distance between output unit i and input unit j under the chosen topology and metric. */
  double (*distance)(const struct lp_prior_request *req, uint32_t i, uint32_t j);
  const void *core; /* the core's own */
} lp_prior_request;

/* What a cost cannot say; chosen by name like a cost. Exactly one of build and permute is set. */
typedef struct lp_prior_source {
  uint32_t struct_size;
  const char *name, *summary, *source;
  void *self;
  const lp_param *params;
  uint32_t n_params;
  /* The general case, any matrix P at all, asked for by rows. P: n_rows x n_in, row-major, rows
   * first_row .. first_row + n_rows - 1. */
  lp_status (*build)(void *self, const lp_arg *args, const lp_prior_request *req,
                     uint32_t first_row, uint32_t n_rows, double *P);
  /* Another cost with its units re-placed: P[i][j] = base[out[i]][in[j]], with permutations out
   * and in of the units of each sheet. It keeps the table of its base. *base is a cost's spec
   * ("power:p=2") that lives as long as args. */
  lp_status (*permute)(void *self, const lp_arg *args, const lp_sheets *s, const char **base,
                       uint32_t *out, uint32_t *in);
} lp_prior_source;

/* ---- layers -------------------------------------------------------------------------------- */

typedef struct lp_graph lp_graph;
typedef struct lp_val {
  uint32_t id; /* 0: no value */
} lp_val;
#ifdef __cplusplus /* which has no compound literals */
#define LP_NO_VAL (lp_val{0})
#else
#define LP_NO_VAL ((lp_val){0})
#endif

/* How a parameter starts. UNIFORM draws from (-bound, bound). ORTHOGONAL (since 1.3) is a random
 * matrix with orthonormal rows or columns, whichever are fewer, of all with the same chance, times
 * `value` (Saxe, McClelland & Ganguli, ICLR 2014). */
typedef enum lp_init_kind {
  LP_INIT_CONST = 0,
  LP_INIT_UNIFORM = 1,
  LP_INIT_DATA = 2,
  LP_INIT_ORTHOGONAL = 3
} lp_init_kind;
typedef struct lp_init {
  uint32_t kind;    /* lp_init_kind */
  float value;      /* the constant, the bound, or the factor */
  const void *data; /* copied when the value is made */
} lp_init;

/* What a parameter or state is for: what decays, what a penalty takes, what a model file or a
 * checkpoint holds. Nothing is told by its name. */
typedef enum lp_role {
  LP_ROLE_WEIGHT = 0,  /* parameter: of connections */
  LP_ROLE_BIAS = 1,    /* parameter: added to units or channels */
  LP_ROLE_NORM = 2,    /* parameter: scale or shift of a normalisation */
  LP_ROLE_RUNNING = 3, /* state: belongs to the trained network, like running statistics */
  LP_ROLE_SLOT = 4,    /* state of an optimiser */
  LP_ROLE_METRIC = 5,  /* state: what training has measured in this epoch */
  LP_ROLE_SCRATCH = 6, /* state that no file holds */
  LP_ROLE_COUNT
} lp_role;

/* LP_TRAIN: dropout is on and batch norm uses batch statistics. */
typedef enum lp_mode { LP_TRAIN = 0, LP_EVAL = 1 } lp_mode;

typedef struct lp_layer_request {
  uint32_t struct_size;
  uint32_t n_in;  /* elements of a sample of `in` */
  uint32_t n_out; /* units of the layer's sheet; 0: it was given none */
  /* Of the sheets; 0: open. Of maps, the units are channels. */
  uint32_t extent_in[LP_MAX_AXES], extent_out[LP_MAX_AXES];
  const char *path; /* "lp": prefix of the names of its parameters */
  uint32_t mode;    /* lp_mode */
  uint32_t classes; /* of the data */
  uint32_t stream;  /* random stream of this layer (DROPOUT): a function of path alone */
  uint32_t n_inputs;
  const lp_val *inputs; /* of an LP_LAYER_JOIN; inputs[0] is `in` */
  const void *core;     /* the core's own: what lends priors, to be handed to host->prior */
  uint64_t seed;        /* of the network */
  lp_val bias;     /* 1.4, of a penalty: what the layer adds to its units; LP_NO_VAL: nothing */
  uint32_t matrix; /* 1.5, of a layer: something else (a penalty) reads its weights as a matrix */
} lp_layer_request;

/* What a layer takes and gives. The core checks it before build is called. Without any flag: in
 * (N, n_in) -> *out (N, n_out), fully connected. */
enum {
  LP_LAYER_FLAT = 1,  /* takes (N, I) */
  LP_LAYER_MAPS = 2,  /* takes (N, C, H, W) */
  LP_LAYER_STEPS = 4, /* takes (N, T, I) */
  LP_LAYER_JOIN = 8,  /* takes several inputs */
  LP_LAYER_SAME = 16, /* unit by unit, or channel by channel of maps: its sheet is its input's */
  LP_LAYER_OWN = 32,  /* its parameters say how many units or channels it has: needs no sheet */
};

/* Builds nodes of a network with the host's graph functions. */
typedef struct lp_layer {
  uint32_t struct_size;
  const char *name, *summary, *source;
  void *self;
  const lp_param *params;
  uint32_t n_params;
  lp_status (*build)(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                     lp_val in, lp_val *out);
  uint32_t flags; /* LP_LAYER_...; 0: FLAT */
} lp_layer;

/* ---- penalties ----------------------------------------------------------------------------- */

/* What every penalty takes before its own parameters, declared by the core, which multiplies the
 * term: weight x a factor of the epoch. */
enum {
  LP_PENALTY_WEIGHT = 0,
  LP_PENALTY_SCHEDULE = 1, /* constant; linear, cosine: first to last; steps: gamma^(epoch/every) */
  LP_PENALTY_FIRST = 2,
  LP_PENALTY_LAST = 3,
  LP_PENALTY_EVERY = 4,
  LP_PENALTY_GAMMA = 5,
  LP_PENALTY_PARAMS = 6
};

/* A term of the loss about one layer, of its weights, its output, or both. */
typedef struct lp_penalty {
  uint32_t struct_size;
  const char *name, *summary, *source;
  void *self;
  const lp_param *params; /* its own */
  uint32_t n_params;
  /* Builds the term, one number, not yet multiplied, with the host's graph functions; all that it
   * is made of needs gradients. args: its own. weight: of the layer, (rows, columns, ..), as
   * trained: a prior is not in it; LP_NO_VAL where the layer has none; of several (a recurrent
   * layer's) the one between its own units. y: the layer's output. req: the layer's, but path is
   * that of the penalty ("lp.penalty"), which names constants and goes to host->prior, and n_out,
   * n_in and the extents are of the sheets of weight's rows (a GRU has three blocks of n_out) and
   * columns; without a weight, n_out and extent_out are of the sheet of y's units. */
  lp_status (*build)(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                     lp_val weight, lp_val y, lp_val *scalar);
  /* 1.4, of a term that differs from step to step; NULL: it does not. The graph has a state
   * "lp.penalty.draw" (LP_ROLE_SCRATCH, f32, of shape desc), which build made with what step 0 has.
   * Before every step of training the trainer writes there what draw puts into `values`: a function
   * of args, req (struct_size, n_out, extent_out and seed; the rest is 0), desc and the step alone,
   * so that training can be resumed. It cannot fail. */
  void (*draw)(void *self, const lp_arg *args, const lp_layer_request *req, uint64_t step,
               const lp_desc *desc, float *values);
} lp_penalty;

/* ---- measures ------------------------------------------------------------------------------ */

/* What a measure takes: the map of t (selectivity) of one class, which it is asked for class by
 * class; the maps of all classes; the activations of a site; the weights between the units of a
 * site. */
typedef enum lp_measure_takes {
  LP_TAKES_MAP = 0,
  LP_TAKES_MAPS = 1,
  LP_TAKES_SITE = 2,
  LP_TAKES_WEIGHTS = 3
} lp_measure_takes;

enum {
  LP_MEASURE_SHEET = 1,       /* needs units on a sheet of rows and columns */
  LP_MEASURE_NONNEGATIVE = 2, /* needs activations >= 0 */
  LP_MEASURE_ASKED = 4,       /* only by name: its labels mean something of their own */
  LP_MEASURE_SQUARE = 8,      /* needs weights between the units of one sheet */
  LP_MEASURE_CUBIC = 16,      /* cost grows with the cube of the units, or faster */
  LP_MEASURE_CLASS_PAIRS = 32 /* cost grows with the square of the classes */
};

/* What there is. Of a request for a MAP, t, q and mean are of its class and classes is 1. */
typedef struct lp_measure_request {
  uint32_t struct_size;
  uint32_t units, ndim;         /* of places */
  uint32_t extent[LP_MAX_AXES]; /* of a sheet, row-major; 0: points */
  const double *at;             /* units x ndim */
  double period[LP_MAX_AXES];   /* of an axis that wraps around; 0: it does not */
  uint64_t seed;                /* of random placements */
  uint32_t classes;             /* 0: no labels */
  const double *t, *q,
      *mean;             /* classes x units: selectivity, Benjamini-Hochberg q, mean activity */
  uint32_t images;       /* SITE */
  const int32_t *labels; /* of each image; NULL: none */
  lp_status (*rows)(const struct lp_measure_request *req, uint32_t first, uint32_t count,
                    double *out); /* SITE: count x units */
  uint32_t n_out, n_in;           /* WEIGHTS: n_out x n_in */
  const double *w, *p, *d;        /* weights; the prior's factor, NULL: 1; distances */
  const void *core;               /* the core's own */
} lp_measure_request;

#define LP_MEASURE_CURVE 16

/* A result; NaN is undefined, or not known. All are NaN, and n_curve 0, when value is called. */
typedef struct lp_measured {
  uint32_t struct_size;
  uint32_t n_curve; /* points of a curve, up to LP_MEASURE_CURVE */
  double value;
  double chance;    /* what units in any order give: exact, or the mean of random placements */
  double low, high; /* 95 % of random placements */
  double p;         /* of value against them */
  double sd;        /* of random placements */
  double x[LP_MEASURE_CURVE], y[LP_MEASURE_CURVE], y_low[LP_MEASURE_CURVE],
      y_high[LP_MEASURE_CURVE];
} lp_measured;

typedef struct lp_measure {
  uint32_t struct_size;
  const char *name, *summary, *source; /* name: as published */
  void *self;
  const lp_param *params;
  uint32_t n_params;
  const char *unit;      /* of value; "" or NULL: none */
  const char *label;     /* as tables and figures head it; NULL: name */
  const char *direction; /* what it tells: "more: neighbours alike"; "" or NULL: nothing is said */
  uint32_t takes;        /* lp_measure_takes */
  uint32_t flags;        /* LP_MEASURE_... */
  lp_status (*value)(void *self, const lp_arg *args, const lp_measure_request *req,
                     lp_measured *out);
} lp_measure;

/* ---- host table ---------------------------------------------------------------------------- */

typedef struct lp_registrar lp_registrar;

/* Append only; check struct_size before using a later entry. */
typedef struct lp_host {
  uint32_t struct_size, abi_major, abi_minor;
  const char *version; /* of the library */
  void (*log)(lp_log_level level, const char *fmt, ...) LP_PRINTF(2, 3);
  lp_status (*fail)(lp_status status, const char *fmt, ...) LP_PRINTF(2, 3);

  lp_status (*add_topology)(lp_registrar *r, const lp_topology *t);
  lp_status (*add_cost)(lp_registrar *r, const lp_cost *c);
  lp_status (*add_prior)(lp_registrar *r, const lp_prior_source *p);
  lp_status (*add_layer)(lp_registrar *r, const lp_layer *l);
  lp_status (*add_backend)(lp_registrar *r, const lp_backend *b);

  /* Graph building; see graph.h. Errors stick to the graph. */
  lp_val (*apply)(lp_graph *g, lp_op op, const lp_op_params *params, const lp_val *in, uint32_t n);
  lp_val (*param)(lp_graph *g, const char *name, const lp_desc *desc, const lp_init *init);
  lp_val (*state)(lp_graph *g, const char *name, const lp_desc *desc, const lp_init *init);
  lp_val (*constant)(lp_graph *g, const char *name, const lp_desc *desc, const void *data);
  lp_status (*shape)(const lp_graph *g, lp_val v, lp_desc *out);
  lp_status (*graph_fail)(lp_graph *g, lp_status status, const char *fmt, ...) LP_PRINTF(3, 4);

  /* Builds the prior "cost" (e.g. "power:p=2") over "topology" for a layer and puts its operands
   * into the graph: operands[LP_PRIOR_TABLE .. LP_PRIOR_DENSE] of a LINEAR, and its params. */
  lp_status (*prior)(lp_graph *g, const lp_layer_request *req, const char *topology,
                     const char *cost, const char *metric, const char *normalize,
                     lp_val operands[LP_LINEAR_INPUTS], lp_linear_params *params);

  /* Files for backends: the user's cache folder joined with `name` (its folder is created), and an
   * atomic write (temporary name, fsync, rename). */
  lp_status (*cache_path)(const char *name, char *out, size_t cap);
  lp_status (*write_file)(const char *path, const void *data, size_t n);

  /* 1.1: what the calling thread's last failure said, "" when nothing failed yet. */
  const char *(*error_message)(void);
  /* A parameter or state with its role; see graph.h. */
  lp_val (*leaf)(lp_graph *g, lp_role role, const char *name, const lp_desc *desc,
                 const lp_init *init);
  lp_status (*add_penalty)(lp_registrar *r, const lp_penalty *p);

  /* 1.2 */
  lp_status (*add_measure)(lp_registrar *r, const lp_measure *m);

  /* 1.5: the same prior for a layer whose weights are those of its wires alone, as operands of a
   * SPARSE_LINEAR. *local false: it is not local, the layer is small, or its weights must be a
   * matrix; nothing was done. */
  lp_status (*wires)(lp_graph *g, const lp_layer_request *req, const char *topology,
                     const char *cost, const char *metric, const char *normalize,
                     lp_val operands[LP_SPARSE_INPUTS], bool *local);

  /* 1.7: the bytes of a constant, the operands of `prior` among them; NULL: v is none. The graph's.
   */
  const void *(*constant_data)(const lp_graph *g, lp_val v);

  /* 1.8: like prior, for a LINEAR whose operands[0] is x and operands[1] a parameter of the layer's
   * own: both may stand in another order in memory where that makes a permuted prior cheap. Reads x
   * from operands[0] and puts there what the LINEAR is to take. */
  lp_status (*linear_prior)(lp_graph *g, const lp_layer_request *req, const char *topology,
                            const char *cost, const char *metric, const char *normalize,
                            lp_val operands[LP_LINEAR_INPUTS], lp_linear_params *params);
} lp_host;

/* ---- descriptor ---------------------------------------------------------------------------- */

typedef struct lp_plugin {
  uint32_t struct_size, abi_major, abi_minor;
  const char *name, *version, *license, *summary;
  /* Registers everything through host->add_*. The host table lives as long as the process. A
   * failure rolls this plugin's registrations back. */
  lp_status (*init)(const lp_host *host, lp_registrar *r);
  void (*fini)(void); /* optional; called at shutdown */
} lp_plugin;

#define LP_PLUGIN_EXPORT __attribute__((visibility("default")))
typedef const lp_plugin *(*lp_plugin_entry_fn)(void);

/* LP_PLUGIN("name", "1.0", "Apache-2.0", "one line", init, fini) defines the descriptor and its
 * entry point. */
#define LP_PLUGIN(name_, version_, license_, summary_, init_, fini_)                               \
  LP_PLUGIN_EXPORT const lp_plugin *lp_plugin_entry(void);                                         \
  const lp_plugin *lp_plugin_entry(void) {                                                         \
    static const lp_plugin plugin = {sizeof(lp_plugin), LP_ABI_MAJOR, LP_ABI_MINOR,                \
                                     (name_),           (version_),   (license_),                  \
                                     (summary_),        (init_),      (fini_)};                    \
    return &plugin;                                                                                \
  }

#ifdef __cplusplus
}
#endif
#endif
