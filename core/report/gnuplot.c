/* gnuplot.c: runs gnuplot without a shell and takes its picture from standard output. */
#include "report/report_internal.h"

#include "../base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_MS = 60000, MAX_OUTPUT = 64 << 20 };

extern char **environ;

/* Looks through PATH itself: a failed posix_spawnp cannot be told from a script that fails. */
bool lp_gnuplot_present(void) {
  const char *path = getenv("PATH");
  while (path && *path) {
    size_t n = strcspn(path, ":");
    char full[4096];
    struct stat st;
    if (n > 0 && n + sizeof "/gnuplot" < sizeof full) {
      memcpy(full, path, n);
      strcpy(full + n, "/gnuplot");
      if (stat(full, &st) == 0 && S_ISREG(st.st_mode) && access(full, X_OK) == 0) return true;
    }
    path += n + (path[n] == ':');
  }
  return false;
}

typedef struct stream {
  char *data;
  size_t n, cap, max;
  bool open;
} stream;

/* Takes what is there; closes at the end. False: memory or the limit. */
static bool take(stream *s, int fd) {
  if (s->n + 65536 + 1 > s->cap) {
    size_t cap = s->cap ? 2 * s->cap : 131072;
    char *grown = realloc(s->data, cap);
    if (!grown) return false;
    s->data = grown;
    s->cap = cap;
  }
  ssize_t got = read(fd, s->data + s->n, 65536);
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) s->open = false;
  s->n += (size_t)got;
  s->data[s->n] = 0;
  return s->n <= s->max;
}

static int64_t now_ms(void) {
  return (int64_t)(1000 * lp_seconds());
}

static lp_status spawn(const char *dir, const char *before, const char *script, const int out[2],
                       const int err[2], pid_t *pid) {
  posix_spawn_file_actions_t fa;
  posix_spawn_file_actions_init(&fa);
  posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&fa, out[1], 1);
  posix_spawn_file_actions_adddup2(&fa, err[1], 2);
  posix_spawn_file_actions_addchdir_np(&fa, dir);
  char program[] = "gnuplot", settings[] = "--default-settings";
  char command[] = "-e", *given = before ? strdup(before) : NULL,
       *arg = script ? strdup(script) : NULL;
  char *argv[6] = {program, settings};
  int n = 2;
  if (given) argv[n++] = command, argv[n++] = given;
  if (arg) argv[n++] = arg;
  const bool whole = !before == !given && !script == !arg;
  int rc = whole ? posix_spawnp(pid, program, &fa, NULL, argv, environ) : ENOMEM;
  free(given);
  free(arg);
  posix_spawn_file_actions_destroy(&fa);
  if (rc) return lp_fail(LP_ERR_IO, "cannot start gnuplot: %s", strerror(rc));
  return LP_OK;
}

/* Reads both streams to their ends. Not NULL: what went wrong, and the child is to be killed. */
static const char *drain(int out_fd, int err_fd, stream *out, stream *err) {
  int64_t deadline = now_ms() + TIMEOUT_MS;
  while (out->open || err->open) {
    struct pollfd p[2] = {{out->open ? out_fd : -1, POLLIN, 0},
                          {err->open ? err_fd : -1, POLLIN, 0}};
    int64_t left = deadline - now_ms();
    if (left <= 0) return "gnuplot took more than a minute and was stopped";
    if (poll(p, 2, (int)left) < 0 && errno != EINTR) return "cannot read from gnuplot";
    if (p[0].revents && !take(out, out_fd)) return "gnuplot's picture is too large";
    if (p[1].revents && !take(err, err_fd)) return "gnuplot printed too many messages";
  }
  return NULL;
}

/* The message without the echo of the script line: the last line that says something. */
static void one_line(char *text) {
  size_t n = strlen(text);
  while (n && strchr("\n\r ^\t", text[n - 1])) text[--n] = 0;
  char *last = strrchr(text, '\n');
  if (last) memmove(text, last + 1, strlen(last + 1) + 1);
  if (strlen(text) > 300) text[300] = 0;
}

/* A script that says replot writes several pictures one after the other. */
static void keep_last_picture(stream *s) {
  static const char prolog[] = "<?xml";
  char *last = s->data;
  for (char *at = last; (at = strstr(at, prolog)); at += strlen(prolog)) last = at;
  s->n -= (size_t)(last - s->data);
  memmove(s->data, last, s->n + 1);
}

lp_status lp_gnuplot_run(const char *dir, const char *before, const char *script,
                         const char *begins, char **result, size_t *n) {
  int out[2] = {-1, -1}, err[2] = {-1, -1};
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
    lp_status st = lp_fail(LP_ERR_IO, "cannot make a pipe: %s", strerror(errno));
    if (out[0] >= 0) close(out[0]), close(out[1]);
    return st;
  }
  pid_t pid = 0;
  lp_status st = spawn(dir, before, script, out, err, &pid);
  close(out[1]);
  close(err[1]);
  if (!script) script = before;
  const bool is_svg = strcmp(begins, "<?xml") == 0;
  stream picture = {.max = MAX_OUTPUT, .open = true}, message = {.max = MAX_OUTPUT, .open = true};
  if (st == LP_OK) {
    const char *why = drain(out[0], err[0], &picture, &message);
    if (why) kill(pid, SIGKILL);
    int rc = 0;
    while (waitpid(pid, &rc, 0) < 0 && errno == EINTR) continue;
    if (message.data) one_line(message.data);
    const char *said = message.data && *message.data ? message.data : "no message";
    if (why)
      st = lp_fail(LP_ERR_IO, "figures/%s: %s", script, why);
    else if (!WIFEXITED(rc) || WEXITSTATUS(rc) != 0)
      st = lp_fail(LP_ERR_IO, "figures/%s: gnuplot failed: %s", script, said);
    else if (*begins &&
             (picture.n < strlen(begins) || memcmp(picture.data, begins, strlen(begins)) != 0 ||
              (is_svg && !strstr(picture.data, "</svg>"))))
      st = lp_fail(LP_ERR_IO, "figures/%s: gnuplot wrote no picture to its standard output (%s)",
                   script, said);
    else if (message.n)
      lp_log(LP_LOG_DEBUG, "figures/%s: gnuplot: %s", script, said);
  }
  close(out[0]);
  close(err[0]);
  free(message.data);
  if (st != LP_OK) {
    free(picture.data);
    return st;
  }
  if (is_svg) keep_last_picture(&picture);
  *result = picture.data;
  *n = picture.n;
  return LP_OK;
}
