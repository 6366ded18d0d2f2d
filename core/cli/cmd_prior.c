/* locality prior: the prior of a layer, in numbers and as a picture. */
#include "../base/text.h"
#include "cli.h"
#include "picture.h"

#include <locality/io.h>
#include <locality/prior.h>
#include <locality/registry.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const cli_flag flags[] = {
    {"cost", 'c', "SPEC", "wiring cost or prior, as power:p=3 [linear]"},
    {"topology", 't', "SPEC", "where units are [grid]"},
    {"metric", 0, "METRIC", "l2, l1 or linf [l2]"},
    {"normalize", 0, "HOW", "none, fan_in, fan_out or total [none]"},
    {"sheet", 's', "RxC", "output units, as 7x7, 49 or 4x4x4 [7x7]"},
    {"sheet-in", 0, "RxC", "input units, where they differ"},
    {"unit", 'u', "R,C", "output unit whose inputs are shown [the middle one]"},
    {"matrix", 'm', NULL, "the whole matrix instead of one unit's inputs"},
    {"out", 'o', "FILE", "picture or array to write: .png, .svg or .npy"},
};

/* ---- arguments ----------------------------------------------------------------------------- */

/* "7x7", "49", "4x4x4". One number leaves the shape to the topology. */
static bool parse_extents(const char *text, uint32_t extent[LP_MAX_AXES], uint32_t *n) {
  uint64_t product = 1;
  uint32_t axes = 0, value[LP_MAX_AXES] = {0};
  for (const char *at = text;; at++) {
    uint64_t v;
    if (axes == LP_MAX_AXES || !lp_digits(&at, 1u << 20, &v) || v < 1) return false;
    value[axes++] = (uint32_t)v;
    product *= v;
    if (!*at) break;
    if (*at != 'x') return false;
  }
  if (product > 1u << 20) return false;
  for (uint32_t i = 0; i < axes && axes > 1; i++) extent[i] = value[i];
  *n = (uint32_t)product;
  return true;
}

static int read_spec(const cli_args *a, lp_prior_spec *spec) {
  const char *cost = cli_get(a, "cost"), *out = cli_get(a, "sheet"), *in = cli_get(a, "sheet-in");
  *spec = (lp_prior_spec){.cost = cost ? cost : "linear",
                          .topology = cli_get(a, "topology"),
                          .metric = cli_get(a, "metric"),
                          .normalize = cli_get(a, "normalize")};
  if (!out) out = "7x7";
  if (!in) in = out;
  if (!parse_extents(out, spec->extent_out, &spec->n_out))
    return cli_usage("--sheet: '%s' is not ROWSxCOLUMNS, as in 7x7", out);
  if (!parse_extents(in, spec->extent_in, &spec->n_in))
    return cli_usage("--sheet-in: '%s' is not ROWSxCOLUMNS, as in 7x7", in);
  return CLI_OK;
}

/* Rows and columns to draw units in: the lattice with its first axes taken together, else a line.
 */
static void shape_of(const uint32_t extent[LP_MAX_AXES], uint32_t n, uint32_t *rows,
                     uint32_t *cols) {
  uint32_t axes = 0;
  while (axes < LP_MAX_AXES && extent[axes]) axes++;
  *cols = axes ? extent[axes - 1] : n;
  *rows = n / *cols;
}

/* The unit asked for, or the one in the middle. */
static int choose_unit(const cli_args *a, const lp_prior *p, uint32_t *unit) {
  const char *text = cli_get(a, "unit");
  const uint32_t *extent = p->sheets.extent_out;
  uint32_t axes = 0, index = 0;
  while (axes < LP_MAX_AXES && extent[axes]) axes++;
  if (!text) {
    for (uint32_t i = 0; i < axes; i++) index = index * extent[i] + extent[i] / 2;
    *unit = axes ? index : p->sheets.n_out / 2;
    return CLI_OK;
  }
  uint32_t given = 0;
  for (const char *at = text;; at++) {
    uint64_t v;
    uint32_t limit = strchr(text, ',') && given < axes ? extent[given] : p->sheets.n_out;
    if (!lp_digits(&at, limit - 1, &v) || (*at && *at != ','))
      return cli_usage("--unit: '%s' is not a unit of the sheet (counted from 0)", text);
    index = given ? index * limit + (uint32_t)v : (uint32_t)v;
    given++;
    if (!*at) break;
  }
  if (given > 1 && given != axes)
    return cli_usage("--unit: '%s' has %u numbers, the sheet %u", text, given, axes);
  *unit = index;
  return CLI_OK;
}

/* ---- output -------------------------------------------------------------------------------- */

static lp_status write_out(const char *path, const cli_picture *picture) {
  const char *dot = strrchr(path, '.');
  if (dot && strcmp(dot, ".png") == 0) return cli_picture_png(path, picture);
  if (dot && strcmp(dot, ".svg") == 0) return cli_picture_svg(path, picture);
  lp_desc desc = LP_DESC(LP_F64, picture->rows, picture->cols);
  return lp_npy_write(path, &desc, picture->value);
}

static bool known_ending(const char *path) {
  static const char *const ending[] = {".png", ".svg", ".npy"};
  const char *dot = strrchr(path, '.');
  for (int i = 0; i < 3; i++)
    if (dot && strcmp(dot, ending[i]) == 0) return true;
  return false;
}

typedef struct cli_sums {
  double all, unit, min, max;
} cli_sums;

static cli_sums sums_of(const lp_prior *p, uint32_t unit) {
  cli_sums s = {.min = INFINITY, .max = -INFINITY};
  for (uint32_t i = 0; i < p->sheets.n_out; i++)
    for (uint32_t j = 0; j < p->sheets.n_in; j++) {
      double v = lp_prior_at(p, i, j);
      s.all += v;
      if (i == unit) s.unit += v;
      s.min = fmin(s.min, v);
      s.max = fmax(s.max, v);
    }
  return s;
}

static int print_facts(const cli_args *a, const lp_prior_spec *spec, const lp_prior *p,
                       uint32_t unit, const cli_sums *s) {
  const char *topology = spec->topology ? spec->topology : "grid";
  const char *metric = spec->metric ? spec->metric : "l2";
  const char *normalize = spec->normalize ? spec->normalize : "none";
  size_t bytes = lp_prior_nbytes(p);
  if (a->json) {
    return cli_print_json(
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:b, s:I}", "topology",
                  topology, "cost", spec->cost, "metric", metric, "normalize", normalize, "outputs",
                  (int)p->sheets.n_out, "inputs", (int)p->sheets.n_in, "unit", (int)unit, "sum",
                  s->all, "unit_sum", s->unit, "min", s->min, "max", s->max, "table",
                  p->table != NULL, "bytes", (json_int_t)bytes));
  }
  char size[24];
  cli_format_bytes(bytes, size);
  printf("cost %s on topology %s, metric %s, normalize %s: %u x %u\n", spec->cost, topology, metric,
         normalize, p->sheets.n_out, p->sheets.n_in);
  printf("sum of P %.10g, over the inputs of unit %u %.10g; smallest %.6g, largest %.6g\n", s->all,
         unit, s->unit, s->min, s->max);
  printf("takes %s on a device, as %s\n", size,
         p->table ? "a table over offsets" : "a dense matrix");
  return CLI_OK;
}

/* A small sheet as numbers. */
static void print_map(const cli_picture *m) {
  if (m->cols > 16 || m->rows > 32) return;
  for (uint32_t r = 0; r < m->rows; r++)
    for (uint32_t c = 0; c < m->cols; c++)
      printf("%7.4f%c", m->value[r * m->cols + c], c + 1 < m->cols ? ' ' : '\n');
}

static int show(const cli_args *a, const lp_prior_spec *spec, const lp_prior *p) {
  uint32_t unit = 0, n_in = p->sheets.n_in;
  int code = choose_unit(a, p, &unit);
  if (code != CLI_OK) return code;
  bool matrix = cli_get(a, "matrix") != NULL;
  const char *out = cli_get(a, "out");
  cli_picture picture = {.rows = p->sheets.n_out, .cols = n_in};
  if (!matrix) shape_of(p->sheets.extent_in, n_in, &picture.rows, &picture.cols);
  double *value = malloc((size_t)picture.rows * picture.cols * sizeof *value);
  if (!value) return cli_fail_with("out of memory for a matrix of %u x %u", picture.rows, n_in);
  for (uint32_t i = 0; i < (matrix ? p->sheets.n_out : 1); i++)
    for (uint32_t j = 0; j < n_in; j++)
      value[(size_t)i * n_in + j] = lp_prior_at(p, matrix ? i : unit, j);
  picture.value = value;
  if (out && write_out(out, &picture) != LP_OK) {
    code = cli_fail();
  } else {
    cli_sums s = sums_of(p, unit);
    code = print_facts(a, spec, p, unit, &s);
    if (!a->json && !matrix && !out) print_map(&picture);
  }
  free(value);
  return code;
}

static int run(cli_args *a) {
  lp_prior_spec spec;
  lp_prior *p;
  const char *out = cli_get(a, "out");
  int code = read_spec(a, &spec);
  if (code != CLI_OK) return code;
  if (out && !known_ending(out)) return cli_usage("--out: %s must end in .png, .svg or .npy", out);
  code = cli_check_outputs(&out, 1);
  if (code != CLI_OK) return code;
  if (lp_registry_load() != LP_OK || lp_prior_build(&spec, &p) != LP_OK) return cli_fail();
  code = show(a, &spec, p);
  lp_prior_free(p);
  return code;
}

const cli_command cli_cmd_prior = {
    .name = "prior",
    .operands = "[options]",
    .summary = "print and draw the prior of a layer",
    .about =
        "Builds the prior P of a layer and prints its sums. For one output unit the picture is\n"
        "the signal it receives from every unit of the input sheet; --matrix draws all of P.",
    .examples = "  locality prior --cost linear --sheet 7x7\n"
                "  locality prior --cost dog --sheet 64x64 --unit 10,20 --out dog.png\n"
                "  locality prior --topology torus --cost power:p=3 --matrix -o torus.npy",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .run = run,
};
