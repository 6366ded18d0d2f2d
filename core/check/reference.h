/* reference.h: the truth: every op of op.h in double precision, straightforward loops, written from
 * op.h's definitions alone. All values are doubles here; integers are exact in them. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "case.h"

/* One op: operands (NULL where absent, state updated in place) and results with their shapes. */
typedef struct ref_call {
  const lp_op_params *p;
  double *const *in;
  const lp_desc *const *in_desc;
  uint32_t n_in;
  double *const *out;
  const lp_desc *out_desc;
  const lp_run *run;
  uint64_t seed;
} ref_call;

/* NULL for an unknown op. */
typedef void (*ref_op)(const ref_call *c);
ref_op ref_op_get(uint32_t op);

/* All values of a case by id. */
typedef struct ref_values {
  double *value[CASE_MAX_VALUES];
} ref_values;

/* Loads the leaves of a case as doubles and makes room for every result. */
lp_status ref_load(const case_program *p, ref_values *v);
/* Replays the recorded ops `runs` times. Leaves that ops update are updated; reset restores them.
 */
void ref_replay(const case_program *p, ref_values *v, uint32_t runs);
void ref_reset(const case_program *p, ref_values *v);
void ref_free(ref_values *v);
/* How near a case is to a tie that engines may decide otherwise by rounding: the least distance of
 * a pooling window's largest element from the next, or of a ReLU's operand from 0, relative to the
 * largest element of that operand. Exact ties, and operands that no op has computed, do not count.
 */
double ref_gap(const case_program *p, const ref_values *v);

/* Element i of raw data of a type. */
double ref_element(uint32_t dtype, const void *data, size_t i);

#endif
