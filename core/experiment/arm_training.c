/* From an arm to the training of its networks: the experiment's options with what the arm changes.
 */
#include "experiment_internal.h"

#include "../base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "arms: out of memory");
}

const lp_option *lp_arm_option(const char *name) {
  const lp_option *o;
  for (uint32_t i = 0; (o = lp_option_get(i)); i++)
    if (o->use & LP_USE_ARM && strcmp(o->name, name) == 0) return o;
  return NULL;
}

/* One change: an option of the training, else one of the network, which is appended to `network`.
 */
static lp_status change(lp_settings *s, char *token, FILE *network) {
  char *equals = strchr(token, '=');
  if (!equals) return lp_fail(LP_ERR_ARG, "'%s' is not KEY=VALUE", token);
  *equals = '\0';
  char *key = lp_trim(token), *value = lp_unwrap(lp_trim(equals + 1));
  const lp_option *option = lp_arm_option(key);
  if (option) return lp_settings_set(s, option->name, value);
  fprintf(network, "%s%s=(%s)", ftell(network) > 0 ? "," : "", key, value);
  return LP_OK;
}

static lp_status change_all(lp_arm_training *t, const char *changes) {
  size_t size;
  lp_status status = changes ? lp_check_keys(changes) : LP_OK;
  if (status != LP_OK) return status;
  char *copy = strdup(changes ? changes : ""), *rest = copy;
  FILE *network = copy ? open_memstream(&t->set, &size) : NULL;
  if (!network) {
    free(copy);
    return out_of_memory();
  }
  fputs(lp_setting_text(t->settings, "set"), network);
  for (char *token; *copy && status == LP_OK && (token = lp_next_token(&rest));)
    status = change(t->settings, token, network);
  free(copy);
  return fclose(network) == 0 || status != LP_OK ? status : out_of_memory();
}

/* An arm that names a layer sets the network's knob. The control of a network without one is the
 * network as it stands. */
static lp_status choose_layer(const lp_arm *arm, const char *model, const char **layer) {
  *layer = arm->set ? NULL : arm->layer;
  if (!*layer || strcmp(*layer, "plain") != 0) return LP_OK;
  lp_netspec *n;
  lp_status status = lp_netspec_load(model, &n);
  if (status == LP_OK && !lp_netspec_knob(n, "layer")) *layer = NULL;
  if (status == LP_OK) lp_netspec_free(n);
  return status;
}

lp_status lp_arm_fail(const lp_experiment *x, const lp_arm *arm, lp_status status) {
  const bool cell = arm->base != NULL; /* of a sweep */
  lp_fail_in(status, cell ? "sweep: arm %s" : "arm %s", arm->name);
  return lp_settings_point(x->settings, x->preset, cell ? "sweep" : "arms", cell ? "" : arm->name,
                           status);
}

lp_status lp_arm_training_open(const lp_experiment *x, const lp_arm *arm, lp_arm_training *t) {
  static const lp_dataset_info unknown;
  *t = (lp_arm_training){0};
  lp_status status = lp_settings_copy(x->settings, &t->settings);
  if (status == LP_OK) status = change_all(t, arm->set);
  if (status == LP_OK && x->device) status = lp_settings_set(t->settings, "backend", x->device);
  if (status == LP_OK)
    status = lp_train_net(t->settings, x->info.train ? x->info.train : &unknown, &t->spec.net);
  if (status == LP_OK) status = choose_layer(arm, t->spec.net.model, &t->spec.net.layer);
  if (status != LP_OK) {
    lp_arm_training_close(t);
    return lp_arm_fail(x, arm, status);
  }
  t->spec.net.set = t->set;
  t->spec.settings = t->settings;
  return LP_OK;
}

void lp_arm_training_close(lp_arm_training *t) {
  lp_settings_free(t->settings);
  free(t->set);
  *t = (lp_arm_training){0};
}
