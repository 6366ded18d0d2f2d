/* An experiment: options checked against what there is, and every arm planned, before anything is
 * written. */
#include "experiment_internal.h"

#include "../base/numbers.h"

#include <locality/io.h>
#include <locality/registry.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "experiment: out of memory");
}

/* A preset's title must not stand over other data, or none at all. */
static lp_status choose_title(lp_experiment *x) {
  lp_settings *s = x->settings;
  bool changed = (lp_settings_given(s, "data") || lp_settings_given(s, "model")) &&
                 !lp_settings_given(s, "title");
  if (*lp_setting_text(s, "title") && !changed) return LP_OK;
  char title[300];
  snprintf(title, sizeof title, "%s on %s", lp_setting_text(s, "model"),
           lp_setting_text(s, "data"));
  return lp_settings_set(s, "title", title);
}

/* ---- checks -------------------------------------------------------------------------------- */

/* What every run opens: "auto" is decided once, and runs side by side share the cores. */
static lp_status choose_device(lp_experiment *x) {
  const char *wanted = lp_setting_text(x->settings, "backend");
  lp_session *s;
  char *device = lp_train_device(x->settings);
  if (!device) return out_of_memory();
  lp_status status = lp_session_open(device, 1, &s);
  free(device);
  if (status != LP_OK) return lp_fail_in(status, "backend");
  x->device_info = *lp_session_device(s);
  const lp_device *opened = lp_session_handle(s);
  x->precision = lp_device_precision(opened);
  snprintf(x->kernels, sizeof x->kernels, "%s", lp_device_kernels(opened, &x->device_info));
  lp_session_close(s);
  uint32_t runs = x->n_arms * x->info.n_seeds;
  const uint32_t jobs = (uint32_t)lp_setting_int(x->settings, "jobs");
  x->info.jobs = jobs < runs ? jobs : runs;

  const char *base = strcmp(wanted, "auto") == 0 ? x->device_info.id : wanted;
  bool split = x->info.jobs > 1 && x->device_info.type == LP_DEVICE_CPU && x->device_info.units &&
               !strstr(base, "threads=");
  uint32_t threads = x->device_info.units / x->info.jobs;
  char own[32] = "";
  if (split) snprintf(own, sizeof own, "threads=%u", threads ? threads : 1);
  x->device = lp_device_with(base, own);
  return x->device ? LP_OK : out_of_memory();
}

static lp_status open_data(lp_experiment *x) {
  lp_dataset *data[2];
  lp_status status = lp_train_open_data(x->settings, data);
  if (status != LP_OK) return status;
  x->train = data[0];
  x->test = data[1];
  x->info.train = lp_dataset_get_info(x->train);
  x->info.test = lp_dataset_get_info(x->test);
  return LP_OK;
}

/* The layer under study of an arm that changes a network by layers' names. */
static lp_status name_layer(lp_arm *arm, const lp_netspec *n) {
  const char *layer = lp_netspec_layer(n, "lp");
  free(arm->layer);
  arm->layer = strdup(layer ? layer : "plain");
  return arm->layer ? LP_OK : out_of_memory();
}

/* An arm that names a layer must get it: a change for all arms would pass over it unseen. */
static lp_status check_layer(lp_arm *arm, const lp_netspec *n) {
  const char *knob = lp_netspec_knob(n, "layer"), *lp = lp_netspec_layer(n, "lp");
  if (arm->set || !knob) return name_layer(arm, n);
  if (strcmp(knob, arm->layer) == 0 && (!lp || strcmp(lp, arm->layer) == 0)) return LP_OK;
  return lp_fail(LP_ERR_ARG, "set: it changes the layer that arms choose; write it into the arms: "
                             "NAME=(lp.topology=torus)");
}

/* What an arm's network has: trained numbers, sites and priors. */
static lp_status look_at_network(lp_arm *arm, const lp_net_spec *spec, uint32_t epochs) {
  lp_graph *g = NULL;
  lp_net net = {0};
  lp_graph_cost cost;
  lp_status status = lp_graph_new("network", &g);
  if (status == LP_OK) status = lp_net_build(spec, g, 2, LP_TRAIN, 0, &net);
  if (status == LP_OK) status = lp_graph_cost_of(g, 1, lp_graph_value_count(g) + 1, &cost);
  if (status == LP_OK) arm->parameters = cost.parameters;
  if (status == LP_OK) status = check_layer(arm, net.own);
  if (status == LP_OK) status = lp_arm_note_network(arm, &net);
  for (uint32_t i = 0; i < net.n_penalties && status == LP_OK; i++)
    status = lp_penalty_check(net.penalty[i].layer, net.penalty[i].spec, epochs);
  lp_net_free(&net);
  lp_graph_free(g);
  return status;
}

static lp_status plan_arm(lp_experiment *x, lp_arm *arm) {
  lp_arm_training a;
  lp_status status = lp_arm_training_open(x, arm, &a);
  if (status != LP_OK) return status;
  a.spec.dry_run = true;
  lp_trainer *t = NULL;
  status = look_at_network(arm, &a.spec.net, (uint32_t)lp_setting_int(a.spec.settings, "epochs"));
  if (status == LP_OK) status = lp_trainer_new(&a.spec, x->train, &t);
  if (status == LP_OK && !(arm->priors = strdup(lp_trainer_priors(t)))) status = out_of_memory();
  if (status == LP_OK) lp_trainer_plan_info(t, &arm->plan);
  if (status == LP_OK) status = lp_trainer_memory(t, &arm->memory);
  lp_trainer_free(t);
  lp_arm_training_close(&a);
  return status == LP_OK ? LP_OK : lp_arm_fail(x, arm, status);
}

static lp_status prepare(lp_experiment *x) {
  char *arms = NULL;
  lp_status status = lp_registry_load();
  if (status == LP_OK) status = lp_match_arms(x->settings, &arms);
  if (status == LP_OK)
    status = lp_settings_point(x->settings, x->preset, "arms", "",
                               lp_arms_parse(arms, &x->arms, &x->n_arms));
  free(arms);
  if (status == LP_OK) status = lp_cells_make(x);
  if (status != LP_OK) return status;
  x->info.settings = x->settings;
  x->info.preset = x->preset;
  x->info.arms = x->arms;
  x->info.n_arms = x->n_arms;
  x->info.axes = x->axes;
  x->info.n_axes = x->n_axes;
  x->info.n_seeds = (uint32_t)lp_setting_int(x->settings, "seeds");
  x->info.device = &x->device_info;
  x->seeds = calloc(x->info.n_seeds, sizeof *x->seeds);
  if (!x->seeds) return out_of_memory();
  const uint64_t seed = (uint64_t)lp_setting_int(x->settings, "seed");
  for (uint32_t i = 0; i < x->info.n_seeds; i++) x->seeds[i] = seed + i;
  x->info.seeds = x->seeds;
  json_t *plan;
  status = lp_plan_make(x, &plan);
  if (status != LP_OK) return status;
  json_decref(plan);
  status = lp_film_check(x->settings);
  if (status != LP_OK) return status;
  status = choose_device(x);
  x->info.device_spec = x->device;
  if (status == LP_OK) status = open_data(x);
  json_t *published = NULL;
  if (status == LP_OK) status = lp_published_make(x, &published);
  json_decref(published);
  json_t *superclasses = NULL;
  if (status == LP_OK) status = lp_superclasses_make(x, &superclasses);
  json_decref(superclasses);
  for (uint32_t i = 0; i < x->n_arms && status == LP_OK; i++) status = plan_arm(x, &x->arms[i]);
  if (status != LP_OK) return status;
  const lp_arm *reference = x->arms;
  while (reference->name != x->info.reference) reference++;
  return lp_headline_site(x->arms, x->n_arms, reference, lp_setting_text(x->settings, "site"),
                          &x->info.headline);
}

/* ---- public -------------------------------------------------------------------------------- */

lp_status lp_experiment_new(const lp_settings *s, const char *preset, lp_experiment **out) {
  LP_POINT_NUMBERS;
  *out = NULL;
  lp_experiment *x = calloc(1, sizeof *x);
  if (!x) return out_of_memory();
  lp_status status = lp_settings_copy(s, &x->settings);
  x->preset = strdup(preset ? preset : "");
  if (status == LP_OK && !x->preset) status = out_of_memory();
  if (status == LP_OK) status = choose_title(x);
  if (status == LP_OK) status = prepare(x);
  if (status != LP_OK) {
    lp_experiment_free(x);
    return status;
  }
  *out = x;
  return LP_OK;
}

/* Is what is given more than what the folder has, where that may be? Of a grid, the cells tell. */
static bool grows(const lp_option *option, const lp_settings *given, const lp_settings *s) {
  if (!(option->use & LP_USE_GROW)) return false;
  if (option->use & LP_USE_GRID) return true;
  return lp_setting_int(given, option->name) > lp_setting_int(s, option->name);
}

/* Refuses given options that differ from the folder's; takes over those that may. */
static lp_status merge_given(const char *dir, const lp_settings *given, lp_settings *s) {
  const lp_option *option;
  lp_status status = LP_OK;
  for (uint32_t i = 0; (option = lp_option_get(i)) && status == LP_OK; i++) {
    if (!lp_settings_given(given, option->name)) continue;
    const char *now = lp_setting_text(given, option->name),
               *then = lp_setting_text(s, option->name);
    if (strcmp(now, then) == 0) continue;
    if (option->use & LP_USE_PER_CALL || grows(option, given, s))
      status = lp_settings_set(s, option->name, now);
    else if (option->use & LP_USE_GROW)
      status = lp_fail(LP_ERR_ARG, "%s: %s has %s, which stay; it can get more, but not %s",
                       option->name, dir, then, now);
    else
      status = lp_fail(LP_ERR_ARG, "%s: %s was begun with %s '%s', not '%s'; leave it out",
                       option->name, dir, option->name, then, now);
  }
  return status;
}

/* The experiment that the folder's manifest describes. */
static lp_status from_folder(const lp_run_folder *folder, const lp_settings *given,
                             const char *preset, const char *add_arms, lp_settings *s,
                             lp_experiment **out) {
  char *name;
  lp_status status = lp_manifest_read(folder, s, &name);
  if (status == LP_OK && preset && strcmp(preset, name) != 0)
    status = lp_fail(LP_ERR_ARG, "%s was begun as '%s', not as '%s'", folder->dir, name, preset);
  if (status == LP_OK && given) status = merge_given(folder->dir, given, s);
  if (status == LP_OK && add_arms) status = lp_extend_arms(folder, add_arms, s);

  /* "auto" may choose another device today than it did then. */
  const char *device =
      json_string_value(json_object_get(json_object_get(folder->manifest, "device"), "id"));
  bool was_auto = strcmp(lp_setting_text(s, "backend"), "auto") == 0;
  if (status == LP_OK && was_auto && device) status = lp_settings_set(s, "backend", device);
  if (status == LP_OK) status = lp_experiment_new(s, name, out);
  if (status == LP_OK) status = lp_extend_check(folder, *out);
  if (status == LP_OK) status = lp_manifest_check_device(folder, *out);
  if (status == LP_OK) status = lp_manifest_check_data(folder, *out);
  if (status == LP_OK) status = lp_priors_check(folder->manifest, *out);
  if (status == LP_OK) status = lp_sites_check(folder, *out);
  if (status == LP_OK && !((*out)->dir = strdup(folder->dir))) status = out_of_memory();
  if (status == LP_OK) (*out)->info.dir = (*out)->dir;
  free(name);
  return status;
}

lp_status lp_experiment_resume(const char *dir, const lp_settings *given, const char *preset,
                               const char *add_arms, lp_experiment **out) {
  LP_POINT_NUMBERS;
  *out = NULL;
  lp_settings *s;
  lp_run_folder *folder;
  lp_experiment *x = NULL;
  lp_status status = lp_run_folder_open(dir, &folder);
  if (status != LP_OK) return status;
  if (folder->imported) {
    lp_run_folder_close(folder);
    return lp_fail(LP_ERR_ARG, "%s holds imports, which were not trained here: nothing to resume",
                   dir);
  }
  status = lp_settings_new(&s);
  if (status == LP_OK) status = from_folder(folder, given, preset, add_arms, s, &x);
  lp_run_folder_close(folder);
  lp_settings_free(s);
  if (status != LP_OK) {
    lp_experiment_free(x);
    return status;
  }
  *out = x;
  return LP_OK;
}

void lp_experiment_free(lp_experiment *x) {
  if (!x) return;
  if (x->train) lp_dataset_close(x->train);
  if (x->test) lp_dataset_close(x->test);
  lp_arms_free(x->arms, x->n_arms);
  lp_sweep_free(x->axes, x->n_axes);
  lp_settings_free(x->settings);
  free(x->seeds);
  free(x->preset);
  free(x->device);
  free(x->dir);
  json_decref(x->match);
  free(x);
}

const lp_experiment_info *lp_experiment_get_info(const lp_experiment *x) {
  return &x->info;
}

const lp_data_note *lp_experiment_note(const lp_experiment *x, uint32_t i) {
  const lp_dataset *split[2] = {x->train, x->test};
  return lp_dataset_notes(split, 2, i);
}

void lp_experiment_stop(lp_experiment *x) {
  atomic_store(&x->stop, 1);
}

/* Makes x the experiment with the values that were found for its arms. */
static lp_status settle(lp_experiment *x, const char *arms, json_t *record) {
  lp_experiment *y = NULL;
  lp_status status = lp_settings_set(x->settings, "arms", arms);
  if (status == LP_OK) status = lp_experiment_new(x->settings, x->preset, &y);
  if (status != LP_OK) return status;
  const lp_experiment old = *x;
  *x = *y;
  x->info.device = &x->device_info;
  x->match = record;
  atomic_store(&x->stop, atomic_load(&old.stop));
  *y = old;
  lp_experiment_free(y);
  return LP_OK;
}

/* In a folder that holds nothing else yet. */
static lp_status match(lp_experiment *x, const char *dir, lp_experiment_fn progress, void *user) {
  char *arms = NULL, *path = lp_path_join(dir, LP_RUN_MATCH);
  json_t *record = NULL;
  lp_status status = path ? lp_run_folder_check(dir) : out_of_memory();
  if (status == LP_OK) status = lp_make_dirs(dir);
  if (status == LP_OK) status = lp_match_search(x, path, progress, user, &arms, &record);
  if (status == LP_OK) status = settle(x, arms, record);
  if (status != LP_OK) json_decref(record);
  free(arms);
  free(path);
  return status;
}

lp_status lp_experiment_run(lp_experiment *x, const char *dir, const char *const *command,
                            uint32_t n_command, lp_experiment_fn progress, void *user,
                            lp_experiment_outcome *out) {
  LP_POINT_NUMBERS;
  *out = (lp_experiment_outcome){0};
  if (!x->dir && lp_match_wanted(x)) {
    lp_status status = match(x, dir, progress, user);
    if (status != LP_OK) return status;
  }
  if (!x->dir) {
    x->dir = strdup(dir);
    if (!x->dir) return out_of_memory();
    lp_status status = lp_manifest_write(x, dir, command, n_command);
    if (status != LP_OK) {
      free(x->dir);
      x->dir = NULL;
      return status;
    }
    x->info.dir = x->dir;
  }
  return lp_runs_do(x, command, n_command, progress, user, out);
}
