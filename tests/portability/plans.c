/* plans DEVICE [MODEL LAYER BATCH]: compiles the training and evaluation plans of the kinds of
 * network on a device, or one training plan and prints its steps, without running them. With
 * LOCALITY_CL_DUMP=FOLDER the OpenCL backend leaves there the text of every kernel that it builds,
 * in the form in which it is used, and what is launched: what the offline compilers and the model
 * of GPUs (bench/gpu_model.py) are given. */
#include <locality/exec.h>
#include <locality/nn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct network {
  const char *model, *layer, *set;
  uint32_t classes, channels, size, batch;
} network;

static const network networks[] = {
    {"lenet", "locality:cost=linear", NULL, 10, 1, 28, 64},
    {"lenet", "plain", "conv2.cost=linear", 10, 1, 28, 64},
    {"alexnet", "locality:cost=linear", NULL, 1000, 3, 224, 2},
    {"rnn", "plain", "cost=linear", 10, 1, 28, 64},
    {"gru", "plain", "cost=linear", 10, 1, 28, 64},
};

/* A line a step: multiplications and additions, bytes, name. */
static lp_status print_steps(lp_plan *plan) {
  uint32_t n = 0;
  lp_status st = lp_plan_profile(plan, NULL, 0, &n);
  lp_profile_row *row = calloc(n + 1, sizeof *row);
  if (st == LP_OK && !row) st = LP_ERR_MEMORY;
  if (st == LP_OK) st = lp_plan_profile(plan, row, n, &n);
  for (uint32_t i = 0; i < n && st == LP_OK; i++)
    printf("%.0f %.0f %s\n", row[i].flops, row[i].bytes, row[i].label);
  free(row);
  return st;
}

static lp_status compile(lp_session *s, const network *n, lp_mode mode, lp_optimizer kind,
                         bool print) {
  lp_graph *g = NULL;
  lp_plan *plan = NULL;
  lp_net net = {0};
  lp_val target[16];
  uint32_t count = 0;
  lp_net_spec spec = {.model = n->model,
                      .layer = n->layer,
                      .set = n->set,
                      .classes = n->classes,
                      .in_channels = n->channels,
                      .in_h = n->size,
                      .in_w = n->size,
                      .dropout = -1,
                      .dropout2d = -1};
  spec.pixels = (lp_normalize_params){.channels = n->channels, .scale = 1.0f / 255};
  for (int c = 0; c < 4; c++) spec.pixels.mean[c] = 0.4f, spec.pixels.sd[c] = 0.2f;
  lp_status st = lp_graph_new(n->model, &g);
  if (st == LP_OK) st = lp_net_build(&spec, g, n->batch, mode, mode == LP_TRAIN ? 100 : 0, &net);
  if (st == LP_OK && mode == LP_TRAIN) {
    lp_optim_spec o = lp_optim_defaults(kind);
    o.momentum = 0.5f;
    st = lp_optim_build(&o, g, net.loss, target, 15, &count);
  }
  if (st == LP_OK) {
    target[count++] = mode == LP_TRAIN ? net.loss : net.log_probs;
    st = lp_plan_create(s, g, target, count, NULL, &plan);
  }
  if (st == LP_OK && print) st = print_steps(plan);
  lp_plan_free(plan);
  lp_net_free(&net);
  lp_graph_free(g);
  return st;
}

/* The plans of a network on a device of their own; `one`: the usual training plan alone. */
static bool plan_network(const char *device, const network *n, bool one, bool all_optimisers) {
  lp_session *s = NULL;
  lp_status st = lp_session_open(device, 1, &s);
  if (st == LP_OK) st = compile(s, n, LP_TRAIN, LP_OPT_SGD, one);
  if (st == LP_OK && all_optimisers) st = compile(s, n, LP_TRAIN, LP_OPT_RMSPROP, false);
  if (st == LP_OK && all_optimisers) st = compile(s, n, LP_TRAIN, LP_OPT_ADAM, false);
  if (st == LP_OK && !one) st = compile(s, n, LP_EVAL, LP_OPT_SGD, false);
  if (st != LP_OK) fprintf(stderr, "plans: %s on %s: %s\n", n->model, device, lp_error_message());
  lp_session_close(s);
  return st == LP_OK;
}

int main(int argc, char **argv) {
  enum { N = sizeof networks / sizeof *networks };
  if (argc == 5) {
    for (size_t i = 0; i < N; i++) {
      network n = networks[i];
      if (strcmp(n.model, argv[2]) != 0) continue;
      n.layer = argv[3];
      n.set = NULL;
      n.batch = (uint32_t)strtoul(argv[4], NULL, 10);
      return plan_network(argv[1], &n, true, false) ? 0 : 1;
    }
  }
  if (argc != 2) {
    fprintf(stderr, "usage: plans DEVICE [MODEL LAYER BATCH]\n");
    return 2;
  }
  for (size_t i = 0; i < N; i++)
    if (!plan_network(argv[1], &networks[i], false, i == 0)) return 1;
  return 0;
}
