/* gradient.h: gradients of whole networks against finite differences of their loss. */
#ifndef TESTS_NN_GRADIENT_H
#define TESTS_NN_GRADIENT_H

#include <locality/exec.h>
#include <locality/nn.h>

#include <stdint.h>

enum { CLASSES = 5, PROBES = 20, MAX_PARAMS = 128 };

/* A network in training mode: its loss, and the gradients of all of its parameters. */
typedef struct model {
  lp_session *session;
  lp_graph *graph;
  lp_plan *plan, *forward;
  lp_buffer *bound[2];
  lp_val param[MAX_PARAMS], grad[MAX_PARAMS];
  uint32_t n_params, batch;
  int32_t *label;
} model;

/* Ends the test with the library's message. */
void ok(lp_status s);

/* The network on random images, channels x size x size. */
void open_model(model *m, const char *device, const lp_netspec *network, uint32_t size,
                uint32_t channels, uint32_t batch);
void close_model(model *m);

/* PROBES random weights: a random tensor each, of it a random element. The gradients and the finite
 * differences are compared as vectors: |g - D| <= tolerance |g|. */
void check_gradients(model *m, float step, double tolerance);

#endif
