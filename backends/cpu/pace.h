/* pace.h: whether a program runs on the whole team or on one thread.
 *
 * Where other processes want the processors, a team waits at every barrier for a worker that is not
 * being run, and can be slower than one thread by far. Both compute the same numbers, so the choice
 * is free: on a quiet machine it is the team, but for a short trial at first. */
#ifndef LP_CPU_PACE_H
#define LP_CPU_PACE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum cpu_pace_mode { PACE_TEAM, PACE_TRY_ALONE, PACE_ALONE, PACE_TRY_TEAM } cpu_pace_mode;

/* All zero: a program that has not run. */
typedef struct cpu_pace {
  cpu_pace_mode mode;
  double best;        /* seconds of the fastest team run of late */
  double team, alone; /* mean seconds of late */
  uint32_t runs;      /* of the team, until the first trial */
  uint32_t slow;      /* team runs far slower than the best, less the others */
  double lost;        /* their seconds */
  uint32_t patience;  /* so many of them start a trial of one thread */
  uint32_t left;      /* runs of the present trial */
  double hold, held;  /* seconds of runs on one thread before the team is tried again, and by now */
} cpu_pace;

/* Whether the next run is for one thread. */
bool cpu_pace_alone(const cpu_pace *p);

/* Takes in what the run took that was asked for. */
void cpu_pace_note(cpu_pace *p, double seconds);

#endif
