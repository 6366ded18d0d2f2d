/* Presets: the YAML files of published experiments, in the folder that goes with the library. */
#include "../base/text.h"

#include <locality/experiment.h>

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
  const char *name, *title;
} presets[] = {
    {"mnist", "LeNet on MNIST, published settings with SGD"},
    {"mnist-rmsprop", "LeNet on MNIST, the published table as it stands"},
    {"fashion-mnist", "LeNet on Fashion-MNIST, settings of mnist"},
    {"imagenet", "AlexNet on ImageNet, published settings with SGD"},
    {"imagenet-rmsprop", "AlexNet on ImageNet, the published table as it stands"},
    {"tiny-imagenet", "AlexNet on 64-pixel images of Tiny ImageNet"},
    {"cifar10", "AlexNet on CIFAR-10"},
};
enum { N_PRESETS = sizeof presets / sizeof *presets };

const char *lp_preset_get(uint32_t i, const char **title) {
  if (i >= N_PRESETS) return NULL;
  if (title) *title = presets[i].title;
  return presets[i].name;
}

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
  static const char here = 0;
  Dl_info info;
  struct link_map *map = NULL;
  if (!dladdr1(&here, &info, (void **)&map, RTLD_DL_LINKMAP) || !map) return false;
  return realpath(map->l_name[0] ? map->l_name : "/proc/self/exe", out) && parent(out);
}

/* An installed library, wherever its prefix was moved to: from LIBDIR/locality and DATADIR/locality
 * as they were configured follows how to get from the library's folder to the data folder. */
static bool moved_folder(const char *own, char out[PATH_MAX]) {
  char libdir[] = LP_MODULE_DIR, base[PATH_MAX];
  if (!parent(libdir)) return false;
  const char *data = LP_DATA_DIR;
  size_t common = 0;
  for (size_t i = 0; libdir[i] && libdir[i] == data[i]; i++)
    if (libdir[i] == '/') common = i;
  snprintf(base, sizeof base, "%s", own);
  for (const char *p = libdir + common; *p; p++)
    if (*p == '/' && !parent(base)) return false;
  int n = snprintf(out, PATH_MAX, "%s%s/presets", base, data + common);
  return n < PATH_MAX && is_folder(out);
}

/* The copy in a build tree whose root is at most a few folders above. */
static bool build_folder(const char *own, char out[PATH_MAX]) {
  char root[PATH_MAX], probe[PATH_MAX + 16];
  snprintf(root, sizeof root, "%s", own);
  for (int up = 0; up < 5; up++) {
    snprintf(probe, sizeof probe, "%s/build.ninja", root);
    if (access(probe, F_OK) == 0)
      return snprintf(out, PATH_MAX, "%s/core/experiment/presets", root) < PATH_MAX &&
             is_folder(out);
    if (!parent(root)) return false;
  }
  return false;
}

lp_status lp_preset_path(const char *name, char *out, size_t cap) {
  const char *names[N_PRESETS];
  char known[256] = "";
  bool found = false;
  for (uint32_t i = 0; i < N_PRESETS; i++) {
    names[i] = presets[i].name;
    found = found || strcmp(name, names[i]) == 0;
    size_t used = strlen(known);
    snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", names[i]);
  }
  if (!found) {
    const char *near = lp_nearest(name, names, N_PRESETS);
    return near ? lp_fail(LP_ERR_NOT_FOUND, "no preset is named '%s'; did you mean '%s'?", name,
                          near)
                : lp_fail(LP_ERR_NOT_FOUND,
                          "no preset is named '%s'; there are %s (a file's name ends in .yaml)",
                          name, known);
  }
  char own[PATH_MAX], folder[PATH_MAX];
  if (!own_folder(own) || !(build_folder(own, folder) || moved_folder(own, folder)))
    snprintf(folder, sizeof folder, "%s", LP_DATA_DIR "/presets");
  int n = snprintf(out, cap, "%s/%s.yaml", folder, name);
  if (n < 0 || (size_t)n >= cap) return lp_fail(LP_ERR_ARG, "%s: its path is too long", name);
  return LP_OK;
}
