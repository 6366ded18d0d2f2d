/* CLBlast's parameters from the files that its tuners (clblast_tuner_xgemm and others) write. */
#include "bench.h"

#include <dirent.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PARAMETERS = 24, SINGLE = 32 };
typedef int (*override_fn)(void *device, const char *kernel, int precision, size_t n,
                           const char **name, const size_t *value);

/* What the files call a kernel, and the library. Matrix products have two searches, _1 and _2. */
static const struct {
  const char *family, *kernel;
} kernels[] = {
    {"copy", "Copy"},
    {"pad", "Pad"},
    {"transpose", "Transpose"},
    {"padtranspose", "Padtranspose"},
    {"xgemm", "Xgemm"},
    {"xgemm_direct", "XgemmDirect"},
    {"gemm_routine", "GemmRoutine"},
};
enum { KERNELS = sizeof kernels / sizeof *kernels };

/* KERNELS when the file is for something else. */
static size_t kernel_of(const json_t *file) {
  const char *family = bench_text(file, "kernel_family");
  size_t n = strlen(family), k = 0;
  if (n > 2 && family[n - 2] == '_') n -= 2;
  while (k < KERNELS && (strlen(kernels[k].family) != n || memcmp(kernels[k].family, family, n)))
    k++;
  return strcmp(bench_text(file, "precision"), "32") == 0 ? k : KERNELS;
}

/* "NAME=VALUE NAME=VALUE ..." */
static bool apply(override_fn override, void *device, const char *kernel, const char *parameters) {
  char copy[1024], *rest = copy;
  const char *name[MAX_PARAMETERS];
  size_t value[MAX_PARAMETERS], n = 0;
  snprintf(copy, sizeof copy, "%s", parameters);
  for (char *word; (word = strsep(&rest, " ")) && n < MAX_PARAMETERS;) {
    char *equals = strchr(word, '=');
    if (!equals || strncmp(word, "PRECISION=", 10) == 0) continue;
    *equals = 0;
    name[n] = word;
    value[n++] = strtoul(equals + 1, NULL, 10);
  }
  int status = override(device, kernel, SINGLE, n, name, value);
  return status == 0 ||
         (lp_fail(LP_ERR_DEVICE, "CLBlastOverrideParameters for %s: status %d", kernel, status),
          false);
}

bool bench_clblast_tune(void *library, void *device, const char *folder) {
  void *fn = dlsym(library, "CLBlastOverrideParameters");
  override_fn override;
  memcpy(&override, &fn, sizeof fn);
  DIR *dir = fn ? opendir(folder) : NULL;
  if (!dir) return lp_fail(LP_ERR_NOT_FOUND, "no folder %s of CLBlast's tuners", folder), false;
  json_t *best[KERNELS] = {NULL};
  double seconds[KERNELS];
  for (struct dirent *e; (e = readdir(dir));) {
    char path[512];
    snprintf(path, sizeof path, "%.255s/%.255s", folder, e->d_name);
    json_t *file = strstr(e->d_name, ".json") ? json_load_file(path, 0, NULL) : NULL;
    size_t k = file ? kernel_of(file) : KERNELS;
    double took = file ? strtod(bench_text(file, "best_time"), NULL) : NAN;
    if (k < KERNELS && (!best[k] || took < seconds[k])) {
      json_decref(best[k]);
      best[k] = json_incref(file);
      seconds[k] = took;
    }
    json_decref(file);
  }
  closedir(dir);
  bool ok = true, any = false;
  for (size_t k = 0; k < KERNELS; k++) {
    if (!best[k]) continue;
    any = true;
    ok = ok && apply(override, device, kernels[k].kernel, bench_text(best[k], "best_parameters"));
    json_decref(best[k]);
  }
  return (ok && any) ||
         (ok &&
          (lp_fail(LP_ERR_NOT_FOUND, "%s: no file of CLBlast's tuners for f32", folder), false));
}
