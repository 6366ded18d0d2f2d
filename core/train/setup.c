/* From settings to what a training takes: its data, its network, its optimiser and its device. */
#include "train_internal.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <locality/registry.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 999999 };

/* ---- data and network ---------------------------------------------------------------------- */

lp_status lp_train_open_data(const lp_settings *s, lp_dataset *out[2]) {
  LP_POINT_NUMBERS;
  lp_image_defaults usual = {.crop_area = lp_setting_real(s, "crop_area")};
  out[0] = out[1] = NULL;
  lp_status status = lp_net_input(lp_setting_text(s, "model"), &usual.size, &usual.resize);
  return status == LP_OK ? lp_dataset_open_both(lp_setting_text(s, "data"), &usual, out) : status;
}

static lp_status parse_sheet(const char *text, uint32_t sheet[2]) {
  sheet[0] = sheet[1] = 0;
  if (!*text) return LP_OK;
  const char *p = text;
  uint64_t rows, columns;
  if (lp_digits(&p, MOST_ROWS, &rows) && *p++ == 'x' && rows &&
      lp_whole(p, 1, MOST_ROWS, &columns)) {
    sheet[0] = (uint32_t)rows, sheet[1] = (uint32_t)columns;
    return LP_OK;
  }
  return lp_fail(LP_ERR_ARG, "sheet: '%s' is not ROWSxCOLUMNS, as in 7x7", text);
}

/* Takes out layer, sheet and dropouts where they were not given (a preset's are not) and the
 * network has no place for them. */
static lp_status drop_knobs(const lp_settings *s, lp_net_spec *net) {
  lp_netspec *n;
  lp_status status = lp_netspec_load(net->model, &n);
  if (status != LP_OK) return status;
  static const char *const knob[] = {"layer", "sheet", "dropout", "dropout2d"};
  bool keep[4];
  for (int i = 0; i < 4; i++)
    keep[i] = lp_settings_given(s, knob[i]) || lp_netspec_knob(n, knob[i]);
  if (!keep[0]) net->layer = NULL;
  if (!keep[1]) net->sheet[0] = net->sheet[1] = 0;
  if (!keep[2]) net->dropout = -1;
  if (!keep[3]) net->dropout2d = -1;
  lp_netspec_free(n);
  return LP_OK;
}

lp_status lp_train_net(const lp_settings *s, const lp_dataset_info *data, lp_net_spec *out) {
  LP_POINT_NUMBERS;
  *out = (lp_net_spec){.model = lp_setting_text(s, "model"),
                       .layer = lp_setting_text(s, "layer"),
                       .set = lp_setting_text(s, "set"),
                       .classes = data->classes,
                       .in_channels = data->channels,
                       .in_h = data->height,
                       .in_w = data->width,
                       .pixels = {.channels = data->channels, .scale = 1.0f / 255.0f},
                       .dropout = (float)lp_setting_real(s, "dropout"),
                       .dropout2d = (float)lp_setting_real(s, "dropout2d")};
  memcpy(out->pixels.mean, data->mean, sizeof data->mean);
  memcpy(out->pixels.sd, data->sd, sizeof data->sd);
  lp_status status = lp_check_keys(out->set);
  if (status != LP_OK) return lp_fail_in(status, "set");
  status = parse_sheet(lp_setting_text(s, "sheet"), out->sheet);
  return status == LP_OK ? drop_knobs(s, out) : status;
}

/* ---- the optimiser ------------------------------------------------------------------------- */

lp_status lp_train_optim(const lp_settings *s, lp_optim_spec *out) {
  lp_optimizer kind;
  lp_status status = lp_optimizer_parse(lp_setting_text(s, "optimizer"), &kind);
  if (status != LP_OK) return status;
  const int64_t decay = lp_setting_int(s, "decay_kind"); /* 0: auto, then as lp_decay has them */
  *out = (lp_optim_spec){.kind = kind,
                         .decay_kind =
                             decay ? (lp_decay)(decay - 1) : lp_optim_defaults(kind).decay_kind,
                         .momentum = (float)lp_setting_real(s, "momentum"),
                         .alpha = (float)lp_setting_real(s, "alpha"),
                         .beta1 = (float)lp_setting_real(s, "beta1"),
                         .beta2 = (float)lp_setting_real(s, "beta2"),
                         .eps = (float)lp_setting_real(s, "eps"),
                         .decay = (float)lp_setting_real(s, "decay"),
                         .decay_bias = lp_setting_int(s, "decay_bias") != 0,
                         .decay_norm = lp_setting_int(s, "decay_norm") != 0};
  return LP_OK;
}

double lp_train_rate(const lp_settings *s, uint32_t epoch) {
  const double lr = lp_setting_real(s, "lr");
  const char *schedule = lp_setting_text(s, "schedule");
  if (strcmp(schedule, "step") == 0)
    return lr * pow(lp_setting_real(s, "gamma"),
                    (double)(epoch / (uint32_t)lp_setting_int(s, "step_epochs")));
  if (strcmp(schedule, "cosine") == 0) /* Loshchilov & Hutter, ICLR 2017, without restarts */
    return lr * 0.5 * (1.0 + cos(M_PI * epoch / (double)lp_setting_int(s, "epochs")));
  return lr;
}

/* ---- the device ---------------------------------------------------------------------------- */

char *lp_train_device(const lp_settings *s) {
  char precision[32] = "";
  if (lp_setting_int(s, "precision")) /* f32 is what a device has by itself */
    snprintf(precision, sizeof precision, "precision=%s", lp_setting_text(s, "precision"));
  return lp_device_with(lp_setting_text(s, "backend"), precision);
}
