/* The tuning file: one line a shape, "engine<TAB>milliseconds<TAB>shape", keyed by device and
 * driver through its name. */
#include "tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct choice {
  char shape[128], engine[16];
  double seconds;
} choice;

struct ocl_tuning {
  choice *list;
  uint32_t n;
  char path[1024];
};

static lp_status put(struct ocl_tuning *t, const char *shape, const char *engine, double seconds) {
  for (uint32_t i = 0; i < t->n; i++)
    if (!strcmp(t->list[i].shape, shape)) {
      snprintf(t->list[i].engine, sizeof t->list->engine, "%s", engine);
      t->list[i].seconds = seconds;
      return LP_OK;
    }
  choice *grown = realloc(t->list, (t->n + 1) * sizeof *grown);
  if (!grown) return ocl_host->fail(LP_ERR_MEMORY, "opencl: out of memory");
  t->list = grown;
  choice *c = &grown[t->n++];
  c->seconds = seconds;
  snprintf(c->shape, sizeof c->shape, "%s", shape);
  snprintf(c->engine, sizeof c->engine, "%s", engine);
  return LP_OK;
}

/* Device and driver as a file name; FNV-1a tells apart what the plain letters do not. */
static void file_name(const lp_device *dev, char *out, size_t cap) {
  char plain[48];
  size_t n = 0;
  for (const char *c = dev->found.name; *c && n + 1 < sizeof plain; c++) {
    bool ok = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
    plain[n++] = ok ? *c : '-';
  }
  plain[n] = 0;
  uint64_t hash = UINT64_C(14695981039346656037);
  const char *part[] = {dev->found.name, dev->found.driver, OCL_FORMAT};
  for (int i = 0; i < 3; i++)
    for (const char *c = part[i]; *c; c++)
      hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
  snprintf(out, cap, "opencl/tuning/%s-%08x.txt", plain, (unsigned)(hash ^ hash >> 32));
}

lp_status ocl_tuning_load(lp_device *dev) {
  struct ocl_tuning *t = dev->tuning = calloc(1, sizeof *t);
  if (!t) return ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", dev->info.id);
  char name[128], line[256], shape[128], engine[16];
  double ms;
  file_name(dev, name, sizeof name);
  /* Without a cache folder there are only defaults. */
  if (ocl_host->cache_path(name, t->path, sizeof t->path) != LP_OK) {
    t->path[0] = 0;
    return LP_OK;
  }
  FILE *f = fopen(t->path, "r");
  if (!f) return LP_OK;
  lp_status s = LP_OK;
  while (s == LP_OK && fgets(line, sizeof line, f))
    if (sscanf(line, "%15[a-z0-9]\t%lf\t%127[^\n]", engine, &ms, shape) == 3)
      s = put(t, shape, engine, ms * 1e-3);
  fclose(f);
  return s;
}

void ocl_tuning_free(lp_device *dev) {
  if (!dev->tuning) return;
  free(dev->tuning->list);
  free(dev->tuning);
  dev->tuning = NULL;
}

const char *ocl_tuning_find(const lp_device *dev, const char *shape) {
  for (uint32_t i = 0; dev->tuning && i < dev->tuning->n; i++)
    if (!strcmp(dev->tuning->list[i].shape, shape)) return dev->tuning->list[i].engine;
  return NULL;
}

void ocl_tuning_keep(lp_device *dev, const char *shape, const char *engine, double seconds) {
  struct ocl_tuning *t = dev->tuning;
  if (put(t, shape, engine, seconds) != LP_OK || !t->path[0]) return;
  ocl_text text = {0};
  ocl_put(&text, "# fastest engines on %s; %s\n# engine, milliseconds, shape\n", dev->found.name,
          dev->found.driver);
  for (uint32_t i = 0; i < t->n; i++)
    ocl_put(&text, "%s\t%.4f\t%s\n", t->list[i].engine, t->list[i].seconds * 1e3, t->list[i].shape);
  if (!text.failed && ocl_host->write_file(t->path, text.s, text.n) != LP_OK)
    ocl_host->log(LP_LOG_WARNING, "%s: cannot write %s", dev->info.id, t->path);
  free(text.s);
}
