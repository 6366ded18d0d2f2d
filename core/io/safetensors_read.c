/* Reading of safetensors files. Nothing in the file is trusted: every tensor's type, shape and
 * offsets are checked against each other and against the size of the file. */
#include "safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <locality/io.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct lp_safetensors {
  json_t *header; /* owns names and metadata */
  lp_tensor_view *tensor;
  uint32_t n;
  void *data; /* every tensor at a multiple of 64 bytes */
};

typedef struct entry { /* a tensor while the file is read */
  lp_tensor_view view;
  uint64_t begin, end; /* in the file's data */
  uint32_t order;      /* in the header */
} entry;

static const char *const type_name[] = {
    [LP_F32] = "F32",   [LP_I32] = "I32", [LP_U8] = "U8",
    [LP_BF16] = "BF16", [LP_F64] = "F64", [LP_I64] = "I64",
};
#define N_TYPES (sizeof type_name / sizeof *type_name)

const char *lp_st_type_name(uint32_t dtype) {
  return dtype < N_TYPES ? type_name[dtype] : NULL;
}

uint32_t lp_st_type_find(const char *name) {
  for (uint32_t i = 0; i < N_TYPES; i++)
    if (type_name[i] && strcmp(type_name[i], name) == 0) return i;
  return LP_TOKEN;
}

static lp_status read_at(int fd, const char *path, void *dst, size_t n, uint64_t offset) {
  for (char *p = dst; n > 0;) {
    ssize_t k = pread(fd, p, n, (off_t)offset);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) return lp_fail(LP_ERR_IO, "cannot read %s: %s", path, strerror(errno));
    if (k == 0) return lp_fail(LP_ERR_FORMAT, "%s: became shorter while it was read", path);
    p += k;
    n -= (size_t)k;
    offset += (uint64_t)k;
  }
  return LP_OK;
}

/* Loads the JSON header; *data_at is where the tensors' bytes start. */
static lp_status read_header(int fd, const char *path, uint64_t file_size, json_t **header,
                             uint64_t *data_at) {
  if (file_size < 8)
    return lp_fail(LP_ERR_FORMAT, "%s: %" PRIu64 " bytes, too short for a safetensors file", path,
                   file_size);
  unsigned char le[8];
  lp_status s = read_at(fd, path, le, sizeof le, 0);
  if (s != LP_OK) return s;
  uint64_t n = 0;
  for (int i = 7; i >= 0; i--) n = n << 8 | le[i];
  if (n > ST_MAX_HEADER)
    return lp_fail(LP_ERR_FORMAT,
                   "%s: header of %" PRIu64 " bytes, at most %u (not a safetensors file?)", path, n,
                   ST_MAX_HEADER);
  if (n > file_size - 8)
    return lp_fail(LP_ERR_FORMAT,
                   "%s: header of %" PRIu64 " bytes in a file of %" PRIu64 " bytes (truncated?)",
                   path, n, file_size);
  char *text = malloc(n + 1);
  if (!text) return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
  s = read_at(fd, path, text, n, 8);
  if (s == LP_OK && (n == 0 || text[0] != '{'))
    s = lp_fail(LP_ERR_FORMAT, "%s: header does not start with '{'", path);
  json_error_t error;
  if (s == LP_OK && !(*header = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error)))
    s = lp_fail(LP_ERR_FORMAT, "%s: header at byte %d: %s", path, 8 + error.position, error.text);
  free(text);
  *data_at = 8 + n;
  return s;
}

static lp_status check_meta(const char *path, const json_t *meta) {
  if (!json_is_object(meta))
    return lp_fail(LP_ERR_FORMAT, "%s: " ST_META " is not an object", path);
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)meta, key, value) {
    if (!json_is_string(value))
      return lp_fail(LP_ERR_FORMAT, "%s: metadata '%s' is not a string", path, key);
  }
  return LP_OK;
}

static lp_status parse_shape(const char *path, entry *t, const json_t *shape, uint64_t *nbytes) {
  const char *name = t->view.name;
  size_t n = json_array_size(shape);
  if (n > LP_MAX_DIMS)
    return lp_fail(LP_ERR_UNSUPPORTED, "%s: tensor '%s' has %zu dimensions, at most %d", path, name,
                   n, LP_MAX_DIMS);
  t->view.desc.ndim = (uint32_t)n;
  int64_t bytes = (int64_t)lp_dtype_size(t->view.desc.dtype);
  bool empty = false; /* even an empty tensor's other extents must have a product */
  for (size_t i = 0; i < n; i++) {
    const json_t *extent = json_array_get(shape, i);
    int64_t d = json_is_integer(extent) ? (int64_t)json_integer_value(extent) : -1;
    if (d < 0)
      return lp_fail(LP_ERR_FORMAT, "%s: tensor '%s': extent %zu is not a size", path, name, i);
    empty |= d == 0;
    if (__builtin_mul_overflow(bytes, d ? d : 1, &bytes))
      return lp_fail(LP_ERR_FORMAT, "%s: tensor '%s' is larger than memory can be", path, name);
    t->view.desc.dim[i] = d;
  }
  *nbytes = empty ? 0 : (uint64_t)bytes;
  return LP_OK;
}

static lp_status parse_tensor(const char *path, entry *t, const char *name, const json_t *v,
                              uint64_t data_size) {
  t->view.name = name;
  const char *type = json_string_value(json_object_get(v, "dtype"));
  const json_t *shape = json_object_get(v, "shape"), *at = json_object_get(v, "data_offsets");
  if (!type || !json_is_array(shape) || json_array_size(at) != 2 || json_object_size(v) != 3)
    return lp_fail(LP_ERR_FORMAT,
                   "%s: tensor '%s' needs dtype, shape and two data_offsets, and nothing else",
                   path, name);
  t->view.desc.dtype = lp_st_type_find(type);
  if (t->view.desc.dtype == LP_TOKEN)
    return lp_fail(LP_ERR_UNSUPPORTED,
                   "%s: tensor '%s' has type %s; known are F32, F64, I32, I64, U8, BF16", path,
                   name, type);
  uint64_t nbytes = 0;
  lp_status s = parse_shape(path, t, shape, &nbytes);
  if (s != LP_OK) return s;
  const json_t *begin = json_array_get(at, 0), *end = json_array_get(at, 1);
  if (!json_is_integer(begin) || !json_is_integer(end) || json_integer_value(begin) < 0 ||
      json_integer_value(end) < json_integer_value(begin))
    return lp_fail(LP_ERR_FORMAT, "%s: tensor '%s': data_offsets are not a range", path, name);
  t->begin = (uint64_t)json_integer_value(begin);
  t->end = (uint64_t)json_integer_value(end);
  if (t->end > data_size)
    return lp_fail(LP_ERR_FORMAT,
                   "%s: tensor '%s' ends at byte %" PRIu64 " of %" PRIu64
                   " bytes of data (truncated?)",
                   path, name, t->end, data_size);
  if (t->end - t->begin != nbytes)
    return lp_fail(LP_ERR_FORMAT,
                   "%s: tensor '%s' has %" PRIu64 " bytes; its type and shape take %" PRIu64, path,
                   name, t->end - t->begin, nbytes);
  return LP_OK;
}

/* In the order of the bytes; tensors without bytes keep the header's order. */
static int by_offset(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  if (x->end != y->end) return x->end < y->end ? -1 : 1;
  return x->order < y->order ? -1 : x->order > y->order;
}

/* Sorted tensors must tile the data exactly. */
static lp_status check_tiling(const char *path, const entry *t, uint32_t n, uint64_t data_size) {
  uint64_t at = 0;
  for (uint32_t i = 0; i < n; at = t[i++].end)
    if (t[i].begin != at)
      return lp_fail(
          LP_ERR_FORMAT, "%s: tensor '%s' starts at byte %" PRIu64 " of the data, %s byte %" PRIu64,
          path, t[i].view.name, t[i].begin,
          t[i].begin < at ? "overlapping the tensor before, which ends at" : "leaving a gap after",
          at);
  if (at != data_size)
    return lp_fail(LP_ERR_FORMAT, "%s: %" PRIu64 " bytes follow the last tensor", path,
                   data_size - at);
  return LP_OK;
}

static size_t align64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

static lp_status load_data(lp_safetensors *f, int fd, const char *path, const entry *t, uint32_t n,
                           uint64_t data_at) {
  size_t total = 64;
  for (uint32_t i = 0; i < n; i++) total += align64((size_t)(t[i].end - t[i].begin));
  f->tensor = calloc(n ? n : 1, sizeof *f->tensor);
  f->data = aligned_alloc(64, total);
  if (!f->tensor || !f->data) return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
  char *p = f->data;
  for (uint32_t i = 0; i < n; i++) {
    size_t size = (size_t)(t[i].end - t[i].begin);
    lp_status s = read_at(fd, path, p, size, data_at + t[i].begin);
    if (s != LP_OK) return s;
    f->tensor[i] = t[i].view;
    f->tensor[i].data = p;
    p += align64(size);
  }
  f->n = n;
  return LP_OK;
}

static lp_status read_entries(lp_safetensors *f, int fd, const char *path, uint64_t data_at,
                              uint64_t data_size) {
  lp_status s = LP_OK;
  entry *t = calloc(json_object_size(f->header) + 1, sizeof *t);
  if (!t) return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
  uint32_t n = 0;
  const char *name;
  json_t *value;
  json_object_foreach(f->header, name, value) {
    if (strcmp(name, ST_META) == 0) {
      s = check_meta(path, value);
    } else {
      t[n].order = n;
      s = parse_tensor(path, &t[n++], name, value, data_size);
    }
    if (s != LP_OK) break;
  }
  if (s == LP_OK) {
    qsort(t, n, sizeof *t, by_offset);
    s = check_tiling(path, t, n, data_size);
  }
  if (s == LP_OK) s = load_data(f, fd, path, t, n, data_at);
  free(t);
  return s;
}

lp_status lp_safetensors_read(const char *path, lp_safetensors **out) {
  *out = NULL;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return lp_fail(LP_ERR_IO, "cannot open %s: %s", path, strerror(errno));
  lp_status s;
  struct stat st;
  lp_safetensors *f = calloc(1, sizeof *f);
  if (!f)
    s = lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
  else if (fstat(fd, &st) != 0)
    s = lp_fail(LP_ERR_IO, "cannot read %s: %s", path, strerror(errno));
  else if (!S_ISREG(st.st_mode))
    s = lp_fail(LP_ERR_IO, "cannot read %s: not a regular file", path);
  else {
    uint64_t size = (uint64_t)st.st_size, data_at = 0;
    s = read_header(fd, path, size, &f->header, &data_at);
    if (s == LP_OK) s = read_entries(f, fd, path, data_at, size - data_at);
  }
  close(fd);
  if (s == LP_OK)
    *out = f;
  else
    lp_safetensors_free(f);
  return s;
}

void lp_safetensors_free(lp_safetensors *f) {
  if (!f) return;
  json_decref(f->header);
  free(f->tensor);
  free(f->data);
  free(f);
}

uint32_t lp_safetensors_count(const lp_safetensors *f) {
  return f->n;
}

const lp_tensor_view *lp_safetensors_get(const lp_safetensors *f, uint32_t i) {
  return i < f->n ? &f->tensor[i] : NULL;
}

const lp_tensor_view *lp_safetensors_find(const lp_safetensors *f, const char *name) {
  for (uint32_t i = 0; i < f->n; i++)
    if (strcmp(f->tensor[i].name, name) == 0) return &f->tensor[i];
  return NULL;
}

const char *lp_safetensors_meta(const lp_safetensors *f, const char *key) {
  return json_string_value(json_object_get(json_object_get(f->header, ST_META), key));
}
