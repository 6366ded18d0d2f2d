/* The answer in plain sentences: what was compared, what was found, how sure that is; and the line
 * of one comparison. Every number is that of its comparison in summary.json, printed with the
 * decimals that stand there. */
#include "run.h"

#include "../base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const char *reference_of(const analysis *a, uint32_t arm) {
  return a->arm[a->arm[arm].reference].name;
}

/* Of all: the reference's name, or, of a sweep, its cells. */
static const char *references(const analysis *a) {
  for (uint32_t i = 0; i < a->n_arms; i++)
    if (a->arm[i].reference != a->reference) return "the reference's cells of the same values";
  return a->reference_name;
}

static const char *plural(uint32_t n) {
  return n == 1 ? "" : "s";
}

/* ---- one comparison ------------------------------------------------------------------------ */

static void print_p(FILE *f, const char *name, double p) {
  const char *text = lp_p_text(p).text;
  fprintf(f, "%s %s%s", name, *text == '<' ? "" : "= ", text);
}

static const char *spoken(const analysis *a, outcome which) {
  return lp_is_variance(which) ? "V" : lp_outcome_name(a, which);
}

static const char *unit_of(outcome which) {
  return which.kind == OUTCOME_ACCURACY ? " points" : "";
}

static void print_interval(FILE *f, const comparison *c, const lp_inference *r) {
  fprintf(f, "%s%s [%s, %s]", lp_fixed(r->test.mean_difference, c->decimals).text,
          unit_of(c->which), lp_fixed(r->low, c->decimals).text,
          lp_fixed(r->high, c->decimals).text);
}

/* "lower than", ... of a difference or its lack. */
static const char *relation(const lp_inference *r) {
  switch (r->verdict) {
  case LP_VERDICT_DIFFERENT:
    return r->test.mean_difference < 0 ? "lower than" : "higher than";
  case LP_VERDICT_EQUIVALENT:
    return "equivalent to";
  case LP_VERDICT_INCONCLUSIVE:
    return "inconclusive against";
  default:
    return "not tested against";
  }
}

/* What the line says with the worst values for networks that were lost. */
static void print_worst(FILE *f, const analysis *a, const comparison *c) {
  if (!c->lost && !c->reference_lost) return;
  uint32_t lost = c->lost + c->reference_lost;
  fprintf(f, "; %u network%s lost, in the worst case %s %s", lost, plural(lost),
          relation(&c->worst), a->arm[c->other].name);
  if (c->worst.verdict == LP_VERDICT_UNTESTABLE) return;
  fputs(", ", f);
  print_interval(f, c, &c->worst);
}

static void print_line(FILE *f, const analysis *a, const comparison *c) {
  const lp_inference *r = &c->result;
  fputs(spoken(a, c->which), f);
  if (c->which.kind == OUTCOME_MEASURE) fprintf(f, " at %s", a->site_name[c->which.site]);
  if (c->fraction && lp_is_variance(c->which))
    fputs(" as a fraction of its sheet's uniform value", f);
  fprintf(f, ": %s %s %s", a->arm[c->arm].name, relation(r), a->arm[c->other].name);
  if (r->verdict == LP_VERDICT_UNTESTABLE) {
    fprintf(f, " (%s)", r->reason);
    if (isfinite(r->test.mean_difference))
      fprintf(f, ", %s%s", lp_fixed(r->test.mean_difference, c->decimals).text, unit_of(c->which));
    print_worst(f, a, c);
    return;
  }
  if (r->verdict == LP_VERDICT_EQUIVALENT)
    fprintf(f, " (margin %s%s)", lp_fixed(lp_plan_margin(a, c->which), c->decimals).text,
            unit_of(c->which));
  fputs(", ", f);
  print_interval(f, c, r);
  print_p(f, ", p", r->test.p);
  if (r->paired)
    fprintf(f, ", n = %u", r->n);
  else
    fprintf(f, ", n = %u and %u", r->n, r->n_b);
  if (r->verdict == LP_VERDICT_INCONCLUSIVE) {
    fprintf(f, ", detectable %s", lp_fixed(r->detectable, c->decimals).text);
    if (isfinite(r->n_needed)) fprintf(f, ", this would need n = %.0f", r->n_needed);
  }
  print_worst(f, a, c);
}

char *lp_verdict_line(const analysis *a, const comparison *c) {
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

/* The sheet of the headline site, where all arms have one. */
static void print_sheet(FILE *f, const analysis *a) {
  const lp_run_site *site = &a->folder->arm[a->reference].site[a->headline];
  bool same = true;
  for (uint32_t i = 0; i < a->n_arms; i++) {
    const lp_run_site *other = &a->folder->arm[i].site[a->headline];
    same &= !other->units || (other->rows == site->rows && other->cols == site->cols);
  }
  if (same)
    fprintf(f, " (%u x %u units)", site->rows, site->cols);
  else
    fputs(" (each arm's own sheet)", f);
}

static void list_measures(FILE *f, const evidence *e) {
  const analysis *a = e->a;
  outcome o;
  uint32_t listed = 0;
  for (uint32_t i = 0; lp_outcome_at(a, i, &o); i++) {
    if (!lp_plan_primary(a, o)) continue;
    fputs(listed++ ? ", " : ": ", f);
    if (o.kind == OUTCOME_MEASURE) {
      fprintf(f, "%s at %s", spoken(e->a, o), a->site_name[o.site]);
      print_sheet(f, a);
    } else {
      fprintf(f, "test %s", lp_outcome_name(e->a, o));
    }
  }
  if (!a->n_sites) fputs(" (the networks record no site, so nothing is known of space)", f);
}

/* How the networks of an arm were lost: "sqrt lost 2 of 3 (1 not finite, 1 at chance; ...)". */
static void print_lost(FILE *f, const evidence *e, uint32_t arm) {
  fates own = lp_fates_of(e->a, arm);
  const struct {
    uint32_t n;
    const char *how;
  } part[] = {{own.nonfinite, "not finite"}, {own.failed, "failed"}, {own.collapsed, "at chance"}};
  const char *joint = "";
  fprintf(f, " %s lost %u of %u (", e->a->arm[arm].name, own.lost, own.ended);
  for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
    if (!part[i].n) continue;
    fprintf(f, "%s%u %s", joint, part[i].n, part[i].how);
    joint = ", ";
  }
  if (!lp_is_reference(e->a, arm)) {
    fates reference = lp_fates_of(e->a, e->a->arm[arm].reference);
    fprintf(f, "; %s %u of %u", reference_of(e->a, arm), reference.lost, reference.ended);
    if (reference.ended) print_p(f, ", Fisher's p", lp_lost_p(e->a, arm));
  }
  fputs(").", f);
}

/* Of more arms than can be told one by one, the sum; the report's table has each. */
static void print_all_lost(FILE *f, const evidence *e) {
  enum { ONE_BY_ONE = 2 };
  uint32_t arms = 0, lost = 0, ended = 0;
  for (uint32_t i = 0; i < e->a->n_arms; i++) {
    fates own = lp_fates_of(e->a, i);
    if (!own.lost) continue;
    arms++;
    lost += own.lost;
    ended += own.ended;
  }
  if (arms > ONE_BY_ONE) {
    fprintf(f, " %u %s lost %u of their %u networks (not finite, failed or at chance).", arms,
            e->a->folder->n_axes ? "cells" : "arms", lost, ended);
    return;
  }
  for (uint32_t i = 0; i < e->a->n_arms; i++)
    if (lp_fates_of(e->a, i).lost) print_lost(f, e, i);
}

/* Networks that the plan sets apart. */
static void print_apart(FILE *f, const evidence *e) {
  uint32_t arms = 0;
  for (uint32_t i = 0; i < e->a->n_arms; i++) {
    const fates own = lp_fates_of(e->a, i);
    if (!own.apart) continue;
    if (!arms++)
      fprintf(f, " Set apart, below %s %% accuracy, and in no measure of space or wiring:",
              lp_magnitude(e->a->plan.least_accuracy).text);
    fprintf(f, "%s %u of %u of %s", arms > 1 ? "," : "", own.apart, own.ended, e->a->arm[i].name);
  }
  if (arms) fputs(".", f);
}

static void compared(FILE *f, const evidence *e) {
  const analysis *a = e->a;
  uint32_t complete = 0, others = 0, all = a->n_arms * a->n_seeds;
  for (uint32_t i = 0; i < a->n_arms; i++) {
    complete += lp_arm_complete(a, &a->arm[i]);
    others += !lp_is_reference(a, i);
  }
  if (a->folder->n_axes) {
    fprintf(f, "%u cell%s of the sweep over ", others, plural(others));
    for (uint32_t i = 0; i < a->folder->n_axes; i++)
      fprintf(f, "%s%s",
              i == 0                       ? ""
              : i + 1 == a->folder->n_axes ? " and "
                                           : ", ",
              a->folder->axis[i].key);
    fprintf(f, " against %s", references(a));
  } else if (a->n_arms == 1)
    fprintf(f, "%s alone", a->reference_name);
  else if (a->n_arms == 2)
    fprintf(f, "%s against %s", a->arm[1 - a->reference].name, a->reference_name);
  else
    fprintf(f, "%u arms against %s", a->n_arms - 1, a->reference_name);
  uint32_t contrasts = 0;
  for (uint32_t i = 0; i < a->n_pairs; i++)
    if (*a->pair[i].name && a->pair[i].planned)
      fprintf(f, "%s%s against %s", contrasts++ ? ", " : ", and ", a->arm[a->pair[i].arm].name,
              a->arm[a->pair[i].other].name);
  if (*a->data && !a->folder->imported) fprintf(f, " on %s", a->data);
  if (a->epochs > 0) fprintf(f, ", %u epoch%s", a->epochs, plural(a->epochs));
  fprintf(f, ", %u seed%s", a->n_seeds, plural(a->n_seeds));
  list_measures(f, e);
  if (a->folder->imported) /* no arm of them was to have every seed */
    fprintf(f, ". %u networks, made elsewhere.", complete);
  else if (complete == all)
    fputs(". All networks finished.", f);
  else
    fprintf(f, ". %u of %u networks finished.", complete, all);
  print_all_lost(f, e);
  print_apart(f, e);
}

/* ---- what was found ------------------------------------------------------------------------ */

/* "V of linear", of a contrast "V of linear against permuted". */
static void name_one(FILE *f, const evidence *e, const comparison *c) {
  fprintf(f, "%s of %s", spoken(e->a, c->which), e->a->arm[c->arm].name);
  if (*c->contrast) fprintf(f, " against %s", e->a->arm[c->other].name);
}

static void name_those(FILE *f, const evidence *e, lp_verdict verdict) {
  uint32_t named = 0;
  for (uint32_t i = 0; i < e->n; i++) {
    const comparison *c = &e->c[i];
    if (!c->primary || c->result.verdict != verdict) continue;
    fputs(named++ ? ", " : "", f);
    name_one(f, e, c);
    if (verdict == LP_VERDICT_DIFFERENT)
      fputs(c->result.test.mean_difference < 0 ? " (lower)" : " (higher)", f);
  }
}

static bool untested(const comparison *c, const char *reason) {
  return c->primary && c->result.verdict == LP_VERDICT_UNTESTABLE &&
         (!reason || strcmp(c->result.reason, reason) == 0);
}

/* Reason by reason: a few comparisons by name, more by their number. */
static void name_untested(FILE *f, const evidence *e) {
  enum { BY_NAME = 3 };
  const char *joint = "";
  for (uint32_t i = 0; i < e->n; i++) {
    const char *reason = e->c[i].result.reason;
    uint32_t before = 0, same = 0, named = 0;
    if (!untested(&e->c[i], NULL)) continue;
    for (uint32_t k = 0; k < i; k++) before += untested(&e->c[k], reason);
    if (before) continue;
    for (uint32_t k = i; k < e->n; k++) same += untested(&e->c[k], reason);
    fputs(joint, f);
    joint = ", ";
    for (uint32_t k = i; k < e->n && same <= BY_NAME; k++)
      if (untested(&e->c[k], reason)) {
        fputs(named++ ? ", " : "", f);
        name_one(f, e, &e->c[k]);
      }
    if (same > BY_NAME) fprintf(f, "%u comparisons", same);
    fprintf(f, " (%s)", reason);
  }
}

static void found(FILE *f, const evidence *e) {
  static const struct {
    lp_verdict verdict;
    const char *name;
    bool named; /* all of them, else their number */
  } part[] = {{LP_VERDICT_DIFFERENT, "different", true},
              {LP_VERDICT_EQUIVALENT, "equivalent", true},
              {LP_VERDICT_INCONCLUSIVE, "inconclusive", false},
              {LP_VERDICT_UNTESTABLE, "not tested", true}};
  if (e->a->plan.tests == 0) {
    fputs("There is no other arm to compare with.", f);
    return;
  }
  if (tested(e) == 0) {
    fputs("Nothing could be tested: ", f);
    name_untested(f, e);
    fputc('.', f);
    return;
  }
  if (!e->verdicts[LP_VERDICT_DIFFERENT])
    fprintf(f, "No difference from %s was found. ", references(e->a));
  fprintf(f, "Of %u primary comparison%s", e->a->plan.tests, plural(e->a->plan.tests));
  const char *joint = ", ";
  for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
    uint32_t n = e->verdicts[part[i].verdict];
    if (!n) continue;
    fprintf(f, "%s%u %s", joint, n, part[i].name);
    joint = "; ";
    if (!part[i].named) continue;
    fputs(": ", f);
    if (part[i].verdict == LP_VERDICT_UNTESTABLE)
      name_untested(f, e);
    else
      name_those(f, e, part[i].verdict);
  }
  fputc('.', f);
}

/* ---- how sure ------------------------------------------------------------------------------ */

/* Seeds that came after the plan, perhaps after a look at the first ones. */
static void print_added(FILE *f, const analysis *a) {
  json_t *added = lp_seeds_added_json(a);
  const size_t n = json_array_size(added);
  if (n)
    fprintf(f,
            " %zu of %u seeds were added after the plan was made: if that was for what the first "
            "ones showed, the error rate is above %.3g.",
            n, a->n_seeds, a->plan.alpha);
  json_decref(added);
}

static void how_sure(FILE *f, const evidence *e) {
  const plan *p = &e->a->plan;
  const char *planned = e->a->folder->arm[e->a->folder->reference].name;
  if (p->tests == 0) {
    fputs("Nothing can be concluded about an arm without another.", f);
  } else if (tested(e) == 0) {
    fputs("Nothing can be concluded", f);
    if (e->a->n_seeds < 3)
      fputs(": an interval needs 3 finished networks an arm, that is 3 seeds", f);
    fputc('.', f);
  } else {
    fputs(!e->unpaired ? "Networks are paired by seed"
          : e->paired  ? "Networks are paired by seed where arms share seeds"
                       : "Arms share no seeds (Welch's test)",
          f);
    if (e->fewest == e->most)
      fprintf(f, ", n = %u", e->fewest);
    else
      fprintf(f, ", n = %u to %u", e->fewest, e->most);
    fprintf(f, "; %s %% intervals", lp_magnitude(100 * (1 - p->alpha / p->tests)).text);
    if (p->tests > 1) fprintf(f, ", %.3g shared over %u tests", p->alpha, p->tests);
    fputc('.', f);
    if (e->verdicts[LP_VERDICT_INCONCLUSIVE]) fputs(" Inconclusive is not equal.", f);
  }
  if (strcmp(planned, e->a->reference_name) != 0)
    fprintf(f, " The plan compared with %s.", planned);
  print_added(f, e->a);
  const control_pairs *c = e->controls;
  uint32_t called = e->a->headline < e->a->n_sites ? c->significant[e->a->headline] : 0;
  if (c->pairs && called)
    fprintf(f,
            " The t test over images calls %u of %u pairs of reference networks different, which "
            "differ by their seed alone: its p-values are no evidence.",
            called, c->pairs);
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

json_t *lp_answer_json(const analysis *a, const comparison *c, uint32_t n,
                       const control_pairs *controls) {
  evidence e = gather(a, c, n, controls);
  json_t *list = json_array();
  if (append(list, compared, &e) && append(list, found, &e) && append(list, how_sure, &e))
    return list;
  json_decref(list);
  return NULL;
}
