/* What the built-in rows of the table of measures share: the places of a request and, made once for
 * all rows that ask, neighbours and correlations of units. */
#ifndef LOCALITY_MEASURE_ROWS_H
#define LOCALITY_MEASURE_ROWS_H

#include "measure_internal.h"

#include <locality/plugin.h>

/* Behind lp_measure_request.core. */
typedef struct measure_context {
  const lp_places *places;
  const lp_responses *x; /* NULL: no activations */
  uint64_t seed;
  const uint32_t *superclass; /* of each class; NULL: not given */
  uint32_t superclasses;
  lp_neighbours *touching[2];
  lp_pairs *pairs;
} measure_context;

lp_status lp_context_neighbours(const lp_measure_request *req, lp_contiguity kind,
                                const lp_neighbours **out);
lp_status lp_context_pairs(const lp_measure_request *req, const lp_pairs **out);

static inline measure_context *context_of(const lp_measure_request *req) {
  return (measure_context *)(uintptr_t)req->core;
}

/* lp_rows_map.c, lp_rows_site.c, lp_rows_wiring.c: the rows, in the order in which they are shown.
 */
extern const lp_measure lp_rows_map[], lp_rows_site[], lp_rows_wiring[];
extern const uint32_t lp_n_rows_map, lp_n_rows_site, lp_n_rows_wiring;

typedef lp_status row_fn(void *self, const lp_arg *args, const lp_measure_request *req,
                         lp_measured *out);

#define ROW_PARAMS(p) .params = (p), .n_params = sizeof(p) / sizeof *(p)

#endif
