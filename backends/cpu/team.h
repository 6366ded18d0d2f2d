/* team.h: the threads that execute a program together.
 *
 * One OpenMP region lasts for a whole run; between steps the workers meet at a spinning barrier,
 * which costs far less than a region per step. */
#ifndef LP_CPU_TEAM_H
#define LP_CPU_TEAM_H

#include "call.h"

#include <stdatomic.h>

/* Scratch memory of a worker: blocks of packed operands and a tile of results. */
#define CPU_SCRATCH ((size_t)1 << 20)

typedef struct cpu_ticket {
  _Alignas(CPU_ALIGN) _Atomic int64_t taken;
} cpu_ticket;

typedef struct cpu_team {
  _Alignas(CPU_ALIGN) _Atomic int arrived;
  _Alignas(CPU_ALIGN) _Atomic unsigned generation;
  _Atomic int sleepers;
  int spin;           /* polls of the barrier before a worker goes to sleep */
  cpu_ticket *ticket; /* one a worker */
} cpu_team;

struct cpu_worker {
  cpu_team *team;
  int id, count; /* this worker, workers in the team */
  int victim;    /* whose share cpu_next is taking from */
  char *scratch; /* CPU_SCRATCH bytes, aligned */
  const cpu_product *product;
};

/* Shares out the units 0..n-1 of the current part of a kernel. Every worker has a contiguous share,
 * the same one for the same n, so data stays in its cache; who is done helps the others. All
 * workers must ask with the same n, and must pass a barrier before the next part is shared out. */
bool cpu_next(cpu_worker *w, int64_t n, int64_t *unit);

/* Waits for all workers. */
void cpu_barrier(cpu_worker *w);

#endif
