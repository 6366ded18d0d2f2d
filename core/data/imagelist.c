/* The list of images: collecting names, finding the split and the classes, sorting, reading. */
#include "imagelist.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locality/io.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 1 << 30 };

static lp_status out_of_memory(const image_list *l) {
  return lp_fail(LP_ERR_MEMORY, "out of memory listing the images of %s", l->root);
}

/* ---- collecting ---------------------------------------------------------------------------- */

static lp_status add_text(image_list *l, const char *name, size_t *at) {
  size_t n = strlen(name) + 1;
  if (l->text_cap - l->text_used < n) {
    size_t cap = 2 * l->text_cap + n + 4096;
    char *text = realloc(l->text, cap);
    if (!text) return out_of_memory(l);
    l->text = text;
    l->text_cap = cap;
  }
  *at = l->text_used;
  memcpy(l->text + l->text_used, name, n);
  l->text_used += n;
  return LP_OK;
}

/* Takes item.data over, also on failure. */
lp_status image_list_add(image_list *l, const char *name, image_item item) {
  lp_status s = LP_OK;
  if (l->n == l->cap) {
    uint32_t cap = 2 * l->cap + 256;
    image_item *p = realloc(l->item, cap * sizeof *p);
    if (p) {
      l->item = p;
      l->cap = cap;
    } else {
      s = out_of_memory(l);
    }
  }
  if (s == LP_OK) s = add_text(l, name, &item.name);
  if (s == LP_OK)
    l->item[l->n++] = item;
  else
    free(item.data);
  return s;
}

lp_status image_list_add_folder(image_list *l, const char *name) {
  if (l->n_folders == l->folder_cap) {
    uint32_t cap = 2 * l->folder_cap + 64;
    size_t *p = realloc(l->folder, cap * sizeof *p);
    if (!p) return out_of_memory(l);
    l->folder = p;
    l->folder_cap = cap;
  }
  lp_status s = add_text(l, name, &l->folder[l->n_folders]);
  if (s == LP_OK) l->n_folders++;
  return s;
}

bool image_list_is_image(const char *name) {
  static const char *const extension[] = {"jpg", "jpeg", "png",  "ppm", "bmp",
                                          "pgm", "tif",  "tiff", "webp"};
  const char *dot = strrchr(name, '.');
  for (size_t i = 0; dot && i < sizeof extension / sizeof *extension; i++)
    if (strcasecmp(dot + 1, extension[i]) == 0) return true;
  return false;
}

const char *image_list_printable(const char *name) {
  static _Thread_local char buf[4][400];
  static _Thread_local unsigned turn;
  char *out = buf[turn++ % 4];
  size_t n = 0;
  for (; *name && n + 5 < sizeof buf[0]; name++) {
    const unsigned char c = (unsigned char)*name;
    n += (size_t)sprintf(out + n, c < 32 || c == 127 ? "\\x%02x" : "%c", c);
  }
  out[n] = 0;
  return out;
}

const char *image_list_name(const image_list *l, uint32_t i) {
  return image_list_printable(l->text + l->item[i].name);
}

lp_status image_list_fault(const image_list *l, const char *fmt, ...) {
  char text[900];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  if (l->strict) return lp_fail(LP_ERR_FORMAT, "%s", text);
  lp_log(LP_LOG_WARNING, "%s", text);
  return LP_OK;
}

const char *image_list_split(bool train, bool val, lp_split split) {
  if (!train && !val) return "";
  return train && (split == LP_SPLIT_TRAIN || !val) ? "train" : "val";
}

/* ---- the layout ---------------------------------------------------------------------------- */

/* A piece of the list's text. */
typedef struct piece {
  const char *p;
  size_t n;
} piece;

/* What follows folder `dir` in a path; NULL when the path is not in it. dir "": the path. */
static const char *below(const char *path, const char *dir) {
  size_t n = strlen(dir);
  if (n == 0) return path;
  return strncmp(path, dir, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static piece first_part(const char *path) {
  return (piece){path, strcspn(path, "/")};
}

static int compare_pieces(const void *a, const void *b) {
  const piece *x = a, *y = b;
  size_t n = x->n < y->n ? x->n : y->n;
  int r = memcmp(x->p, y->p, n);
  return r ? r : (x->n > y->n) - (x->n < y->n);
}

/* Archives often wrap everything in one folder. Length of such a prefix, with its slash. */
static size_t wrapping(const image_list *l, size_t strip) {
  if (l->n == 0) return 0;
  piece first = first_part(l->text + l->item[0].name + strip);
  if ((first.n == 5 && memcmp(first.p, "train", 5) == 0) ||
      (first.n == 3 && memcmp(first.p, "val", 3) == 0))
    return 0;
  for (uint32_t i = 0; i < l->n; i++) {
    const char *name = l->text + l->item[i].name + strip;
    if (strncmp(name, first.p, first.n) != 0 || name[first.n] != '/') return 0;
    if (!strchr(name + first.n + 1, '/')) return 0; /* then it is a class */
  }
  for (uint32_t i = 0; i < l->n_folders; i++) {
    const char *name = l->text + l->folder[i];
    if (strlen(name) <= strip) continue;
    if (strncmp(name + strip, first.p, first.n) != 0 ||
        (name[strip + first.n] && name[strip + first.n] != '/'))
      return 0;
  }
  return first.n + 1;
}

/* Removes a prefix that all items share from every name. */
static void remove_prefix(image_list *l, size_t strip) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < l->n; i++) l->item[i].name += strip;
  for (uint32_t i = 0; i < l->n_folders; i++)
    if (strlen(l->text + l->folder[i]) > strip) l->folder[kept++] = l->folder[i] + strip;
  l->n_folders = kept;
}

static bool has_folder(const image_list *l, const char *dir) {
  for (uint32_t i = 0; i < l->n_folders; i++) {
    const char *name = l->text + l->folder[i];
    if (strcmp(name, dir) == 0 || below(name, dir)) return true;
  }
  for (uint32_t i = 0; i < l->n; i++)
    if (below(l->text + l->item[i].name, dir)) return true;
  return false;
}

/* The class of a path: the folder below train/, val/ or the root. */
static bool class_of(const char *path, bool split, bool is_folder, piece *out) {
  const char *rest = path;
  if (split && !(rest = below(path, "train"))) rest = below(path, "val");
  if (!rest) return false;
  *out = first_part(rest);
  return out->n > 0 && (is_folder || rest[out->n] == '/');
}

/* The class names of both splits, so that they number alike. */
static lp_status find_classes(image_list *l, bool split) {
  piece *all = malloc(((size_t)l->n + l->n_folders + 1) * sizeof *all), c;
  if (!all) return out_of_memory(l);
  size_t n = 0, unique = 0;
  for (uint32_t i = 0; i < l->n_folders + l->n; i++) {
    bool is_folder = i < l->n_folders;
    size_t name = is_folder ? l->folder[i] : l->item[i - l->n_folders].name;
    if (!class_of(l->text + name, split, is_folder, &c)) continue;
    if (n == 0 || compare_pieces(&c, &all[n - 1]) != 0) all[n++] = c;
  }
  qsort(all, n, sizeof *all, compare_pieces);
  for (size_t i = 0; i < n; i++)
    if (unique == 0 || compare_pieces(&all[i], &all[unique - 1]) != 0) all[unique++] = all[i];
  lp_status s = LP_OK;
  l->class_name = calloc(unique + 1, sizeof *l->class_name);
  if (!l->class_name) s = out_of_memory(l);
  for (size_t i = 0; i < unique && s == LP_OK; i++) {
    l->class_name[i] = strndup(all[i].p, all[i].n);
    if (l->class_name[i])
      l->classes++;
    else
      s = out_of_memory(l);
  }
  free(all);
  return s;
}

static uint32_t label_of(const image_list *l, piece c) {
  uint32_t low = 0, high = l->classes;
  while (high - low > 1) {
    uint32_t mid = (low + high) / 2;
    piece name = {l->class_name[mid], strlen(l->class_name[mid])};
    if (compare_pieces(&name, &c) <= 0)
      low = mid;
    else
      high = mid;
  }
  return low;
}

/* Keeps the items in a class of folder `dir`, with their labels. */
static void keep_split(image_list *l, const char *dir) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < l->n; i++) {
    image_item item = l->item[i];
    const char *rest = below(l->text + item.name, dir);
    piece c = first_part(rest ? rest : "");
    if (c.n > 0 && rest[c.n] == '/') {
      item.label = label_of(l, c);
      l->item[kept++] = item;
    } else {
      l->ignored += rest != NULL;
      free(item.data);
    }
  }
  l->n = kept;
}

/* torchvision's order: by class, then by folder, then by name. */
static int compare_items(const void *a, const void *b, void *text) {
  const image_item *x = a, *y = b;
  if (x->label != y->label) return x->label < y->label ? -1 : 1;
  const char *p = (const char *)text + x->name, *q = (const char *)text + y->name;
  piece dir_x = {p, (size_t)(strrchr(p, '/') - p)}, dir_y = {q, (size_t)(strrchr(q, '/') - q)};
  int r = compare_pieces(&dir_x, &dir_y);
  return r ? r : strcmp(p + dir_x.n, q + dir_y.n);
}

/* Says which classes have no image in this split. */
static lp_status check_classes(const image_list *l, const char *dir) {
  uint32_t empty = 0, next = 0;
  char list[300] = "";
  size_t n = 0;
  for (uint32_t k = 0; k < l->classes; k++) {
    while (next < l->n && l->item[next].label < k) next++;
    if (next < l->n && l->item[next].label == k) continue;
    if (empty++ < 5)
      n += (size_t)snprintf(list + n, sizeof list - n, "%s%.40s", empty > 1 ? ", " : "",
                            image_list_printable(l->class_name[k]));
  }
  if (empty == 0) return LP_OK;
  return image_list_fault(l, "%s%s%s: no images of %" PRIu32 " class%s: %s%s", l->root,
                          *dir ? "/" : "", dir, empty, empty > 1 ? "es" : "", list,
                          empty > 5 ? ", ..." : "");
}

static lp_status arrange(image_list *l, lp_split split) {
  for (size_t strip = 0; l->fd >= 0 && (strip = wrapping(l, 0)) > 0;) remove_prefix(l, strip);
  bool train = has_folder(l, "train"), val = has_folder(l, "val");
  const char *dir = image_list_split(train, val, split);
  lp_status s = find_classes(l, train || val);
  if (s != LP_OK) return s;
  keep_split(l, dir);
  if (l->n == 0)
    return lp_fail(LP_ERR_FORMAT,
                   "%s%s%s holds no images: expected a folder for each class with JPEG or PNG "
                   "files in it",
                   l->root, *dir ? "/" : "", dir);
  qsort_r(l->item, l->n, sizeof *l->item, compare_items, l->text);
  if (split == LP_SPLIT_TEST && !(train && val))
    lp_log(LP_LOG_WARNING,
           "%s is not divided into train/ and val/: the test images are the "
           "training images",
           l->root);
  if (l->ignored)
    lp_log(LP_LOG_INFO, "%s: %" PRIu32 " files that are no images by name or are in no class",
           l->root, l->ignored);
  return check_classes(l, dir);
}

lp_status image_list_read(image_list *l, const char *path, lp_split split, bool strict) {
  *l = (image_list){.fd = -1, .strict = strict};
  struct stat st;
  l->root = strdup(path);
  if (!l->root) return lp_fail(LP_ERR_MEMORY, "out of memory opening %s", path);
  if (stat(path, &st) != 0) {
    lp_status code = errno == ENOENT || errno == ENOTDIR ? LP_ERR_NOT_FOUND : LP_ERR_IO;
    return lp_fail(code, "cannot open the images in %s: %s", path, strerror(errno));
  }
  lp_status s =
      S_ISDIR(st.st_mode) ? image_list_folder(l, path, split) : image_list_archive(l, path);
  return s == LP_OK ? arrange(l, split) : s;
}

void image_list_free(image_list *l) {
  for (uint32_t i = 0; i < l->n; i++) free(l->item[i].data);
  for (uint32_t k = 0; k < l->classes; k++) free(l->class_name[k]);
  if (l->fd >= 0) close(l->fd);
  free(l->class_name);
  free(l->item);
  free(l->folder);
  free(l->text);
  free(l->root);
  *l = (image_list){.fd = -1};
}

/* ---- reading ------------------------------------------------------------------------------- */

static lp_status read_at(int fd, uint64_t offset, uint8_t *to, size_t n) {
  for (size_t done = 0; done < n;) {
    ssize_t k = pread(fd, to + done, n - done, (off_t)(offset + done));
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) return lp_fail(LP_ERR_IO, "cannot read it: %s", strerror(errno));
    if (k == 0) return lp_fail(LP_ERR_FORMAT, "%zu bytes of %zu: the file is cut short", done, n);
    done += (size_t)k;
  }
  return LP_OK;
}

static lp_status load(int fd, uint64_t offset, uint64_t size, uint8_t **bytes, size_t *n) {
  if (size > MAX_FILE) return lp_fail(LP_ERR_FORMAT, "%" PRIu64 " bytes are no image", size);
  *n = (size_t)size;
  *bytes = malloc(*n + 1);
  if (!*bytes) return lp_fail(LP_ERR_MEMORY, "out of memory reading an image of %zu bytes", *n);
  lp_status s = read_at(fd, offset, *bytes, *n);
  if (s != LP_OK) {
    free(*bytes);
    *bytes = NULL;
  }
  return s;
}

lp_status image_list_load(const image_list *l, uint32_t i, uint8_t **bytes, size_t *n) {
  const image_item *item = &l->item[i];
  *bytes = NULL;
  *n = 0;
  if (item->data) {
    *bytes = malloc((size_t)item->size + 1);
    if (!*bytes) return lp_fail(LP_ERR_MEMORY, "out of memory reading an image");
    memcpy(*bytes, item->data, (size_t)item->size);
    *n = (size_t)item->size;
    return LP_OK;
  }
  if (l->fd >= 0) return load(l->fd, item->offset, item->size, bytes, n);
  char *path = lp_path_join(l->root, l->text + item->name);
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory reading an image");
  /* Not blocking: what was a file may have become a pipe. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  free(path);
  struct stat st;
  if (fd < 0) return lp_fail(LP_ERR_IO, "cannot open it: %s", strerror(errno));
  lp_status s = LP_OK;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
    s = lp_fail(LP_ERR_IO, "it is not a regular file");
  if (s == LP_OK) s = load(fd, 0, (uint64_t)st.st_size, bytes, n);
  close(fd);
  return s;
}
