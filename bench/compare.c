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

static const json_t *find(const json_t *results, const json_t *like) {
  size_t i;
  json_t *o;
  json_array_foreach((json_t *)results, i,
                     o) if (strcmp(bench_text(o, "case"), bench_text(like, "case")) == 0 &&
                            strcmp(bench_text(o, "backend"), bench_text(like, "backend")) ==
                                0) return o;
  return NULL;
}

static double seconds(const json_t *o, const char *key) {
  return json_number_value(json_object_get(json_object_get(o, "seconds"), key));
}

static bool busy(const json_t *o) {
  return json_number_value(json_object_get(o, "others")) > bench_busy_share;
}

typedef struct change {
  double ratio, low, high; /* new / old */
  enum { SAME, SLOWER, FASTER, BUSY, SHARED } kind;
} change;

/* Within a run the samples follow each other, so the interval of their median says little of the
 * next run: a change must also move the middle half of the samples as a whole. */
static change judge(const json_t *old, const json_t *new, double margin) {
  change c = {.ratio = seconds(new, "median") / seconds(old, "median"),
              /* With at least the confidence of the two intervals. */
              .low = seconds(new, "low") / seconds(old, "high"),
              .high = seconds(new, "high") / seconds(old, "low")};
  if (c.low > 1 + margin && seconds(new, "q1") > seconds(old, "q3"))
    c.kind = SLOWER;
  else if (c.high < 1 - margin && seconds(new, "q3") < seconds(old, "q1"))
    c.kind = FASTER;
  if (c.kind != SAME && (busy(old) || busy(new))) c.kind = BUSY;
  return c;
}

/* Did every other backend and peer change as much in this case? They were timed in turn with it, so
 * that tells a slower machine from a slower kernel. */
static bool shared(const json_t *olds, const json_t *news, const json_t *row, const change *c,
                   double margin) {
  size_t i;
  bool any = false;
  json_t *other;
  json_array_foreach((json_t *)news, i, other) {
    if (other == row || strcmp(bench_text(other, "case"), bench_text(row, "case")) != 0) continue;
    const json_t *old = find(olds, other);
    double before = old ? seconds(old, "median") : 0, now = seconds(other, "median");
    if (!(before > 0) || !(now > 0)) continue;
    double beside = c->ratio / (now / before);
    if (c->kind == SLOWER ? beside >= 1 + margin : beside <= 1 - margin) return false;
    any = true;
  }
  return any;
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
  static const char *const verdict[] = {"no change", "SLOWER", "faster",
                                        "unsure: the machine was busy",
                                        "unsure: the whole case changed as much"};
  uint32_t count[5] = {0}, lost = 0;
  size_t i;
  json_array_foreach(json_object_get(b, "results"), i, row) {
    const json_t *old = find(ra, row);
    if (!old || !seconds(old, "median")) continue;
    if (!seconds(row, "median")) {
      lost++;
      printf("%-36s %-18s now %s\n", bench_text(row, "case"), bench_text(row, "backend"),
             bench_text(row, "status"));
      continue;
    }
    change c = judge(old, row, o->margin);
    if ((c.kind == SLOWER || c.kind == FASTER) &&
        shared(ra, json_object_get(b, "results"), row, &c, o->margin))
      c.kind = SHARED;
    count[c.kind]++;
    printf("%-36s %-18s %.3f [%.3f, %.3f] %s\n", bench_text(row, "case"),
           bench_text(row, "backend"), c.ratio, c.low, c.high, verdict[c.kind]);
  }
  printf("%u slower, %u faster, %u unchanged within %.0f %%, %u unsure, %u without a time\n",
         count[SLOWER], count[FASTER], count[SAME], 100 * o->margin, count[BUSY] + count[SHARED],
         lost);
  json_decref(a);
  json_decref(b);
  if (!count[SLOWER] && !count[FASTER] && !count[SAME] && !count[BUSY] && !count[SHARED] && !lost) {
    fprintf(stderr, "lp-bench: the two files have no timed case in common\n");
    return 2;
  }
  return count[SLOWER] || lost ? 1 : 0;
}
