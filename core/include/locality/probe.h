/* probe.h: what is done to the trained networks of a run folder after their training: gratings are
 * shown to them, units are silenced or driven, weights and pixels get noise.
 *
 * Results are tables and files of the folder, which lp_analyze_run and the report read. Threads:
 * one call at a time for a folder.
 */
#ifndef LOCALITY_PROBE_H
#define LOCALITY_PROBE_H

#include <locality/status.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called after every network; false stops. */
typedef bool (*lp_probe_fn)(void *user, const char *arm, uint64_t seed, uint32_t done,
                            uint32_t all);

/* Shows gratings (lp_gratings in data.h) at the input size of every complete network whose model
 * the folder has, and keeps the responses of each site, averaged over phases, in
 * activations/ARM-seedN-gratings.safetensors: SITE (F32, orientations x frequencies rows, units),
 * "labels" (I32: the orientation, k of K being k 180/K degrees). backend: a device, NULL for auto.
 * progress may be NULL. LP_ERR_NOT_FOUND where no network could be shown any. */
typedef struct lp_orientation_spec {
  uint32_t orientations, frequencies, phases; /* 0: 8, 8, 5 (Margalit et al., Neuron 2024) */
  const char *backend;
} lp_orientation_spec;
LP_API lp_status lp_probe_orientation(const char *dir, const lp_orientation_spec *spec,
                                      lp_probe_fn progress, void *user);

/* What is done to every complete network whose model the folder has, on test images; targets are
 * all classes, of more than 20 up to 20 evenly chosen ones.
 *
 * Lesions, for each target and each share p of n units: those nearest to the target's most
 * selective unit ("nearest"), those with the largest t for it ("selective"), and as many at random
 * ("random") are set to 0, or to their means over the images.
 *
 * Stimulation: strength x (mean sd of the site's units) x exp(-d^2 / 2 width^2) is added about the
 * target's most selective unit.
 *
 * Noise: Gaussian, with `noise` standard deviations of each weight tensor ("weights"), and with
 * that share of the range of pixels ("pixels"); seeded, one draw each.
 *
 * interventions.csv has a row for each class of images, and one without a class for all: accuracy
 * before and after, the share decided for the target before and after, the share of changed
 * decisions, all in per cent; and for all images the mean change of the next site's activations
 * over their mean size. Places of units are those of the analysis. */
enum { LP_INTERVENE_TARGETS = 20 };
typedef struct lp_intervene_spec {
  const char *site;    /* NULL: the folder's headline */
  const double *share; /* of the units, 0..1; NULL: 0.1 */
  uint32_t n_shares;
  bool mean;              /* lesions set to means, not to 0 */
  double strength, width; /* of stimulation; 0: 3 standard deviations, 1 unit spacing */
  const double *noise;    /* standard deviations; NULL: 0.25, 0.5, 0.75, 1 */
  uint32_t n_noise;
  uint32_t images;            /* 0: 1000 */
  uint64_t seed;              /* 0: 1 */
  const char *backend, *data; /* NULL: auto; the data that the models were trained on */
} lp_intervene_spec;
LP_API lp_status lp_probe_intervene(const char *dir, const lp_intervene_spec *spec,
                                    lp_probe_fn progress, void *user);

#ifdef __cplusplus
}
#endif
#endif
