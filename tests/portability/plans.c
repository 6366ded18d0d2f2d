/* plans DEVICE: compiles the training and evaluation plans of the kinds of network on a device,
 * without running them. With LOCALITY_CL_DUMP=FOLDER the OpenCL backend leaves there the text of
 * every kernel that it builds, in the form in which it is used: what the offline compilers are
 * given. */
#include <locality/exec.h>
#include <locality/nn.h>

#include <stdio.h>
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

static lp_status compile(lp_session *s, const network *n, lp_mode mode, lp_optimizer kind) {
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
  lp_plan_free(plan);
  lp_net_free(&net);
  lp_graph_free(g);
  return st;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: plans DEVICE\n");
    return 2;
  }
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
    const network *n = &networks[i];
    lp_session *s = NULL;
    lp_status st = lp_session_open(argv[1], 1, &s);
    if (st == LP_OK) st = compile(s, n, LP_TRAIN, LP_OPT_SGD);
    if (st == LP_OK && i == 0) st = compile(s, n, LP_TRAIN, LP_OPT_RMSPROP);
    if (st == LP_OK && i == 0) st = compile(s, n, LP_TRAIN, LP_OPT_ADAM);
    if (st == LP_OK) st = compile(s, n, LP_EVAL, LP_OPT_SGD);
    if (st != LP_OK)
      fprintf(stderr, "plans: %s on %s: %s\n", n->model, argv[1], lp_error_message());
    lp_session_close(s);
    if (st != LP_OK) return 1;
  }
  return 0;
}
