/* test-golden [--backend DEV] DIR: every case of every *.safetensors file in DIR.
 *
 * Cases come from keys and shapes, never from a list: a folder with other shapes is checked the
 * same way. A line a case, then the totals. Exit 1 when a case failed or a file cannot be read, 2
 * on wrong usage or when there is no case at all. */
#include "golden.h"

#include <locality/registry.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ending[] = ".safetensors";

static void (*const families[])(golden *g) = {
    golden_lenet,      golden_priors,     golden_lp_layer,    golden_ops,    golden_optimisers,
    golden_statistics, golden_topography, golden_orientation, golden_wiring, /* before penalties:
                                                                                both have NAME/value
                                                                              */
    golden_penalties,  golden_inference,  golden_layers,
};

static void report_unused(golden *g) {
  for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++)
    if (!g->used[i])
      golden_skipped(g, lp_safetensors_get(g->file, i)->name, "the key matches no scheme");
}

static void run_file(golden *g, const char *dir, const char *name) {
  char *path = lp_path_join(dir, name);
  snprintf(g->stem, sizeof g->stem, "%.*s", (int)(strlen(name) - strlen(ending)), name);
  lp_status s = path ? lp_safetensors_read(path, &g->file) : LP_ERR_MEMORY;
  if (s == LP_OK) {
    g->used = calloc(lp_safetensors_count(g->file) + 1, sizeof *g->used);
    if (!g->used) s = lp_fail(LP_ERR_MEMORY, "out of memory");
  }
  if (s != LP_OK) {
    golden_failed(g, "", "%s", lp_error_message());
  } else if (lp_safetensors_count(g->file) == 0) {
    golden_skipped(g, "", "the file holds no tensor");
  } else {
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) families[i](g);
    report_unused(g);
  }
  free(g->used);
  lp_safetensors_free(g->file);
  g->used = NULL;
  g->file = NULL;
  free(path);
  fflush(stdout);
}

static int is_reference(const struct dirent *e) {
  size_t n = strlen(e->d_name), m = strlen(ending);
  return n > m && strcmp(e->d_name + n - m, ending) == 0;
}

int main(int argc, char **argv) {
  golden g = {.device = "auto"};
  const char *dir = NULL;
  bool usage = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc)
      g.device = argv[++i];
    else if (argv[i][0] == '-' || dir)
      usage = true;
    else
      dir = argv[i];
  }
  if (usage || !dir) {
    fprintf(stderr, "usage: test-golden [--backend DEV] DIR\n");
    return 2;
  }
  struct dirent **entry = NULL;
  int n = scandir(dir, &entry, is_reference, alphasort);
  if (n < 1) {
    fprintf(stderr, "test-golden: %s: %s\n", dir, n < 0 ? "cannot be read" : "no *.safetensors");
    return 2;
  }
  /* A device that cannot be opened would fail every case for one reason: say it once. */
  lp_session *probe = NULL;
  if (lp_registry_load() != LP_OK || lp_session_open(g.device, 1, &probe) != LP_OK) {
    fprintf(stderr, "test-golden: %s: %s\n", g.device, lp_error_message());
    /* 77 is meson's "skipped": for a device that the build only guessed to be there. */
    return getenv("LOCALITY_TEST_OPTIONAL") ? 77 : 2;
  }
  lp_session_close(probe);
  for (int i = 0; i < n; i++) {
    run_file(&g, dir, entry[i]->d_name);
    free(entry[i]);
  }
  free(entry);
  printf("%u passed, %u failed, %u skipped\n", g.passed, g.failed, g.skipped);
  if (!g.passed && !g.failed && !g.skipped) return 2;
  return g.failed ? 1 : 0;
}
