/* analysis.h: spatial statistics of activation maps, tests, and the analysis of a run folder.
 *
 * A map is the activation of every unit of a sheet of rows x cols units, row-major: unit k stands
 * at (k / cols, k % cols). Activations of n images are n maps one after the other (n x units).
 *
 * NaN rules: an undefined result is NaN (and NULL never stands for one); whoever averages or tests
 * leaves NaN out and says how many remained; NaN and infinity become null in JSON. Functions that
 * return a double allocate nothing and cannot fail otherwise.
 *
 * Threads: every function may be called from any thread; nothing is kept between calls.
 */
#ifndef LOCALITY_ANALYSIS_H
#define LOCALITY_ANALYSIS_H

#include <locality/measure.h>
#include <locality/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- one map ------------------------------------------------------------------------------- */

/* Spatial variance of a map a >= 0 (Sax, "Locality Prior: a wiring cost for neural networks",
 * 2017): p = a / sum a, mu = sum p x, V = sum p |x - mu|^2 / (1 - sum p^2). The same as half the
 * mean squared distance of two units drawn by p that are not the same unit. NaN when fewer than
 * two units are active or when any value is negative or not finite. O(units). */
LP_API double lp_spatial_variance(const double *map, uint32_t rows, uint32_t cols);

/* V by its pairwise form, with each axis wrapped around: |dr| becomes min(|dr|, rows - |dr|). The
 * NaN rules of lp_spatial_variance. O(units + rows^2 + cols^2). */
LP_API double lp_spatial_variance_torus(const double *map, uint32_t rows, uint32_t cols);

/* V of a map that is the same everywhere: ((rows^2 - 1) + (cols^2 - 1)) / 12 / (1 - 1 / units).
 * NaN below two units. */
LP_API double lp_spatial_variance_uniform(uint32_t rows, uint32_t cols);

/* The same with wrapped axes, of lp_spatial_variance_torus. */
LP_API double lp_spatial_variance_torus_uniform(uint32_t rows, uint32_t cols);

/* Moran's I (Moran, Biometrika 1950) with binary weights of the 4 nearest neighbours, no wrapping:
 * (N / sum w) sum w_ij z_i z_j / sum z^2, z = a - mean. Near -1/(N - 1) without spatial order, 1
 * for a smooth map. NaN when all values are equal, or one is not finite. */
LP_API double lp_moran_i(const double *map, uint32_t rows, uint32_t cols);

/* Geary's C (Geary, The Incorporated Statistician 1954), same weights:
 * ((N - 1) / (2 sum w)) sum w_ij (a_i - a_j)^2 / sum z^2. 1 without spatial order, 0 for a smooth
 * map. NaN as Moran's I. */
LP_API double lp_geary_c(const double *map, uint32_t rows, uint32_t cols);

/* Both with the ends of each axis as neighbours; an axis of two has one pair. */
LP_API double lp_moran_i_torus(const double *map, uint32_t rows, uint32_t cols);
LP_API double lp_geary_c_torus(const double *map, uint32_t rows, uint32_t cols);

/* Distance of the centroid mu (as in lp_spatial_variance) from the centre of the sheet, in unit
 * spacings. NaN when no unit is active or any value is negative or not finite. */
LP_API double lp_centroid_offset(const double *map, uint32_t rows, uint32_t cols);

/* ---- units at any places ------------------------------------------------------------------- */

/* The same of units that stand on no sheet (lp_places). map: p->n, or w->n. NaN rules as above.
 *   variance        half the mean squared distance of two different units drawn by p = a / sum a;
 *                   distances are the places' own, along great circles of a sphere, say. O(units),
 *                   with wrapped axes or given distances O(units^2)
 *   variance_uniform  of a map that is the same everywhere, and on average of any map over all
 *                   ways to place its units: half the mean squared distance of two different
 *                   units. O(units^2)
 *   moran_i, geary_c  weights of 1 between the neighbours of w; NaN without any
 *   centroid_offset   from the mean of all places; NaN where distances are not Euclidean: there is
 *                   no centroid then */
LP_API double lp_places_variance(const double *map, const lp_places *p);
LP_API double lp_places_variance_uniform(const lp_places *p);
LP_API double lp_places_moran_i(const double *map, const lp_neighbours *w);
LP_API double lp_places_geary_c(const double *map, const lp_neighbours *w);
LP_API double lp_places_centroid_offset(const double *map, const lp_places *p);

/* ---- many maps ----------------------------------------------------------------------------- */

/* One value a map: lp_spatial_variance or another function above. maps: n x rows x cols,
 * out: n. */
typedef double (*lp_map_fn)(const double *map, uint32_t rows, uint32_t cols);
LP_API lp_status lp_map_values(lp_map_fn fn, const float *maps, uint32_t n, uint32_t rows,
                               uint32_t cols, double *out);

/* Mean map of each class. activations: n x units; labels: n, in 0..classes - 1 (LP_ERR_ARG
 * otherwise); out: classes x units, a row of NaN for a class without images. subtract_mean takes
 * the mean map over all n images away from every row. */
LP_API lp_status lp_class_maps(const float *activations, const int32_t *labels, uint32_t n,
                               uint32_t units, uint32_t classes, bool subtract_mean, double *out);

/* Participation ratio of the units: (sum lambda)^2 / sum lambda^2 over the eigenvalues of the
 * covariance of units over images, computed as (trace C)^2 / trace(C C). Between 1 (all units do
 * the same) and min(units, n - 1) (Gao et al., "A theory of multineuronal dimensionality, dynamics
 * and measurement", bioRxiv 2017). *out is NaN when nothing varies, n < 2 or a value is not
 * finite. O(n units min(n, units)). _f64: the same of doubles. */
LP_API lp_status lp_participation_ratio(const float *activations, uint32_t n, uint32_t units,
                                        double *out);
LP_API lp_status lp_participation_ratio_f64(const double *activations, uint32_t n, uint32_t units,
                                            double *out);

/* Pearson correlation over images of two units that are 4-neighbours on the sheet (wrap: on a
 * torus), averaged over all such pairs in which both units vary. NaN when there is none, or a value
 * is not finite. lp_mean_correlation: over all pairs of units that vary, which is what the former
 * is on average over all ways to place the units. */
LP_API lp_status lp_neighbour_correlation(const float *activations, uint32_t n, uint32_t rows,
                                          uint32_t cols, bool wrap, double *out);
LP_API lp_status lp_mean_correlation(const float *activations, uint32_t n, uint32_t units,
                                     double *out);

/* Is the mean V of these maps what the same activations would give on a shuffled sheet? The units
 * change places at random, together in all maps. z = (observed - mean) / sd over the shuffled
 * sheets; p = (1 + how many lie as far from mean as observed) / (1 + permutations), two-sided
 * (Phipson & Smyth, Stat Appl Genet Mol Biol 2010). NaN when V is undefined for all maps; z is NaN
 * and p 1 when shuffling changes nothing. */
typedef struct lp_null_result {
  double observed, mean, sd, z, p;
  uint32_t n; /* maps with a defined V */
  uint32_t permutations;
} lp_null_result;
LP_API lp_status lp_spatial_variance_null(const float *maps, uint32_t n, uint32_t rows,
                                          uint32_t cols, uint32_t permutations, uint64_t seed,
                                          lp_null_result *out);

/* The same without shuffling: mean and sd of the mean V over all units! ways to place the units,
 * exactly (Mantel, Cancer Research 1967). The mean is V of a uniform map whatever the activations
 * are, so that z shows a network's luck; z of independent networks add up to sum z / sqrt n. p is
 * two-sided, of z as a normal deviate. wrap: V, and distances, on a torus. permutations is 0. sd is
 * NaN below 4 units, z and p where sd is 0. O(n units min(n, units)). */
LP_API lp_status lp_spatial_variance_exact_null(const float *maps, uint32_t n, uint32_t rows,
                                                uint32_t cols, bool wrap, lp_null_result *out);

/* Both of units at any places; maps: n x p->n. O((n + permutations) units^2), memory 16 units^2
 * bytes. */
LP_API lp_status lp_places_variance_nulls(const float *maps, uint32_t n, const lp_places *p,
                                          uint32_t permutations, uint64_t seed,
                                          lp_null_result *exact, lp_null_result *shuffled);

/* ---- distributions ------------------------------------------------------------------------- */

/* Regularised incomplete beta function I_x(a, b) by its continued fraction (NIST Digital Library
 * of Mathematical Functions, 8.17.22). NaN unless a > 0, b > 0 and 0 <= x <= 1. */
LP_API double lp_incomplete_beta(double a, double b, double x);

/* P(|T| >= |t|) of Student's t with df degrees of freedom, fractional ones too: I_x(df/2, 1/2) at
 * x = df / (df + t^2) (DLMF 8.17(i); Student, Biometrika 1908). Right to 1e-10 of its value down to
 * 1e-300, for df up to 1e6. df = INFINITY is the normal distribution. NaN when df <= 0 or an
 * argument is NaN. */
LP_API double lp_student_t_p(double t, double df);

/* P(F >= f) of Fisher's F with df1 and df2 degrees of freedom (DLMF 8.17(i)), and P(X >= x) of
 * chi-square with df (DLMF 8.2.4, 8.9.2, 8.11.4). NaN where a df is not positive and finite. */
LP_API double lp_f_p(double f, double df1, double df2);
LP_API double lp_chi_square_p(double x, double df);

/* The t >= 0 with P(|T| >= t) = alpha. NaN unless 0 < alpha <= 1 and df > 0; df may be INFINITY. */
LP_API double lp_student_t_critical(double alpha, double df);

/* P(T <= t) of T = (Z + delta) / S, the noncentral t distribution with df degrees of freedom
 * (Johnson, Kotz & Balakrishnan, "Continuous Univariate Distributions" 2, 1995, ch. 31), to 1e-10.
 */
LP_API double lp_noncentral_t_below(double t, double df, double delta);

/* Two-sided t tests at level alpha of a statistic whose noncentrality is delta (the true difference
 * over its standard error): power, and the delta that is found with that power. d_z, the mean of
 * paired differences over their sd, is delta / sqrt n. lp_pairs_needed: the least number of pairs
 * at which a true dz is found with that power; NaN for dz = 0 and above a million. */
typedef struct lp_interval {
  double level, low, high;
  uint32_t resamples; /* of a bootstrap */
} lp_interval;
LP_API double lp_t_power(double delta, double df, double alpha);
LP_API double lp_t_detectable(double power, double df, double alpha);
LP_API double lp_pairs_needed(double dz, double power, double alpha);
/* The noncentralities at which P(T >= t) and P(T <= t) are alpha / 2: an interval of level 1 -
 * alpha for delta, which excludes 0 exactly where the test at level alpha finds a difference
 * (Cumming & Finch, Educ Psychol Meas 2001). */
LP_API lp_interval lp_noncentrality_interval(double t, double df, double alpha);

/* ---- samples and tests --------------------------------------------------------------------- */

/* Mean and standard deviation (N - 1) of the values that are finite. mean is NaN for n = 0, sd for
 * n < 2. */
typedef struct lp_moments {
  uint32_t n;
  double mean, sd;
} lp_moments;
LP_API lp_moments lp_moments_of(const double *x, size_t n);

/* Result of a two-sided test. All but n are NaN when the test is undefined: too few values, or no
 * spread (a spread of mere rounding counts as none). */
typedef struct lp_test {
  double statistic; /* t, or the smaller rank sum */
  double df;        /* NaN for Wilcoxon */
  double p;
  double mean_difference; /* of a over b; also set when only the test is undefined */
  double error;           /* standard error of mean_difference; NaN for Wilcoxon */
  uint32_t n;             /* values used: pairs; of both samples together for Welch */
} lp_test;

/* Paired t test of a[i] - b[i] (Student, Biometrika 1908). Pairs with a value that is not finite
 * are left out. Needs two pairs. */
LP_API lp_test lp_ttest_paired(const double *a, const double *b, size_t n);

/* Welch's t test with Satterthwaite's degrees of freedom (Welch, Biometrika 1947). Values that are
 * not finite are left out. Needs two in each sample. */
LP_API lp_test lp_ttest_welch(const double *a, size_t n_a, const double *b, size_t n_b);

/* Wilcoxon signed rank test (Wilcoxon, Biometrics Bulletin 1945). Zero differences and pairs with
 * a value that is not finite are left out; equal differences share their mean rank. p is exact
 * (the distribution over all 2^n signs, ties included) up to LP_WILCOXON_EXACT pairs, above that
 * the normal approximation with corrections for ties and continuity. */
#define LP_WILCOXON_EXACT 1000
LP_API lp_status lp_wilcoxon(const double *a, const double *b, size_t n, lp_test *out);

/* Hedges' g of a over b: difference of the means over the pooled sd, times the exact correction
 * Gamma(m/2) / (sqrt(m/2) Gamma((m-1)/2)), m = n_a + n_b - 2 (Hedges, J Educ Stat 1981). NaN when
 * m < 2, a sample is empty, or there is no spread. */
LP_API double lp_hedges_g(const double *a, size_t n_a, const double *b, size_t n_b);

/* Exact two-sided p of the paired differences a[i] - b[i] under random signs (Fisher, "The Design
 * of Experiments", 1935): the share of the 2^n sign patterns whose mean is as far from 0. The least
 * p is 2^(1 - n). Pairs with a value that is not finite are left out. NaN for no pair, and for
 * more than LP_SIGN_FLIP_EXACT. */
#define LP_SIGN_FLIP_EXACT 40
LP_API lp_status lp_sign_flip_p(const double *a, const double *b, size_t n, double *out);

/* Exact two-sided p of mean(a) - mean(b) under exchanges between the samples (Pitman, J R Stat Soc
 * Suppl 1937). Values that are not finite are left out. NaN when a sample is empty, or there are
 * more than LP_PERMUTATION_EXACT ways. */
#define LP_PERMUTATION_EXACT 3000000
LP_API lp_status lp_permutation_p(const double *a, size_t n_a, const double *b, size_t n_b,
                                  double *out);

/* Fisher's exact two-sided p (J R Stat Soc 1922) that a of n_a and b of n_b have one rate: the sum
 * over tables with these margins that are no likelier. NaN for a > n_a, b > n_b or an empty group.
 */
LP_API double lp_fisher_p(uint32_t a, uint32_t n_a, uint32_t b, uint32_t n_b);

/* n p-values adjusted for being n: Holm's step-down (Scand J Stat 1979) for the error rate of the
 * family, Benjamini & Hochberg's step-up (J R Stat Soc B 1995) for the false discovery rate. NaN
 * stays NaN and is not counted. out may be p. */
LP_API lp_status lp_adjust_holm(const double *p, size_t n, double *out);
LP_API lp_status lp_adjust_bh(const double *p, size_t n, double *out);

/* One-way analysis of variance: x[i] of group[i] in 0..groups - 1. statistic is F, df that between
 * groups; within is n minus the groups that have values. Values that are not finite are left out.
 * Kruskal & Wallis (J Am Stat Assoc 1952): statistic is H, corrected for ties, p by chi-square. */
LP_API lp_test lp_anova(const double *x, const uint32_t *group, size_t n, uint32_t groups);
LP_API lp_status lp_kruskal_wallis(const double *x, const uint32_t *group, size_t n,
                                   uint32_t groups, lp_test *out);

/* Many arms that share seeds: a two-way layout without interaction, seeds being blocks. x: arms x
 * seeds; a seed counts where every arm has a finite value. f and p: are the arms alike? error: of
 * the difference of two arms' means, from the residuals, with df_error degrees of freedom. NaN for
 * fewer than 2 blocks or arms, and without spread. */
typedef struct lp_blocks {
  uint32_t arms, n; /* n: blocks */
  double f, df, df_error, p, error;
} lp_blocks;
LP_API lp_blocks lp_blocks_of(const double *x, uint32_t arms, size_t seeds);
/* Mean of arm - other over these blocks. */
LP_API double lp_blocks_difference(const double *x, uint32_t arms, size_t seeds, uint32_t arm,
                                   uint32_t other);

/* Two-sided p of |t| of one of k arms compared with the same reference, adjusted for all k
 * (Dunnett, J Am Stat Assoc 1955; arms of equal size: correlation 1/2), by numerical integration,
 * and the |t| with p = alpha. df may be infinite. k = 1: Student's t. */
LP_API double lp_dunnett_p(double t, uint32_t k, double df);
LP_API double lp_dunnett_critical(double alpha, uint32_t k, double df);

/* Studentised bootstrap interval of mean(a) - mean(b) (Efron & Tibshirani, "An Introduction to the
 * Bootstrap", 1993, ch. 12): difference - q se, q the quantiles of (difference* - difference) / se*
 * over the resamples. paired (n_a == n_b, a[i] and b[i] of one seed) redraws pairs, otherwise each
 * sample is redrawn by itself. Fixed by `seed`. Values must be finite. low and high are NaN below
 * LP_BOOTSTRAP_LEAST values in a sample, where its coverage is not what it says, and without
 * spread.
 */
#define LP_BOOTSTRAP_LEAST 20
LP_API lp_status lp_bootstrap_t(const double *a, size_t n_a, const double *b, size_t n_b,
                                bool paired, double alpha, uint32_t resamples, uint64_t seed,
                                lp_interval *out);

/* The paired t test over images repeated without each class in turn: out[c] uses the images whose
 * label is not c. labels: n, in 0..classes - 1 (LP_ERR_ARG otherwise); out: classes. */
LP_API lp_status lp_leave_one_class_out(const double *a, const double *b, const int32_t *labels,
                                        uint32_t n, uint32_t classes, lp_test *out);

/* ---- two arms over networks ---------------------------------------------------------------- */

typedef enum lp_verdict {
  LP_VERDICT_UNTESTABLE = 0,  /* too few networks, or no spread */
  LP_VERDICT_DIFFERENT = 1,   /* the interval excludes 0, and only then */
  LP_VERDICT_EQUIVALENT = 2,  /* it does not, and both one-sided tests against the margin reject */
  LP_VERDICT_INCONCLUSIVE = 3 /* neither */
} lp_verdict;
LP_API const char *lp_verdict_name(lp_verdict v); /* "untestable", "different", ... */

/* Everything that is said of one comparison comes from here. All that is undefined is NaN. */
#define LP_POWER           0.8
#define LP_SIGN_FLIP_LEAST 6 /* pairs: below them no p reaches .05 */
typedef struct lp_inference {
  bool paired;     /* else Welch's test: no seed has a value in both */
  uint32_t n, n_b; /* networks in the test: pairs (both alike), or values of a and of b */
  lp_test test;
  double alpha;
  double low, high;     /* mean difference -+ t(1 - alpha/2, df) standard errors */
  double equivalence_p; /* Schuirmann's two one-sided tests (J Pharmacokinet Biopharm 1987) */
  double detectable;    /* the least true difference found with LP_POWER at this n and spread */
  double n_needed;      /* networks an arm at which this difference would be found with LP_POWER */
  double dz, dz_low, dz_high; /* mean over sd of the pairs, with its 1 - alpha interval; paired */
  double exact_p;             /* sign flips from LP_SIGN_FLIP_LEAST pairs; unpaired: exchanges */
  lp_verdict verdict;
  const char *reason; /* one clause; static text */
} lp_inference;

/* a[i] and b[i] are of the i-th seed, NaN where there is no network; n seeds. The paired analysis
 * wherever an i has both (networks of one seed share weights and batches), else Welch's. Two
 * networks give no interval. alpha: two-sided, 0 < alpha < .5. margin: half the width of what
 * counts as equal, in the unit of a; 0 or NaN: none. */
LP_API lp_status lp_infer(const double *a, const double *b, size_t n, double alpha, double margin,
                          lp_inference *out);

/* ---- run folders --------------------------------------------------------------------------- */

struct json_t; /* jansson's, for those who include it */

/* Name of the i-th measure that can be primary ("variance", "accuracy", ...); NULL past the last.
 */
LP_API const char *lp_primary_measure(uint32_t i);

/* Reads manifest.json, metrics.jsonl and activations/ of a run folder and writes summary.json
 * (core/DESIGN.md has its fields). The folder may hold an unfinished run: what is there is
 * analysed, and what is not is reported as missing. A malformed file is an error that names file
 * and line. Loads the registry, to rebuild the priors of the arms. */
LP_API lp_status lp_analyze_run(const char *dir);

/* A file of lines "class,superclass", one for each of n classes, as an object of their names; to be
 * released. LP_ERR_FORMAT, with the line, for a class that is not there, twice, or missing. */
struct json_t;
LP_API lp_status lp_superclasses_read(const char *path, const char *const *classes, uint32_t n,
                                      struct json_t **out);

/* "NAME=ARM:ARM", a comparison of two arms by a name. */
typedef struct lp_contrast {
  char *name, *arm, *other;
} lp_contrast;
LP_API lp_status lp_contrast_parse(const char *item, lp_contrast *out);
LP_API void lp_contrast_free(lp_contrast *c);

/* Where an arm's units stand at a site: where its prior's topology has them, at points of their
 * own, or on the flat sheet. To be freed. */
struct lp_run_arm;
struct lp_run_site;
LP_API lp_status lp_run_places(const struct lp_run_arm *arm, const struct lp_run_site *site,
                               uint64_t seed, lp_places **out);

/* Is that what lp_analysis_options.measures can be? */
LP_API lp_status lp_measures_check(const char *measures);

/* What of an analysis can be asked for; NULL or "": as the folder's manifest says. */
typedef struct lp_analysis_options {
  /* Another arm than the folder's reference, which the plan did not foresee; summary.json says so.
   * LP_ERR_ARG, with the nearest name, where there is no such arm. */
  const char *reference;
  /* "usual": every measure that need not be asked for, but those that take long where there are
   * many units or classes (LP_MEASURE_BOUNDED); "all": those too; "none": the standard ones, which
   * are in every analysis; else specs between commas ("moran,(patches:threshold=3,least=5)") beside
   * the standard ones. */
  const char *measures;
  /* "NAME=ARM:ARM" between commas, beside those that the manifest has; these the plan did not
   * foresee, so all their tests are exploratory. */
  const char *contrasts;
  /* A file of superclasses, for measures of nestedness from fine to coarse. */
  const char *superclasses;
} lp_analysis_options;
LP_API lp_status lp_analyze_run_with(const char *dir, const lp_analysis_options *options);

/* n analysed folders side by side: every arm of all of them, called FOLDER/ARM, against one
 * (reference, as FOLDER/ARM; NULL: that of the first folder), over all measures that both have,
 * accuracy and loss. Networks are paired by seed within a folder, and across folders of one program
 * version with the same training images, model and batch size, for which a seed means the same;
 * otherwise the test is Welch's. V is a fraction of its sheet's uniform value where sheets differ.
 * No test was planned: q is the false discovery rate over all (Benjamini & Hochberg 1995). *out, to
 * be released: {runs: [{name, dir, title, arms, seeds, paired, why}], reference, alpha, primary (of
 * its folder's plan), warnings, comparisons: [{arm, reference, site, measure, fraction, analysis,
 * n, reference_n, mean, sd, reference_mean, reference_sd, difference: {mean, low, high, t, df}, p,
 * q, verdict, reason}]}. */
LP_API lp_status lp_compare_runs(const char *const *dir, uint32_t n, const char *reference,
                                 struct json_t **out);

#ifdef __cplusplus
}
#endif
#endif
