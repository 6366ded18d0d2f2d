/* Writing of safetensors files: equal content gives equal bytes. */
#include "atomic.h"
#include "safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <locality/io.h>
#include <stdlib.h>
#include <string.h>

static lp_status check_tensor(const char *path, const lp_tensor_view *t) {
  const char *name = t->name ? t->name : "";
  if (!*name || strcmp(name, ST_META) == 0)
    return lp_fail(LP_ERR_ARG, "cannot write %s: '%s' is no name for a tensor", path, name);
  if (!lp_st_type_name(t->desc.dtype))
    return lp_fail(LP_ERR_ARG, "cannot write %s: tensor '%s' has no type", path, name);
  if (t->desc.ndim > LP_MAX_DIMS)
    return lp_fail(LP_ERR_ARG, "cannot write %s: tensor '%s' has %u dimensions, at most %d", path,
                   name, t->desc.ndim, LP_MAX_DIMS);
  for (uint32_t i = 0; i < t->desc.ndim; i++)
    if (t->desc.dim[i] < 0)
      return lp_fail(LP_ERR_ARG, "cannot write %s: tensor '%s' has extent %" PRId64, path, name,
                     t->desc.dim[i]);
  if (!t->data && lp_nbytes(&t->desc) > 0)
    return lp_fail(LP_ERR_ARG, "cannot write %s: tensor '%s' has no data", path, name);
  return LP_OK;
}

/* Adds value (taken over) under a new key. */
static lp_status add(json_t *object, const char *path, const char *key, json_t *value) {
  if (json_object_get(object, key)) {
    json_decref(value);
    return lp_fail(LP_ERR_ARG, "cannot write %s: '%s' is there twice", path, key);
  }
  /* Both refuse text that is not UTF-8. */
  if (!value || json_object_set_new(object, key, value) != 0)
    return lp_fail(LP_ERR_ARG, "cannot write %s: '%s' or its value is not UTF-8 text", path, key);
  return LP_OK;
}

static lp_status add_tensor(json_t *header, const char *path, const lp_tensor_view *t,
                            uint64_t *at) {
  lp_status s = check_tensor(path, t);
  if (s != LP_OK) return s;
  json_t *shape = json_array();
  for (uint32_t i = 0; i < t->desc.ndim; i++)
    json_array_append_new(shape, json_integer((json_int_t)t->desc.dim[i]));
  uint64_t end = *at + lp_nbytes(&t->desc);
  json_t *value = json_pack("{s:s, s:o, s:[I, I]}", "dtype", lp_st_type_name(t->desc.dtype),
                            "shape", shape, "data_offsets", (json_int_t)*at, (json_int_t)end);
  *at = end;
  return add(header, path, t->name, value);
}

static lp_status make_header(json_t *header, const char *path, const lp_tensor_view *tensors,
                             uint32_t n, const char *const *meta_key, const char *const *meta_value,
                             uint32_t n_meta) {
  lp_status s = LP_OK;
  if (n_meta > 0) {
    json_t *meta = json_object();
    s = add(header, path, ST_META, meta);
    for (uint32_t i = 0; i < n_meta && s == LP_OK; i++)
      s = add(meta, path, meta_key[i], json_string(meta_value[i]));
  }
  uint64_t at = 0;
  for (uint32_t i = 0; i < n && s == LP_OK; i++) s = add_tensor(header, path, &tensors[i], &at);
  return s;
}

static lp_status write_all(const char *path, const char *text, const lp_tensor_view *tensors,
                           uint32_t n) {
  size_t len = strlen(text), padded = (len + 7) & ~(size_t)7;
  if (padded > ST_MAX_HEADER)
    return lp_fail(LP_ERR_ARG, "cannot write %s: header of %zu bytes, at most %u", path, padded,
                   ST_MAX_HEADER);
  unsigned char le[8];
  for (int i = 0; i < 8; i++) le[i] = (unsigned char)((uint64_t)padded >> (8 * i));
  io_atomic a;
  lp_status s = lp_io_atomic_open(&a, path);
  if (s == LP_OK) s = lp_io_atomic_write(&a, le, sizeof le);
  if (s == LP_OK) s = lp_io_atomic_write(&a, text, len);
  if (s == LP_OK) s = lp_io_atomic_write(&a, "       ", padded - len);
  for (uint32_t i = 0; i < n && s == LP_OK; i++)
    s = lp_io_atomic_write(&a, tensors[i].data, lp_nbytes(&tensors[i].desc));
  return s == LP_OK ? lp_io_atomic_commit(&a) : s;
}

lp_status lp_safetensors_write(const char *path, const lp_tensor_view *tensors, uint32_t n,
                               const char *const *meta_key, const char *const *meta_value,
                               uint32_t n_meta) {
  json_t *header = json_object();
  if (!header) return lp_fail(LP_ERR_MEMORY, "out of memory writing %s", path);
  lp_status s = make_header(header, path, tensors, n, meta_key, meta_value, n_meta);
  if (s == LP_OK) {
    char *text = json_dumps(header, JSON_COMPACT);
    s = text ? write_all(path, text, tensors, n)
             : lp_fail(LP_ERR_MEMORY, "out of memory writing %s", path);
    free(text);
  }
  json_decref(header);
  return s;
}
