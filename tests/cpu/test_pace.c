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

static const double quiet[] = {1.0, 1.1, 1.4, 1.05, 1.0, 1.3};
static const double busy[] = {1.2, 9, 12, 4, 7, 15, 3};

static void a_quiet_machine_keeps_the_team(void **state) {
  (void)state;
  cpu_pace p = {0};
  assert_int_equal(alone_runs(&p, 5000, quiet, 6, 1.9), 0);
}

static void single_slow_runs_change_nothing(void **state) {
  (void)state;
  cpu_pace p = {0};
  static const double hiccups[] = {1, 1, 30, 1, 50, 60, 20, 1};
  assert_int_equal(alone_runs(&p, 5000, hiccups, 8, 1.9), 0);
}

static void a_busy_machine_gets_one_thread(void **state) {
  (void)state;
  cpu_pace p = {0};
  alone_runs(&p, 100, quiet, 6, 1.9);
  int alone = alone_runs(&p, 2000, busy, 7, 2.5);
  assert_in_range(alone, 1850, 2000);
}

static void the_team_returns_when_it_is_quiet(void **state) {
  (void)state;
  cpu_pace p = {0};
  alone_runs(&p, 100, quiet, 6, 1.9);
  alone_runs(&p, 2000, busy, 7, 2.5);
  alone_runs(&p, 300, quiet, 6, 1.9);
  assert_int_equal(alone_runs(&p, 1000, quiet, 6, 1.9), 0);
}

static void a_team_that_is_slow_but_faster_than_one_stays(void **state) {
  (void)state;
  cpu_pace p = {0};
  alone_runs(&p, 100, quiet, 6, 1.9);
  static const double slower[] = {3, 3.2, 2.9};
  int alone = alone_runs(&p, 3000, slower, 3, 5);
  assert_in_range(alone, 3, 60); /* trials, ever fewer */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_quiet_machine_keeps_the_team),
      cmocka_unit_test(single_slow_runs_change_nothing),
      cmocka_unit_test(a_busy_machine_gets_one_thread),
      cmocka_unit_test(the_team_returns_when_it_is_quiet),
      cmocka_unit_test(a_team_that_is_slow_but_faster_than_one_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
