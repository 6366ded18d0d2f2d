/* Checkpoints (everything a run needs to go on) and model files (what a network is). */
#include "train_internal.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <locality/io.h>
#include <locality/registry.h>

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A growing list of metadata pairs. */
typedef struct lp_meta {
  const char *key[24];
  char *value[24];
  uint32_t n;
  bool full; /* a key found no room */
} lp_meta;

static void meta_free(lp_meta *m) {
  for (uint32_t i = 0; i < m->n; i++) free(m->value[i]);
}

/* Takes ownership of value; NULL, when memory was exhausted, fails the saving. */
static void meta_take(lp_meta *m, const char *key, char *value) {
  m->full = m->full || m->n == sizeof m->key / sizeof *m->key;
  if (m->full) {
    free(value);
    return;
  }
  m->key[m->n] = key;
  m->value[m->n++] = value;
}

static void meta_add(lp_meta *m, const char *key, const char *fmt, ...) LP_PRINTF(3, 4);
static void meta_add(lp_meta *m, const char *key, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char *value = NULL;
  if (vasprintf(&value, fmt, ap) < 0) value = NULL;
  va_end(ap);
  meta_take(m, key, value);
}

/* Does the file have the tensor sparse? Nothing of one that has become 0 is left to be written so.
 */
static bool stays_sparse(const lp_safetensors *from, const lp_tensor_view *v) {
  char name[400];
  bool some = false;
  snprintf(name, sizeof name, "%s.values", v->name);
  for (int64_t k = 0; k < lp_numel(&v->desc) && !some; k++) some = ((const float *)v->data)[k] != 0;
  return some && lp_safetensors_find(from, name);
}

/* Replaces a variable's tensor, which is the last of *n, by its parts where some of its elements
 * exist only, or where the file `from` (or NULL) of the same network has it so. */
static lp_status make_sparse(lp_trainer *t, uint32_t var, const lp_safetensors *from,
                             lp_tensor_view *v, uint32_t *n) {
  const lp_mask *mask = lp_mask_find(t, v->name);
  const char *rows, *columns;
  uint32_t n_in;
  const bool wires = lp_session_wires(t->session, var, &rows, &columns, &n_in),
             kept = !mask && !wires && from && stays_sparse(from, v);
  if (!mask && !wires && !kept) return LP_OK;
  lp_elements e;
  lp_status status = lp_elements_of(t->session, var, &v->desc, &e);
  if (status != LP_OK) return status;
  const lp_tensor_view whole = *v; /* its values tell what is kept: the rest is 0 */
  const float *keep = mask ? mask->keep : kept ? whole.data : NULL;
  status = lp_sparse_pack(whole.name, &e, whole.data, keep, v);
  *n += LP_SPARSE_PARTS - 1;
  free((void *)whole.name);
  free((void *)whole.data);
  lp_elements_free(&e);
  return status;
}

/* Writes the session's variables that `wanted` accepts; from: the file that they were read from, or
 * NULL. */
static lp_status save_vars(lp_trainer *t, const char *path, lp_meta *meta,
                           const lp_safetensors *from,
                           bool (*wanted)(lp_var_kind kind, lp_role role)) {
  lp_session *s = t->session;
  uint32_t count = lp_session_var_count(s), n = 0;
  lp_tensor_view *view = calloc(LP_SPARSE_PARTS * ((size_t)count + 1), sizeof *view);
  lp_status status = view ? LP_OK : lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
  if (status == LP_OK && meta->full)
    status = lp_fail(LP_ERR_MEMORY, "%s: more metadata than there is room for", path);
  for (uint32_t i = 0; i < meta->n && status == LP_OK; i++)
    if (!meta->value[i]) status = lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
  for (uint32_t i = 0; i < count && status == LP_OK; i++) {
    lp_var_kind kind;
    lp_tensor_view *v = &view[n];
    status = lp_session_var(s, i, &v->name, &kind, &v->desc);
    if (status != LP_OK || !wanted(kind, lp_session_role(s, i))) continue;
    size_t bytes = lp_nbytes(&v->desc);
    void *data = malloc(bytes + 1);
    v->data = data;
    v->name = strdup(v->name);
    n++;
    status = data && v->name ? lp_session_read(s, v->name, data, bytes)
                             : lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
    if (status == LP_OK) status = make_sparse(t, i, from, v, &n);
  }
  if (status == LP_OK)
    status =
        lp_safetensors_write(path, view, n, meta->key, (const char *const *)meta->value, meta->n);
  for (uint32_t i = 0; i < n; i++) {
    free((void *)view[i].name);
    free((void *)view[i].data);
  }
  free(view);
  meta_free(meta);
  return status;
}

/* A variable that is the weights of a pattern, or that the file has sparse; whole: the file's
 * tensor of its name, or NULL. *found: tensors of the file that this took. */
static lp_status load_sparse(lp_trainer *t, const lp_safetensors *f, const char *path, uint32_t var,
                             const char *name, const lp_desc *desc, const lp_tensor_view *whole,
                             uint32_t *found) {
  lp_session *s = t->session;
  lp_elements e;
  lp_status status = lp_elements_of(s, var, desc, &e);
  float *data = status == LP_OK ? malloc(lp_nbytes(desc) + 1) : NULL;
  if (status == LP_OK && !data) status = lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
  const lp_desc matrix = lp_f32((int64_t)e.n_rows, (int64_t)e.n_columns);
  if (status == LP_OK && whole && lp_desc_equal(&whole->desc, &matrix))
    lp_sparse_gather(&e, whole->data, data);
  else if (status == LP_OK && whole)
    status =
        lp_fail(LP_ERR_FORMAT, "%s: %s has another shape; it is of another network", path, name);
  else if (status == LP_OK)
    status = lp_sparse_unpack(f, path, name, &e, lp_mask_find(t, name) != NULL, data);
  if (status == LP_ERR_NOT_FOUND)
    status = lp_fail(LP_ERR_FORMAT, "%s: %s is missing; it is of another network", path, name);
  *found += whole ? 1 : LP_SPARSE_PARTS;
  if (status == LP_OK) {
    status = lp_session_write(s, name, data, lp_nbytes(desc));
    if (status != LP_OK) lp_fail_in(status, "%s", path);
  }
  free(data);
  lp_elements_free(&e);
  return status;
}

/* Writes the tensors of a file into the variables of the same names. All variables that `wanted`
 * accepts must be there; tensors of the file without a variable are an error too. */
static lp_status load_vars(lp_trainer *t, const lp_safetensors *f, const char *path,
                           bool (*wanted)(lp_var_kind kind, lp_role role)) {
  lp_session *s = t->session;
  uint32_t found = 0;
  for (uint32_t i = 0; i < lp_session_var_count(s); i++) {
    const char *name;
    lp_var_kind kind;
    lp_desc desc;
    lp_status status = lp_session_var(s, i, &name, &kind, &desc);
    if (status != LP_OK) return status;
    if (!wanted(kind, lp_session_role(s, i))) continue;
    const lp_tensor_view *v = lp_safetensors_find(f, name);
    const char *rows, *columns;
    uint32_t n_in;
    if (!v || lp_session_wires(s, i, &rows, &columns, &n_in)) {
      status = load_sparse(t, f, path, i, name, &desc, v, &found);
      if (status != LP_OK) return status;
      continue;
    }
    if (!lp_desc_equal(&v->desc, &desc))
      return lp_fail(LP_ERR_FORMAT, "%s: %s has another shape; it is of another network", path,
                     name);
    status = lp_session_write(s, name, v->data, lp_nbytes(&desc));
    if (status != LP_OK) return lp_fail_in(status, "%s", path);
    found++;
  }
  if (found != lp_safetensors_count(f))
    return lp_fail(LP_ERR_FORMAT, "%s: %u tensors, the network has %u; it is of another network",
                   path, lp_safetensors_count(f), found);
  return LP_OK;
}

/* ---- checkpoints --------------------------------------------------------------------------- */

#define CHECKPOINT_FORMAT "locality checkpoint 2"

/* SHA-256 of the hashes of all files: moving the data changes nothing, another content does. */
static lp_status content_of(const lp_dataset_info *d, char hex[65]) {
  char *all = malloc((size_t)d->n_files * 64 + 1);
  if (!all) return lp_fail(LP_ERR_MEMORY, "training: out of memory");
  for (uint32_t i = 0; i < d->n_files; i++) memcpy(all + 64 * (size_t)i, d->sha256[i], 64);
  lp_status status = lp_sha256(all, (size_t)d->n_files * 64, hex);
  free(all);
  return status;
}

/* What is left, the constants, stands beside it: lp_trainer_priors. */
char *lp_train_fingerprint(const lp_trainer *t) {
  LP_POINT_NUMBERS;
  const lp_dataset_info *d = t->train ? lp_dataset_get_info(t->train) : NULL;
  char content[65] = "", network[65], *text = NULL;
  const char *layers = lp_netspec_text(t->network);
  if (d && content_of(d, content) != LP_OK) return NULL;
  if (lp_sha256(layers, strlen(layers), network) != LP_OK) return NULL;
  const lp_net_spec *net = &t->spec.net;
  const float *mean = net->pixels.mean, *sd = net->pixels.sd;
  char *bits = lp_settings_bits(t->settings), *pruned = lp_masks_text(t);
  int n =
      !bits || !pruned
          ? -1
          : asprintf(&text,
                     "network=%s classes=%u input=%ux%ux%u scale=%.9g mean=%.9g,%.9g,%.9g,%.9g "
                     "sd=%.9g,%.9g,%.9g,%.9g samples=%u data=%s images=(%s) precision=%s %s%s",
                     network, net->classes, net->in_channels, net->in_h, net->in_w,
                     (double)net->pixels.scale, (double)mean[0], (double)mean[1], (double)mean[2],
                     (double)mean[3], (double)sd[0], (double)sd[1], (double)sd[2], (double)sd[3],
                     t->n_train, content, d && d->transform ? d->transform : "",
                     lp_device_precision(lp_session_handle(t->session)), bits, pruned);
  free(bits);
  free(pruned);
  return n < 0 ? NULL : text;
}

static bool is_variable(lp_var_kind kind, lp_role role) {
  return kind != LP_VAR_CONSTANT && role != LP_ROLE_SCRATCH;
}

lp_status lp_checkpoint_save(lp_trainer *t, const char *path) {
  LP_POINT_NUMBERS;
  lp_meta meta = {0};
  meta_add(&meta, "format", CHECKPOINT_FORMAT);
  meta_add(&meta, "epoch", "%u", t->epoch);
  meta_add(&meta, "step", "%u", t->step);
  meta_add(&meta, "iteration", "%" PRIu64, t->iteration);
  meta_add(&meta, "seconds", "%.9g", t->spent);
  meta_take(&meta, "training", lp_train_fingerprint(t));
  meta_add(&meta, "priors", "%s", lp_trainer_priors(t));
  return save_vars(t, path, &meta, NULL, is_variable);
}

static lp_status parse_u64(const lp_safetensors *f, const char *path, const char *key,
                           uint64_t *out) {
  const char *text = lp_safetensors_meta(f, key);
  *out = 0;
  return text && lp_whole(text, 0, UINT64_MAX, out)
             ? LP_OK
             : lp_fail(LP_ERR_FORMAT, "%s: metadata '%s' is missing or not a number", path, key);
}

/* Files of 0.1 do not tell their priors, and are taken as they are. */
static lp_status check_priors(const lp_trainer *t, const lp_safetensors *f, const char *path) {
  const char *then = lp_safetensors_meta(f, "priors");
  lp_status status = then ? lp_priors_compare(then, lp_trainer_priors(t), t->network, NULL) : LP_OK;
  return status == LP_OK ? LP_OK : lp_fail_in(status, "%s", path);
}

static lp_status restore(lp_trainer *t, const lp_safetensors *f, const char *path) {
  const char *format = lp_safetensors_meta(f, "format"),
             *other = lp_safetensors_meta(f, "training");
  if (format && strcmp(format, "locality checkpoint 1") == 0)
    return lp_fail(LP_ERR_FORMAT,
                   "%s: an earlier version wrote it, and training cannot go on from it to the bit; "
                   "remove it, and its network is trained from the start",
                   path);
  if (!format || strcmp(format, CHECKPOINT_FORMAT) != 0)
    return lp_fail(LP_ERR_FORMAT, "%s: not a checkpoint of this program: metadata 'format' is %s",
                   path, format ? format : "missing");
  if (!other) return lp_fail(LP_ERR_FORMAT, "%s: metadata 'training' is missing", path);
  char *mine = lp_train_fingerprint(t);
  if (!mine) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
  bool same = strcmp(mine, other) == 0;
  free(mine);
  if (!same)
    return lp_fail(LP_ERR_ARG, "%s: belongs to a training with other settings (%s)", path, other);
  uint64_t epoch, step, iteration;
  /* Seconds of the steps before, which those of 0.1 do not tell. */
  const char *seconds = lp_safetensors_meta(f, "seconds");
  char *end = NULL;
  const double spent = seconds ? strtod(seconds, &end) : 0;
  if (seconds && (end == seconds || *end || !(spent >= 0) || isinf(spent)))
    return lp_fail(LP_ERR_FORMAT, "%s: metadata 'seconds' is '%.60s', not a number", path, seconds);
  lp_status status = check_priors(t, f, path);
  if (status == LP_OK) status = parse_u64(f, path, "epoch", &epoch);
  if (status == LP_OK) status = parse_u64(f, path, "step", &step);
  if (status == LP_OK) status = parse_u64(f, path, "iteration", &iteration);
  if (status == LP_OK && (step >= t->steps || iteration != epoch * t->steps + step))
    status = lp_fail(LP_ERR_FORMAT, "%s: position %" PRIu64 "/%" PRIu64 " is not of this data",
                     path, epoch, step);
  if (status == LP_OK) status = load_vars(t, f, path, is_variable);
  if (status != LP_OK) return status;
  t->epoch = (uint32_t)epoch;
  t->step = (uint32_t)step;
  t->iteration = iteration;
  t->delivered = 0;
  t->spent = spent;
  return LP_OK;
}

lp_status lp_checkpoint_load(lp_trainer *t, const char *path) {
  LP_POINT_NUMBERS;
  lp_safetensors *f;
  lp_status status = lp_safetensors_read(path, &f);
  if (status == LP_ERR_FORMAT) { /* no crash of ours leaves one: they appear whole */
    char why[512];
    snprintf(why, sizeof why, "%s", lp_error_message());
    return lp_fail(status, "%s; remove this file, and the network is trained from its start", why);
  }
  if (status != LP_OK) return status;
  status = restore(t, f, path);
  lp_safetensors_free(f);
  return status;
}

/* ---- model files --------------------------------------------------------------------------- */

struct lp_model {
  lp_safetensors *file;
  char *path;
  lp_netspec *network; /* of a file of format 2 */
  lp_net_spec spec;    /* strings live in the file's metadata */
  json_t *names;       /* of the classes; NULL: they have none */
  const char **name;
  lp_train_mask *mask; /* n_masks; names are owned, arrays the file's */
  uint32_t n_masks;
};

static bool is_weight(lp_var_kind kind, lp_role role) {
  return kind == LP_VAR_PARAM || (kind == LP_VAR_STATE && role == LP_ROLE_RUNNING);
}

/* Names of the classes as a JSON list: they may hold any character. NULL out of memory. */
static char *names_of(const lp_dataset_info *d) {
  json_t *all = json_array();
  for (uint32_t k = 0; k < d->classes; k++)
    json_array_append_new(all, json_string(d->class_names[k]));
  char *text = json_array_size(all) == d->classes ? json_dumps(all, JSON_COMPACT) : NULL;
  json_decref(all);
  return text;
}

static char *list_of(const float *v, uint32_t n) {
  char *text = NULL;
  int got = n == 4 ? asprintf(&text, "%.9g,%.9g,%.9g,%.9g", (double)v[0], (double)v[1],
                              (double)v[2], (double)v[3])
                   : -1;
  return got < 0 ? NULL : text;
}

lp_status lp_model_save(lp_trainer *t, const char *path) {
  LP_POINT_NUMBERS;
  const lp_net_spec *s = &t->spec.net;
  const char *layer = lp_netspec_layer(t->network, "lp"); /* under study, as in the presets */
  lp_meta meta = {0};
  meta_add(&meta, "format", "locality model 2");
  meta_add(&meta, "model", "%s", lp_netspec_name(t->network));
  if (layer) meta_add(&meta, "layer", "%s", layer);
  meta_add(&meta, "network", "%s", lp_netspec_text(t->network));
  meta_add(&meta, "classes", "%u", s->classes);
  meta_add(&meta, "channels", "%u", s->in_channels);
  meta_add(&meta, "height", "%u", s->in_h);
  meta_add(&meta, "width", "%u", s->in_w);
  meta_add(&meta, "pixel_scale", "%.9g", (double)s->pixels.scale);
  meta_take(&meta, "pixel_mean", list_of(s->pixels.mean, 4));
  meta_take(&meta, "pixel_sd", list_of(s->pixels.sd, 4));
  meta_add(&meta, "data", "%s", t->train ? lp_dataset_get_info(t->train)->name : "");
  const lp_dataset_info *data = t->train ? lp_dataset_get_info(t->train) : NULL;
  if (data && !data->numbered) {
    meta_take(&meta, "class_names", names_of(data));
  }
  meta_add(&meta, "seed", "%" PRIu64, t->seed);
  meta_add(&meta, "epochs", "%u", t->epoch);
  meta_add(&meta, "precision", "%s", lp_device_precision(lp_session_handle(t->session)));
  meta_add(&meta, "priors", "%s", lp_trainer_priors(t));
  return save_vars(t, path, &meta, NULL, is_weight);
}

static lp_status read_spec(lp_model *m) {
  const lp_safetensors *f = m->file;
  const char *format = lp_safetensors_meta(f, "format");
  bool first = format && strcmp(format, "locality model 1") == 0; /* of version 0.1 */
  if (!first && (!format || strcmp(format, "locality model 2") != 0))
    return lp_fail(LP_ERR_FORMAT, "%s: not a model file of this program: metadata 'format' is %s",
                   m->path, format ? format : "missing");
  m->spec.model = lp_safetensors_meta(f, "model");
  m->spec.layer = lp_safetensors_meta(f, "layer");
  const char *mean = lp_safetensors_meta(f, "pixel_mean"), *sd = lp_safetensors_meta(f, "pixel_sd");
  const char *scale = lp_safetensors_meta(f, "pixel_scale");
  float *a = m->spec.pixels.mean, *b = m->spec.pixels.sd;
  const char *network = lp_safetensors_meta(f, "network");
  const struct {
    const char *key, *text;
  } needed[] = {{"model", m->spec.model},
                {first ? "layer" : "network", first ? m->spec.layer : network},
                {"pixel_scale", scale},
                {"pixel_mean", mean},
                {"pixel_sd", sd}};
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (!needed[i].text)
      return lp_fail(LP_ERR_FORMAT, "%s: metadata '%s' is missing", m->path, needed[i].key);
  const bool read[] = {sscanf(scale, "%f", &m->spec.pixels.scale) == 1,
                       sscanf(mean, "%f,%f,%f,%f", &a[0], &a[1], &a[2], &a[3]) == 4,
                       sscanf(sd, "%f,%f,%f,%f", &b[0], &b[1], &b[2], &b[3]) == 4};
  for (size_t i = 0; i < sizeof read / sizeof *read; i++)
    if (!read[i])
      return lp_fail(LP_ERR_FORMAT, "%s: metadata '%s' is '%.60s', not %s", m->path,
                     needed[2 + i].key, needed[2 + i].text, i ? "four numbers" : "a number");
  const struct {
    const char *key;
    uint32_t *value;
  } number[] = {{"classes", &m->spec.classes}, {"channels", &m->spec.in_channels},
                {"height", &m->spec.in_h},     {"width", &m->spec.in_w},
                {"rows", &m->spec.sheet[0]},   {"columns", &m->spec.sheet[1]}};
  for (size_t i = 0; i < (first ? 6 : 4); i++) { /* a network's text has its sheets */
    uint64_t v;
    lp_status status = parse_u64(f, m->path, number[i].key, &v);
    if (status == LP_OK && (v < 1 || v > 1u << 20))
      status = lp_fail(LP_ERR_FORMAT, "%s: metadata '%s' is out of range", m->path, number[i].key);
    if (status != LP_OK) return status;
    *number[i].value = (uint32_t)v;
  }
  m->spec.pixels.channels = m->spec.in_channels;
  if (first) m->spec.dropout = m->spec.dropout2d = -1;
  if (!first) {
    char where[4200];
    snprintf(where, sizeof where, "%s: network", m->path);
    lp_status status = lp_netspec_parse(network, where, &m->network);
    if (status != LP_OK) return status;
    m->spec.network = m->network;
  }
  return lp_safetensors_meta(f, "seed") ? parse_u64(f, m->path, "seed", &m->spec.seed) : LP_OK;
}

static lp_status read_names(lp_model *m) {
  const char *text = lp_safetensors_meta(m->file, "class_names");
  if (!text) return LP_OK;
  m->names = json_loads(text, 0, NULL);
  m->name = calloc(m->spec.classes, sizeof *m->name);
  bool good = m->names && m->name && json_array_size(m->names) == m->spec.classes;
  for (uint32_t k = 0; good && k < m->spec.classes; k++)
    good = (m->name[k] = json_string_value(json_array_get(m->names, k))) != NULL;
  return good ? LP_OK
              : lp_fail(LP_ERR_FORMAT, "%s: metadata 'class_names' is not a list of %u names",
                        m->path, m->spec.classes);
}

/* What a pruned network's file has sparse. */
static lp_status read_masks(lp_model *m) {
  const uint32_t n = lp_safetensors_count(m->file);
  static const char end[] = ".values";
  if (!lp_safetensors_meta(m->file, "pruned")) return LP_OK;
  m->mask = calloc(n + 1, sizeof *m->mask);
  if (!m->mask) return lp_fail(LP_ERR_MEMORY, "%s: out of memory", m->path);
  lp_status status = LP_OK;
  for (uint32_t i = 0; status == LP_OK && i < n; i++) {
    const char *name = lp_safetensors_get(m->file, i)->name;
    const size_t len = strlen(name), cut = sizeof end - 1;
    if (len <= cut || strcmp(name + len - cut, end) != 0) continue;
    char *stem = strndup(name, len - cut);
    bool found = false;
    status = stem ? lp_sparse_mask(m->file, m->path, stem, &m->mask[m->n_masks], &found)
                  : lp_fail(LP_ERR_MEMORY, "%s: out of memory", m->path);
    if (status == LP_OK && found)
      m->n_masks++;
    else
      free(stem);
  }
  return status;
}

uint32_t lp_model_masks(const lp_model *m, const lp_train_mask **out) {
  *out = m->mask;
  return m->n_masks;
}

const char *const *lp_model_class_names(const lp_model *m) {
  return m->name;
}

const char *lp_model_data(const lp_model *m) {
  const char *name = lp_safetensors_meta(m->file, "data");
  return name && *name ? name : NULL;
}

lp_status lp_model_open_data(const lp_model *m, const char *spec, lp_split split,
                             lp_dataset **out) {
  const lp_net_spec *net = &m->spec;
  lp_image_defaults usual = {0};
  *out = NULL;
  lp_status status = LP_OK;
  if (net->network)
    lp_netspec_input(net->network, &usual.size, &usual.resize);
  else
    status = lp_net_input(net->model, &usual.size, &usual.resize);
  if (usual.size != net->in_h) usual = (lp_image_defaults){.size = net->in_h};
  if (status == LP_OK) status = lp_dataset_open_for(spec, split, &usual, out);
  if (status != LP_OK) return status;
  const lp_dataset_info *d = lp_dataset_get_info(*out);
  if (d->channels != net->in_channels || d->height != net->in_h || d->width != net->in_w)
    status =
        lp_fail(LP_ERR_SHAPE, "it takes images of %u x %u x %u, those of %s are %u x %u x %u",
                net->in_channels, net->in_h, net->in_w, d->name, d->channels, d->height, d->width);
  if (status == LP_OK) status = lp_dataset_match(*out, m->name, net->classes);
  const char *trained = lp_model_data(m);
  if (status == LP_OK && split == LP_SPLIT_TEST && trained && strcmp(trained, d->name) == 0)
    status = lp_dataset_note_trained(*out);
  if (status == LP_OK) return status;
  lp_dataset_close(*out);
  *out = NULL;
  return lp_fail_in(status, "%s", m->path);
}

lp_status lp_model_load(const char *path, lp_model **out) {
  LP_POINT_NUMBERS;
  *out = NULL;
  lp_model *m = calloc(1, sizeof *m);
  if (m) m->path = strdup(path);
  if (!m || !m->path) {
    free(m);
    return lp_fail(LP_ERR_MEMORY, "%s: out of memory", path);
  }
  lp_status status = lp_safetensors_read(path, &m->file);
  if (status == LP_OK) status = read_spec(m);
  if (status == LP_OK) status = read_names(m);
  if (status == LP_OK) status = read_masks(m);
  if (status != LP_OK) {
    lp_model_free(m);
    return status;
  }
  *out = m;
  return LP_OK;
}

const lp_net_spec *lp_model_spec(const lp_model *m) {
  return &m->spec;
}

lp_status lp_model_apply(const lp_model *m, lp_trainer *t) {
  LP_POINT_NUMBERS;
  lp_status status = check_priors(t, m->file, m->path);
  if (status == LP_OK) status = load_vars(t, m->file, m->path, is_weight);
  return status == LP_OK ? lp_masks_apply(t) : status;
}

/* m's metadata and one more pair with t's weights. */
static lp_status save_changed(const lp_model *m, lp_trainer *t, const char *how, char *what,
                              const char *path) {
  static const char *const key[] = {
      "format",      "model",  "layer",  "network",     "rows",       "columns",  "classes",
      "channels",    "height", "width",  "pixel_scale", "pixel_mean", "pixel_sd", "data",
      "class_names", "seed",   "epochs", "precision",   "priors",     "pruned",   "placed"};
  lp_meta meta = {0};
  for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
    const char *value = lp_safetensors_meta(m->file, key[i]);
    if (value && strcmp(key[i], how) != 0) meta_add(&meta, key[i], "%s", value);
  }
  meta_take(&meta, how, what);
  return save_vars(t, path, &meta, m->file, is_weight);
}

lp_status lp_model_save_pruned(const lp_model *m, lp_trainer *t, const char *pruned,
                               const char *path) {
  return save_changed(m, t, "pruned", strdup(pruned), path);
}

lp_status lp_model_save_placed(const lp_model *m, lp_trainer *t, const char *item,
                               const char *path) {
  const char *before = lp_safetensors_meta(m->file, "placed");
  char *all;
  const int n = asprintf(&all, "%s%s%s", before ? before : "", before ? "," : "", item);
  return save_changed(m, t, "placed", n < 0 ? NULL : all, path);
}

void lp_model_free(lp_model *m) {
  if (!m) return;
  if (m->file) lp_safetensors_free(m->file);
  lp_netspec_free(m->network);
  json_decref(m->names);
  free(m->name);
  for (uint32_t i = 0; i < m->n_masks; i++) free((char *)m->mask[i].name);
  free(m->mask);
  free(m->path);
  free(m);
}
