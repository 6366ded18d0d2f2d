/* The folder of shared files that goes with the library: presets, networks. */
#include <locality/io.h>

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUILD_TREE_PARENTS 4 /* how far above the running code the root of a build tree may be */

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Takes the last part off a path; false when there is none left. */
static bool parent(char *path) {
  char *slash = strrchr(path, '/');
  if (!slash || slash == path) return false;
  *slash = '\0';
  return true;
}

/* Folder of the library, or of the program it is linked into. */
static bool own_folder(char out[PATH_MAX]) {
  static const char here = 0; /* an object, whose address is never a program's jump table */
  Dl_info info;
  struct link_map *map = NULL;
  if (!dladdr1(&here, &info, (void **)&map, RTLD_DL_LINKMAP) || !map) return false;
  return realpath(map->l_name[0] ? map->l_name : "/proc/self/exe", out) && parent(out);
}

/* An installed library, wherever its prefix was moved to: from LIBDIR/locality and DATADIR/locality
 * as they were configured follows how to get from the library's folder to the data folder. */
static bool moved_folder(const char *own, const char *kind, char out[PATH_MAX]) {
  char libdir[] = LP_MODULE_DIR, base[PATH_MAX];
  if (!parent(libdir)) return false;
  const char *data = LP_DATA_DIR;
  size_t common = 0;
  for (size_t i = 0; libdir[i] && libdir[i] == data[i]; i++)
    if (libdir[i] == '/') common = i;
  snprintf(base, sizeof base, "%s", own);
  for (const char *p = libdir + common; *p; p++)
    if (*p == '/' && !parent(base)) return false;
  int n = snprintf(out, PATH_MAX, "%s%s/%s", base, data + common, kind);
  return n < PATH_MAX && is_folder(out);
}

/* The copy in a build tree whose root is at most a few folders above. */
static bool build_folder(const char *own, const char *folder, char out[PATH_MAX]) {
  char root[PATH_MAX], probe[PATH_MAX + 16];
  snprintf(root, sizeof root, "%s", own);
  for (int up = 0; up <= BUILD_TREE_PARENTS; up++) {
    snprintf(probe, sizeof probe, "%s/build.ninja", root);
    if (access(probe, F_OK) == 0)
      return snprintf(out, PATH_MAX, "%s/%s", root, folder) < PATH_MAX && is_folder(out);
    if (!parent(root)) return false;
  }
  return false;
}

lp_status lp_shared_path(const char *kind, const char *in_build, const char *name, char *out,
                         size_t cap) {
  char own[PATH_MAX], folder[PATH_MAX];
  if (!own_folder(own) || !(build_folder(own, in_build, folder) || moved_folder(own, kind, folder)))
    snprintf(folder, sizeof folder, "%s/%s", LP_DATA_DIR, kind);
  int n = name ? snprintf(out, cap, "%s/%s", folder, name) : snprintf(out, cap, "%s", folder);
  if (n < 0 || (size_t)n >= cap)
    return lp_fail(LP_ERR_ARG, "%s: its path is too long", name ? name : kind);
  return LP_OK;
}

lp_status lp_shared_names(const char *kind, const char *in_build, char ***names, uint32_t *n) {
  char folder[PATH_MAX];
  *names = NULL;
  *n = 0;
  lp_status status = lp_shared_path(kind, in_build, NULL, folder, sizeof folder);
  if (status != LP_OK) return status;
  struct dirent **entry = NULL;
  int found = scandir(folder, &entry, NULL, alphasort);
  if (found < 0)
    return lp_fail(LP_ERR_NOT_FOUND, "%s: the folder of %s cannot be read; install locality again",
                   folder, kind);
  *names = calloc((size_t)found + 1, sizeof **names);
  bool ok = *names != NULL;
  for (int i = 0; i < found; i++) {
    char *dot = strrchr(entry[i]->d_name, '.');
    if (ok && dot && dot > entry[i]->d_name && strcmp(dot, ".yaml") == 0) {
      *dot = '\0';
      ok = ((*names)[*n] = strdup(entry[i]->d_name)) != NULL;
      *n += ok;
    }
    free(entry[i]);
  }
  free(entry);
  if (ok) return LP_OK;
  lp_names_free(*names, *n);
  *names = NULL;
  *n = 0;
  return lp_fail(LP_ERR_MEMORY, "%s: out of memory", folder);
}

void lp_names_free(char **names, uint32_t n) {
  for (uint32_t i = 0; names && i < n; i++) free(names[i]);
  free(names);
}
