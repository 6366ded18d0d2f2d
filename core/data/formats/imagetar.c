/* Listing the images of a tar archive. Of an archive that is not compressed only their places are
 * kept, and they are read from it when they are needed; from a compressed one they are kept as they
 * are, JPEG or PNG. */
#include "imagelist.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 512, MAX_MEMBER = 1 << 30, MAX_LABELS = 1 << 28 };

typedef struct tar {
  image_list *list;
  struct archive *a;
  const uint8_t *bytes; /* the archive, mapped while it is listed */
  size_t n;
  uint32_t links;
} tar;

/* "./a//b/" to "a/b". NULL when the path has a part ".." or memory is exhausted. */
static char *normal_path(const char *path) {
  char *out = malloc(strlen(path) + 1);
  size_t n = 0;
  while (out && *path) {
    size_t part = strcspn(path, "/");
    if (part == 2 && path[0] == '.' && path[1] == '.') {
      free(out);
      return NULL;
    }
    if (part > 0 && !(part == 1 && path[0] == '.')) {
      if (n > 0) out[n++] = '/';
      memcpy(out + n, path, part);
      n += part;
    }
    path += part + (path[part] == '/');
  }
  if (out) out[n] = 0;
  return out;
}

static lp_status damaged(const tar *t) {
  const char *said = archive_error_string(t->a);
  return lp_image_list_fault(t->list, "%s is damaged or cut short after %" PRIu32 " images: %s",
                             t->list->root, t->list->n, said ? said : "unknown cause");
}

/* Copies the rest of a member, whose first block is given. */
static lp_status copy_member(const tar *t, const void *block, size_t len, la_int64_t at,
                             image_item *item) {
  if (item->size > MAX_MEMBER)
    return lp_fail(LP_ERR_FORMAT, "%s: a member of %" PRIu64 " bytes", t->list->root, item->size);
  item->data = calloc((size_t)item->size + 1, 1);
  if (!item->data)
    return lp_fail(LP_ERR_MEMORY, "out of memory reading %s, which is compressed: unpack it",
                   t->list->root);
  uint64_t end = 0;
  int r = ARCHIVE_OK;
  while (r == ARCHIVE_OK) {
    if (at < 0 || (uint64_t)at > item->size || len > item->size - (uint64_t)at) break;
    memcpy(item->data + at, block, len);
    end = (uint64_t)at + len;
    r = archive_read_data_block(t->a, &block, &len, &at);
  }
  if (r != ARCHIVE_EOF) item->size = end; /* what is there is found broken later */
  return LP_OK;
}

static lp_status add_member(const tar *t, const char *name, uint64_t size, const char *format) {
  image_item item = {.size = size, .format = format};
  const void *block = NULL;
  size_t len = 0;
  la_int64_t at = 0;
  int r = archive_read_data_block(t->a, &block, &len, &at);
  const uint8_t *p = block;
  if (r == ARCHIVE_OK) {
    /* libarchive hands out pieces of the mapped file where it need not decompress. */
    bool plain = p >= t->bytes && p < t->bytes + t->n && at == 0;
    if (plain && (len == size || p + len == t->bytes + t->n)) {
      item.offset = (uint64_t)(p - t->bytes);
    } else {
      lp_status s = copy_member(t, block, len, at, &item);
      if (s != LP_OK) return s;
    }
  } else {
    item.size = 0; /* an empty file, or nothing is left of it */
  }
  return lp_image_list_add(t->list, name, item);
}

static lp_status add_labels(const tar *t, const char *name, la_int64_t size) {
  if (size < 0 || size > MAX_LABELS)
    return lp_fail(LP_ERR_FORMAT, "%s: %s has %" PRId64 " bytes", t->list->root, name,
                   (int64_t)size);
  char *text = calloc((size_t)size + 1, 1);
  if (!text) return lp_image_list_out_of_memory(t->list);
  la_ssize_t n = archive_read_data(t->a, text, (size_t)size);
  lp_status s = n < 0 ? damaged(t) : lp_image_list_add_labels(t->list, name, text, (size_t)n);
  free(text);
  return s;
}

static lp_status add_entry(tar *t, struct archive_entry *e) {
  const char *path = archive_entry_pathname(e);
  if (!path) path = archive_entry_pathname_utf8(e); /* not in the locale's character set */
  char *name = path ? normal_path(path) : NULL;
  if (!name || !*name) {
    t->list->ignored += name == NULL;
    free(name);
    return LP_OK;
  }
  lp_status s = LP_OK;
  const char *leaf = strrchr(name, '/'), *format = NULL;
  leaf = leaf ? leaf + 1 : name;
  if (lp_image_path_left_out(name))
    t->list->system++;
  else if (archive_entry_filetype(e) == AE_IFDIR)
    s = lp_image_list_add_folder(t->list, name);
  else if (strcmp(leaf, lp_image_label_file) == 0)
    s = add_labels(t, name, archive_entry_size(e));
  else if (!lp_image_list_is_image(name, &format))
    t->list->ignored++;
  else if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))
    t->links++;
  else
    s = add_member(t, name, (uint64_t)archive_entry_size(e), format);
  free(name);
  return s;
}

static lp_status list_members(tar *t) {
  struct archive_entry *e;
  lp_status s = LP_OK;
  bool any = false;
  int r = ARCHIVE_OK;
  while (s == LP_OK) {
    do r = archive_read_next_header(t->a, &e);
    while (r == ARCHIVE_RETRY);
    if (r != ARCHIVE_OK && r != ARCHIVE_WARN) break;
    any = true;
    s = add_entry(t, e);
  }
  if (s != LP_OK) return s;
  if (r != ARCHIVE_EOF && !any)
    return lp_fail(LP_ERR_FORMAT, "%s is not a tar archive: %s", t->list->root,
                   archive_error_string(t->a));
  if (r != ARCHIVE_EOF) return damaged(t);
  if (t->links)
    s = lp_image_list_fault(t->list, "%s: %" PRIu32 " images are links, which are left out",
                            t->list->root, t->links);
  if (s != LP_OK || archive_filter_code(t->a, 0) != ARCHIVE_FILTER_NONE) return s;
  /* libarchive takes the end of the file for the end of the archive; its mark are zeros. */
  size_t zeros = 0;
  while (zeros < t->n && t->bytes[t->n - 1 - zeros] == 0) zeros++;
  return zeros >= BLOCK ? s
                        : lp_image_list_fault(t->list,
                                              "%s lacks the mark at its end: it is cut short after "
                                              "%" PRIu32 " images",
                                              t->list->root, t->list->n);
}

static lp_status list_mapped(tar *t) {
  t->a = archive_read_new();
  if (!t->a) return lp_fail(LP_ERR_MEMORY, "out of memory opening %s", t->list->root);
  archive_read_support_format_tar(t->a);
  archive_read_support_filter_gzip(t->a);
  archive_read_support_filter_bzip2(t->a);
  archive_read_support_filter_xz(t->a);
  archive_read_support_filter_zstd(t->a);
  lp_status s;
  if (archive_read_open_memory(t->a, t->bytes, t->n) == ARCHIVE_OK)
    s = list_members(t);
  else
    s = lp_fail(LP_ERR_FORMAT, "%s is not a tar archive: %s", t->list->root,
                archive_error_string(t->a));
  archive_read_free(t->a);
  return s;
}

lp_status lp_image_list_archive(image_list *l, const char *file) {
  struct stat st;
  l->fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (l->fd < 0 || fstat(l->fd, &st) != 0)
    return lp_fail(LP_ERR_IO, "cannot open %s: %s", file, strerror(errno));
  if (!S_ISREG(st.st_mode) || st.st_size == 0)
    return lp_fail(LP_ERR_FORMAT, "%s is not a tar archive: %s", file,
                   S_ISREG(st.st_mode) ? "it is empty" : "not a regular file");
  size_t n = (size_t)st.st_size;
  void *map = mmap(NULL, n, PROT_READ, MAP_PRIVATE, l->fd, 0);
  if (map == MAP_FAILED) return lp_fail(LP_ERR_IO, "cannot map %s: %s", file, strerror(errno));
  tar t = {.list = l, .bytes = map, .n = n};
  lp_status s = list_mapped(&t);
  munmap(map, n);
  return s;
}
