/* The safe way to a list of devices: lp-opencl-list is started, watched and believed, and what it
 * found is remembered. That the drivers can be loaded is remembered on disk too, so that opening a
 * device costs one listing and not two; the note is away while they are being loaded, so a process
 * that dies of them leaves none. */
#include "listing.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM      "lp-opencl-list"
#define PATIENCE     10  /* seconds; a computer with many GPUs may need some to wake them */
#define AFTER_SIGNAL 0.5 /* seconds for a driver that works once someone wants to stop */

extern char **environ;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { /* the answer, once there is one */
  bool known;
  lp_status status; /* LP_OK, or LP_ERR_DEVICE with the text */
  char text[OCL_RECORD_MAX + 1];
  lp_device_info *info;
  uint32_t n;
} answer;

typedef struct child {
  pid_t pid; /* 0: there is none */
  int socket;
  char stage[OCL_RECORD_MAX + 1];
} child;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double patience(void) {
  const char *text = getenv("LOCALITY_CL_TIMEOUT");
  double seconds = text ? strtod(text, NULL) : 0;
  return seconds > 0 ? seconds : PATIENCE;
}

/* ---- the program -------------------------------------------------------------------------------
 */

/* Beside the module, wherever that was installed or moved to. */
static bool program_path(char *out, size_t cap) {
  static const char here = 0;
  Dl_info info;
  if (!dladdr(&here, &info) || !info.dli_fname) return false;
  const char *slash = strrchr(info.dli_fname, '/');
  return slash && snprintf(out, cap, "%.*s/" PROGRAM, (int)(slash - info.dli_fname),
                           info.dli_fname) < (int)cap;
}

static int start_with(child *c, const char *path, int socket, posix_spawn_file_actions_t *files,
                      posix_spawnattr_t *attr) {
  sigset_t none, usual;
  sigemptyset(&none);
  sigfillset(&usual);
  posix_spawnattr_setsigmask(attr, &none);
  posix_spawnattr_setsigdefault(attr, &usual);
  /* A group of its own: what is typed at a terminal is for the process that asked. */
  posix_spawnattr_setpgroup(attr, 0);
  posix_spawnattr_setflags(attr,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  /* The socket first: it may be one of the three that are replaced. */
  int e = posix_spawn_file_actions_adddup2(files, socket, OCL_LIST_FD);
  for (int fd = 0; fd < 3 && !e; fd++)
    e = posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
  if (!e) e = posix_spawn_file_actions_addclosefrom_np(files, OCL_LIST_FD + 1);
  char name[] = PROGRAM, *argv[] = {name, NULL};
  return e ? e : posix_spawn(&c->pid, path, files, attr, argv, environ);
}

static bool start(child *c) {
  char path[4096];
  int pair[2];
  *c = (child){.socket = -1};
  if (!program_path(path, sizeof path) ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return false;
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attr;
  int e = posix_spawn_file_actions_init(&files);
  if (!e) {
    e = posix_spawnattr_init(&attr);
    if (!e) {
      e = start_with(c, path, pair[1], &files, &attr);
      posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
  }
  close(pair[1]);
  c->socket = pair[0];
  if (!e) return true;
  close(pair[0]);
  *c = (child){.socket = -1};
  ocl_host->log(LP_LOG_INFO, "opencl: cannot run %s (%s): drivers are loaded without a trial", path,
                strerror(e));
  return false;
}

/* Waits until the other side is closed, which it is when the program ends. */
static bool closed_within(const child *c, double seconds) {
  double end = now() + seconds;
  struct pollfd p = {.fd = c->socket, .events = POLLIN};
  for (double left = seconds; left > 0; left = end - now()) {
    int k = poll(&p, 1, (int)(left * 1e3) + 1);
    if (k < 0 && errno != EINTR) return false;
    if (k <= 0) continue;
    char rest[256];
    if (recv(c->socket, rest, sizeof rest, MSG_DONTWAIT) == 0 || p.revents & (POLLHUP | POLLERR))
      return true;
  }
  return false;
}

/* Ends the program; its wait status, or -1 when that is not to be had. */
static int finish(child *c) {
  int status = -1;
  pid_t r = 0;
  if (!c->pid) return -1;
  shutdown(c->socket, SHUT_WR);
  bool gone = closed_within(c, 1);
  if (!gone) {
    kill(c->pid, SIGKILL);
    gone = closed_within(c, 1);
  }
  /* One that hangs in the kernel cannot be waited for, not even now. */
  do r = waitpid(c->pid, &status, gone ? 0 : WNOHANG);
  while (r < 0 && errno == EINTR);
  close(c->socket);
  *c = (child){.socket = -1};
  return r > 0 ? status : -1;
}

/* ---- its answers -------------------------------------------------------------------------------
 */

typedef enum heard { HEARD, ENDED, TOO_LATE, SIGNALLED } heard;

/* Fills n bytes. */
static heard hear(child *c, void *to, size_t n, double *until, bool *signalled) {
  char *p = to;
  while (n) {
    double left = *until - now();
    if (left <= 0) return *signalled ? SIGNALLED : TOO_LATE;
    struct pollfd fd = {.fd = c->socket, .events = POLLIN};
    int k = poll(&fd, 1, (int)(left * 1e3) + 1);
    if (k < 0 && errno == EINTR) {
      if (!*signalled && left > AFTER_SIGNAL) *until = now() + AFTER_SIGNAL;
      *signalled = true;
      continue;
    }
    if (k < 0) return ENDED;
    if (!k) continue;
    ssize_t got = recv(c->socket, p, n, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return ENDED;
    p += got;
    n -= (size_t)got;
  }
  return HEARD;
}

static bool take_device(const void *data, size_t n) {
  lp_device_info *grown =
      n == sizeof *grown ? realloc(answer.info, (answer.n + 1) * sizeof *grown) : NULL;
  if (!grown) return false;
  answer.info = grown;
  memcpy(&grown[answer.n++], data, n);
  return true;
}

static void forget(void) {
  free(answer.info);
  memset(&answer, 0, sizeof answer);
}

static heard listen_to(child *c) {
  double until = now() + patience();
  bool signalled = false;
  for (;;) {
    ocl_record r;
    char data[OCL_RECORD_MAX + 1];
    heard h = hear(c, &r, sizeof r, &until, &signalled);
    if (h == HEARD && r.size > OCL_RECORD_MAX) h = ENDED;
    if (h == HEARD) h = hear(c, data, r.size, &until, &signalled);
    if (h != HEARD) return h;
    data[r.size] = 0;
    if (r.kind == OCL_RECORD_STAGE)
      snprintf(c->stage, sizeof c->stage, "%s", data);
    else if (r.kind == OCL_RECORD_LOG)
      ocl_host->log(LP_LOG_INFO, "%s", data);
    else if (r.kind == OCL_RECORD_DEVICE && !take_device(data, r.size))
      return ENDED;
    else if (r.kind == OCL_RECORD_NONE)
      snprintf(answer.text, sizeof answer.text, "%s", data);
    else if (r.kind == OCL_RECORD_FAILED)
      snprintf(c->stage, sizeof c->stage, "listing: %.900s", data);
    else if (r.kind == OCL_RECORD_DONE)
      return HEARD;
  }
}

static void describe_end(int status, char *out, size_t cap) {
  if (status >= 0 && WIFSIGNALED(status))
    snprintf(out, cap, "died (signal %d, %s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  else if (status >= 0 && WIFEXITED(status))
    snprintf(out, cap, "ended the program with exit code %d", WEXITSTATUS(status));
  else
    snprintf(out, cap, "ended the program");
}

/* Asks the program; the answer is remembered unless a signal came. With LP_OK the program still
 * lives in c, for finish(). No program: LP_ERR_NOT_FOUND, and nothing is known. */
static lp_status ask(child *c) {
  if (!start(c)) return LP_ERR_NOT_FOUND;
  heard h = listen_to(c);
  if (h == HEARD) {
    answer.known = true;
    return LP_OK;
  }
  char stage[600], end[120];
  snprintf(stage, sizeof stage, "%.599s", c->stage);
  forget();
  if (h == SIGNALLED) {
    finish(c);
    return ocl_host->fail(LP_ERR_INTERRUPTED,
                          "opencl: a signal came while the OpenCL %s was asked for its devices",
                          stage);
  }
  double waited = patience();
  if (h == TOO_LATE) kill(c->pid, SIGKILL);
  int status = finish(c);
  if (!*stage) { /* it was not the program's own work that failed */
    ocl_host->log(LP_LOG_INFO,
                  "opencl: " PROGRAM " does not run: drivers are loaded without a trial");
    return LP_ERR_NOT_FOUND;
  }
  if (h == TOO_LATE)
    snprintf(end, sizeof end,
             "did not answer within %g s (LOCALITY_CL_TIMEOUT=SECONDS waits longer)", waited);
  else
    describe_end(status, end, sizeof end);
  answer.known = true;
  answer.status = LP_ERR_DEVICE;
  snprintf(answer.text, sizeof answer.text,
           "the OpenCL %s %s when asked for its devices, so OpenCL is not used: mend or remove it, "
           "or set OCL_ICD_VENDORS to a folder without it",
           stage, end);
  return LP_ERR_DEVICE;
}

static lp_status known_failure(void) {
  return ocl_host->fail(answer.status, "opencl: %s", answer.text);
}

/* ---- listing -----------------------------------------------------------------------------------
 */

/* Loads the drivers into this process. */
static lp_status find(ocl_found **out, uint32_t *n, char *why, size_t cap) {
  static const int kept[] = {SIGINT, SIGTERM};
  struct sigaction before[2], after;
  for (int i = 0; i < 2; i++) sigaction(kept[i], NULL, &before[i]);
  lp_status s = ocl_find_devices(out, n, why, cap, NULL);
  for (int i = 0; i < 2; i++) /* a driver's handlers would swallow the user's wish to stop */
    if (sigaction(kept[i], NULL, &after) == 0 && after.sa_handler != before[i].sa_handler)
      sigaction(kept[i], &before[i], NULL);
  return s;
}

static lp_status find_infos(lp_device_info **out, uint32_t *n, char *why, size_t cap) {
  ocl_found *found = NULL;
  lp_status s = find(&found, n, why, cap);
  if (s == LP_OK && *n) *out = calloc(*n, sizeof **out);
  for (uint32_t i = 0; *out && i < *n; i++) ocl_fill_info(&found[i], i, &(*out)[i]);
  free(found);
  if (s == LP_OK && *n && !*out) s = ocl_host->fail(LP_ERR_MEMORY, "opencl: out of memory");
  return s;
}

lp_status ocl_list(lp_device_info **out, uint32_t *n, char *why, size_t cap) {
  *out = NULL;
  *n = 0;
  child c = {.socket = -1};
  pthread_mutex_lock(&lock);
  lp_status s = answer.known ? answer.status : ask(&c);
  finish(&c);
  if (s == LP_ERR_DEVICE) {
    s = known_failure();
  } else if (s == LP_OK) {
    snprintf(why, cap, "%s", answer.text);
    if (answer.n) *out = malloc(answer.n * sizeof **out);
    if (*out) memcpy(*out, answer.info, answer.n * sizeof **out);
    if (answer.n && !*out) s = ocl_host->fail(LP_ERR_MEMORY, "opencl: out of memory");
    *n = *out ? answer.n : 0;
  } else if (s == LP_ERR_NOT_FOUND) {
    s = find_infos(out, n, why, cap);
  }
  pthread_mutex_unlock(&lock);
  return s;
}

/* ---- the note on disk --------------------------------------------------------------------------
 */

static void put_stat(ocl_text *t, const char *path) {
  struct stat st;
  if (stat(path, &st) == 0)
    ocl_put(t, "%s %llu %lld %lld.%09ld %lld.%09ld\n", path, (unsigned long long)st.st_ino,
            (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
            (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

/* The drivers as they are now, since the last boot (a kernel module may be another). */
static bool drivers_digest(char out[65]) {
  static const char *const setting[] = {"OCL_ICD_VENDORS",    "OCL_ICD_FILENAMES",
                                        "OPENCL_VENDOR_PATH", "OPENCL_LAYERS",
                                        "LD_LIBRARY_PATH",    "LD_PRELOAD"};
  ocl_text t = {0};
  ocl_driver driver[32];
  char boot[64] = "";
  FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
  if (f && !fgets(boot, sizeof boot, f)) boot[0] = 0;
  if (f) fclose(f);
  ocl_put(&t, "%s\n%s\n", ocl_host->version, boot);
  put_stat(&t, "/etc/ld.so.cache"); /* any library that was installed */
  for (size_t i = 0; i < sizeof setting / sizeof *setting; i++) {
    const char *value = getenv(setting[i]);
    ocl_put(&t, "%s=%s\n", setting[i], value ? value : "");
  }
  uint32_t n = ocl_drivers(driver, sizeof driver / sizeof *driver);
  for (uint32_t i = 0; i < n; i++) {
    ocl_put(&t, "%s\n", driver[i].library);
    put_stat(&t, driver[i].icd);
    put_stat(&t, driver[i].library);
  }
  const char *part = t.s;
  bool ok = !t.failed && ocl_digest(&part, &t.n, 1, out);
  free(t.s);
  return ok;
}

static bool note_path(char *path, size_t cap) {
  return ocl_host->cache_path("opencl/drivers", path, cap) == LP_OK;
}

/* Was there a note for these drivers? It is gone afterwards. */
static bool take_note(const char *path, const char *digest) {
  char text[65] = "";
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? 0 : read(fd, text, 64);
  if (fd >= 0) close(fd);
  return fd >= 0 && unlink(path) == 0 && n == 64 && !strcmp(text, digest);
}

static void leave_note(const char *path, const char *digest) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return; /* without one the next listing costs more */
  if (write(fd, digest, 64) != 64) unlink(path);
  close(fd);
}

lp_status ocl_list_here(ocl_found **out, uint32_t *n, char *why, size_t cap) {
  *out = NULL;
  *n = 0;
  child c = {.socket = -1};
  char path[1024], digest[65];
  pthread_mutex_lock(&lock);
  bool keeps = drivers_digest(digest) && note_path(path, sizeof path);
  bool noted = keeps && take_note(path, digest);
  lp_status s = answer.known ? answer.status : noted ? LP_OK : ask(&c);
  if (s == LP_ERR_DEVICE) {
    s = known_failure();
  } else if (s == LP_OK || s == LP_ERR_NOT_FOUND) {
    s = find(out, n, why, cap);
    if (s == LP_OK && keeps) leave_note(path, digest);
  }
  finish(&c);
  pthread_mutex_unlock(&lock);
  return s;
}
