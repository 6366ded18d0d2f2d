/* compare A B: what got slower or faster, beyond both intervals. */
#include "bench.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static json_t *load(const char *path) {
  json_error_t e;
  json_t *j = json_load_file(path, 0, &e);
  if (!j)
    fprintf(stderr, "lp-bench: %s: line %d: %s\n", path, e.line, e.text);
  else if (!json_is_array(json_object_get(j, "results"))) {
    fprintf(stderr, "lp-bench: %s: no results; is it written by lp-bench --json?\n", path);
    json_decref(j);
    j = NULL;
  }
  return j;
}

static const char *text(const json_t *o, const char *key) {
  const char *s = json_string_value(json_object_get(o, key));
  return s ? s : "";
}

static const json_t *find(const json_t *results, const json_t *like) {
  size_t i;
  json_t *o;
  json_array_foreach((json_t *)results, i,
                     o) if (strcmp(text(o, "case"), text(like, "case")) == 0 &&
                            strcmp(text(o, "backend"), text(like, "backend")) == 0) return o;
  return NULL;
}

static double seconds(const json_t *o, const char *key) {
  return json_number_value(json_object_get(json_object_get(o, "seconds"), key));
}

int bench_compare(const bench_options *o, const char *path_a, const char *path_b) {
  json_t *a = load(path_a), *b = a ? load(path_b) : NULL, *row;
  if (!b) {
    json_decref(a);
    return 2;
  }
  for (int k = 0; k < 2; k++)
    if (json_is_true(json_object_get(json_object_get(k ? b : a, "environment"), "noisy")))
      printf("warning: %s was measured on a noisy machine\n", k ? path_b : path_a);
  const json_t *ra = json_object_get(a, "results");
  uint32_t slower = 0, faster = 0, same = 0, lost = 0;
  size_t i;
  json_array_foreach(json_object_get(b, "results"), i, row) {
    const json_t *old = find(ra, row);
    if (!old || !seconds(old, "median")) continue;
    if (!seconds(row, "median")) {
      lost++;
      printf("%-36s %-18s now %s\n", text(row, "case"), text(row, "backend"), text(row, "status"));
      continue;
    }
    /* The ratio lies between these with at least the confidence of the two intervals. */
    double ratio = seconds(row, "median") / seconds(old, "median");
    double low = seconds(row, "low") / seconds(old, "high");
    double high = seconds(row, "high") / seconds(old, "low");
    bool up = low > 1 + o->margin, down = high < 1 - o->margin;
    slower += up;
    faster += down;
    same += !up && !down;
    printf("%-36s %-18s %.3f [%.3f, %.3f] %s\n", text(row, "case"), text(row, "backend"), ratio,
           low, high,
           up     ? "SLOWER"
           : down ? "faster"
                  : "no change");
  }
  printf("%u slower, %u faster, %u unchanged within %.0f %%, %u without a time\n", slower, faster,
         same, 100 * o->margin, lost);
  json_decref(a);
  json_decref(b);
  if (!slower && !faster && !same && !lost) {
    fprintf(stderr, "lp-bench: the two files have no timed case in common\n");
    return 2;
  }
  return slower || lost ? 1 : 0;
}
