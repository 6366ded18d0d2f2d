/* bench.h: a small plan, log_softmax(relu(x W')), and what is done with it. */
#ifndef BENCH_H
#define BENCH_H

#include <locality/exec.h>

enum { ROWS = 8, IN = 24, OUT = 16 };

typedef struct bench {
  lp_session *session;
  lp_graph *graph;
  lp_plan *plan;
  lp_buffer *x;
  lp_val y;
  float image[ROWS * IN];
} bench;

/* Close it whatever open_bench returns. The plan is made by make_plan, once. */
lp_status open_bench(const char *device, bench *b);
void close_bench(bench *b);
lp_status make_plan(bench *b);
lp_status upload(bench *b);
lp_status run(bench *b, bool profile, float *y); /* y: ROWS x OUT */

#endif
