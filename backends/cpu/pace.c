/* Team or one thread, by what their runs took. */
#include "pace.h"

/* Longer runs than this are tried on one thread only when they get slower. */
static const double short_run = 0.05;
enum { FIRST_RUNS = 4, TRIAL = 3, PATIENCE = 4, MOST_PATIENCE = 256 };
static const double first_hold = 0.05, most_hold = 0.5;
/* Threads that slept may start on one core, and stay there for some 10 ms. */
static const double least_lost = 0.03;

bool cpu_pace_alone(const cpu_pace *p) {
  return p->mode == PACE_TRY_ALONE || p->mode == PACE_ALONE;
}

static void enter(cpu_pace *p, cpu_pace_mode mode) {
  p->mode = mode;
  p->left = TRIAL + 1; /* the first run, with cold caches and sleeping threads, does not count */
  p->slow = 0;
  p->lost = 0;
  if (mode == PACE_TRY_ALONE) p->alone = 0;
  if (mode == PACE_TRY_TEAM) p->team = 0;
}

static void go_alone(cpu_pace *p, double hold) {
  enter(p, PACE_ALONE);
  p->hold = hold < most_hold ? hold : most_hold;
  p->held = 0;
}

static void after_team_run(cpu_pace *p, double seconds) {
  /* The best is forgotten slowly: a machine can become another one. */
  p->best = p->best > 0 && p->best * 1.0005 < seconds ? p->best * 1.0005 : seconds;
  p->team = p->team > 0 ? 0.75 * p->team + 0.25 * seconds : seconds;
  if (seconds > 1.5 * p->best) {
    p->slow++;
    p->lost += seconds;
  } else {
    p->slow -= p->slow > 0;
    p->lost = p->lost > seconds ? p->lost - seconds : 0;
  }
  if (p->runs < FIRST_RUNS) {
    if (++p->runs < FIRST_RUNS) return;
    /* This trial needs no slow run: on a machine that was busy from the start, all are. */
    if (p->team < short_run) {
      enter(p, PACE_TRY_ALONE);
      return;
    }
    p->patience = PATIENCE;
  }
  if (p->slow >= p->patience && p->lost >= least_lost) enter(p, PACE_TRY_ALONE);
}

void cpu_pace_note(cpu_pace *p, double seconds) {
  switch (p->mode) {
  case PACE_TEAM:
    after_team_run(p, seconds);
    return;
  case PACE_TRY_ALONE:
    if (p->left <= TRIAL) p->alone += seconds / TRIAL;
    if (--p->left) return;
    if (p->alone < p->team) {
      go_alone(p, first_hold);
    } else {
      p->patience = p->patience ? 2 * p->patience : PATIENCE;
      if (p->patience > MOST_PATIENCE) p->patience = MOST_PATIENCE;
      enter(p, PACE_TEAM);
    }
    return;
  case PACE_ALONE:
    p->alone = 0.75 * p->alone + 0.25 * seconds;
    p->held += seconds;
    if (p->held >= p->hold) enter(p, PACE_TRY_TEAM);
    return;
  case PACE_TRY_TEAM:
    if (p->left <= TRIAL) p->team += seconds / TRIAL;
    if (--p->left) return;
    if (p->team < p->alone) {
      p->patience = PATIENCE;
      enter(p, PACE_TEAM);
    } else {
      go_alone(p, 2 * p->hold);
    }
    return;
  }
}
