/* Topology `points`: units at the places of a CSV file, one to three coordinates a line in the unit
 * of the wiring cost: a real cortical sheet, say. A first line of names is passed over. Where the
 * two sheets of a layer differ in size, `input` names the file of the input's. With `jitter`,
 * places are moved by a Gaussian of that standard deviation, drawn by `seed`. */
#include "../random.h"
#include "lattice.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const lp_host *host;

enum { FILE_NAME, INPUT, JITTER, SEED };
static const lp_param params[] = {
    [FILE_NAME] = {"file", LP_PARAM_STRING, 0, 0, 0, "", "CSV file: a unit a line"},
    [INPUT] = {"input", LP_PARAM_STRING, 0, 0, 0, "", "CSV file of an input sheet of another size"},
    [JITTER] = {"jitter", LP_PARAM_REAL, 0, 0, 1e6, NULL, "standard deviation of each coordinate"},
    [SEED] = {"seed", LP_PARAM_INT, 1, 0, 4294967295.0, NULL, "of the jitter"},
};

/* Coordinates of a line: how many; 0: an empty line; -1: something else. */
static int coordinates(const char *line, double out[3]) {
  int n = 0;
  line += strspn(line, " \t\r\n");
  if (!*line) return 0;
  for (;; line++) {
    char *end;
    const double x = strtod(line, &end);
    if (end == line || n == 3 || !isfinite(x)) return -1;
    out[n++] = x;
    line = end + strspn(end, " \t\r\n");
    if (!*line) return n;
    if (*line != ',' && *line != ';') return -1;
  }
}

typedef struct points {
  uint32_t n;
  int axes; /* coordinates of each */
} points;

/* A first line of names begins with none of a number's characters. */
static bool names(const char *line) {
  line += strspn(line, " \t\"");
  return !strchr("+-.0123456789", *line) && strncasecmp(line, "nan", 3) != 0 &&
         strncasecmp(line, "inf", 3) != 0;
}

/* Reads at most n units; *found: what there is. */
static lp_status read_points(const char *name, FILE *f, uint32_t n, double *pos, points *found) {
  char line[512];
  *found = (points){0};
  for (uint32_t number = 1; fgets(line, sizeof line, f); number++) {
    double x[3] = {0};
    if (!strchr(line, '\n') && !feof(f))
      return host->fail(LP_ERR_FORMAT, "topology points: %s:%u: longer than %zu characters", name,
                        number, sizeof line - 2);
    const bool marked = number == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0; /* of UTF-8 */
    const char *text = marked ? line + 3 : line;
    const int got = coordinates(text, x);
    if (got == 0 || (got < 0 && number == 1 && names(text))) continue;
    if (got < 0)
      return host->fail(LP_ERR_FORMAT, "topology points: %s:%u: not one to three numbers", name,
                        number);
    if (found->n && got != found->axes)
      return host->fail(LP_ERR_FORMAT, "topology points: %s:%u: %d coordinates, %d before", name,
                        number, got, found->axes);
    found->axes = got;
    if (found->n < n) memcpy(pos + (size_t)found->n * 3, x, sizeof x);
    found->n++;
  }
  if (ferror(f))
    return host->fail(LP_ERR_IO, "topology points: cannot read %s: %s", name, strerror(errno));
  return LP_OK;
}

static lp_status read_file(const char *name, uint32_t n, double *pos, points *found) {
  FILE *f = fopen(name, "re");
  if (!f)
    return host->fail(LP_ERR_IO, "topology points: cannot open %s: %s", name, strerror(errno));
  lp_status s = read_points(name, f, n, pos, found);
  fclose(f);
  return s;
}

/* A Gaussian from two uniform numbers, by Box & Muller (Annals of Mathematical Statistics, 1958).
 */
static double uniform(uint64_t *state) {
  return ((double)(splitmix64(state) >> 11) + 0.5) * 0x1p-53;
}

static double gaussian(uint64_t *state) {
  const double radius = sqrt(-2 * log(uniform(state)));
  return radius * cos(2 * M_PI * uniform(state));
}

static lp_status place(void *self, const lp_arg *args, uint32_t n, double *pos) {
  (void)self;
  const char *name = args[FILE_NAME].text;
  points found;
  if (!*name)
    return host->fail(LP_ERR_ARG, "topology points: it needs a file: points:file=PLACES.csv");
  lp_status s = read_file(name, n, pos, &found);
  if (s == LP_OK && found.n != n && *args[INPUT].text)
    s = read_file(name = args[INPUT].text, n, pos, &found);
  if (s != LP_OK) return s;
  if (found.n != n)
    return host->fail(LP_ERR_SHAPE, "topology points: %s has %u places for %u units", name, found.n,
                      n);
  uint64_t state = (uint64_t)args[SEED].value + ((uint64_t)n << 32); /* other draws for a sheet of
                                                                        another size */
  for (uint32_t k = 0; args[JITTER].value > 0 && k < n; k++)
    for (int a = 0; a < found.axes; a++)
      pos[3 * (size_t)k + a] += args[JITTER].value * gaussian(&state);
  return LP_OK;
}

static double distance(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s,
                       const double *a, const double *b) {
  (void)self, (void)args, (void)s;
  const double flat = metric_length(metric, fabs(a[0] - b[0]), fabs(a[1] - b[1]));
  return metric_length(metric, flat, fabs(a[2] - b[2]));
}

static void span(void *self, const lp_arg *args, lp_metric metric, const lp_sheets *s, double d,
                 double span[LP_MAX_AXES], double wrap[LP_MAX_AXES]) {
  (void)self, (void)args, (void)metric;
  flat_span(s, d, span);
  (void)wrap;
}

static const lp_topology topology = {
    .struct_size = sizeof topology,
    .name = "points",
    .summary = "units at the places of a CSV file, one to three coordinates each",
    .source = "",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .ndim = 3,
    .place = place,
    .distance = distance,
    .span = span,
};

static lp_status init(const lp_host *h, lp_registrar *r) {
  host = h;
  return h->add_topology(r, &topology);
}

LP_PLUGIN("topology-points", "1.1", "Apache-2.0", "topology: places from a file", init, NULL)
