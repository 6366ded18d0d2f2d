/* Arrays out of .npz archives, .safetensors files and .csv tables. */
#include "array.h"

#include "../base/numbers.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- npz ----------------------------------------------------------------------------------- */

enum { MAX_MEMBERS = 4096 };

typedef struct members {
  char *name[MAX_MEMBERS]; /* without .npy */
  uint32_t n;
} members;

static lp_status zip_open(const char *path, struct archive **out) {
  struct archive *a = archive_read_new();
  *out = a;
  if (!a) return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
  archive_read_support_format_zip(a);
  if (archive_read_open_filename(a, path, 1 << 20) == ARCHIVE_OK) return LP_OK;
  const char *said = archive_error_string(a);
  return lp_fail(LP_ERR_IO, "cannot read %s: %s", path, said ? said : "unknown cause");
}

static lp_status damaged(const char *path, struct archive *a) {
  const char *said = archive_error_string(a);
  return lp_fail(LP_ERR_FORMAT, "%s: not an .npz file, or a truncated one: %s", path,
                 said ? said : "it ends too early");
}

/* A zip file ends with its directory, without which libarchive would read what it finds. */
static lp_status check_end(const char *path) {
  enum { LONGEST = 65557 }; /* the end record and its comment */
  static uint8_t const mark[4] = {'P', 'K', 5, 6};
  uint8_t *tail = malloc(LONGEST);
  FILE *f = tail ? fopen(path, "rbe") : NULL;
  lp_status s = LP_OK;
  if (!tail)
    s = lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
  else if (!f)
    s = lp_fail(LP_ERR_IO, "cannot open %s: %s", path, strerror(errno));
  if (s == LP_OK) {
    if (fseek(f, -LONGEST, SEEK_END) != 0) rewind(f);
    size_t n = fread(tail, 1, LONGEST, f);
    if (!memmem(tail, n, mark, sizeof mark))
      s = lp_fail(LP_ERR_FORMAT, "%s: not an .npz file, or a truncated one: it has no directory",
                  path);
  }
  if (f) fclose(f);
  free(tail);
  return s;
}

static lp_status list_members(const char *path, members *m) {
  struct archive *a;
  struct archive_entry *e;
  lp_status s = check_end(path);
  if (s != LP_OK) return s;
  s = zip_open(path, &a);
  int r = ARCHIVE_OK;
  while (s == LP_OK && m->n < MAX_MEMBERS && (r = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
    const char *name = archive_entry_pathname(e);
    size_t n = name ? strlen(name) : 0;
    if (n <= 4 || strcmp(name + n - 4, ".npy") != 0) continue;
    if (!(m->name[m->n] = strndup(name, n - 4)))
      s = lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
    else
      m->n++;
  }
  if (s == LP_OK && r != ARCHIVE_EOF && r != ARCHIVE_OK) s = damaged(path, a);
  archive_read_free(a);
  return s;
}

/* The bytes of a member, however long it says it is. */
static lp_status read_member(const char *path, const char *name, uint8_t **bytes, size_t *n) {
  struct archive *a;
  struct archive_entry *e;
  lp_status s = zip_open(path, &a);
  int r = ARCHIVE_OK;
  size_t cap = 0, length = strlen(name);
  bool found = false;
  *n = 0;
  while (s == LP_OK && !found && (r = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
    const char *own = archive_entry_pathname(e);
    found = own && strncmp(own, name, length) == 0 && strcmp(own + length, ".npy") == 0;
  }
  if (s == LP_OK && !found) s = damaged(path, a);
  while (s == LP_OK) {
    if (cap - *n < 1 << 16) {
      cap = cap ? 2 * cap : 1 << 20;
      uint8_t *grown = realloc(*bytes, cap);
      if (!grown) {
        s = lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
        break;
      }
      *bytes = grown;
    }
    la_ssize_t got = archive_read_data(a, *bytes + *n, cap - *n);
    if (got < 0) s = damaged(path, a);
    if (got <= 0) break;
    *n += (size_t)got;
  }
  archive_read_free(a);
  return s;
}

lp_status lp_array_read_npz(const char *path, const char *name, lp_array *out) {
  members *m = calloc(1, sizeof *m);
  if (!m) return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
  uint32_t which = 0;
  uint8_t *bytes = NULL;
  size_t n = 0;
  lp_status s = list_members(path, m);
  if (s == LP_OK) s = lp_array_choose(path, name, (const char *const *)m->name, m->n, &which);
  if (s == LP_OK) s = read_member(path, m->name[which], &bytes, &n);
  if (s == LP_OK) s = lp_array_from_npy(bytes, n, path, out);
  out->memory = bytes;
  for (uint32_t i = 0; i < m->n; i++) free(m->name[i]);
  free(m);
  return s;
}

/* ---- safetensors --------------------------------------------------------------------------- */

static lp_status tensor_of(const json_t *entry, const char *path, const char *name,
                           const uint8_t *data, size_t bytes, lp_array *out) {
  static const struct {
    const char *name;
    char kind;
    uint32_t size;
  } type[] = {{"F16", 'f', 2}, {"F32", 'f', 4}, {"F64", 'f', 8}, {"BF16", 'b', 2}, {"I8", 'i', 1},
              {"I16", 'i', 2}, {"I32", 'i', 4}, {"I64", 'i', 8}, {"U8", 'u', 1},   {"U16", 'u', 2},
              {"U32", 'u', 4}, {"U64", 'u', 8}, {"BOOL", 'u', 1}};
  const char *given = json_string_value(json_object_get(entry, "dtype"));
  const json_t *shape = json_object_get(entry, "shape"),
               *at = json_object_get(entry, "data_offsets");
  char where[512];
  snprintf(where, sizeof where, "%s: %s", path, name);
  for (size_t k = 0; given && k < sizeof type / sizeof *type; k++)
    if (strcmp(type[k].name, given) == 0) out->kind = type[k].kind, out->size = type[k].size;
  if (!out->size)
    return lp_fail(LP_ERR_FORMAT,
                   "%s is of type %s; F16, BF16, F32, F64 and whole numbers can be read", where,
                   given ? given : "unknown");
  json_int_t from = json_integer_value(json_array_get(at, 0)),
             to = json_integer_value(json_array_get(at, 1));
  out->ndim = (uint32_t)json_array_size(shape);
  if (out->ndim > LP_MAX_DIMS || json_array_size(at) != 2 || from < 0 || to < from ||
      (uint64_t)to > bytes)
    return lp_fail(LP_ERR_FORMAT, "%s: its shape or offsets do not fit the file (truncated?)",
                   where);
  for (uint32_t k = 0; k < out->ndim; k++)
    out->dim[k] = json_integer_value(json_array_get(shape, k));
  out->data = data + from;
  return lp_array_check_size(out, (size_t)(to - from), where);
}

lp_status lp_array_read_safetensors(const char *path, const char *name, lp_array *out) {
  void *file = NULL;
  size_t n = 0, count = 0;
  lp_status s = lp_read_file(path, &file, &n);
  if (s != LP_OK) return s;
  out->memory = file;
  uint64_t length = 0;
  const uint8_t *b = file;
  for (int i = 7; n >= 8 && i >= 0; i--) length = length << 8 | b[i];
  json_t *header = n >= 8 && length <= n - 8 ? json_loadb((const char *)b + 8, (size_t)length,
                                                          JSON_REJECT_DUPLICATES, NULL)
                                             : NULL;
  const char **names = calloc(json_object_size(header) + 1, sizeof *names), *key;
  json_t *value;
  json_object_foreach(header, key, value) {
    if (names && strcmp(key, "__metadata__") != 0) names[count++] = key;
  }
  uint32_t which;
  if (!names)
    s = lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
  else if (!json_is_object(header))
    s = lp_fail(LP_ERR_FORMAT, "%s: not a safetensors file, or a truncated one", path);
  else
    s = lp_array_choose(path, name, names, (uint32_t)count, &which);
  if (s == LP_OK)
    s = tensor_of(json_object_get(header, names[which]), path, names[which], b + 8 + length,
                  n - 8 - (size_t)length, out);
  free(names);
  json_decref(header);
  return s;
}

/* ---- csv ----------------------------------------------------------------------------------- */

static const char separators[] = ",; \t\r", byte_order_mark[] = "\xef\xbb\xbf";

/* What a line has between its separators. */
typedef struct line_words {
  int64_t numbers, others;
  const char *other; /* the first one that is no number, of `length` bytes */
  int length;
} line_words;

/* x: where its numbers go, or NULL. */
static line_words cut_line(const char *line, double *x) {
  line_words w = {0};
  for (const char *at = line;;) {
    at += strspn(at, separators);
    if (!*at) return w;
    char *end;
    double v = strtod(at, &end);
    size_t length = strcspn(at, separators);
    if (end != at + length) {
      if (w.others++ == 0) w.other = at, w.length = length < 40 ? (int)length : 40;
    } else if (x) {
      x[w.numbers++] = v;
    } else {
      w.numbers++;
    }
    at += length;
  }
}

lp_status lp_array_read_csv(const char *path, lp_array *out) {
  LP_POINT_NUMBERS;
  void *file = NULL;
  size_t n = 0, cap = 0, line_number = 0;
  int64_t rows = 0, cols = 0;
  double *x = NULL;
  lp_status s = lp_read_file(path, &file, &n);
  char *rest = file, *line;
  if (s == LP_OK && memchr(file, 0, n)) s = lp_fail(LP_ERR_FORMAT, "%s: not a text file", path);
  if (rest && strncmp(rest, byte_order_mark, strlen(byte_order_mark)) == 0)
    rest += strlen(byte_order_mark);
  while (s == LP_OK && (line = strsep(&rest, "\n"))) {
    line_number++;
    const line_words own = cut_line(line, NULL);
    if (own.numbers == 0 && (own.others == 0 || line_number == 1)) continue; /* or a heading */
    if (own.others)
      s = lp_fail(LP_ERR_FORMAT, "%s:%zu: '%.*s' is no number", path, line_number, own.length,
                  own.other);
    else if (rows && own.numbers != cols)
      s = lp_fail(LP_ERR_FORMAT, "%s:%zu: %" PRId64 " numbers where the lines above have %" PRId64,
                  path, line_number, own.numbers, cols);
    if (s != LP_OK) break;
    cols = own.numbers;
    size_t used = (size_t)(rows * cols);
    if (cap < used + (size_t)cols) {
      cap = 2 * (used + (size_t)cols);
      double *grown = realloc(x, sizeof *x * cap);
      if (!grown) {
        s = lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
        break;
      }
      x = grown;
    }
    cut_line(line, x + used);
    rows++;
  }
  free(file);
  if (s == LP_OK && rows == 0) s = lp_fail(LP_ERR_FORMAT, "%s: it holds no numbers", path);
  *out = (lp_array){.kind = 'f', .size = 8, .ndim = 2, .dim = {rows, cols}, .data = x, .memory = x};
  return s;
}
