/* run.h: a run folder: its paths, its making, and the one reader of what is in it.
 *
 * core/DESIGN.md has the layout. One policy for metrics.jsonl: what is not a whole JSON object (a
 * torn or an empty line, two lines glued together after a full disk) is left out, counted and told
 * in one warning; whole objects inside such a line are kept. A whole object that contradicts the
 * manifest is an error that names file and line.
 *
 * Threads: distinct folders may be used from distinct threads; lp_run_metrics_write may be called
 * from any thread.
 */
#ifndef LOCALITY_RUN_H
#define LOCALITY_RUN_H

#include <locality/io.h>
#include <locality/prior.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_t; /* jansson's, for those who include it */

/* ---- paths --------------------------------------------------------------------------------- */

#define LP_RUN_MANIFEST "manifest.json"
#define LP_RUN_METRICS  "metrics.jsonl"
#define LP_RUN_SUMMARY  "summary.json"
#define LP_RUN_MATCH                                                                               \
  "match.json" /* candidates of a search for matched arms, before the manifest                     \
                */
#define LP_RUN_REPORT "report.html"
#define LP_RUN_SWEEP  "sweep.csv"
#define LP_RUN_STEPS  "steps.csv"
/* Tables of the analysis, a row an observation; core/DESIGN.md has their columns. */
#define LP_RUN_NETWORKS      "networks.csv"
#define LP_RUN_IMAGES        "images.csv"
#define LP_RUN_COMPARISONS   "comparisons.csv"
#define LP_RUN_NULLS         "nulls.csv"
#define LP_RUN_MEASURES      "measures.csv"
#define LP_RUN_CURVES        "curves.csv"
#define LP_RUN_INTERVENTIONS "interventions.csv" /* probe.h */
#define LP_RUN_PENALTIES     "penalties.csv"

/* What `locality prune` makes, and the folder of a run where its report looks for it. */
#define LP_RUN_PRUNED     "pruned"
#define LP_RUN_PRUNE_CSV  "prune.csv"
#define LP_RUN_PRUNE_JSON "prune.json"

#define LP_RUN_SCHEMA 2 /* of manifest.json as it is written; those of schema 1 are read, too */

/* The file of a network: a trained model, its activations, its checkpoint while it trains, or the
 * activations that it had before it was trained. */
typedef enum lp_run_file {
  LP_RUN_MODEL = 0,
  LP_RUN_ACTIVATIONS = 1,
  LP_RUN_CHECKPOINT = 2,
  LP_RUN_UNTRAINED = 3,
  LP_RUN_GRATINGS = 4 /* responses to gratings (probe.h) */
} lp_run_file;
/* malloc'ed; NULL when memory is exhausted. */
LP_API char *lp_run_path(const char *dir, lp_run_file file, const char *arm, uint64_t seed);

/* Activations that a network had after an epoch (option `film`):
 * activations/ARM-seedS-epochE.safetensors.
 */
LP_API char *lp_run_frame_path(const char *dir, const char *arm, uint64_t seed, uint32_t epoch);

/* ---- making a folder, and going on in one --------------------------------------------------- */

/* Fails unless dir can become a run folder: it does not exist and could be made, or is empty. */
LP_API lp_status lp_run_folder_check(const char *dir);
/* Makes the folder with `manifest` (n bytes) in it: whole, or not at all. LP_ERR_ARG when it is
 * there already and not empty. */
LP_API lp_status lp_run_folder_create(const char *dir, const char *manifest, size_t n);
/* Keeps other programs from writing into dir until *lock is closed. */
LP_API lp_status lp_run_folder_lock(const char *dir, int *lock);
/* Removes temporary files of programs that were killed. The caller holds the lock. */
LP_API void lp_run_folder_clean(const char *dir);

/* Makes the folder of a run that came as one .tar or .tar.gz, in which it may lie in a folder of
 * any name: whole, or not at all. Taken out are its JSON and CSV files, activations and models.
 * Refused are links, devices, names that lead out of the folder, and more than 64 GiB. */
LP_API lp_status lp_run_unpack(const char *path, const char *dir);

/* ---- reading ------------------------------------------------------------------------------- */

/* A key of a sweep and its values, as text. */
typedef struct lp_run_axis {
  const char *key, *label; /* label: short, for names and figures */
  const char **value;
  uint32_t n_values;
} lp_run_axis;

/* A site of an arm's networks: a sheet of units whose activations the folder keeps. */
typedef struct lp_run_site {
  const char *layer; /* whose units they are; "" in folders of schema 1, which do not say */
  uint32_t units;    /* 0: the arm's networks have no such site */
  uint32_t steps;    /* of the sequence after each of which they were kept; 1: no sequence */
  /* rows x cols = units: the sheet; units in a row stand as the arm's prior lays them out, if it
   * has one there, else in one row. */
  uint32_t rows, cols;
  /* Of units that stand at points instead, or in a box of three axes: units x ndim coordinates,
   * rows 1; NULL: a sheet. */
  double *at;
  uint32_t ndim;
} lp_run_site;

/* A prior of an arm's networks as it was built, between the units of the layer `from` and those of
 * `layer`. Extents that a topology does not have are 0. */
typedef struct lp_run_prior {
  const char *layer, *from;
  const char *topology, *cost, *metric, *normalize;
  uint32_t n_out, n_in, extent_out[LP_MAX_AXES], extent_in[LP_MAX_AXES];
} lp_run_prior;

/* What an arm is, for people: the layer under study, or what it changes by name ("fc1=locality,
 * lr=0.003"). layer and set are as the manifest has them; set may be NULL. One of the two, or
 * "the network as it is". */
LP_API const char *lp_arm_what(const char *layer, const char *set);

typedef struct lp_run_arm {
  const char *name, *layer; /* a name is unique, without '/' */
  const char *what;         /* lp_arm_what of it */
  uint32_t reference;       /* index of the arm that it is compared with; its own: one of those */
  const char *base;         /* the arm whose cell it is in a sweep; its own name elsewhere */
  int32_t *cell;            /* numbers of its values, an axis each; -1: none of them changes it */
  lp_run_site *site;        /* lp_run_folder.n_sites of them */
  lp_run_prior *prior;
  uint32_t n_priors;
} lp_run_arm;

/* A line "epoch"; NaN where a value is null or, in older folders, absent. */
typedef struct lp_run_epoch {
  uint32_t epoch; /* from 1 */
  double train_loss, loss, accuracy, top5, seconds;
  struct json_t *penalties;  /* the line's list of them, or NULL: the network has none */
  struct json_t *placements; /* likewise: of units that exchanged places at the epoch's end */
} lp_run_epoch;

/* One network: an arm and a seed. */
typedef struct lp_run_network {
  /* Of its end line, when nothing follows it. "missing": there is no line; "unfinished": there is
   * no end, or "complete" stands without the line of the last epoch. */
  const char *status;
  const char *message; /* of the end line, or NULL */
  struct json_t *end;  /* the end line, or NULL */
  /* In order. A resumed run repeats epochs: the later line counts, and those after it are gone. */
  lp_run_epoch *epoch;
  uint32_t n_epochs, capacity;
} lp_run_network;

/* Strings belong to the manifest. */
typedef struct lp_run_folder {
  char *dir;
  struct json_t *manifest;
  const char *title, *preset, *data; /* "" where the manifest has none */
  lp_run_arm *arm;
  uint32_t n_arms, reference; /* reference: index of its arm; of a sweep, of the first of them */
  lp_run_axis *axis;          /* of a sweep */
  uint32_t n_axes;
  uint64_t *seed;
  uint32_t n_seeds, epochs; /* epochs asked for; 0 when the manifest does not say */
  /* Names of all sites: of the reference in the order of its layers, then those that other arms
   * have besides. headline: the one whose measures are primary; n_sites where there is none. */
  const char **site_name;
  uint32_t n_sites, headline;
  const char **class_name;
  uint32_t n_classes;
  lp_run_network *network; /* n_arms x n_seeds */
  uint32_t damaged;        /* lines of metrics.jsonl that were left out, in part or whole */
  bool imported;           /* of activations made elsewhere: nothing is known of training */
} lp_run_folder;

/* Reads manifest.json and metrics.jsonl. A folder without metrics has just begun. */
LP_API lp_status lp_run_folder_open(const char *dir, lp_run_folder **out);
LP_API void lp_run_folder_close(lp_run_folder *r);
/* The network of an arm and a seed by name; NULL when the manifest has no such. */
LP_API const lp_run_network *lp_run_find(const lp_run_folder *r, const char *arm, uint64_t seed);
/* Index of the site of that name; n_sites when there is none. */
LP_API uint32_t lp_run_site_index(const lp_run_folder *r, const char *name);
/* The prior by which an arm's units stand at a site: that of the site's layer, else the first that
 * reads its units (*reads); NULL where there is none. */
LP_API const lp_run_prior *lp_run_site_prior(const lp_run_arm *arm, const lp_run_site *site,
                                             bool *reads);
/* What builds that prior anew in a network of this seed. Texts are p's. */
LP_API lp_prior_spec lp_run_prior_spec(const lp_run_prior *p, uint64_t seed);
/* A JSON object of a file in the folder, to be released. */
LP_API lp_status lp_run_json(const char *dir, const char *name, struct json_t **out);

/* ---- metrics.jsonl ------------------------------------------------------------------------- */

typedef struct lp_run_metrics lp_run_metrics;

/* Opens it for appending. */
LP_API lp_status lp_run_metrics_open(const char *dir, lp_run_metrics **out);
LP_API void lp_run_metrics_close(lp_run_metrics *m);
/* Appends one line; takes the reference; NULL is an error. A line that does not fit the disk leaves
 * no piece behind. */
LP_API lp_status lp_run_metrics_write(lp_run_metrics *m, struct json_t *line);

/* Writes the file anew with the lines that `keep` wants; damaged ones are gone. */
typedef bool (*lp_run_keep_fn)(void *user, const struct json_t *line);
LP_API lp_status lp_run_metrics_keep(const char *dir, lp_run_keep_fn keep, void *user);

/* ---- activations --------------------------------------------------------------------------- */

typedef struct lp_run_maps {
  /* Of every site of the folder: n x units, of a sequence after its last step, and all of it, n x
   * steps x units; NULL where the arm has none. */
  const float **site, **all;
  const int32_t *labels; /* n, each below the number of classes */
  uint32_t n;
  lp_safetensors *file; /* owns them, but for what was put together: */
  float **last;
  uint32_t n_sites;
} lp_run_maps;
/* file: LP_RUN_ACTIVATIONS or LP_RUN_UNTRAINED; arm, seed: indices. LP_ERR_NOT_FOUND when the
 * network has none. */
LP_API lp_status lp_run_maps_read(const lp_run_folder *r, lp_run_file file, uint32_t arm,
                                  uint32_t seed, lp_run_maps *out);
/* The same after an epoch that was kept for a film. */
LP_API lp_status lp_run_frame_read(const lp_run_folder *r, uint32_t arm, uint32_t seed,
                                   uint32_t epoch, lp_run_maps *out);
LP_API void lp_run_maps_free(lp_run_maps *m);
/* Maps after one of the steps, from 0: n x units. all: n x steps x units. */
LP_API void lp_run_maps_step(const float *all, uint32_t n, uint32_t steps, uint32_t units,
                             uint32_t step, float *out);
/* maps[k]: n x steps[k] x units[k], of the site name[k]; where steps[k] is 1, n x units[k]. */
LP_API lp_status lp_run_maps_write(const char *path, const char *const *name, const uint32_t *units,
                                   const uint32_t *steps, float *const *maps, uint32_t n_sites,
                                   const int32_t *labels, uint32_t n);

/* ---- activations made elsewhere ------------------------------------------------------------ */

typedef struct lp_run_import_site {
  const char *name;           /* of one site each; not "labels" */
  uint32_t units, rows, cols; /* rows x cols = units: a sheet; rows 0: points */
  const double *at;           /* of points: units x ndim coordinates */
  uint32_t ndim;
  const float *acts;    /* n x units */
  const float *weights; /* units x units, a row a receiving unit; NULL: not known */
} lp_run_import_site;

/* A network that joins a folder of imports. Strings and arrays are the caller's. */
typedef struct lp_run_import {
  const char *arm; /* letters, digits and . _ = + - */
  uint64_t seed;
  const lp_run_import_site *site;
  uint32_t n_sites, n; /* n: images, the same of all sites */
  /* n, each the number of its class; NULL: those of the folder, or, in a new one, one class. */
  const int32_t *labels;
  const char *const *class_name;
  uint32_t n_classes;
  const char *title, *primary; /* of a new folder: primary: a measure of the headline site */
  const char *const *command;  /* for the manifest */
  uint32_t n_command;
} lp_run_import;

/* Puts the network into dir, a folder of imports, or makes that. Its sites are those of its arm,
 * its images and their labels those of the folder; a network that is there already is refused. The
 * last site of the first network is the headline. What cannot be done leaves the folder as it was,
 * or not there. */
LP_API lp_status lp_run_import_network(const char *dir, const lp_run_import *network);

#ifdef __cplusplus
}
#endif
#endif
