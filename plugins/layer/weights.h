/* The parameters of a fully connected layer, the same for every layer here, so that arms with one
 * seed start equal. */
#ifndef LAYER_WEIGHTS_H
#define LAYER_WEIGHTS_H

#include <locality/plugin.h>

#include <math.h>
#include <stdio.h>

/* A trained leaf named path.part, uniform within 1/sqrt(n_in); a prior does not count. */
static inline lp_val make_param(const lp_host *host, lp_graph *g, const lp_layer_request *req,
                                const char *part, const lp_desc *desc) {
  char name[256];
  lp_init init = {LP_INIT_UNIFORM, (float)(1 / sqrt(req->n_in)), NULL};
  if (snprintf(name, sizeof name, "%s.%s", req->path, part) >= (int)sizeof name) {
    host->graph_fail(g, LP_ERR_ARG, "layer %s: its name is too long", req->path);
    return LP_NO_VAL;
  }
  return host->param(g, name, desc, &init);
}

#endif
