/* The table of options. */
#include "../base/text.h"

#include <locality/settings.h>

#define EXPERIMENT LP_USE_EXPERIMENT
#define TRAIN      LP_USE_TRAIN
#define BOTH       (EXPERIMENT | TRAIN)
#define ARM        (BOTH | LP_USE_ARM | LP_USE_BITS)

/* Rows: name, default, range or choices where there are some, uses, meaning. */
#define TEXT(name, value, use, meaning)                                                            \
  { name, LP_OPTION_TEXT, value, 0, 0, NULL, meaning, use }
#define LIST(name, value, use, meaning)                                                            \
  { name, LP_OPTION_LIST, value, 0, 0, NULL, meaning, use }
#define BOOL(name, value, use, meaning)                                                            \
  { name, LP_OPTION_BOOL, value, 0, 0, NULL, meaning, use }
#define INT(name, value, min, max, use, meaning)                                                   \
  { name, LP_OPTION_INT, value, min, max, NULL, meaning, use }
#define REAL(name, value, min, max, use, meaning)                                                  \
  { name, LP_OPTION_REAL, value, min, max, NULL, meaning, use }
#define ENUM(name, value, choices, use, meaning)                                                   \
  { name, LP_OPTION_ENUM, value, 0, 0, choices, meaning, use }

/* Defaults are the published settings of the MNIST experiment (Sax 2017), with the optimiser that
 * reproduces its accuracy. Order of choices of decay_kind: auto, then lp_decay. */
static const lp_option table[] = {
    TEXT("title", "", EXPERIMENT, "title of the experiment in its report"),
    TEXT("model", "lenet", BOTH, "network to train"),
    TEXT("data", "mnist", BOTH, "data set: a known name, idx:DIR or imagefolder:DIR"),
    REAL("crop_area", "0.08", 0.01, 1, BOTH,
         "least part of an image file that a random crop shows, where the data do not say"),
    LIST("arms", "control,linear", EXPERIMENT,
         "what is compared: control, a wiring cost, or NAME=(LAYER SPEC)"),
    TEXT("reference", "", EXPERIMENT,
         "arm the others are compared with; default: the plain one, else the first"),
    TEXT("site", "", EXPERIMENT,
         "site whose measures of space are primary; default: behind the last layer with a prior"),
    TEXT("layer", "locality:cost=linear", TRAIN, "layer under study: a layer spec"),
    TEXT("sheet", "", BOTH,
         "rows x columns of the layer under study, as 7x7; default: the model's"),
    LIST(
        "set", "", BOTH,
        "changes to the network: KEY=VALUE, a knob, a layer or LAYER.PARAMETER (locality network)"),
    LIST("sweep", "", EXPERIMENT | LP_USE_GRID | LP_USE_GROW,
         "arms are crossed with a grid: KEY=VALUE,VALUE,...; KEY is what an arm may change"),
    LIST("match", "", EXPERIMENT | LP_USE_GRID,
         "finds what $match in an arm stands for: of=accuracy,within=POINTS,over=(VALUE,...), "
         "validation=IMAGES: the last value that costs no more"),
    INT("seeds", "1", 1, 10000, EXPERIMENT | LP_USE_GROW,
        "networks per arm, with seeds counting up"),
    INT("seed", "1", 0, 4294967295.0, BOTH | LP_USE_BITS, "the (first) seed"),
    INT("epochs", "10", 1, 100000, BOTH | LP_USE_BITS, "passes over the training data"),
    INT("batch", "64", 2, 65536, ARM, "images of one optimiser step"),
    INT("accumulate", "1", 1, 1024, ARM,
        "passes that a batch is cut into, to save memory; batch norm sees one pass"),
    ENUM("optimizer", "sgd", "sgd|rmsprop|adam|adamw", ARM, "update rule"),
    REAL("lr", "0.01", 0, 1e6, ARM, "learning rate"),
    REAL("momentum", "0.5", 0, 1, ARM, "momentum of sgd and rmsprop"),
    REAL("alpha", "0.99", 0, 1, ARM, "smoothing of squared gradients (rmsprop)"),
    REAL("beta1", "0.9", 0, 1, ARM, "smoothing of gradients (adam, adamw)"),
    REAL("beta2", "0.999", 0, 1, ARM, "smoothing of squared gradients (adam, adamw)"),
    REAL("eps", "1e-8", 0, 1, ARM, "added to the divisor (rmsprop, adam, adamw)"),
    REAL("decay", "0.01", 0, 1e6, ARM, "weight decay"),
    ENUM("decay_kind", "auto", "auto|l2|l1|decoupled", ARM,
         "what decays: w^2, |w|, or w itself apart from the gradient; auto: decoupled for adamw, "
         "else l2"),
    BOOL("decay_bias", "true", ARM, "decay biases too"),
    BOOL("decay_norm", "true", ARM, "decay batch norm's parameters too"),
    ENUM("schedule", "constant", "constant|step|cosine", ARM, "learning rate over epochs"),
    INT("step_epochs", "30", 1, 100000, ARM, "epochs between changes (step schedule)"),
    REAL("gamma", "0.1", 0, 1, ARM, "factor of a change (step schedule)"),
    LIST(
        "place", "", ARM,
        "units exchange places: LAYER or LAYER=(by=wiring|alignment, every=EPOCHS|last, rounds=10, "
        "topology=grid, metric=l2)"),
    REAL("dropout", "-1", -1, 0.99, BOTH, "drop probability of units; -1: the model's"),
    REAL("dropout2d", "-1", -1, 0.99, BOTH, "drop probability of channels; -1: the model's"),
    INT("images", "1000", 1, 1000000, EXPERIMENT,
        "test images whose activations are kept and analysed: the first, or, where these do not "
        "show every class in its share (sorted files), evenly chosen ones"),
    LIST(
        "film", "", EXPERIMENT,
        "epochs after which the first seed's activations are kept, for a film in the report: as in "
        "1,2,5, or all"),
    LIST("primary", "variance,accuracy", EXPERIMENT,
         "measures whose tests decide; every other one is exploratory"),
    LIST("measures", "usual", EXPERIMENT | LP_USE_PER_CALL,
         "what is measured at the sites: usual, all, none (the standard ones), or as in moran,tgi"),
    LIST("contrasts", "", EXPERIMENT,
         "arms that are compared beside those with the reference: NAME=ARM:ARM, as in "
         "order=linear:permuted"),
    TEXT("superclasses", "", EXPERIMENT,
         "file of lines class,superclass, for coarse_to_fine; without: clusters of the classes"),
    REAL("significance", "0.05", 1e-12, 0.49, EXPERIMENT,
         "error rate of all primary tests together"),
    LIST("margin", "", EXPERIMENT,
         "differences below which arms count as equal: MEASURE=X in its unit, or X for every "
         "primary one"),
    REAL("least_accuracy", "0", 0, 100, EXPERIMENT,
         "networks whose test accuracy is below it, in per cent, are set apart: counted, and left "
         "out of all measures"),
    TEXT("backend", "auto", BOTH, "where to compute: auto, cpu, cpu:threads=2, opencl:0, ..."),
    ENUM("precision", "f32", "f32|bf16", BOTH,
         "operands of products; sums, weights and everything else stay f32"),
    INT("jobs", "1", 1, 1024, EXPERIMENT | LP_USE_PER_CALL, "networks trained side by side"),
    REAL("checkpoint_seconds", "10", 0, 1e6, EXPERIMENT | LP_USE_PER_CALL,
         "seconds between checkpoints inside an epoch"),
    TEXT("published", "", LP_USE_BLOCK, "what was published for the settings of a file"),
};
enum { N_OPTIONS = sizeof table / sizeof *table };

const lp_option *lp_option_get(uint32_t i) {
  return i < N_OPTIONS ? &table[i] : NULL;
}

uint32_t lp_option_count(void) {
  return N_OPTIONS;
}

static bool same_name(const char *a, const char *b) {
  for (; *a && *b; a++, b++)
    if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_'))) return false;
  return *a == *b;
}

const lp_option *lp_option_find(const char *name, uint32_t use) {
  const char *names[N_OPTIONS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < N_OPTIONS; i++) {
    if (!(table[i].use & use)) continue;
    if (same_name(name, table[i].name)) return &table[i];
    names[n++] = table[i].name;
  }
  lp_fail(LP_ERR_NOT_FOUND, "unknown option '%s'%s", name, lp_did_you_mean(name, names, n).text);
  return NULL;
}
