/* locality prior: the prior of a layer, in numbers and as a picture. */
#include "../base/text.h"
#include "cli.h"
#include "picture.h"
#include "prior_scene.h"

#include <locality/io.h>
#include <locality/prior.h>
#include <locality/registry.h>

#include <float.h>
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
    {"as-penalty", 0, NULL, "the penalty on a plain layer that equals this prior with decay"},
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

/* The unit in the middle of the sheet: off a lattice, the one with the shortest wires. */
static uint32_t middle_unit(const lp_prior *p, uint32_t axes) {
  uint32_t unit = 0;
  double least = INFINITY;
  for (uint32_t a = 0; a < axes; a++)
    unit = unit * p->sheets.extent_out[a] + p->sheets.extent_out[a] / 2;
  for (uint32_t i = 0; !axes && i < p->sheets.n_out; i++) {
    double sum = 0;
    for (uint32_t j = 0; j < p->sheets.n_in; j++) sum += lp_prior_distance(p, i, j);
    if (sum < least * (1 - 1e-9)) unit = i, least = sum;
  }
  return unit;
}

/* The unit asked for, or the one in the middle. */
static int choose_unit(const cli_args *a, const lp_prior *p, uint32_t *unit) {
  const char *text = cli_get(a, "unit");
  const uint32_t *extent = p->sheets.extent_out;
  uint32_t axes = 0, index = 0;
  while (axes < LP_MAX_AXES && extent[axes]) axes++;
  if (!text) {
    *unit = middle_unit(p, axes);
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

static bool ends_in(const char *path, const char *ending) {
  const char *dot = strrchr(path, '.');
  return dot && strcmp(dot, ending) == 0;
}

/* scene: NULL where the picture is rows and columns. */
static lp_status write_out(const char *path, const cli_picture *picture, const cli_scene *scene) {
  if (ends_in(path, ".png"))
    return scene ? cli_scene_png(path, scene) : cli_picture_png(path, picture);
  if (ends_in(path, ".svg"))
    return scene ? cli_scene_svg(path, scene) : cli_picture_svg(path, picture);
  lp_desc desc = LP_DESC(LP_F64, picture->rows, picture->cols);
  return lp_npy_write(path, &desc, picture->value);
}

static bool known_ending(const char *path) {
  return ends_in(path, ".png") || ends_in(path, ".svg") || ends_in(path, ".npy");
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

/* Decay of W, of order 2 or 1, as a penalty on V = P o W: in JSON, or a line each. */
static int print_penalties(const cli_args *a, const lp_prior_spec *spec, const lp_prior *p,
                           const cli_sums *s) {
  if (s->min < (double)FLT_MIN) /* 0 in single precision, in which layers compute */
    return cli_fail_with("cost %s: P is %.6g between some units; no penalty on their weights "
                         "equals a decay under it",
                         spec->cost, s->min);
  char text[2][512];
  for (int order = 1; order <= 2; order++)
    snprintf(text[order - 1], sizeof text[0],
             "prior_decay:order=%d,cost=(%s),topology=(%s),metric=%s,normalize=%s", order,
             spec->cost, spec->topology ? spec->topology : "grid",
             spec->metric ? spec->metric : "l2", spec->normalize ? spec->normalize : "none");
  if (a->json) return cli_print_json(json_pack("{s:s, s:s}", "l1", text[0], "l2", text[1]));
  printf("a plain layer of %u x %u with weights V = P o W and this penalty, weight= the decay:\n"
         "decay l2: %s\ndecay l1: %s\n",
         p->sheets.n_out, p->sheets.n_in, text[1], text[0]);
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
  cli_scene scene = {0};
  const bool placed = out && !matrix && cli_prior_off_plane(p);
  if ((placed && cli_prior_scene(spec, p, unit, value, &scene) != LP_OK) ||
      (out && write_out(out, &picture, placed ? &scene : NULL) != LP_OK)) {
    code = cli_fail();
  } else {
    cli_sums s = sums_of(p, unit);
    const bool penalty = cli_get(a, "as-penalty") != NULL;
    code = penalty ? print_penalties(a, spec, p, &s) : print_facts(a, spec, p, unit, &s);
    if (!a->json && !matrix && !out && !penalty) print_map(&picture);
  }
  cli_scene_free(&scene);
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
        "the signal it receives from every unit of the input sheet: a box in slices, a sphere as\n"
        "two halves, other places as they are. --matrix draws all of P.",
    .examples = "  locality prior --cost linear --sheet 7x7\n"
                "  locality prior --cost dog --sheet 64x64 --unit 10,20 --out dog.png\n"
                "  locality prior --topology torus --cost power:p=3 --matrix -o torus.npy\n"
                "  locality prior --cost power:p=2 --as-penalty",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .run = run,
};
