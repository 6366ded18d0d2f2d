/* The table of models, and what all of them share: input, normalisation, loss. To add a model: a
 * file with its body, a row here. */
#include "nn_internal.h"

#include <locality/registry.h>

#include <string.h>

static const lp_model_row models[] = {
    {"lenet", "LeNet with a 7 x 7 sheet, for 28 x 28 images", {7, 7}, 0.5f, 0.5f, lp_lenet_build},
    {"alexnet",
     "AlexNet with a 64 x 64 sheet, for 224 x 224 images",
     {64, 64},
     0.5f,
     0.0f,
     lp_alexnet_build},
    {"alexnet64",
     "AlexNet for 64 x 64 images, the same 64 x 64 sheet",
     {64, 64},
     0.5f,
     0.0f,
     lp_alexnet64_build},
};
enum { N_MODELS = sizeof models / sizeof *models };

const lp_model_row *lp_model_find(const char *name) {
  const char *names[N_MODELS];
  for (size_t i = 0; i < N_MODELS; i++) {
    if (strcmp(models[i].name, name) == 0) return &models[i];
    names[i] = models[i].name;
  }
  const char *near = lp_nearest(name, names, N_MODELS);
  lp_fail(LP_ERR_NOT_FOUND, "no model is named '%s'; did you mean '%s'?", name,
          near ? near : names[0]);
  return NULL;
}

lp_status lp_net_sheet(const lp_net_spec *spec, uint32_t rows_cols[2]) {
  const lp_model_row *row = lp_model_find(spec->model);
  if (!row) return LP_ERR_NOT_FOUND;
  bool given = spec->sheet[0] && spec->sheet[1];
  for (int i = 0; i < 2; i++) rows_cols[i] = given ? spec->sheet[i] : row->sheet[i];
  return LP_OK;
}

lp_status lp_net_build(const lp_net_spec *spec, lp_graph *g, uint32_t n, lp_mode mode,
                       uint32_t history, lp_net *out) {
  memset(out, 0, sizeof *out);
  const lp_model_row *row = lp_model_find(spec->model);
  uint32_t sheet[2];
  if (!row || lp_net_sheet(spec, sheet) != LP_OK) return LP_ERR_NOT_FOUND;
  lp_net_spec full = *spec;
  if (full.dropout < 0) full.dropout = row->dropout;
  if (full.dropout2d < 0) full.dropout2d = row->dropout2d;
  lp_net_builder b = {g, &full, mode};

  lp_desc images = LP_DESC(LP_U8, n, spec->in_channels, spec->in_h, spec->in_w);
  lp_desc labels = LP_DESC(LP_I32, n);
  out->images = lp_input(g, "images", &images);
  out->labels = lp_input(g, "labels", &labels);
  lp_op_params normalize = {.normalize = spec->pixels};
  lp_val x = lp_apply(g, LP_OP_NORMALIZE, &normalize, &out->images, 1);
  row->build(&b, x, sheet, out);

  lp_val in[3] = {out->logits, out->labels, LP_NO_VAL};
  if (history) {
    lp_desc rows = lp_f32(history, 4);
    lp_init zero = {LP_INIT_CONST, 0.0f, NULL};
    in[2] = lp_graph_state(g, mode == LP_TRAIN ? "metrics.train" : "metrics.eval", &rows, &zero);
  }
  out->loss = lp_apply(g, LP_OP_CROSS_ENTROPY, NULL, in, 3);
  out->log_probs = lp_output(out->loss, 1);
  return lp_graph_status(g);
}
