/* A network whose activations were made elsewhere joins a run folder, or begins one. */
#include "run_internal.h"

#include "../io/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- what is asked for --------------------------------------------------------------------- */

static bool names_a_file(const char *name) {
  const char *c = name;
  while (*c && (isalnum((unsigned char)*c) || strchr("._=+-", *c))) c++;
  return c > name && !*c;
}

static lp_status check_asked(const lp_run_import *w) {
  if (!names_a_file(w->arm))
    return lp_fail(LP_ERR_ARG,
                   "arm '%s' cannot name files: letters, digits, '.', '_', '=', '+' and '-' serve",
                   w->arm);
  if (w->seed > INT64_MAX)
    return lp_fail(LP_ERR_ARG, "seed %" PRIu64 " is too large: at most %" PRId64, w->seed,
                   INT64_MAX);
  for (uint32_t i = 0; i < w->n_sites; i++) {
    const char *name = w->site[i].name;
    if (!names_a_file(name) || strcmp(name, "labels") == 0)
      return lp_fail(
          LP_ERR_ARG,
          "site '%s': letters, digits, '.', '_', '=', '+' and '-' serve, and 'labels' is "
          "taken",
          name);
    for (uint32_t k = 0; k < i; k++)
      if (strcmp(w->site[k].name, name) == 0)
        return lp_fail(LP_ERR_ARG, "two sites are called '%s'", name);
  }
  return LP_OK;
}

/* ---- the manifest -------------------------------------------------------------------------- */

static json_t *points_json(const lp_run_import_site *s) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < s->units; i++) {
    json_t *place = json_array();
    for (uint32_t k = 0; k < s->ndim; k++)
      json_array_append_new(place, json_real(s->at[(size_t)i * s->ndim + k]));
    json_array_append_new(all, place);
  }
  return all;
}

/* The layer whose units they are has the site's name, as have its weights. */
static json_t *sites_json(const lp_run_import *w) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < w->n_sites; i++) {
    const lp_run_import_site *s = &w->site[i];
    json_t *sheet = s->rows ? json_pack("[I, I]", (json_int_t)s->rows, (json_int_t)s->cols)
                            : json_pack("[I]", (json_int_t)s->units);
    json_array_append_new(all,
                          json_pack("{s:s, s:s, s:o, s:o*}", "name", s->name, "layer", s->name,
                                    "sheet", sheet, "positions", s->rows ? NULL : points_json(s)));
  }
  return all;
}

static json_t *texts(const char *const *text, uint32_t n) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < n; i++) json_array_append_new(all, json_string(text[i]));
  return all;
}

static json_t *new_manifest(const lp_run_import *w, const char *now) {
  static const char *const one[] = {"all"};
  json_t *classes = w->labels ? texts(w->class_name, w->n_classes) : texts(one, 1);
  return json_pack("{s:i, s:s, s:s, s:s, s:o, s:s, s:s, s:[], s:s, s:[], s:o, s:s, s:o, "
                   "s:{s:[s], s:f, s:{}, s:s}, s:{s:s, s:I}, s:[]}",
                   "schema", LP_RUN_SCHEMA, "program", "locality", "version", LP_VERSION, "created",
                   now, "command", texts(w->command, w->n_command), "title", w->title, "preset", "",
                   "arms", "reference", w->arm, "seeds", "sites", sites_json(w), "headline",
                   w->site[w->n_sites - 1].name, "classes", classes, "plan", "primary", w->primary,
                   "alpha", 0.05, "margin", "test", "paired t over seeds", "data", "name",
                   "imported", "test", (json_int_t)w->n, "imported");
}

static json_t *find_arm(const json_t *root, const char *name) {
  size_t i;
  json_t *arm;
  json_array_foreach(json_object_get(root, "arms"), i, arm) {
    if (strcmp(lp_run_text(arm, "name", ""), name) == 0) return arm;
  }
  return NULL;
}

static bool has_seed(const json_t *root, uint64_t seed) {
  size_t i;
  const json_t *v;
  json_array_foreach(json_object_get(root, "seeds"), i, v) {
    if ((uint64_t)json_integer_value(v) == seed) return true;
  }
  return false;
}

/* Adds arm and seed, where they are not there. */
static lp_status add_network(json_t *root, const lp_run_import *w, const char *dir,
                             const char *now) {
  json_t *sites = sites_json(w), *arm = find_arm(root, w->arm);
  const json_t *usual = json_object_get(root, "sites"),
               *theirs = arm ? json_object_get(arm, "sites") : NULL;
  if (arm && !json_equal(theirs ? theirs : usual, sites)) {
    json_decref(sites);
    return lp_fail(LP_ERR_ARG,
                   "%s: the networks of arm '%s' have other sites, or on other sheets: "
                   "all of an arm have the same",
                   dir, w->arm);
  }
  int bad = 0;
  if (!arm)
    bad |= json_array_append_new(json_object_get(root, "arms"),
                                 json_pack("{s:s, s:s, s:O*}", "name", w->arm, "layer", "imported",
                                           "sites", json_equal(usual, sites) ? NULL : sites));
  json_decref(sites);
  if (!has_seed(root, w->seed))
    bad |= json_array_append_new(json_object_get(root, "seeds"), json_integer((json_int_t)w->seed));
  bad |= json_array_append_new(json_object_get(root, "imported"),
                               json_pack("{s:s, s:s, s:I, s:o}", "time", now, "arm", w->arm, "seed",
                                         (json_int_t)w->seed, "command",
                                         texts(w->command, w->n_command)));
  return bad ? lp_run_out_of_memory(dir) : LP_OK;
}

/* ---- what is there ------------------------------------------------------------------------- */

/* The labels of the folder's networks, of any of them; NULL where none has been written. */
static lp_status labels_there(const lp_run_folder *r, lp_run_maps *out) {
  *out = (lp_run_maps){0};
  for (uint32_t i = 0; i < r->n_arms * r->n_seeds; i++) {
    if (strcmp(r->network[i].status, "missing") == 0) continue;
    return lp_run_maps_read(r, LP_RUN_ACTIVATIONS, i / r->n_seeds, i % r->n_seeds, out);
  }
  return LP_OK;
}

/* Do the network's images, by number and class, fit those of the folder? */
static lp_status check_images(const lp_run_folder *r, const lp_run_import *w,
                              const lp_run_maps *there) {
  if (there->n && there->n != w->n)
    return lp_fail(LP_ERR_SHAPE, "%u images; the networks of %s have %u", w->n, r->dir, there->n);
  if (!w->labels)
    return there->n || r->n_classes == 1
               ? LP_OK
               : lp_fail(LP_ERR_ARG, "%s: no network has labels yet: give --labels", r->dir);
  for (uint32_t i = 0; i < there->n; i++) {
    const char *own = w->class_name[w->labels[i]], *theirs = r->class_name[there->labels[i]];
    if (strcmp(own, theirs) != 0)
      return lp_fail(LP_ERR_ARG,
                     "image %u is of class %s; for the networks of %s it is of class %s: all see "
                     "the same images",
                     i, own, r->dir, theirs);
  }
  return LP_OK;
}

static lp_status check_folder(const lp_run_folder *r, const lp_run_import *w,
                              const lp_run_maps *there) {
  if (!r->imported)
    return lp_fail(LP_ERR_ARG,
                   "%s holds networks that were trained there, not imports; import into a folder "
                   "of its own and lay them side by side: locality compare %s DIR",
                   r->dir, r->dir);
  const lp_run_network *same = lp_run_find(r, w->arm, w->seed);
  if (same && strcmp(same->status, "missing") != 0)
    return lp_fail(LP_ERR_ARG, "%s: arm '%s', seed %" PRIu64 " is there already", r->dir, w->arm,
                   w->seed);
  return check_images(r, w, there);
}

/* ---- writing ------------------------------------------------------------------------------- */

static lp_status write_activations(const char *path, const lp_run_import *w,
                                   const int32_t *labels) {
  const char **name = calloc(w->n_sites, sizeof *name);
  uint32_t *units = calloc(2 * (size_t)w->n_sites, sizeof *units), *steps = units + w->n_sites;
  float **maps = calloc(w->n_sites, sizeof *maps);
  lp_status s = name && units && maps ? LP_OK : lp_run_out_of_memory(path);
  for (uint32_t i = 0; s == LP_OK && i < w->n_sites; i++) {
    name[i] = w->site[i].name;
    units[i] = w->site[i].units;
    steps[i] = 1;
    maps[i] = (float *)(uintptr_t)w->site[i].acts;
  }
  if (s == LP_OK) s = lp_run_maps_write(path, name, units, steps, maps, w->n_sites, labels, w->n);
  free(name);
  free(units);
  free(maps);
  return s;
}

/* Tensors have the names that those of a trained model would have. */
static lp_status write_weights(const char *path, const lp_run_import *w) {
  lp_tensor_view *view = calloc(w->n_sites, sizeof *view);
  char(*name)[256] = calloc(w->n_sites, sizeof *name);
  lp_status s = view && name ? LP_OK : lp_run_out_of_memory(path);
  uint32_t n = 0;
  for (uint32_t i = 0; s == LP_OK && i < w->n_sites; i++) {
    const lp_run_import_site *site = &w->site[i];
    if (!site->weights) continue;
    snprintf(name[n], sizeof name[n], "%.240s.weight", site->name);
    view[n] = (lp_tensor_view){name[n], lp_f32(site->units, site->units), site->weights};
    n++;
  }
  const char *key[] = {"format"}, *value[] = {"locality weights 1"};
  if (s == LP_OK && n) s = lp_safetensors_write(path, view, n, key, value, 1);
  free(view);
  free(name);
  return s;
}

static lp_status write_end(const char *dir, const lp_run_import *w) {
  lp_run_metrics *m;
  lp_status s = lp_run_metrics_open(dir, &m);
  if (s != LP_OK) return s;
  s = lp_run_metrics_write(m, json_pack("{s:s, s:s, s:I, s:s}", "event", "end", "arm", w->arm,
                                        "seed", (json_int_t)w->seed, "status", "complete"));
  lp_run_metrics_close(m);
  return s;
}

static lp_status write_manifest(const char *dir, const json_t *root, bool new_folder) {
  char *text = root ? lp_json_text(root, JSON_INDENT(1)) : NULL,
       *path = lp_path_join(dir, LP_RUN_MANIFEST);
  lp_status s = text && path   ? LP_OK
                : root && path ? lp_fail(LP_ERR_ARG, "%s: a name is not UTF-8 text", dir)
                               : lp_run_out_of_memory(dir);
  if (s == LP_OK && new_folder) s = lp_run_folder_create(dir, text, strlen(text));
  if (s == LP_OK && !new_folder) s = lp_write_file(path, text, strlen(text));
  free(text);
  free(path);
  return s;
}

/* Its files, and the line that says that they are whole. */
static lp_status write_network(const char *dir, const lp_run_import *w, const int32_t *labels) {
  char *activations = lp_run_path(dir, LP_RUN_ACTIVATIONS, w->arm, w->seed),
       *weights = lp_run_path(dir, LP_RUN_MODEL, w->arm, w->seed);
  lp_status s = activations && weights ? LP_OK : lp_run_out_of_memory(dir);
  if (s == LP_OK) s = write_activations(activations, w, labels);
  if (s == LP_OK) s = write_weights(weights, w);
  if (s == LP_OK) s = write_end(dir, w);
  if (s != LP_OK && activations) unlink(activations);
  if (s != LP_OK && weights) unlink(weights);
  free(activations);
  free(weights);
  return s;
}

/* The manifest first: a network that it names and whose line is lost counts as missing. */
static lp_status write_all(const char *dir, const lp_run_import *w, const int32_t *labels,
                           const json_t *before, const json_t *root) {
  const bool there = access(dir, F_OK) == 0;
  lp_status s = write_manifest(dir, root, !before);
  if (s != LP_OK) return s;
  s = write_network(dir, w, labels);
  if (s == LP_OK) return s;
  char message[512];
  snprintf(message, sizeof message, "%s", lp_error_message());
  if (before)
    write_manifest(dir, before, false);
  else
    lp_run_folder_undo(dir, there);
  return lp_fail(s, "%s", message);
}

/* r: the folder as it is; NULL: a new one. */
static lp_status import(const char *dir, const lp_run_folder *r, const lp_run_import *w) {
  char now[32];
  time_t t = time(NULL);
  struct tm utc;
  strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &utc));
  lp_run_maps there = {0};
  json_t *root = NULL;
  int32_t *labels = calloc(w->n, sizeof *labels);
  lp_status s = labels ? LP_OK : lp_run_out_of_memory(dir);
  if (s == LP_OK && r) s = labels_there(r, &there);
  if (s == LP_OK && r) s = check_folder(r, w, &there);
  if (s == LP_OK && !(root = r ? json_deep_copy(r->manifest) : new_manifest(w, now)))
    s = lp_fail(LP_ERR_MEMORY, "%s: out of memory, or a name is not UTF-8 text", dir);
  if (s == LP_OK && r && !there.n && w->labels) /* whoever began it was stopped before the end */
    json_object_set_new(root, "classes", texts(w->class_name, w->n_classes));
  if (s == LP_OK) s = add_network(root, w, dir, now);
  if (s == LP_OK && (there.n || w->labels))
    memcpy(labels, there.n ? there.labels : w->labels, sizeof *labels * w->n);
  if (s == LP_OK) s = write_all(dir, w, labels, r ? r->manifest : NULL, root);
  json_decref(root);
  free(labels);
  lp_run_maps_free(&there);
  return s;
}

lp_status lp_run_import_network(const char *dir, const lp_run_import *w) {
  lp_status s = check_asked(w);
  if (s != LP_OK) return s;
  char *manifest = lp_path_join(dir, LP_RUN_MANIFEST);
  if (!manifest) return lp_run_out_of_memory(dir);
  const bool is_run = access(manifest, F_OK) == 0;
  free(manifest);
  if (!is_run) {
    s = lp_run_folder_check(dir);
    if (s == LP_ERR_ARG && *dir)
      s = lp_fail(s, "%s is not empty and holds no imports; take another folder", dir);
    return s == LP_OK ? import(dir, NULL, w) : s;
  }
  int lock;
  lp_run_folder *r;
  s = lp_run_folder_lock(dir, &lock);
  if (s != LP_OK) return s;
  s = lp_run_folder_open(dir, &r);
  if (s == LP_OK) {
    s = import(dir, r, w);
    lp_run_folder_close(r);
  }
  close(lock);
  return s;
}
