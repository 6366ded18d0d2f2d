/* What the files of core/experiment share. */
#ifndef LP_EXPERIMENT_INTERNAL_H
#define LP_EXPERIMENT_INTERNAL_H

#include <locality/experiment.h>
#include <locality/run.h>

#include <jansson.h>
#include <stdatomic.h>

/* arm_training.c: what the networks of an arm are trained with: the experiment's settings under
 * what the arm changes, and its device. spec points into the rest. A trainer takes its own copies,
 * so it may be closed once the trainer is made. */
typedef struct lp_arm_training {
  lp_settings *settings;
  char *set;
  lp_train_spec spec;
} lp_arm_training;
/* "FILE:LINE: arm NAME: " before this thread's error, where a file has the arms. */
lp_status lp_arm_fail(const lp_experiment *x, const lp_arm *arm, lp_status status);
/* Before the data are open, spec knows nothing of them. */
lp_status lp_arm_training_open(const lp_experiment *x, const lp_arm *arm, lp_arm_training *t);
/* The option of that name which an arm may change; NULL without an error. */
const lp_option *lp_arm_option(const char *name);
void lp_arm_training_close(lp_arm_training *t);

/* arms.c */
lp_status lp_arms_parse(const char *text, lp_arm **arms, uint32_t *n);
void lp_arms_free(lp_arm *arms, uint32_t n);
/* The arm that the others are compared with: that of the name `wanted`, where it is "" the plain
 * one, else the first. n: there is none of that name. */
uint32_t lp_arms_reference(const lp_arm *arms, uint32_t n, const char *wanted);

/* arms.c: makes text part of file names, in place. */
void lp_make_file_name(char *name);
/* An error that says what cannot be an arm's name. */
lp_status lp_arm_name_check(const char *name);

/* yaml.c: "FILE:LINE: " of where an experiment file has `item` of a list before this thread's
 * error, if the list came from there; returns status. */
lp_status lp_settings_point(const lp_settings *s, const char *preset_or_file, const char *option,
                            const char *item, lp_status status);

/* sweep.c: "KEY=VALUE,VALUE,KEY=VALUE,..." as axes. */
lp_status lp_sweep_parse(const char *text, lp_axis **axes, uint32_t *n);
void lp_sweep_free(lp_axis *axes, uint32_t n);
enum { LP_MOST_CELLS = 1000, LP_MOST_AXES = 16 };
/* cells.c: x->arms, of arms that were parsed, crossed with the axes of the setting sweep; and which
 * arm each is compared with. */
lp_status lp_cells_make(lp_experiment *x);

/* extend.c: what a folder that is resumed gets besides. Options as a run in one go has them, with
 * the arms `add`; refuses what would change an arm that is there. */
lp_status lp_extend_arms(const lp_run_folder *folder, const char *add, lp_settings *s);
/* Fails when an arm of the folder is no longer there, or would be another one or compared with
 * another one. */
lp_status lp_extend_check(const lp_run_folder *folder, const lp_experiment *x);
/* Brings the manifest of x->dir, which the caller has locked, up to x's arms and seeds, and tells
 * in it when they came. Nothing is written where nothing came. */
lp_status lp_extend_manifest(const lp_experiment *x, const char *const *command,
                             uint32_t n_command);

/* sites.c: arm->sites, made and behind from its network. */
lp_status lp_arm_note_network(lp_arm *arm, const lp_net *net);
/* The site that is spoken of: `wanted`, or, when that is "", the last of the reference's that
 * stands behind an arm's last layer with a prior; its last one when there are no priors. NULL: no
 * site. */
lp_status lp_headline_site(const lp_arm *arms, uint32_t n, const lp_arm *reference,
                           const char *wanted, const char **out);

/* Fails when the networks of an arm record other sites than the folder has: their file changed. */
lp_status lp_sites_check(const lp_run_folder *folder, const lp_experiment *x);

/* Where a run stands in a folder that is resumed. */
typedef struct lp_run_state {
  const lp_arm *arm;
  uint64_t seed;
  bool finished;  /* complete or not finite: nothing to do */
  bool nonfinite; /* how it finished */
  bool has_checkpoint;
  uint32_t epoch;                                     /* epochs finished at the checkpoint */
  char *model, *activations, *untrained, *checkpoint; /* paths */
} lp_run_state;
/* resume.c: reads the folder into the states and drops lines newer than the checkpoints. */
lp_status lp_runs_rewind(const char *dir, lp_run_state *run, uint32_t n);

struct lp_experiment {
  lp_settings *settings;
  char *preset, *dir, *device;
  lp_dataset *train, *test;
  lp_device_info device_info;
  const char *precision; /* of products on it, static text */
  char kernels[128];     /* what decides the bits on it, beside the driver */
  lp_arm *arms;
  lp_axis *axes;
  uint32_t n_arms, n_axes;
  uint64_t *seeds;
  json_t *match; /* of the manifest; NULL: nothing was matched by this call */
  lp_experiment_info info;
  atomic_int stop;
};

/* manifest.c */
/* Adds warnings about the data that came up while networks were trained to x->dir's manifest. */
lp_status lp_manifest_add_warnings(const lp_experiment *x);
/* Its entries for an arm, for all options, and the time. */
json_t *lp_manifest_arm(const lp_experiment *x, const lp_arm *arm);
json_t *lp_manifest_sweep(const lp_experiment *x);
json_t *lp_manifest_seeds(const lp_experiment *x);
json_t *lp_manifest_settings(const lp_settings *s);
json_t *lp_manifest_words(const char *const *word, uint32_t n);
void lp_manifest_now(char out[32]);
/* Writes the manifest anew: whole, or not at all. */
lp_status lp_manifest_replace(const lp_experiment *x, const json_t *root);
/* Makes the folder with its manifest. */
lp_status lp_manifest_write(const lp_experiment *x, const char *dir, const char *const *command,
                            uint32_t n_command);
/* Settings and preset that a manifest names. */
lp_status lp_manifest_read(const lp_run_folder *folder, lp_settings *s, char **preset);
/* Fails when the device computes other bits than the one that the manifest names. */
lp_status lp_manifest_check_device(const lp_run_folder *folder, const lp_experiment *x);
/* Fails when the data sets are not those that the manifest names. */
lp_status lp_manifest_check_data(const lp_run_folder *folder, const lp_experiment *x);

/* plan.c: "plan" of the manifest: what the options say of the inference, checked. */
lp_status lp_plan_make(const lp_experiment *x, json_t **out);

/* published.c: checks a file's block; it as the manifest keeps it, NULL where there is none, or the
 * options are no longer those that it was published for (data, model, sheet). */
lp_status lp_published_check(json_t *block);
lp_status lp_published_make(const lp_experiment *x, json_t **out);
/* plan.c: superclasses of the data's classes; NULL where no file of them is given. */
lp_status lp_superclasses_make(const lp_experiment *x, json_t **out);

/* match.c: `arms` with the first value to try in place of every "$match", for checks and plans;
 * malloc'ed. */
lp_status lp_match_arms(const lp_settings *s, char **arms);
/* Is there something to be found before networks are trained? */
bool lp_match_wanted(const lp_experiment *x);
/* Finds it. What was tried is kept in the file `path`, from which a search that was stopped goes
 * on. *arms: the option with what was found, malloc'ed; *record: "match" of the manifest. */
lp_status lp_match_search(lp_experiment *x, const char *path, lp_experiment_fn progress, void *user,
                          char **arms, json_t **record);

/* priors.c: hashes of an arm's priors by layer, and a check that they are those of a manifest. */
json_t *lp_constants_json(const lp_arm *arm);
lp_status lp_priors_check(const json_t *manifest, const lp_experiment *x);

/* runs.c: the work of lp_experiment_run on a folder that is there. */
lp_status lp_runs_do(lp_experiment *x, const char *const *command, uint32_t n_command,
                     lp_experiment_fn progress, void *user, lp_experiment_outcome *out);

/* film.c: are the epochs of the option `film` those of a run; is this one of them? */
lp_status lp_film_check(const lp_settings *s);
bool lp_film_wants(const lp_settings *s, uint32_t epoch);

#endif
