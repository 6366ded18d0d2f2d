/* What the files of core/run share. */
#ifndef LP_RUN_INTERNAL_H
#define LP_RUN_INTERNAL_H

#include <locality/run.h>

#include <jansson.h>

/* manifest.c: the fields of r that the manifest gives. */
lp_status lp_run_read_manifest(lp_run_folder *r);
/* sweep.c: axes, cells and references of arms that were read. */
lp_status lp_run_read_sweep(lp_run_folder *r);
void lp_run_free_sweep(lp_run_folder *r);
/* arms.c: arms, with their sites and priors. */
lp_status lp_run_read_arms(lp_run_folder *r);
void lp_run_free_arms(lp_run_folder *r);
/* schema1.c: makes r->manifest what schema 2 says of the same run. */
lp_status lp_run_from_schema_1(lp_run_folder *r);

/* open.c: "DIR/manifest.json: ...", an LP_ERR_FORMAT. */
lp_status lp_run_bad_manifest(const lp_run_folder *r, const char *fmt, ...) LP_PRINTF(2, 3);
/* A text of an object; `otherwise` when it has none. */
const char *lp_run_text(const json_t *object, const char *key, const char *otherwise);
/* network.c: r's networks from metrics.jsonl. */
lp_status lp_run_read_networks(lp_run_folder *r);
void lp_run_drop_epoch(const lp_run_epoch *e); /* what it holds */

/* lines.c: calls `each` with every whole object of metrics.jsonl, in order, and counts the lines
 * that were not one. No file: no lines. */
typedef struct run_place { /* where a line is, for messages */
  const char *path;
  uint32_t line;
} run_place;
typedef lp_status (*run_line_fn)(void *user, const run_place *at, json_t *line);
lp_status lp_run_each_line(const char *dir, run_line_fn each, void *user, uint32_t *damaged);

/* folder.c: takes away a folder that was just made, but for dir itself where it was there before.
 */
void lp_run_folder_undo(const char *dir, bool was_there);

lp_status lp_run_out_of_memory(const char *dir);

#endif
