/* W, D, NAME/value, NAME/grad: loss terms on weights, and their gradients. */
#include "golden.h"

void golden_penalties(golden *g) {
  if (!golden_has(g, "W") || !golden_has(g, "D")) return;
  for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) {
    char name[128];
    if (!golden_prefix(g, i, "value", name, sizeof name)) continue;
    golden_take(g, "W");
    golden_take(g, "D");
    golden_take_all(g, name);
    golden_skipped(g, name, "this build has no penalty plugins");
  }
}
