/* Building kernels: what a compiler says is kept in full, and binaries are kept once they are
 * whole. */
#include "bench.h"
#include "fault.h"

#include <locality/io.h>
#include <locality/registry.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char cache[] = "/tmp/locality-programs-XXXXXX";
static int passed, failed;

static void check(const char *what, bool ok) {
  printf("%s %s%s%s\n", ok ? "passed" : "failed", what, ok ? "" : ": ",
         ok ? "" : lp_error_message());
  fflush(stdout);
  *(ok ? &passed : &failed) += 1;
}

/* The file's text, which the caller frees; NULL without the file. */
static char *text_of(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  struct stat st;
  char *text = f && fstat(fileno(f), &st) == 0 ? calloc((size_t)st.st_size + 1, 1) : NULL;
  *n = text ? fread(text, 1, (size_t)st.st_size, f) : 0;
  if (f) fclose(f);
  return text;
}

/* ---- build logs ------------------------------------------------------------------------------ */

static bool fails_with(const char *log, char *said, size_t cap) {
  static const fault refused = {"clBuildProgram", NULL, 1, -11};
  bench b;
  lp_status s = open_bench("opencl", &b);
  fault_build_log = log;
  fault_set(&refused, 1);
  if (s == LP_OK) s = make_plan(&b);
  fault_set(NULL, 0);
  fault_build_log = NULL;
  snprintf(said, cap, "%s", s == LP_OK ? "no error" : lp_error_message());
  close_bench(&b);
  return s == LP_ERR_DEVICE;
}

static void build_logs(void) {
  static const char warning[] = "<program source>:7:1: warning: variable is not used\n";
  static const char error[] =
      "<program source>:9001:3: error: use of undeclared identifier 'lane'\n";
  char said[1024], path[128];
  size_t n = 0, got;
  char *log = malloc(4000 * sizeof warning + sizeof error);
  if (!log) return;
  for (int i = 0; i < 4000; i++) n += (size_t)sprintf(log + n, "%s", warning);
  sprintf(log + n, "%s", error);
  snprintf(path, sizeof path, "%s/opencl/build.log", cache);
  check("a log of 200 KB is an error of one line",
        fails_with(log, said, sizeof said) && !strchr(said, '\n'));
  printf("    %s\n", said);
  check("... that begins with the first error",
        strstr(said, "build program failure: <program source>:9001:3: error: use of undeclared"));
  check("... and says where all of it is", strstr(said, path));
  char *kept = text_of(path, &got);
  check("... which is all of it", kept && got == strlen(log) && !strcmp(kept, log));
  free(kept);
  free(log);
  check("a short log", fails_with("ptxas fatal: Unresolved extern function", said, sizeof said) &&
                           strstr(said, "failure: ptxas fatal: Unresolved extern function; all"));
  check("no log", fails_with("", said, sizeof said) && strstr(said, "the compiler says nothing") &&
                      !strstr(said, path));
}

/* ---- binaries -------------------------------------------------------------------------------- */

static size_t binaries(char *first, size_t cap) {
  char pattern[64];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/opencl/programs/*", cache);
  if (glob(pattern, 0, NULL, &found) != 0) return 0;
  size_t n = found.gl_pathc;
  snprintf(first, cap, "%s", found.gl_pathv[0]);
  globfree(&found);
  return n;
}

/* A session of its own plans and runs. */
static lp_status compute(const fault *f, float *y, fault_counts *n) {
  bench b;
  lp_status s = open_bench("opencl", &b);
  fault_set(f, f != NULL);
  if (s == LP_OK) s = make_plan(&b);
  if (s == LP_OK) s = upload(&b);
  if (s == LP_OK) s = run(&b, false, y);
  *n = fault_count();
  fault_set(NULL, 0);
  close_bench(&b);
  return s;
}

static void kept_binaries(void) {
  static const fault second = {"clCreateKernel", NULL, 2, -6};
  float first[ROWS * OUT], y[ROWS * OUT];
  char path[256] = "", word[4] = "bad";
  fault_counts n;
  fault_platform = "A platform that keeps no binaries"; /* PoCL does */
  check("a kernel that cannot be made", compute(&second, y, &n) == LP_ERR_MEMORY);
  check("... leaves no binary", binaries(path, sizeof path) == 0 && n.kernels == 2);
  check("a plan is built from source",
        compute(NULL, first, &n) == LP_OK && n.source == 1 && !n.binary);
  check("... and kept", binaries(path, sizeof path) == 1);
  check("... once all its kernels are made", n.kernels == 2 && n.kernels_at_binary == n.kernels);
  check("the next process takes the binary",
        compute(NULL, y, &n) == LP_OK && n.binary == 1 && !n.source);
  check("... and computes the same", !memcmp(first, y, sizeof y));
  FILE *f = fopen(path, "wb");
  bool damaged = f && fwrite(word, 1, sizeof word, f) == sizeof word;
  if (f) fclose(f);
  check("a damaged binary is built anew", damaged && compute(NULL, y, &n) == LP_OK &&
                                              n.binary == 1 && n.source == 1 &&
                                              !memcmp(first, y, sizeof y));
  check("... and replaced", compute(NULL, y, &n) == LP_OK && n.binary == 1 && !n.source);
  fault_platform = NULL;
}

int main(void) {
  if (!mkdtemp(cache) || setenv("LOCALITY_CACHE", cache, 1) != 0) return 2;
  unsetenv("LOCALITY_CL_CACHE");
  lp_session *probe;
  if (lp_registry_load() != LP_OK || lp_session_open("opencl", 1, &probe) != LP_OK) {
    fprintf(stderr, "test-programs: %s\n", lp_error_message());
    return getenv("LOCALITY_TEST_OPTIONAL") ? 77 : 2;
  }
  lp_session_close(probe);
  build_logs();
  kept_binaries();
  printf("%d passed, %d failed\n", passed, failed);
  lp_registry_shutdown();
  return failed != 0;
}
