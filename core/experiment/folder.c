/* Making a run folder: whole, with its manifest, or not at all. */
#include "experiment_internal.h"

#include <locality/io.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const subfolder[] = {"models", "activations", "checkpoints"};
enum { N_SUBFOLDERS = sizeof subfolder / sizeof *subfolder };

lp_status lp_run_folder_check(const char *dir) {
  if (!*dir) return lp_fail(LP_ERR_ARG, "the run folder's name is empty");
  DIR *d = opendir(dir);
  if (!d && errno == ENOENT) return LP_OK;
  if (!d) return lp_fail(LP_ERR_IO, "cannot use %s as a run folder: %s", dir, strerror(errno));
  bool empty = true;
  for (struct dirent *e; empty && (e = readdir(d));)
    empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
  closedir(d);
  return empty ? LP_OK
               : lp_fail(LP_ERR_ARG,
                         "%s is not empty; take another folder, or go on with the run "
                         "in it by --resume %s",
                         dir, dir);
}

/* Removes the temporary folder and what fill() can have put into it. */
static void remove_temp(const char *temp) {
  char path[PATH_MAX + 32];
  for (int i = 0; i < N_SUBFOLDERS; i++) {
    snprintf(path, sizeof path, "%s/%s", temp, subfolder[i]);
    rmdir(path);
  }
  snprintf(path, sizeof path, "%s/manifest.json", temp);
  unlink(path);
  rmdir(temp);
}

static lp_status fill(const lp_experiment *x, const char *temp, const char *const *command,
                      uint32_t n_command) {
  char path[PATH_MAX + 32];
  for (int i = 0; i < N_SUBFOLDERS; i++) {
    snprintf(path, sizeof path, "%s/%s", temp, subfolder[i]);
    if (mkdir(path, 0777) != 0)
      return lp_fail(LP_ERR_IO, "cannot create %s: %s", path, strerror(errno));
  }
  return lp_manifest_write(x, temp, command, n_command);
}

lp_status lp_run_folder_create(const lp_experiment *x, const char *dir, const char *const *command,
                               uint32_t n_command) {
  char target[PATH_MAX], temp[PATH_MAX];
  lp_status status = lp_run_folder_check(dir);
  if (status != LP_OK) return status;
  if (!realpath(dir, target)) snprintf(target, sizeof target, "%s", dir);
  size_t len = strlen(target);
  while (len > 1 && target[len - 1] == '/') target[--len] = '\0';

  /* Beside its final place, so that it can be renamed into it. */
  char *slash = strrchr(target, '/');
  const char *base = slash ? slash + 1 : target;
  int n = snprintf(temp, sizeof temp, "%.*s.%s.%ld", (int)(base - target), target, base,
                   (long)getpid());
  if (n < 0 || (size_t)n >= sizeof temp - 32)
    return lp_fail(LP_ERR_ARG, "%s: the path is too long", dir);
  if (slash && slash != target) {
    *slash = '\0';
    status = lp_make_dirs(target);
    *slash = '/';
    if (status != LP_OK) return status;
  }
  if (mkdir(temp, 0777) != 0)
    return lp_fail(LP_ERR_IO, "cannot create %s: %s", dir, strerror(errno));
  status = fill(x, temp, command, n_command);
  if (status == LP_OK && rename(temp, target) != 0)
    status = lp_fail(LP_ERR_IO, "cannot create %s: %s", dir, strerror(errno));
  if (status != LP_OK) remove_temp(temp);
  return status;
}
