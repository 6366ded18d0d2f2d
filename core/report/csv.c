/* csv.c: the tables that the analysis wrote, row by row. */
#include "report/report_internal.h"

#include <locality/io.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_FIELDS = 32 };

/* Cuts the field at *at, which may be quoted, off the line; *at moves behind it, NULL at the end.
 */
static char *next_field(char **at) {
  char *from = *at, *to = *at, *field = *at;
  const bool quoted = *from == '"';
  from += quoted;
  while (*from && (quoted || *from != ',')) {
    if (quoted && *from == '"') {
      if (from[1] != '"') {
        from++;
        break;
      }
      from++;
    }
    *to++ = *from++;
  }
  *at = *from == ',' ? from + 1 : NULL;
  *to = '\0';
  return field;
}

lp_status lp_csv_rows(const char *dir, const char *name, csv_row_fn each, void *user) {
  char *path = lp_path_join(dir, name), *field[MOST_FIELDS];
  void *data = NULL;
  size_t n;
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory for %s", name);
  lp_status st = access(path, F_OK) == 0 ? lp_read_file(path, &data, &n)
                                         : lp_fail(LP_ERR_NOT_FOUND, "%s is missing", name);
  free(path);
  if (st != LP_OK) return st;
  char *rest = data, *line = strsep(&rest, "\n"); /* the names of columns */
  while ((line = strsep(&rest, "\n"))) {
    uint32_t fields = 0;
    if (!*line) continue;
    for (char *at = line; at && fields < MOST_FIELDS;) field[fields++] = next_field(&at);
    each(user, field, fields);
  }
  free(data);
  return LP_OK;
}
