/* From the archives of ILSVRC2012 as published to the ImageFolder layout.
 *
 * Training: a tar archive of one tar archive for each class, which is unpacked from within it to
 * .train-partial and then renamed: a class is there whole or not at all. Validation: one archive
 * without folders, unpacked to .val-partial and renamed to val.
 */
#include "../dataset.h"

#include "../../base/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BLOCK = 1 << 20, MAX_IMAGE = 1 << 30, REPORT_EVERY = 1000 };

typedef struct prepare {
  const lp_ilsvrc *from;
  const char *dir;
  lp_prepare_fn progress;
  void *user;
} prepare;

/* A growing list of names. */
typedef struct names {
  char **name;
  size_t n, cap;
} names;

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "out of memory preparing ILSVRC2012");
}

static lp_status names_add(names *list, const char *text, size_t len) {
  if (list->n == list->cap) {
    size_t cap = 2 * list->cap + 64;
    char **p = realloc(list->name, cap * sizeof *p);
    if (!p) return out_of_memory();
    list->name = p;
    list->cap = cap;
  }
  char *copy = strndup(text, len);
  if (!copy) return out_of_memory();
  list->name[list->n++] = copy;
  return LP_OK;
}

static void names_free(names *list) {
  for (size_t i = 0; i < list->n; i++) free(list->name[i]);
  free(list->name);
  *list = (names){0};
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool report(const prepare *p, const char *what, uint64_t done, uint64_t total) {
  return !p->progress || p->progress(p->user, what, done, total);
}

static lp_status stopped(const prepare *p) {
  return lp_fail(LP_ERR_INTERRUPTED, "preparing %s was stopped; run it again to go on", p->dir);
}

/* ---- archives ------------------------------------------------------------------------------ */

static lp_status damaged(const char *path, struct archive *a) {
  const char *said = archive_error_string(a);
  return lp_fail(LP_ERR_FORMAT, "%s is damaged or cut short: %s", path, said ? said : "unknown");
}

/* NULL: the thread's error is set. */
static struct archive *open_tar(const char *path) {
  struct archive *a = archive_read_new();
  if (!a) {
    out_of_memory();
    return NULL;
  }
  archive_read_support_format_tar(a);
  if (archive_read_open_filename(a, path, READ_BLOCK) == ARCHIVE_OK) return a;
  lp_fail(LP_ERR_FORMAT, "cannot open %s: %s", path, archive_error_string(a));
  archive_read_free(a);
  return NULL;
}

/* The next regular file; its name without folders in *name. ARCHIVE_EOF: none is left. */
static int next_file(struct archive *a, struct archive_entry **e, const char **name) {
  int r;
  while ((r = archive_read_next_header(a, e)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
    const char *path = archive_entry_pathname(*e);
    if (!path || archive_entry_filetype(*e) != AE_IFREG) continue;
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (**name && **name != '.') return ARCHIVE_OK;
  }
  return r;
}

/* The names of all files in an archive, which is read to its end. */
static lp_status list_files(const char *path, names *list) {
  struct archive *a = open_tar(path);
  if (!a) return LP_ERR_FORMAT;
  struct archive_entry *e;
  const char *name;
  lp_status s = LP_OK;
  int r = ARCHIVE_EOF;
  while (s == LP_OK && (r = next_file(a, &e, &name)) == ARCHIVE_OK)
    s = names_add(list, name, strlen(name));
  if (s == LP_OK && r != ARCHIVE_EOF) s = damaged(path, a);
  if (s == LP_OK && list->n == 0) s = lp_fail(LP_ERR_FORMAT, "%s holds no files", path);
  archive_read_free(a);
  return s;
}

static lp_status write_plain(const char *path, const uint8_t *bytes, size_t n) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return lp_fail(LP_ERR_IO, "cannot create %s: %s", path, strerror(errno));
  size_t done = 0;
  ssize_t k = 0;
  while (done < n && (k = write(fd, bytes + done, n - done)) >= 0) done += (size_t)k;
  if (close(fd) != 0 || k < 0)
    return lp_fail(LP_ERR_IO, "cannot write %s: %s", path, strerror(errno));
  return LP_OK;
}

/* Unpacks the member whose header was just read into folder `dir`. from: for messages. */
static lp_status unpack(struct archive *a, struct archive_entry *e, const char *from,
                        const char *name, const char *dir) {
  int64_t size = archive_entry_size(e);
  if (size < 0 || size > MAX_IMAGE)
    return lp_fail(LP_ERR_FORMAT, "%s: %s has %" PRId64 " bytes", from, name, size);
  uint8_t *bytes = malloc((size_t)size + 1);
  char *path = lp_path_join(dir, name);
  lp_status s = LP_OK;
  if (!bytes || !path)
    s = out_of_memory();
  else if (archive_read_data(a, bytes, (size_t)size) != size)
    s = damaged(from, a);
  else
    s = write_plain(path, bytes, (size_t)size);
  free(bytes);
  free(path);
  return s;
}

/* Makes an empty folder in the place of whatever an earlier run has left. */
static lp_status fresh_folder(const char *path) {
  struct stat st;
  if (lstat(path, &st) == 0) lp_data_remove_tree(path);
  return lp_make_dirs(path);
}

/* Puts a finished folder in its place, its files first. */
static lp_status settle(const char *stage, const char *final) {
  int fd = open(stage, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool synced = fd >= 0 && syncfs(fd) == 0;
  if (fd >= 0) close(fd);
  if (!synced || rename(stage, final) != 0)
    return lp_fail(LP_ERR_IO, "cannot finish the folder %s: %s", final, strerror(errno));
  return LP_OK;
}

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- training images ----------------------------------------------------------------------- */

/* An archive within an archive. */
typedef struct inner {
  struct archive *outer;
  uint8_t block[1 << 16];
} inner;

static la_ssize_t read_inner(struct archive *a, void *user, const void **block) {
  inner *in = user;
  la_ssize_t n = archive_read_data(in->outer, in->block, sizeof in->block);
  *block = in->block;
  if (n < 0) archive_set_error(a, EIO, "%s", archive_error_string(in->outer));
  return n;
}

/* Unpacks the class whose archive is the current member of `outer`. */
static lp_status unpack_class(struct archive *outer, const char *from, const char *stage) {
  inner *in = malloc(sizeof *in);
  struct archive *a = archive_read_new();
  lp_status s = in && a ? fresh_folder(stage) : out_of_memory();
  if (s == LP_OK) {
    in->outer = outer;
    archive_read_support_format_tar(a);
    if (archive_read_open(a, in, NULL, read_inner, NULL) != ARCHIVE_OK) s = damaged(from, a);
  }
  struct archive_entry *e;
  const char *name;
  uint64_t images = 0;
  int r = ARCHIVE_EOF;
  while (s == LP_OK && (r = next_file(a, &e, &name)) == ARCHIVE_OK) {
    s = unpack(a, e, from, name, stage);
    images++;
  }
  if (s == LP_OK && r != ARCHIVE_EOF) s = damaged(from, a);
  if (s == LP_OK && images == 0) s = lp_fail(LP_ERR_FORMAT, "%s holds no images", from);
  if (a) archive_read_free(a);
  free(in);
  return s;
}

/* "n01440764" of "n01440764.tar"; false for other names. */
static bool class_name(const char *member, char out[64]) {
  size_t n = strlen(member);
  if (n < 5 || n >= 64 || strcmp(member + n - 4, ".tar") != 0) return false;
  memcpy(out, member, n - 4);
  out[n - 4] = 0;
  return true;
}

static lp_status prepare_class(const prepare *p, struct archive *outer, const char *member) {
  char synset[64], from[128];
  if (!class_name(member, synset))
    return lp_fail(LP_ERR_IO, "%s has changed while it was read", p->from->train);
  char *final = NULL, *stage = NULL;
  if (asprintf(&final, "%s/train/%s", p->dir, synset) < 0) final = NULL;
  if (asprintf(&stage, "%s/.train-partial", p->dir) < 0) stage = NULL;
  lp_status s = final && stage ? LP_OK : out_of_memory();
  if (s == LP_OK && !is_folder(final)) {
    snprintf(from, sizeof from, "%s in the training archive", member);
    s = unpack_class(outer, from, stage);
    if (s == LP_OK) s = settle(stage, final);
    if (s != LP_OK && is_folder(stage)) lp_data_remove_tree(stage);
  }
  free(final);
  free(stage);
  return s;
}

/* A short or foreign archive is seen before anything is written. */
static lp_status check_train(const prepare *p, names *members) {
  char synset[64];
  lp_status s = list_files(p->from->train, members);
  for (size_t i = 0; i < members->n && s == LP_OK; i++)
    if (!class_name(members->name[i], synset))
      s = lp_fail(LP_ERR_FORMAT, "%s: member %s, expected SYNSET.tar", p->from->train,
                  members->name[i]);
  return s;
}

static lp_status prepare_train(const prepare *p) {
  names members = {0};
  char *train = lp_path_join(p->dir, "train");
  lp_status s = train ? check_train(p, &members) : out_of_memory();
  if (s == LP_OK) s = lp_make_dirs(train);
  free(train);
  struct archive *a = s == LP_OK ? open_tar(p->from->train) : NULL;
  if (s == LP_OK && !a) s = LP_ERR_FORMAT;
  struct archive_entry *e;
  const char *name;
  uint64_t done = 0;
  int r = ARCHIVE_EOF;
  while (s == LP_OK && (r = next_file(a, &e, &name)) == ARCHIVE_OK) {
    s = prepare_class(p, a, name);
    if (s == LP_OK && !report(p, "train", ++done, members.n)) s = stopped(p);
  }
  if (s == LP_OK && r != ARCHIVE_EOF) s = damaged(p->from->train, a);
  if (a) archive_read_free(a);
  names_free(&members);
  return s;
}

/* ---- validation images --------------------------------------------------------------------- */

/* The first word of every line. */
static lp_status read_words(const char *path, names *list) {
  void *text;
  size_t n;
  lp_status s = lp_read_file(path, &text, &n);
  if (s != LP_OK) return s;
  uint64_t line = 0;
  for (const char *p = text, *end = p + n; p < end && s == LP_OK;) {
    size_t length = strcspn(p, "\r\n"), word = strcspn(p, " \t,\r\n");
    line++;
    const char *next = p + length;
    next += *next == '\r';
    next += *next == '\n';
    bool only_blanks_follow = next + strspn(next, " \t\r\n") >= end;
    if (word == 0 && length == 0 && only_blanks_follow) break;
    if (word == 0 || word > 60 || *p == '.' || memchr(p, '/', word))
      s = lp_fail(LP_ERR_FORMAT, "%s: line %" PRIu64 " does not begin with a synset or a number",
                  path, line);
    else
      s = names_add(list, p, word);
    if (next == p) break; /* a NUL byte */
    p = next;
  }
  free(text);
  if (s == LP_OK && list->n == 0) s = lp_fail(LP_ERR_FORMAT, "%s is empty", path);
  return s;
}

/* Replaces numbers by the synsets that they stand for. */
static lp_status number_to_synset(const prepare *p, names *truth) {
  const char *path = p->from->ground_truth;
  if (!p->from->synsets)
    return lp_fail(LP_ERR_ARG, "%s holds numbers: the list of synsets that they count is needed",
                   path);
  names synset = {0};
  lp_status s = read_words(p->from->synsets, &synset);
  bool sorted = true;
  for (size_t i = 1; i < synset.n; i++) sorted &= strcmp(synset.name[i - 1], synset.name[i]) < 0;
  if (s == LP_OK && sorted && synset.n > 2)
    lp_log(LP_LOG_WARNING,
           "%s is sorted by name; the published ground truth counts synsets in another order, that "
           "of the development kit, which begins with n02119789",
           p->from->synsets);
  for (size_t i = 0; i < truth->n && s == LP_OK; i++) {
    uint64_t k;
    if (!lp_whole(truth->name[i], 1, synset.n, &k)) {
      s = lp_fail(LP_ERR_FORMAT, "%s: line %zu is '%s', expected a number from 1 to %zu", path,
                  i + 1, truth->name[i], synset.n);
      break;
    }
    char *name = strdup(synset.name[k - 1]);
    if (!name) {
      s = out_of_memory();
      break;
    }
    free(truth->name[i]);
    truth->name[i] = name;
  }
  names_free(&synset);
  return s;
}

/* The synset of every validation image in the order of their names. */
static lp_status read_truth(const prepare *p, names *truth) {
  lp_status s = read_words(p->from->ground_truth, truth);
  if (s == LP_OK && isdigit((unsigned char)truth->name[0][0])) s = number_to_synset(p, truth);
  return s;
}

/* Makes a folder for every synset, each of which must be a class of the training images. */
static lp_status make_folders(const prepare *p, const names *truth, const char *stage) {
  char *train = lp_path_join(p->dir, "train");
  lp_status s = train ? LP_OK : out_of_memory();
  bool trained = train && is_folder(train);
  for (size_t i = 0; i < truth->n && s == LP_OK; i++) {
    char *folder = lp_path_join(stage, truth->name[i]);
    char *class = trained ? lp_path_join(train, truth->name[i]) : NULL;
    if (!folder || (trained && !class))
      s = out_of_memory();
    else if (trained && !is_folder(class))
      s = lp_fail(LP_ERR_FORMAT, "%s: line %zu is of %s, of which there are no training images",
                  p->from->ground_truth, i + 1, truth->name[i]);
    else if (mkdir(folder, 0777) != 0 && errno != EEXIST)
      s = lp_fail(LP_ERR_IO, "cannot create the folder %s: %s", folder, strerror(errno));
    free(folder);
    free(class);
  }
  free(train);
  return s;
}

static lp_status unpack_val(const prepare *p, const names *image, const names *truth,
                            const char *stage) {
  struct archive *a = open_tar(p->from->val);
  if (!a) return LP_ERR_FORMAT;
  struct archive_entry *e;
  const char *name;
  lp_status s = LP_OK;
  uint64_t done = 0;
  int r = ARCHIVE_EOF;
  while (s == LP_OK && (r = next_file(a, &e, &name)) == ARCHIVE_OK) {
    char **found = bsearch(&name, image->name, image->n, sizeof *image->name, compare_names);
    char *folder = found ? lp_path_join(stage, truth->name[found - image->name]) : NULL;
    s = !found   ? lp_fail(LP_ERR_IO, "%s has changed while it was read", p->from->val)
        : folder ? unpack(a, e, p->from->val, name, folder)
                 : out_of_memory();
    free(folder);
    done++;
    if (s == LP_OK && (done % REPORT_EVERY == 0 || done == image->n) &&
        !report(p, "val", done, image->n))
      s = stopped(p);
  }
  if (s == LP_OK && r != ARCHIVE_EOF) s = damaged(p->from->val, a);
  archive_read_free(a);
  return s;
}

static lp_status prepare_val(const prepare *p) {
  if (!p->from->ground_truth)
    return lp_fail(LP_ERR_ARG, "the validation images need their ground-truth file");
  char *final = lp_path_join(p->dir, "val"), *stage = lp_path_join(p->dir, ".val-partial");
  names image = {0}, truth = {0};
  lp_status s = final && stage ? LP_OK : out_of_memory();
  if (s == LP_OK && !is_folder(final)) {
    s = read_truth(p, &truth);
    if (s == LP_OK) s = list_files(p->from->val, &image);
    if (s == LP_OK && image.n != truth.n)
      s = lp_fail(LP_ERR_FORMAT, "%s holds %zu images, %s is about %zu", p->from->val, image.n,
                  p->from->ground_truth, truth.n);
    if (s == LP_OK) qsort(image.name, image.n, sizeof *image.name, compare_names);
    if (s == LP_OK) s = fresh_folder(stage);
    if (s == LP_OK) s = make_folders(p, &truth, stage);
    if (s == LP_OK) s = unpack_val(p, &image, &truth, stage);
    if (s == LP_OK) s = settle(stage, final);
    if (s != LP_OK && is_folder(stage)) lp_data_remove_tree(stage);
  }
  names_free(&image);
  names_free(&truth);
  free(final);
  free(stage);
  return s;
}

lp_status lp_dataset_prepare_ilsvrc(const lp_ilsvrc *from, const char *dir, lp_prepare_fn progress,
                                    void *user) {
  const prepare p = {from, dir, progress, user};
  if (!from->train && !from->val)
    return lp_fail(LP_ERR_ARG, "ILSVRC2012: name the archive of training or validation images");
  lp_status s = from->train ? prepare_train(&p) : LP_OK;
  if (s == LP_OK && from->val) s = prepare_val(&p);
  return s;
}
