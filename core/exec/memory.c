/* Placing blocks of known life times into arenas. */
#include "exec_internal.h"

#include <stdlib.h>

static bool overlap_in_time(const lp_block *a, const lp_block *b) {
  return a->first <= b->last && b->first <= a->last;
}

/* Lowest offset in `arena` at which block b fits between the blocks placed there, or UINT64_MAX. */
static uint64_t find_gap(const lp_block *b, lp_block *const *placed, uint32_t n, uint32_t arena,
                         uint64_t alignment, uint64_t limit) {
  uint64_t offset = 0;
  for (bool moved = true; moved;) { /* push past every conflicting block until none is left */
    moved = false;
    for (uint32_t i = 0; i < n; i++) {
      const lp_block *p = placed[i];
      if (p->arena != arena || !overlap_in_time(p, b)) continue;
      if (offset < p->offset + p->size && p->offset < offset + b->size) {
        offset = lp_align(p->offset + p->size, alignment);
        moved = true;
      }
    }
  }
  return offset + b->size <= limit ? offset : UINT64_MAX;
}

static int larger_first(const void *a, const void *b) {
  const lp_block *x = *(lp_block *const *)a, *y = *(lp_block *const *)b;
  if (x->size != y->size) return x->size < y->size ? 1 : -1;
  return x < y ? -1 : 1; /* a fixed order makes plans reproducible */
}

lp_status lp_memory_place(lp_block *block, uint32_t n_blocks, uint64_t alignment,
                          uint64_t max_arena, uint64_t **size, uint32_t *n_arenas) {
  *size = NULL;
  *n_arenas = 0;
  uint64_t limit = max_arena ? max_arena : UINT64_MAX;
  lp_block **order = calloc(n_blocks + 1, sizeof *order);
  uint64_t *arena_size = calloc(n_blocks + 1, sizeof *arena_size);
  if (!order || !arena_size) {
    free(order);
    free(arena_size);
    return lp_fail(LP_ERR_MEMORY, "plan: out of memory");
  }
  for (uint32_t i = 0; i < n_blocks; i++) order[i] = &block[i];
  qsort(order, n_blocks, sizeof *order, larger_first);
  for (uint32_t i = 0; i < n_blocks; i++) {
    lp_block *b = order[i];
    if (b->size > limit) {
      free(order);
      free(arena_size);
      return lp_fail(
          LP_ERR_MEMORY,
          "one tensor takes %llu bytes, more than the device's largest allocation of %llu",
          (unsigned long long)b->size, (unsigned long long)limit);
    }
    for (b->arena = 0;; b->arena++) {
      b->offset = find_gap(b, order, i, b->arena, alignment, limit);
      if (b->offset != UINT64_MAX) break;
    }
    if (b->arena >= *n_arenas) *n_arenas = b->arena + 1;
    uint64_t end = b->offset + b->size;
    if (end > arena_size[b->arena]) arena_size[b->arena] = end;
  }
  free(order);
  *size = arena_size;
  return LP_OK;
}
