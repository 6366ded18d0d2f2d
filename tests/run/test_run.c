/* A run folder: how it is made, torn lines, a disk that is full for a moment, and what killed
 * programs leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <locality/run.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], run[80];

#define MANIFEST                                                                                   \
  "{\"schema\": 1, \"preset\": \"mnist\", \"arms\": [{\"name\": \"a\", \"layer\": \"plain\"}, "    \
  "{\"name\": \"b\", \"layer\": \"plain\"}], \"reference\": \"a\", \"seeds\": [1, 2], "            \
  "\"epochs\": 2, \"sheet\": [2, 3], \"classes\": [\"0\", \"1\"]}"

#define TRAIN "{\"event\":\"train\",\"arm\":\"a\",\"seed\":1,\"epoch\":1,\"loss\":0.5}"
#define EPOCH(e)                                                                                   \
  "{\"event\":\"epoch\",\"arm\":\"a\",\"seed\":1,\"epoch\":" #e ",\"accuracy\":9" #e               \
  ",\"loss\":0.5,\"seconds\":1}"
#define END "{\"event\":\"end\",\"arm\":\"a\",\"seed\":1,\"status\":\"complete\"}"

static void assert_ok(lp_status s) {
  if (s != LP_OK) fail_msg("%s", lp_error_message());
}

static int make(void **state) {
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/test-run-XXXXXX");
  if (!mkdtemp(dir)) return -1;
  snprintf(run, sizeof run, "%s/run", dir);
  lp_log_set_level(LP_LOG_ERROR); /* damaged files are this test's daily bread */
  return lp_run_folder_create(run, MANIFEST, strlen(MANIFEST)) == LP_OK ? 0 : -1;
}

static int clear(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", dir);
  return system(command);
}

static const char *in(const char *name) {
  static char path[200];
  snprintf(path, sizeof path, "%s/%s", run, name);
  return path;
}

static void write_lines(const char *text, size_t n) {
  assert_ok(lp_write_file(in(LP_RUN_METRICS), text, n));
}

static bool all(void *user, const struct json_t *line) {
  (void)user, (void)line;
  return true;
}

/* Whole lines of the file, after what is damaged was dropped. */
static char *kept(void) {
  void *text;
  size_t n;
  assert_ok(lp_run_metrics_keep(run, all, NULL));
  assert_ok(lp_read_file(in(LP_RUN_METRICS), &text, &n));
  return text;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void damaged_lines(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t n; /* 0: up to the NUL */
    uint32_t damaged, epochs;
    const char *status, *kept;
  } cases[] = {
      {TRAIN "\n" EPOCH(1) "\n" EPOCH(2) "\n" END "\n", 0, 0, 2, "complete",
       TRAIN "\n" EPOCH(1) "\n" EPOCH(2) "\n" END "\n"},
      {EPOCH(1) "\n" EPOCH(2) "\n" END, 0, 0, 2, "complete", EPOCH(1) "\n" EPOCH(2) "\n" END "\n"},
      {EPOCH(1) "\n{\"event\":\"ep" EPOCH(2) "\n" END "\n", 0, 1, 2, "complete",
       EPOCH(1) "\n" EPOCH(2) "\n" END "\n"}, /* fused */
      {EPOCH(1) EPOCH(2) END "\n", 0, 1, 2, "complete", EPOCH(1) "\n" EPOCH(2) "\n" END "\n"},
      {EPOCH(1) "\n\n\r\n" EPOCH(2) "\n" END "\n", 0, 2, 2, "complete",
       EPOCH(1) "\n" EPOCH(2) "\n" END "\n"}, /* empty */
      {EPOCH(1) "\n" EPOCH(2) "\n{\"event\":\"en", 0, 1, 2, "unfinished",
       EPOCH(1) "\n" EPOCH(2) "\n"}, /* torn at the end */
      {EPOCH(1) "\n\0\0\0\0\0\0" EPOCH(2) "\n", sizeof EPOCH(1) + 6 + sizeof EPOCH(2), 1, 2,
       "unfinished", EPOCH(1) "\n" EPOCH(2) "\n"}, /* a hole */
      {"epoch 1/2 linear\n" EPOCH(1) "\n[1]\n7\n\xff\n", 0, 4, 1, "unfinished", EPOCH(1) "\n"},
      {EPOCH(1) "\n{\"event\":\"epoch\",\"arm\":\"a\",\"se" END "\n", 0, 1, 1, "unfinished",
       EPOCH(1) "\n" END "\n"}, /* the line of the last epoch is lost: complete no more */
      {"", 0, 0, 0, "missing", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_lines(cases[i].text, cases[i].n ? cases[i].n : strlen(cases[i].text));
    lp_run_folder *r;
    assert_ok(lp_run_folder_open(run, &r));
    const lp_run_network *w = lp_run_find(r, "a", 1);
    if (r->damaged != cases[i].damaged || w->n_epochs != cases[i].epochs ||
        strcmp(w->status, cases[i].status) != 0)
      fail_msg("case %zu: %u damaged, %u epochs, %s", i, r->damaged, w->n_epochs, w->status);
    if (w->n_epochs) assert_true(w->epoch[w->n_epochs - 1].accuracy == 90 + w->n_epochs);
    lp_run_folder_close(r);
    char *text = kept();
    if (strcmp(text, cases[i].kept) != 0) fail_msg("case %zu: kept %s", i, text);
    free(text);
    assert_ok(lp_run_folder_open(run, &r)); /* mended */
    assert_int_equal(r->damaged, 0);
    lp_run_folder_close(r);
  }
}

static void repeated_epochs(void **state) {
  (void)state;
  const char *text = EPOCH(1) "\n" EPOCH(2) "\n" END "\n" EPOCH(1) "\n";
  write_lines(text, strlen(text));
  lp_run_folder *r;
  assert_ok(lp_run_folder_open(run, &r));
  const lp_run_network *w = lp_run_find(r, "a", 1);
  assert_int_equal(w->n_epochs, 1);
  assert_string_equal(w->status, "unfinished");
  assert_null(w->end);
  assert_string_equal(lp_run_find(r, "b", 2)->status, "missing");
  assert_null(lp_run_find(r, "b", 3));
  assert_null(lp_run_find(r, "c", 1));
  lp_run_folder_close(r);
}

/* ---- writing ------------------------------------------------------------------------------- */

static json_t *line_of(const char *arm) {
  return json_pack("{s:s, s:s, s:i, s:s}", "event", "end", "arm", arm, "seed", 1, "status", "ok");
}

/* A limit on the size of files ends a write half way, as a full disk does. */
static void full_disk(void **state) {
  (void)state;
  lp_run_metrics *m;
  assert_ok(lp_run_metrics_open(run, &m));
  assert_ok(lp_run_metrics_write(m, line_of("a")));
  struct stat before, after;
  assert_int_equal(stat(in(LP_RUN_METRICS), &before), 0);
  struct rlimit was, now;
  getrlimit(RLIMIT_FSIZE, &was);
  now = was;
  now.rlim_cur = (rlim_t)before.st_size + 17;
  void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &now);
  lp_status full = lp_run_metrics_write(m, line_of("a"));
  setrlimit(RLIMIT_FSIZE, &was);
  signal(SIGXFSZ, old);
  assert_int_equal(full, LP_ERR_IO);
  assert_int_equal(stat(in(LP_RUN_METRICS), &after), 0);
  assert_int_equal(after.st_size, before.st_size);
  assert_ok(lp_run_metrics_write(m, line_of("b"))); /* there is room again */
  lp_run_metrics_close(m);
  lp_run_folder *r;
  assert_ok(lp_run_folder_open(run, &r));
  assert_int_equal(r->damaged, 0);
  assert_string_equal(lp_run_find(r, "b", 1)->status, "ok");
  lp_run_folder_close(r);
}

/* ---- folders ------------------------------------------------------------------------------- */

static void touch(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT, 0666);
  assert_true(fd >= 0);
  close(fd);
}

/* An empty folder stays the same one: it can be a mount point. */
static void existing_folder(void **state) {
  (void)state;
  char there[80];
  struct stat before, after;
  snprintf(there, sizeof there, "%s/there", dir);
  assert_int_equal(mkdir(there, 0777), 0);
  assert_int_equal(stat(there, &before), 0);
  assert_ok(lp_run_folder_create(there, MANIFEST, strlen(MANIFEST)));
  assert_int_equal(stat(there, &after), 0);
  assert_true(before.st_ino == after.st_ino);
  lp_run_folder *r;
  assert_ok(lp_run_folder_open(there, &r));
  lp_run_folder_close(r);
  assert_int_equal(lp_run_folder_create(there, MANIFEST, strlen(MANIFEST)), LP_ERR_ARG);

  /* What a program left that was killed meanwhile does not count; what is a user's does. */
  char path[120];
  snprintf(there, sizeof there, "%s/half", dir);
  assert_int_equal(mkdir(there, 0777), 0);
  snprintf(path, sizeof path, "%s/models", there);
  assert_int_equal(mkdir(path, 0777), 0);
  snprintf(path, sizeof path, "%s/manifest.json.4194303-0.tmp", there);
  touch(path);
  assert_ok(lp_run_folder_create(there, MANIFEST, strlen(MANIFEST)));
  assert_int_not_equal(access(path, F_OK), 0);
  snprintf(there, sizeof there, "%s/full", dir);
  assert_int_equal(mkdir(there, 0777), 0);
  snprintf(path, sizeof path, "%s/notes.txt", there);
  touch(path);
  assert_int_equal(lp_run_folder_create(there, MANIFEST, strlen(MANIFEST)), LP_ERR_ARG);
  assert_int_equal(access(path, F_OK), 0);
}

/* ".BASE.PID" beside the folder: gone when a run begins or goes on, unless somebody makes it. */
static void temporary_folders(void **state) {
  (void)state;
  static const struct {
    const char *name, *inside;
    bool goes;
  } row[] = {
      {".run.4194303", "models", true}, {".run.17", "checkpoints", true},
      {".run.18", "activations", true}, {".run.x17", "models", false},
      {".run.17.old", "models", false}, {".other.17", "models", false},
      {".run.19", "notes", false}, /* a user's */
      {"run.17", "models", false},
  };
  char path[160];
  for (int go = 0; go < 2; go++) {
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
      snprintf(path, sizeof path, "%s/%s", dir, row[i].name);
      mkdir(path, 0777);
      snprintf(path, sizeof path, "%s/%s/%s", dir, row[i].name, row[i].inside);
      mkdir(path, 0777);
    }
    snprintf(path, sizeof path, "%s/.run.17/manifest.json", dir);
    touch(path);
    snprintf(path, sizeof path, "%s/.run.20", dir); /* somebody makes it */
    mkdir(path, 0777);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    if (go) {
      lp_run_folder_clean(run);
    } else {
      char other[100]; /* made anew, with a slash at its end */
      snprintf(other, sizeof other, "rm -r %s", run);
      assert_int_equal(system(other), 0);
      snprintf(other, sizeof other, "%s//", run);
      assert_ok(lp_run_folder_create(other, MANIFEST, strlen(MANIFEST)));
    }
    assert_int_equal(access(path, F_OK), 0);
    close(fd);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
      snprintf(path, sizeof path, "%s/%s", dir, row[i].name);
      if ((access(path, F_OK) != 0) != row[i].goes) fail_msg("%s", row[i].name);
    }
  }
}

static void temporary_files(void **state) {
  (void)state;
  static const char *const gone[] = {"models/a-seed1.safetensors.17-3.tmp",
                                     "manifest.json.4194303-0.tmp"};
  static const char *const stays[] = {"models/a-seed1.safetensors", "models/notes.tmp",
                                      "models/a.1-.tmp", "models/.17-3.tmp", "models/a.x1-2.tmp"};
  for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) touch(in(gone[i]));
  for (size_t i = 0; i < sizeof stays / sizeof *stays; i++) touch(in(stays[i]));
  char own[240]; /* the number of a process that lives, maybe in another container */
  snprintf(own, sizeof own, "%s.%ld-9.tmp", in("models/b"), (long)getpid());
  touch(own);
  const char *busy = "models/c.17-3.tmp"; /* somebody writes it */
  int fd = open(in(busy), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  assert_int_equal(flock(fd, LOCK_EX), 0);
  lp_run_folder_clean(run);
  for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
    assert_int_not_equal(access(in(gone[i]), F_OK), 0);
  for (size_t i = 0; i < sizeof stays / sizeof *stays; i++)
    assert_int_equal(access(in(stays[i]), F_OK), 0);
  assert_int_not_equal(access(own, F_OK), 0);
  assert_int_equal(access(in(busy), F_OK), 0);
  close(fd);

  /* Whoever writes a file clears what was left of it, and of no other. */
  touch(in("models/d.safetensors.17-3.tmp"));
  touch(in("models/dd.safetensors.17-3.tmp"));
  assert_ok(lp_write_file(in("models/d.safetensors"), "x", 1));
  assert_int_not_equal(access(in("models/d.safetensors.17-3.tmp"), F_OK), 0);
  assert_int_equal(access(in("models/dd.safetensors.17-3.tmp"), F_OK), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(damaged_lines, make, clear),
      cmocka_unit_test_setup_teardown(repeated_epochs, make, clear),
      cmocka_unit_test_setup_teardown(full_disk, make, clear),
      cmocka_unit_test_setup_teardown(existing_folder, make, clear),
      cmocka_unit_test_setup_teardown(temporary_folders, make, clear),
      cmocka_unit_test_setup_teardown(temporary_files, make, clear),
  };
  return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
