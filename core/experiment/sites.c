/* What an arm's networks are made of, for the manifest: the sites that they record, the priors in
 * them, and which site speaks for the arm. */
#include "experiment_internal.h"

#include "../base/text.h"

#include <string.h>

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "experiment: out of memory");
}

static json_t *extents_json(const uint32_t *extent, uint32_t n) {
  json_t *list = json_array();
  for (uint32_t i = 0; i < n; i++) json_array_append_new(list, json_integer(extent[i]));
  return list;
}

/* Units without a sheet of their own stand in a row. A sequence of one step is none. */
static json_t *site_json(const lp_site *s) {
  const uint32_t *extent = s->ndim > 1 ? s->extent : &s->units;
  json_t *o = json_pack("{s:s, s:s, s:o}", "name", s->name, "layer", s->units_of, "sheet",
                        extents_json(extent, s->ndim > 1 ? s->ndim : 1));
  if (o && s->steps > 1) json_object_set_new(o, "steps", json_integer(s->steps));
  return o;
}

static uint32_t axes_of(const uint32_t extent[LP_MAX_AXES]) {
  uint32_t n = 0;
  while (n < LP_MAX_AXES && extent[n]) n++;
  return n;
}

static json_t *prior_json(const lp_net_prior *p) {
  const lp_prior_note *n = &p->note;
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:I, s:I}, s:{s:o, s:o}}", "layer", n->layer,
                   "from", p->from, "topology", n->topology, "cost", n->cost, "metric", n->metric,
                   "normalize", n->normalize, "units", "out", (json_int_t)n->n_out, "in",
                   (json_int_t)n->n_in, "extents", "out",
                   extents_json(n->extent_out, axes_of(n->extent_out)), "in",
                   extents_json(n->extent_in, axes_of(n->extent_in)));
}

/* Number of the layer of that name; n_layers when there is none. */
static uint32_t layer_index(const lp_net *net, const char *name) {
  uint32_t i = 0;
  while (i < net->n_layers && strcmp(net->layer[i].name, name) != 0) i++;
  return i;
}

/* The first site at or behind the last layer with a prior; NULL where there is none. One unit has
 * no order in space, so it speaks for nothing. */
static const char *site_behind(const lp_net *net) {
  uint32_t last = net->n_layers;
  for (uint32_t i = 0; i < net->n_priors; i++) {
    const uint32_t at = layer_index(net, net->prior[i].note.layer);
    if (at < net->n_layers && (last == net->n_layers || at > last)) last = at;
  }
  for (uint32_t k = 0; k < net->n_sites && last < net->n_layers; k++)
    if (net->site[k].units > 1 && layer_index(net, net->site[k].layer) >= last)
      return net->site[k].name;
  return NULL;
}

lp_status lp_arm_note_network(lp_arm *arm, const lp_net *net) {
  arm->sites = json_array();
  arm->made = json_array();
  int bad = 0;
  for (uint32_t k = 0; k < net->n_sites; k++)
    bad |= json_array_append_new(arm->sites, site_json(&net->site[k]));
  for (uint32_t k = 0; k < net->n_priors; k++)
    bad |= json_array_append_new(arm->made, prior_json(&net->prior[k]));
  const char *behind = site_behind(net);
  if (behind && !(arm->behind = strdup(behind))) bad = 1;
  return bad || !arm->sites || !arm->made ? out_of_memory() : LP_OK;
}

/* ---- the headline site ---------------------------------------------------------------------- */

/* Number of the site in an arm's list; its length when it is not there. */
static size_t site_number(const lp_arm *arm, const char *name) {
  size_t i = 0;
  while (i < json_array_size(arm->sites) &&
         strcmp(json_string_value(json_object_get(json_array_get(arm->sites, i), "name")), name))
    i++;
  return i;
}

static const char *site_named(const lp_arm *arm, size_t i) {
  return json_string_value(json_object_get(json_array_get(arm->sites, i), "name"));
}

static lp_status unknown_site(const lp_arm *reference, const char *wanted) {
  const char *name[64];
  uint32_t n = 0;
  for (size_t i = 0; i < json_array_size(reference->sites) && n < 64; i++)
    name[n++] = site_named(reference, i);
  return lp_fail(LP_ERR_ARG, "site: the networks of arm %s record no site '%s'%s", reference->name,
                 wanted, lp_did_you_mean_or(wanted, name, n).text);
}

lp_status lp_headline_site(const lp_arm *arms, uint32_t n, const lp_arm *reference,
                           const char *wanted, const char **out) {
  const size_t sites = json_array_size(reference->sites);
  size_t best = sites;
  *out = NULL;
  if (*wanted && site_number(reference, wanted) == sites) return unknown_site(reference, wanted);
  if (*wanted) best = site_number(reference, wanted);
  for (uint32_t i = 0; i < n && !*wanted; i++) {
    const size_t at = arms[i].behind ? site_number(reference, arms[i].behind) : sites;
    if (at < sites && (best == sites || at > best)) best = at;
  }
  if (best == sites && sites) best = sites - 1; /* no arm has a prior */
  if (best < sites) *out = site_named(reference, best);
  return LP_OK;
}

/* ---- resuming ------------------------------------------------------------------------------- */

static const lp_run_arm *arm_named(const lp_run_folder *folder, const char *name) {
  for (uint32_t i = 0; i < folder->n_arms; i++)
    if (strcmp(folder->arm[i].name, name) == 0) return &folder->arm[i];
  return NULL;
}

static json_int_t units_of(const json_t *site) {
  size_t i;
  const json_t *extent;
  json_int_t units = 1;
  json_array_foreach(json_object_get(site, "sheet"), i, extent) units *= json_integer_value(extent);
  return units;
}

static json_int_t steps_of(const json_t *site) {
  const json_t *steps = json_object_get(site, "steps");
  return steps ? json_integer_value(steps) : 1;
}

lp_status lp_sites_check(const lp_run_folder *folder, const lp_experiment *x) {
  for (uint32_t i = 0; i < x->n_arms; i++) {
    const lp_arm *arm = &x->arms[i];
    const lp_run_arm *then = arm_named(folder, arm->name);
    size_t had = 0, k;
    const json_t *site;
    bool same = true;
    if (!then) continue; /* it is new */
    for (uint32_t n = 0; n < folder->n_sites; n++) had += then->site[n].units > 0;
    json_array_foreach(arm->sites, k, site) {
      const uint32_t at =
          lp_run_site_index(folder, json_string_value(json_object_get(site, "name")));
      same &= at < folder->n_sites && then->site[at].units == units_of(site) &&
              then->site[at].steps == steps_of(site);
    }
    if (same && had == json_array_size(arm->sites)) continue;
    return lp_fail(LP_ERR_ARG,
                   "arm %s: its network records other sites than %s has: the network was changed "
                   "since; go on with it as it was, or begin anew",
                   arm->name, folder->dir);
  }
  return LP_OK;
}
