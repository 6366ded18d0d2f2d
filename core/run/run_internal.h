/* What the files of core/run share. */
#ifndef LP_RUN_INTERNAL_H
#define LP_RUN_INTERNAL_H

#include <locality/run.h>

#include <jansson.h>

/* manifest.c: the fields of r that the manifest gives. */
lp_status run_read_manifest(lp_run_folder *r);
/* sweep.c: axes, cells and references of arms that were read. */
lp_status run_read_sweep(lp_run_folder *r);
void run_free_sweep(lp_run_folder *r);
/* network.c: r's networks from metrics.jsonl. */
lp_status run_read_networks(lp_run_folder *r);

/* lines.c: calls `each` with every whole object of metrics.jsonl, in order, and counts the lines
 * that were not one. No file: no lines. */
typedef struct run_place { /* where a line is, for messages */
  const char *path;
  uint32_t line;
} run_place;
typedef lp_status (*run_line_fn)(void *user, const run_place *at, json_t *line);
lp_status run_each_line(const char *dir, run_line_fn each, void *user, uint32_t *damaged);

lp_status run_out_of_memory(const char *dir);

#endif
