/* Reading files, folders, paths and the cache folder. */
#include <locality/io.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads fd to its end; pipes and /proc files tell no size, so that the buffer grows as needed. */
static lp_status read_all(int fd, const char *path, void **data, size_t *n) {
  struct stat st;
  if (fstat(fd, &st) != 0) return lp_fail(LP_ERR_IO, "cannot read %s: %s", path, strerror(errno));
  /* Room for the NUL and for one byte more, so that the last read finds the end without growing. */
  size_t cap = (S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 4096) + 2, len = 0;
  char *buf = malloc(cap);
  while (buf) {
    ssize_t k = read(fd, buf + len, cap - len - 1);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) {
      lp_status s = lp_fail(LP_ERR_IO, "cannot read %s: %s", path, strerror(errno));
      free(buf);
      return s;
    }
    len += (size_t)k;
    if (k == 0) {
      buf[len] = 0;
      *data = buf;
      *n = len;
      return LP_OK;
    }
    if (len + 1 < cap) continue;
    char *grown = cap <= SIZE_MAX / 2 ? realloc(buf, cap * 2) : NULL;
    if (!grown) break;
    buf = grown;
    cap *= 2;
  }
  free(buf);
  return lp_fail(LP_ERR_MEMORY, "out of memory reading %s", path);
}

lp_status lp_read_file(const char *path, void **data, size_t *n) {
  *data = NULL;
  *n = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return lp_fail(LP_ERR_IO, "cannot open %s: %s", path, strerror(errno));
  lp_status s = read_all(fd, path, data, n);
  close(fd);
  return s;
}

lp_status lp_make_dirs(const char *path) {
  if (!path || !*path) return lp_fail(LP_ERR_ARG, "cannot create a folder without a name");
  char *p = strdup(path);
  if (!p) return lp_fail(LP_ERR_MEMORY, "out of memory creating folder %s", path);
  lp_status s = LP_OK;
  for (char *q = p + 1; s == LP_OK; q++) {
    char c = *q;
    if (c != '/' && c != 0) continue;
    *q = 0;
    struct stat st;
    /* Look first: mkdir of an existing folder may say EROFS or EACCES instead of EEXIST. */
    if (stat(p, &st) == 0) {
      if (!S_ISDIR(st.st_mode))
        s = lp_fail(LP_ERR_IO, "cannot create folder %s: %s is not a folder", path, p);
    } else if (mkdir(p, 0777) != 0 && errno != EEXIST) {
      s = lp_fail(LP_ERR_IO, "cannot create folder %s: %s", p, strerror(errno));
    }
    *q = c;
    if (c == 0) break;
  }
  free(p);
  return s;
}

/* The nearest folder above path, in place: "." where it names none; false at the root. */
static bool go_up(char *path) {
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/') path[--n] = '\0';
  char *slash = strrchr(path, '/');
  if (slash == path && !path[1]) return false;
  if (slash)
    slash[slash == path] = '\0';
  else
    strcpy(path, ".");
  return true;
}

lp_status lp_check_folder(const char *path) {
  if (!path || !*path) return lp_fail(LP_ERR_ARG, "cannot create a folder without a name");
  char *p = strdup(path);
  if (!p) return lp_fail(LP_ERR_MEMORY, "out of memory creating folder %s", path);
  struct stat st;
  bool there = true;
  while (stat(p, &st) != 0 && errno == ENOENT && go_up(p)) there = false;
  lp_status s = LP_OK;
  const char *what = there ? "write into" : "create folder";
  if (stat(p, &st) != 0)
    s = lp_fail(LP_ERR_IO, "cannot %s %s: %s", what, path, strerror(errno));
  else if (!S_ISDIR(st.st_mode))
    s = lp_fail(LP_ERR_IO, "cannot %s %s: %s is not a folder", what, path, p);
  else if (access(p, W_OK | X_OK) != 0)
    s = lp_fail(LP_ERR_IO, "cannot %s %s: %s: %s", what, path, p, strerror(errno));
  free(p);
  return s;
}

char *lp_path_join(const char *a, const char *b) {
  size_t n = strlen(a);
  while (n > 1 && a[n - 1] == '/') n--;
  while (*b == '/') b++;
  char *out = NULL;
  const char *slash = n == 0 || (n == 1 && *a == '/') ? "" : "/";
  return asprintf(&out, "%.*s%s%s", (int)n, a, slash, b) < 0 ? NULL : out;
}

/* A name below the cache folder: relative, no "..", not empty. */
static bool is_cache_name(const char *name) {
  if (!name || !*name || *name == '/') return false;
  for (const char *p = name; p; p = strchr(p, '/')) {
    p += *p == '/';
    if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == 0)) return false;
  }
  return true;
}

/* The first setting that is there decides; a relative XDG_CACHE_HOME is to be ignored. */
static lp_status cache_root(char *out, size_t cap) {
  const char *cache = getenv("LOCALITY_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
  const char *home = getenv("HOME");
  char text[1024];
  struct passwd entry, *user = NULL;
  if ((!home || *home != '/') && getpwuid_r(getuid(), &entry, text, sizeof text, &user) == 0)
    home = user ? entry.pw_dir : NULL;
  int n;
  if (cache && *cache)
    n = snprintf(out, cap, "%s", cache);
  else if (xdg && *xdg == '/')
    n = snprintf(out, cap, "%s/locality", xdg);
  else if (home && *home == '/')
    n = snprintf(out, cap, "%s/.cache/locality", home);
  else
    return lp_fail(LP_ERR_NOT_FOUND, "no cache folder: set LOCALITY_CACHE to a folder (neither it, "
                                     "XDG_CACHE_HOME nor HOME names one)");
  if (n < 0 || (size_t)n >= cap)
    return lp_fail(LP_ERR_ARG, "the name of the cache folder is too long: set LOCALITY_CACHE to a "
                               "shorter one");
  return LP_OK;
}

lp_status lp_cache_path(const char *name, char *out, size_t cap) {
  if (cap > 0) *out = 0;
  if (!is_cache_name(name))
    return lp_fail(LP_ERR_ARG, "'%s' is not a name below the cache folder", name ? name : "");
  char root[4096];
  lp_status s = cache_root(root, sizeof root);
  if (s != LP_OK) return s;
  char *path = lp_path_join(root, name);
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory");
  if (strlen(path) >= cap) {
    s = lp_fail(LP_ERR_ARG, "the name of the cache folder is too long: %s", path);
  } else {
    strcpy(out, path);
    char *slash = strrchr(path, '/');
    if (slash && slash != path) {
      *slash = 0;
      s = lp_make_dirs(path);
      if (s != LP_OK) {
        *out = 0;
        lp_fail_in(s, "no usable cache folder (set LOCALITY_CACHE to one that can be written)");
      }
    }
  }
  free(path);
  return s;
}
