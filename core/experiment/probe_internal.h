/* What the probes of trained networks share. */
#ifndef LOCALITY_PROBE_INTERNAL_H
#define LOCALITY_PROBE_INTERNAL_H

#include <locality/probe.h>
#include <locality/run.h>
#include <locality/train.h>

typedef struct probe_network {
  lp_settings *settings;
  lp_model *model;
  lp_trainer *trainer;
  const lp_site *site; /* the trainer's */
  uint32_t n_sites;
} probe_network;

/* out->trainer is NULL where the network is not complete or has no model file.
 * steer: lp_trainer_steer works. */
lp_status lp_probe_open(const lp_run_folder *r, uint32_t arm, uint32_t seed, const char *backend,
                        bool steer, probe_network *out);
void lp_probe_close(probe_network *p);

#endif
