/* The table of models, and what all of them share: input, normalisation, loss. To add a model: a
 * file with its body, a row here. */
#include "nn_internal.h"

#include "../base/text.h"

#include <string.h>

/* sqrt 6: what keeps the variance over layers with a ReLU (He et al., ICCV 2015). The rule that the
 * published networks start from loses a factor of 6 a layer, and with it the first epochs. */
#define LP_HE_GAIN 2.4494897f

/* resize: of the smaller side for evaluation, before the centre crop of size x size. Where images
 * are trained on in random crops, 8/7 of size, as in AlexNet: what a crop shows is larger than in
 * the whole image, and so is then what is evaluated (Touvron et al., NeurIPS 2019). */
static const lp_model_row models[] = {
    {.name = "lenet",
     .summary = "LeNet with a 7 x 7 sheet, for 28 x 28 images",
     .size = 28,
     .resize = 28,
     .sheet = {7, 7},
     .dropout = 0.5f,
     .dropout2d = 0.5f,
     .build = lp_lenet_build},
    {.name = "alexnet",
     .summary = "AlexNet with a 64 x 64 sheet, for 224 x 224 images",
     .size = 224,
     .resize = 256,
     .sheet = {64, 64},
     .dropout = 0.5f,
     .build = lp_alexnet_build},
    {.name = "alexnet64",
     .summary = "AlexNet for 64 x 64 images, the same 64 x 64 sheet",
     .size = 64,
     .resize = 73,
     .sheet = {64, 64},
     .dropout = 0.5f,
     .conv_gain = LP_HE_GAIN,
     .build = lp_alexnet64_build},
    {.name = "alexnet32",
     .summary = "AlexNet for 32 x 32 images, the same 64 x 64 sheet",
     .size = 32,
     .resize = 36,
     .sheet = {64, 64},
     .dropout = 0.5f,
     .conv_gain = LP_HE_GAIN,
     .build = lp_alexnet32_build},
};
enum { N_MODELS = sizeof models / sizeof *models };

const char *lp_model_get(uint32_t i, const char **summary) {
  if (i >= N_MODELS) return NULL;
  if (summary) *summary = models[i].summary;
  return models[i].name;
}

const lp_model_row *lp_model_find(const char *name) {
  const char *names[N_MODELS];
  for (size_t i = 0; i < N_MODELS; i++) {
    if (strcmp(models[i].name, name) == 0) return &models[i];
    names[i] = models[i].name;
  }
  lp_fail(LP_ERR_NOT_FOUND, "no model is named '%s'%s", name,
          lp_did_you_mean_or(name, names, N_MODELS).text);
  return NULL;
}

lp_status lp_net_input(const char *model, uint32_t *size, uint32_t *resize) {
  const lp_model_row *row = lp_model_find(model);
  if (!row) return LP_ERR_NOT_FOUND;
  *size = row->size;
  *resize = row->resize;
  return LP_OK;
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
  lp_net_builder b = {g, &full, mode, row->conv_gain > 0 ? row->conv_gain : 1.0f};

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
