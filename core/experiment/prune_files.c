/* prune_files.c: prune.csv, a row a network, rank, fraction and state, and prune.json, the same
 * with what the report says of it. */
#include "prune_internal.h"

#include "../base/text.h"
#include "../io/json.h"

#include <locality/run.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "prune: out of memory");
}

static const char *scope_name(const lp_prune_spec *spec) {
  return spec->scope == LP_PRUNE_GLOBAL ? "global" : "layer";
}

static void csv_number(FILE *f, double x) {
  fprintf(f, ",%s", isnan(x) ? "" : lp_exact(x).text);
}

static lp_status write_csv(const char *path, const lp_prune_spec *spec, const lp_pruned *row,
                           uint32_t n) {
  char *text = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&text, &size);
  if (!f) return out_of_memory();
  fputs("arm,seed,rank,scope,keep,finetuned,wires,kept,accuracy,top5,loss,length,mean_length\n", f);
  for (uint32_t i = 0; i < n; i++) {
    const lp_pruned *r = &row[i];
    fprintf(f, "%s,%llu,%s,%s", r->arm, (unsigned long long)r->seed, lp_prune_rank_name(r->rank),
            scope_name(spec)); /* an arm's name needs no quotes */
    csv_number(f, r->keep);
    fprintf(f, ",%u,%llu,%llu", r->finetuned, (unsigned long long)r->wires,
            (unsigned long long)r->kept);
    const double number[] = {r->accuracy, r->top5, r->loss, r->length, r->mean_length};
    for (size_t k = 0; k < sizeof number / sizeof *number; k++) csv_number(f, number[k]);
    fputc('\n', f);
  }
  lp_status status = fclose(f) == 0 ? lp_write_file(path, text, size) : out_of_memory();
  free(text);
  return status;
}

/* ---- the fraction at which a point is lost --------------------------------------------------- */

static bool same_line(const lp_pruned *a, const lp_pruned *b) {
  return a->arm == b->arm && a->seed == b->seed && a->rank == b->rank;
}

/* Of the network of row[first], which is one before pruning, in the state `finetuned`: where its
 * accuracy falls one point below, between two fractions by their logarithms; NaN: nowhere. */
static double one_point(const lp_pruned *row, uint32_t n, uint32_t first, uint32_t finetuned) {
  const double wanted = row[first].accuracy - 1;
  const lp_pruned *above = &row[first];
  for (;;) { /* fractions stand in any order */
    const lp_pruned *next = NULL;
    for (uint32_t i = first + 1; i < n && same_line(&row[i], &row[first]); i++)
      if (row[i].finetuned == finetuned && row[i].keep < above->keep &&
          (!next || row[i].keep > next->keep))
        next = &row[i];
    if (!next) return NAN;
    if (next->accuracy < wanted) {
      const double part = (above->accuracy - wanted) / (above->accuracy - next->accuracy);
      return exp(log(above->keep) + part * (log(next->keep) - log(above->keep)));
    }
    above = next;
  }
}

/* Of an arm's networks by one rank. */
static json_t *lost_json(const lp_pruned *row, uint32_t n, const lp_pruned *of,
                         uint32_t finetuned) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < n; i++)
    if (row[i].keep == 1 && row[i].arm == of->arm && row[i].rank == of->rank)
      json_array_append_new(all, json_pack("{s:I, s:o}", "seed", (json_int_t)row[i].seed, "keep",
                                           lp_json_number(one_point(row, n, i, finetuned))));
  return json_pack("{s:s, s:s, s:i, s:o}", "arm", of->arm, "rank", lp_prune_rank_name(of->rank),
                   "finetuned", (int)finetuned, "networks", all);
}

static json_t *points_json(const lp_prune_spec *spec, const lp_pruned *row, uint32_t n) {
  json_t *all = json_array();
  for (int tuned = 0; tuned <= (spec->finetune > 0); tuned++)
    for (uint32_t i = 0; i < n; i++) {
      bool first = row[i].keep == 1;
      for (uint32_t k = 0; k < i && first; k++)
        first = row[k].arm != row[i].arm || row[k].rank != row[i].rank;
      if (first) json_array_append_new(all, lost_json(row, n, &row[i], tuned ? spec->finetune : 0));
    }
  return all;
}

json_t *lp_pruned_json(const lp_pruned *r) {
  return json_pack("{s:s, s:I, s:s, s:f, s:i, s:I, s:I, s:f, s:f, s:o, s:o, s:o}", "arm", r->arm,
                   "seed", (json_int_t)r->seed, "rank", lp_prune_rank_name(r->rank), "keep",
                   r->keep, "finetuned", (int)r->finetuned, "wires", (json_int_t)r->wires, "kept",
                   (json_int_t)r->kept, "accuracy", r->accuracy, "top5", r->top5, "loss",
                   lp_json_number(r->loss), "length", lp_json_number(r->length), "mean_length",
                   lp_json_number(r->mean_length));
}

/* A number, NaN where it is null or missing. */
static double number_of(const json_t *o, const char *key) {
  const json_t *v = json_object_get(o, key);
  return json_is_number(v) ? json_number_value(v) : NAN;
}

bool lp_pruned_read(const json_t *o, lp_pruned *r) {
  const char *arm = json_string_value(json_object_get(o, "arm")),
             *rank = json_string_value(json_object_get(o, "rank"));
  const char *name;
  uint32_t k = 0;
  while (rank && (name = lp_prune_rank_name(k)) && strcmp(name, rank) != 0) k++;
  if (!arm || !rank || !name) return false;
  *r = (lp_pruned){.arm = arm,
                   .seed = (uint64_t)json_integer_value(json_object_get(o, "seed")),
                   .rank = (lp_prune_rank)k,
                   .keep = number_of(o, "keep"),
                   .finetuned = (uint32_t)json_integer_value(json_object_get(o, "finetuned")),
                   .wires = (uint64_t)json_integer_value(json_object_get(o, "wires")),
                   .kept = (uint64_t)json_integer_value(json_object_get(o, "kept")),
                   .accuracy = number_of(o, "accuracy"),
                   .top5 = number_of(o, "top5"),
                   .loss = number_of(o, "loss"),
                   .length = number_of(o, "length"),
                   .mean_length = number_of(o, "mean_length")};
  return true;
}

static json_t *rows_json(const lp_pruned *row, uint32_t n) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < n; i++) json_array_append_new(all, lp_pruned_json(&row[i]));
  return all;
}

json_t *lp_prune_request(const char *source, const lp_prune_spec *spec) {
  json_t *ranks = json_array(), *keep = json_array();
  for (uint32_t i = 0; i < spec->n_ranks; i++)
    json_array_append_new(ranks, json_string(lp_prune_rank_name(spec->rank[i])));
  for (uint32_t i = 0; i < spec->n_keep; i++) json_array_append_new(keep, json_real(spec->keep[i]));
  return json_pack("{s:i, s:s, s:s, s:s?, s:i, s:s?, s:o, s:o}", "schema", 1, "source", source,
                   "scope", scope_name(spec), "layers", spec->layers, "finetune",
                   (int)spec->finetune, "settings", spec->settings, "ranks", ranks, "keep", keep);
}

static lp_status write_json(const char *path, const lp_prune_folder *f, const char *source,
                            const lp_prune_spec *spec, const lp_pruned *row, uint32_t n) {
  json_t *root = lp_prune_request(source, spec);
  static const char *const of_state[] = {"device", "sparse"};
  for (size_t i = 0; i < sizeof of_state / sizeof *of_state; i++)
    json_object_set(root, of_state[i], json_object_get(f->state, of_state[i]));
  json_object_set_new(root, "rows", rows_json(row, n));
  json_object_set_new(root, "one_point", points_json(spec, row, n));
  char *text = root ? lp_json_text(root, JSON_INDENT(1)) : NULL;
  lp_status status = text ? lp_write_file(path, text, strlen(text)) : out_of_memory();
  free(text);
  json_decref(root);
  return status;
}

lp_status lp_prune_write(const lp_prune_folder *f, const char *source, const lp_prune_spec *spec,
                         const lp_pruned *row, uint32_t n) {
  char *csv = lp_path_join(f->path, LP_RUN_PRUNE_CSV),
       *json = lp_path_join(f->path, LP_RUN_PRUNE_JSON);
  lp_status status = csv && json ? write_csv(csv, spec, row, n) : out_of_memory();
  if (status == LP_OK) status = write_json(json, f, source, spec, row, n);
  free(csv);
  free(json);
  return status;
}
