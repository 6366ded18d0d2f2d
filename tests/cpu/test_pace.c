/* Team or one thread: the choice on a quiet machine, on a busy one, and after it. */
#include "pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Runs in which one thread was chosen, of n that take the given seconds. */
static int alone_runs(cpu_pace *p, int n, const double *team, int n_team, double alone) {
  int count = 0;
  for (int i = 0; i < n; i++) {
    bool one = cpu_pace_alone(p);
    count += one;
    cpu_pace_note(p, one ? alone : team[i % n_team]);
  }
  return count;
}

enum { FIRST_TRIAL = 4 };

static const double quiet[] = {0.010, 0.011, 0.014, 0.0105, 0.010, 0.013};
static const double busy[] = {0.012, 0.09, 0.12, 0.04, 0.07, 0.15, 0.03};

static void a_quiet_machine_keeps_the_team(void **state) {
  (void)state;
  cpu_pace p = {0};
  assert_int_equal(alone_runs(&p, 5000, quiet, 6, 0.019), FIRST_TRIAL);
}

static void single_slow_runs_change_little(void **state) {
  (void)state;
  cpu_pace p = {0};
  static double hiccup[100];
  for (int i = 0; i < 100; i++) hiccup[i] = i == 50 ? 0.3 : 0.01;
  alone_runs(&p, 100, quiet, 6, 0.019);
  int alone = alone_runs(&p, 5000, hiccup, 100, 0.019);
  assert_in_range(alone, 0, 50);
}

static void long_runs_are_not_tried_at_first(void **state) {
  (void)state;
  cpu_pace p = {0};
  static const double step[] = {0.4, 0.45, 0.41};
  assert_int_equal(alone_runs(&p, 1000, step, 3, 0.8), 0);
}

static void a_machine_busy_from_the_start_gets_one_thread(void **state) {
  (void)state;
  cpu_pace p = {0};
  static const double always[] = {0.020, 0.021, 0.0195};
  int alone = alone_runs(&p, 1000, always, 3, 0.000006);
  assert_in_range(alone, 900, 1000);
}

static void a_busy_machine_gets_one_thread(void **state) {
  (void)state;
  cpu_pace p = {0};
  alone_runs(&p, 100, quiet, 6, 0.019);
  int alone = alone_runs(&p, 2000, busy, 7, 0.025);
  assert_in_range(alone, 1600, 2000);
}

static void the_team_returns_when_it_is_quiet(void **state) {
  (void)state;
  cpu_pace p = {0};
  alone_runs(&p, 100, quiet, 6, 0.019);
  alone_runs(&p, 2000, busy, 7, 0.025);
  alone_runs(&p, 300, quiet, 6, 0.019);
  assert_int_equal(alone_runs(&p, 1000, quiet, 6, 0.019), 0);
}

static void a_team_that_is_slow_but_faster_than_one_stays(void **state) {
  (void)state;
  cpu_pace p = {0};
  alone_runs(&p, 100, quiet, 6, 0.019);
  static const double slower[] = {0.03, 0.032, 0.029};
  int alone = alone_runs(&p, 3000, slower, 3, 0.05);
  assert_in_range(alone, 3, 60); /* trials, ever fewer */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_quiet_machine_keeps_the_team),
      cmocka_unit_test(single_slow_runs_change_little),
      cmocka_unit_test(long_runs_are_not_tried_at_first),
      cmocka_unit_test(a_machine_busy_from_the_start_gets_one_thread),
      cmocka_unit_test(a_busy_machine_gets_one_thread),
      cmocka_unit_test(the_team_returns_when_it_is_quiet),
      cmocka_unit_test(a_team_that_is_slow_but_faster_than_one_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
