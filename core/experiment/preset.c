/* Presets: the YAML files of published experiments, in the folder that goes with the library. */
#include "../base/text.h"

#include <locality/experiment.h>
#include <locality/io.h>

#include <stdio.h>
#include <string.h>

lp_status lp_preset_names(char ***names, uint32_t *n) {
  return lp_shared_names("presets", "core/experiment/presets", names, n);
}

lp_status lp_preset_path(const char *name, char *out, size_t cap) {
  char **names, file[300];
  uint32_t n, i = 0;
  lp_status status = lp_preset_names(&names, &n);
  if (status != LP_OK) return status;
  while (i < n && strcmp(names[i], name) != 0) i++;
  if (i == n)
    status = lp_fail(LP_ERR_NOT_FOUND, "no preset is named '%s'%s (a file's name ends in .yaml)",
                     name, lp_did_you_mean_or(name, (const char *const *)names, n).text);
  lp_names_free(names, n);
  if (status != LP_OK) return status;
  snprintf(file, sizeof file, "%s.yaml", name);
  return lp_shared_path("presets", "core/experiment/presets", file, out, cap);
}
