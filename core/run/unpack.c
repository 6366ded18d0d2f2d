/* A run folder that came as one tar. Only what a run folder is made of is taken out of it: figures
 * and the page are drawn anew, since a gnuplot script can run programs. */
#include "run_internal.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MOST_MEMBERS = 1000000, BLOCK = 1 << 20 };
#define MOST_BYTES ((int64_t)64 << 30) /* of all members together */

/* Where members of a kind may lie, and how their names end. */
static const struct {
  const char *folder, *ending;
} kinds[] = {{"", ".json"},
             {"", ".jsonl"},
             {"", ".csv"},
             {"activations", ".safetensors"},
             {"models", ".safetensors"}};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

typedef struct unpacking {
  const char *path; /* of the tar */
  char *temp;       /* the folder that becomes the run folder */
  char *root;       /* what stands before the names of members: "runs/quick/", or "" */
  int64_t bytes;    /* of all members */
} unpacking;

static lp_status bad(const unpacking *u, const char *what, const char *name) {
  return lp_fail(LP_ERR_FORMAT, "%s: %.200s %s", u->path, name, what);
}

static lp_status damaged(const unpacking *u, struct archive *a) {
  const char *said = archive_error_string(a);
  return lp_fail(LP_ERR_FORMAT, "%s: no whole .tar or .tar.gz: %s", u->path,
                 said ? said : "it ends too early");
}

static struct archive *open_tar(const unpacking *u) {
  struct archive *a = archive_read_new();
  if (!a) {
    lp_run_out_of_memory(u->path);
    return NULL;
  }
  archive_read_support_filter_gzip(a);
  archive_read_support_format_tar(a);
  if (archive_read_open_filename(a, u->path, BLOCK) == ARCHIVE_OK) return a;
  damaged(u, a);
  archive_read_free(a);
  return NULL;
}

/* ---- names --------------------------------------------------------------------------------- */

static bool leads_out(const char *name) {
  if (*name == '/') return true;
  for (const char *at = name; at; at = strchr(at, '/')) {
    at += *at == '/';
    if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || !at[2])) return true;
  }
  return false;
}

static const char *past_dots(const char *name) {
  while (strncmp(name, "./", 2) == 0) name += 2;
  return name;
}

/* Is the member, named from the run folder on, one to take? */
static bool is_wanted(const char *name) {
  const char *slash = strchr(name, '/');
  const size_t folder = slash ? (size_t)(slash - name) : 0, n = strlen(name);
  if (slash && strchr(slash + 1, '/')) return false;
  for (int i = 0; i < N_KINDS; i++) {
    const size_t end = strlen(kinds[i].ending);
    if (strlen(kinds[i].folder) == folder && strncmp(kinds[i].folder, name, folder) == 0 &&
        n > end + folder + (slash != NULL) && strcmp(name + n - end, kinds[i].ending) == 0)
      return true;
  }
  return false;
}

/* Every member is looked at, wanted or not: who sends a name that leads out means no good. */
static lp_status check_member(unpacking *u, struct archive_entry *e) {
  const char *name = archive_entry_pathname(e);
  const mode_t type = archive_entry_filetype(e);
  if (!name) return bad(u, "cannot be read", "the name of a member");
  if (leads_out(name)) return bad(u, "leads out of the folder: refused", name);
  if (type == AE_IFDIR) return LP_OK;
  if (type != AE_IFREG || archive_entry_hardlink(e))
    return bad(u, "is a link or a device: refused", name);
  const int64_t size = archive_entry_size(e);
  if (size < 0 || size > MOST_BYTES - u->bytes)
    return lp_fail(LP_ERR_FORMAT,
                   "%s: %.200s has %" PRId64 " bytes: more than the %" PRId64
                   " GiB that a run folder may have",
                   u->path, name, size, MOST_BYTES >> 30);
  u->bytes += size;
  return LP_OK;
}

/* First pass: what is in it, and where the manifest lies. */
static lp_status look_over(unpacking *u) {
  struct archive *a = open_tar(u);
  if (!a) return LP_ERR_FORMAT;
  struct archive_entry *e;
  lp_status s = LP_OK;
  int r, n = 0;
  while (s == LP_OK && ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK || r == ARCHIVE_WARN)) {
    s = check_member(u, e);
    if (s == LP_OK && ++n > MOST_MEMBERS) s = bad(u, "are too many", "its members");
    if (s != LP_OK) break;
    const char *name = past_dots(archive_entry_pathname(e)), *slash = strrchr(name, '/');
    if (strcmp(slash ? slash + 1 : name, LP_RUN_MANIFEST) != 0) continue;
    if (u->root) s = bad(u, "is a second one; one run folder at a time", name);
    if (!u->root) u->root = strndup(name, slash ? (size_t)(slash + 1 - name) : 0);
    if (!u->root) s = lp_run_out_of_memory(u->path);
  }
  if (s == LP_OK && r != ARCHIVE_EOF) s = damaged(u, a);
  if (s == LP_OK && !u->root)
    s = lp_fail(LP_ERR_FORMAT, "%s: no run folder: " LP_RUN_MANIFEST " is not in it", u->path);
  archive_read_free(a);
  return s;
}

/* ---- taking out ---------------------------------------------------------------------------- */

static lp_status write_member(const unpacking *u, struct archive *a, const char *name) {
  char *path = lp_path_join(u->temp, name);
  void *block = malloc(BLOCK);
  int fd = path && block ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
  lp_status s = !path || !block ? lp_run_out_of_memory(u->path)
                : fd >= 0       ? LP_OK
                : errno == EEXIST
                    ? bad(u, "is there twice", name)
                    : lp_fail(LP_ERR_IO, "cannot write %s: %s", path, strerror(errno));
  la_ssize_t n = 0;
  while (s == LP_OK && (n = archive_read_data(a, block, BLOCK)) > 0)
    for (la_ssize_t done = 0; s == LP_OK && done < n;) {
      const ssize_t k = write(fd, (char *)block + done, (size_t)(n - done));
      if (k < 0 && errno != EINTR)
        s = lp_fail(LP_ERR_IO, "cannot write %s: %s", path, strerror(errno));
      if (k > 0) done += k;
    }
  if (s == LP_OK && n < 0) s = damaged(u, a);
  if (s == LP_OK && fsync(fd) != 0 && errno != EINVAL)
    s = lp_fail(LP_ERR_IO, "cannot write %s: %s", path, strerror(errno));
  if (fd >= 0) close(fd);
  free(block);
  free(path);
  return s;
}

static lp_status take_out(const unpacking *u) {
  struct archive *a = open_tar(u);
  if (!a) return LP_ERR_FORMAT;
  struct archive_entry *e;
  lp_status s = LP_OK;
  int r;
  const size_t root = strlen(u->root);
  while (s == LP_OK && ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK || r == ARCHIVE_WARN)) {
    const char *name = past_dots(archive_entry_pathname(e));
    if (archive_entry_filetype(e) == AE_IFREG && strncmp(name, u->root, root) == 0 &&
        is_wanted(name + root))
      s = write_member(u, a, name + root);
  }
  archive_read_free(a);
  return s;
}

/* ---- the folder ---------------------------------------------------------------------------- */

static void remove_files(const char *folder) {
  DIR *d = opendir(folder);
  for (struct dirent *e; d && (e = readdir(d));) unlinkat(dirfd(d), e->d_name, 0);
  if (d) closedir(d);
}

/* What was taken out, into the folders of `kinds`. */
static void remove_all(const char *temp) {
  for (int i = N_KINDS - 1; i >= 0; i--) {
    char *path = lp_path_join(temp, *kinds[i].folder ? kinds[i].folder : ".");
    if (path) remove_files(path);
    if (path && *kinds[i].folder) rmdir(path);
    free(path);
  }
  rmdir(temp);
}

static lp_status make_folders(const unpacking *u) {
  if (mkdir(u->temp, 0777) != 0)
    return lp_fail(LP_ERR_IO, "cannot create %s: %s", u->temp, strerror(errno));
  for (int i = 0; i < N_KINDS; i++) {
    if (!*kinds[i].folder) continue;
    char *path = lp_path_join(u->temp, kinds[i].folder);
    if (!path) return lp_run_out_of_memory(u->path);
    const bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
    free(path);
    if (!made) return lp_fail(LP_ERR_IO, "cannot create %s: %s", u->temp, strerror(errno));
  }
  struct statvfs fs;
  if (statvfs(u->temp, &fs) == 0 && (uint64_t)u->bytes / fs.f_frsize > fs.f_bavail)
    return lp_fail(LP_ERR_IO, "%s: it needs %" PRId64 " MB, more than is free there", u->path,
                   u->bytes / 1000000 + 1);
  return LP_OK;
}

/* Reads as a run folder, in the words of the tar. */
static lp_status check_run(const unpacking *u) {
  lp_run_folder *r;
  lp_status s = lp_run_folder_open(u->temp, &r);
  if (s != LP_OK) return lp_fail_in(s, "%s", u->path);
  lp_run_folder_close(r);
  return LP_OK;
}

static lp_status unpack_into(unpacking *u, const char *dir) {
  char target[PATH_MAX];
  snprintf(target, sizeof target, "%s", dir);
  size_t n = strlen(target);
  while (n > 1 && target[n - 1] == '/') target[--n] = '\0';
  if (asprintf(&u->temp, "%s.%ld.unpacking", target, (long)getpid()) < 0) {
    u->temp = NULL;
    return lp_run_out_of_memory(dir);
  }
  lp_status s = look_over(u);
  char *slash = strrchr(target, '/');
  if (s == LP_OK && slash && slash != target) {
    *slash = '\0';
    s = lp_make_dirs(target);
    *slash = '/';
  }
  if (s != LP_OK) return s;
  s = make_folders(u);
  if (s == LP_OK) s = take_out(u);
  if (s == LP_OK) s = check_run(u);
  if (s == LP_OK && rename(u->temp, target) != 0) /* over an empty folder, if one is there */
    s = lp_fail(LP_ERR_IO, "cannot create %s: %s", dir, strerror(errno));
  if (s != LP_OK) remove_all(u->temp);
  return s;
}

lp_status lp_run_unpack(const char *path, const char *dir) {
  lp_status s = lp_run_folder_check(dir);
  if (s == LP_ERR_ARG && *dir)
    s = lp_fail(s, "%s is not empty; %s needs a folder of its own", dir, path);
  if (s != LP_OK) return s;
  unpacking u = {.path = path};
  s = unpack_into(&u, dir);
  free(u.temp);
  free(u.root);
  return s;
}
