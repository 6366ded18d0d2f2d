/* The list of images: collecting names, reading files. */
#include "imagelist.h"
#include "../text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locality/io.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 1 << 30 };

lp_status lp_image_list_out_of_memory(const image_list *l) {
  return lp_fail(LP_ERR_MEMORY, "out of memory listing the images of %s", l->root);
}

/* ---- collecting ---------------------------------------------------------------------------- */

static lp_status add_text(image_list *l, const char *name, size_t *at) {
  size_t n = strlen(name) + 1;
  if (l->text_cap - l->text_used < n) {
    size_t cap = 2 * l->text_cap + n + 4096;
    char *text = realloc(l->text, cap);
    if (!text) return lp_image_list_out_of_memory(l);
    l->text = text;
    l->text_cap = cap;
  }
  *at = l->text_used;
  memcpy(l->text + l->text_used, name, n);
  l->text_used += n;
  return LP_OK;
}

/* Takes item.data over, also on failure. */
lp_status lp_image_list_add(image_list *l, const char *name, image_item item) {
  lp_status s = LP_OK;
  if (l->n == l->cap) {
    uint32_t cap = 2 * l->cap + 256;
    image_item *p = realloc(l->item, cap * sizeof *p);
    if (p) {
      l->item = p;
      l->cap = cap;
    } else {
      s = lp_image_list_out_of_memory(l);
    }
  }
  if (s == LP_OK) s = add_text(l, name, &item.name);
  if (s == LP_OK)
    l->item[l->n++] = item;
  else
    free(item.data);
  return s;
}

lp_status lp_image_list_add_folder(image_list *l, const char *name) {
  if (l->n_folders == l->folder_cap) {
    uint32_t cap = 2 * l->folder_cap + 64;
    size_t *p = realloc(l->folder, cap * sizeof *p);
    if (!p) return lp_image_list_out_of_memory(l);
    l->folder = p;
    l->folder_cap = cap;
  }
  lp_status s = add_text(l, name, &l->folder[l->n_folders]);
  if (s == LP_OK) l->n_folders++;
  return s;
}

lp_status lp_image_list_add_labels(image_list *l, const char *name, const void *text, size_t n) {
  if (l->n_labels == MAX_LABEL_FILES) return LP_OK;
  image_labels *f = &l->labels[l->n_labels++];
  *f = (image_labels){strdup(name), malloc(n + 1)};
  if (!f->name || !f->text) return lp_image_list_out_of_memory(l);
  if (n) memcpy(f->text, text, n);
  f->text[n] = 0;
  return LP_OK;
}

const char *lp_image_path_below(const char *path, const char *dir) {
  size_t n = strlen(dir);
  if (n == 0) return path;
  return strncmp(path, dir, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

const char *lp_image_list_printable(const char *name) {
  static _Thread_local char buf[4][400];
  static _Thread_local unsigned turn;
  char *out = buf[turn++ % 4];
  lp_text_printable(name, out, sizeof buf[0]);
  return out;
}

const char *lp_image_list_name(const image_list *l, uint32_t i) {
  return lp_image_list_printable(l->text + l->item[i].name);
}

lp_status lp_image_list_fault(const image_list *l, const char *fmt, ...) {
  char text[900];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  if (l->strict) return lp_fail(LP_ERR_FORMAT, "%s", text);
  return lp_dataset_add_note(l->noted, true, text);
}

/* ---- the whole ----------------------------------------------------------------------------- */

lp_status lp_image_list_read(image_list *l, const char *path, lp_split split, bool strict,
                             lp_dataset *noted) {
  *l = (image_list){.fd = -1, .strict = strict, .noted = noted};
  struct stat st;
  l->root = strdup(path);
  if (!l->root) return lp_fail(LP_ERR_MEMORY, "out of memory opening %s", path);
  if (stat(path, &st) != 0) {
    lp_status code = errno == ENOENT || errno == ENOTDIR ? LP_ERR_NOT_FOUND : LP_ERR_IO;
    return lp_fail(code, "cannot open the images in %s: %s", path, strerror(errno));
  }
  const bool folder = S_ISDIR(st.st_mode);
  lp_status s = folder ? LP_OK : lp_image_list_archive(l, path);
  if (s == LP_OK) s = lp_image_layout_find(l, split);
  if (s == LP_OK && folder) s = lp_image_list_folder(l, l->part[split]);
  return s == LP_OK ? lp_image_layout_apply(l, split) : s;
}

void lp_image_list_free(image_list *l) {
  for (uint32_t i = 0; i < l->n; i++) free(l->item[i].data);
  for (uint32_t k = 0; k < l->classes; k++) free(l->class_name[k]);
  if (l->fd >= 0) close(l->fd);
  for (uint32_t i = 0; i < l->n_labels; i++) {
    free(l->labels[i].name);
    free(l->labels[i].text);
  }
  for (int i = 0; i < 2; i++) free(l->part[i]);
  free(l->level);
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
    *n = 0;
  }
  return s;
}

lp_status lp_image_list_load(const image_list *l, uint32_t i, uint8_t **bytes, size_t *n) {
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
