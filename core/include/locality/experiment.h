/* experiment.h: arms x seeds, from options to a run folder (core/DESIGN.md has its layout).
 *
 * An experiment trains one network per arm (a layer under study) and seed, as its settings say
 * (settings.h). Everything random depends
 * on the seed alone, so arms are paired, a run that was killed and resumed ends bit-identical, and
 * neither the number of jobs nor of threads changes a result.
 *
 * Threads: an experiment belongs to one thread; lp_experiment_stop may be called from any thread
 * and from a signal handler.
 */
#ifndef LOCALITY_EXPERIMENT_H
#define LOCALITY_EXPERIMENT_H

#include <locality/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- files of settings --------------------------------------------------------------------- */

/* Sets options from a preset ("mnist") or a YAML file (a name that ends in .yaml or .yml, or holds
 * a slash), without marking them as given. Errors name file, line and field. */
LP_API lp_status lp_settings_load(lp_settings *s, const char *preset_or_file);
/* All presets, sorted; free with lp_names_free (io.h). */
LP_API lp_status lp_preset_names(char ***names, uint32_t *n);
/* The file of a preset, in the folder that goes with the library. */
LP_API lp_status lp_preset_path(const char *name, char *out, size_t cap);

/* ---- experiments --------------------------------------------------------------------------- */

typedef struct lp_experiment lp_experiment;

/* One key of a sweep and its values, as they were written. */
typedef struct lp_axis {
  char *key;         /* "lp.cost", "decay": what an arm may change */
  const char *label; /* into key: "cost", where no other axis is called so */
  char **value;
  uint32_t n_values;
} lp_axis;

/* An arm; in a sweep, a cell: one of `arms` with a value of every axis that changes it. */
typedef struct lp_arm {
  char *name;           /* part of file names: letters, digits and . _ = + - */
  char *layer;          /* "plain", "locality:cost=linear,...": canonical layer spec */
  char *set;            /* instead, what it changes: "fc1=locality,fc2.cost=sqrt"; NULL: nothing */
  uint64_t parameters;  /* trained numbers */
  char *base;           /* of a cell: the arm's own name; NULL outside sweeps */
  int32_t *cell;        /* numbers of its values, an axis each; -1: the axis does not change it */
  uint32_t reference;   /* index of the arm that it is compared with; its own: it is one itself */
  char *priors;         /* lp_trainer_priors of the first seed's network */
  struct json_t *sites; /* of its networks: [{name, layer, sheet}] as the manifest has them */
  struct json_t *made;  /* its priors as they were built, likewise */
  char *behind;         /* its site behind the last layer with a prior, or NULL */
  lp_plan_info plan;    /* of its training step */
  lp_train_memory memory;
} lp_arm;

typedef struct lp_experiment_info {
  const lp_settings *settings;
  const char *preset, *reference; /* reference: name of an arm, in a sweep the first of them */
  const char *headline;           /* site of the primary measures; NULL: no site is recorded */
  const lp_arm *arms;
  const lp_axis *axes; /* of the sweep */
  uint32_t n_arms, n_axes, n_seeds, jobs;
  const uint64_t *seeds;
  const lp_device_info *device;
  const char *device_spec; /* what every run opens */
  const lp_dataset_info *train, *test;
  const char *dir; /* the run folder; NULL before lp_experiment_run of a new one */
} lp_experiment_info;

/* Checks everything that can be wrong (options, arms, data, device) and plans every arm, without
 * writing anything. preset is what lp_settings_load was given. */
LP_API lp_status lp_experiment_new(const lp_settings *s, const char *preset, lp_experiment **out);
/* The same for a run folder that is to go on. preset and options given that differ from the
 * folder's are refused by name, but for more seeds; both may be NULL. add_arms: arms that it gets
 * besides, as the option `arms` has them, NULL: none; those that it has already, with the same
 * content, may be among them. The manifest tells what was added when lp_experiment_run begins. */
LP_API lp_status lp_experiment_resume(const char *dir, const lp_settings *given, const char *preset,
                                      const char *add_arms, lp_experiment **out);
LP_API void lp_experiment_free(lp_experiment *x);
LP_API const lp_experiment_info *lp_experiment_get_info(const lp_experiment *x);
/* The i-th note about its training and test images, each text once; NULL past the last. */
LP_API const lp_data_note *lp_experiment_note(const lp_experiment *x, uint32_t i);
/* Seconds that parts of the work take, of the first arm. */
typedef struct lp_estimate {
  double epoch;    /* an epoch of training */
  double test;     /* a pass over the test images */
  double analysis; /* the measures of all networks' activations, as lp_analyze_run takes them */
} lp_estimate;
/* Trains the first arm for about `seconds` after its first steps, in which drivers compile kernels,
 * passes some test images and measures their maps. Writes nothing. */
LP_API lp_status lp_experiment_estimate(lp_experiment *x, double seconds, lp_estimate *out);

typedef enum lp_experiment_event {
  LP_EVENT_START = 0, /* a run begins, or goes on */
  LP_EVENT_STEP = 1,  /* at most some times a second */
  LP_EVENT_EPOCH = 2, /* an epoch was trained and evaluated */
  LP_EVENT_END = 3,   /* a run ended: status says how */
} lp_experiment_event;

typedef struct lp_experiment_progress {
  uint32_t event; /* lp_experiment_event */
  const char *arm;
  uint64_t seed;
  uint32_t epoch, epochs;         /* 1-based */
  double loss, accuracy, seconds; /* EPOCH: on the test set; seconds of its training */
  const char *status, *message;   /* END: "complete", "nonfinite", "failed", "interrupted" */
  double done, total;             /* epochs of all runs, finished ones included */
  double fresh;                   /* of them, done by this call */
  double elapsed;                 /* seconds since this call began */
} lp_experiment_progress;
/* Called by one thread at a time, but not always the same. */
typedef void (*lp_experiment_fn)(void *user, const lp_experiment_progress *p);

typedef struct lp_experiment_outcome {
  uint32_t complete, nonfinite, failed, interrupted; /* runs; finished ones included */
  uint32_t broken_train, broken_test;                /* images that this call found broken */
} lp_experiment_outcome;

/* Does every run that is not finished. A new experiment makes its folder `dir`, which must not
 * exist or be empty; a resumed one goes on where its checkpoints are (dir NULL). An arm that fails
 * leaves the others alone and is counted. LP_ERR_INTERRUPTED after lp_experiment_stop. */
LP_API lp_status lp_experiment_run(lp_experiment *x, const char *dir, const char *const *command,
                                   uint32_t n_command, lp_experiment_fn progress, void *user,
                                   lp_experiment_outcome *out);
/* Ends lp_experiment_run in good order: after the current steps, with checkpoints written. */
LP_API void lp_experiment_stop(lp_experiment *x);

#ifdef __cplusplus
}
#endif
#endif
