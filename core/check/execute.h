/* execute.h: runs a built case on a device and holds what came out beside the truth. */
#ifndef EXECUTE_H
#define EXECUTE_H

#include "reference.h"

/* A case made ready on a device. */
typedef struct case_exec {
  const case_program *p;
  lp_session *session;
  lp_plan *plan;
  lp_buffer *bound[CASE_MAX_LEAVES];
  uint32_t n_bound;
} case_exec;

/* Everything a run left: targets and, after them, parameters and state. */
typedef struct case_item {
  char name[48];
  uint32_t value; /* id */
  lp_desc desc;
  void *data;
  double tolerance;
} case_item;
typedef struct case_result {
  case_item item[CASE_MAX_TARGETS + CASE_MAX_LEAVES];
  uint32_t n;
} case_result;

/* Characters of the first device of "DEV,DEV": a comma starts a new one unless what follows is a
 * parameter (key=value) of the last. */
size_t case_device_length(const char *devices);

lp_status case_open(const case_program *p, const char *device, case_exec *out);
/* Plans the same program anew, without fusion. */
lp_status case_unfuse(case_exec *x);
void case_close(case_exec *x);
/* Restores variables and inputs, runs the plan p->runs times and reads everything back. */
lp_status case_execute(case_exec *x, case_result *out);
void case_result_free(case_result *r);

/* max |a - b| / max |b| over the elements (absolute where b is all 0); infinite when one is not a
 * number, or infinite, where the other is not. */
double case_error(const case_item *a, const double *truth);
double case_error_between(const case_item *a, const case_item *b);
bool case_identical(const case_result *a, const case_result *b);

/* Compares the gradients in r with central finite differences of the reference: single elements
 * one by one, and every tensor as a whole along a random direction of -1 and 1. Gives the largest
 * error relative to the tensor's largest gradient (its norm, for a direction). */
lp_status case_gradient_error(const case_program *p, const case_result *r, double *error,
                              char where[64]);

#endif
