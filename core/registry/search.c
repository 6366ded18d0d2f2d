/* Where modules are looked for: the folder that goes with the library, then LOCALITY_PLUGIN_PATH.
 */
#include "registry_internal.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Folders of a build tree whose subfolders hold modules. */
static const char *const build_folders[] = {"backends", "plugins"};
#define BUILD_TREE_PARENTS 4 /* how far above the running code the root of a build tree may be */

bool lp_strings_take(lp_strings *s, char *text) {
  if (!text) return false;
  if (s->n == s->cap) {
    uint32_t cap = s->cap ? 2 * s->cap : 16;
    char **item = realloc(s->item, cap * sizeof *item);
    if (!item) {
      free(text);
      return false;
    }
    s->item = item;
    s->cap = cap;
  }
  s->item[s->n++] = text;
  return true;
}

void lp_strings_free(lp_strings *s) {
  for (uint32_t i = 0; i < s->n; i++) free(s->item[i]);
  free(s->item);
  *s = (lp_strings){0};
}

static lp_status no_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "out of memory while looking for modules");
}

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b); /* not strcoll: the same in every locale */
}

/* Sorted names in a folder; a folder that cannot be read gives a warning and no names. */
static lp_status list_folder(const char *folder, lp_strings *names) {
  DIR *dir = opendir(folder);
  if (!dir) {
    lp_log(LP_LOG_WARNING, "module folder %s: %s", folder, strerror(errno));
    return LP_OK;
  }
  bool ok = true;
  for (struct dirent *e; ok && (e = readdir(dir));)
    if (e->d_name[0] != '.') ok = lp_strings_take(names, strdup(e->d_name));
  closedir(dir);
  if (names->n) qsort(names->item, names->n, sizeof *names->item, by_bytes);
  return ok ? LP_OK : no_memory();
}

/* Adds the *.so of a folder. A file reached twice (a folder named twice, a link) counts once. */
static lp_status add_modules(const char *folder, lp_strings *files) {
  lp_strings names = {0};
  lp_status s = list_folder(folder, &names);
  for (uint32_t i = 0; s == LP_OK && i < names.n; i++) {
    size_t len = strlen(names.item[i]);
    if (len < 4 || strcmp(names.item[i] + len - 3, ".so") != 0) continue;
    char path[PATH_MAX], real[PATH_MAX];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, names.item[i]);
    if (!realpath(path, real) || stat(real, &st) != 0 || !S_ISREG(st.st_mode)) continue;
    bool seen = false;
    for (uint32_t k = 0; k < files->n && !seen; k++) seen = strcmp(files->item[k], real) == 0;
    if (!seen && !lp_strings_take(files, strdup(real))) s = no_memory();
  }
  lp_strings_free(&names);
  return s;
}

static lp_status add_plugin_path(lp_strings *files) {
  const char *env = secure_getenv("LOCALITY_PLUGIN_PATH");
  char *copy = strdup(env ? env : "");
  if (!copy) return no_memory();
  lp_status s = LP_OK;
  char *save = NULL;
  for (char *f = strtok_r(copy, ":", &save); f && s == LP_OK; f = strtok_r(NULL, ":", &save)) {
    if (f[0] == '/')
      s = add_modules(f, files);
    else /* it would depend on the current directory */
      lp_log(LP_LOG_WARNING, "LOCALITY_PLUGIN_PATH: %s is not an absolute path; ignored", f);
  }
  free(copy);
  return s;
}

/* Folder of the object that holds this code: the library, or a program linked with it statically.
 */
static bool own_folder(char out[PATH_MAX]) {
  static const char here = 0; /* an object, whose address is never a program's jump table */
  Dl_info info;
  struct link_map *map = NULL;
  if (!dladdr1(&here, &info, (void **)&map, RTLD_DL_LINKMAP) || !map) return false;
  if (!realpath(map->l_name[0] ? map->l_name : "/proc/self/exe", out)) return false;
  char *slash = strrchr(out, '/');
  if (!slash) return false;
  *slash = '\0';
  return true;
}

/* Root of the build tree that `folder` lies in; false when it lies in none. */
static bool build_root(const char *folder, char root[PATH_MAX]) {
  char probe[PATH_MAX + 16];
  snprintf(root, PATH_MAX, "%s", folder);
  for (int up = 0; up <= BUILD_TREE_PARENTS; up++) {
    snprintf(probe, sizeof probe, "%s/build.ninja", root);
    struct stat st;
    if (stat(probe, &st) == 0) return true;
    char *slash = strrchr(root, '/');
    if (!slash || slash == root) return false;
    *slash = '\0';
  }
  return false;
}

static lp_status add_build_tree(const char *root, lp_strings *files) {
  lp_status s = LP_OK;
  for (size_t i = 0; s == LP_OK && i < sizeof build_folders / sizeof *build_folders; i++) {
    char folder[PATH_MAX], sub[PATH_MAX];
    if (snprintf(folder, sizeof folder, "%s/%s", root, build_folders[i]) >= (int)sizeof folder)
      continue;
    lp_strings names = {0};
    if (is_folder(folder)) s = list_folder(folder, &names);
    for (uint32_t k = 0; s == LP_OK && k < names.n; k++) {
      int len = snprintf(sub, sizeof sub, "%s/%s", folder, names.item[k]);
      if (len < (int)sizeof sub && is_folder(sub)) s = add_modules(sub, files);
    }
    lp_strings_free(&names);
  }
  return s;
}

static lp_status add_own_modules(lp_strings *files) {
  /* An installed library has its modules beside it, wherever the prefix was moved to. One in a
   * build tree uses that tree's modules alone: older installed ones would hide them. */
  char own[PATH_MAX], root[PATH_MAX], beside[PATH_MAX + 16];
  if (own_folder(own)) {
    snprintf(beside, sizeof beside, "%s/locality", own);
    if (is_folder(beside)) return add_modules(beside, files);
    if (build_root(own, root)) return add_build_tree(root, files);
  }
  return add_modules(LP_MODULE_DIR, files);
}

lp_status lp_search_modules(lp_strings *files, uint32_t *own) {
  /* The library's own come first: the first to register a name has it, and what a name means must
   * not depend on the environment. */
  lp_status s = add_own_modules(files);
  *own = files->n;
  return s == LP_OK ? add_plugin_path(files) : s;
}
