/* locality analyze FILE: the table of measures on anyone's activations. */
#include "analyze.h"

#include "../base/text.h"

#include <locality/array.h>
#include <locality/measure.h>
#include <locality/registry.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What was read, and what it means. */
typedef struct site {
  const char *path;
  lp_array acts, weights, prior;
  int64_t *label_of; /* of each class, lp_ascending */
  int32_t *labels;   /* of each image; NULL: none */
  uint32_t classes;
  double *w, *p;
  lp_places *places;
  lp_responses x;
  bool negative;
  uint32_t constant; /* units that never vary */
} site;

bool cli_names_array(const char *text) {
  static const char *const ending[] = {".npy", ".npz", ".safetensors", ".csv", ".txt"};
  for (size_t k = 0; k < sizeof ending / sizeof *ending; k++) {
    const char *at = strstr(text, ending[k]);
    size_t n = strlen(ending[k]);
    if (at && at > text && (!at[n] || at[n] == ':')) return true;
  }
  return false;
}

/* "FILE" or "FILE:NAME". */
static lp_status read_file(const char *text, lp_array *out) {
  const char *colon = strrchr(text, ':');
  if (!colon || strchr(colon, '/') || !colon[1]) return lp_array_read(text, NULL, out);
  char *path = strndup(text, (size_t)(colon - text));
  if (!path) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_status s = lp_array_read(path, colon + 1, out);
  free(path);
  return s;
}

/* ---- activations --------------------------------------------------------------------------- */

static lp_status read_rows(const lp_responses *x, uint32_t first, uint32_t count, double *out) {
  lp_array_rows(x->data, first, count, out);
  return LP_OK;
}

static lp_status open_activations(site *s) {
  lp_status status = read_file(s->path, &s->acts);
  if (status != LP_OK) return status;
  const lp_array *a = &s->acts;
  if (a->ndim != 2)
    return lp_fail(LP_ERR_SHAPE, "%s: an array of %u axes; activations are images x units", s->path,
                   a->ndim);
  if (a->dim[0] > INT32_MAX || a->dim[1] > INT32_MAX)
    return lp_fail(LP_ERR_SHAPE, "%s: %" PRId64 " x %" PRId64 ", too many", s->path, a->dim[0],
                   a->dim[1]);
  if (a->dim[0] < 2)
    return lp_fail(LP_ERR_SHAPE, "%s: %s; what units do over images needs two or more", s->path,
                   a->dim[0] ? "one image" : "no image");
  if (a->dim[1] < 2)
    return lp_fail(LP_ERR_SHAPE, "%s: %s; order in space needs two or more", s->path,
                   a->dim[1] ? "one unit" : "no unit");
  s->x = (lp_responses){(uint32_t)a->dim[0], (uint32_t)a->dim[1], read_rows, a};
  return LP_OK;
}

/* Once over all values: finite ones only; are any negative, which units are constant? */
static lp_status look_over(site *s) {
  enum { BLOCK = 256 };
  uint32_t units = s->x.units;
  double *rows = malloc(sizeof *rows * BLOCK * units), *first_row = malloc(sizeof *rows * units);
  bool *varies = calloc(units, 1);
  lp_status status = rows && first_row && varies ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
  for (uint32_t first = 0; status == LP_OK && first < s->x.n; first += BLOCK) {
    uint32_t count = s->x.n - first < BLOCK ? s->x.n - first : BLOCK;
    lp_array_rows(&s->acts, first, count, rows);
    if (first == 0) memcpy(first_row, rows, sizeof *rows * units);
    for (size_t k = 0; k < (size_t)count * units; k++) {
      if (!isfinite(rows[k])) {
        status =
            lp_fail(LP_ERR_ARG, "%s: image %zu, unit %zu is %s: activations must be finite",
                    s->path, first + k / units, k % units, isnan(rows[k]) ? "NaN" : "infinite");
        break;
      }
      s->negative |= rows[k] < 0;
      varies[k % units] |= rows[k] != first_row[k % units];
    }
  }
  for (uint32_t i = 0; status == LP_OK && i < units; i++) s->constant += !varies[i];
  if (status == LP_OK && s->constant == units)
    status = lp_fail(LP_ERR_ARG, "%s: all %u units are constant over the images", s->path, units);
  free(rows);
  free(first_row);
  free(varies);
  return status;
}

/* ---- labels -------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Any whole numbers, which need not begin at 0: classes are the values that occur. */
static lp_status open_labels(site *s, const char *text) {
  lp_array a;
  lp_status status = read_file(text, &a);
  if (status != LP_OK) return status;
  size_t n = lp_array_count(&a);
  bool row = a.ndim == 2 && (a.dim[0] == 1 || a.dim[1] == 1);
  double *v = malloc(sizeof *v * (n + 1));
  s->labels = malloc(sizeof *s->labels * (n + 1));
  s->label_of = malloc(sizeof *s->label_of * (n + 1));
  if (!v || !s->labels || !s->label_of) {
    status = lp_fail(LP_ERR_MEMORY, "out of memory");
  } else if (a.ndim != 1 && !row) {
    status = lp_fail(LP_ERR_SHAPE, "%s: labels are one whole number an image, not %u axes", text,
                     a.ndim);
  } else if (n != s->x.n) {
    status = lp_fail(LP_ERR_SHAPE, "%s: %zu labels for %u images", text, n, s->x.n);
  } else if (a.kind == 'b' || (a.kind == 'f' && !strstr(text, ".csv") && !strstr(text, ".txt"))) {
    status = lp_fail(LP_ERR_ARG, "%s: labels of type %s: whole numbers are needed", text,
                     lp_array_type(&a));
  } else {
    lp_array_rows(&a, 0, (size_t)a.dim[0], v);
  }
  for (size_t k = 0; status == LP_OK && k < n; k++) {
    if (!(fabs(v[k]) < 9e15) || v[k] != floor(v[k]))
      status = lp_fail(LP_ERR_ARG, "%s: label %zu is %g, no whole number", text, k, v[k]);
    else
      s->label_of[k] = (int64_t)v[k];
  }
  if (status == LP_OK) {
    qsort(s->label_of, n, sizeof *s->label_of, by_number);
    for (size_t k = 0; k < n; k++)
      if (k == 0 || s->label_of[k] != s->label_of[s->classes - 1])
        s->label_of[s->classes++] = s->label_of[k];
    for (size_t k = 0; k < n; k++) {
      int64_t want = (int64_t)v[k];
      s->labels[k] =
          (int32_t)((int64_t *)bsearch(&want, s->label_of, s->classes, sizeof want, by_number) -
                    s->label_of);
    }
    if (s->classes < 2)
      status = lp_fail(LP_ERR_ARG,
                       "%s: all images are of class %" PRId64 "; a class is compared with "
                       "the others",
                       text, s->label_of[0]);
  }
  free(v);
  lp_array_free(&a);
  return status;
}

/* ---- places, weights ----------------------------------------------------------------------- */

static lp_status open_places(site *s, const char *sheet, const char *positions, bool torus) {
  uint32_t rows, cols;
  char more;
  if (!sheet == !positions)
    return lp_fail(LP_ERR_ARG,
                   "where do the %u units stand? give --sheet ROWSxCOLUMNS or "
                   "--positions FILE%s",
                   s->x.units, sheet ? ", not both" : "");
  if (sheet) {
    if (sscanf(sheet, "%9ux%9u%c", &rows, &cols, &more) != 2 || !rows || !cols)
      return lp_fail(LP_ERR_ARG, "--sheet %s: it is ROWSxCOLUMNS, as in 8x8", sheet);
    if ((uint64_t)rows * cols != s->x.units)
      return lp_fail(LP_ERR_SHAPE, "--sheet %s has %" PRIu64 " units, %s has %u", sheet,
                     (uint64_t)rows * cols, s->path, s->x.units);
    return lp_places_sheet(rows, cols, torus, &s->places);
  }
  if (torus) return lp_fail(LP_ERR_ARG, "--torus goes with --sheet");
  lp_array a;
  lp_status status = read_file(positions, &a);
  if (status != LP_OK) return status;
  double *at = malloc(sizeof *at * (lp_array_count(&a) + 1));
  if (!at)
    status = lp_fail(LP_ERR_MEMORY, "out of memory");
  else if (a.ndim != 2 || a.dim[1] < 1 || a.dim[1] > 3)
    status =
        lp_fail(LP_ERR_SHAPE, "%s: positions are a row a unit of 1 to 3 coordinates", positions);
  else if (a.dim[0] != s->x.units)
    status = lp_fail(LP_ERR_SHAPE, "%s: %" PRId64 " positions for %u units", positions, a.dim[0],
                     s->x.units);
  if (status == LP_OK) {
    lp_array_rows(&a, 0, (size_t)a.dim[0], at);
    status = lp_places_points(at, s->x.units, (uint32_t)a.dim[1], NULL, &s->places);
    if (status != LP_OK) lp_fail_in(status, "%s", positions);
  }
  free(at);
  lp_array_free(&a);
  return status;
}

static lp_status open_weights(const site *s, const char *text, lp_array *a, double **out) {
  lp_status status = read_file(text, a);
  if (status != LP_OK) return status;
  if (a->ndim != 2 || a->dim[0] != s->x.units || a->dim[1] != s->x.units)
    return lp_fail(LP_ERR_SHAPE, "%s: weights between %u units are a matrix of %u x %u", text,
                   s->x.units, s->x.units, s->x.units);
  size_t n = lp_array_count(a);
  if (!(*out = malloc(sizeof **out * (n + 1)))) return lp_fail(LP_ERR_MEMORY, "out of memory");
  lp_array_rows(a, 0, (size_t)a->dim[0], *out);
  for (size_t k = 0; k < n; k++)
    if (!isfinite((*out)[k]))
      return lp_fail(LP_ERR_ARG, "%s: weight %zu of unit %zu is not finite", text, k % s->x.units,
                     k / s->x.units);
  return LP_OK;
}

static void close_site(site *s) {
  lp_array_free(&s->acts);
  lp_array_free(&s->weights);
  lp_array_free(&s->prior);
  lp_places_free(s->places);
  free(s->labels);
  free(s->label_of);
  free(s->w);
  free(s->p);
}

/* ---- results ------------------------------------------------------------------------------- */

static json_t *numbers(const double *x, uint32_t n) {
  json_t *all = json_array();
  for (uint32_t k = 0; k < n; k++) json_array_append_new(all, lp_json_number(x[k]));
  return all;
}

static json_t *class_json(const site *s, int32_t c) {
  return c < 0 ? json_null() : json_integer(s->label_of[c]);
}

static int print_json(const site *s, const lp_measurements *m) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < m->n; i++) {
    const lp_measurement *v = &m->item[i];
    const lp_measured *r = &v->result;
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "measure",
                          v->measure->name, "spec", v->spec, "title", v->measure->summary, "unit",
                          v->measure->unit ? v->measure->unit : "", "source",
                          v->measure->source ? v->measure->source : "", "class",
                          class_json(s, v->of_class), "value", lp_json_number(r->value), "chance",
                          lp_json_number(r->chance), "low", lp_json_number(r->low), "high",
                          lp_json_number(r->high), "p", lp_json_number(r->p));
    if (r->n_curve)
      json_object_set_new(j, "curve",
                          json_pack("{s:o, s:o, s:o, s:o}", "x", numbers(r->x, r->n_curve), "y",
                                    numbers(r->y, r->n_curve), "low", numbers(r->y_low, r->n_curve),
                                    "high", numbers(r->y_high, r->n_curve)));
    json_array_append_new(all, j);
  }
  return cli_print_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "file", s->path, "images",
                                  (json_int_t)s->x.n, "units", (json_int_t)s->x.units, "classes",
                                  (json_int_t)s->classes, "constant_units", (json_int_t)s->constant,
                                  "measures", all));
}

static void csv_number(double v) {
  if (isnan(v))
    putchar(',');
  else
    printf(",%s", lp_exact(v).text);
}

static int print_csv(const site *s, const lp_measurements *m) {
  printf("measure,class,value,chance,low,high,p,unit\n");
  for (uint32_t i = 0; i < m->n; i++) {
    const lp_measurement *v = &m->item[i];
    bool quoted = strchr(v->spec, ',') != NULL;
    printf(quoted ? "\"%s\"," : "%s,", v->spec);
    if (v->of_class >= 0) printf("%" PRId64, s->label_of[v->of_class]);
    csv_number(v->result.value);
    csv_number(v->result.chance);
    csv_number(v->result.low);
    csv_number(v->result.high);
    csv_number(v->result.p);
    printf(",%s\n", v->measure->unit ? v->measure->unit : "");
  }
  return CLI_OK;
}

static const char *shown(double v, char out[24]) {
  snprintf(out, 24, isnan(v) ? "-" : "%.4g", v);
  return out;
}

/* A line a measure: of those a class, their mean. */
static int print_table(const site *s, const lp_measurements *m) {
  char a[24], b[24], c[24];
  printf("%s: %u images, %u units", s->path, s->x.n, s->x.units);
  if (s->labels) printf(", %u classes", s->classes);
  printf("\n%s%-22s %10s %10s %8s  %s%s\n", cli_bold(stdout), "measure", "value", "chance", "p",
         "what it is", cli_plain(stdout));
  for (uint32_t i = 0; i < m->n; i++) {
    const lp_measurement *v = &m->item[i];
    if (v->of_class >= 0) continue;
    printf("%-22s %10s %10s %8s  %s%s\n", v->measure->name, shown(v->result.value, a),
           shown(v->result.chance, b), shown(v->result.p, c), v->measure->summary,
           v->measure->takes == LP_TAKES_MAP ? " (mean of classes)" : "");
  }
  return CLI_OK;
}

/* ---- the command --------------------------------------------------------------------------- */

static void say_constant(const cli_args *a, const site *s) {
  if (!a->quiet && s->constant)
    fprintf(stderr, "%s: %u of %u units are constant; they are in no pair\n", s->path, s->constant,
            s->x.units);
}

int cli_analyze_file(const cli_args *a) {
  site s = {.path = a->operand[0]};
  const char *labels = cli_get(a, "labels"), *weights = cli_get(a, "weights"),
             *prior = cli_get(a, "prior");
  if (prior && !weights) return cli_usage("--prior goes with --weights");
  if (a->json && cli_get(a, "csv")) return cli_usage("--json or --csv, not both");
  lp_measurements m = {0};
  lp_status status = open_activations(&s);
  if (status == LP_OK)
    status = open_places(&s, cli_get(a, "sheet"), cli_get(a, "positions"), cli_get(a, "torus"));
  if (status == LP_OK && labels) status = open_labels(&s, labels);
  if (status == LP_OK && weights) status = open_weights(&s, weights, &s.weights, &s.w);
  if (status == LP_OK && prior) status = open_weights(&s, prior, &s.prior, &s.p);
  if (status == LP_OK) status = look_over(&s);
  lp_measure_input in = {.places = s.places,
                         .x = &s.x,
                         .labels = s.labels,
                         .classes = s.classes,
                         .negative = s.negative,
                         .w = s.w,
                         .p = s.p,
                         .n_out = s.x.units,
                         .n_in = s.x.units,
                         .seed = 1};
  if (status == LP_OK) say_constant(a, &s);
  if (status == LP_OK) status = lp_measure_site(&in, cli_get(a, "only"), &m);
  if (status == LP_OK && !a->quiet && m.left_out[0]) fprintf(stderr, "left out: %s\n", m.left_out);
  int code = status != LP_OK     ? cli_fail()
             : a->json           ? print_json(&s, &m)
             : cli_get(a, "csv") ? print_csv(&s, &m)
                                 : print_table(&s, &m);
  lp_measurements_free(&m);
  close_site(&s);
  return code;
}
