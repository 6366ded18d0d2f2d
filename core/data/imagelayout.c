/* The layout of an image set: where its classes lie, which folder holds training and which test
 * images, and what class an image is of. */
#include "imagelist.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char image_label_file[] = "val_annotations.txt"; /* lines "FILE<tab>CLASS<tab>..." */
static const char labelled_folder[] = "images";        /* whose images it is about */
enum { MAX_WRAPPING = 16 };

/* ---- what a folder holds ------------------------------------------------------------------- */

bool image_children_has(const image_children *c, const char *name) {
  for (uint32_t i = 0; i < c->n; i++)
    if (strcmp(c->folder[i], name) == 0) return true;
  return false;
}

lp_status image_children_add(image_children *c, const char *name, size_t n) {
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

void image_children_free(image_children *c) {
  for (uint32_t i = 0; i < c->n; i++) free(c->folder[i]);
  free(c->folder);
  *c = (image_children){0};
}

static lp_status peek_archive(const image_list *l, const char *dir, image_children *c) {
  lp_status s = LP_OK;
  for (uint32_t i = 0; i < l->n + l->n_folders && s == LP_OK; i++) {
    const bool folder = i >= l->n;
    const char *name = l->text + (folder ? l->folder[i - l->n] : l->item[i].name);
    const char *rest = image_path_below(name, dir);
    if (!rest || !*rest) continue;
    size_t n = strcspn(rest, "/");
    if (folder || rest[n])
      s = image_children_add(c, rest, n);
    else
      c->images++;
  }
  for (uint32_t i = 0; i < l->n_labels; i++) {
    const char *rest = image_path_below(l->labels[i].name, dir);
    c->labels |= rest && strcmp(rest, image_label_file) == 0;
  }
  return s;
}

lp_status image_list_peek(const image_list *l, const char *dir, image_children *out) {
  *out = (image_children){0};
  return l->fd < 0 ? image_list_peek_folder(l, dir, out) : peek_archive(l, dir, out);
}

static char *join(const char *dir, const char *name) {
  char *path = NULL;
  if (asprintf(&path, "%s%s%s", dir, *dir ? "/" : "", name) < 0) return NULL;
  return path;
}

static lp_status peek_in(const image_list *l, const char *dir, const char *name,
                         image_children *out) {
  char *path = join(dir, name);
  lp_status s = path ? image_list_peek(l, path, out) : image_list_out_of_memory(l);
  free(path);
  return s;
}

/* ---- the level ----------------------------------------------------------------------------- */

/* Are these folders splits? So it is where each is called so, or where one for training holds
 * folders itself: a class may be called "train" as well. */
static lp_status are_splits(const image_list *l, const char *dir, const image_children *c,
                            bool *yes) {
  *yes = c->n > 0;
  for (uint32_t i = 0; i < c->n; i++) *yes &= image_name_role(c->folder[i]) != ROLE_NONE;
  for (uint32_t i = 0; i < c->n && !*yes; i++) {
    if (image_name_role(c->folder[i]) != ROLE_TRAIN) continue;
    image_children inner = {0};
    lp_status s = peek_in(l, dir, c->folder[i], &inner);
    *yes = inner.n > 0;
    image_children_free(&inner);
    if (s != LP_OK) return s;
  }
  return LP_OK;
}

/* Archives and downloads often wrap everything in one folder. */
static lp_status enter_wrapping(image_list *l, image_children *c, bool *splits) {
  l->level = strdup("");
  lp_status s = l->level ? image_list_peek(l, "", c) : image_list_out_of_memory(l);
  if (s == LP_OK) s = are_splits(l, "", c, splits);
  for (int depth = 0; s == LP_OK && !*splits && c->n == 1 && depth < MAX_WRAPPING; depth++) {
    image_children inner = {0};
    bool inner_splits = false;
    char *path = join(l->level, c->folder[0]);
    s = path ? image_list_peek(l, path, &inner) : image_list_out_of_memory(l);
    if (s == LP_OK) s = are_splits(l, path, &inner, &inner_splits);
    const bool wraps = inner_splits || (c->images + inner.images == 0 && inner.n > 0);
    if (s != LP_OK || !wraps) {
      free(path);
      image_children_free(&inner);
      break;
    }
    free(l->level);
    l->level = path;
    image_children_free(c);
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
    all[i].role = image_name_role(c->folder[i]);
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
      all[i].shares = image_children_has(&train->inner, all[i].inner.folder[k]);
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
                               others > 1 ? ", " : "", image_list_printable(all[i].folder));
  }
  if (!train || !test)
    return dataset_notef(l->noted, others > 0,
                         "%s%s%s holds no folder for %s images: those in %s/ are used%s%s", l->root,
                         *l->level ? "/" : "", l->level, train ? "test" : "training",
                         (train ? train : test)->folder, others ? "; not used: " : "", unused);
  bool usual = strcmp(train->folder, "train") == 0 && strcmp(test->folder, "val") == 0;
  if (usual && !others) return LP_OK;
  return dataset_notef(l->noted, others > 0,
                       "%s%s%s: training images from %s/, test images from %s/%s%s%s", l->root,
                       *l->level ? "/" : "", l->level, train->folder, test->folder,
                       others ? "; not used: " : "", unused, others > 4 ? ", ..." : "");
}

static lp_status set_parts(image_list *l, const char *train, const char *test) {
  l->part[0] = strdup(train);
  l->part[1] = strdup(test);
  return l->part[0] && l->part[1] ? LP_OK : image_list_out_of_memory(l);
}

static lp_status find_splits(image_list *l, const image_children *c, lp_split split) {
  candidate *all = calloc(c->n + 1, sizeof *all);
  if (!all) return image_list_out_of_memory(l);
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
  for (uint32_t i = 0; i < c->n; i++) image_children_free(&all[i].inner);
  free(all);
  return s;
}

/* A split beside classes is no class. */
static lp_status check_classes_for_splits(image_list *l, const image_children *c) {
  lp_status s = LP_OK;
  for (uint32_t i = 0; i < c->n && s == LP_OK; i++) {
    if (image_name_role(c->folder[i]) == ROLE_NONE) continue;
    image_children inner = {0};
    s = peek_in(l, l->level, c->folder[i], &inner);
    if (s == LP_OK && inner.n > 0)
      s = lp_fail(LP_ERR_FORMAT,
                  "%s%s%s: the folder %s/ beside %s/ looks like test images beside classes: put "
                  "the classes of the training images into a folder train/",
                  l->root, *l->level ? "/" : "", l->level, c->folder[i],
                  c->folder[i == 0 && c->n > 1]);
    else if (s == LP_OK)
      s = dataset_notef(l->noted, true, "%s: '%s' is taken for a class", l->root, c->folder[i]);
    image_children_free(&inner);
  }
  return s;
}

lp_status image_layout_find(image_list *l, lp_split split) {
  image_children c = {0};
  bool splits = false;
  lp_status s = enter_wrapping(l, &c, &splits);
  l->system += c.system;
  if (s == LP_OK && *l->level)
    s = dataset_notef(l->noted, false, "%s: the images are those in %s/", l->root,
                      image_list_printable(l->level));
  if (s == LP_OK) s = splits ? find_splits(l, &c, split) : set_parts(l, "", "");
  if (s == LP_OK && !splits) s = check_classes_for_splits(l, &c);
  if (s == LP_OK && !splits && split == LP_SPLIT_TEST) {
    l->noted->is_training = true;
    s = dataset_notef(l->noted, false,
                      "%s is not divided into train/ and val/: all its images are used", l->root);
  }
  image_children_free(&c);
  if (s != LP_OK || l->fd >= 0 || !*l->level) return s;
  char *root = lp_path_join(l->root, l->level);
  if (!root) return image_list_out_of_memory(l);
  free(l->root);
  l->root = root;
  l->level[0] = 0;
  return LP_OK;
}

/* ---- files of labels ----------------------------------------------------------------------- */

typedef struct label_row {
  const char *file, *class;
} label_row;

/* The rows of a part's file of labels, sorted by file. */
typedef struct label_map {
  label_row *row;
  size_t n;
} label_map;

static int compare_rows(const void *a, const void *b) {
  return strcmp(((const label_row *)a)->file, ((const label_row *)b)->file);
}

/* Cuts the text into its rows. */
static lp_status parse_labels(const image_list *l, const image_labels *f, label_map *m) {
  size_t lines = 1;
  for (const char *p = f->text; *p; p++) lines += *p == '\n';
  m->row = calloc(lines, sizeof *m->row);
  if (!m->row) return image_list_out_of_memory(l);
  for (char *p = f->text, *next; p && *p; p = next) {
    next = strchr(p, '\n');
    if (next) *next++ = 0;
    p[strcspn(p, "\r")] = 0;
    if (!*p) continue;
    char *tab = strchr(p, '\t');
    if (!tab || tab == p || tab[1] == '\t' || !tab[1])
      return lp_fail(LP_ERR_FORMAT, "%s/%s: '%.60s', expected lines FILE<tab>CLASS", l->root,
                     f->name, image_list_printable(p));
    *tab++ = 0;
    tab[strcspn(tab, "\t")] = 0;
    m->row[m->n++] = (label_row){p, tab};
  }
  qsort(m->row, m->n, sizeof *m->row, compare_rows);
  return LP_OK;
}

static lp_status read_part_labels(const image_list *l, const char *part, label_map *m) {
  char *name = join(part, image_label_file);
  lp_status s = name ? LP_OK : image_list_out_of_memory(l);
  for (uint32_t i = 0; s == LP_OK && i < l->n_labels; i++)
    if (strcmp(l->labels[i].name, name) == 0) s = parse_labels(l, &l->labels[i], m);
  free(name);
  return s;
}

/* ---- classes ------------------------------------------------------------------------------- */

/* A piece of a text. */
typedef struct piece {
  const char *p;
  size_t n;
} piece;

static int compare_pieces(const void *a, const void *b) {
  const piece *x = a, *y = b;
  size_t n = x->n < y->n ? x->n : y->n;
  int r = memcmp(x->p, y->p, n);
  return r ? r : (x->n > y->n) - (x->n < y->n);
}

/* The class of a path below its part; false: none. */
static bool class_of(const char *rest, const label_map *m, bool is_folder, piece *out) {
  *out = (piece){rest, strcspn(rest, "/")};
  if (out->n == 0 || (!is_folder && rest[out->n] != '/')) return false;
  if (!m->n || out->n != strlen(labelled_folder) || strncmp(rest, labelled_folder, out->n) != 0)
    return true;
  if (is_folder) return false;
  const label_row key = {strrchr(rest, '/') + 1, NULL};
  const label_row *found = bsearch(&key, m->row, m->n, sizeof *m->row, compare_rows);
  if (found) *out = (piece){found->class, strlen(found->class)};
  return found != NULL;
}

/* Pieces without repetition, sorted. */
static size_t unique_pieces(piece *all, size_t n) {
  size_t unique = 0;
  qsort(all, n, sizeof *all, compare_pieces);
  for (size_t i = 0; i < n; i++)
    if (unique == 0 || compare_pieces(&all[i], &all[unique - 1]) != 0) all[unique++] = all[i];
  return unique;
}

static lp_status name_classes(image_list *l, const piece *all, size_t n) {
  l->class_name = calloc(n + 1, sizeof *l->class_name);
  if (!l->class_name) return image_list_out_of_memory(l);
  for (size_t i = 0; i < n; i++) {
    l->class_name[i] = strndup(all[i].p, all[i].n);
    if (!l->class_name[i]) return image_list_out_of_memory(l);
    l->classes++;
    if (!text_is_utf8(l->class_name[i]))
      return lp_fail(LP_ERR_FORMAT,
                     "%s: the name of class '%s' is not UTF-8; rename its folder (convmv does it)",
                     l->root, image_list_printable(l->class_name[i]));
  }
  return LP_OK;
}

/* The class names of both parts, so that they number alike. */
static lp_status find_classes(image_list *l, const label_map map[2]) {
  size_t most = (size_t)l->n + l->n_folders, n = 0;
  for (int k = 0; k < 2; k++) most += map[k].n;
  piece *all = malloc((2 * most + 1) * sizeof *all), c;
  if (!all) return image_list_out_of_memory(l);
  for (int k = 0; k < (strcmp(l->part[0], l->part[1]) == 0 ? 1 : 2); k++) {
    for (uint32_t i = 0; i < l->n_folders + l->n; i++) {
      bool is_folder = i < l->n_folders;
      size_t name = is_folder ? l->folder[i] : l->item[i - l->n_folders].name;
      const char *rest = image_path_below(l->text + name, l->part[k]);
      if (!rest || !class_of(rest, &map[k], is_folder, &c)) continue;
      if (n == 0 || compare_pieces(&c, &all[n - 1]) != 0) all[n++] = c;
    }
    for (size_t i = 0; i < map[k].n; i++)
      all[n++] = (piece){map[k].row[i].class, strlen(map[k].row[i].class)};
  }
  lp_status s = name_classes(l, all, unique_pieces(all, n));
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

/* ---- the images of a split ----------------------------------------------------------------- */

/* Files whose format is not read, by format in the order of the alphabet. */
typedef struct unread_count {
  const char *format[16];
  uint32_t count[16], n, total;
} unread_count;

static void count_unread(unread_count *u, const char *format) {
  uint32_t i = 0;
  while (i < u->n && strcmp(u->format[i], format) < 0) i++;
  u->total++;
  if (i == u->n || strcmp(u->format[i], format) != 0) {
    if (u->n == 16) return;
    for (uint32_t k = u->n++; k > i; k--) {
      u->format[k] = u->format[k - 1];
      u->count[k] = u->count[k - 1];
    }
    u->format[i] = format;
    u->count[i] = 0;
  }
  u->count[i]++;
}

/* "300 TIFF and 2 BMP files" */
static void tell_unread(const unread_count *u, char *out, size_t cap) {
  size_t n = 0;
  out[0] = 0;
  for (uint32_t i = 0; i < u->n && n < cap; i++)
    n += (size_t)snprintf(out + n, cap - n, "%s%" PRIu32 " %s",
                          i == 0         ? ""
                          : i + 1 < u->n ? ", "
                                         : " and ",
                          u->count[i], u->format[i]);
  if (n < cap) snprintf(out + n, cap - n, " file%s", u->total > 1 ? "s" : "");
}

/* Keeps the items in a class of the part, with their labels. */
static void keep_part(image_list *l, const char *part, const label_map *m, unread_count *unread,
                      uint32_t *unlabelled) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < l->n; i++) {
    image_item item = l->item[i];
    const char *rest = image_path_below(l->text + item.name, part);
    piece c;
    const bool classed = rest && class_of(rest, m, false, &c);
    if (classed && !item.format) {
      item.label = label_of(l, c);
      l->item[kept++] = item;
      continue;
    }
    if (classed)
      count_unread(unread, item.format);
    else if (rest && m->n && image_path_below(rest, labelled_folder))
      ++*unlabelled;
    else
      l->ignored += rest != NULL;
    free(item.data);
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

/* ---- what is amiss ------------------------------------------------------------------------- */

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

/* Whole data sets as classes: X/train/CLASS/IMAGE. */
static lp_status check_level(const image_list *l) {
  for (uint32_t i = 0; i < l->n; i++) {
    const char *name = l->text + l->item[i].name, *second = strchr(name, '/');
    const char *third = second ? strchr(second + 1, '/') : NULL;
    if (!third || !strchr(third + 1, '/')) continue;
    char folder[64];
    const size_t n = (size_t)(third - second - 1);
    if (n >= sizeof folder) continue;
    memcpy(folder, second + 1, n);
    folder[n] = 0;
    if (image_name_role(folder) == ROLE_TRAIN)
      return lp_fail(
          LP_ERR_FORMAT, "%s is one level too high: %.*s/%s holds classes; name the folder %s/%.*s",
          l->root, (int)(second - name), name, folder, l->root, (int)(second - name), name);
  }
  return LP_OK;
}

/* Where all images are of one class but lie in folders of it, those are likely the classes. */
static lp_status suggest_level(image_list *l, const char *dir) {
  const char *one = NULL;
  for (uint32_t i = 0; i < l->n; i++) {
    const char *rest = image_path_below(l->text + l->item[i].name, dir), *slash = strchr(rest, '/');
    if (l->item[i].label != l->item[0].label || !strchr(slash + 1, '/')) return LP_OK;
    one = l->class_name[l->item[0].label];
  }
  if (asprintf(&l->noted->fitting, "its folders look like classes: name the folder %s%s%s/%s",
               l->root, *dir ? "/" : "", dir, one) >= 0)
    return LP_OK;
  l->noted->fitting = NULL;
  return image_list_out_of_memory(l);
}

static lp_status tell(image_list *l, const char *dir, const unread_count *unread,
                      uint32_t unlabelled) {
  char files[300];
  const char *slash = *dir ? "/" : "";
  tell_unread(unread, files, sizeof files);
  if (l->n == 0 && unread->total)
    return lp_fail(LP_ERR_FORMAT,
                   "%s%s%s holds %s, but only JPEG and PNG are read: convert them (ImageMagick: "
                   "mogrify -format png)",
                   l->root, slash, dir, files);
  if (l->n == 0)
    return lp_fail(LP_ERR_FORMAT,
                   "%s%s%s holds no images: expected a folder for each class with JPEG or PNG "
                   "files in it",
                   l->root, slash, dir);
  lp_status s = LP_OK;
  if (unread->total)
    s = image_list_fault(l, "%s%s%s: %s left out: only JPEG and PNG are read", l->root, slash, dir,
                         files);
  if (s == LP_OK && unlabelled)
    s = image_list_fault(l, "%s%s%s: %" PRIu32 " images left out that %s does not name", l->root,
                         slash, dir, unlabelled, image_label_file);
  if (s == LP_OK && l->system)
    s = dataset_notef(l->noted, false,
                      "%s%s%s: %" PRIu32 " hidden files and files of the system left out", l->root,
                      slash, dir, l->system);
  if (s == LP_OK && l->ignored)
    s = dataset_notef(l->noted, false,
                      "%s%s%s: %" PRIu32 " files that are no images by name or are in no class",
                      l->root, slash, dir, l->ignored);
  return s;
}

/* Names of an archive below its level; what lies elsewhere goes. */
static void enter_level(image_list *l) {
  if (!*l->level) return;
  uint32_t items = 0, folders = 0;
  for (uint32_t i = 0; i < l->n; i++) {
    const char *rest = image_path_below(l->text + l->item[i].name, l->level);
    if (!rest) {
      free(l->item[i].data);
      continue;
    }
    l->item[items] = l->item[i];
    l->item[items++].name = (size_t)(rest - l->text);
  }
  for (uint32_t i = 0; i < l->n_folders; i++) {
    const char *rest = image_path_below(l->text + l->folder[i], l->level);
    if (rest && *rest) l->folder[folders++] = (size_t)(rest - l->text);
  }
  for (uint32_t i = 0; i < l->n_labels; i++) {
    char *name = l->labels[i].name;
    const char *rest = image_path_below(name, l->level);
    memmove(name, rest ? rest : "", strlen(rest ? rest : "") + 1);
  }
  l->ignored += l->n - items;
  l->n = items;
  l->n_folders = folders;
}

lp_status image_layout_apply(image_list *l, lp_split split) {
  const char *dir = l->part[split];
  unread_count unread = {0};
  uint32_t unlabelled = 0;
  label_map map[2] = {{0}};
  const bool one = strcmp(l->part[0], l->part[1]) == 0;
  enter_level(l);
  lp_status s = read_part_labels(l, l->part[0], &map[0]);
  if (s == LP_OK && !one) s = read_part_labels(l, l->part[1], &map[1]);
  if (s == LP_OK) s = find_classes(l, map);
  if (s == LP_OK) {
    keep_part(l, dir, &map[one ? 0 : split], &unread, &unlabelled);
    s = tell(l, dir, &unread, unlabelled);
  }
  if (s == LP_OK) {
    qsort_r(l->item, l->n, sizeof *l->item, compare_items, l->text);
    if (!*dir) s = check_level(l);
  }
  if (s == LP_OK) s = suggest_level(l, dir);
  if (s == LP_OK) s = check_classes(l, dir);
  for (int k = 0; k < 2; k++) free(map[k].row);
  return s;
}
