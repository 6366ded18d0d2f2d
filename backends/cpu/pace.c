/* Team or one thread, by what their runs took. */
#include "pace.h"

/* Longer runs than this are tried on one thread only when they get slower. */
static const double short_run = 0.05;
enum { FIRST_RUNS = 4, TRIAL = 3, PATIENCE = 4, MOST_PATIENCE = 256, HOLD = 16, MOST_HOLD = 256 };

bool cpu_pace_alone(const cpu_pace *p) {
  return p->mode == PACE_TRY_ALONE || p->mode == PACE_ALONE;
}

static void enter(cpu_pace *p, cpu_pace_mode mode, uint32_t runs) {
  p->mode = mode;
  p->left = runs;
  p->slow = 0;
  if (mode == PACE_TRY_ALONE) p->alone = 0;
  if (mode == PACE_TRY_TEAM) p->team = 0;
}

static uint32_t twice(uint32_t n, uint32_t most) {
  return 2 * n < most ? 2 * n : most;
}

static void after_team_run(cpu_pace *p, double seconds) {
  /* The best is forgotten slowly: a machine can become another one. */
  p->best = p->best > 0 && p->best * 1.0005 < seconds ? p->best * 1.0005 : seconds;
  p->team = p->team > 0 ? 0.75 * p->team + 0.25 * seconds : seconds;
  if (seconds > 1.5 * p->best)
    p->slow++;
  else if (p->slow)
    p->slow--;
  if (p->runs < FIRST_RUNS) {
    if (++p->runs < FIRST_RUNS) return;
    /* This trial needs no slow run: on a machine that was busy from the start, all are. */
    if (p->team < short_run) {
      enter(p, PACE_TRY_ALONE, TRIAL);
      return;
    }
    p->patience = PATIENCE;
  }
  if (p->slow >= p->patience) enter(p, PACE_TRY_ALONE, TRIAL);
}

void cpu_pace_note(cpu_pace *p, double seconds) {
  switch (p->mode) {
  case PACE_TEAM:
    after_team_run(p, seconds);
    return;
  case PACE_TRY_ALONE:
    p->alone += seconds / TRIAL;
    if (--p->left) return;
    if (p->alone < p->team) {
      p->hold = HOLD;
      enter(p, PACE_ALONE, p->hold);
    } else {
      p->patience = p->patience ? twice(p->patience, MOST_PATIENCE) : PATIENCE;
      enter(p, PACE_TEAM, 0);
    }
    return;
  case PACE_ALONE:
    p->alone = 0.75 * p->alone + 0.25 * seconds;
    if (!--p->left) enter(p, PACE_TRY_TEAM, TRIAL);
    return;
  case PACE_TRY_TEAM:
    p->team += seconds / TRIAL;
    if (--p->left) return;
    if (p->team < p->alone) {
      p->patience = PATIENCE;
      enter(p, PACE_TEAM, 0);
    } else {
      p->hold = twice(p->hold, MOST_HOLD);
      enter(p, PACE_ALONE, p->hold);
    }
    return;
  }
}
