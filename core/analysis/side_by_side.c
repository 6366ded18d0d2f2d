/* Run folders side by side: every arm of all of them against one, from what their summaries say. */
#include "../base/text.h"
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALPHA 0.05

/* A folder, as read. */
typedef struct side {
  char *name; /* stands before the names of its arms */
  lp_run_folder *folder;
  json_t *summary;
} side;

/* An arm of a folder. */
typedef struct entrant {
  const side *of;
  char *name;        /* "folder/arm" */
  const json_t *arm; /* of the summary */
} entrant;

typedef struct table {
  side *side;
  uint32_t n_sides;
  entrant *arm;
  uint32_t n_arms, reference;
} table;

static lp_status no_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "compare: out of memory");
}

/* ---- reading ------------------------------------------------------------------------------- */

/* The last part of a path; malloc'ed. */
static char *last_part(const char *path) {
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/') end--;
  size_t start = end;
  while (start > 0 && path[start - 1] != '/') start--;
  return strndup(path + start, end - start);
}

static lp_status open_side(const char *dir, side *s) {
  s->name = last_part(dir);
  if (!s->name) return no_memory();
  lp_status status = lp_run_folder_open(dir, &s->folder);
  if (status != LP_OK) return status;
  status = lp_run_json(dir, LP_RUN_SUMMARY, &s->summary);
  return status == LP_ERR_IO
             ? lp_fail(status, "%s is not analysed: locality analyze %s comes first", dir, dir)
             : status;
}

/* Folders of one name are told apart by their paths. */
static lp_status tell_apart(table *t, const char *const *dir) {
  for (uint32_t i = 0; i < t->n_sides; i++)
    for (uint32_t k = 0; k < i; k++) {
      if (strcmp(dir[i], dir[k]) == 0) return lp_fail(LP_ERR_ARG, "%s is there twice", dir[i]);
      if (strcmp(t->side[i].name, t->side[k].name) != 0) continue;
      free(t->side[i].name);
      free(t->side[k].name);
      t->side[i].name = strdup(dir[i]);
      t->side[k].name = strdup(dir[k]);
      if (!t->side[i].name || !t->side[k].name) return no_memory();
    }
  return LP_OK;
}

static lp_status list_arms(table *t) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < t->n_sides; i++) n += t->side[i].folder->n_arms;
  t->arm = calloc(n, sizeof *t->arm);
  if (!t->arm) return no_memory();
  for (uint32_t i = 0; i < t->n_sides; i++) {
    const side *s = &t->side[i];
    const json_t *arms = json_object_get(s->summary, "arms");
    for (uint32_t k = 0; k < s->folder->n_arms; k++) {
      entrant *e = &t->arm[t->n_arms];
      e->of = s;
      e->arm = json_object_get(arms, s->folder->arm[k].name);
      if (!e->arm)
        return lp_fail(LP_ERR_ARG, "%s has an arm %s that is not analysed: locality analyze %s",
                       s->folder->dir, s->folder->arm[k].name, s->folder->dir);
      if (asprintf(&e->name, "%s/%s", s->name, s->folder->arm[k].name) < 0) {
        e->name = NULL;
        return no_memory();
      }
      t->n_arms++;
    }
  }
  return LP_OK;
}

/* The first folder's reference, or the arm of that name. */
static lp_status find_reference(table *t, const char *reference) {
  t->reference = t->side[0].folder->reference;
  if (!reference) return LP_OK;
  const char **names = malloc(sizeof *names * t->n_arms);
  if (!names) return no_memory();
  for (uint32_t i = 0; i < t->n_arms; i++) names[i] = t->arm[i].name;
  uint32_t i = 0;
  while (i < t->n_arms && strcmp(names[i], reference) != 0) i++;
  t->reference = i;
  lp_status s = i < t->n_arms ? LP_OK
                              : lp_fail(LP_ERR_ARG, "reference: no arm is called '%s'%s", reference,
                                        lp_did_you_mean_or(reference, names, t->n_arms).text);
  free(names);
  return s;
}

static void clear(table *t) {
  for (uint32_t i = 0; i < t->n_arms; i++) free(t->arm[i].name);
  for (uint32_t i = 0; i < t->n_sides; i++) {
    free(t->side[i].name);
    lp_run_folder_close(t->side[i].folder);
    json_decref(t->side[i].summary);
  }
  free(t->arm);
  free(t->side);
}

/* ---- pairs --------------------------------------------------------------------------------- */

static const json_t *part(const side *s, const char *key, const char *in) {
  const json_t *root = s->folder->manifest;
  return json_object_get(in ? json_object_get(root, in) : root, key);
}

static bool alike(const side *a, const side *b, const char *key, const char *in) {
  const json_t *x = part(a, key, in), *y = part(b, key, in);
  return x && y && json_equal(x, y);
}

/* Why networks of one seed in two folders have nothing in common; NULL: they have. All that is
 * random depends on the seed, the data, and what cuts these into batches. */
static const char *not_paired(const side *a, const side *b) {
  if (a == b) return NULL;
  if (a->folder->imported || b->folder->imported)
    return "of imports it is not known what a seed stands for";
  return !alike(a, b, "files", "data") || !alike(a, b, "train", "data") ? "other training images"
         : !alike(a, b, "model", NULL)                                  ? "another model"
         : !alike(a, b, "batch", NULL)                                  ? "another batch size"
         : !alike(a, b, "version", NULL) ? "another version of the program"
                                         : NULL;
}

/* ---- values -------------------------------------------------------------------------------- */

/* What is compared: of a network (site NULL), or of one of its sites. */
typedef struct key {
  const char *site, *measure;
} key;

static double number(const json_t *o, const char *name) {
  const json_t *v = json_object_get(o, name);
  return json_is_number(v) ? json_number_value(v) : NAN;
}

/* V over what units in any order give on that sheet, where sheets differ. */
static double value_of(const entrant *e, const json_t *run, key k, bool fraction) {
  const char *status = json_string_value(json_object_get(run, "status"));
  if (!status || strcmp(status, "complete") != 0) return NAN;
  if (!k.site) return number(run, k.measure);
  double v = number(json_object_get(json_object_get(run, "sites"), k.site), k.measure);
  const json_t *sheet = json_object_get(json_object_get(e->arm, "sites"), k.site);
  return fraction ? v / number(sheet, "uniform") : v;
}

static bool is_variance(const char *measure) {
  return strncmp(measure, "variance", 8) == 0;
}

static bool other_sheet(const entrant *a, const entrant *b, const char *site) {
  static const char *const what[] = {"sheet", "topology"};
  const json_t *x = json_object_get(json_object_get(a->arm, "sites"), site),
               *y = json_object_get(json_object_get(b->arm, "sites"), site);
  for (int i = 0; i < 2; i++)
    if (!json_equal(json_object_get(x, what[i]), json_object_get(y, what[i]))) return true;
  return false;
}

/* x[i] and y[i]: an arm's networks and the reference's, those of one seed at one i where they are
 * pairs. Room for as many as both have. Returns how many. */
static uint32_t lay_out(const entrant *e, const entrant *ref, key k, bool fraction, bool paired,
                        double *x, double *y) {
  const json_t *own = json_object_get(e->arm, "runs"), *theirs = json_object_get(ref->arm, "runs"),
               *run, *other;
  uint32_t n = 0;
  size_t i, j;
  json_array_foreach(own, i, run) {
    x[n] = value_of(e, run, k, fraction);
    y[n] = NAN;
    json_array_foreach(theirs, j, other) {
      if (paired && json_equal(json_object_get(run, "seed"), json_object_get(other, "seed")))
        y[n] = value_of(ref, other, k, fraction);
    }
    n++;
  }
  json_array_foreach(theirs, j, other) {
    bool taken = false;
    json_array_foreach(own, i, run) taken |=
        json_equal(json_object_get(run, "seed"), json_object_get(other, "seed"));
    if (paired && taken) continue;
    x[n] = NAN;
    y[n++] = value_of(ref, other, k, fraction);
  }
  return n;
}

/* ---- one comparison ------------------------------------------------------------------------ */

/* Of the networks in the test: of a paired one, those of both. */
static lp_moments moments(const double *x, const double *y, uint32_t n, bool paired, double *room) {
  for (uint32_t i = 0; i < n; i++) room[i] = paired && !isfinite(y[i]) ? NAN : x[i];
  return lp_moments_of(room, n);
}

static lp_status compare(const table *t, uint32_t arm, key k, json_t *list) {
  const entrant *e = &t->arm[arm], *ref = &t->arm[t->reference];
  const bool fraction = k.site && is_variance(k.measure) && other_sheet(e, ref, k.site);
  const size_t most = json_array_size(json_object_get(e->arm, "runs")) +
                      json_array_size(json_object_get(ref->arm, "runs"));
  double *x = malloc(sizeof *x * (3 * most + 1)), *y = x + most, *room = y + most;
  if (!x) return no_memory();
  const uint32_t n = lay_out(e, ref, k, fraction, !not_paired(e->of, ref->of), x, y);
  lp_inference r;
  lp_status s = lp_infer(x, y, n, ALPHA, NAN, &r);
  const lp_moments own = moments(x, y, n, r.paired, room),
                   theirs = moments(y, x, n, r.paired, room);
  free(x);
  if (s != LP_OK || !own.n || !theirs.n) return s; /* one has nothing of the kind */
  const bool tested = r.verdict != LP_VERDICT_UNTESTABLE;
  json_t *o = json_pack(
      "{s:s, s:s, s:s?, s:s, s:b, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o, s:o}, "
      "s:o, s:o, s:s, s:s}",
      "arm", e->name, "reference", ref->name, "site", k.site, "measure", k.measure, "fraction",
      fraction, "analysis", r.paired ? "paired" : "welch", "n", (json_int_t)r.n, "reference_n",
      (json_int_t)r.n_b, "mean", lp_json_number(own.mean), "sd", lp_json_number(own.sd),
      "reference_mean", lp_json_number(theirs.mean), "reference_sd", lp_json_number(theirs.sd),
      "difference", "mean", lp_json_number(r.test.mean_difference), "low", lp_json_number(r.low),
      "high", lp_json_number(r.high), "t", lp_json_number(r.test.statistic), "df",
      lp_json_number(r.test.df), "p", lp_json_p(tested ? r.test.p : NAN), "q", json_null(),
      "verdict", lp_verdict_name(r.verdict), "reason", r.reason);
  return json_array_append_new(list, o) ? no_memory() : LP_OK;
}

static bool known(const key *all, uint32_t n, key k) {
  for (uint32_t i = 0; i < n; i++)
    if (strcmp(all[i].measure, k.measure) == 0 && all[i].site && strcmp(all[i].site, k.site) == 0)
      return true;
  return false;
}

/* Every number that the reference's sites have, in the order of the summary, but for counts. */
static lp_status find_keys(const table *t, key **out, uint32_t *n) {
  const json_t *runs = json_object_get(t->arm[t->reference].arm, "runs"), *run;
  json_t *sites, *site, *v;
  const char *name, *measure;
  size_t i, most = 8;
  key *all = malloc(sizeof *all * most);
  if (!all) return no_memory();
  *n = 0;
  json_array_foreach(runs, i, run) {
    sites = json_object_get(run, "sites");
    json_object_foreach(sites, name, site) json_object_foreach(site, measure, v) {
      key k = {name, measure};
      if ((!json_is_number(v) && !json_is_null(v)) || known(all, *n, k) ||
          strcmp(measure, "variance_n") == 0 || strcmp(measure, "variance_undefined") == 0)
        continue;
      key *grown = *n + 4 > most ? realloc(all, sizeof *all * (most *= 2)) : all;
      if (!grown) {
        free(all);
        return no_memory();
      }
      all = grown;
      all[(*n)++] = k;
    }
  }
  all[(*n)++] = (key){NULL, "accuracy"};
  all[(*n)++] = (key){NULL, "loss"};
  *out = all;
  return LP_OK;
}

/* ---- all ----------------------------------------------------------------------------------- */

/* The false discovery rate over all that was tested: none of it was planned. */
static lp_status adjust(json_t *list) {
  const size_t n = json_array_size(list);
  double *p = malloc(sizeof *p * (n + 1));
  if (!p) return no_memory();
  for (size_t i = 0; i < n; i++) p[i] = number(json_array_get(list, i), "p");
  lp_status s = lp_adjust_bh(p, n, p);
  for (size_t i = 0; i < n && s == LP_OK; i++)
    json_object_set_new(json_array_get(list, i), "q", lp_json_p(p[i]));
  free(p);
  return s;
}

static json_t *sides_json(const table *t) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < t->n_sides; i++) {
    const side *s = &t->side[i], *first = t->arm[t->reference].of;
    const char *why = not_paired(s, first);
    json_array_append_new(
        all,
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:s}", "name", s->name, "dir", s->folder->dir,
                  "title", s->folder->title, "arms", (json_int_t)s->folder->n_arms, "seeds",
                  (json_int_t)s->folder->n_seeds, "paired", !why, "why",
                  why          ? why
                  : s == first ? "the reference's folder"
                               : "same training images, model, batch size and version"));
  }
  return all;
}

/* Sites of the reference that an arm has not: nothing is compared there. */
static void warn_sites(const table *t, json_t *all) {
  json_t *sites = json_object_get(t->arm[t->reference].arm, "sites"), *site;
  const char *name;
  for (uint32_t i = 0; i < t->n_arms; i++) json_object_foreach(sites, name, site) {
      if (!json_object_get(json_object_get(t->arm[i].arm, "sites"), name))
        json_array_append_new(all, json_sprintf("%s has no site %s", t->arm[i].name, name));
    }
}

/* What makes numbers of two folders mean different things. */
static json_t *warnings_json(const table *t) {
  json_t *all = json_array();
  const side *first = t->arm[t->reference].of;
  for (uint32_t i = 0; i < t->n_sides; i++) {
    const side *s = &t->side[i];
    if (s == first) continue;
    if (s->folder->imported || first->folder->imported)
      json_array_append_new(all, json_sprintf("whether %s and %s saw the same images is not known",
                                              s->name, first->name));
    else if (!alike(s, first, "files", "data") || !alike(s, first, "images", "options"))
      json_array_append_new(all,
                            json_sprintf("%s was not measured on the images of %s: differences "
                                         "can be those of the images",
                                         s->name, first->name));
  }
  warn_sites(t, all);
  return all;
}

static lp_status compare_all(const table *t, json_t **out) {
  key *keys = NULL;
  uint32_t n = 0;
  json_t *list = json_array();
  lp_status s = find_keys(t, &keys, &n);
  for (uint32_t k = 0; k < n; k++)
    for (uint32_t i = 0; s == LP_OK && i < t->n_arms; i++)
      if (i != t->reference) s = compare(t, i, keys[k], list);
  free(keys);
  if (s == LP_OK) s = adjust(list);
  if (s == LP_OK)
    *out = json_pack(
        "{s:o, s:s, s:f, s:O?, s:o, s:O}", "runs", sides_json(t), "reference",
        t->arm[t->reference].name, "alpha", ALPHA, "primary",
        json_object_get(json_object_get(t->arm[t->reference].of->summary, "plan"), "primary"),
        "warnings", warnings_json(t), "comparisons", list);
  json_decref(list);
  return s == LP_OK && !*out ? no_memory() : s;
}

lp_status lp_compare_runs(const char *const *dir, uint32_t n, const char *reference, json_t **out) {
  table t = {.side = calloc(n, sizeof *t.side)};
  lp_status s = t.side ? LP_OK : no_memory();
  *out = NULL;
  for (uint32_t i = 0; s == LP_OK && i < n; i++) {
    t.n_sides++;
    s = open_side(dir[i], &t.side[i]);
  }
  if (s == LP_OK) s = tell_apart(&t, dir);
  if (s == LP_OK) s = list_arms(&t);
  if (s == LP_OK) s = find_reference(&t, reference);
  if (s == LP_OK) s = compare_all(&t, out);
  clear(&t);
  return s;
}
