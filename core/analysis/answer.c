/* The answer in plain sentences: what was compared, what was found, how sure that is; and the line
 * of one comparison. Every number is that of its comparison in summary.json. */
#include "run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What the answer rests on. */
typedef struct evidence {
  const analysis *a;
  const comparison *c; /* all; the primary ones are spoken of */
  uint32_t n;
  const control_pairs *controls;
  uint32_t verdicts[4];  /* primary comparisons by verdict */
  uint32_t fewest, most; /* networks of a tested primary comparison */
  bool paired, unpaired; /* there are tests of the kind */
} evidence;

static evidence gather(const analysis *a, const comparison *c, uint32_t n,
                       const control_pairs *controls) {
  evidence e = {.a = a, .c = c, .n = n, .controls = controls, .fewest = UINT32_MAX};
  for (uint32_t i = 0; i < n; i++) {
    const lp_inference *r = &c[i].result;
    if (!c[i].primary) continue;
    e.verdicts[r->verdict]++;
    if (r->verdict == LP_VERDICT_UNTESTABLE) continue;
    *(r->paired ? &e.paired : &e.unpaired) = true;
    uint32_t fewer = r->n < r->n_b ? r->n : r->n_b, more = r->n > r->n_b ? r->n : r->n_b;
    if (fewer < e.fewest) e.fewest = fewer;
    if (more > e.most) e.most = more;
  }
  return e;
}

static uint32_t tested(const evidence *e) {
  return e->verdicts[LP_VERDICT_DIFFERENT] + e->verdicts[LP_VERDICT_EQUIVALENT] +
         e->verdicts[LP_VERDICT_INCONCLUSIVE];
}

/* ---- one comparison ------------------------------------------------------------------------ */

static void print_p(FILE *f, const char *name, double p) {
  if (p < LEAST_P)
    fprintf(f, "%s < %g", name, LEAST_P);
  else
    fprintf(f, "%s = %.2g", name, p);
}

static const char *spoken(outcome which) {
  return which.kind == OUTCOME_MEASURE && which.measure == MEASURE_VARIANCE ? "V"
                                                                            : outcome_name(which);
}

static void print_line(FILE *f, const analysis *a, const comparison *c) {
  const lp_inference *r = &c->result;
  const char *arm = a->arm[c->arm].name, *reference = a->arm[a->arm[c->arm].reference].name;
  bool measure = c->which.kind == OUTCOME_MEASURE;
  const char *unit = c->which.kind == OUTCOME_ACCURACY ? " points" : "";
  double d = r->test.mean_difference;
  fputs(spoken(c->which), f);
  if (measure) fprintf(f, " at %s", a->site_name[c->which.site]);
  if (c->fraction && spoken(c->which)[1] == '\0')
    fputs(", each as a fraction of its sheet's uniform value,", f);
  switch (r->verdict) {
  case LP_VERDICT_DIFFERENT:
    fprintf(f, " is %s in %s than in %s", d < 0 ? "lower" : "higher", arm, reference);
    break;
  case LP_VERDICT_EQUIVALENT:
    fprintf(f, " is equivalent in %s and %s (margin %g%s)", arm, reference,
            plan_margin(a, c->which), unit);
    break;
  case LP_VERDICT_INCONCLUSIVE:
    fprintf(f, " of %s against %s: inconclusive", arm, reference);
    break;
  case LP_VERDICT_UNTESTABLE:
    fprintf(f, " of %s against %s: not tested, %s", arm, reference, r->reason);
    if (isfinite(d)) fprintf(f, "; difference %.3g%s", d, unit);
    return;
  }
  fprintf(f, ": difference %.3g%s, %.6g %% interval %.3g to %.3g, ", d, unit, 100 * (1 - r->alpha),
          r->low, r->high);
  print_p(f, "p", r->test.p);
  if (r->paired)
    fprintf(f, ", n = %u pairs", r->n);
  else
    fprintf(f, ", Welch, n = %u and %u", r->n, r->n_b);
  if (r->verdict != LP_VERDICT_INCONCLUSIVE) return;
  fprintf(f, "; %.2g%s would be found with %.0f %% power", r->detectable, unit, 100 * LP_POWER);
  if (isfinite(r->n_needed)) fprintf(f, ", this difference with n = %.0f", r->n_needed);
}

char *verdict_line(const analysis *a, const comparison *c) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (!f) return NULL;
  print_line(f, a, c);
  bool ok = !ferror(f);
  if (fclose(f) == 0 && ok) return text;
  free(text);
  return NULL;
}

/* ---- what was compared --------------------------------------------------------------------- */

static void list_arms(FILE *f, const evidence *e) {
  uint32_t listed = 0;
  fputs(e->a->n_arms == 2 ? "Arm " : "Arms ", f);
  for (uint32_t i = 0; i < e->a->n_arms; i++) {
    if (is_reference(e->a, i)) continue;
    const arm_info *arm = &e->a->arm[i];
    const char *joint = listed == 0 ? "" : listed + 2 == e->a->n_arms ? " and " : ", ";
    fprintf(f, "%s%s (%u of %u networks finished)", joint, arm->name, arm_complete(e->a, arm),
            e->a->n_seeds);
    listed++;
  }
}

/* The cells of a sweep are too many to name. */
static void count_cells(FILE *f, const analysis *a) {
  const lp_run_folder *r = a->folder;
  uint32_t cells = 0, own = 0, references = 0, theirs = 0;
  for (uint32_t i = 0; i < a->n_arms; i++) {
    const uint32_t n = arm_complete(a, &a->arm[i]);
    *(is_reference(a, i) ? &references : &cells) += 1;
    *(is_reference(a, i) ? &theirs : &own) += n;
  }
  fprintf(f, "%u cell%s of the sweep over ", cells, cells == 1 ? "" : "s");
  for (uint32_t i = 0; i < r->n_axes; i++)
    fprintf(f, "%s%s", i == 0 ? "" : i + 1 == r->n_axes ? " and " : ", ", r->axis[i].key);
  fprintf(f, " (%u of %u networks finished) %s compared with %s (%u of %u)", own,
          cells * a->n_seeds, cells == 1 ? "was" : "were",
          references == 1 ? a->reference_name : "the reference's cells of the same values", theirs,
          references * a->n_seeds);
}

/* What V is taken of; arms may have sheets of their own. */
static void print_site(FILE *f, const analysis *a) {
  const lp_run_site *site = &a->folder->arm[a->reference].site[a->headline];
  bool same = true;
  for (uint32_t i = 0; i < a->n_arms; i++) {
    const lp_run_site *other = &a->folder->arm[i].site[a->headline];
    same &= !other->units || (other->rows == site->rows && other->cols == site->cols);
  }
  fprintf(f, " by the spatial variance V of the %s activations on ", a->site_name[a->headline]);
  if (same)
    fprintf(f, "a sheet of %u x %u units and by test accuracy.", site->rows, site->cols);
  else
    fputs("each arm's own sheet and by test accuracy.", f);
}

static void compared(FILE *f, const evidence *e) {
  const analysis *a = e->a;
  uint32_t n = arm_complete(a, &a->arm[a->reference]);
  if (a->folder->n_axes) {
    count_cells(f, a);
  } else if (a->n_arms > 1) {
    list_arms(f, e);
    fprintf(f, " %s compared with the reference %s (%u of %u)", a->n_arms == 2 ? "was" : "were",
            a->reference_name, n, a->n_seeds);
  } else {
    fprintf(f, "Only the reference %s (%u of %u networks finished) was run", a->reference_name, n,
            a->n_seeds);
  }
  if (*a->data) fprintf(f, " on %s", a->data);
  if (a->epochs > 0) fprintf(f, ", %u epoch%s", a->epochs, a->epochs == 1 ? "" : "s");
  fputs(a->n_arms > 1 ? "," : ", and described", f);
  if (a->headline < a->n_sites)
    print_site(f, a);
  else
    fputs(" by test accuracy alone: the networks record no site, so that nothing is known of where "
          "their units are active.",
          f);
}

/* ---- what was found ------------------------------------------------------------------------ */

static void name_those(FILE *f, const evidence *e, lp_verdict verdict) {
  uint32_t named = 0;
  for (uint32_t i = 0; i < e->n; i++) {
    const comparison *c = &e->c[i];
    if (!c->primary || c->result.verdict != verdict) continue;
    fprintf(f, "%s%s of %s", named++ ? ", " : "", spoken(c->which), e->a->arm[c->arm].name);
    if (verdict == LP_VERDICT_DIFFERENT)
      fputs(c->result.test.mean_difference < 0 ? " (lower)" : " (higher)", f);
  }
}

static void found(FILE *f, const evidence *e) {
  const char *reference = e->a->folder->n_axes ? "the reference" : e->a->reference_name;
  uint32_t all = tested(e), different = e->verdicts[LP_VERDICT_DIFFERENT];
  if (all == 0) {
    fputs("Nothing was tested: ", f);
    fputs(e->a->n_arms == 1 ? "there is no other arm to compare with" : "", f);
    if (e->a->n_arms > 1) fputs("see the reasons in the lines of the comparisons", f);
    fputc('.', f);
    return;
  }
  fprintf(f, "Of %u primary test%s, ", all, all == 1 ? "" : "s");
  if (different) {
    fprintf(f, "%u found a difference from %s: ", different, reference);
    name_those(f, e, LP_VERDICT_DIFFERENT);
  } else {
    fprintf(f, "none found a difference from %s", reference);
  }
  if (e->verdicts[LP_VERDICT_EQUIVALENT]) {
    fprintf(f, "; %u showed equivalence within the margin: ", e->verdicts[LP_VERDICT_EQUIVALENT]);
    name_those(f, e, LP_VERDICT_EQUIVALENT);
  }
  if (e->verdicts[LP_VERDICT_INCONCLUSIVE])
    fprintf(f, "; %u %s inconclusive", e->verdicts[LP_VERDICT_INCONCLUSIVE],
            e->verdicts[LP_VERDICT_INCONCLUSIVE] == 1 ? "is" : "are");
  if (e->verdicts[LP_VERDICT_UNTESTABLE]) {
    fprintf(f, "; %u could not be tested: ", e->verdicts[LP_VERDICT_UNTESTABLE]);
    name_those(f, e, LP_VERDICT_UNTESTABLE);
  }
  fputc('.', f);
}

/* ---- how sure ------------------------------------------------------------------------------ */

static void how_sure(FILE *f, const evidence *e) {
  const plan *p = &e->a->plan;
  if (tested(e) == 0) {
    fputs(e->a->n_arms == 1
              ? "Nothing can be concluded about the prior: there is no other arm to compare with"
              : "Nothing can be concluded: an interval needs at least 3 finished networks in each "
                "arm, that is 3 seeds",
          f);
  } else {
    fputs("Each network counts once, ", f);
    fputs(!e->unpaired ? "paired with the reference's of the same seed"
          : e->paired  ? "paired by seed where arms share seeds"
                       : "and the arms share no seeds",
          f);
    if (e->fewest == e->most)
      fprintf(f, " (n = %u)", e->fewest);
    else
      fprintf(f, " (n = %u to %u)", e->fewest, e->most);
    fprintf(f, "; a difference is one whose %.6g %% interval excludes 0",
            100 * (1 - p->alpha / p->tests));
    if (p->tests > 1) fprintf(f, " (%g shared over %u planned tests)", p->alpha, p->tests);
    if (e->verdicts[LP_VERDICT_INCONCLUSIVE])
      fputs("; inconclusive does not mean that there is none", f);
  }
  const control_pairs *c = e->controls;
  uint32_t called = e->a->headline < e->a->n_sites ? c->significant[e->a->headline] : 0;
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

json_t *answer_json(const analysis *a, const comparison *c, uint32_t n,
                    const control_pairs *controls) {
  evidence e = gather(a, c, n, controls);
  json_t *list = json_array();
  if (append(list, compared, &e) && append(list, found, &e) && append(list, how_sure, &e))
    return list;
  json_decref(list);
  return NULL;
}
