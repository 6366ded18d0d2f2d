/* measure.h: what the field measures of topographic networks: selectivity, order in space,
 * orientation, wiring.
 *
 * Pure functions of arrays in double precision. Units stand at places, of any shape; activations of
 * many images are read in blocks of rows, so they may be far larger than memory.
 *
 * NaN rules: an undefined result is NaN. A unit with a value that is not finite has NaN in maps and
 * is left out of pairs and of matrices; a map with such a value has NaN where a function says no
 * other.
 *
 * Threads: every function may be called from any thread, keeps nothing, and uses OpenMP's threads
 * inside; the bits of a result do not depend on their number. Costs are in N units, n images, C
 * classes.
 *
 * Random numbers (re-placed units, permutations, partitions) are Philox draws of `seed`.
 */
#ifndef LOCALITY_MEASURE_H
#define LOCALITY_MEASURE_H

#include <locality/plugin.h>
#include <locality/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- places -------------------------------------------------------------------------------- */

/* Where the units of a layer stand. A sheet is a lattice, row-major, one unit apart; anything else
 * (hexagons, a sphere in three coordinates) is points. */
typedef struct lp_places {
  uint32_t n, ndim;    /* units; coordinates of a place, 1..3 */
  const double *at;    /* n x ndim */
  double period[3];    /* of an axis that wraps around; 0: it does not */
  uint32_t extent[3];  /* of a lattice; 0: points */
  const double *apart; /* n x n distances, where they do not follow from coordinates; else NULL */
  double radius;       /* of a sphere, along which distance is; `at` are directions. Else 0 */
} lp_places;

/* A sheet of rows x cols units (1 x N: a line), on a torus when wrap is set. */
LP_API lp_status lp_places_sheet(uint32_t rows, uint32_t cols, bool wrap, lp_places **out);
/* n points, copied. period: ndim numbers, 0 for an axis that does not wrap; NULL: none does.
 * LP_ERR_ARG for coordinates that are not finite, or two units at one place. */
LP_API lp_status lp_places_points(const double *at, uint32_t n, uint32_t ndim, const double *period,
                                  lp_places **out);
/* Points, copied, whose distances are given: n x n, symmetric, copied (great circles on a sphere,
 * say). LP_ERR_ARG for coordinates or distances that are not finite, or two units at one place. */
LP_API lp_status lp_places_apart(const double *at, uint32_t n, uint32_t ndim, const double *apart,
                                 lp_places **out);
/* Points of a sphere of that radius, three coordinates each: directions of length 1, copied.
 * LP_ERR_ARG for others, and as lp_places_points. */
LP_API lp_status lp_places_sphere(const double *at, uint32_t n, double radius, lp_places **out);
/* n units where a topology ("grid", "points:file=xy.csv") has them, between which distance is
 * Euclidean where the topology's metric is l2: on a lattice of one or two axes, all wrapped or
 * none, a sheet; else points, in unit spacings where coordinates give the distances, or of a
 * sphere, or with all distances given, n x n. extent: what the user asked for, NULL or 0: open.
 * seed: of the network. Needs the registry loaded. Fails as the topology does, and as
 * lp_places_points. Pairs are looked at off a sheet: all up to 2048 units, a sample of more. */
LP_API lp_status lp_places_topology(const char *topology, uint32_t n,
                                    const uint32_t extent[LP_MAX_AXES], uint64_t seed,
                                    lp_places **out);
LP_API void lp_places_free(lp_places *p);
/* As given, else Euclidean, along the shorter way round where an axis wraps. */
LP_API double lp_places_distance(const lp_places *p, uint32_t i, uint32_t j);
/* The largest distance of two units. O(1) on a sheet, else O(N^2). */
LP_API double lp_places_largest(const lp_places *p);

/* Units that touch: within 1.25 (rook: an edge; 4 on a sheet, 6 among hexagons) or 1.5 (queen: an
 * edge or a corner; 8 on a sheet) times the median distance of a unit to its nearest one. O(N) on a
 * sheet, else O(N^2). */
typedef enum lp_contiguity { LP_ROOK = 0, LP_QUEEN = 1 } lp_contiguity;
typedef struct lp_neighbours {
  uint32_t n;
  const uint32_t *first; /* n + 1: unit i has other[first[i]] .. other[first[i + 1] - 1] */
  const uint32_t *other; /* ascending for each unit */
} lp_neighbours;
LP_API lp_status lp_neighbours_of(const lp_places *p, lp_contiguity contiguity,
                                  lp_neighbours **out);
LP_API void lp_neighbours_free(lp_neighbours *w);

/* ---- activations --------------------------------------------------------------------------- */

/* Activations of n images x `units` units, read in blocks of rows. read writes rows first ..
 * first + count - 1 as count x units doubles; one thread calls it at a time. */
typedef struct lp_responses {
  uint32_t n, units;
  lp_status (*read)(const struct lp_responses *x, uint32_t first, uint32_t count, double *out);
  const void *data; /* of read */
} lp_responses;
/* Of arrays in memory, row-major, which must outlive the result. */
LP_API lp_responses lp_responses_f32(const float *x, uint32_t n, uint32_t units);
LP_API lp_responses lp_responses_f64(const double *x, uint32_t n, uint32_t units);

/* ---- selectivity --------------------------------------------------------------------------- */

/* Of each class and unit: classes x units. labels: n, in 0..classes - 1 (LP_ERR_ARG otherwise). A
 * class is compared with all other images; m and v are mean and variance, 1 of the class and 0 of
 * the rest.
 *   t       (m1 - m0) / sqrt(v1/n1 + v0/n0), v with 1/n; 0 where the denominator is 0
 *           (Margalit et al., Neuron 2024)
 *   dprime  (m1 - m0) / sqrt((v1 + v0) / 2), v with 1/n; 0 where the denominator is 0 (there)
 *   p       Welch's test, one-sided: the class is greater; 1 for a unit that never varies
 *           (Welch, Biometrika 1947; as in Topo-Omni 2026)
 *   q       p adjusted over the units of a class (Benjamini & Hochberg, J R Stat Soc B 1995)
 *   mean    m1
 * Each may be NULL. NaN: a class without images or with all of them, all five; p and q also where
 * the class or the rest has one image. O(n N + C N), in one pass. */
typedef struct lp_selectivity {
  double *t, *dprime, *p, *q, *mean;
} lp_selectivity;
LP_API lp_status lp_selectivity_of(const lp_responses *x, const int32_t *labels, uint32_t classes,
                                   const lp_selectivity *out);

/* ---- one map ------------------------------------------------------------------------------- */

/* Read-out smoothing: weights exp(-d^2 / 2 s^2) with s = fwhm / sqrt(8 ln 2), cut at 3 s, sum 1
 * for each unit (Rathi et al., ICLR 2025: fwhm of 2 unit spacings). out: N, not the map itself.
 * NaN spreads as far as the weights reach. O(N) on a sheet, else O(N^2). */
LP_API lp_status lp_smooth(const double *map, const lp_places *p, double fwhm, double *out);

/* Patches: connected units above a threshold, those of fewer than `least` units dropped (after
 * Margalit 2024: t > 2, 3 units). patch: N, the number of each unit's patch by its first unit, -1
 * outside; NULL: not wanted. NaN is not above. O(N). */
typedef struct lp_patches {
  uint32_t count, units; /* patches; units in them */
  uint32_t largest;      /* units of the largest; 0 without one */
} lp_patches;
LP_API lp_status lp_patches_of(const double *map, const lp_neighbours *w, double threshold,
                               uint32_t least, int32_t *patch, lp_patches *out);
/* Mean place of the units of a patch, ndim numbers; of a wrapped axis the direction of the sum of
 * unit vectors, NaN where that vanishes. O(N). */
LP_API void lp_patch_centroid(const int32_t *patch, int32_t which, const lp_places *p,
                              double centroid[3]);

/* Grown cluster: from the largest value, the best neighbour of the cluster is added while it is
 * above the threshold (Rathi 2025). in: N, or NULL. Returns its units, 0 where no value is above.
 */
LP_API lp_status lp_grown_cluster(const double *map, const lp_neighbours *w, double threshold,
                                  bool *in, uint32_t *units);

/* Islands: components (`w`: 8 neighbours) of q < .05 and t > 0 with at least 8 units; Moran's I of
 * t in each, over the neighbours inside it, row-standardised; their mean and their mean weighted by
 * size (Topo-Omni 2026). Means are of the islands with a defined I. O(N). */
typedef struct lp_islands {
  uint32_t count, units;
  double mean, weighted;
} lp_islands;
LP_API lp_status lp_islands_of(const double *t, const double *q, const lp_neighbours *w,
                               lp_islands *out);

/* Cluster radius of each unit: the least Chebyshev distance (on wrapped axes the shorter way)
 * within which units of every preferred class stand (Lu et al., Nat Hum Behav 2025, on a torus).
 * preferred: N, in 0..classes - 1; classes that no unit prefers do not count. out: N; NaN where the
 * window 2 r + 1 is wider than the shortest side. O(N^2). */
LP_API lp_status lp_cluster_radius(const int32_t *preferred, uint32_t classes, const lp_places *p,
                                   double *out);

/* Moran's I (Moran, Biometrika 1950) of a map: (N / sum w) sum w_ij z_i z_j / sum z^2, binary
 * weights or, row-standardised, rows that sum to 1. p: the share of `permutations` re-placements
 * with an I as large, or as small where that is the nearer end, both counts plus 1 (Rey & Anselin,
 * Rev Reg Stud 2007: esda's default is queen, row-standardised, 999). expected is -1 / (N - 1). i
 * is NaN for a map that is constant or not finite; p also for 0 permutations. O(N permutations). */
typedef struct lp_moran {
  double i, expected, p;
} lp_moran;
LP_API lp_status lp_moran_of(const double *map, const lp_neighbours *w, bool row_standardised,
                             uint32_t permutations, uint64_t seed, lp_moran *out);

/* Preference over distance: the mean of |t_i - t_j| over all pairs in 8 equal bins from 0 to the
 * largest distance, and S = (max - first) / max (Margalit 2024). A bin without pairs is NaN and
 * left out: on a small sheet no two units are as near as the first one. S is NaN for a constant map
 * (the published code has 1). O(N^2). */
enum { LP_BINS = 8 };
typedef struct lp_preference {
  double edge[LP_BINS + 1], mean[LP_BINS], s;
} lp_preference;
LP_API lp_status lp_preference_over_distance(const double *t, const lp_places *p,
                                             lp_preference *out);

/* Spectrum of a map on a sheet of rows x cols: |FFT|^2 of the map less its mean, averaged over
 * frequencies whose radius, in cycles a sheet, rounds to 1 .. floor(min(rows, cols) / 2); the slope
 * of its line in log-log axes (Lu 2025). radial: min(rows, cols) / 2 numbers, may be NULL. slope is
 * NaN below two radii or where a mean is 0. O(N (rows + cols)). */
LP_API lp_status lp_spectrum(const double *map, uint32_t rows, uint32_t cols, double *radial,
                             double *slope);

/* ---- several maps -------------------------------------------------------------------------- */

/* Intersection over union of the units at or above the (1 - share) quantile (NumPy's) of each map:
 * equal values are in together. NaN for a map that is not finite. O(N log N). */
LP_API lp_status lp_iou(const double *a, const double *b, uint32_t n, double share, double *out);

/* Co-localisation of two maps: the sheet is cut into windows of side x side units (what is left at
 * the ends is not used); (1 + Spearman's correlation over windows of the shares of units above the
 * threshold) / 2 (Margalit 2024: 7 x 7). NaN below 3 windows or where a share is the same
 * everywhere. O(N). */
LP_API lp_status lp_colocalisation(const double *a, const double *b, uint32_t rows, uint32_t cols,
                                   uint32_t side, double threshold, double *out);

/* Nestedness of a C x N matrix of t > threshold: NODF, 0 to 100 (Almeida-Neto et al., Oikos 2008):
 * over pairs of rows, and of columns, the share of the ones of the one with fewer that the other
 * has too, 0 where both have as many. Beside `replacements` matrices whose rows have the same
 * numbers of ones, at random units: their mean, sd and p (as many, or more; both counts plus 1).
 * rows, columns: NODF of either alone. NaN for fewer than two rows and columns; mean and p for 0
 * replacements. O((C^2 N + C N^2) / 64 replacements). */
typedef struct lp_nestedness {
  double nodf, rows, columns, mean, sd, p;
} lp_nestedness;
LP_API lp_status lp_nodf(const double *t, uint32_t classes, uint32_t n, double threshold,
                         uint32_t replacements, uint64_t seed, lp_nestedness *out);

/* The order in which NODF's matrix is drawn: rows and columns by decreasing number of t >
 * threshold, equal ones by index. rows: classes, columns: n. O(C N). */
LP_API lp_status lp_nested_order(const double *t, uint32_t classes, uint32_t n, double threshold,
                                 uint32_t *rows, uint32_t *columns);

/* Clusters by average linkage (Sokal & Michener, Univ Kansas Sci Bull 1958), cut where `groups` are
 * left; of equal distances the first pair joins. dissimilarity: n x n, symmetric; NaN joins last.
 * group: n numbers, by the groups' first members. LP_ERR_ARG unless 1 <= groups <= n. O(n^3). */
LP_API lp_status lp_average_linkage(const double *dissimilarity, uint32_t n, uint32_t groups,
                                    uint32_t *group);

/* Coarse to fine: superclass by superclass t is taken as class by class, over all images of its
 * classes. inside: the mean over classes of the share of their units (t > threshold) whose
 * superclass has t > threshold too; classes without a unit, or alone in their superclass, are left
 * out. Beside `replacements` draws of superclasses of the same sizes: mean, sd, p (as large, or
 * larger; both counts plus 1). group: of each class, below groups. each: classes, or NULL: the
 * share of each. O(n N + C N replacements). */
typedef struct lp_containment_options {
  double threshold;
  uint32_t replacements;
  uint64_t seed;
} lp_containment_options;
typedef struct lp_containment {
  double inside, mean, sd, p;
} lp_containment;
LP_API lp_status lp_containment_of(const lp_responses *x, const int32_t *labels, uint32_t classes,
                                   const uint32_t *group, uint32_t groups,
                                   const lp_containment_options *o, double *each,
                                   lp_containment *out);

/* ---- pairs of units ------------------------------------------------------------------------ */

/* Pearson correlations over images of pairs of units that vary: all pairs (i < j, ascending) up to
 * LP_ALL_PAIRS units, a million drawn with `seed` beyond. No pair below two images.
 * O(n N^2); memory 8 N^2 + 16 pairs + 2048 N bytes. */
enum { LP_ALL_PAIRS = 4096, LP_SAMPLED_PAIRS = 1000000 };
typedef struct lp_pairs {
  uint32_t units;
  size_t count;
  const uint32_t *i, *j; /* count */
  const double *r;
  const double *square; /* units: sum over images of squared deviations; 0: it does not vary */
} lp_pairs;
LP_API lp_status lp_pairs_correlate(const lp_responses *x, uint64_t seed, lp_pairs **out);
LP_API void lp_pairs_free(lp_pairs *p);

/* Correlation over distance: the mean r of pairs in 8 equal bins from 0 to the largest distance
 * (Lee et al., bioRxiv 2020; Margalit 2024), beside the same with the units re-placed at random
 * `replacements` times: mean, and the band that holds 95 % of them. NaN: a bin without pairs; null
 * and band for fewer than 39 replacements. O(pairs replacements). */
typedef struct lp_curve {
  double edge[LP_BINS + 1], mean[LP_BINS], null_mean[LP_BINS], low[LP_BINS], high[LP_BINS];
} lp_curve;
LP_API lp_status lp_correlation_over_distance(const lp_pairs *pairs, const lp_places *p,
                                              uint32_t replacements, uint64_t seed, lp_curve *out);

/* Pearson's correlation over pairs of r with 1 / (1 + d): the loss of TDANNs, read as a measure
 * (Margalit 2024). NaN without spread. O(pairs). */
LP_API lp_status lp_alignment(const lp_pairs *pairs, const lp_places *p, double *out);

/* Topographic generalisation index: the mean over D = .1, .2 .. .8 of -Spearman(r, d) over pairs
 * with 0 < d <= D, d in units of the longer side and, on a sheet, wrapped in any case (Binhuraib et
 * al. 2025). A D with fewer than two different distances is left out. Points: d as it is, in units
 * of the longest period, else of the longest side of their bounding box. O(pairs). */
LP_API lp_status lp_tgi(const lp_pairs *pairs, const lp_places *p, double *out);

/* ---- representations ----------------------------------------------------------------------- */

/* Linear CKA of two layers' activations of the same images, columns centred:
 * |B'A|^2 / (|A'A| |B'B|) (Kornblith et al., ICML 2019). NaN where one does not vary, or is not
 * finite. O(n N^2) or O(n^2 N), whichever is less. */
LP_API lp_status lp_cka(const lp_responses *a, const lp_responses *b, double *out);

/* Representational dissimilarity of classes: 1 - Pearson of their mean maps (classes x n), out:
 * classes x classes (Kriegeskorte et al., Front Syst Neurosci 2008). NaN for a map that is constant
 * or not finite. O(C^2 N). */
LP_API lp_status lp_rdm(const double *means, uint32_t classes, uint32_t n, double *out);
/* Spearman's correlation and Kendall's tau-b of the lower triangles of two such matrices; entries
 * that are NaN in either are left out. O(C^2 log C). */
LP_API lp_status lp_rsa(const double *a, const double *b, uint32_t classes, double *spearman,
                        double *tau_b);
/* The same of two samples. NaN without spread. */
LP_API lp_status lp_spearman(const double *a, const double *b, size_t n, double *out);
LP_API lp_status lp_kendall(const double *a, const double *b, size_t n, double *out);
/* NaN without spread (a spread of mere rounding counts as none). O(n), two passes. */
LP_API double lp_pearson(const double *a, const double *b, size_t n);

/* ---- orientation --------------------------------------------------------------------------- */

/* From n x k mean responses >= 0 to k orientations (radians): preferred angle in [0, pi),
 * arg(sum r e^{2 i theta}) / 2, and circular variance 1 - |sum r e^{2 i theta}| / sum r (Ringach et
 * al., J Neurosci 2002). NaN for a unit with a negative value or without a response; the angle also
 * where the sum vanishes. Either may be NULL. O(n k). */
LP_API void lp_orientation(const double *responses, const double *theta, uint32_t n, uint32_t k,
                           double *preferred, double *circular_variance);
/* Entropy (nats) of preferred angles in `bins` equal classes from 0 to pi, over the wrapped window
 * of side x side units about each unit; side is odd. NaN angles are left out; NaN where all are.
 * O(N side^2). (Lu 2025: 9 x 9, a class an orientation.) */
LP_API lp_status lp_local_entropy(const double *preferred, uint32_t rows, uint32_t cols,
                                  uint32_t side, uint32_t bins, double *out);
/* Winding number of the preferred angle around the 8 neighbours of each unit: +-1/2 at a pinwheel,
 * 0 elsewhere and on the border (wrap: there is none); NaN where a neighbour's angle is.
 * Neighbouring units may both enclose one pinwheel: `pinwheels` counts connected units of one sign
 * once. density = pinwheels / (area / spacing^2), spacing from the peak of the radial spectrum of
 * e^{2 i theta}: pi in the cortex of three species (Kaschube et al., Science 2010). O(N (rows +
 * cols)).
 */
typedef struct lp_pinwheels {
  uint32_t pinwheels, units; /* units with +-1/2 */
  double spacing, density;   /* unit spacings a column; NaN where there is no peak */
} lp_pinwheels;
LP_API lp_status lp_pinwheels_of(const double *preferred, uint32_t rows, uint32_t cols, bool wrap,
                                 double *winding, lp_pinwheels *out);

/* ---- wiring -------------------------------------------------------------------------------- */

/* Of n connections: weights V = P o W (of which |V| counts), the prior's factor P (NULL: 1) and
 * lengths d. sum |V| d, its mean sum |V| d / sum |V|, what the prior alone gives, sum P d / sum P,
 * and Pearson's correlation of d and |V| (Achterberg et al., Nat Mach Intell 2023). NaN: means
 * where the weights sum to 0. O(n). */
typedef struct lp_wiring_length {
  double sum, mean, prior_mean, weight_over_distance;
} lp_wiring_length;
LP_API void lp_wiring_length_of(const double *w, const double *p, const double *d, size_t n,
                                lp_wiring_length *out);

/* Mean length of the connections that survive when a share is kept by rank (Blauch et al., PNAS
 * 2022); of equal values the lower index survives. kept: n, or NULL. Keeps round(keep n). NaN where
 * none is kept. O(n log n). */
typedef enum lp_prune_rank {
  LP_PRUNE_PW = 0,       /* |P W| */
  LP_PRUNE_W = 1,        /* |W| */
  LP_PRUNE_W_OVER_D = 2, /* |W| / (1 + d) */
  LP_PRUNE_RANDOM = 3
} lp_prune_rank;
LP_API lp_status lp_pruned_length(const double *w, const double *p, const double *d, size_t n,
                                  lp_prune_rank rank, double keep, uint64_t seed, uint8_t *kept,
                                  double *mean);

/* Energy of one image: 1/3 sum |y_i| + 2/3 sum |v_ij| |x_j| (Ali et al., Patterns 2022; Lu 2025).
 * v: n_out x n_in, x: n_in, y: n_out. O(n_out n_in). */
LP_API double lp_energy(const double *v, const double *x, const double *y, uint32_t n_out,
                        uint32_t n_in);

/* Length between layers: units above the 99th percentile of each map are gathered into clusters,
 * the least k with a k-means inertia <= (units) D^2 in the first map, D = 1, and as many in the
 * second; centroids are matched by the least sum of distances (Hungarian method), which is the
 * result (Margalit 2024). k-means++ (Arthur & Vassilvitskii, SODA 2007), seeded, best of 10. Places
 * in one frame; wrapped axes are not wrapped here. Beside it the mean of `replacements` of the same
 * with the units of both re-placed. NaN for a map that is not finite. O(k^3 + k units) each. */
LP_API lp_status lp_length_between(const double *a, const lp_places *pa, const double *b,
                                   const lp_places *pb, uint32_t replacements, uint64_t seed,
                                   double *length, double *null_mean);

/* Undirected graph of the strongest `share` (round(share N (N - 1)) entries, .1 as a rule) of |v|
 * off the diagonal, i and j joined when either entry is among them; of equal values the lower index
 * is, and a value of 0 never. adjacency: n x n. O(N^2 log N). */
LP_API lp_status lp_strongest_graph(const double *v, uint32_t n, double share, uint8_t *adjacency);
/* Newman's Q of a partition (PNAS 2006). NaN without edges. O(N^2). */
LP_API double lp_modularity(const uint8_t *adjacency, uint32_t n, const uint32_t *partition);
/* The partition with the largest Q of `tries` (20) seeded runs of Louvain's method (Blondel et al.,
 * J Stat Mech 2008). partition: n, communities numbered by their first unit. */
LP_API lp_status lp_louvain(const uint8_t *adjacency, uint32_t n, uint32_t tries, uint64_t seed,
                            uint32_t *partition, double *q);
/* Clustering (mean over units of the share of pairs of neighbours that are joined, 0 below two
 * neighbours: Watts & Strogatz, Nature 1998), global efficiency (mean of 1 / path length, 0 where
 * there is no path: Latora & Marchiori, PRL 2001), mean path length of the pairs that a path joins,
 * and how many pairs none joins. sigma: (C / C0) / (L / L0) with the means of C and L over
 * `rewired` graphs of the same degrees (Humphries & Gurney, PLoS ONE 2008; Maslov & Sneppen,
 * Science 2002: 10 swaps tried an edge); NaN for 0 graphs or where C0 is 0. O(N edges rewired). */
typedef struct lp_graph_measures {
  double clustering, efficiency, path_length, sigma;
  uint64_t unjoined;
} lp_graph_measures;
LP_API lp_status lp_graph_measure(const uint8_t *adjacency, uint32_t n, uint32_t rewired,
                                  uint64_t seed, lp_graph_measures *out);

/* Communicability expm(S^-1/2 |W| S^-1/2), S the row sums, its diagonal set to 0 (Crofts & Higham,
 * J R Soc Interface 2009; Achterberg 2023). out: n x n. A row of zeros has no outgoing part. By
 * scaling and squaring with Pade's approximant of degree 13 (Higham, SIAM J Matrix Anal 2005).
 * NaN everywhere where a weight is not finite. O(n^3). */
LP_API lp_status lp_communicability(const double *w, uint32_t n, double *out);

/* ---- the table of measures ----------------------------------------------------------------- */

/* What is done about rows that cannot be had of an input, or only at great length.
 *   STRICT   one that was asked for is an error
 *   LENIENT  they are left out
 *   BOUNDED  so are rows whose cost grows with the cube of the units above LP_BOUND_UNITS, and
 * those of pairs of classes above LP_BOUND_CLASSES; no null is drawn for each of more classes */
typedef enum lp_measure_effort {
  LP_MEASURE_STRICT = 0,
  LP_MEASURE_LENIENT = 1,
  LP_MEASURE_BOUNDED = 2
} lp_measure_effort;
enum { LP_BOUND_UNITS = 256, LP_BOUND_CLASSES = 100 };

/* Rows are entries of kind LP_KIND_MEASURE in the registry: the library's own, then those of
 * plugins (lp_measure in plugin.h). What there is to measure: */
typedef struct lp_measure_input {
  const lp_places *places;
  const lp_responses *x; /* NULL: none */
  const int32_t *labels; /* of each image; NULL: none */
  uint32_t classes;      /* of labels */
  bool negative;         /* x has values below 0 */
  const double *w, *p;   /* weights of the units, n_out x n_in, and the prior's factor; NULL */
  const double *d; /* their lengths; NULL: those between the places, to and from which they go */
  uint32_t n_out, n_in;       /* n_out: the number of places; n_in too where d is NULL */
  const uint32_t *superclass; /* of each class; NULL: they are made by clustering */
  uint32_t superclasses;
  uint64_t seed;
  lp_measure_effort effort;
} lp_measure_input;

typedef struct lp_measurement {
  const lp_measure *measure;
  const char *spec; /* canonical: "patches:threshold=2,least=3,touch=rook" */
  int32_t of_class; /* of LP_TAKES_MAP; -1: the mean over classes, or of a measure of all */
  uint32_t asked;   /* which of the specs in `only`; of all rows, which of those that were taken */
  lp_measured result;
} lp_measurement;
typedef struct lp_measurements {
  lp_measurement *item;
  uint32_t n;
  char left_out[600]; /* rows that the input forbids: "variance: activations are negative, ..." */
} lp_measurements;

/* Runs rows in their order. only: specs between commas, in parentheses where they hold commas
 * ("moran,(patches:threshold=3,least=5)"); one that cannot be had of the input is LP_ERR_ARG with
 * the reason (STRICT). NULL or "": every row that can be had of the input and need not be asked
 * for. */
LP_API lp_status lp_measure_site(const lp_measure_input *in, const char *only,
                                 lp_measurements *out);
LP_API void lp_measurements_free(lp_measurements *m);

#ifdef __cplusplus
}
#endif
#endif
