/* A run folder while it is analysed: what was read, what was measured, what is written. */
#ifndef LOCALITY_ANALYSIS_RUN_H
#define LOCALITY_ANALYSIS_RUN_H

#include "../io/json.h"

#include <locality/analysis.h>
#include <locality/measure.h>
#include <locality/registry.h>
#include <locality/run.h>

#include <stdio.h>

/* One number a network and site: index of analysis.measure. The first ones are there in every
 * analysis; they are also taken after each step of a sequence. */
typedef uint32_t measure_id;
enum {
  MEASURE_VARIANCE,
  MEASURE_VARIANCE_TORUS,
  MEASURE_MORAN_I,
  MEASURE_GEARY_C,
  MEASURE_PARTICIPATION_RATIO,
  MEASURE_CENTROID_OFFSET,
  MEASURE_NEIGHBOUR_CORRELATION,
  N_STANDARD
};

/* What is measured (select.c): a row of the library's table of measures, or of a module's. */
typedef struct measure_row {
  char *name; /* as it was asked for: "moran", "patches:threshold=3" */
  const lp_measure *row;
} measure_row;

/* Where the units of a site stand: what an arm's topology makes of the sheet. */
typedef struct layout {
  uint32_t rows, cols;
  bool wrap;
  const char *name;  /* "grid", "torus", "line", "ring", or that of a topology of another kind */
  double uniform;    /* V of units in any order, on average */
  lp_places *places; /* of such a topology; NULL of the first four, which the rest describes */
} layout;

/* A measure of one class. */
typedef struct class_value {
  measure_id measure;
  uint32_t class_;
  double value, chance, sd, low, high, p;
} class_value;
enum { MOST_CLASSES = LP_BOUND_CLASSES };

/* What a network shows at a site, in one geometry. */
typedef struct site_result {
  lp_measured *measured; /* n_measures: of a class, the mean over classes */
  class_value *of_class; /* of measures of one class, class by class; up to MOST_CLASSES of them */
  uint32_t n_of_class;
  double *image_variance; /* n_images: V of each map; NULL: not measured in this geometry */
  /* The values after each step of a sequence, of which the last are measured's; NULL: none. */
  double (*step)[N_STANDARD];
  uint32_t n_steps;
  uint32_t defined, undefined;
  lp_null_result null; /* exact */
  lp_null_result permutation;
} site_result;

/* One network: an arm and a seed. */
typedef struct run_info {
  const char *status, *message; /* as lp_run_network's, as are the epochs */
  const lp_run_epoch *epoch;
  uint32_t n_epochs;
  double accuracy, top5, loss;   /* of the last epoch */
  bool measured;                 /* has activations */
  bool collapsed;                /* complete, but at chance, or silent at the headline site */
  bool apart;                    /* complete, but below the plan's least accuracy */
  site_result *site, *untrained; /* n_sites x n_geometries; NULL where there is no file */
} run_info;

/* Two arms that are compared. */
typedef struct arm_pair {
  uint32_t arm, other;
  char *name;   /* of a contrast; "": an arm and its reference */
  bool planned; /* before the run */
} arm_pair;

#define NO_GEOMETRY UINT32_MAX
typedef struct arm_info {
  const char *name, *layer;
  run_info *run;      /* n_seeds */
  uint32_t *geometry; /* of each site, its own; NO_GEOMETRY where its networks have no such site */
  uint32_t reference; /* index of the arm that it is compared with */
} arm_info;

/* What was decided before the run. */
typedef struct plan {
  double alpha;          /* of all primary tests together */
  double least_accuracy; /* of a network whose measures count; 0: any */
  uint32_t tests;        /* primary tests: measures x arms but the references */
  bool *primary;         /* by outcome_key: at the headline site, or of the whole network */
  double *margin;        /* by outcome_key; NaN: none */
} plan;

typedef struct analysis {
  const char *dir;
  lp_run_folder *folder; /* owns the strings, seeds and epochs */
  const char *title, *preset, *data, *reference_name;
  arm_info *arm;
  uint32_t n_arms, reference; /* reference: index of its arm */
  const uint64_t *seed;
  uint32_t n_seeds;
  const char *const *site_name;
  uint32_t n_sites, headline; /* headline: n_sites where there are none */
  uint32_t n_classes;
  layout *geometry; /* all in which something is measured */
  uint32_t n_geometries;
  arm_pair *pair; /* those with the reference first */
  uint32_t n_pairs;
  measure_row *measure;
  uint32_t n_measures;
  lp_measure_effort effort;
  bool gratings;                        /* networks were shown some */
  uint32_t *superclass, n_superclasses; /* of each class; NULL: none are given */
  plan plan;
  uint32_t epochs; /* asked for; 0 when the manifest does not say */
  const char *const *class_name;
  uint32_t n_images;
  int32_t *labels;               /* NULL until the first activations are read */
  json_t *warnings;              /* what to know of its numbers; NULL: nothing */
  struct comparison *comparison; /* those with the reference, then n_contrasts */
  uint32_t n_comparisons, n_contrasts;
  struct omnibus *omnibus;
  uint32_t n_omnibus;
} analysis;

/* ---- outcomes and the plan (plan.c) --------------------------------------------------------- */

/* The number of a network for an arm's statistics: NaN unless the run is complete. */
typedef enum outcome_kind {
  OUTCOME_ACCURACY,
  OUTCOME_TOP5,
  OUTCOME_LOSS,
  OUTCOME_MEASURE
} outcome_kind;
typedef struct outcome {
  outcome_kind kind;
  uint32_t site;
  measure_id measure;
} outcome;
bool lp_is_variance(outcome which);
const char *lp_outcome_name(const analysis *a, outcome which); /* "accuracy", "variance", ... */
/* What is compared: lp_outcome_at(0), ...; false past the last. */
bool lp_outcome_at(const analysis *a, uint32_t i, outcome *out);

/* A measure is taken in that geometry. */
double lp_run_outcome(const analysis *a, const run_info *run, outcome which, uint32_t geometry);
bool lp_run_complete(const run_info *run);
/* Is it one that others are compared with? */
bool lp_is_reference(const analysis *a, uint32_t arm);
/* Complete runs of an arm. */
uint32_t lp_arm_complete(const analysis *a, const arm_info *arm);

/* The manifest's "plan", or what it is where the manifest says nothing. */
lp_status lp_read_plan(analysis *a);
bool lp_plan_primary(const analysis *a, outcome which);
double lp_plan_margin(const analysis *a, outcome which);              /* NaN: none */
double lp_plan_alpha(const analysis *a, outcome which, bool primary); /* of one test */

/* ---- comparisons ---------------------------------------------------------------------------- */

/* pairs.c: what is compared with what; contrasts beside the manifest's. */
lp_status lp_find_pairs(analysis *a, const char *contrasts);
void lp_forget_pairs(analysis *a);

/* An arm against its reference, or two arms of a contrast, over networks. */
typedef struct comparison {
  outcome which;
  uint32_t arm, other;
  const char *contrast;                      /* its name; "": against the reference */
  uint32_t own_geometry, reference_geometry; /* in which a measure is taken */
  /* The sheets are not the same: V of a network counts as a fraction of what units in any order
   * give on its own sheet. */
  bool fraction;
  bool primary;
  lp_inference result;
  lp_moments own, reference;     /* of the networks in the test */
  double chance;                 /* what units without spatial order give; NaN: not known exactly */
  lp_moments own_z, reference_z; /* of V: z of its networks against their exact nulls */
  double q;                      /* exploratory ones: Benjamini & Hochberg's */
  lp_interval bootstrap;         /* studentised; from LP_BOOTSTRAP_LEAST networks */
  double hedges_g;
  int decimals;                  /* with which everything of its unit is printed */
  uint32_t lost, reference_lost; /* networks that ended without a value */
  lp_inference worst;            /* with the worst values in their places, where there are any */
  lp_blocks blocks; /* of all arms with this reference; n 0: not two of them, or none */
  double dunnett_t, dunnett_p, dunnett_low, dunnett_high;
} comparison;

/* All arms that have one reference, and it, at once (many.c). */
typedef struct omnibus {
  outcome which;
  uint32_t reference;
  bool shared; /* seeds: analysed as blocks, else one way */
  lp_blocks blocks;
  lp_test anova, kruskal;
  double anova_df_within;
} omnibus;
lp_status lp_compare_many(analysis *a);
json_t *lp_omnibus_json(const analysis *a);
json_t *lp_dunnett_json(const comparison *c);
enum { BOOTSTRAP_RESAMPLES = 10000 };
/* All of them: the outcomes in order, each of every pair of arms. */
lp_status lp_compare_all(analysis *a);
/* The number that a network has in a comparison. */
double lp_compared_value(const analysis *a, const comparison *c, const run_info *run,
                         uint32_t geometry);
/* Paired t tests over images between the reference networks themselves: how often the per-image
 * test finds a difference where only the seed differs. */
typedef struct control_pairs {
  uint32_t pairs, *significant; /* of each site; malloc'ed */
  double alpha;
} control_pairs;
lp_status lp_compare_controls(const analysis *a, control_pairs *out);

/* ---- networks that were lost (lost.c) ------------------------------------------------------- */

/* Networks of an arm. lost: collapsed, nonfinite and failed; ended: those and the complete ones;
 * apart: complete ones, collapsed or not, below the plan's least accuracy. */
typedef struct fates {
  uint32_t planned, ended, complete, collapsed, nonfinite, failed, lost, apart;
} fates;
void lp_find_collapsed(analysis *a); /* and those that are set apart */
fates lp_fates_of(const analysis *a, uint32_t arm);
double lp_lost_p(const analysis *a, uint32_t arm); /* Fisher's, against the reference */
json_t *lp_fates_json(const analysis *a, uint32_t arm);
/* x, y: the arm's and the reference's values by seed; room: 2 n_seeds doubles. */
lp_status lp_worst_case(const analysis *a, comparison *c, const double *x, const double *y,
                        double *room);

lp_status lp_read_run(analysis *a); /* run_read.c */
/* select.c: the measures that `text` asks for: "usual", "all", "none" (the standard ones) or specs
 * between commas; NULL: what the manifest says. */
lp_status lp_select_measures(analysis *a, const char *text);
void lp_deselect_measures(analysis *a);
/* superclasses.c: of that file; NULL or "": those that the manifest has, if any. */
lp_status lp_find_superclasses(analysis *a, const char *path);
/* The i-th measure of the registry that need not be asked for, the standard ones first; NULL past
 * the last. */
const lp_entry *lp_measure_entry(uint32_t i);
/* weights.c: of a trained network at a site, in one geometry; all NULL where there are none. */
typedef struct site_weights {
  double *w, *p, *d; /* n_out x n_in; p, d: NULL as in lp_measure_input */
  uint32_t n_out, n_in;
} site_weights;
lp_status lp_read_weights(const analysis *a, uint32_t arm, uint32_t seed, uint32_t site,
                          uint32_t geometry, site_weights *out);
void lp_free_weights(site_weights *w);
lp_status lp_measure_runs(analysis *a);    /* run_measure.c */
lp_status lp_find_geometries(analysis *a); /* geometry.c */
void lp_layout_free(layout *g);            /* what it holds */
/* The geometry in which `other` is compared with an arm at a site: the arm's, or, where the sheets
 * differ, the other's sheet, wrapped as the arm's; NO_GEOMETRY where one has no such site. */
uint32_t lp_geometry_against(const analysis *a, uint32_t arm, uint32_t other, uint32_t site);
/* What a network showed at a site; NULL when that was not measured. */
const site_result *lp_trained_site(const analysis *a, const run_info *run, uint32_t site,
                                   uint32_t geometry);
/* The same before its first step. */
const site_result *lp_untrained_site(const analysis *a, const run_info *run, uint32_t site,
                                     uint32_t geometry);
json_t *lp_published_json(const analysis *a); /* published.c: null where there is nothing */
/* answer.c: the sentences, and one comparison's line. */
json_t *lp_answer_json(const analysis *a, const comparison *c, uint32_t n,
                       const control_pairs *controls);
char *lp_verdict_line(const analysis *a, const comparison *c); /* malloc'ed; NULL: out of memory */
json_t *lp_comparison_json(const analysis *a, const comparison *c); /* summary_tests.c */
json_t *lp_plan_json(const analysis *a);
json_t *lp_seeds_added_json(const analysis *a); /* since the plan was made */
lp_status lp_write_summary(const analysis *a);  /* summary.c */
lp_status lp_write_sweep(const analysis *a);    /* sweep.c: nothing where nothing was swept */
lp_status lp_write_steps(const analysis *a);    /* steps.c: nothing where no site has steps */
lp_status lp_write_tidy(const analysis *a);     /* tidy.c */
lp_status lp_write_measures(const analysis *a); /* measures.c: measures.csv and curves.csv */

/* csv.c: tables for those who plot and fit themselves. A text is quoted where it must be; a number
 * begins with a comma, and is nothing where it is not finite. */
void lp_csv_field(FILE *f, const char *text);
void lp_csv_value(FILE *f, double x);
/* Which network a row is of: LP_CSV_NETWORK's columns, without a comma behind. */
#define LP_CSV_NETWORK "arm,cell,seed,status"
void lp_csv_network(FILE *f, const analysis *a, uint32_t arm, uint32_t seed);
lp_status lp_csv_write(const analysis *a, const char *name,
                       void (*fill)(FILE *f, const analysis *a));

/* json_real, or null for NaN and infinity. json_p: no p-value is 0, so that one below LEAST_P,
 * where doubles end, is written as LEAST_P and read as "less than that". */
#define LEAST_P 1e-300
json_t *lp_json_p(double p);
/* value, or NULL in its place when something `bad` happened while it was made. */
json_t *lp_json_checked(json_t *value, int bad);

#endif
