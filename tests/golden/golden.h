/* golden.h: the runner's frame: one file of reference values, its tensors and what became of each.
 *
 * A family (priors.c, ops.c, ...) looks through the keys of a file for those of its scheme, marks
 * them as used and reports a line a case. Keys that no family used are reported as skipped, so no
 * tensor goes unnoticed. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <locality/exec.h>
#include <locality/io.h>

typedef struct golden {
  const char *device;
  char stem[128]; /* file name without its ending */
  lp_safetensors *file;
  bool *used; /* per tensor */
  uint32_t passed, failed, skipped;
} golden;

/* The families. Each leaves alone what it does not know. */
void golden_priors(golden *g);
void golden_lp_layer(golden *g);
void golden_layers(golden *g);
void golden_ops(golden *g);
void golden_optimisers(golden *g);
void golden_lenet(golden *g);
void golden_statistics(golden *g);
void golden_penalties(golden *g);
void golden_inference(golden *g);
void golden_topography(golden *g);
void golden_orientation(golden *g);
void golden_wiring(golden *g);

/* ---- keys and tensors ------------------------------------------------------------------------ */

/* Tensor of a key, marked as used; NULL when there is none. */
const lp_tensor_view *golden_take(golden *g, const char *fmt, ...) LP_PRINTF(2, 3);
const lp_tensor_view *golden_at(golden *g, uint32_t i); /* i-th, marked as used */
/* Is there a tensor of that key? Marks nothing. */
bool golden_has(const golden *g, const char *fmt, ...) LP_PRINTF(2, 3);
/* Marks every key NAME/... */
void golden_take_all(golden *g, const char *name);
/* Does the i-th key, not used yet, read PREFIX/LAST? Copies PREFIX, which may hold slashes. */
bool golden_prefix(const golden *g, uint32_t i, const char *last, char *prefix, size_t cap);

/* Elements as doubles (malloc'ed; NULL when memory is exhausted), or as f32 or i32 in place. */
double *golden_doubles(const lp_tensor_view *t);
void *golden_convert(const lp_tensor_view *t, lp_dtype dtype);
lp_desc golden_desc(const lp_tensor_view *t, lp_dtype dtype); /* its shape, another type */

/* "3x4", "7", "3x4x5": extents up to the end of text; returns how many, 0 when it is none. */
uint32_t golden_extents(const char *text, uint32_t extent[LP_MAX_AXES]);

/* ---- verdicts -------------------------------------------------------------------------------- */

/* max |ours - ref| / max |ref|, absolute where ref is 0; infinite where only one is finite. */
double golden_error(const double *ours, const double *ref, size_t n);
/* Verdict for one array: as many elements as the tensor has, within the tolerance. */
void golden_compare(golden *g, const char *name, const double *ours, size_t n,
                    const lp_tensor_view *ref, double tolerance);
void golden_verdict(golden *g, const char *name, double error, double tolerance);
/* The verdict of a case with several arrays: their worst. what names the array. */
typedef struct golden_worst {
  double error;
  const char *what;
} golden_worst;
void golden_worse(golden_worst *w, const char *what, const double *ours, size_t n,
                  const lp_tensor_view *ref);
void golden_verdict_of(golden *g, const char *name, const golden_worst *w, double tolerance);
void golden_failed(golden *g, const char *name, const char *fmt, ...) LP_PRINTF(3, 4);
void golden_skipped(golden *g, const char *name, const char *fmt, ...) LP_PRINTF(3, 4);

/* ---- small graphs on the device -------------------------------------------------------------- */

enum { GOLDEN_MAX = 32 };

typedef struct golden_graph {
  lp_graph *g;
  void *data[GOLDEN_MAX]; /* of the inputs, in their order */
  size_t bytes[GOLDEN_MAX];
  uint32_t n_inputs;
  const char *variable[GOLDEN_MAX]; /* named values that are written before the run; owned data */
  void *value[GOLDEN_MAX];
  size_t value_bytes[GOLDEN_MAX];
  uint32_t n_variables;
  lp_val target[GOLDEN_MAX];
  double *out[GOLDEN_MAX]; /* after golden_graph_run: the targets as doubles */
  size_t count[GOLDEN_MAX];
  uint32_t n_targets;
} golden_graph;

lp_status golden_graph_new(golden_graph *gg, const char *name);
lp_val golden_graph_input(golden_graph *gg, const char *name, const lp_tensor_view *t,
                          lp_dtype dtype);
/* Has the variable `name` (kept by pointer) start as t, f32. */
void golden_graph_variable(golden_graph *gg, const char *name, const lp_tensor_view *t);
/* Adds a target; returns its index. */
uint32_t golden_graph_target(golden_graph *gg, lp_val v);
lp_status golden_graph_run(golden_graph *gg, const char *device);
void golden_graph_free(golden_graph *gg);

#endif
