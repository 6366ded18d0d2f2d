/* posix_spawn with the child's output kept for the error message. */
#include "process.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <locality/io.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int spawn(const char *const *argv, const char *cwd, const char *log, pid_t *pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attr;
  int e = posix_spawn_file_actions_init(&files);
  if (e) return e;
  e = posix_spawnattr_init(&attr);
  if (e) {
    posix_spawn_file_actions_destroy(&files);
    return e;
  }
  /* The program starts with the usual signal handling, whatever this process has set. */
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  sigaddset(&usual, SIGINT);
  sigaddset(&usual, SIGTERM);
  posix_spawnattr_setsigmask(&attr, &none);
  posix_spawnattr_setsigdefault(&attr, &usual);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  e = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  if (!e) e = posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (!e) e = posix_spawn_file_actions_adddup2(&files, 1, 2);
  if (!e) e = posix_spawn_file_actions_addchdir_np(&files, cwd);
  if (!e) e = posix_spawnp(pid, argv[0], &files, &attr, (char *const *)argv, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attr);
  return e;
}

/* The beginning of a program's output as one line. */
static void excerpt(const char *log, char *out, size_t cap) {
  void *text = NULL;
  size_t n = 0, len = 0;
  if (lp_read_file(log, &text, &n) == LP_OK) {
    const char *p = text;
    for (size_t i = 0; i < n && len + 2 < cap; i++) {
      if (isgraph((unsigned char)p[i])) {
        out[len++] = p[i];
      } else if (len > 0 && out[len - 1] != ' ') {
        out[len++] = ' ';
      }
    }
  }
  while (len > 0 && out[len - 1] == ' ') len--;
  out[len] = 0;
  free(text);
}

lp_status lp_process_run(const char *const *argv, const char *cwd, const char *log) {
  pid_t pid;
  int e = spawn(argv, cwd, log, &pid);
  if (e == ENOENT) return lp_fail(LP_ERR_NOT_FOUND, "there is no program %s", argv[0]);
  if (e) return lp_fail(LP_ERR_IO, "cannot run %s: %s", argv[0], strerror(e));
  int status;
  pid_t r;
  do r = waitpid(pid, &status, 0);
  while (r < 0 && errno == EINTR);
  if (r < 0) return lp_fail(LP_ERR_IO, "cannot wait for %s: %s", argv[0], strerror(errno));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return LP_OK;
  char said[240];
  excerpt(log, said, sizeof said);
  /* POSIX lets posix_spawn report a missing program in this way too. */
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && !said[0])
    return lp_fail(LP_ERR_NOT_FOUND, "there is no program %s", argv[0]);
  if (WIFSIGNALED(status))
    return lp_fail(LP_ERR_IO, "%s was ended by signal %d: %s", argv[0], WTERMSIG(status), said);
  return lp_fail(LP_ERR_IO, "%s failed with status %d: %s", argv[0], WEXITSTATUS(status), said);
}
