/* Atomic writes and what becomes of them on failure; folders, paths, the cache folder, SHA-256. */
#include "support.h"

#include <fcntl.h>
#include <locality/io.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void file_holds(const char *path, const char *text) {
  void *data;
  size_t n;
  assert_int_equal(lp_read_file(path, &data, &n), LP_OK);
  assert_int_equal(n, strlen(text));
  assert_string_equal(data, text); /* there is a NUL behind it */
  free(data);
}

static void written_files_read_back(void **state) {
  const char *path = in(*state, "a.txt");
  assert_int_equal(lp_write_file(path, "first", 5), LP_OK);
  file_holds(path, "first");
  assert_int_equal(lp_write_file(path, "2", 1), LP_OK); /* nothing of a longer one stays */
  file_holds(path, "2");
  assert_int_equal(lp_write_file(path, NULL, 0), LP_OK);
  file_holds(path, "");
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  mode_t mask = umask(0);
  umask(mask);
  assert_int_equal(st.st_mode & 0777, 0666 & ~mask);
  assert_int_equal(entries(*state), 1);
}

static void large_files_read_back(void **state) {
  size_t n = 1234567, got;
  unsigned char *data = malloc(n);
  assert_non_null(data);
  for (size_t i = 0; i < n; i++) data[i] = (unsigned char)(i * 2654435761u >> 13);
  const char *path = in(*state, "large");
  assert_int_equal(lp_write_file(path, data, n), LP_OK);
  void *back;
  assert_int_equal(lp_read_file(path, &back, &got), LP_OK);
  assert_int_equal(got, n);
  assert_memory_equal(back, data, n);
  free(back);
  free(data);
}

/* A pipe tells no size. */
static void pipes_are_read_to_their_end(void **state) {
  const char *path = in(*state, "pipe");
  assert_int_equal(mkfifo(path, 0600), 0);
  char command[600];
  snprintf(command, sizeof command, "yes x | head -c 20001 >'%s' &", path);
  assert_int_equal(system(command), 0);
  void *data;
  size_t n;
  assert_int_equal(lp_read_file(path, &data, &n), LP_OK);
  assert_int_equal(n, 20001);
  assert_int_equal(((char *)data)[20000], 'x');
  free(data);
}

static void missing_and_unreadable_files_are_named(void **state) {
  void *data;
  size_t n;
  assert_int_equal(lp_read_file(in(*state, "none"), &data, &n), LP_ERR_IO);
  error_says("/none: No such file");
  assert_null(data);
  assert_int_equal(lp_read_file(*state, &data, &n), LP_ERR_IO);
  error_says("Is a directory");
  assert_int_equal(lp_write_file(in(*state, "no/folder/file"), "x", 1), LP_ERR_IO);
  error_says("/no/folder/file: No such file");
  assert_int_equal(lp_write_file(*state, "x", 1), LP_ERR_IO);
  error_says("it is a folder");
  assert_int_equal(lp_write_file("", "x", 1), LP_ERR_ARG);
  assert_int_equal(entries(*state), 0);
}

static void devices_are_never_replaced(void **state) {
  const char *path = in(*state, "pipe");
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_int_equal(lp_write_file(path, "x", 1), LP_ERR_IO);
  error_says("not a regular file");
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_true(S_ISFIFO(st.st_mode));
}

static void links_stay_links(void **state) {
  const char *file = in(*state, "file"), *link = in(*state, "link");
  put(file, "old", 3);
  assert_int_equal(symlink("file", link), 0);
  assert_int_equal(lp_write_file(link, "new", 3), LP_OK);
  file_holds(file, "new");
  struct stat st;
  assert_int_equal(lstat(link, &st), 0);
  assert_true(S_ISLNK(st.st_mode));
}

static void long_names_fit(void **state) {
  char name[256];
  memset(name, 'n', 255);
  name[255] = 0;
  assert_int_equal(lp_write_file(in(*state, name), "x", 1), LP_OK);
  file_holds(in(*state, name), "x");
}

/* Every writer, with more bytes than the folder or the limit takes. */
static void writers_fail(const char *dir) {
  enum { N = 100000 };
  uint8_t *bytes = malloc(N);
  assert_non_null(bytes);
  for (uint32_t i = 0, x = 1; i < N; i++)
    bytes[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
  const lp_tensor_view t = {"t", LP_DESC(LP_U8, N), bytes};
  const char *path = in(dir, "file");
  for (int i = 0; i < 4; i++) {
    lp_status s = i == 0   ? lp_write_file(path, bytes, N)
                  : i == 1 ? lp_safetensors_write(path, &t, 1, NULL, NULL, 0)
                  : i == 2 ? lp_npy_write(path, &t.desc, bytes)
                           : lp_png_write(path, 250, 400, 1, bytes);
    assert_int_equal(s, LP_ERR_IO);
    error_says(path);
  }
  free(bytes);
}

static void a_failed_write_leaves_the_old_file(void **state) {
  const char *path = in(*state, "file");
  assert_int_equal(lp_write_file(path, "old", 3), LP_OK);
  struct rlimit old, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  small = old;
  small.rlim_cur = 4096;
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  writers_fail(*state);
  setrlimit(RLIMIT_FSIZE, &old);
  signal(SIGXFSZ, handler);
  error_says("File too large");
  file_holds(path, "old");
  assert_int_equal(entries(*state), 1);
}

static void a_full_disk_leaves_the_old_file(void **state) {
  const char *disk = in(*state, "disk");
  assert_int_equal(mkdir(disk, 0755), 0);
  if (mount("tmpfs", disk, "tmpfs", 0, "size=32k") != 0) {
    print_message("a small file system cannot be mounted here\n");
    skip();
  }
  lp_status s = lp_write_file(in(disk, "file"), "old", 3);
  if (s == LP_OK) writers_fail(disk);
  void *data = NULL;
  size_t n = 0;
  int left = entries(disk);
  lp_status read = lp_read_file(in(disk, "file"), &data, &n);
  umount2(disk, MNT_DETACH);
  assert_int_equal(s, LP_OK);
  error_says("No space left");
  assert_int_equal(read, LP_OK);
  assert_string_equal(data, "old");
  assert_int_equal(left, 1);
  free(data);
}

static void a_folder_without_permission_is_named(void **state) {
  const char *dir = in(*state, "locked");
  assert_int_equal(mkdir(dir, 0555), 0);
  bool root = geteuid() == 0;
  if (root && seteuid(65534) != 0) skip();
  lp_status write = lp_write_file(in(dir, "file"), "x", 1);
  char message[512];
  snprintf(message, sizeof message, "%s", lp_error_message());
  lp_status make = lp_make_dirs(in(dir, "sub/folder"));
  if (root) assert_int_equal(seteuid(0), 0);
  assert_int_equal(make, LP_ERR_IO);
  error_says("locked/sub: Permission denied");
  assert_int_equal(write, LP_ERR_IO);
  assert_non_null(strstr(message, "locked/file: Permission denied"));
  assert_int_equal(entries(dir), 0);
}

static const char *shared_path;
static void *write_often(void *arg) {
  char text[5000];
  memset(text, *(const char *)arg, sizeof text);
  for (int i = 0; i < 20; i++)
    if (lp_write_file(shared_path, text, sizeof text) != LP_OK) return arg;
  return NULL;
}

static void writers_of_one_file_never_mix(void **state) {
  shared_path = in(*state, "shared");
  pthread_t thread[4];
  static const char letter[] = "abcd";
  put(shared_path, "", 0);
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&thread[i], NULL, write_often, (void *)&letter[i]), 0);
  for (int i = 0; i < 4; i++) {
    void *failed;
    pthread_join(thread[i], &failed);
    assert_null(failed);
  }
  size_t n;
  char *data = get(shared_path, &n);
  assert_int_equal(n, 5000);
  for (size_t i = 1; i < n; i++) assert_int_equal(data[i], data[0]);
  free(data);
  assert_int_equal(entries(*state), 1);
}

static void folders_are_made_with_their_parents(void **state) {
  struct stat st;
  assert_int_equal(lp_make_dirs(in(*state, "a/b//c/")), LP_OK);
  assert_int_equal(stat(in(*state, "a/b/c"), &st), 0);
  assert_true(S_ISDIR(st.st_mode));
  assert_int_equal(lp_make_dirs(in(*state, "a/b")), LP_OK);
  assert_int_equal(lp_make_dirs("/"), LP_OK);
  put(in(*state, "a/file"), "x", 1);
  assert_int_equal(lp_make_dirs(in(*state, "a/file/c")), LP_ERR_IO);
  error_says("a/file is not a folder");
  assert_int_equal(lp_make_dirs(""), LP_ERR_ARG);
}

static void paths_are_joined_with_one_slash(void **state) {
  (void)state;
  static const char *const row[][3] = {
      {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a//", "/b", "a/b"},        {"/", "b", "/b"},
      {"", "b", "b"},    {"a", "", "a/"},    {"/x/y", "z/w", "/x/y/z/w"},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char *path = lp_path_join(row[i][0], row[i][1]);
    assert_string_equal(path, row[i][2]);
    free(path);
  }
}

static void the_cache_follows_the_environment(void **state) {
  const char *dir = *state;
  char out[512], expected[512], long_name[300];
  environment("HOME", in(dir, "home"));
  environment("XDG_CACHE_HOME", in(dir, "xdg"));
  environment("LOCALITY_CACHE", in(dir, "own"));
  static const struct {
    const char *drop, *expected, *parent;
  } step[] = {
      {NULL, "own/sets/x", "own/sets"},
      {"LOCALITY_CACHE", "xdg/locality/sets/x", "xdg/locality/sets"},
      {"XDG_CACHE_HOME", "home/.cache/locality/sets/x", "home/.cache/locality/sets"},
  };
  for (size_t i = 0; i < 3; i++) {
    if (step[i].drop) environment(step[i].drop, i == 1 ? "" : "relative/is/ignored");
    snprintf(expected, sizeof expected, "%s/%s", dir, step[i].expected);
    assert_int_equal(lp_cache_path("sets/x", out, sizeof out), LP_OK);
    assert_string_equal(out, expected);
    struct stat st;
    assert_int_equal(stat(in(dir, step[i].parent), &st), 0);
    assert_int_not_equal(stat(out, &st), 0); /* the name itself is the caller's */
  }
  assert_int_equal(lp_cache_path("sets/x", out, 20), LP_ERR_ARG);
  memset(long_name, 'n', sizeof long_name - 1);
  long_name[sizeof long_name - 1] = 0;
  assert_int_equal(lp_cache_path(long_name, out, 200), LP_ERR_ARG);
  static const char *const bad[] = {"", "/etc/x", "..", "a/../../x", "../x"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(lp_cache_path(bad[i], out, sizeof out), LP_ERR_ARG);
  put(in(dir, "file"), "x", 1);
  environment("LOCALITY_CACHE", in(dir, "file"));
  assert_int_equal(lp_cache_path("sets/x", out, sizeof out), LP_ERR_IO);
  error_says("set LOCALITY_CACHE");
  assert_string_equal(out, "");
}

/* Vectors of FIPS 180-2, appendix B, and the hash of nothing. */
static void sha256_knows_the_standard_vectors(void **state) {
  char hex[65];
  static const char *const vector[][2] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
  };
  for (int i = 0; i < 3; i++) {
    assert_int_equal(lp_sha256(vector[i][0], strlen(vector[i][0]), hex), LP_OK);
    assert_string_equal(hex, vector[i][1]);
  }
  char *million = malloc(1000000);
  assert_non_null(million);
  memset(million, 'a', 1000000);
  put(in(*state, "million"), million, 1000000);
  free(million);
  assert_int_equal(lp_sha256_file(in(*state, "million"), hex), LP_OK);
  assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  assert_int_equal(lp_sha256_file(in(*state, "none"), hex), LP_ERR_IO);
  error_says("/none: No such file");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(written_files_read_back),
      TEST(large_files_read_back),
      TEST(pipes_are_read_to_their_end),
      TEST(missing_and_unreadable_files_are_named),
      TEST(devices_are_never_replaced),
      TEST(links_stay_links),
      TEST(long_names_fit),
      TEST(a_failed_write_leaves_the_old_file),
      TEST(a_full_disk_leaves_the_old_file),
      TEST(a_folder_without_permission_is_named),
      TEST(writers_of_one_file_never_mix),
      TEST(folders_are_made_with_their_parents),
      TEST(paths_are_joined_with_one_slash),
      TEST(the_cache_follows_the_environment),
      TEST(sha256_knows_the_standard_vectors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
