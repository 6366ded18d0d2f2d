/* What was published (Sax, "Locality Prior: a wiring cost for neural networks", 2017), to be shown
 * beside our own results as reported; nothing is computed from it. */
#include "run.h"

#include <math.h>
#include <string.h>

typedef struct published_arm {
  const char *name;
  double accuracy, loss;
} published_arm;

typedef struct published_variance {
  const char *site;
  double lp, control, t, p;
} published_variance;

#define IMAGENET_VARIANCE                                                                          \
  {                                                                                                \
    {"lp_in", 630.9, 687.4, -38.98, 8.1e-203}, {                                                   \
      "lp_out", 653.4, 691.6, -26.08, 8.5e-115                                                     \
    }                                                                                              \
  }

/* For presets of this name, and of this name with a suffix ("mnist-rmsprop"), on this data set
 * (NULL: any). The published ImageNet run gave no accuracies. */
static const struct {
  const char *preset, *data;
  const char *what; /* what else it was published for than what runs here; "" nothing */
  published_arm arm[2];
  published_variance variance[2];
} table[] = {
    {"mnist",
     "mnist",
     "",
     {{"control", 98.1, 0.101}, {"linear", 97.9, 0.122}},
     {{"lp_out", 8.458, 8.667, -6.49, 1.35e-10}}},
    {"imagenet", NULL, "", {{0}}, IMAGENET_VARIANCE},
    {"tiny-imagenet", NULL, "AlexNet on ImageNet", {{0}}, IMAGENET_VARIANCE},
};

static bool applies(size_t i, const analysis *a) {
  size_t n = strlen(table[i].preset);
  if (strncmp(a->preset, table[i].preset, n) != 0 || (a->preset[n] && a->preset[n] != '-'))
    return false;
  return !table[i].data || strcmp(a->data, table[i].data) == 0;
}

json_t *published_json(const analysis *a) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (!applies(i, a)) continue;
    json_t *arms = json_object(), *variance = json_array();
    int bad = 0;
    for (const published_arm *p = table[i].arm; p < table[i].arm + 2 && p->name; p++)
      bad |= json_object_set_new(arms, p->name,
                                 json_pack("{s:f, s:f}", "accuracy", p->accuracy, "loss", p->loss));
    for (const published_variance *v = table[i].variance; v < table[i].variance + 2 && v->site; v++)
      bad |= json_array_append_new(variance,
                                   json_pack("{s:s, s:f, s:f, s:f, s:f}", "site", v->site, "lp",
                                             v->lp, "control", v->control, "t", v->t, "p", v->p));
    if (!bad)
      return json_pack("{s:s, s:o, s:o}", "what", table[i].what, "arms", arms, "variance",
                       variance);
    json_decref(arms);
    json_decref(variance);
    return NULL;
  }
  return json_null();
}
