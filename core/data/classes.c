/* Classes by name: what training and test images must have in common, names that are alike, and
 * labels that mean another list of classes. */
#include "dataset.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status out_of_memory(const lp_dataset *d) {
  return lp_fail(LP_ERR_MEMORY, "out of memory comparing the classes of %s", d->info.name);
}

/* Up to five names in a line. */
typedef struct name_list {
  char text[400];
  size_t used;
  uint32_t n;
} name_list;

static void add_name(name_list *l, const char *name) {
  char line[80];
  lp_text_printable(name, line, sizeof line);
  if (l->n < 5)
    l->used += (size_t)snprintf(l->text + l->used, sizeof l->text - l->used, "%s'%s'",
                                l->n ? ", " : "", line);
  else if (l->n == 5)
    snprintf(l->text + l->used, sizeof l->text - l->used, ", ...");
  l->n++;
}

/* ---- names that are alike ------------------------------------------------------------------ */

typedef struct folded {
  char *fold;
  const char *name;
} folded;

static int compare_folded(const void *a, const void *b) {
  const folded *x = a, *y = b;
  int r = strcmp(x->fold, y->fold);
  return r ? r : strcmp(x->name, y->name);
}

static folded *fold_all(const char *const *name, uint32_t n) {
  folded *all = calloc(n + 1, sizeof *all);
  for (uint32_t k = 0; all && k < n; k++) {
    all[k] = (folded){lp_text_fold(name[k]), name[k]};
    if (all[k].fold) continue;
    while (k-- > 0) free(all[k].fold);
    free(all);
    return NULL;
  }
  if (all) qsort(all, n, sizeof *all, compare_folded);
  return all;
}

static void free_folded(folded *all, uint32_t n) {
  for (uint32_t k = 0; k < n; k++) free(all[k].fold);
  free(all);
}

lp_status lp_dataset_note_alike(lp_dataset *d) {
  const lp_dataset_info *info = &d->info;
  if (info->numbered) return LP_OK;
  folded *all = fold_all(info->class_names, info->classes);
  if (!all) return out_of_memory(d);
  lp_status s = LP_OK;
  for (uint32_t k = 1, told = 0; k < info->classes && s == LP_OK && told < 5; k++) {
    if (strcmp(all[k].fold, all[k - 1].fold) != 0) continue;
    name_list pair = {0};
    add_name(&pair, all[k - 1].name);
    add_name(&pair, all[k].name);
    told++;
    s = lp_dataset_add_notef(
        d, true, "%s: two classes differ in case, accents, blanks or Unicode form only: %s",
        info->source, pair.text);
  }
  free_folded(all, info->classes);
  return s;
}

/* The name of `names` that is like this one; NULL: none. */
static const char *alike(const char *name, const char *const *names, uint32_t n) {
  char *fold = lp_text_fold(name);
  const char *found = NULL;
  for (uint32_t k = 0; fold && !found && k < n; k++) {
    char *other = lp_text_fold(names[k]);
    if (other && strcmp(fold, other) == 0) found = names[k];
    free(other);
  }
  free(fold);
  return found;
}

/* ---- training and test images -------------------------------------------------------------- */

static lp_status check_shapes(const lp_dataset_info *a, const lp_dataset_info *b) {
  if (a->channels != b->channels || a->height != b->height || a->width != b->width ||
      a->classes != b->classes)
    return lp_fail(LP_ERR_FORMAT, "data: training and test images of %s differ in size or classes",
                   a->name);
  return LP_OK;
}

/* A class that is tested must have been trained. */
static lp_status check_trained(const lp_dataset_info *train, const lp_dataset_info *test) {
  name_list missing = {0};
  const char *first = NULL, *like = NULL;
  for (uint32_t k = 0; k < test->classes; k++) {
    if (!test->class_count[k] || train->class_count[k]) continue;
    add_name(&missing, test->class_names[k]);
    if (!first) first = test->class_names[k];
  }
  if (!first) return LP_OK;
  for (uint32_t k = 0; k < train->classes && !like; k++)
    if (train->class_count[k]) like = alike(first, &train->class_names[k], 1);
  name_list hint = {0};
  if (like) add_name(&hint, like);
  return lp_fail(LP_ERR_FORMAT,
                 "%s: the test images have %" PRIu32 " class%s of which there are no training "
                 "images: %s%s%s%s",
                 train->name, missing.n, missing.n > 1 ? "es" : "", missing.text,
                 like ? " (training has " : "", hint.text,
                 like ? ", of another case, Unicode form or blanks)" : "");
}

static lp_status check_number(lp_dataset *train) {
  const lp_dataset_info *info = &train->info;
  uint32_t with = 0, last = 0;
  for (uint32_t k = 0; k < info->classes; k++)
    if (info->class_count[k]) {
      with++;
      last = k;
    }
  if (with > 1) return LP_OK;
  char name[80];
  lp_text_printable(info->class_names[last], name, sizeof name);
  if (info->numbered)
    return lp_dataset_add_notef(train, true, "%s: all training images are of one class only, '%s'",
                                info->name, name);
  return lp_fail(LP_ERR_FORMAT, "%s: there are training images of one class only, '%s'%s%s",
                 info->name, name, train->fitting ? "; " : ", and nothing to tell it from",
                 train->fitting ? train->fitting : "");
}

/* Names classes without images, where opening has not done so. */
static lp_status note_untested(const lp_dataset *train, lp_dataset *test) {
  if (test->info.by_class) return LP_OK;
  name_list missing = {0};
  for (uint32_t k = 0; k < test->info.classes; k++)
    if (train->info.class_count[k] && !test->info.class_count[k])
      add_name(&missing, test->info.class_names[k]);
  if (!missing.n) return LP_OK;
  return lp_dataset_add_notef(test, true, "%s: no test images of %" PRIu32 " class%s: %s",
                              test->info.name, missing.n, missing.n > 1 ? "es" : "", missing.text);
}

lp_status lp_dataset_note_trained(lp_dataset *test) {
  if (!test->is_training) return LP_OK;
  return lp_dataset_add_notef(test, true, "%s: the test images are the training images",
                              test->info.name);
}

static lp_status note_same(const lp_dataset *train, lp_dataset *test) {
  const lp_dataset_info *a = &train->info, *b = &test->info;
  if (test->is_training) return lp_dataset_note_trained(test);
  if (strcmp(a->sha256[0], b->sha256[0]) != 0 || a->count != b->count) return LP_OK;
  return lp_dataset_add_notef(
      test, true, "%s: the test images are the training images, by their content", b->name);
}

lp_status lp_dataset_open_both(const char *spec, const lp_image_defaults *usual,
                               lp_dataset *out[2]) {
  out[0] = out[1] = NULL;
  lp_status s = lp_dataset_open_for(spec, LP_SPLIT_TRAIN, usual, &out[0]);
  if (s == LP_OK) s = lp_dataset_open_for(spec, LP_SPLIT_TEST, usual, &out[1]);
  if (s == LP_OK) s = check_shapes(&out[0]->info, &out[1]->info);
  if (s == LP_OK) s = check_number(out[0]);
  if (s == LP_OK) s = check_trained(&out[0]->info, &out[1]->info);
  if (s == LP_OK) s = note_untested(out[0], out[1]);
  if (s == LP_OK) s = note_same(out[0], out[1]);
  if (s == LP_OK) s = lp_dataset_note_alike(out[0]);
  if (s == LP_OK) return s;
  for (int i = 0; i < 2; i++) {
    lp_dataset_close(out[i]);
    out[i] = NULL;
  }
  return s;
}

/* ---- other classes ------------------------------------------------------------------------- */

static uint32_t find(const char *name, const char *const *names, uint32_t n) {
  uint32_t k = 0;
  while (k < n && strcmp(name, names[k]) != 0) k++;
  return k;
}

/* Says which classes of d are not among the names, and which is nearest to the first. */
static lp_status differ(const lp_dataset *d, const char *const *names, uint32_t n) {
  const lp_dataset_info *info = &d->info;
  name_list unknown = {0}, known = {0};
  const char *like = NULL;
  for (uint32_t k = 0; k < info->classes; k++) {
    if (!info->class_count[k] || find(info->class_names[k], names, n) < n) continue;
    if (!unknown.n) like = alike(info->class_names[k], names, n);
    add_name(&unknown, info->class_names[k]);
  }
  if (like)
    add_name(&known, like);
  else
    for (uint32_t k = 0; k < n; k++) add_name(&known, names[k]);
  return lp_fail(LP_ERR_FORMAT,
                 "%s has %" PRIu32 " class%s that the network was not trained on: "
                 "%s; it knows %s",
                 info->name, unknown.n, unknown.n > 1 ? "es" : "", unknown.text, known.text);
}

lp_status lp_dataset_match(lp_dataset *d, const char *const *names, uint32_t n) {
  const lp_dataset_info *info = &d->info;
  if (!names || info->numbered) {
    for (uint32_t k = n; k < info->classes; k++)
      if (info->class_count[k])
        return lp_fail(LP_ERR_SHAPE, "%s has %" PRIu32 " classes, the network %" PRIu32, info->name,
                       info->classes, n);
    if (!names && info->numbered) return LP_OK;
    return lp_dataset_add_notef(d, true,
                                "%s: %s no names of classes, so labels are matched by number",
                                info->name, names ? "the data set has" : "the network has");
  }
  int32_t *label = calloc(info->classes, sizeof *label);
  if (!label) return out_of_memory(d);
  bool all = true;
  for (uint32_t k = 0; k < info->classes; k++) {
    uint32_t at = find(info->class_names[k], names, n);
    all &= at < n || !info->class_count[k];
    label[k] = at < n ? (int32_t)at : -1;
  }
  if (!all) {
    free(label);
    return differ(d, names, n);
  }
  free(d->relabel);
  d->relabel = label;
  return LP_OK;
}
