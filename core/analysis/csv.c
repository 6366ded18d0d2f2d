/* Tables of a run folder as CSV. */
#include "run.h"

#include "../base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void lp_csv_field(FILE *f, const char *text) {
  if (!strpbrk(text, ",\"\r\n")) {
    fputs(text, f);
    return;
  }
  fputc('"', f);
  for (; *text; text++) {
    if (*text == '"') fputc('"', f);
    fputc(*text, f);
  }
  fputc('"', f);
}

void lp_csv_value(FILE *f, double x) {
  fputc(',', f);
  if (isfinite(x)) fputs(lp_exact(x).text, f);
}

void lp_csv_network(FILE *f, const analysis *a, uint32_t arm, uint32_t seed) {
  const lp_run_arm *cell = &a->folder->arm[arm];
  lp_csv_field(f, cell->base);
  fputc(',', f);
  lp_csv_field(f, cell->name);
  fprintf(f, ",%llu,%s", (unsigned long long)a->seed[seed], a->arm[arm].run[seed].status);
}

lp_status lp_csv_write(const analysis *a, const char *name,
                       void (*fill)(FILE *f, const analysis *a)) {
  char *path = lp_path_join(a->dir, name), *text = NULL;
  size_t n = 0;
  FILE *f = path ? open_memstream(&text, &n) : NULL;
  if (!f) {
    free(path);
    return lp_fail(LP_ERR_MEMORY, "out of memory for %s", name);
  }
  fill(f, a);
  lp_status s = ferror(f) ? LP_ERR_MEMORY : LP_OK;
  if (fclose(f) != 0 || s != LP_OK) s = lp_fail(LP_ERR_MEMORY, "out of memory for %s", path);
  if (s == LP_OK) s = lp_write_file(path, text, n);
  free(text);
  free(path);
  return s;
}
