/* Patterns of weights: both sides of them, and their operands in a graph. */
#include "graph_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status bad(const char *what, uint32_t o) {
  return lp_fail(LP_ERR_ARG, "pattern: %s at output %u", what, o);
}

static lp_status check(const lp_pattern *p) {
  if (p->rows[0] != 0) return bad("wires do not begin at 0", 0);
  for (uint32_t o = 0; o < p->n_out; o++) {
    if (p->rows[o] > p->rows[o + 1] || (uint32_t)p->rows[o + 1] > p->n)
      return bad("wires that run backwards", o);
    for (int32_t k = p->rows[o]; k < p->rows[o + 1]; k++)
      if (p->columns[k] < 0 || (uint32_t)p->columns[k] >= p->n_in ||
          (k > p->rows[o] && p->columns[k] <= p->columns[k - 1]))
        return bad("inputs that do not rise, or are none", o);
  }
  return LP_OK;
}

/* The same wires from the other side, in the order of their inputs and then of their outputs. */
static void turn(lp_pattern *p) {
  memset(p->starts, 0, ((size_t)p->n_in + 1) * sizeof *p->starts);
  for (uint32_t k = 0; k < p->n; k++) p->starts[p->columns[k] + 1]++;
  for (uint32_t i = 0; i < p->n_in; i++) p->starts[i + 1] += p->starts[i];
  for (uint32_t o = 0; o < p->n_out; o++)
    for (int32_t k = p->rows[o]; k < p->rows[o + 1]; k++) {
      const int32_t at = p->starts[p->columns[k]]++;
      p->sources[at] = (int32_t)o;
      p->places[at] = k;
    }
  for (uint32_t i = p->n_in; i > 0; i--) p->starts[i] = p->starts[i - 1];
  p->starts[0] = 0;
}

lp_status lp_pattern_new(uint32_t n_out, uint32_t n_in, const int32_t *rows, const int32_t *columns,
                         lp_pattern **out) {
  *out = NULL;
  lp_pattern *p = calloc(1, sizeof *p);
  if (!p) return lp_fail(LP_ERR_MEMORY, "pattern: out of memory");
  *p = (lp_pattern){.n_out = n_out, .n_in = n_in, .n = (uint32_t)rows[n_out]};
  const size_t n = (size_t)p->n + 1;
  p->rows = malloc(((size_t)n_out + 1) * sizeof *p->rows);
  p->columns = malloc(n * sizeof *p->columns);
  p->starts = malloc(((size_t)n_in + 1) * sizeof *p->starts);
  p->sources = malloc(n * sizeof *p->sources);
  p->places = malloc(n * sizeof *p->places);
  lp_status status = LP_OK;
  if (!p->rows || !p->columns || !p->starts || !p->sources || !p->places)
    status = lp_fail(LP_ERR_MEMORY, "pattern: out of memory for %u wires", p->n);
  if (status == LP_OK) {
    memcpy(p->rows, rows, ((size_t)n_out + 1) * sizeof *rows);
    memcpy(p->columns, columns, (size_t)p->n * sizeof *columns);
    status = check(p);
  }
  if (status != LP_OK) {
    lp_pattern_free(p);
    return status;
  }
  turn(p);
  *out = p;
  return LP_OK;
}

void lp_pattern_free(lp_pattern *p) {
  if (!p) return;
  free(p->rows);
  free(p->columns);
  free(p->starts);
  free(p->sources);
  free(p->places);
  free(p);
}

lp_status lp_pattern_operands(const lp_pattern *p, lp_graph *g, const char *path,
                              lp_val operands[LP_SPARSE_INPUTS]) {
  const struct {
    uint32_t at;
    const char *name;
    int64_t n;
    const int32_t *data;
  } part[] = {{LP_SPARSE_ROWS, "rows", (int64_t)p->n_out + 1, p->rows},
              {LP_SPARSE_COLUMNS, "columns", p->n, p->columns},
              {LP_SPARSE_STARTS, "starts", (int64_t)p->n_in + 1, p->starts},
              {LP_SPARSE_SOURCES, "sources", p->n, p->sources},
              {LP_SPARSE_PLACES, "places", p->n, p->places}};
  for (size_t k = 0; k < sizeof part / sizeof *part; k++) {
    char name[300];
    const lp_desc d = LP_DESC(LP_I32, part[k].n);
    if (snprintf(name, sizeof name, "%s.%s", path, part[k].name) >= (int)sizeof name)
      return lp_graph_fail(g, LP_ERR_ARG, "layer %s: its name is too long", path);
    operands[part[k].at] = lp_graph_constant(g, name, &d, part[k].data);
  }
  return lp_graph_status(g);
}
