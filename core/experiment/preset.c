/* Presets: the YAML files of published experiments, in the folder that goes with the library. */
#include "../base/text.h"

#include <locality/experiment.h>
#include <locality/io.h>

#include <stdio.h>
#include <string.h>

static const struct {
  const char *name, *title;
} presets[] = {
    {"mnist", "LeNet on MNIST, published settings with SGD"},
    {"mnist-rmsprop", "LeNet on MNIST, the published table as it stands"},
    {"mnist-ablation", "LeNet on MNIST, a sweep over wiring cost and weight decay"},
    {"mnist-size", "LeNet on MNIST, a sweep over the size of the sheet"},
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
  char file[64];
  snprintf(file, sizeof file, "%s.yaml", name);
  return lp_shared_path("presets", "core/experiment/presets", file, out, cap);
}
