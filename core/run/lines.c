/* The lines of metrics.jsonl. A disk that is full for a moment, a power cut or a killed program
 * leaves torn lines, to which later ones are glued: every whole object is found again. */
#include "run_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What our lines begin with, after which a whole one is sought inside a torn one. */
#define BEGIN "{\"event\""

typedef struct reader {
  run_place at;
  run_line_fn each;
  void *user;
  uint32_t damaged, first; /* lines; the number of the first */
} reader;

static bool only_blanks(const char *p, const char *end) {
  while (p < end && strchr(" \t\r", *p) && *p) p++;
  return p == end;
}

/* The objects of one line; what is between them is left out. */
static lp_status read_line(reader *r, const char *p, const char *end) {
  uint32_t objects = 0;
  bool torn = false;
  lp_status s = LP_OK;
  while (s == LP_OK && p < end && !only_blanks(p, end)) {
    json_error_t error;
    json_t *o =
        json_loadb(p, (size_t)(end - p), JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
    if (json_is_object(o)) {
      s = r->each(r->user, &r->at, o);
      objects++;
      p += error.position;
    } else {
      torn = true;
      p = memmem(p + 1, (size_t)(end - p - 1), BEGIN, strlen(BEGIN));
    }
    json_decref(o);
    if (!p) break;
  }
  if (torn || objects != 1) {
    if (!r->damaged) r->first = r->at.line;
    r->damaged++;
  }
  return s;
}

static lp_status read_lines(reader *r, const char *text, size_t n) {
  lp_status s = LP_OK;
  for (const char *p = text, *end = text + n; s == LP_OK && p < end;) {
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    r->at.line++;
    s = read_line(r, p, stop ? stop : end);
    p = stop ? stop + 1 : end;
  }
  return s;
}

lp_status lp_run_each_line(const char *dir, run_line_fn each, void *user, uint32_t *damaged) {
  char *path = lp_path_join(dir, LP_RUN_METRICS);
  if (!path) return lp_run_out_of_memory(dir);
  reader r = {.at.path = path, .each = each, .user = user};
  lp_status s = LP_OK;
  if (access(path, F_OK) == 0 || errno != ENOENT) { /* a run that has just begun has none */
    void *text = NULL;
    size_t n = 0;
    s = lp_read_file(path, &text, &n);
    if (s == LP_OK) s = read_lines(&r, text, n);
    free(text);
  }
  if (s == LP_OK && r.damaged == 1)
    lp_log(LP_LOG_WARNING, "%s:%u: not a whole line; what was torn is left out", path, r.first);
  else if (s == LP_OK && r.damaged)
    lp_log(LP_LOG_WARNING,
           "%s: %u lines, the first of them line %u, are not whole; what was torn "
           "is left out",
           path, r.damaged, r.first);
  *damaged = r.damaged;
  free(path);
  return s;
}
