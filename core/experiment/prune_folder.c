/* prune_folder.c: the folder beside the wanted one in which it is filled. What is finished stands
 * in it, so that the same command goes on where a program was killed. */
#include "prune_internal.h"

#include "../io/json.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <locality/io.h>
#include <locality/registry.h>
#include <locality/run.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE "unfinished.json" /* command, device, share and the rows that are finished */

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "prune: out of memory");
}

static bool is_there(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0;
}

lp_status lp_prune_check_out(const char *out) {
  return is_there(out)
             ? lp_fail(LP_ERR_ARG,
                       "%s: there is something of that name already; give another folder, "
                       "or remove it",
                       out)
             : lp_check_folder(out);
}

/* DIR/.NAME.unfinished of DIR/NAME. */
static lp_status find_folder(lp_prune_folder *f, const char *out) {
  char target[PATH_MAX];
  size_t len = (size_t)snprintf(target, sizeof target, "%s", out);
  if (len >= sizeof target - 64) return lp_fail(LP_ERR_ARG, "%s: the path is too long", out);
  while (len > 1 && target[len - 1] == '/') target[--len] = '\0';
  const char *slash = strrchr(target, '/'), *base = slash ? slash + 1 : target;
  const int n =
      snprintf(f->path, sizeof f->path, "%.*s.%s.unfinished", (int)(base - target), target, base);
  if (n > 0 && (size_t)n < sizeof f->path) return LP_OK;
  *f->path = '\0';
  return lp_fail(LP_ERR_ARG, "%s: the path is too long", out);
}

/* The state that a program left, which must be of the same command; none: a new one. */
static lp_status read_state(lp_prune_folder *f, json_t *command) {
  char *path = lp_path_join(f->path, STATE);
  if (!path) return out_of_memory();
  f->state = access(path, F_OK) == 0 ? json_load_file(path, 0, NULL) : NULL;
  free(path);
  const json_t *then = json_object_get(f->state, "command");
  if (then && !json_equal(then, command))
    return lp_fail(LP_ERR_ARG,
                   "%s: what another prune left that was not finished (other options, or networks "
                   "that have changed); repeat that command to go on with it, or remove the folder",
                   f->path);
  if (then) return LP_OK;
  json_decref(f->state);
  f->state = json_pack("{s:O, s:[]}", "command", command, "rows");
  return f->state ? LP_OK : out_of_memory();
}

lp_status lp_prune_begin(lp_prune_folder *f, const char *out, json_t *command) {
  char models[PATH_MAX + 16];
  lp_status status = command ? find_folder(f, out) : out_of_memory();
  snprintf(models, sizeof models, "%s/models", f->path);
  if (status == LP_OK) status = lp_make_dirs(models);
  if (status == LP_OK) status = lp_run_folder_lock(f->path, &f->lock);
  if (status != LP_OK) *f->path = '\0'; /* it is not ours */
  f->stays = true;                      /* until it is known to be this command's */
  if (status == LP_OK) status = lp_prune_check_out(out); /* another program can have been faster */
  if (status == LP_OK) {
    lp_run_folder_clean(f->path);
    status = read_state(f, command);
    f->stays = status != LP_OK;
  }
  json_decref(command);
  return status;
}

lp_status lp_prune_on_device(lp_prune_folder *f, lp_trainer *t, double share) {
  const lp_session *s = lp_trainer_session(t);
  const lp_device_info *info = lp_session_device(s);
  const lp_device *dev = lp_session_handle(s);
  json_t *now = json_pack("{s:s, s:s, s:s, s:s}", "id", info->id, "driver", info->driver, "kernels",
                          lp_device_kernels(dev, info), "precision", lp_device_precision(dev)),
         *then = json_object_get(f->state, "device");
  lp_status status = now ? LP_OK : out_of_memory();
  f->stays = then && now && !json_equal(then, now);
  if (f->stays)
    status =
        lp_fail(LP_ERR_ARG, "%s: it was begun on %s with %s; go on there, or remove the folder",
                f->path, json_string_value(json_object_get(then, "id")),
                json_string_value(json_object_get(then, "kernels")));
  if (status == LP_OK && !then) {
    const double chosen = share == 0 ? lp_sparse_share(s) : share < 0 ? 0 : share;
    json_object_set(f->state, "device", now);
    json_object_set_new(f->state, "sparse", json_real(chosen));
  }
  json_decref(now);
  f->share = json_number_value(json_object_get(f->state, "sparse"));
  if (f->share == 0) f->share = -1; /* lp_train_spec.sparse_share: none */
  return status;
}

bool lp_prune_finished(const lp_prune_folder *f, lp_pruned *row) {
  size_t i;
  json_t *r;
  json_array_foreach(json_object_get(f->state, "rows"), i, r) {
    lp_pruned found;
    if (!lp_pruned_read(r, &found) || strcmp(found.arm, row->arm) != 0 || found.seed != row->seed ||
        found.rank != row->rank || found.keep != row->keep || found.finetuned != row->finetuned)
      continue;
    found.arm = row->arm;
    *row = found;
    return true;
  }
  return false;
}

lp_status lp_prune_note(lp_prune_folder *f, const lp_pruned *row, uint32_t n) {
  json_t *rows = json_object_get(f->state, "rows");
  bool ok = true;
  for (uint32_t i = 0; ok && i < n; i++)
    ok = json_array_append_new(rows, lp_pruned_json(&row[i])) == 0;
  char *text = ok ? lp_json_text(f->state, JSON_COMPACT) : NULL,
       *path = lp_path_join(f->path, STATE);
  const lp_status status = text && path ? lp_write_file(path, text, strlen(text)) : out_of_memory();
  free(text);
  free(path);
  return status;
}

/* Removes the files in a folder, and it. */
static void remove_folder(const char *path) {
  DIR *d = opendir(path);
  for (struct dirent *e; d && (e = readdir(d));) {
    char file[PATH_MAX + 300];
    snprintf(file, sizeof file, "%s/%s", path, e->d_name);
    if (strcmp(e->d_name, "models") == 0)
      remove_folder(file);
    else if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      unlink(file);
  }
  if (d) closedir(d);
  rmdir(path);
}

/* What this command made, not what it found. */
static void remove_empty(const char *path) {
  char models[PATH_MAX + 16];
  snprintf(models, sizeof models, "%s/models", path);
  if (rmdir(models) == 0) rmdir(path);
}

/* Would the same command fail in the same way? */
static bool fails_again(lp_status status) {
  return status != LP_ERR_INTERRUPTED && status != LP_ERR_IO && status != LP_ERR_MEMORY &&
         status != LP_ERR_DEVICE;
}

lp_status lp_prune_end(lp_prune_folder *f, const char *out, lp_status status) {
  if (!*f->path) return status;
  const size_t finished = json_array_size(json_object_get(f->state, "rows"));
  if (status == LP_OK && rename(f->path, out) != 0)
    status = lp_fail(LP_ERR_IO, "cannot create %s: %s", out, strerror(errno));
  else if (status == LP_OK) {
    char *path = lp_path_join(out, STATE);
    if (path) unlink(path);
    free(path);
  }
  if (status == LP_ERR_INTERRUPTED)
    status = finished ? lp_fail(status,
                                "prune: interrupted; the same command goes on, after %zu rows that "
                                "are finished",
                                finished)
                      : lp_fail(status, "prune: interrupted; nothing was written");
  if (status != LP_OK && f->stays)
    remove_empty(f->path);
  else if (status != LP_OK && (!finished || fails_again(status)))
    remove_folder(f->path);
  json_decref(f->state);
  if (f->lock >= 0) close(f->lock);
  return status;
}
