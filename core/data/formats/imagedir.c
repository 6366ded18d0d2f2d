/* Listing the images of a folder. Links are followed, as torchvision does; one that leads back to a
 * folder it lies in is not. */
#include "imagelist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folders that a folder lies in. */
typedef struct chain {
  dev_t dev;
  ino_t ino;
  const struct chain *up;
  int depth;
} chain;

enum { MAX_DEPTH = 64 };

/* How much of a folder is listed. */
typedef enum scope { ALL, FOLDERS_ONLY } scope;

static lp_status scan(image_list *l, int fd, const char *name, const chain *up, scope how);

static bool leads_back(const chain *c, const struct stat *st) {
  for (; c; c = c->up)
    if (c->dev == st->st_dev && c->ino == st->st_ino) return true;
  return false;
}

/* Lists the folder `leaf` of folder fd. name: its path below the root, "" for the root. */
static lp_status enter(image_list *l, int fd, const char *leaf, const char *name, const chain *up,
                       scope how) {
  int sub = openat(fd, leaf, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (sub < 0)
    return lp_fail(LP_ERR_IO, "cannot open the folder %s/%s: %s", l->root,
                   lp_image_list_printable(name), strerror(errno));
  return scan(l, sub, name, up, how);
}

static lp_status visit(image_list *l, int fd, const char *leaf, const char *name, const chain *here,
                       scope how) {
  struct stat st;
  image_item item = {0};
  bool image = lp_image_list_is_image(leaf, &item.format);
  if (lp_image_name_left_out(leaf)) {
    l->system += how == ALL && strchr(name, '/');
    return LP_OK;
  }
  if (fstatat(fd, leaf, &st, 0) != 0) {
    /* A link into nowhere, or a circle of links. It is found broken when it is read. */
    if (how == ALL && image) return lp_image_list_add(l, name, item);
    l->ignored++;
    return LP_OK;
  }
  if (S_ISDIR(st.st_mode)) {
    if (leads_back(here, &st))
      return lp_image_list_fault(l, "%s/%s leads back to a folder that it lies in; left out",
                                 l->root, lp_image_list_printable(name));
    lp_status s = lp_image_list_add_folder(l, name);
    return s == LP_OK && how == ALL ? enter(l, fd, leaf, name, here, how) : s;
  }
  if (how != ALL) return LP_OK;
  item.size = (uint64_t)st.st_size;
  if (S_ISREG(st.st_mode) && image) return lp_image_list_add(l, name, item);
  l->ignored += strcmp(leaf, lp_image_label_file) != 0;
  return LP_OK;
}

/* Takes fd over. */
static lp_status scan(image_list *l, int fd, const char *name, const chain *up, scope how) {
  struct stat st;
  chain here = {.up = up, .depth = up ? up->depth + 1 : 0};
  DIR *d = fdopendir(fd);
  if (!d || fstat(fd, &st) != 0 || here.depth > MAX_DEPTH) {
    lp_status s = lp_fail(LP_ERR_IO, "cannot list the folder %s/%s: %s", l->root,
                          lp_image_list_printable(name),
                          here.depth > MAX_DEPTH ? "nested too deeply" : strerror(errno));
    if (d)
      closedir(d);
    else
      close(fd);
    return s;
  }
  here.dev = st.st_dev;
  here.ino = st.st_ino;
  lp_status s = LP_OK;
  errno = 0;
  for (struct dirent *e; s == LP_OK && (e = readdir(d)); errno = 0) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    size_t n = strlen(name);
    char *path = malloc(n + strlen(e->d_name) + 2);
    if (!path) {
      s = lp_fail(LP_ERR_MEMORY, "out of memory listing the images of %s", l->root);
      break;
    }
    memcpy(path, name, n);
    if (n > 0) path[n++] = '/';
    strcpy(path + n, e->d_name);
    s = visit(l, fd, e->d_name, path, &here, how);
    free(path);
  }
  if (s == LP_OK && errno)
    s = lp_fail(LP_ERR_IO, "cannot list the folder %s/%s: %s", l->root,
                lp_image_list_printable(name), strerror(errno));
  closedir(d);
  return s;
}

static lp_status add_child(image_children *c, int fd, const char *leaf) {
  struct stat st;
  c->system += lp_image_name_left_out(leaf);
  if (lp_image_name_left_out(leaf)) return LP_OK;
  bool there = fstatat(fd, leaf, &st, 0) == 0;
  if (there && S_ISDIR(st.st_mode)) return lp_image_children_add(c, leaf, strlen(leaf));
  c->images += lp_image_list_is_image(leaf, NULL);
  c->labels |= strcmp(leaf, lp_image_label_file) == 0;
  return LP_OK;
}

lp_status lp_image_list_peek_folder(const image_list *l, const char *dir, image_children *out) {
  char *path = lp_path_join(l->root, *dir ? dir : ".");
  DIR *d = path ? opendir(path) : NULL;
  lp_status s = path ? LP_OK : lp_image_list_out_of_memory(l);
  free(path);
  for (struct dirent *e; d && s == LP_OK && (e = readdir(d));)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      s = add_child(out, dirfd(d), e->d_name);
  if (d) closedir(d);
  return s;
}

static lp_status read_labels(image_list *l, const char *part) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s/%s", l->root, part, lp_image_label_file) < 0)
    return lp_image_list_out_of_memory(l);
  void *text = NULL;
  size_t n = 0;
  lp_status s = LP_OK;
  if (access(path, F_OK) == 0) s = lp_read_file(path, &text, &n);
  if (s == LP_OK && text) s = lp_image_list_add_labels(l, path + strlen(l->root) + 1, text, n);
  free(text);
  free(path);
  return s;
}

lp_status lp_image_list_folder(image_list *l, const char *wanted) {
  int fd = open(l->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0) {
    lp_status s = lp_fail(LP_ERR_IO, "cannot open the folder %s: %s", l->root, strerror(errno));
    if (fd >= 0) close(fd);
    return s;
  }
  if (!*wanted) return scan(l, fd, "", NULL, ALL);
  const chain root = {st.st_dev, st.st_ino, NULL, 0};
  lp_status s = LP_OK;
  for (int i = 0; i < 2 && s == LP_OK; i++) {
    const char *part = l->part[i];
    if (i == 1 && strcmp(part, l->part[0]) == 0) break;
    s = lp_image_list_add_folder(l, part);
    if (s == LP_OK) s = read_labels(l, part);
    /* Of the other split, the names of its classes are enough. */
    if (s == LP_OK)
      s = enter(l, fd, part, part, &root, strcmp(part, wanted) == 0 ? ALL : FOLDERS_ONLY);
  }
  close(fd);
  return s;
}
