/* The answer in three plain sentences: what was compared, what was found, how sure that is. */
#include "run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What the answer rests on. */
typedef struct evidence {
  const analysis *a;
  const comparison *variance, *accuracy; /* by arm */
  const control_pairs *controls;
  uint32_t tests;        /* comparisons that have a p-value */
  uint32_t found;        /* of them, those below alpha */
  uint32_t fewest, most; /* networks an arm, in arms that were tested, and the reference */
  double alpha;          /* 0.05 shared out over the tests (Bonferroni) */
} evidence;

static bool is_reference(const evidence *e, uint32_t arm) {
  return arm == e->a->reference;
}

static evidence gather(const analysis *a, const comparison *variance, const comparison *accuracy,
                       const control_pairs *controls) {
  evidence e = {.a = a, .variance = variance, .accuracy = accuracy, .controls = controls};
  e.fewest = e.most = arm_complete(a, &a->arm[a->reference]);
  for (uint32_t i = 0; i < a->n_arms; i++) {
    if (is_reference(&e, i)) continue;
    uint32_t tests = isfinite(variance[i].welch.p) + isfinite(accuracy[i].welch.p);
    uint32_t n = arm_complete(a, &a->arm[i]);
    e.tests += tests;
    if (!tests) continue;
    if (n < e.fewest) e.fewest = n;
    if (n > e.most) e.most = n;
  }
  e.alpha = 0.05 / (e.tests ? e.tests : 1);
  for (uint32_t i = 0; i < a->n_arms; i++)
    if (!is_reference(&e, i))
      e.found += (variance[i].welch.p < e.alpha) + (accuracy[i].welch.p < e.alpha);
  return e;
}

static void list_arms(FILE *f, const evidence *e) {
  uint32_t listed = 0;
  fputs(e->a->n_arms == 2 ? "Arm " : "Arms ", f);
  for (uint32_t i = 0; i < e->a->n_arms; i++) {
    if (is_reference(e, i)) continue;
    const arm_info *arm = &e->a->arm[i];
    const char *joint = listed == 0 ? "" : listed + 2 == e->a->n_arms ? " and " : ", ";
    fprintf(f, "%s%s (%u of %u networks finished)", joint, arm->name, arm_complete(e->a, arm),
            e->a->n_seeds);
    listed++;
  }
}

static void compared(FILE *f, const evidence *e) {
  const analysis *a = e->a;
  uint32_t n = arm_complete(a, &a->arm[a->reference]);
  if (a->n_arms > 1) {
    list_arms(f, e);
    fprintf(f, " %s compared with the reference %s (%u of %u)", a->n_arms == 2 ? "was" : "were",
            a->reference_name, n, a->n_seeds);
  } else {
    fprintf(f, "Only the reference %s (%u of %u networks finished) was run", a->reference_name, n,
            a->n_seeds);
  }
  if (*a->data) fprintf(f, " on %s", a->data);
  if (a->epochs > 0)
    fprintf(f, ", %" JSON_INTEGER_FORMAT " epoch%s", a->epochs, a->epochs == 1 ? "" : "s");
  fprintf(f,
          "%s by the spatial variance V of the %s activations on a sheet of %u x %u units and by "
          "test accuracy.",
          a->n_arms > 1 ? "," : ", and described", site_name[SITE_OUT], a->rows, a->cols);
}

/* ---- found --------------------------------------------------------------------------------- */

static void number(FILE *f, const char *format, double x) {
  if (isfinite(x))
    fprintf(f, format, x);
  else
    fputs("unknown", f);
}

/* The reference's mean of an outcome; no arm need have been compared with it. */
static double reference_mean(const analysis *a, outcome which) {
  double sum = 0;
  uint32_t n = 0;
  for (uint32_t k = 0; k < a->n_seeds; k++) {
    double x = run_outcome(&a->arm[a->reference].run[k], which);
    if (isfinite(x)) sum += x, n++;
  }
  return n ? sum / n : NAN;
}

static void values(FILE *f, const char *name, double variance, double accuracy) {
  if (!isfinite(variance) && !isfinite(accuracy)) {
    fprintf(f, "%s has no result yet", name);
    return;
  }
  fprintf(f, "%s has V = ", name);
  number(f, "%.4g", variance);
  fputs(" and accuracy ", f);
  number(f, "%.2f %%", accuracy);
}

/* "V is smaller (8.01 against 8.43, difference -0.42, ...)" or "no difference in V was found (". */
static void verdict(FILE *f, const comparison *c, const char *what, const char *format,
                    double alpha) {
  double d = c->own.mean - c->reference.mean;
  if (c->welch.p < alpha)
    fprintf(f, "%s is %s", what, d < 0 ? "lower" : "higher");
  else if (isfinite(c->welch.p))
    fprintf(f, "no difference in %s was found", what);
  else
    fprintf(f, "%s cannot be tested", what);
  fputs(" (", f);
  number(f, format, c->own.mean);
  fputs(" against ", f);
  number(f, format, c->reference.mean);
  if (isfinite(c->bootstrap.low))
    fprintf(f, ", 95 %% interval of the difference %.2g to %.2g", c->bootstrap.low,
            c->bootstrap.high);
  if (isfinite(c->welch.p)) fprintf(f, ", Welch p = %.2g", c->welch.p);
  if (isfinite(c->paired.p)) fprintf(f, ", paired p = %.2g", c->paired.p);
  fputc(')', f);
}

static void found(FILE *f, const evidence *e) {
  const analysis *a = e->a;
  bool first = true;
  if (e->tests == 0) {
    outcome variance = {OUTCOME_MEASURE, SITE_OUT, MEASURE_VARIANCE};
    outcome accuracy = {.kind = OUTCOME_ACCURACY};
    fputs("So far ", f);
    for (uint32_t i = 0; i < a->n_arms; i++) {
      if (is_reference(e, i)) continue;
      values(f, a->arm[i].name, e->variance[i].own.mean, e->accuracy[i].own.mean);
      fputs("; ", f);
    }
    values(f, a->reference_name, reference_mean(a, variance), reference_mean(a, accuracy));
    fputc('.', f);
    return;
  }
  for (uint32_t i = 0; i < a->n_arms; i++) {
    if (is_reference(e, i)) continue;
    fprintf(f, first ? "Between %s and %s, " : "; between %s and %s, ", a->arm[i].name,
            a->reference_name);
    verdict(f, &e->variance[i], "V", "%.4g", e->alpha);
    fputs(" and ", f);
    verdict(f, &e->accuracy[i], "accuracy", "%.2f %%", e->alpha);
    first = false;
  }
  fputc('.', f);
}

/* ---- how sure ------------------------------------------------------------------------------ */

static void how_sure(FILE *f, const evidence *e) {
  enum { FEW = 10 };
  if (e->tests == 0) {
    fputs(e->a->n_arms == 1
              ? "Nothing can be concluded about the prior: there is no other arm to compare with"
              : "Nothing can be concluded: a comparison needs at least 2 finished networks in each "
                "arm, that is 2 seeds",
          f);
  } else {
    fputs("Each network counts once, n = ", f);
    if (e->fewest == e->most)
      fprintf(f, "%u an arm", e->fewest);
    else
      fprintf(f, "%u to %u an arm", e->fewest, e->most);
    fprintf(f, ", and a difference is one with Welch p < %.2g", e->alpha);
    if (e->tests > 1) fprintf(f, " (0.05 shared over %u tests)", e->tests);
    if (e->found < e->tests)
      fputs(e->most < FEW ? "; with so few networks only a large difference could be found, so not "
                            "finding one does not show that there is none"
                          : "; not finding one does not show that there is none",
            f);
    else if (e->fewest < FEW)
      fputs("; with so few networks the intervals are rough and more seeds should confirm it", f);
  }
  const control_pairs *c = e->controls;
  uint32_t called = c->significant[SITE_OUT];
  if (c->pairs && called)
    fprintf(f,
            "; the t test over images, which takes images of one network for replicates, called "
            "%u of %u pairs of reference networks different at p < %g although only their seeds "
            "differ, so its small p-values are no evidence about the prior",
            called, c->pairs, c->alpha);
  fputc('.', f);
}

/* Appends the sentence that `write` prints; false when memory is exhausted. */
static bool append(json_t *list, void (*write)(FILE *, const evidence *), const evidence *e) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (!f) return false;
  write(f, e);
  bool ok = !ferror(f);
  ok = fclose(f) == 0 && ok && json_array_append_new(list, json_string(text)) == 0;
  free(text);
  return ok;
}

json_t *answer_json(const analysis *a, const comparison *variance, const comparison *accuracy,
                    const control_pairs *controls) {
  evidence e = gather(a, variance, accuracy, controls);
  json_t *list = json_array();
  if (append(list, compared, &e) && append(list, found, &e) && append(list, how_sure, &e))
    return list;
  json_decref(list);
  return NULL;
}
