/* Responses (units x orientations) at `orientations` on a sheet: preferred, circular_variance,
 * winding, and local_entropy_RxR_wrapped with a class an orientation. */
#include "golden.h"

#include <locality/measure.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-9;

static void check(golden *g, const char *key, lp_status s, const double *ours, size_t n) {
  if (!golden_has(g, "%s", key)) return;
  const lp_tensor_view *ref = golden_take(g, "%s", key);
  if (s == LP_OK)
    golden_compare(g, key, ours, n, ref, tolerance);
  else
    golden_failed(g, key, "%s", lp_error_message());
}

void golden_orientation(golden *g) {
  if (!golden_has(g, "responses") || !golden_has(g, "orientations") || !golden_has(g, "sheet"))
    return;
  const lp_tensor_view *responses = golden_take(g, "responses"),
                       *orientations = golden_take(g, "orientations"),
                       *sheet = golden_take(g, "sheet");
  double *r = golden_doubles(responses), *theta = golden_doubles(orientations),
         *side = golden_doubles(sheet);
  uint32_t n = (uint32_t)responses->desc.dim[0], k = (uint32_t)lp_numel(&orientations->desc);
  double *out = calloc(4 * (size_t)n + 1, sizeof *out);
  if (!r || !theta || !side || !out || responses->desc.ndim != 2 || responses->desc.dim[1] != k ||
      lp_numel(&sheet->desc) != 2 || side[0] * side[1] != n) {
    golden_failed(g, "responses", "responses, orientations and sheet do not fit together");
  } else {
    uint32_t rows = (uint32_t)side[0], cols = (uint32_t)side[1], a, b;
    double *preferred = out, *variance = out + n, *winding = out + 2 * (size_t)n,
           *entropy = out + 3 * (size_t)n;
    lp_pinwheels pinwheels;
    lp_orientation(r, theta, n, k, preferred, variance);
    check(g, "preferred", LP_OK, preferred, n);
    check(g, "circular_variance", LP_OK, variance, n);
    lp_status s = lp_pinwheels_of(preferred, rows, cols, false, winding, &pinwheels);
    check(g, "winding", s, winding, n);
    for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) {
      const char *key = lp_safetensors_get(g->file, i)->name;
      char end[12] = "";
      if (sscanf(key, "local_entropy_%ux%u_%11s", &a, &b, end) != 3 || a != b ||
          strcmp(end, "wrapped") != 0)
        continue;
      s = lp_local_entropy(preferred, rows, cols, a, k, entropy);
      check(g, key, s, entropy, n);
    }
  }
  free(r);
  free(theta);
  free(side);
  free(out);
}
