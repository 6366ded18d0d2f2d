/* Making a run folder, locking it, and clearing away what a killed program left in it. */
#include "run_internal.h"

#include "../base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const subfolder[] = {"models", "activations", "checkpoints"};
enum { N_SUBFOLDERS = sizeof subfolder / sizeof *subfolder };

static bool is_dot(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_empty(const char *path) {
  DIR *d = opendir(path);
  bool empty = d != NULL;
  for (struct dirent *e; empty && (e = readdir(d));) empty = is_dot(e->d_name);
  if (d) closedir(d);
  return empty;
}

/* "BASE.*.tmp" */
static bool is_temporary(const char *name, const char *base) {
  const size_t n = strlen(name), k = strlen(base);
  return strncmp(name, base, k) == 0 && name[k] == '.' && n > k + 4 &&
         strcmp(name + n - 4, ".tmp") == 0;
}

/* What a program that was killed before the folder had its manifest can have left. */
static bool is_leftover(const char *dir, const char *name) {
  char path[PATH_MAX + 512];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  for (int i = 0; i < N_SUBFOLDERS; i++)
    if (strcmp(name, subfolder[i]) == 0) return is_empty(path);
  return strcmp(name, LP_RUN_MATCH) == 0 || is_temporary(name, LP_RUN_MATCH) ||
         is_temporary(name, LP_RUN_MANIFEST);
}

lp_status lp_run_folder_check(const char *dir) {
  if (!*dir) return lp_fail(LP_ERR_ARG, "the run folder's name is empty");
  DIR *d = opendir(dir);
  if (!d && errno == ENOENT) return lp_check_folder(dir);
  if (!d) return lp_fail(LP_ERR_IO, "cannot use %s as a run folder: %s", dir, strerror(errno));
  bool empty = true;
  for (struct dirent *e; empty && (e = readdir(d));)
    empty = is_dot(e->d_name) || is_leftover(dir, e->d_name);
  closedir(d);
  if (!empty)
    return lp_fail(LP_ERR_ARG,
                   "%s is not empty; take another folder, or go on with the run in it by --resume "
                   "%s",
                   dir, dir);
  if (access(dir, W_OK | X_OK) != 0)
    return lp_fail(LP_ERR_IO, "cannot use %s as a run folder: %s", dir, strerror(errno));
  return LP_OK;
}

lp_status lp_run_folder_lock(const char *dir, int *lock) {
  *lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*lock < 0) return lp_fail(LP_ERR_IO, "cannot open %s: %s", dir, strerror(errno));
  if (flock(*lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return LP_OK;
  close(*lock);
  *lock = -1;
  return lp_fail(LP_ERR_ARG, "%s: another program is writing into it", dir);
}

static void remove_parts(const char *dir) {
  char path[PATH_MAX + 32];
  for (int i = 0; i < N_SUBFOLDERS; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, subfolder[i]);
    rmdir(path);
  }
  snprintf(path, sizeof path, "%s/" LP_RUN_MANIFEST, dir);
  unlink(path);
}

void lp_run_folder_undo(const char *dir, bool was_there) {
  char path[PATH_MAX + 32];
  snprintf(path, sizeof path, "%s/" LP_RUN_METRICS, dir);
  unlink(path);
  remove_parts(dir);
  if (!was_there) rmdir(dir);
}

/* The process number in ".BASE.PID", as make_new calls its folders; 0 for other names. */
static pid_t maker_of(const char *name, const char *base) {
  const size_t n = strlen(base);
  uint64_t pid;
  if (name[0] != '.' || strncmp(name + 1, base, n) != 0 || name[n + 1] != '.') return 0;
  return lp_whole(name + n + 2, 1, INT_MAX, &pid) ? (pid_t)pid : 0;
}

/* Removes what killed programs left beside dir while they made it: folders that hold nothing but
 * what make_new puts there. */
static void clean_beside(const char *dir) {
  char *target = strdup(dir), path[PATH_MAX];
  size_t len = target ? strlen(target) : 0;
  while (len > 1 && target[len - 1] == '/') target[--len] = '\0';
  char *slash = target ? strrchr(target, '/') : NULL;
  const char *base = slash ? slash + 1 : target;
  snprintf(path, sizeof path, "%.*s", slash ? (int)(slash - target) + 1 : 1, slash ? target : ".");
  DIR *d = target && *base ? opendir(path) : NULL;
  for (struct dirent *e; d && (e = readdir(d));) {
    pid_t maker = maker_of(e->d_name, base);
    if (!maker) continue;
    int k = snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - target) + 1 : 0, target,
                     e->d_name);
    if (k < 0 || (size_t)k >= sizeof path - 64 || !lp_folder_abandoned(path, maker)) continue;
    lp_clean_temporary(path, "");
    remove_parts(path);
    rmdir(path);
  }
  if (d) closedir(d);
  free(target);
}

void lp_run_folder_clean(const char *dir) {
  clean_beside(dir);
  static const char *const all[] = {".", "models", "activations", "checkpoints", "figures"};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char *path = lp_path_join(dir, all[i]);
    if (path) lp_clean_temporary(path, "");
    free(path);
  }
}

/* ---- making -------------------------------------------------------------------------------- */

/* The manifest last: it is what makes a folder a run folder. */
static lp_status fill(const char *dir, const char *manifest, size_t n) {
  char path[PATH_MAX + 32];
  for (int i = 0; i < N_SUBFOLDERS; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, subfolder[i]);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
      return lp_fail(LP_ERR_IO, "cannot create %s: %s", path, strerror(errno));
  }
  snprintf(path, sizeof path, "%s/" LP_RUN_MANIFEST, dir);
  return lp_write_file(path, manifest, n);
}

/* An empty folder is filled where it is: it can be a mount point, or stand in a folder that cannot
 * be written. */
static lp_status fill_existing(const char *dir, const char *manifest, size_t n) {
  int lock;
  lp_status s = lp_run_folder_lock(dir, &lock);
  if (s != LP_OK) return s;
  s = lp_run_folder_check(dir); /* another program can have been faster */
  if (s == LP_OK) {
    lp_run_folder_clean(dir);
    s = fill(dir, manifest, n);
    if (s != LP_OK) remove_parts(dir);
  }
  close(lock);
  return s;
}

/* A new folder is made beside its final place and renamed into it. */
static lp_status make_new(const char *dir, const char *manifest, size_t n) {
  char target[PATH_MAX], temp[PATH_MAX];
  snprintf(target, sizeof target, "%s", dir);
  size_t len = strlen(target);
  while (len > 1 && target[len - 1] == '/') target[--len] = '\0';
  char *slash = strrchr(target, '/');
  const char *base = slash ? slash + 1 : target;
  int k = snprintf(temp, sizeof temp, "%.*s.%s.%ld", (int)(base - target), target, base,
                   (long)getpid());
  if (k < 0 || (size_t)k >= sizeof temp - 32)
    return lp_fail(LP_ERR_ARG, "%s: the path is too long", dir);
  lp_status s = LP_OK;
  if (slash && slash != target) {
    *slash = '\0';
    s = lp_make_dirs(target);
    *slash = '/';
    if (s != LP_OK) return s;
  }
  clean_beside(target);
  /* One of a killed program that had our number is taken over. */
  if (mkdir(temp, 0777) != 0 && errno != EEXIST)
    return lp_fail(LP_ERR_IO, "cannot create %s: %s", dir, strerror(errno));
  int lock = -1;
  s = lp_run_folder_lock(temp, &lock);
  if (s == LP_OK) s = fill(temp, manifest, n);
  if (s == LP_OK && rename(temp, target) != 0)
    s = lp_fail(LP_ERR_IO, "cannot create %s: %s", dir, strerror(errno));
  if (s != LP_OK) {
    remove_parts(temp);
    rmdir(temp);
  }
  if (lock >= 0) close(lock);
  return s;
}

lp_status lp_run_folder_create(const char *dir, const char *manifest, size_t n) {
  lp_status s = lp_run_folder_check(dir);
  if (s != LP_OK) return s;
  return access(dir, F_OK) == 0 ? fill_existing(dir, manifest, n) : make_new(dir, manifest, n);
}
