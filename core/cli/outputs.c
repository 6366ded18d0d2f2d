/* Whether what a command is to write can be written, asked before the work. */
#include "cli.h"

#include <locality/io.h>
#include <locality/run.h>

#include <stdlib.h>
#include <sys/stat.h>

int cli_check_outputs(const char *const *path, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (path[i] && lp_check_writable(path[i]) != LP_OK) return cli_fail();
  return CLI_OK;
}

static int check_file_in(const char *dir, const char *name) {
  char *path = lp_path_join(dir, name);
  if (!path) return cli_fail_with("out of memory");
  const char *const one[] = {path};
  int code = cli_check_outputs(one, 1);
  free(path);
  return code;
}

/* Without a manifest it is no run folder, which is said by who reads it. */
static bool is_run_folder(const char *dir) {
  struct stat st;
  char *path = lp_path_join(dir, LP_RUN_MANIFEST);
  bool is = path && stat(path, &st) == 0;
  free(path);
  return is;
}

int cli_check_analysis(const char *dir) {
  return is_run_folder(dir) ? check_file_in(dir, LP_RUN_SUMMARY) : CLI_OK;
}

int cli_check_report(const char *dir) {
  if (!is_run_folder(dir)) return CLI_OK;
  int code = check_file_in(dir, LP_RUN_REPORT);
  char *figures = code == CLI_OK ? lp_path_join(dir, "figures") : NULL;
  if (figures)
    code = lp_make_dirs(figures) == LP_OK ? check_file_in(figures, "style.gp") : cli_fail();
  free(figures);
  return code;
}

int cli_check_cache(void) {
  char path[4096];
  if (lp_cache_path("writable", path, sizeof path) != LP_OK) return cli_fail();
  const char *const one[] = {path};
  return cli_check_outputs(one, 1);
}
