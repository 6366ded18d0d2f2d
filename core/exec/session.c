/* Sessions: one device, the variables that live on it, and input buffers. */
#include "exec_internal.h"

#include "../base/numbers.h"

#include <locality/io.h>
#include <locality/registry.h>
#include <locality/rng.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lp_status lp_session_open(const char *device, uint64_t seed, lp_session **out) {
  LP_POINT_NUMBERS;
  *out = NULL;
  lp_status status = lp_registry_load();
  if (status != LP_OK) return status;
  lp_session *s = calloc(1, sizeof *s);
  if (!s) return lp_fail(LP_ERR_MEMORY, "session: out of memory");
  s->seed = seed;
  status = lp_device_open(device, &s->dev);
  if (status == LP_OK) {
    s->ops = lp_device_table(s->dev);
    s->info.struct_size = sizeof s->info;
    status = s->ops->info(s->dev, &s->info);
    if (s->info.alignment == 0) s->info.alignment = 64;
  }
  if (status != LP_OK) {
    lp_session_close(s);
    return status;
  }
  *out = s;
  return LP_OK;
}

static void free_var(lp_var *v) {
  free(v->name);
  free(v->rows);
  free(v->columns);
  free(v->order);
}

void lp_session_close(lp_session *s) {
  if (!s) return;
  if (s->dev) {
    s->ops = lp_device_table(s->dev);
    for (uint32_t i = 0; i < s->n_arenas; i++) s->ops->buf_free(s->dev, s->arena[i]);
    for (uint32_t i = 0; i < s->n_scratch; i++) s->ops->buf_free(s->dev, s->scratch[i]);
    s->ops->close(s->dev);
  }
  for (uint32_t i = 0; i < s->n_vars; i++) free_var(&s->var[i]);
  free(s->var);
  free(s->arena);
  free(s->scratch);
  free(s->scratch_size);
  free(s);
}

const lp_device_info *lp_session_device(const lp_session *s) {
  return &s->info;
}
lp_device *lp_session_handle(const lp_session *s) {
  return s->dev;
}
uint32_t lp_session_var_count(const lp_session *s) {
  return s->n_vars;
}

lp_status lp_session_var(const lp_session *s, uint32_t i, const char **name, lp_var_kind *kind,
                         lp_desc *desc) {
  if (i >= s->n_vars) return lp_fail(LP_ERR_ARG, "session: variable %u of %u", i, s->n_vars);
  *name = s->var[i].name;
  *kind = s->var[i].kind;
  *desc = s->var[i].desc;
  return LP_OK;
}

lp_role lp_session_role(const lp_session *s, uint32_t i) {
  return i < s->n_vars ? s->var[i].role : LP_ROLE_SCRATCH;
}

bool lp_session_wires(const lp_session *s, uint32_t i, const char **rows, const char **columns,
                      uint32_t *n_in) {
  if (i >= s->n_vars || !s->var[i].n_in) return false;
  *rows = s->var[i].rows;
  *columns = s->var[i].columns;
  *n_in = s->var[i].n_in;
  return true;
}

lp_var *lp_session_find(const lp_session *s, const char *name) {
  for (uint32_t i = 0; i < s->n_vars; i++)
    if (strcmp(s->var[i].name, name) == 0) return &s->var[i];
  return NULL;
}

static lp_status find_sized(const lp_session *s, const char *name, size_t n, lp_var **out) {
  *out = lp_session_find(s, name);
  if (!*out) return lp_fail(LP_ERR_NOT_FOUND, "session: no variable is named %s", name);
  if (lp_nbytes(&(*out)->desc) != n)
    return lp_fail(LP_ERR_SHAPE, "session: %s is %s of %zu bytes, not %zu", name,
                   lp_desc_text(&(*out)->desc), lp_nbytes(&(*out)->desc), n);
  return LP_OK;
}

/* The elements of a variable between the order in memory and the one that they are known in. */
static lp_status reorder(const lp_var *v, float *x, bool to_memory) {
  if (!v->order) return LP_OK;
  const size_t n = (size_t)v->desc.dim[v->desc.ndim - 1];
  const float *end = x + lp_numel(&v->desc);
  float *row = malloc(n * sizeof *row);
  if (!row) return lp_fail(LP_ERR_MEMORY, "session: %s: out of memory", v->name);
  for (; x < end; x += n) {
    memcpy(row, x, n * sizeof *row);
    for (size_t i = 0; i < n; i++)
      if (to_memory)
        x[i] = row[v->order[i]];
      else
        x[v->order[i]] = row[i];
  }
  free(row);
  return LP_OK;
}

/* Writes what is in data, and may change the order there. */
static lp_status write_var(lp_session *s, const lp_var *v, void *data) {
  lp_status status = reorder(v, data, true);
  if (status != LP_OK) return status;
  return s->ops->buf_write(s->dev, s->arena[v->buffer], v->offset, data, lp_nbytes(&v->desc), NULL);
}

lp_status lp_session_read(lp_session *s, const char *name, void *dst, size_t n) {
  lp_var *v;
  lp_status status = find_sized(s, name, n, &v);
  if (status == LP_OK)
    status = s->ops->buf_read(s->dev, s->arena[v->buffer], v->offset, dst, n, NULL);
  return status == LP_OK ? reorder(v, dst, false) : status;
}

lp_status lp_session_write(lp_session *s, const char *name, const void *src, size_t n) {
  lp_var *v;
  lp_status status = find_sized(s, name, n, &v);
  if (status != LP_OK) return status;
  if (!v->order) return s->ops->buf_write(s->dev, s->arena[v->buffer], v->offset, src, n, NULL);
  void *copy = malloc(n);
  if (!copy) return lp_fail(LP_ERR_MEMORY, "session: %s: out of memory", name);
  memcpy(copy, src, n);
  status = write_var(s, v, copy);
  free(copy);
  return status;
}

lp_status lp_session_buffer(lp_session *s, size_t nbytes, lp_buffer **out) {
  return s->ops->buf_alloc(s->dev, nbytes, out);
}

void lp_session_buffer_free(lp_session *s, lp_buffer *b) {
  if (b) s->ops->buf_free(s->dev, b);
}

lp_status lp_session_upload(lp_session *s, lp_buffer *b, const void *src, size_t n,
                            lp_event **done) {
  if (done) *done = NULL;
  return s->ops->buf_write(s->dev, b, 0, src, n, done);
}

lp_status lp_session_wait(lp_session *s, lp_event *event) {
  return event ? s->ops->event_wait(s->dev, event) : LP_OK;
}

lp_status lp_session_sync(lp_session *s) {
  return s->ops->sync(s->dev);
}

/* ---- variables ----------------------------------------------------------------------------- */

/* What the weights of a pattern would be in the matrix that has them. */
static void draw_wires(const lp_session *s, const lp_graph *g, const lp_value *v, uint32_t stream,
                       float *out) {
  const lp_value *rows = &g->value[v->rows.id];
  const int32_t *first = rows->init.data, *column = g->value[v->columns.id].init.data;
  for (int64_t o = 0; o + 1 < rows->desc.dim[0]; o++)
    for (int32_t k = first[o]; k < first[o + 1]; k++)
      out[k] = lp_rng_uniform_at(s->seed, stream, v->init.value,
                                 (uint64_t)o * v->n_in + (uint64_t)column[k]);
}

/* The same of a matrix that is drawn as a whole. False: out of memory. */
static bool draw_orthogonal(const lp_session *s, const lp_graph *g, const lp_value *v,
                            uint32_t stream, float *out) {
  const uint32_t rows = (uint32_t)(v->n_in ? g->value[v->rows.id].desc.dim[0] - 1 : v->desc.dim[0]),
                 columns = v->n_in ? v->n_in : (uint32_t)(lp_numel(&v->desc) / rows);
  if (!v->n_in) return lp_orthogonal(s->seed, stream, rows, columns, v->init.value, out);
  float *whole = malloc((size_t)rows * columns * sizeof *whole);
  const bool ok = whole && lp_orthogonal(s->seed, stream, rows, columns, v->init.value, whole);
  const int32_t *first = g->value[v->rows.id].init.data,
                *column = g->value[v->columns.id].init.data;
  for (uint32_t o = 0; ok && o < rows; o++)
    for (int32_t k = first[o]; k < first[o + 1]; k++)
      out[k] = whole[(size_t)o * columns + (size_t)column[k]];
  free(whole);
  return ok;
}

/* Initial bytes of a leaf; NULL when memory is exhausted. The caller frees them. */
static void *initial_bytes(const lp_session *s, const lp_graph *g, const lp_value *v) {
  size_t n = (size_t)lp_numel(&v->desc), bytes = lp_nbytes(&v->desc);
  void *data = calloc(bytes ? bytes : 1, 1);
  if (!data) return NULL;
  if (v->init.kind == LP_INIT_DATA) {
    memcpy(data, v->init.data, bytes);
  } else if (v->desc.dtype == LP_F32 && v->init.kind == LP_INIT_UNIFORM) {
    char path[256];
    snprintf(path, sizeof path, "init/%s", v->name);
    if (v->n_in)
      draw_wires(s, g, v, lp_rng_stream(path), data);
    else
      lp_rng_uniform(s->seed, lp_rng_stream(path), v->init.value, data, n);
  } else if (v->desc.dtype == LP_F32 && v->init.kind == LP_INIT_ORTHOGONAL) {
    char path[256];
    snprintf(path, sizeof path, "init/%s", v->name);
    if (!draw_orthogonal(s, g, v, lp_rng_stream(path), data)) {
      free(data);
      return NULL;
    }
  } else if (v->desc.dtype == LP_F32) {
    for (size_t i = 0; i < n; i++) ((float *)data)[i] = v->init.value;
  } else if (v->desc.dtype == LP_I32) {
    for (size_t i = 0; i < n; i++) ((int32_t *)data)[i] = (int32_t)v->init.value;
  }
  return data;
}

static lp_var_kind var_kind(lp_value_kind kind) {
  return kind == VALUE_PARAM ? LP_VAR_PARAM : kind == VALUE_STATE ? LP_VAR_STATE : LP_VAR_CONSTANT;
}

static lp_status too_big(const lp_session *s, const lp_value *v) {
  return lp_fail(
      LP_ERR_MEMORY,
      "%s: %s %s takes %zu bytes, more than the device's largest allocation of %llu; use "
      "a smaller layer or another device",
      s->info.id, v->name, lp_desc_text(&v->desc), lp_nbytes(&v->desc),
      (unsigned long long)s->info.max_alloc);
}

/* Adds one variable without storage. */
static lp_status add_var(lp_session *s, const lp_graph *g, const lp_value *v) {
  if (s->n_vars == s->cap_vars) {
    uint32_t cap = s->cap_vars ? 2 * s->cap_vars : 32;
    lp_var *p = realloc(s->var, cap * sizeof *p);
    if (!p) return lp_fail(LP_ERR_MEMORY, "session: out of memory");
    s->var = p;
    s->cap_vars = cap;
  }
  char *name = strdup(v->name);
  if (!name) return lp_fail(LP_ERR_MEMORY, "session: out of memory");
  lp_var *var = &s->var[s->n_vars++];
  *var = (lp_var){.name = name, .kind = var_kind(v->kind), .role = v->role, .desc = v->desc};
  if (v->n_in) {
    var->n_in = v->n_in;
    var->rows = strdup(g->value[v->rows.id].name);
    var->columns = strdup(g->value[v->columns.id].name);
    if (!var->rows || !var->columns) return lp_fail(LP_ERR_MEMORY, "session: out of memory");
  }
  if (v->order.id) {
    const lp_value *order = &g->value[v->order.id];
    var->order = malloc(lp_nbytes(&order->desc));
    if (!var->order) return lp_fail(LP_ERR_MEMORY, "session: out of memory");
    memcpy(var->order, order->init.data, lp_nbytes(&order->desc));
  }
  return v->kind == VALUE_CONSTANT ? lp_sha256(v->init.data, lp_nbytes(&v->desc), var->sha256)
                                   : LP_OK;
}

/* Allocates variables first..n_vars-1, as many as fit one after the other into each arena. */
static lp_status allocate_vars(lp_session *s, uint32_t first) {
  uint64_t limit = s->info.max_alloc ? s->info.max_alloc : UINT64_MAX;
  for (uint32_t i = first; i < s->n_vars;) {
    uint64_t size = 0;
    uint32_t end = i;
    for (; end < s->n_vars; end++) {
      uint64_t next = lp_align(size, s->info.alignment) + lp_nbytes(&s->var[end].desc);
      if (end > i && next > limit) break;
      s->var[end].buffer = s->n_arenas;
      s->var[end].offset = lp_align(size, s->info.alignment);
      size = next;
    }
    lp_buffer **arena = realloc(s->arena, (s->n_arenas + 1) * sizeof *arena);
    if (!arena) return lp_fail(LP_ERR_MEMORY, "session: out of memory");
    s->arena = arena;
    lp_status status = s->ops->buf_alloc(s->dev, size, &s->arena[s->n_arenas]);
    if (status != LP_OK)
      return lp_fail_in(status, "%s: parameters and state need %llu bytes more, %llu are in use",
                        s->info.id, (unsigned long long)size,
                        (unsigned long long)s->persistent_bytes);
    s->n_arenas++;
    s->persistent_bytes += size;
    i = end;
  }
  return LP_OK;
}

static bool same_order(const lp_graph *g, const lp_var *old, const lp_value *v) {
  if (!old->order || !v->order.id) return !old->order && !v->order.id;
  const lp_value *order = &g->value[v->order.id];
  return memcmp(old->order, order->init.data, lp_nbytes(&order->desc)) == 0;
}

/* Can a graph share a variable of its name? A constant of one name is one constant: graphs that
 * bring other bytes for it cannot. */
static lp_status same_variable(const lp_graph *g, const lp_var *old, const lp_value *v) {
  char hex[65];
  if (!lp_desc_equal(&old->desc, &v->desc) || old->kind != var_kind(v->kind))
    return lp_fail(LP_ERR_SHAPE, "graph %s: %s is %s, but the session has it as %s", g->name,
                   v->name, lp_desc_text(&v->desc), lp_desc_text(&old->desc));
  if (!same_order(g, old, v))
    return lp_fail(
        LP_ERR_SHAPE,
        "graph %s: the columns of %s stand in another order than an earlier graph of the "
        "session has them",
        g->name, v->name);
  if (v->kind != VALUE_CONSTANT) return LP_OK;
  lp_status status = lp_sha256(v->init.data, lp_nbytes(&v->desc), hex);
  if (status != LP_OK || strcmp(hex, old->sha256) == 0) return status;
  return lp_fail(LP_ERR_PLUGIN,
                 "graph %s: constant %s has other values than an earlier graph of the session gave "
                 "it; what builds it (a plugin?) must give the same each time",
                 g->name, v->name);
}

lp_status lp_session_adopt(lp_session *s, const lp_graph *g, const uint32_t *leaf, uint32_t n,
                           bool dry_run, uint64_t *bytes) {
  uint32_t first = s->n_vars;
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < n && status == LP_OK; i++) {
    const lp_value *v = &g->value[leaf[i]];
    const lp_var *old = lp_session_find(s, v->name);
    if (old) status = same_variable(g, old, v);
    *bytes += lp_align(lp_nbytes(&v->desc), s->info.alignment);
    if (old || dry_run) continue;
    if (s->info.max_alloc && lp_nbytes(&v->desc) > s->info.max_alloc) status = too_big(s, v);
    if (status == LP_OK) status = add_var(s, g, v);
  }
  if (status == LP_OK && !dry_run) status = allocate_vars(s, first);
  for (uint32_t i = 0, k = first; i < n && status == LP_OK && !dry_run && k < s->n_vars; i++) {
    const lp_value *v = &g->value[leaf[i]];
    if (strcmp(s->var[k].name, v->name) != 0) continue; /* an older one */
    void *data = initial_bytes(s, g, v);
    status = data ? write_var(s, &s->var[k], data)
                  : lp_fail(LP_ERR_MEMORY, "session: %s: out of memory", v->name);
    free(data);
    k++;
  }
  if (status != LP_OK) /* a half-made variable must not be found later */
    while (s->n_vars > first) free_var(&s->var[--s->n_vars]);
  return status;
}
