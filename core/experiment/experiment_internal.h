/* What the files of core/experiment share. */
#ifndef LP_EXPERIMENT_INTERNAL_H
#define LP_EXPERIMENT_INTERNAL_H

#include <locality/experiment.h>

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

/* options.c: as lp_options_set, without marking the option as given. */
lp_status lp_options_assign(lp_options *o, const lp_option *option, const char *text);

/* arms.c */
lp_status lp_arms_parse(const char *text, lp_arm **arms, uint32_t *n);
void lp_arms_free(lp_arm *arms, uint32_t n);

/* metrics.c: metrics.jsonl, one write a line. */
typedef struct lp_metrics {
  int fd;
  char *path;
  pthread_mutex_t lock;
} lp_metrics;
lp_status lp_metrics_open(lp_metrics *m, const char *dir);
void lp_metrics_close(lp_metrics *m);
lp_status lp_metrics_write(lp_metrics *m, json_t *line); /* takes the reference; NULL is an error */

/* Where a run stands in a folder that is resumed. */
typedef struct lp_run_state {
  const lp_arm *arm;
  uint64_t seed;
  bool finished;  /* complete or not finite: nothing to do */
  bool nonfinite; /* how it finished */
  bool has_checkpoint;
  uint32_t epoch;                         /* epochs finished at the checkpoint */
  char *model, *activations, *checkpoint; /* paths */
} lp_run_state;
/* Reads metrics.jsonl into the states and drops lines newer than the checkpoints. */
lp_status lp_metrics_rewind(const char *dir, lp_run_state *run, uint32_t n);

struct lp_experiment {
  lp_options options;
  char *preset, *dir, *device;
  lp_dataset *train, *test;
  lp_device_info device_info;
  const char *precision; /* of products on it, static text */
  lp_arm *arms;
  uint32_t n_arms;
  uint64_t *seeds;
  lp_experiment_info info;
  atomic_int stop;
};

/* manifest.c */
lp_status lp_manifest_write(const lp_experiment *x, const char *dir, const char *const *command,
                            uint32_t n_command);
/* Options and preset of a run folder; *root is the whole manifest, to be released. */
lp_status lp_manifest_read(const char *dir, lp_options *o, char **preset, json_t **root);
/* Fails when the data sets are not those that the manifest names. */
lp_status lp_manifest_check_data(const json_t *root, const char *dir, const lp_experiment *x);

/* folder.c */
lp_status lp_run_folder_create(const lp_experiment *x, const char *dir, const char *const *command,
                               uint32_t n_command);

/* runs.c: the work of lp_experiment_run on a folder that is there. */
lp_status lp_runs_do(lp_experiment *x, lp_experiment_fn progress, void *user,
                     lp_experiment_outcome *out);

double lp_seconds_now(void); /* monotonic */

#endif
