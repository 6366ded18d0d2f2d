/* Temporary folders and files. */
#include "support.h"

#include <dirent.h>
#include <ftw.h>
#include <locality/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

int folder_setup(void **state) {
  const char *base = getenv("TMPDIR");
  char *dir;
  if (asprintf(&dir, "%s/locality-test-XXXXXX", base ? base : "/tmp") < 0) return 1;
  *state = mkdtemp(dir);
  return *state ? chmod(dir, 0755) : 1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
  (void)st;
  (void)type;
  (void)where;
  return remove(path);
}

int folder_teardown(void **state) {
  int r = nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  free(*state);
  return r;
}

const char *in(const char *dir, const char *name) {
  static char buf[8][512];
  static unsigned turn;
  char *out = buf[turn++ % 8];
  snprintf(out, sizeof buf[0], "%s/%s", dir, name);
  return out;
}

void put(const char *path, const void *data, size_t n) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
}

void *get(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  fseek(f, 0, SEEK_END);
  *n = (size_t)ftell(f);
  rewind(f);
  void *data = malloc(*n + 1);
  assert_non_null(data);
  assert_int_equal(fread(data, 1, *n, f), *n);
  fclose(f);
  return data;
}

int entries(const char *dir) {
  DIR *d = opendir(dir);
  assert_non_null(d);
  int n = 0;
  for (struct dirent *e; (e = readdir(d));)
    n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
  closedir(d);
  return n;
}

void *gzipped(const void *data, size_t n, size_t *packed) {
  z_stream z = {0};
  assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  size_t cap = deflateBound(&z, n) + 64;
  void *out = malloc(cap);
  assert_non_null(out);
  z.next_in = (unsigned char *)data;
  z.avail_in = (uInt)n;
  z.next_out = out;
  z.avail_out = (uInt)cap;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  *packed = z.total_out;
  deflateEnd(&z);
  return out;
}

void environment(const char *name, const char *value) {
  if (value)
    setenv(name, value, 1);
  else
    unsetenv(name);
}

void error_says(const char *part) {
  const char *message = lp_error_message();
  if (!strstr(message, part)) fail_msg("error is '%s', expected '%s' in it", message, part);
  assert_null(strchr(message, '\n'));
}
