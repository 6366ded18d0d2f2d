/* What was to be run and how far each network came, as core/run reads it. */
#include "run.h"

#include <math.h>
#include <stdlib.h>

static void take_network(const lp_run_network *w, run_info *run) {
  const lp_run_epoch *last = w->n_epochs ? &w->epoch[w->n_epochs - 1] : NULL;
  *run = (run_info){.status = w->status,
                    .message = w->message,
                    .epoch = w->epoch,
                    .n_epochs = w->n_epochs,
                    .accuracy = last ? last->accuracy : NAN,
                    .top5 = last ? last->top5 : NAN,
                    .loss = last ? last->loss : NAN};
}

lp_status lp_read_run(analysis *a) {
  lp_run_folder *r;
  lp_status s = lp_run_folder_open(a->dir, &r);
  if (s != LP_OK) return s;
  a->folder = r;
  a->title = r->title;
  a->preset = r->preset;
  a->data = r->data;
  a->reference = r->reference;
  a->reference_name = r->arm[r->reference].name;
  a->epochs = r->epochs;
  a->seed = r->seed;
  a->n_seeds = r->n_seeds;
  a->site_name = r->site_name;
  a->n_sites = r->n_sites;
  a->headline = r->headline;
  a->class_name = r->class_name;
  a->n_classes = r->n_classes;
  a->arm = calloc(r->n_arms, sizeof *a->arm);
  if (!a->arm) return lp_fail(LP_ERR_MEMORY, "out of memory for %u arms", r->n_arms);
  for (uint32_t i = 0; i < r->n_arms; i++) {
    a->arm[i] = (arm_info){
        .name = r->arm[i].name, .layer = r->arm[i].layer, .reference = r->arm[i].reference};
    a->n_arms++;
    a->arm[i].run = calloc(r->n_seeds, sizeof *a->arm[i].run);
    a->arm[i].geometry = calloc(r->n_sites + 1, sizeof *a->arm[i].geometry);
    if (!a->arm[i].run || !a->arm[i].geometry)
      return lp_fail(LP_ERR_MEMORY, "out of memory for %u seeds", r->n_seeds);
    for (uint32_t k = 0; k < r->n_seeds; k++)
      take_network(&r->network[i * r->n_seeds + k], &a->arm[i].run[k]);
  }
  return LP_OK;
}
