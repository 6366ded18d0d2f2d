/* A sweep's cells: every arm with every combination of the values that change it.
 *
 * An axis that means nothing to an arm (a cost, in a plain layer), or whose key the arm sets
 * itself (the cost, in the arm "gaussian"), does not multiply it. A cell is compared with the
 * reference arm's cell of the same values on the axes that both have; where there is one arm only,
 * with the first cell. */
#include "experiment_internal.h"

#include "../base/text.h"

#include <locality/network.h>
#include <locality/registry.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "sweep: out of memory");
}

/* An arm before it is crossed. */
typedef struct base_arm {
  lp_arm *arm;
  lp_netspec *network;
  bool *crossed; /* an axis each: does it change the arm? */
} base_arm;

typedef struct crossing {
  lp_experiment *x;
  base_arm *base;
  uint32_t n_base;
  lp_netspec *plain; /* the network as it is without an arm */
} crossing;

/* ---- what changes what ---------------------------------------------------------------------- */

/* The network of an arm, as it stands. */
static lp_status network_of(const lp_experiment *x, const lp_arm *arm, lp_netspec **out) {
  lp_arm_training t;
  lp_status status = lp_arm_training_open(x, arm, &t);
  if (status != LP_OK) return status;
  status = lp_net_spec_network(&t.spec.net, out);
  lp_arm_training_close(&t);
  return status == LP_OK ? LP_OK : lp_arm_fail(x, arm, status);
}

/* Does the arm set that key itself? One that names a layer sets the network's knob. */
static bool sets(const lp_arm *arm, const char *key) {
  if (!arm->set) return strcmp(key, "layer") == 0;
  char *copy = strdup(arm->set), *rest = copy;
  bool found = false;
  for (char *token; copy && *copy && !found && (token = lp_next_token(&rest));) {
    token[strcspn(token, "=")] = '\0';
    found = strcmp(lp_trim(token), key) == 0;
  }
  free(copy);
  return found;
}

static bool is_default(const lp_entry *layer, const char *param, const char *value) {
  for (uint32_t i = 0; layer && i < layer->n_params; i++) {
    const lp_param *p = &layer->params[i];
    if (strcmp(p->name, param) != 0) continue;
    return p->type == LP_PARAM_STRING ? strcmp(value, p->text) == 0
                                      : strtod(value, NULL) == p->value;
  }
  return false;
}

/* What the spec of a layer says of a parameter, malloc'ed; NULL: nothing, or the default. */
static char *parameter_of(const lp_netspec *network, const char *key) {
  const size_t len = strcspn(key, ".");
  char *layer = strndup(key, len), *found = NULL;
  const char *spec = key[len] && layer ? lp_netspec_layer(network, layer) : NULL;
  char *copy = spec ? strdup(spec) : NULL, *rest = copy ? strchr(copy, ':') : NULL;
  if (rest) *rest++ = '\0';
  for (char *token; !found && (token = lp_next_token(&rest));) {
    char *value = strchr(token, '=');
    if (!value) continue;
    *value++ = '\0';
    if (strcmp(lp_trim(token), key + len + 1) == 0 &&
        !is_default(lp_entry_find(LP_KIND_LAYER, lp_trim(copy)), key + len + 1, lp_trim(value)))
      found = strdup(lp_trim(value));
  }
  free(copy);
  free(layer);
  return found;
}

/* Does the layer that the arm names bring a value of its own, as "gaussian" brings its cost? A
 * default is none, nor is what the network says without the arm. */
static bool brings(const crossing *c, const base_arm *b, const char *key) {
  char *here = parameter_of(b->network, key), *plain = parameter_of(c->plain, key);
  const bool own = here && !(plain && strcmp(here, plain) == 0);
  free(here);
  free(plain);
  return own;
}

static bool is_setting(const char *key) {
  const lp_option *o;
  for (uint32_t i = 0; (o = lp_option_get(i)); i++)
    if (strcmp(o->name, key) == 0) return true;
  return false;
}

/* What to say of a key that is neither an option nor of any arm's network. */
static lp_status unknown_key(const crossing *c, const char *key, const char *value) {
  const char *names[64];
  uint32_t n = 0;
  const lp_option *o;
  for (uint32_t i = 0; (o = lp_option_get(i)) && n < 64; i++)
    if (o->use & LP_USE_ARM) names[n++] = o->name;
  const lp_hint near = lp_did_you_mean(key, names, strchr(key, '.') ? 0 : n);
  if (is_setting(key))
    return lp_fail(LP_ERR_ARG, "sweep: %s is the same for all arms and cannot be swept", key);
  if (*near.text)
    return lp_fail(LP_ERR_NOT_FOUND, "sweep: nothing is named '%s'%s", key, near.text);
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < c->n_base; i++) {
    lp_netspec *changed;
    status = lp_netspec_with(c->base[i].network, key, value, &changed);
    if (status == LP_OK) lp_netspec_free(changed);
    if (status != LP_OK && strstr(lp_error_message(), "did you mean")) break;
  }
  return lp_fail_in(status, "sweep");
}

/* Which arms an axis changes; that it changes one. */
static lp_status find_crossed(const crossing *c, uint32_t axis) {
  const lp_axis *a = &c->x->axes[axis];
  const bool option = lp_arm_option(a->key) != NULL;
  bool known = option, any = false;
  for (uint32_t i = 0; i < c->n_base; i++) {
    base_arm *b = &c->base[i];
    const bool has = option || lp_netspec_has(b->network, a->key);
    known |= has;
    b->crossed[axis] = has && !sets(b->arm, a->key) && !brings(c, b, a->key);
    any |= b->crossed[axis];
  }
  if (!known) return unknown_key(c, a->key, a->value[0]);
  return any ? LP_OK
             : lp_fail(LP_ERR_ARG, "sweep: every arm sets %s itself, so nothing is left to sweep",
                       a->key);
}

static lp_status begin(crossing *c, lp_arm *arms, uint32_t n) {
  c->base = calloc(n, sizeof *c->base);
  if (!c->base) return out_of_memory();
  lp_status status = network_of(c->x, &(lp_arm){.name = "plain", .layer = "plain"}, &c->plain);
  for (; c->n_base < n && status == LP_OK; c->n_base++) {
    base_arm *b = &c->base[c->n_base];
    b->arm = &arms[c->n_base];
    b->crossed = calloc(c->x->n_axes, sizeof *b->crossed);
    status = b->crossed ? network_of(c->x, b->arm, &b->network) : out_of_memory();
  }
  for (uint32_t i = 0; i < c->x->n_axes && status == LP_OK; i++)
    status = lp_settings_point(c->x->settings, c->x->preset, "sweep", c->x->axes[i].key,
                               find_crossed(c, i));
  return status;
}

static void end(crossing *c) {
  for (uint32_t i = 0; i < c->n_base; i++) {
    lp_netspec_free(c->base[i].network);
    free(c->base[i].crossed);
  }
  lp_netspec_free(c->plain);
  free(c->base);
}

/* ---- cells ---------------------------------------------------------------------------------- */

static uint64_t cells_of(const crossing *c, const base_arm *b) {
  uint64_t n = 1;
  for (uint32_t i = 0; i < c->x->n_axes && n <= LP_MOST_CELLS; i++)
    if (b->crossed[i]) n *= c->x->axes[i].n_values;
  return n;
}

static lp_status count_cells(const crossing *c, uint32_t *n) {
  uint64_t all = 0;
  for (uint32_t i = 0; i < c->n_base && all <= LP_MOST_CELLS; i++) all += cells_of(c, &c->base[i]);
  *n = (uint32_t)all;
  if (all <= LP_MOST_CELLS) return LP_OK;
  return lp_fail(LP_ERR_ARG,
                 "sweep: arms and values make more than %d cells, each of which is trained once a "
                 "seed; take fewer values",
                 LP_MOST_CELLS);
}

/* "lp+cost=sqrt+decay=0.001" */
static char *cell_name(const lp_experiment *x, const lp_arm *base, const int32_t *cell) {
  char *name = NULL;
  size_t size;
  FILE *f = open_memstream(&name, &size);
  if (!f) return NULL;
  fputs(base->name, f);
  for (uint32_t i = 0; i < x->n_axes; i++)
    if (cell[i] >= 0) fprintf(f, "+%s=%s", x->axes[i].label, x->axes[i].value[cell[i]]);
  if (fclose(f) == 0) {
    lp_make_file_name(name);
    return name;
  }
  free(name);
  return NULL;
}

/* What an arm's networks are changed by, and the values of the cell. */
static char *cell_changes(const lp_experiment *x, const base_arm *b, const int32_t *cell) {
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  const lp_arm *base = b->arm;
  const char *comma = "";
  bool named = !base->set &&
               (strcmp(base->layer, "plain") != 0 || lp_netspec_knob(b->network, "layer") != NULL);
  if (named) fprintf(f, "layer=(%s)", base->layer);
  if (base->set) fputs(base->set, f);
  if (named || (base->set && *base->set)) comma = ",";
  for (uint32_t i = 0; i < x->n_axes; i++) {
    if (cell[i] < 0) continue;
    fprintf(f, "%s%s=(%s)", comma, x->axes[i].key, x->axes[i].value[cell[i]]);
    comma = ",";
  }
  if (fclose(f) == 0) return text;
  free(text);
  return NULL;
}

/* Cell number k of an arm, the last axis fastest. */
static lp_status make_cell(const crossing *c, const base_arm *b, uint64_t k, lp_arm *out) {
  const lp_experiment *x = c->x;
  *out = (lp_arm){.cell = calloc(x->n_axes, sizeof *out->cell)};
  if (!out->cell) return out_of_memory();
  bool any = false;
  for (uint32_t i = x->n_axes; i-- > 0;) {
    out->cell[i] = b->crossed[i] ? (int32_t)(k % x->axes[i].n_values) : -1;
    if (b->crossed[i]) k /= x->axes[i].n_values;
    any |= b->crossed[i];
  }
  out->base = strdup(b->arm->name);
  out->name = cell_name(x, b->arm, out->cell);
  out->layer = strdup(b->arm->layer);
  out->set = any ? cell_changes(x, b, out->cell) : b->arm->set ? strdup(b->arm->set) : NULL;
  if (!out->base || !out->name || !out->layer || (!out->set && (any || b->arm->set)))
    return out_of_memory();
  return LP_OK;
}

/* ---- distinct cells ------------------------------------------------------------------------- */

/* Everything that an arm's networks depend on but for the seed; malloc'ed. */
static lp_status content_of(const lp_experiment *x, const lp_arm *arm, char **out) {
  lp_arm_training t;
  lp_netspec *network = NULL;
  size_t size;
  lp_status status = lp_arm_training_open(x, arm, &t);
  if (status != LP_OK) return status;
  FILE *f = open_memstream(out, &size);
  if (!f) status = out_of_memory();
  if (status == LP_OK) status = lp_net_spec_network(&t.spec.net, &network);
  const lp_option *o;
  for (uint32_t i = 0; status == LP_OK && (o = lp_option_get(i)); i++)
    if (o->use & LP_USE_ARM) fprintf(f, "%s\n", lp_setting_text(t.settings, o->name));
  char *text = status == LP_OK ? lp_netspec_full_text(network) : NULL;
  if (status == LP_OK && !text) status = out_of_memory();
  if (text) fputs(text, f);
  free(text);
  lp_netspec_free(network);
  lp_arm_training_close(&t);
  if (f && fclose(f) != 0 && status == LP_OK) status = out_of_memory();
  return status;
}

/* Two values may be the same in other words; names that files cannot tell apart get a number. */
static lp_status check_distinct(const lp_experiment *x, char **content, uint32_t i) {
  lp_arm *arm = &x->arms[i];
  lp_status status = content_of(x, arm, &content[i]);
  if (status != LP_OK) return status;
  uint32_t same = 1;
  for (uint32_t k = 0; k < i; k++) {
    if (strcmp(content[k], content[i]) == 0)
      return lp_fail(LP_ERR_ARG,
                     "sweep: %s and %s would be the same networks; take one of them out",
                     x->arms[k].name, arm->name);
    same += strcmp(x->arms[k].name, arm->name) == 0;
  }
  if (same > 1) {
    char *numbered;
    if (asprintf(&numbered, "%s+%u", arm->name, same) < 0) return out_of_memory();
    free(arm->name);
    arm->name = numbered;
  }
  return strlen(arm->name) <= 150
             ? LP_OK
             : lp_fail(LP_ERR_ARG,
                       "sweep: '%s' is too long to name files; give the arm a short one",
                       arm->name);
}

static lp_status check_cells(const lp_experiment *x) {
  char **content = calloc(x->n_arms, sizeof *content);
  if (!content) return out_of_memory();
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < x->n_arms && status == LP_OK; i++)
    status = check_distinct(x, content, i);
  for (uint32_t i = 0; i < x->n_arms; i++) free(content[i]);
  free(content);
  return status;
}

static lp_status cross(crossing *c) {
  uint32_t n, made = 0;
  lp_status status = count_cells(c, &n);
  if (status != LP_OK) return status;
  lp_arm *cells = calloc(n, sizeof *cells);
  if (!cells) return out_of_memory();
  for (uint32_t i = 0; i < c->n_base && status == LP_OK; i++) {
    const uint64_t own = cells_of(c, &c->base[i]);
    for (uint64_t k = 0; k < own && status == LP_OK; k++)
      status = make_cell(c, &c->base[i], k, &cells[made++]);
  }
  lp_arms_free(c->x->arms, c->x->n_arms);
  c->x->arms = cells;
  c->x->n_arms = made;
  return status == LP_OK ? check_cells(c->x) : status;
}

/* ---- the reference -------------------------------------------------------------------------- */

/* The cell of the arm `base` with the values of `arm` on the axes that both have; on the others the
 * first. */
static uint32_t partner(const lp_experiment *x, const lp_arm *arm, const char *base) {
  for (uint32_t i = 0; i < x->n_arms; i++) {
    const lp_arm *other = &x->arms[i];
    bool fits = strcmp(other->base, base) == 0;
    for (uint32_t k = 0; k < x->n_axes && fits; k++)
      fits = other->cell[k] < 0 || other->cell[k] == (arm->cell[k] < 0 ? 0 : arm->cell[k]);
    if (fits) return i;
  }
  return 0;
}

static void pair_cells(lp_experiment *x, const char *base, bool alone) {
  for (uint32_t i = 0; i < x->n_arms; i++)
    x->arms[i].reference = alone                                ? 0
                           : strcmp(x->arms[i].base, base) == 0 ? i
                                                                : partner(x, &x->arms[i], base);
}

lp_status lp_cells_make(lp_experiment *x) {
  const char *wanted = lp_setting_text(x->settings, "reference");
  lp_status status = lp_sweep_parse(lp_setting_text(x->settings, "sweep"), &x->axes, &x->n_axes);
  if (status != LP_OK) return status;
  uint32_t reference = lp_arms_reference(x->arms, x->n_arms, wanted);
  bool found = reference < x->n_arms;
  char *base = strdup(found ? x->arms[reference].name : "");
  if (!base) return out_of_memory();
  if (x->n_axes) {
    const bool alone = x->n_arms == 1;
    crossing c = {.x = x};
    status = begin(&c, x->arms, x->n_arms);
    if (status == LP_OK) status = cross(&c);
    end(&c);
    if (status == LP_OK && found) pair_cells(x, base, alone);
    for (reference = 0; status == LP_OK && reference < x->n_arms; reference++)
      if (strcmp(found ? x->arms[reference].base : x->arms[reference].name,
                 found ? base : wanted) == 0)
        break;
  }
  free(base);
  if (status != LP_OK) return status;
  if (reference == x->n_arms)
    return lp_fail(LP_ERR_ARG, "reference: no arm is named '%s'; arms are %s", wanted,
                   lp_setting_text(x->settings, "arms"));
  if (!x->n_axes || !found) /* one for all */
    for (uint32_t i = 0; i < x->n_arms; i++) x->arms[i].reference = reference;
  x->info.reference = x->arms[reference].name;
  return LP_OK;
}
