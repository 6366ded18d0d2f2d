/* See cli_test.h. */
#include "cli_test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

char *test_out, *test_err;

static char program[PATH_MAX], sources[PATH_MAX], folder[] = "/tmp/locality-test-XXXXXX";

void test_begin(int argc, char **argv) {
  if (argc != 3 || !realpath(argv[1], program) || !realpath(argv[2], sources) || !mkdtemp(folder) ||
      chdir(folder) != 0) {
    fprintf(stderr, "usage: %s PROGRAM SOURCES\n", argv[0]);
    exit(2);
  }
  char cache[PATH_MAX + 8];
  snprintf(cache, sizeof cache, "%s.cache", folder);
  setenv("LOCALITY_CACHE", cache, 1);
  setenv("NO_COLOR", "1", 1);
  unsetenv("LOCALITY_LOG");
  unsetenv("LOCALITY_MNIST");
  unsetenv("LOCALITY_FASHION_MNIST");
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st;
  (void)flag;
  (void)ftw;
  return remove(path);
}

void test_end(void) {
  if (chdir("/") != 0) return;
  nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  nftw(getenv("LOCALITY_CACHE"), remove_one, 16, FTW_DEPTH | FTW_PHYS);
  free(test_out);
  free(test_err);
}

/* ---- processes ----------------------------------------------------------------------------- */

static pid_t start(const char *args) {
  char command[8192];
  int n = snprintf(command, sizeof command, "exec '%s' %s >.out 2>.err </dev/null", program, args);
  assert_true(n > 0 && n < (int)sizeof command);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  return pid;
}

int test_wait(pid_t pid) {
  int status;
  while (waitpid(pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
  free(test_out);
  free(test_err);
  test_out = test_read(".out", NULL);
  test_err = test_read(".err", NULL);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

pid_t test_start(const char *fmt, ...) {
  char args[4096];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(args, sizeof args, fmt, ap);
  va_end(ap);
  return start(args);
}

int test_run(const char *fmt, ...) {
  char args[4096];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(args, sizeof args, fmt, ap);
  va_end(ap);
  return test_wait(start(args));
}

void test_sleep(double seconds) {
  struct timespec ts = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&ts, NULL);
}

void test_one_error(const char *text) {
  const char *end = strchr(test_err, '\n');
  bool found = strstr(test_err, text) != NULL, one = end && end[1] == '\0';
  if (!found || !one) print_error("expected one line with \"%s\", got: %s\n", text, test_err);
  assert_true(found && one);
}

/* ---- files --------------------------------------------------------------------------------- */

void test_write(const char *path, const void *data, size_t n) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
}

char *test_read(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  if (!f) print_error("%s: %s\n", path, strerror(errno));
  assert_non_null(f);
  char *data = NULL;
  size_t size = 0, got;
  char block[4096];
  FILE *out = open_memstream(&data, &size);
  assert_non_null(out);
  while ((got = fread(block, 1, sizeof block, f)) > 0) fwrite(block, 1, got, out);
  fclose(f);
  fclose(out);
  if (n) *n = size;
  return data;
}

char *test_read_source(const char *path) {
  char full[PATH_MAX + 64];
  snprintf(full, sizeof full, "%s/%s", sources, path);
  return test_read(full, NULL);
}

static int n_files;

static int count_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st;
  (void)flag;
  (void)ftw;
  n_files += strcmp(path, "./.out") != 0 && strcmp(path, "./.err") != 0;
  return 0;
}

int test_count_files(void) {
  n_files = 0;
  assert_int_equal(nftw(".", count_one, 16, FTW_PHYS), 0);
  return n_files;
}

void test_same_file(const char *a, const char *b) {
  size_t na, nb;
  char *x = test_read(a, &na), *y = test_read(b, &nb);
  bool same = na == nb && memcmp(x, y, na) == 0;
  if (!same) print_error("%s and %s differ\n", a, b);
  assert_true(same);
  free(x);
  free(y);
}

/* ---- run folders --------------------------------------------------------------------------- */

static char same_a[PATH_MAX], same_b[PATH_MAX];
static size_t same_offset;

static int same_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st;
  (void)ftw;
  char other[2 * PATH_MAX];
  snprintf(other, sizeof other, "%s%s", same_b, path + same_offset);
  if (flag == FTW_F) test_same_file(path, other);
  n_files += flag == FTW_F;
  return 0;
}

/* Files of a folder of a, each compared with b's; how many there are. */
static int same_files(const char *a, const char *b, const char *folder_name) {
  snprintf(same_a, sizeof same_a, "%s/%s", a, folder_name);
  snprintf(same_b, sizeof same_b, "%s/%s", b, folder_name);
  same_offset = strlen(same_a);
  n_files = 0;
  assert_int_equal(nftw(same_a, same_one, 16, FTW_PHYS), 0);
  return n_files;
}

static json_t *summary_of(const char *dir) {
  char path[PATH_MAX];
  assert_int_equal(test_run("analyze %s", dir), 0);
  snprintf(path, sizeof path, "%s/summary.json", dir);
  json_t *all = json_load_file(path, 0, NULL), *arm, *run;
  const char *name;
  size_t i;
  assert_non_null(all);
  json_object_foreach(json_object_get(all, "arms"), name, arm)
      json_array_foreach(json_object_get(arm, "runs"), i, run)
          json_object_del(run, "seconds_per_epoch");
  json_object_del(json_object_get(all, "plan"), "seeds_added"); /* how it came to be */
  json_array_remove(json_object_get(all, "answer"), 2);         /* says that seeds were added */
  return all;
}

void test_same_run(const char *a, const char *b) {
  static const char *const part[] = {"models", "activations"};
  for (int i = 0; i < 2; i++) {
    const int n = same_files(a, b, part[i]);
    assert_true(n > 0);
    assert_int_equal(same_files(b, a, part[i]), n);
  }
  json_t *x = summary_of(a), *y = summary_of(b);
  char *s = json_dumps(x, JSON_INDENT(1)), *t = json_dumps(y, JSON_INDENT(1)); /* in order */
  assert_string_equal(s, t);
  free(s);
  free(t);
  json_decref(x);
  json_decref(y);
}

void test_wait_for(const char *path, const char *text) {
  for (int i = 0; i < 4000; i++) {
    if (access(path, R_OK) == 0) {
      char *now = test_read(path, NULL);
      bool found = strstr(now, text) != NULL;
      free(now);
      if (found) return;
    }
    test_sleep(0.005);
  }
  fail_msg("%s never held %s", path, text);
}

/* ---- images -------------------------------------------------------------------------------- */

enum { SIDE = 28 };

static void big_endian(uint8_t *to, uint32_t v) {
  for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void make_split(const char *dir, const char *which, uint32_t n) {
  char path[PATH_MAX];
  size_t image_bytes = 16 + (size_t)n * SIDE * SIDE, label_bytes = 8 + (size_t)n;
  uint8_t *images = calloc(1, image_bytes), *labels = calloc(1, label_bytes);
  assert_true(images && labels);
  const uint32_t header[] = {0x803, n, SIDE, SIDE};
  for (int i = 0; i < 4; i++) big_endian(images + 4 * i, header[i]);
  big_endian(labels, 0x801);
  big_endian(labels + 4, n);
  uint32_t noise = 12345;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t c = i % 10;
    uint8_t *pixel = images + 16 + (size_t)i * SIDE * SIDE;
    for (int k = 0; k < SIDE * SIDE; k++) {
      noise = noise * 1664525u + 1013904223u;
      pixel[k] = (uint8_t)(noise >> 26);
    }
    for (uint32_t y = 0; y < 8; y++)
      for (uint32_t x = 0; x < 8; x++) pixel[(4 + c / 5 * 12 + y) * SIDE + c % 5 * 4 + 2 + x] = 200;
    labels[8 + i] = (uint8_t)c;
  }
  snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", dir, which);
  test_write(path, images, image_bytes);
  snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", dir, which);
  test_write(path, labels, label_bytes);
  free(images);
  free(labels);
}

void test_make_images(const char *dir, uint32_t n_train, uint32_t n_test) {
  assert_int_equal(mkdir(dir, 0777), 0);
  make_split(dir, "train", n_train);
  make_split(dir, "t10k", n_test);
}

const char *test_program(void) {
  return program;
}
