/* Topologies off the plane lattice against closed forms, and files of places as people have them.
 */
#include "prior_support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/locality-topology-XXXXXX";

static lp_prior_spec spec(uint32_t n_out, uint32_t n_in, const char *topology, const char *metric) {
  return (lp_prior_spec){
      .n_out = n_out, .n_in = n_in, .topology = topology, .metric = metric, .cost = "linear"};
}

static void near(double ours, double reference) {
  if (!(fabs(ours - reference) <= 1e-12 * (1 + fabs(reference))))
    fail_msg("%.17g should be %.17g", ours, reference);
}

/* A box as asked, the cubest where nothing is, and two boxes that cover each other. */
static void box(void **state) {
  (void)state;
  static const char *const metric[] = {"l2", "l1", "linf"};
  for (int m = 0; m < 3; m++) {
    lp_prior_spec q = spec(60, 60, "grid3d", metric[m]);
    memcpy(q.extent_out, (uint32_t[]){5, 3, 4}, sizeof q.extent_out);
    memcpy(q.extent_in, q.extent_out, sizeof q.extent_in);
    lp_prior *p = prior_built(&q);
    assert_non_null(p->table);
    for (int i = 0; i < 60; i++)
      for (int j = 0; j < 60; j++) {
        const double a = abs(i / 12 - j / 12), b = abs(i / 4 % 3 - j / 4 % 3),
                     c = abs(i % 4 - j % 4);
        const double d = m == 0   ? sqrt(a * a + b * b + c * c)
                         : m == 1 ? a + b + c
                                  : fmax(a, fmax(b, c));
        near(lp_prior_distance(p, (uint32_t)i, (uint32_t)j), d);
        near(lp_prior_at(p, (uint32_t)i, (uint32_t)j), 1 / (1 + d));
      }
    lp_prior_free(p);
  }
  static const uint32_t cubest[][4] = {
      {100, 5, 5, 4}, {27, 3, 3, 3}, {7, 7, 1, 1}, {1, 1, 1, 1}, {24, 4, 3, 2}};
  for (int k = 0; k < 5; k++) {
    const lp_prior_spec q = spec(cubest[k][0], cubest[k][0], "grid3d", NULL);
    lp_prior *p = prior_built(&q);
    for (int a = 0; a < 3; a++) assert_int_equal(p->sheets.extent_out[a], cubest[k][a + 1]);
    lp_prior_free(p);
  }
  lp_prior_spec q = spec(8, 64, "grid3d", NULL); /* 2 x 2 x 2 over 4 x 4 x 4: half a unit inside */
  lp_prior *p = prior_built(&q);
  near(lp_prior_distance(p, 0, 0), sqrt(0.75));
  near(lp_prior_distance(p, 7, 0), sqrt(3) * 2.5);
  lp_prior_free(p);
  memcpy(q.extent_in, (uint32_t[]){4, 4, 5}, sizeof q.extent_in);
  assert_int_not_equal(lp_prior_build(&q, &p), LP_OK);
  HAS(lp_error_message(), "64 units do not fill a box of 4 x 4 x 5");
}

/* Six neighbours at distance 1 inside; every distance is sqrt(a^2 + ab + b^2) for whole a and b. */
static void hexagons(void **state) {
  (void)state;
  const lp_prior_spec q = spec(35, 35, "hex:rows=5", NULL);
  lp_prior *p = prior_built(&q);
  for (int i = 0; i < 35; i++) {
    int neighbours = 0;
    for (int j = 0; j < 35; j++) {
      /* Axial coordinates: along the row, and down to the right. */
      const int r = j / 7 - i / 7,
                c = j % 7 - i % 7 - (r >= 0 ? (r + i / 7 % 2) / 2 : -((-r + !(i / 7 % 2)) / 2));
      const double d = lp_prior_distance(p, (uint32_t)i, (uint32_t)j);
      near(d * d, (double)(r * r + r * c + c * c));
      neighbours += fabs(d - 1) < 1e-9;
    }
    const bool inside = i / 7 > 0 && i / 7 < 4 && i % 7 > 0 && i % 7 < 6;
    if (inside) assert_int_equal(neighbours, 6);
    assert_true(neighbours >= 2);
  }
  lp_prior_free(p);
  lp_prior_spec bad = spec(35, 35, "hex:rows=4", NULL);
  assert_int_not_equal(lp_prior_build(&bad, &p), LP_OK);
  HAS(lp_error_message(), "35 units do not fill a sheet of 4");
}

/* Angles by the formula of the lattice; a unit an area of 1; the mean angle between places of a
 * sphere is a right one. */
static void globe(void **state) {
  (void)state;
  const lp_prior_spec q = spec(101, 300, "sphere", NULL);
  lp_prior *p = prior_built(&q);
  const double radius = sqrt(300 / (4 * M_PI)), golden = M_PI * (3 - sqrt(5));
  double sum = 0;
  for (uint32_t i = 0; i < 101; i++)
    for (uint32_t j = 0; j < 300; j++) {
      const double a = 1 - (2 * i + 1.0) / 101, b = 1 - (2 * j + 1.0) / 300;
      const double cosine = a * b + sqrt((1 - a * a) * (1 - b * b)) * cos(golden * (i - (double)j));
      const double d = lp_prior_distance(p, i, j);
      assert_float_equal(cos(d / radius), cosine, 1e-12);
      assert_true(d >= 0 && d <= M_PI * radius);
      sum += d / radius;
    }
  assert_float_equal(sum / (101 * 300), M_PI / 2, 0.01);
  lp_prior_free(p);
  const lp_prior_spec same = spec(300, 300, "sphere", NULL);
  p = prior_built(&same);
  for (uint32_t i = 0; i < 300; i++) {
    double least = INFINITY;
    near(lp_prior_distance(p, i, i), 0);
    for (uint32_t j = 0; j < 300; j++)
      if (i != j) least = fmin(least, lp_prior_distance(p, i, j));
    assert_true(least > 0.7 && least < 1.2);
  }
  lp_prior_free(p);
}

/* A file of places in the folder; its topology. */
static const char *places(const char *name, const char *text, const char *more) {
  static char topology[512];
  char path[200];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  const char *wide = strstr(text, "%600d"); /* stands for a long line */
  if (wide)
    fprintf(f, "%.*s%600d%s", (int)(wide - text), text, 1, wide + 5);
  else
    fputs(text, f);
  fclose(f);
  snprintf(topology, sizeof topology, "points:file=%s%s", path, more);
  return topology;
}

static void files(void **state) {
  (void)state;
  lp_prior_spec q = spec(3, 3, places("two.csv", "x,y\n0,0\n3;4\r\n\n -1 , 2.5e0\n", ""), NULL);
  lp_prior *p = prior_built(&q);
  near(lp_prior_distance(p, 0, 1), 5);
  near(lp_prior_distance(p, 2, 1), hypot(4, 1.5));
  q = spec(3, 3,
           places("two.csv",
                  "\xef\xbb\xbf"
                  "0,0\n3,4\n-1,2.5",
                  ""),
           NULL);
  lp_prior_free(p);
  p = prior_built(&q);
  near(lp_prior_distance(p, 0, 1), 5);
  near(lp_prior_distance(p, 2, 1), hypot(4, 1.5));
  q.metric = "l1";
  lp_prior_free(p);
  p = prior_built(&q);
  near(lp_prior_distance(p, 0, 1), 7);
  lp_prior_free(p);
  q = spec(2, 2, places("three.csv", "0,0,0\n1,2,2\n", ""), "l2");
  p = prior_built(&q);
  near(lp_prior_distance(p, 0, 1), 3);
  lp_prior_free(p);
  q = spec(2, 2, places("one.csv", "7\n4\n", ""), "linf");
  p = prior_built(&q);
  near(lp_prior_distance(p, 0, 1), 3);
  lp_prior_free(p);

  char more[250]; /* two sheets of two sizes */
  places("in.csv", "0,1\n0,2\n0,3\n", "");
  snprintf(more, sizeof more, ",input=%s/in.csv", folder);
  q = spec(2, 3, places("out.csv", "0,0\n0,1\n", more), NULL);
  p = prior_built(&q);
  near(lp_prior_distance(p, 1, 2), 2);
  lp_prior_free(p);

  /* Jitter moves places by about as much as it says, both sheets alike, and no third axis. */
  q = spec(3, 3, places("two.csv", "0,0\n100,0\n0,100\n", ",jitter=0.5"), NULL);
  p = prior_built(&q);
  near(lp_prior_distance(p, 1, 1), 0);
  assert_float_equal(lp_prior_distance(p, 0, 1), 100, 4);
  assert_true(fabs(lp_prior_distance(p, 0, 1) - 100) > 1e-6);
  assert_true(p->sheets.pos_out[2] == 0 && p->sheets.pos_out[0] != 0);
  lp_prior_free(p);

  static const struct {
    const char *text, *says;
    uint32_t n;
  } bad[] = {
      {"0,0\n1,1\n", "has 2 places for 3 units", 3},
      {"0,0\n1,1\n2,2\n", "has 3 places for 2 units", 2},
      {"", "has 0 places for 1 units", 1},
      {"0,0\n1,one\n", "bad.csv:2: not one to three numbers", 2},
      {"0,0\n1,2,3,4\n", "bad.csv:2: not one to three numbers", 2},
      {"0,0\n1,inf\n", "bad.csv:2: not one to three numbers", 2},
      {"0,0\n1,\n", "bad.csv:2: not one to three numbers", 2},
      {"0,0\n1\n", "bad.csv:2: 1 coordinates, 2 before", 2},
      {"1,1x\n1,2\n2,1\n", "bad.csv:1: not one to three numbers", 2},
      {"nan,1\n1,2\n2,1\n", "bad.csv:1: not one to three numbers", 2},
      {"1,2,3,4\n1,2\n2,1\n", "bad.csv:1: not one to three numbers", 2},
      {"1,1\n1,%600d\n", "bad.csv:2: longer than", 2},
  };
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    q = spec(bad[k].n, bad[k].n, places("bad.csv", bad[k].text, ""), NULL);
    assert_int_not_equal(lp_prior_build(&q, &p), LP_OK);
    HAS(lp_error_message(), bad[k].says);
  }
  q = spec(2, 2, "points", NULL);
  assert_int_not_equal(lp_prior_build(&q, &p), LP_OK);
  HAS(lp_error_message(), "needs a file");
  q = spec(2, 2, "points:file=/nonexistent/x.csv", NULL);
  assert_int_not_equal(lp_prior_build(&q, &p), LP_OK);
  HAS(lp_error_message(), "cannot open /nonexistent/x.csv");
}

static int make_folder(void **state) {
  return mkdtemp(folder) ? prior_tests_load(state) : -1;
}

static int remove_folder(void **state) {
  static const char *const name[] = {"two", "three", "one", "in", "out", "bad"};
  char path[200];
  for (size_t k = 0; k < sizeof name / sizeof *name; k++) {
    snprintf(path, sizeof path, "%s/%s.csv", folder, name[k]);
    remove(path);
  }
  remove(folder);
  return prior_tests_shut_down(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(box),
      cmocka_unit_test(hexagons),
      cmocka_unit_test(globe),
      cmocka_unit_test(files),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
