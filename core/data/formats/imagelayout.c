/* The layout of an image set: where its classes lie, and which folder holds training and which test
 * images. What class an image is of: imageclasses.c. */
#include "../text.h"
#include "imagelist.h"

#include <errno.h>
#include <inttypes.h>
#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char lp_image_label_file[] = "val_annotations.txt"; /* lines "FILE<tab>CLASS<tab>..." */
enum { MAX_WRAPPING = 16 };

/* ---- what a folder holds ------------------------------------------------------------------- */

bool lp_image_children_has(const image_children *c, const char *name) {
  for (uint32_t i = 0; i < c->n; i++)
    if (strcmp(c->folder[i], name) == 0) return true;
  return false;
}

lp_status lp_image_children_add(image_children *c, const char *name, size_t n) {
  for (uint32_t i = c->n; i-- > 0;) /* the last one first: archives are grouped */
    if (strncmp(c->folder[i], name, n) == 0 && !c->folder[i][n]) return LP_OK;
  if (c->n == c->cap) {
    uint32_t cap = 2 * c->cap + 16;
    char **p = realloc(c->folder, cap * sizeof *p);
    if (p) c->folder = p;
    if (p) c->cap = cap;
  }
  char *copy = c->n < c->cap ? strndup(name, n) : NULL;
  if (!copy) return lp_fail(LP_ERR_MEMORY, "out of memory listing folders");
  c->folder[c->n++] = copy;
  return LP_OK;
}

void lp_image_children_free(image_children *c) {
  for (uint32_t i = 0; i < c->n; i++) free(c->folder[i]);
  free(c->folder);
  *c = (image_children){0};
}

static lp_status peek_archive(const image_list *l, const char *dir, image_children *c) {
  lp_status s = LP_OK;
  for (uint32_t i = 0; i < l->n + l->n_folders && s == LP_OK; i++) {
    const bool folder = i >= l->n;
    const char *name = l->text + (folder ? l->folder[i - l->n] : l->item[i].name);
    const char *rest = lp_image_path_below(name, dir);
    if (!rest || !*rest) continue;
    size_t n = strcspn(rest, "/");
    if (folder || rest[n])
      s = lp_image_children_add(c, rest, n);
    else
      c->images++;
  }
  for (uint32_t i = 0; i < l->n_labels; i++) {
    const char *rest = lp_image_path_below(l->labels[i].name, dir);
    c->labels |= rest && strcmp(rest, lp_image_label_file) == 0;
  }
  return s;
}

lp_status lp_image_list_peek(const image_list *l, const char *dir, image_children *out) {
  *out = (image_children){0};
  return l->fd < 0 ? lp_image_list_peek_folder(l, dir, out) : peek_archive(l, dir, out);
}

static char *join(const char *dir, const char *name) {
  char *path = NULL;
  if (asprintf(&path, "%s%s%s", dir, *dir ? "/" : "", name) < 0) return NULL;
  return path;
}

static lp_status peek_in(const image_list *l, const char *dir, const char *name,
                         image_children *out) {
  char *path = join(dir, name);
  lp_status s = path ? lp_image_list_peek(l, path, out) : lp_image_list_out_of_memory(l);
  free(path);
  return s;
}

/* ---- the level ----------------------------------------------------------------------------- */

/* Are these folders splits? So it is where each is called so, or where one for training holds
 * folders itself: a class may be called "train" as well. */
static lp_status are_splits(const image_list *l, const char *dir, const image_children *c,
                            bool *yes) {
  *yes = c->n > 0;
  for (uint32_t i = 0; i < c->n; i++) *yes &= lp_image_name_role(c->folder[i]) != ROLE_NONE;
  for (uint32_t i = 0; i < c->n && !*yes; i++) {
    if (lp_image_name_role(c->folder[i]) != ROLE_TRAIN) continue;
    image_children inner = {0};
    lp_status s = peek_in(l, dir, c->folder[i], &inner);
    *yes = inner.n > 0;
    lp_image_children_free(&inner);
    if (s != LP_OK) return s;
  }
  return LP_OK;
}

/* Archives and downloads often wrap everything in one folder. */
static lp_status enter_wrapping(image_list *l, image_children *c, bool *splits) {
  l->level = strdup("");
  lp_status s = l->level ? lp_image_list_peek(l, "", c) : lp_image_list_out_of_memory(l);
  if (s == LP_OK) s = are_splits(l, "", c, splits);
  for (int depth = 0; s == LP_OK && !*splits && c->n == 1 && depth < MAX_WRAPPING; depth++) {
    image_children inner = {0};
    bool inner_splits = false;
    char *path = join(l->level, c->folder[0]);
    s = path ? lp_image_list_peek(l, path, &inner) : lp_image_list_out_of_memory(l);
    if (s == LP_OK) s = are_splits(l, path, &inner, &inner_splits);
    const bool wraps = inner_splits || (c->images + inner.images == 0 && inner.n > 0);
    if (s != LP_OK || !wraps) {
      free(path);
      lp_image_children_free(&inner);
      break;
    }
    free(l->level);
    l->level = path;
    lp_image_children_free(c);
    inner.system += c->system;
    *c = inner;
    *splits = inner_splits;
  }
  return s;
}

/* ---- the splits ---------------------------------------------------------------------------- */

typedef struct candidate {
  const char *folder;
  image_role role;
  image_children inner;
  bool usable, shares; /* has classes; has one of the training images' */
} candidate;

/* The one usable candidate of a role, or NULL. */
static lp_status choose(const image_list *l, const candidate *all, uint32_t n, image_role role,
                        bool sharing, const candidate **out) {
  for (uint32_t i = 0; i < n; i++) {
    if (all[i].role != role || !all[i].usable || (sharing && !all[i].shares)) continue;
    if (*out)
      return lp_fail(LP_ERR_FORMAT, "%s: %s and %s can both be the %s images: rename one", l->root,
                     (*out)->folder, all[i].folder, role == ROLE_TRAIN ? "training" : "test");
    *out = &all[i];
  }
  return LP_OK;
}

static lp_status look_into(const image_list *l, const image_children *c, candidate *all) {
  lp_status s = LP_OK;
  for (uint32_t i = 0; i < c->n && s == LP_OK; i++) {
    all[i].folder = c->folder[i];
    all[i].role = lp_image_name_role(c->folder[i]);
    if (all[i].role == ROLE_NONE) continue;
    s = peek_in(l, l->level, c->folder[i], &all[i].inner);
    all[i].usable = all[i].inner.n > 0;
  }
  return s;
}

static void find_shared(candidate *all, uint32_t n, const candidate *train) {
  for (uint32_t i = 0; i < n; i++) {
    all[i].shares = all[i].inner.labels;
    for (uint32_t k = 0; train && k < all[i].inner.n && !all[i].shares; k++)
      all[i].shares = lp_image_children_has(&train->inner, all[i].inner.folder[k]);
  }
}

/* Says what was taken for what, unless it is just what the manual says. */
static lp_status note_splits(image_list *l, const candidate *all, uint32_t n,
                             const candidate *train, const candidate *test) {
  char unused[300] = "";
  size_t used = 0;
  uint32_t others = 0;
  for (uint32_t i = 0; i < n; i++) {
    if (&all[i] == train || &all[i] == test) continue;
    if (others++ < 4)
      used += (size_t)snprintf(unused + used, sizeof unused - used, "%s%.60s/",
                               others > 1 ? ", " : "", lp_image_list_printable(all[i].folder));
  }
  if (!train || !test)
    return lp_dataset_add_notef(
        l->noted, others > 0, "%s%s%s holds no folder for %s images: those in %s/ are used%s%s",
        l->root, *l->level ? "/" : "", l->level, train ? "test" : "training",
        (train ? train : test)->folder, others ? "; not used: " : "", unused);
  bool usual = strcmp(train->folder, "train") == 0 && strcmp(test->folder, "val") == 0;
  if (usual && !others) return LP_OK;
  return lp_dataset_add_notef(l->noted, others > 0,
                              "%s%s%s: training images from %s/, test images from %s/%s%s%s",
                              l->root, *l->level ? "/" : "", l->level, train->folder, test->folder,
                              others ? "; not used: " : "", unused, others > 4 ? ", ..." : "");
}

static lp_status set_parts(image_list *l, const char *train, const char *test) {
  l->part[0] = strdup(train);
  l->part[1] = strdup(test);
  return l->part[0] && l->part[1] ? LP_OK : lp_image_list_out_of_memory(l);
}

static lp_status find_splits(image_list *l, const image_children *c, lp_split split) {
  candidate *all = calloc(c->n + 1, sizeof *all);
  if (!all) return lp_image_list_out_of_memory(l);
  const candidate *train = NULL, *test = NULL;
  lp_status s = look_into(l, c, all);
  if (s == LP_OK) s = choose(l, all, c->n, ROLE_TRAIN, false, &train);
  find_shared(all, c->n, train);
  /* A folder without a class of training is likely one of images without labels. */
  for (int sharing = train != NULL; sharing >= 0 && !test; sharing--) {
    if (s == LP_OK) s = choose(l, all, c->n, ROLE_TEST, sharing, &test);
    if (s == LP_OK && !test) s = choose(l, all, c->n, ROLE_VAL, sharing, &test);
  }
  if (s == LP_OK && !train && !test)
    s = lp_fail(LP_ERR_FORMAT,
                "%s%s%s holds no images in classes: expected a folder for each class with JPEG or "
                "PNG files in it, in %s/ as well",
                l->root, *l->level ? "/" : "", l->level, c->folder[0]);
  if (s == LP_OK) s = set_parts(l, (train ? train : test)->folder, (test ? test : train)->folder);
  if (s == LP_OK && split == LP_SPLIT_TEST) {
    l->noted->is_training = !train || !test;
    s = note_splits(l, all, c->n, train, test);
  }
  for (uint32_t i = 0; i < c->n; i++) lp_image_children_free(&all[i].inner);
  free(all);
  return s;
}

/* A split beside classes is no class. */
static lp_status check_classes_for_splits(image_list *l, const image_children *c) {
  lp_status s = LP_OK;
  for (uint32_t i = 0; i < c->n && s == LP_OK; i++) {
    if (lp_image_name_role(c->folder[i]) == ROLE_NONE) continue;
    image_children inner = {0};
    s = peek_in(l, l->level, c->folder[i], &inner);
    if (s == LP_OK && inner.n > 0)
      s = lp_fail(LP_ERR_FORMAT,
                  "%s%s%s: the folder %s/ beside %s/ looks like test images beside classes: put "
                  "the classes of the training images into a folder train/",
                  l->root, *l->level ? "/" : "", l->level, c->folder[i],
                  c->folder[i == 0 && c->n > 1]);
    else if (s == LP_OK)
      s = lp_dataset_add_notef(l->noted, true, "%s: '%s' is taken for a class", l->root,
                               c->folder[i]);
    lp_image_children_free(&inner);
  }
  return s;
}

lp_status lp_image_layout_find(image_list *l, lp_split split) {
  image_children c = {0};
  bool splits = false;
  lp_status s = enter_wrapping(l, &c, &splits);
  l->system += c.system;
  if (s == LP_OK && *l->level)
    s = lp_dataset_add_notef(l->noted, false, "%s: the images are those in %s/", l->root,
                             lp_image_list_printable(l->level));
  if (s == LP_OK) s = splits ? find_splits(l, &c, split) : set_parts(l, "", "");
  if (s == LP_OK && !splits) s = check_classes_for_splits(l, &c);
  if (s == LP_OK && !splits && split == LP_SPLIT_TEST) {
    l->noted->is_training = true;
    s = lp_dataset_add_notef(l->noted, false,
                             "%s is not divided into train/ and val/: all its images are used",
                             l->root);
  }
  lp_image_children_free(&c);
  if (s != LP_OK || l->fd >= 0 || !*l->level) return s;
  char *root = lp_path_join(l->root, l->level);
  if (!root) return lp_image_list_out_of_memory(l);
  free(l->root);
  l->root = root;
  l->level[0] = 0;
  return LP_OK;
}
