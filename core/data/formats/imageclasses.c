/* What class an image of a set is of, once its layout is known: by its folder, or by a file of
 * labels. */
#include "../text.h"
#include "imagelist.h"

#include <inttypes.h>
#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char labelled_folder[] = "images"; /* whose images lp_image_label_file is about */

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
  if (!m->row) return lp_image_list_out_of_memory(l);
  for (char *p = f->text, *next; p && *p; p = next) {
    next = strchr(p, '\n');
    if (next) *next++ = 0;
    p[strcspn(p, "\r")] = 0;
    if (!*p) continue;
    char *tab = strchr(p, '\t');
    if (!tab || tab == p || tab[1] == '\t' || !tab[1])
      return lp_fail(LP_ERR_FORMAT, "%s/%s: '%.60s', expected lines FILE<tab>CLASS", l->root,
                     f->name, lp_image_list_printable(p));
    *tab++ = 0;
    tab[strcspn(tab, "\t")] = 0;
    m->row[m->n++] = (label_row){p, tab};
  }
  qsort(m->row, m->n, sizeof *m->row, compare_rows);
  return LP_OK;
}

static lp_status read_part_labels(const image_list *l, const char *part, label_map *m) {
  char *name = *part ? lp_path_join(part, lp_image_label_file) : strdup(lp_image_label_file);
  lp_status s = name ? LP_OK : lp_image_list_out_of_memory(l);
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
  if (!l->class_name) return lp_image_list_out_of_memory(l);
  for (size_t i = 0; i < n; i++) {
    l->class_name[i] = strndup(all[i].p, all[i].n);
    if (!l->class_name[i]) return lp_image_list_out_of_memory(l);
    l->classes++;
    if (!lp_text_is_utf8(l->class_name[i]))
      return lp_fail(LP_ERR_FORMAT,
                     "%s: the name of class '%s' is not UTF-8; rename its folder (convmv does it)",
                     l->root, lp_image_list_printable(l->class_name[i]));
  }
  return LP_OK;
}

/* The class names of both parts, so that they number alike. */
static lp_status find_classes(image_list *l, const label_map map[2]) {
  size_t most = (size_t)l->n + l->n_folders, n = 0;
  for (int k = 0; k < 2; k++) most += map[k].n;
  piece *all = malloc((2 * most + 1) * sizeof *all), c;
  if (!all) return lp_image_list_out_of_memory(l);
  for (int k = 0; k < (strcmp(l->part[0], l->part[1]) == 0 ? 1 : 2); k++) {
    for (uint32_t i = 0; i < l->n_folders + l->n; i++) {
      bool is_folder = i < l->n_folders;
      size_t name = is_folder ? l->folder[i] : l->item[i - l->n_folders].name;
      const char *rest = lp_image_path_below(l->text + name, l->part[k]);
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
    const char *rest = lp_image_path_below(l->text + item.name, part);
    piece c;
    const bool classed = rest && class_of(rest, m, false, &c);
    if (classed && !item.format) {
      item.label = label_of(l, c);
      l->item[kept++] = item;
      continue;
    }
    if (classed)
      count_unread(unread, item.format);
    else if (rest && m->n && lp_image_path_below(rest, labelled_folder))
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
                            lp_image_list_printable(l->class_name[k]));
  }
  if (empty == 0) return LP_OK;
  return lp_image_list_fault(l, "%s%s%s: no images of %" PRIu32 " class%s: %s%s", l->root,
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
    if (lp_image_name_role(folder) == ROLE_TRAIN)
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
    const char *rest = lp_image_path_below(l->text + l->item[i].name, dir),
               *slash = strchr(rest, '/');
    if (l->item[i].label != l->item[0].label || !strchr(slash + 1, '/')) return LP_OK;
    one = l->class_name[l->item[0].label];
  }
  if (asprintf(&l->noted->fitting, "its folders look like classes: name the folder %s%s%s/%s",
               l->root, *dir ? "/" : "", dir, one) >= 0)
    return LP_OK;
  l->noted->fitting = NULL;
  return lp_image_list_out_of_memory(l);
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
    s = lp_image_list_fault(l, "%s%s%s: %s left out: only JPEG and PNG are read", l->root, slash,
                            dir, files);
  if (s == LP_OK && unlabelled)
    s = lp_image_list_fault(l, "%s%s%s: %" PRIu32 " images left out that %s does not name", l->root,
                            slash, dir, unlabelled, lp_image_label_file);
  if (s == LP_OK && l->system)
    s = lp_dataset_add_notef(l->noted, false,
                             "%s%s%s: %" PRIu32 " hidden files and files of the system left out",
                             l->root, slash, dir, l->system);
  if (s == LP_OK && l->ignored)
    s = lp_dataset_add_notef(
        l->noted, false, "%s%s%s: %" PRIu32 " files that are no images by name or are in no class",
        l->root, slash, dir, l->ignored);
  return s;
}

/* Names of an archive below its level; what lies elsewhere goes. */
static void enter_level(image_list *l) {
  if (!*l->level) return;
  uint32_t items = 0, folders = 0;
  for (uint32_t i = 0; i < l->n; i++) {
    const char *rest = lp_image_path_below(l->text + l->item[i].name, l->level);
    if (!rest) {
      free(l->item[i].data);
      continue;
    }
    l->item[items] = l->item[i];
    l->item[items++].name = (size_t)(rest - l->text);
  }
  for (uint32_t i = 0; i < l->n_folders; i++) {
    const char *rest = lp_image_path_below(l->text + l->folder[i], l->level);
    if (rest && *rest) l->folder[folders++] = (size_t)(rest - l->text);
  }
  for (uint32_t i = 0; i < l->n_labels; i++) {
    char *name = l->labels[i].name;
    const char *rest = lp_image_path_below(name, l->level);
    memmove(name, rest ? rest : "", strlen(rest ? rest : "") + 1);
  }
  l->ignored += l->n - items;
  l->n = items;
  l->n_folders = folders;
}

lp_status lp_image_layout_apply(image_list *l, lp_split split) {
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
