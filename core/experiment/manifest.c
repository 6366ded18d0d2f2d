/* manifest.json: what a run folder is, and how it can be made again. */
#include "experiment_internal.h"

#include "../base/text.h"
#include "../io/json.h"

#include <locality/io.h>
#include <locality/registry.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Numbers as numbers, the rest as text: {"epochs": 10, "arms": "control,linear", ...}. */
static json_t *option_value(const lp_settings *s, const lp_option *option) {
  switch ((lp_option_type)option->type) {
  case LP_OPTION_INT:
    return json_integer(lp_setting_int(s, option->name));
  case LP_OPTION_REAL:
    return json_real(lp_setting_real(s, option->name));
  case LP_OPTION_BOOL:
    return json_boolean(lp_setting_int(s, option->name));
  default:
    return json_string(lp_setting_text(s, option->name));
  }
}

json_t *lp_manifest_settings(const lp_settings *s) {
  json_t *all = json_object();
  const lp_option *option;
  for (uint32_t i = 0; (option = lp_option_get(i)); i++)
    if (option->use & LP_USE_EXPERIMENT)
      json_object_set_new(all, option->name, option_value(s, option));
  return all;
}

json_t *lp_manifest_words(const char *const *word, uint32_t n) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < n; i++) json_array_append_new(all, json_string(word[i]));
  return all;
}

/* {"lp.cost": "sqrt", ...}: the values that an arm of a sweep has. */
static json_t *cell_json(const lp_experiment *x, const lp_arm *arm) {
  json_t *all = json_object();
  for (uint32_t i = 0; i < x->n_axes; i++)
    if (arm->cell[i] >= 0)
      json_object_set_new(all, x->axes[i].key, json_string(x->axes[i].value[arm->cell[i]]));
  return all;
}

json_t *lp_manifest_arm(const lp_experiment *x, const lp_arm *arm) {
  json_t *sites = json_equal(arm->sites, x->arms[0].sites) ? NULL : json_incref(arm->sites);
  json_t *o = json_pack("{s:s, s:s, s:s*, s:I, s:o*, s:O, s:o}", "name", arm->name, "layer",
                        arm->layer, "set", arm->set, "parameters", (json_int_t)arm->parameters,
                        "sites", sites, "priors", arm->made, "constants", lp_constants_json(arm));
  if (o && arm->base)
    json_object_update_new(o,
                           json_pack("{s:s, s:o, s:s}", "base", arm->base, "cell",
                                     cell_json(x, arm), "reference", x->arms[arm->reference].name));
  return o;
}

/* [{"key": "lp.cost", "label": "cost", "values": ["linear", "sqrt"]}, ...] */
json_t *lp_manifest_sweep(const lp_experiment *x) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < x->n_axes; i++) {
    const lp_axis *axis = &x->axes[i];
    json_array_append_new(
        all, json_pack("{s:s, s:s, s:o}", "key", axis->key, "label", axis->label, "values",
                       lp_manifest_words((const char *const *)axis->value, axis->n_values)));
  }
  return all;
}

static json_t *arms_json(const lp_experiment *x) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < x->n_arms; i++)
    json_array_append_new(all, lp_manifest_arm(x, &x->arms[i]));
  return all;
}

json_t *lp_manifest_seeds(const lp_experiment *x) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < x->info.n_seeds; i++)
    json_array_append_new(all, json_integer((json_int_t)x->seeds[i]));
  return all;
}

void lp_manifest_now(char out[32]) {
  time_t t = time(NULL);
  struct tm utc;
  strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &utc));
}

static json_t *classes_json(const lp_dataset_info *d) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < d->classes; i++)
    json_array_append_new(all, json_string(d->class_names[i]));
  return all;
}

/* Files of both splits, each once. */
static json_t *files_json(const lp_experiment *x) {
  json_t *all = json_array();
  const lp_dataset_info *split[2] = {x->info.train, x->info.test};
  for (int k = 0; k < 2; k++)
    for (uint32_t i = 0; i < split[k]->n_files; i++) {
      bool seen = false;
      size_t j;
      json_t *other;
      json_array_foreach(all, j, other) {
        const char *name = json_string_value(json_object_get(other, "file"));
        seen = seen || (name && strcmp(name, split[k]->file[i]) == 0);
      }
      if (!seen)
        json_array_append_new(
            all, json_pack("{s:s, s:s}", "file", split[k]->file[i], "sha256", split[k]->sha256[i]));
    }
  return all;
}

/* Is `old` the text of the note but for the number of broken images, and which number has it? */
static bool counted_before(const char *old, const lp_data_note *note, uint64_t *number) {
  char now[24];
  if (!note->broken) return false;
  snprintf(now, sizeof now, ": %" PRIu32 " of ", note->broken);
  const char *at = NULL; /* a folder may be called so, too: the last */
  for (const char *p = note->text; (p = strstr(p, now)); p++) at = p;
  if (!at) return false;
  const size_t before = (size_t)(at - note->text) + 2;
  if (strncmp(old, note->text, before) != 0) return false;
  const char *end = old + before;
  return lp_digits(&end, UINT64_MAX, number) && strcmp(end, at + strlen(now) - strlen(" of ")) == 0;
}

/* Adds the note, or puts it in the place of one with a smaller count: what goes on reads only a
 * part of the images again. Returns whether anything changed. */
static bool add_note(json_t *all, const lp_data_note *note) {
  size_t i;
  json_t *other;
  json_array_foreach(all, i, other) {
    const char *old = json_string_value(other);
    uint64_t number;
    if (!old) continue;
    if (strcmp(old, note->text) == 0) return false;
    if (!counted_before(old, note, &number)) continue;
    if (number >= note->broken) return false;
    json_array_set_new(all, i, json_string(note->text));
    return true;
  }
  json_array_append_new(all, json_string(note->text));
  return true;
}

/* Texts of the notes that are warnings, or that are none. */
static json_t *notes_json(const lp_experiment *x, bool warnings) {
  json_t *all = json_array();
  const lp_data_note *note;
  for (uint32_t i = 0; (note = lp_experiment_note(x, i)); i++)
    if (note->warning == warnings) json_array_append_new(all, json_string(note->text));
  return all;
}

static json_t *modules_json(void) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < lp_module_count(); i++) {
    const lp_module_info *m = lp_module_get(i);
    json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "file", m->file, "name",
                                         m->name, "version", m->version, "refused", m->refused,
                                         "rejected", m->rejected));
  }
  return all;
}

/* The processor's name as the kernel gives it, "" where it does not. */
static void cpu_model(char *out, size_t cap) {
  out[0] = '\0';
  FILE *in = fopen("/proc/cpuinfo", "r");
  char line[512];
  while (in && fgets(line, sizeof line, in)) {
    char *colon = strchr(line, ':');
    if (!colon || (strncmp(line, "model name", 10) != 0 && strncmp(line, "Model", 5) != 0))
      continue;
    snprintf(out, cap, "%s", colon + 1 + strspn(colon + 1, " \t"));
    out[strcspn(out, "\n")] = '\0';
    break;
  }
  if (in) fclose(in);
}

static json_t *manifest_json(const lp_experiment *x, const char *const *command,
                             uint32_t n_command) {
  char created[32], cpu[256];
  lp_manifest_now(created);
  cpu_model(cpu, sizeof cpu);
  const lp_settings *s = x->settings;
  const lp_dataset_info *d = x->info.train;
  json_t *root = json_pack(
      "{s:i, s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:s, s:o, s:I, s:I, s:s, s:O, s:s*, s:o, s:s}",
      "schema", LP_RUN_SCHEMA, "program", "locality", "version", LP_VERSION, "created", created,
      "command", lp_manifest_words(command, n_command), "title", lp_setting_text(s, "title"),
      "preset", x->preset, "options", lp_manifest_settings(s), "arms", arms_json(x), "reference",
      x->info.reference, "seeds", lp_manifest_seeds(x), "epochs",
      (json_int_t)lp_setting_int(s, "epochs"), "batch", (json_int_t)lp_setting_int(s, "batch"),
      "model", lp_setting_text(s, "model"), "sites", x->arms[0].sites, "headline", x->info.headline,
      "classes", classes_json(d), "precision", x->precision);
  json_t *data =
      json_pack("{s:s, s:s, s:I, s:I, s:o, s:s, s:o, s:o}", "name", d->name, "source", d->source,
                "train", (json_int_t)d->count, "test", (json_int_t)x->info.test->count, "files",
                files_json(x), "hashed", d->hashed ? d->hashed : "content", "warnings",
                notes_json(x, true), "notes", notes_json(x, false));
  json_t *device =
      json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", x->device_info.id, "spec", x->device, "kernels",
                x->kernels, "name", x->device_info.name, "driver", x->device_info.driver);
  json_t *plan, *published, *superclasses = NULL;
  bool checked = lp_plan_make(x, &plan) == LP_OK && lp_published_make(x, &published) == LP_OK &&
                 lp_superclasses_make(x, &superclasses) == LP_OK;
  json_t *rest = checked ? json_pack("{s:o, s:o*, s:o, s:s, s:o, s:i, s:o}", "plan", plan,
                                     "published", published, "data", data, "cpu", cpu, "device",
                                     device, "jobs", (int)x->info.jobs, "modules", modules_json())
                         : NULL;
  if (!root || !rest || json_object_update(root, rest) != 0) {
    json_decref(root);
    root = NULL;
  }
  json_decref(rest);
  if (root && superclasses) json_object_set(root, "superclasses", superclasses);
  json_decref(superclasses);
  if (root && x->match) json_object_set(root, "match", x->match);
  if (root && x->n_axes) json_object_set_new(root, "sweep", lp_manifest_sweep(x));
  return root;
}

lp_status lp_manifest_write(const lp_experiment *x, const char *dir, const char *const *command,
                            uint32_t n_command) {
  json_t *root = manifest_json(x, command, n_command);
  char *text = root ? lp_json_text(root, JSON_INDENT(2)) : NULL;
  json_decref(root);
  lp_status status =
      text ? lp_run_folder_create(dir, text, strlen(text))
           : lp_fail(LP_ERR_FORMAT,
                     "%s: a name or path is not UTF-8 text, so " LP_RUN_MANIFEST " cannot hold it",
                     dir);
  free(text);
  return status;
}

lp_status lp_manifest_replace(const lp_experiment *x, const json_t *root) {
  char *path = lp_path_join(x->dir, LP_RUN_MANIFEST);
  char *text = lp_json_text(root, JSON_INDENT(2));
  lp_status status = path && text ? lp_write_file(path, text, strlen(text))
                                  : lp_fail(LP_ERR_MEMORY, "%s: out of memory", x->dir);
  free(text);
  free(path);
  return status;
}

lp_status lp_manifest_add_warnings(const lp_experiment *x) {
  char *path = lp_path_join(x->dir, LP_RUN_MANIFEST);
  json_t *root = path ? json_load_file(path, 0, NULL) : NULL;
  json_t *data = json_object_get(root, "data"), *all = json_object_get(data, "warnings");
  if (data && !all) json_object_set_new(data, "warnings", all = json_array());
  bool changed = false;
  const lp_data_note *note;
  for (uint32_t i = 0; all && (note = lp_experiment_note(x, i)); i++)
    if (note->warning) changed |= add_note(all, note);
  lp_status status = changed ? lp_manifest_replace(x, root) : LP_OK;
  json_decref(root);
  free(path);
  return status;
}

/* ---- reading ------------------------------------------------------------------------------- */

static lp_status assign_json(lp_settings *s, const char *name, const json_t *value) {
  char text[64];
  if (json_is_string(value)) return lp_settings_set(s, name, json_string_value(value));
  if (json_is_integer(value))
    snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
  else if (json_is_real(value))
    snprintf(text, sizeof text, "%.17g", json_real_value(value));
  else if (json_is_boolean(value))
    snprintf(text, sizeof text, "%s", json_is_true(value) ? "true" : "false");
  else
    return lp_fail(LP_ERR_FORMAT, "%s: neither a text nor a number", name);
  return lp_settings_set(s, name, text);
}

lp_status lp_manifest_read(const lp_run_folder *folder, lp_settings *s, char **preset) {
  const json_t *options = json_object_get(folder->manifest, "options");
  *preset = strdup(folder->preset);
  if (!*preset) return lp_fail(LP_ERR_MEMORY, "out of memory");
  const lp_option *option;
  lp_status status = LP_OK;
  for (uint32_t i = 0; (option = lp_option_get(i)) && status == LP_OK; i++) {
    const json_t *value = json_object_get(options, option->name);
    /* a folder that is older than an option was made with its default */
    if (option->use & LP_USE_EXPERIMENT && value) status = assign_json(s, option->name, value);
  }
  return status == LP_OK ? LP_OK : lp_fail_in(status, "%s/" LP_RUN_MANIFEST, folder->dir);
}

/* Folders that are older than `kernels` have them at the end of the device's name: "AMD EPYC, 2
 * threads, AVX-512". */
static bool ends_with(const char *name, const char *kernels) {
  const size_t n = strlen(name), k = strlen(kernels);
  return k && n >= k && strcmp(name + n - k, kernels) == 0;
}

lp_status lp_manifest_check_device(const lp_run_folder *folder, const lp_experiment *x) {
  const json_t *then = json_object_get(folder->manifest, "device");
  const char *name = json_string_value(json_object_get(then, "name"));
  const char *kernels = json_string_value(json_object_get(then, "kernels"));
  const char *driver = json_string_value(json_object_get(then, "driver"));
  const lp_device_info *now = &x->device_info;
  if (!name) return LP_OK;
  const char *old = kernels ? kernels : name, *new = x->kernels;
  bool same = kernels ? strcmp(kernels, new) == 0 : ends_with(name, new);
  if (same && (!driver || strcmp(driver, now->driver) == 0)) return LP_OK;
  return lp_fail(
      LP_ERR_ARG,
      "%s was begun on %s%s%s and would go on on %s%s%s: the networks would not be those "
      "of one device to the bit; go on where it was begun, or begin anew",
      folder->dir, old, driver && *driver ? ", driver " : "", driver ? driver : "", new,
      *now->driver ? ", driver " : "", now->driver);
}

lp_status lp_manifest_check_data(const lp_run_folder *folder, const lp_experiment *x) {
  const json_t *then = json_object_get(json_object_get(folder->manifest, "data"), "files");
  json_t *now = files_json(x), *a;
  lp_status status = LP_OK;
  size_t i;
  json_array_foreach(now, i, a) {
    const json_t *b = json_array_get(then, i);
    const char *old = json_string_value(json_object_get(b, "sha256"));
    const char *new = json_string_value(json_object_get(a, "sha256"));
    if (old && new &&strcmp(old, new) == 0) continue;
    status = lp_fail(LP_ERR_ARG, "%s: %s is no longer the file it was when %s began",
                     lp_setting_text(x->settings, "data"),
                     json_string_value(json_object_get(a, "file")), folder->dir);
    break;
  }
  json_decref(now);
  return status;
}
