/* Uploads through pinned memory on a queue of their own take effect in the order of the calls: a
 * sum in which every upload counts twice as much as the one before, from two inputs that take turns
 * while earlier runs may still read them. All numbers are exact in f32. */
#include <locality/exec.h>
#include <locality/registry.h>

#include <stdio.h>
#include <stdlib.h>

enum { N = 1300007, UPLOADS = 14, LANES = 2 }; /* 5.2 MB: several pieces, the last one odd */

typedef struct job {
  lp_session *session;
  lp_graph *graph;
  lp_plan *plan;
  lp_buffer *lane[LANES];
  lp_event *pending[LANES];
  float *image[LANES], *sum;
} job;

static float element(int upload, int i) {
  return (float)((upload * 5 + i * 3 + i / 1024) % 8);
}

static lp_status prepare(const char *device, job *j) {
  lp_desc d = LP_DESC(LP_F32, N);
  lp_init zero = {LP_INIT_CONST, 0, NULL};
  lp_op_params twice = {.scale = {.alpha = 1, .beta = 2}};
  lp_status s = lp_session_open(device, 1, &j->session);
  if (s == LP_OK) s = lp_graph_new("uploads", &j->graph);
  if (s != LP_OK) return s;
  lp_val x = lp_input(j->graph, "x", &d);
  lp_val in[2] = {lp_graph_state(j->graph, "sum", &d, &zero),
                  lp_apply(j->graph, LP_OP_ABS, NULL, &x, 1)};
  lp_val token = lp_apply(j->graph, LP_OP_ACCUMULATE, &twice, in, 2);
  s = lp_graph_status(j->graph);
  if (s == LP_OK) s = lp_plan_create(j->session, j->graph, &token, 1, NULL, &j->plan);
  j->sum = malloc(N * sizeof *j->sum);
  for (int k = 0; k < LANES && s == LP_OK; k++) {
    j->image[k] = malloc(N * sizeof **j->image);
    s = lp_session_buffer(j->session, N * sizeof(float), &j->lane[k]);
  }
  return s;
}

static lp_status compute(job *j) {
  lp_status s = LP_OK;
  for (int u = 0; u < UPLOADS && s == LP_OK; u++) {
    int k = u % LANES;
    s = lp_session_wait(j->session,
                        j->pending[k]); /* the host's memory is free; the run may go on */
    j->pending[k] = NULL;
    for (int i = 0; i < N; i++) j->image[k][i] = element(u, i);
    if (s == LP_OK)
      s = lp_session_upload(j->session, j->lane[k], j->image[k], N * sizeof(float), &j->pending[k]);
    const lp_run r = {.bound = &j->lane[k], .n_bound = 1};
    if (s == LP_OK) s = lp_plan_run(j->plan, &r);
  }
  if (s == LP_OK) s = lp_session_sync(j->session);
  return s == LP_OK ? lp_session_read(j->session, "sum", j->sum, N * sizeof(float)) : s;
}

static int wrong(const job *j) {
  int bad = 0;
  for (int i = 0; i < N; i++) {
    float sum = 0;
    for (int u = 0; u < UPLOADS; u++) sum = 2 * sum + element(u, i);
    bad += j->sum[i] != sum;
  }
  return bad;
}

int main(void) {
  static const char *const devices[] = {"opencl:uploads=direct", "opencl:uploads=pinned",
                                        "opencl:uploads=pinned,kernels=gpu"};
  int passed = 0, failed = 0;
  lp_session *probe;
  if (lp_registry_load() != LP_OK || lp_session_open("opencl", 1, &probe) != LP_OK) {
    fprintf(stderr, "test-uploads: %s\n", lp_error_message());
    return getenv("LOCALITY_TEST_OPTIONAL") ? 77 : 2;
  }
  lp_session_close(probe);
  for (size_t d = 0; d < sizeof devices / sizeof *devices; d++) {
    job j = {0};
    lp_status s = prepare(devices[d], &j);
    if (s == LP_OK) s = compute(&j);
    int bad = s == LP_OK ? wrong(&j) : -1;
    printf("%s %s: %s\n", bad ? "failed" : "passed", devices[d],
           bad < 0 ? lp_error_message()
           : bad   ? "wrong sums"
                   : "sums are exact");
    *(bad ? &failed : &passed) += 1;
    for (int k = 0; k < LANES; k++) {
      if (j.session) (void)lp_session_wait(j.session, j.pending[k]);
      if (j.lane[k]) lp_session_buffer_free(j.session, j.lane[k]);
      free(j.image[k]);
    }
    lp_plan_free(j.plan);
    lp_graph_free(j.graph);
    lp_session_close(j.session);
    free(j.sum);
  }
  if (lp_session_open("opencl:uploads=slow", 1, &probe) == LP_OK)
    lp_session_close(probe), failed++;
  else
    passed++;
  printf("%d passed, %d failed\n", passed, failed);
  lp_registry_shutdown();
  return failed != 0;
}
