/* run.c: a run folder, read by core/run, with its summary.json, as the page wants it. */
#include "report/report_internal.h"

#include <locality/io.h>
#include <locality/registry.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *lp_report_asset_find(const char *name) {
  for (const report_asset *a = lp_report_assets; a->name; a++)
    if (strcmp(a->name, name) == 0) return a->text;
  return NULL;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

const char *lp_jstr(const json_t *o, const char *key) {
  const char *s = json_string_value(json_object_get(o, key));
  return s ? s : "";
}

double lp_jnum(const json_t *o, const char *key) {
  const json_t *v = json_object_get(o, key);
  return json_is_number(v) ? json_number_value(v) : NAN;
}

uint64_t lp_jseed(const json_t *o) {
  return (uint64_t)json_integer_value(json_object_get(o, "seed"));
}

json_t *lp_jobj(const json_t *o, const char *key) {
  return json_object_get(o, key);
}

/* ---- names ---------------------------------------------------------------------------------- */

uint32_t lp_report_arm_index(const report_run *run, const char *name) {
  uint32_t i = 0;
  while (i < run->n_arms && strcmp(run->arms[i].name, name) != 0) i++;
  return i;
}

uint32_t lp_report_seed_index(const report_run *run, uint64_t seed) {
  uint32_t i = 0;
  while (i < run->n_seeds && run->seeds[i] != seed) i++;
  return i;
}

const char *lp_report_reference(const report_run *run) {
  for (uint32_t i = 0; i < run->n_arms; i++)
    if (run->arms[i].reference != run->folder->reference)
      return "the reference\xe2\x80\x99s cell of the same values";
  return run->reference;
}

uint32_t lp_report_shown_classes(const report_run *run, uint32_t index[REPORT_CLASSES]) {
  uint32_t n = run->n_classes < REPORT_CLASSES ? run->n_classes : REPORT_CLASSES;
  for (uint32_t i = 0; i < n; i++) index[i] = (uint32_t)((uint64_t)i * run->n_classes / n);
  return n;
}

const lp_run_site *lp_report_sheet(const report_run *run, uint32_t arm, uint32_t site) {
  return &run->arms[arm].site[site];
}

static const json_t *analysed(const report_run *run, uint32_t arm) {
  return lp_jobj(lp_jobj(run->summary, "arms"), run->arms[arm].name);
}

/* Older summaries have it for the whole arm only. */
double lp_report_uniform(const report_run *run, uint32_t arm, const char *site) {
  const json_t *sites = lp_jobj(analysed(run, arm), "sites");
  return sites ? lp_jnum(lp_jobj(sites, site), "uniform")
               : lp_jnum(lp_jobj(lp_jobj(run->summary, "null"), "uniform_of_arm"),
                         run->arms[arm].name);
}

const char *lp_report_topology(const report_run *run, uint32_t arm, const char *site) {
  const json_t *a = analysed(run, arm), *sites = lp_jobj(a, "sites");
  return lp_jstr(sites ? lp_jobj(sites, site) : a, "topology");
}

uint32_t lp_report_site_index(const report_run *run, const char *name) {
  return lp_run_site_index(run->folder, name);
}

bool lp_report_one_sheet(const report_run *run, uint32_t *rows, uint32_t *cols) {
  *rows = *cols = 0;
  for (uint32_t a = 0; a < run->n_arms; a++)
    for (uint32_t s = 0; s < run->n_sites; s++) {
      const lp_run_site *sheet = lp_report_sheet(run, a, s);
      if (!sheet->units) continue;
      if (*rows && (*rows != sheet->rows || *cols != sheet->cols)) return false;
      *rows = sheet->rows;
      *cols = sheet->cols;
    }
  return true;
}

/* ---- the folder ----------------------------------------------------------------------------- */

static lp_status take_networks(report_run *run) {
  const lp_run_folder *r = run->folder;
  uint32_t networks = r->n_arms * r->n_seeds;
  for (uint32_t i = 0; i < networks; i++) run->n_epochs += r->network[i].n_epochs;
  run->epochs = calloc(run->n_epochs + 1, sizeof *run->epochs);
  run->ends = calloc(networks, sizeof *run->ends);
  if (!run->epochs || !run->ends) return lp_fail(LP_ERR_MEMORY, "out of memory");
  report_epoch *e = run->epochs;
  for (uint32_t i = 0; i < networks; i++) {
    const lp_run_network *w = &r->network[i];
    run->ends[i] = w->end;
    for (uint32_t k = 0; k < w->n_epochs; k++)
      *e++ = (report_epoch){.arm = i / r->n_seeds,
                            .seed = i % r->n_seeds,
                            .epoch = w->epoch[k].epoch,
                            .train_loss = w->epoch[k].train_loss,
                            .loss = w->epoch[k].loss,
                            .accuracy = w->epoch[k].accuracy,
                            .seconds = w->epoch[k].seconds};
  }
  return LP_OK;
}

/* The analysis may have compared with other arms than the folder's (analyze --reference). */
static void take_references(report_run *run) {
  const uint32_t first = lp_report_arm_index(run, lp_jstr(run->summary, "reference"));
  size_t i;
  json_t *c;
  if (first == run->n_arms || first == run->folder->reference) return;
  json_array_foreach(lp_jobj(run->summary, "comparisons"), i, c) {
    const uint32_t arm = lp_report_arm_index(run, lp_jstr(c, "arm")),
                   reference = lp_report_arm_index(run, lp_jstr(c, "reference"));
    if (arm == run->n_arms || reference == run->n_arms) continue;
    run->arms[arm].reference = reference;
    run->arms[reference].reference = reference;
  }
  run->folder->reference = first;
  run->reference = run->arms[first].name;
}

lp_status lp_report_run_load(const char *dir, report_run *run) {
  *run = (report_run){.dir = dir};
  lp_run_folder *r;
  lp_status st = lp_registry_load(); /* priors are built again */
  if (st == LP_OK) st = lp_run_folder_open(dir, &r);
  if (st != LP_OK) return st;
  run->folder = r;
  run->manifest = r->manifest;
  run->title = r->title;
  run->reference = r->arm[r->reference].name;
  run->arms = r->arm;
  run->n_arms = r->n_arms;
  run->seeds = r->seed;
  run->n_seeds = r->n_seeds;
  run->sites = r->site_name;
  run->n_sites = r->n_sites;
  run->classes = r->class_name;
  run->n_classes = r->n_classes;
  st = take_networks(run);
  char *path = lp_path_join(dir, LP_RUN_SUMMARY);
  run->analysed = path && access(path, F_OK) == 0;
  free(path);
  if (st == LP_OK && run->analysed) {
    st = lp_run_json(dir, LP_RUN_SUMMARY, &run->summary);
    take_references(run);
    return st;
  }
  run->summary = json_object();
  return st != LP_OK || run->summary ? st : lp_fail(LP_ERR_MEMORY, "out of memory");
}

void lp_report_run_free(report_run *run) {
  free(run->ends);
  free(run->epochs);
  lp_maps_free(run->maps);
  lp_run_folder_close(run->folder);
  json_decref(run->summary);
  *run = (report_run){0};
}
