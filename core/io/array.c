/* Arrays of numbers: .npy files, elements as doubles, and which reader a file goes to. */
#include "array.h"

#include "../base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- elements ------------------------------------------------------------------------------ */

static double half_to_double(uint16_t h) {
  int exponent = h >> 10 & 31, fraction = h & 1023;
  uint64_t bits = (uint64_t)(h >> 15) << 63;
  if (exponent == 31) {
    bits |= (uint64_t)0x7ff << 52 | (uint64_t)fraction << 42;
  } else if (exponent) {
    bits |= (uint64_t)(exponent + 1008) << 52 | (uint64_t)fraction << 42;
  } else {
    double v = fraction * 0x1p-24;
    return h >> 15 ? -v : v;
  }
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

/* The bytes of element i as the machine has them, the least first. */
static uint64_t bits_of(const lp_array *a, size_t i) {
  uint8_t raw[8] = {0};
  const uint8_t *from = (const uint8_t *)a->data + i * a->size;
  for (uint32_t k = 0; k < a->size; k++) raw[a->swapped ? a->size - 1 - k : k] = from[k];
  uint64_t u;
  memcpy(&u, raw, sizeof u);
  return u;
}

static int64_t signed_of(const lp_array *a, size_t i) {
  int shift = 64 - 8 * (int)a->size;
  return (int64_t)(bits_of(a, i) << shift) >> shift;
}

static double element(const lp_array *a, size_t i) {
  uint64_t u = bits_of(a, i);
  switch (a->kind) {
  case 'f': {
    if (a->size == 2) return half_to_double((uint16_t)u);
    if (a->size == 8) break;
    uint32_t word = (uint32_t)u;
    float f;
    memcpy(&f, &word, sizeof f);
    return f;
  }
  case 'b': {
    uint32_t word = (uint32_t)u << 16;
    float f;
    memcpy(&f, &word, sizeof f);
    return f;
  }
  case 'i':
    return (double)signed_of(a, i);
  default:
    return (double)u;
  }
  double d;
  memcpy(&d, &u, sizeof d);
  return d;
}

bool lp_array_whole(const lp_array *a, size_t i, int64_t *out) {
  if (a->kind == 'i') {
    *out = signed_of(a, i);
    return true;
  }
  if (a->kind == 'u') {
    uint64_t u = bits_of(a, i);
    *out = (int64_t)u;
    return u <= INT64_MAX;
  }
  double v = element(a, i);
  if (!(fabs(v) < 0x1p63) || v != floor(v)) return false;
  *out = (int64_t)v;
  return true;
}

size_t lp_array_count(const lp_array *a) {
  size_t n = 1;
  for (uint32_t k = 0; k < a->ndim; k++) n *= (size_t)a->dim[k];
  return n;
}

/* Where the elements of a row of a Fortran array lie: at row + rows x (position in Fortran order).
 */
void lp_array_rows(const lp_array *a, size_t first, size_t count, double *out) {
  size_t rows = a->ndim ? (size_t)a->dim[0] : 1, inner = rows ? lp_array_count(a) / rows : 0;
  if (!a->fortran || a->ndim < 2) {
    const float *f = a->data;
    bool plain = a->kind == 'f' && a->size == 4 && !a->swapped && (uintptr_t)a->data % 4 == 0;
    for (size_t k = 0; k < count * inner; k++)
      out[k] = plain ? f[first * inner + k] : element(a, first * inner + k);
    return;
  }
  for (size_t k = 0; k < inner; k++) {
    size_t rest = k, at = 0;
    for (uint32_t axis = a->ndim - 1; axis > 0; axis--) { /* index on each axis, the last fastest */
      size_t stride = rows;
      for (uint32_t l = 1; l < axis; l++) stride *= (size_t)a->dim[l];
      at += rest % (size_t)a->dim[axis] * stride;
      rest /= (size_t)a->dim[axis];
    }
    for (size_t m = 0; m < count; m++) out[m * inner + k] = element(a, at + first + m);
  }
}

const char *lp_array_type(const lp_array *a) {
  static const struct {
    char kind;
    uint32_t size;
    const char *name;
  } type[] = {{'f', 2, "float16"}, {'f', 4, "float32"}, {'f', 8, "float64"}, {'b', 2, "bfloat16"},
              {'i', 1, "int8"},    {'i', 2, "int16"},   {'i', 4, "int32"},   {'i', 8, "int64"},
              {'u', 1, "uint8"},   {'u', 2, "uint16"},  {'u', 4, "uint32"},  {'u', 8, "uint64"}};
  for (size_t k = 0; k < sizeof type / sizeof *type; k++)
    if (type[k].kind == a->kind && type[k].size == a->size) return type[k].name;
  return "unknown";
}

void lp_array_free(lp_array *a) {
  if (a->mapped)
    munmap(a->memory, a->mapped);
  else
    free(a->memory);
  *a = (lp_array){0};
}

/* ---- npy ----------------------------------------------------------------------------------- */

lp_status lp_array_check_size(const lp_array *a, size_t bytes, const char *where) {
  size_t n = a->size;
  for (uint32_t k = 0; k < a->ndim; k++)
    if (a->dim[k] < 0 || __builtin_mul_overflow(n, (size_t)a->dim[k], &n))
      return lp_fail(LP_ERR_FORMAT, "%s: its shape is no number of elements", where);
  if (n != bytes)
    return lp_fail(LP_ERR_FORMAT, "%s: %zu bytes of numbers where its shape needs %zu (%s)", where,
                   bytes, n, bytes < n ? "truncated?" : "more follows");
  return LP_OK;
}

/* The value behind 'key': in the dictionary of the header; NULL: it is not there. */
static const char *header_value(const char *header, const char *key) {
  const char *at = strstr(header, key);
  if (!at) return NULL;
  at += strlen(key);
  at += strspn(at, " :");
  return at;
}

static lp_status parse_type(const char *text, const char *where, lp_array *out) {
  /* '<f4', '|u1', '>i8', '|b1'; ml_dtypes writes bfloat16 as 'bfloat16' or as two raw bytes. */
  char order = text[1], kind = text[2];
  uint64_t size = 0;
  const char *digits = text + 3;
  bool read = (text[0] == '\'' || text[0] == '"') && lp_digits(&digits, 64, &size);
  if (strncmp(text + 1, "bfloat16", 8) == 0) order = '<', kind = 'b', size = 2, read = true;
  if (kind == 'b' && size == 1) kind = 'u'; /* bool */
  bool known = kind == 'f'   ? size == 2 || size == 4 || size == 8
               : kind == 'b' ? size == 2
                             : (kind == 'i' || kind == 'u') &&
                                   (size == 1 || size == 2 || size == 4 || size == 8);
  if (!read || !known || !strchr("<>|=", order))
    return lp_fail(LP_ERR_FORMAT,
                   "%s: its numbers are of type %.*s; float16, bfloat16, float32, float64 and "
                   "whole numbers can be read",
                   where, *text == '[' ? 6 : (int)strcspn(text + 1, "'\"") + 2,
                   *text == '[' ? "record" : text);
  out->kind = kind;
  out->size = (uint32_t)size;
  out->swapped = order == '>';
  return LP_OK;
}

static bool parse_shape(const char *text, lp_array *out) {
  if (*text++ != '(') return false;
  for (out->ndim = 0;;) {
    uint64_t n;
    text += strspn(text, " ,");
    if (*text == ')') return true;
    if (out->ndim == LP_MAX_DIMS || !lp_digits(&text, INT64_MAX, &n)) return false;
    out->dim[out->ndim++] = (int64_t)n;
  }
}

lp_status lp_array_from_npy(const void *bytes, size_t n, const char *where, lp_array *out) {
  const uint8_t *b = bytes;
  if (n < 12 || memcmp(b, "\x93NUMPY", 6) != 0)
    return lp_fail(LP_ERR_FORMAT, "%s: not an .npy file (it lacks NumPy's first bytes)", where);
  size_t at = b[6] >= 2 ? 12 : 10,
         length =
             b[8] | (size_t)b[9] << 8 | (b[6] >= 2 ? (size_t)b[10] << 16 | (size_t)b[11] << 24 : 0);
  if (b[6] < 1 || b[6] > 3 || length > n - at || length > 65536)
    return lp_fail(LP_ERR_FORMAT, "%s: the header of an .npy file is cut short (truncated?)",
                   where);
  char *header = strndup((const char *)b + at, length);
  if (!header) return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", where);
  const char *type = header_value(header, "'descr'"),
             *order = header_value(header, "'fortran_order'"),
             *shape = header_value(header, "'shape'");
  lp_status s = LP_OK;
  if (!type || !order || !shape || !parse_shape(shape, out))
    s = lp_fail(LP_ERR_FORMAT, "%s: its header has no type, order or shape of an array", where);
  if (s == LP_OK) s = parse_type(type, where, out);
  if (s == LP_OK) {
    out->fortran = strncmp(order, "True", 4) == 0;
    out->data = b + at + length;
    s = lp_array_check_size(out, n - at - length, where);
  }
  free(header);
  return s;
}

static lp_status read_npy(const char *path, lp_array *out) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return lp_fail(LP_ERR_IO, "cannot open %s: %s", path, strerror(errno));
  struct stat st;
  lp_status s = LP_OK;
  void *map = MAP_FAILED;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
    s = lp_fail(LP_ERR_IO, "cannot read %s: not a regular file", path);
  else if (st.st_size == 0)
    s = lp_fail(LP_ERR_FORMAT, "%s: the file is empty", path);
  else if ((map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
    s = lp_fail(LP_ERR_IO, "cannot read %s: %s", path, strerror(errno));
  close(fd);
  if (s != LP_OK) return s;
  out->memory = map;
  out->mapped = (size_t)st.st_size;
  return lp_array_from_npy(map, out->mapped, path, out);
}

/* ---- any file ------------------------------------------------------------------------------ */

lp_status lp_array_choose(const char *path, const char *name, const char *const *names, uint32_t n,
                          uint32_t *which) {
  char all[400] = "";
  *which = 0;
  if (n == 0) return lp_fail(LP_ERR_FORMAT, "%s: it holds no array", path);
  if (!name && n == 1) return LP_OK;
  for (uint32_t i = 0; name && i < n; i++)
    if (strcmp(names[i], name) == 0) {
      *which = i;
      return LP_OK;
    }
  if (name)
    return lp_fail(LP_ERR_NOT_FOUND, "%s: no array is called '%s'%s", path, name,
                   lp_did_you_mean_or(name, names, n).text);
  lp_text_add_names(all, sizeof all, names, n);
  return lp_fail(LP_ERR_ARG, "%s: it holds %u arrays, %s: say which, as %s:NAME", path, n, all,
                 path);
}

static bool ends_with(const char *path, const char *end) {
  size_t n = strlen(path), m = strlen(end);
  return n > m && strcasecmp(path + n - m, end) == 0;
}

lp_status lp_array_read(const char *path, const char *name, lp_array *out) {
  *out = (lp_array){0};
  lp_status s;
  if (ends_with(path, ".npz"))
    s = lp_array_read_npz(path, name, out);
  else if (ends_with(path, ".safetensors"))
    s = lp_array_read_safetensors(path, name, out);
  else if (name)
    s = lp_fail(LP_ERR_ARG, "%s holds one array, which has no name", path);
  else if (ends_with(path, ".npy"))
    s = read_npy(path, out);
  else if (ends_with(path, ".csv") || ends_with(path, ".txt"))
    s = lp_array_read_csv(path, out);
  else
    s = lp_fail(LP_ERR_ARG, "%s: an array is a file .npy, .npz, .safetensors or .csv", path);
  if (s != LP_OK) lp_array_free(out);
  return s;
}
