/* distance/TOPO/METRIC, prior/TOPO/COST/NORM, their _between forms, prior_sum/TOPO/COST. */
#include "golden.h"

#include <locality/prior.h>
#include <locality/registry.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-6;

/* "grid_7x7", "line_7", "grid_3x4_to_5x8". */
typedef struct sheet_name {
  char topology[64];
  uint32_t in[LP_MAX_AXES], out[LP_MAX_AXES];
} sheet_name;

static bool parse_sheet(const char *text, bool between, sheet_name *s) {
  char copy[128];
  memset(s, 0, sizeof *s);
  if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy) return false;
  char *to = strstr(copy, "_to_");
  if (between != (to != NULL)) return false;
  if (to) *to = '\0';
  char *under = strrchr(copy, '_');
  if (!under || under == copy || (size_t)(under - copy) >= sizeof s->topology) return false;
  *under = '\0';
  snprintf(s->topology, sizeof s->topology, "%.63s", copy);
  uint32_t n = golden_extents(under + 1, s->in);
  memcpy(s->out, s->in, sizeof s->out);
  return n && (!to || golden_extents(to + 4, s->out) == n);
}

static uint32_t units(const uint32_t extent[LP_MAX_AXES]) {
  uint32_t n = 1;
  for (uint32_t i = 0; i < LP_MAX_AXES; i++) n *= extent[i] ? extent[i] : 1;
  return n;
}

/* "power" with the parameters that the file gives for it: "power:s=2,p=1.5". */
static bool cost_spec(const golden *g, const char *cost, char *out, size_t cap) {
  snprintf(out, cap, "%s", cost);
  const char *meta = lp_safetensors_meta(g->file, "params");
  if (!meta) return true;
  json_t *all = json_loads(meta, 0, NULL);
  if (!all) return false;
  const char *text = json_string_value(json_object_get(all, cost));
  if (text) {
    int n = snprintf(out, cap, "%s:%s", cost, text);
    for (char *p = out; *p; p++)
      if (*p == ' ') *p = ',';
    if (n >= (int)cap) text = NULL;
  }
  bool ok = text || !json_object_get(all, cost);
  json_decref(all);
  return ok;
}

static bool registered(lp_kind kind, const char *name) {
  for (uint32_t i = 0; i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    if (e->kind == kind && strcmp(e->name, name) == 0) return true;
  }
  return false;
}

/* One case: which values to take from the prior. */
typedef enum { DISTANCE, SIGNAL, ROW_SUM } quantity;

static double *values(const lp_prior *p, quantity what, size_t *n) {
  uint32_t rows = p->sheets.n_out, cols = p->sheets.n_in;
  *n = what == ROW_SUM ? rows : (size_t)rows * cols;
  double *v = calloc(*n + 1, sizeof *v);
  for (uint32_t i = 0; v && i < rows; i++)
    for (uint32_t j = 0; j < cols; j++) {
      double x = what == DISTANCE ? lp_prior_distance(p, i, j) : lp_prior_at(p, i, j);
      if (what == ROW_SUM)
        v[i] += x;
      else
        v[(size_t)i * cols + j] = x;
    }
  return v;
}

static void run_case(golden *g, const lp_tensor_view *t, const sheet_name *s, quantity what,
                     const char *cost, const char *metric, const char *normalize) {
  char spec[256];
  if (!registered(LP_KIND_TOPOLOGY, s->topology)) {
    golden_skipped(g, t->name, "no topology %s in this build", s->topology);
    return;
  }
  if (!registered(LP_KIND_COST, cost) && !registered(LP_KIND_PRIOR, cost)) {
    golden_skipped(g, t->name, "no cost %s in this build", cost);
    return;
  }
  if (!cost_spec(g, cost, spec, sizeof spec)) {
    golden_failed(g, t->name, "the file's metadata params cannot be read for %s", cost);
    return;
  }
  lp_prior_spec request = {.n_out = units(s->out),
                           .n_in = units(s->in),
                           .topology = s->topology,
                           .cost = spec,
                           .metric = metric,
                           .normalize = normalize};
  /* A lone number is a number of units; the topology lays them out. */
  if (s->in[1]) {
    memcpy(request.extent_in, s->in, sizeof s->in);
    memcpy(request.extent_out, s->out, sizeof s->out);
  }
  int64_t rows = what == ROW_SUM ? lp_numel(&t->desc) : t->desc.dim[0];
  if (what != ROW_SUM && (t->desc.ndim != 2 || t->desc.dim[1] != request.n_in)) rows = -1;
  if (rows != request.n_out) {
    golden_failed(g, t->name, "its shape is not that of %u output and %u input units",
                  request.n_out, request.n_in);
    return;
  }
  lp_prior *p = NULL;
  if (lp_prior_build(&request, &p) != LP_OK) {
    golden_failed(g, t->name, "%s", lp_error_message());
    return;
  }
  size_t n;
  double *v = values(p, what, &n);
  golden_compare(g, t->name, v, n, t, tolerance);
  free(v);
  lp_prior_free(p);
}

/* The kinds of key: what stands before the sheet, and which fields follow it. */
static const struct {
  const char *head;
  quantity what;
  bool between;
  uint32_t least, most; /* fields after the sheet */
} kinds[] = {
    {"distance", DISTANCE, false, 1, 1}, {"distance_between", DISTANCE, true, 1, 1},
    {"prior", SIGNAL, false, 2, 2},      {"prior_between", SIGNAL, true, 2, 2},
    {"prior_sum", ROW_SUM, false, 1, 2},
};

void golden_priors(golden *g) {
  for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) {
    const lp_tensor_view *t = lp_safetensors_get(g->file, i);
    char copy[256], *field[5] = {0}, *rest = copy;
    uint32_t n = 0;
    snprintf(copy, sizeof copy, "%s", t->name);
    for (; n < 5 && rest; n++) field[n] = strsep(&rest, "/");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds && !g->used[i]; k++) {
      sheet_name sheet;
      uint32_t after = n < 2 ? 0 : n - 2;
      if (strcmp(field[0], kinds[k].head) != 0 || after < kinds[k].least || after > kinds[k].most ||
          !parse_sheet(field[1], kinds[k].between, &sheet))
        continue;
      golden_at(g, i);
      if (kinds[k].what == DISTANCE)
        run_case(g, t, &sheet, DISTANCE, "linear", field[2], "none");
      else
        run_case(g, t, &sheet, kinds[k].what, field[2], "l2", after > 1 ? field[3] : "none");
    }
  }
}
