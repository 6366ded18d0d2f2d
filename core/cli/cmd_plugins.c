/* locality plugins: what the loaded modules offer, and those that were refused. */
#include "cli.h"

#include "../base/text.h"

#include <locality/registry.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- JSON ---------------------------------------------------------------------------------- */

static json_t *limit(double v) {
  return fabs(v) < DBL_MAX && isfinite(v) ? json_real(v) : json_null();
}

static json_t *param_json(const lp_param *p) {
  static const char *const type[] = {"real", "int", "string"};
  json_t *j = json_pack("{s:s, s:s, s:s}", "name", p->name, "type", type[p->type], "meaning",
                        p->meaning ? p->meaning : "");
  if (p->type == LP_PARAM_STRING) {
    json_object_set_new(j, "default", json_string(p->text ? p->text : ""));
  } else {
    json_object_set_new(j, "default", json_real(p->value));
    json_object_set_new(j, "min", limit(p->min));
    json_object_set_new(j, "max", limit(p->max));
  }
  return j;
}

static json_t *entry_json(const lp_entry *e) {
  json_t *params = json_array();
  for (uint32_t i = 0; i < e->n_params; i++)
    json_array_append_new(params, param_json(&e->params[i]));
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "kind", lp_kind_name(e->kind), "name", e->name,
                   "summary", e->summary ? e->summary : "", "source", e->source ? e->source : "",
                   "module", lp_module_get(e->module)->file, "params", params);
}

static json_t *modules_json(void) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < lp_module_count(); i++) {
    const lp_module_info *m = lp_module_get(i);
    json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "file", m->file, "name", m->name, "version",
                          m->version, "license", m->license);
    json_object_set_new(j, "refused", m->refused ? json_string(m->refused) : json_null());
    json_object_set_new(j, "rejected", m->rejected ? json_string(m->rejected) : json_null());
    json_array_append_new(all, j);
  }
  return all;
}

/* ---- text ---------------------------------------------------------------------------------- */

static void print_param(const lp_param *p) {
  char value[64], range[80] = "";
  if (p->type == LP_PARAM_STRING) {
    snprintf(value, sizeof value, "%s", p->text && *p->text ? p->text : "none");
  } else {
    snprintf(value, sizeof value, "%.10g", p->value);
    bool low = isfinite(p->min) && p->min > -DBL_MAX, high = isfinite(p->max) && p->max < DBL_MAX;
    if (low && high)
      snprintf(range, sizeof range, ", %.10g to %.10g", p->min, p->max);
    else if (low)
      snprintf(range, sizeof range, ", %.10g or more", p->min);
    else if (high)
      snprintf(range, sizeof range, ", %.10g or less", p->max);
  }
  static const char *const type[] = {"real", "int", "string"};
  printf("    %-12s %-6s  %s [%s%s]\n", p->name, type[p->type], p->meaning ? p->meaning : "", value,
         range);
}

static void print_entry(const lp_entry *e) {
  const lp_module_info *m = lp_module_get(e->module);
  printf("%s%s %s%s: %s\n", cli_bold(stdout), lp_kind_name(e->kind), e->name, cli_plain(stdout),
         e->summary ? e->summary : "");
  if (e->source && *e->source) printf("  source: %s\n", e->source);
  printf("  module: %s %s, %s (%s)\n", m->name, m->version, m->license, m->file);
  if (e->n_params) printf("  parameters:\n");
  for (uint32_t i = 0; i < e->n_params; i++) print_param(&e->params[i]);
}

static void print_all(void) {
  for (int kind = 0; kind < LP_KIND_COUNT; kind++)
    for (uint32_t i = 0; i < lp_entry_count(); i++) {
      const lp_entry *e = lp_entry_get(i);
      if ((int)e->kind == kind)
        printf("%-9s %s%-12s%s %s\n", lp_kind_name(e->kind), cli_bold(stdout), e->name,
               cli_plain(stdout), e->summary ? e->summary : "");
    }
  for (uint32_t i = 0; i < lp_module_count(); i++) {
    const lp_module_info *m = lp_module_get(i);
    if (m->refused) printf("refused   %s: %s\n", m->file, m->refused);
    if (m->rejected) printf("refused   of %s: %s\n", m->file, m->rejected);
  }
}

/* ---- the command --------------------------------------------------------------------------- */

static int not_found(const char *name) {
  const char **names = calloc(lp_entry_count() + 1, sizeof *names);
  if (!names) return cli_fail_with("out of memory");
  for (uint32_t i = 0; i < lp_entry_count(); i++) names[i] = lp_entry_get(i)->name;
  const char *near = lp_nearest(name, names, lp_entry_count());
  free(names);
  if (near) return cli_fail_with("nothing is named '%s'; did you mean '%s'?", name, near);
  return cli_fail_with("nothing is named '%s'; `locality plugins` lists what there is", name);
}

static int run(cli_args *a) {
  const char *name = a->n_operands ? a->operand[0] : NULL;
  if (lp_registry_load() != LP_OK) return cli_fail();
  json_t *entries = json_array();
  uint32_t found = 0;
  for (uint32_t i = 0; i < lp_entry_count(); i++) {
    const lp_entry *e = lp_entry_get(i);
    if (name && strcmp(e->name, name) != 0 && strcmp(lp_module_get(e->module)->name, name) != 0)
      continue;
    found++;
    json_array_append_new(entries, entry_json(e));
    if (name && !a->json) print_entry(e);
  }
  int code = CLI_OK;
  if (name && !found)
    code = not_found(name);
  else if (a->json)
    code = cli_print_json(json_pack("{s:O, s:o}", "entries", entries, "modules", modules_json()));
  else if (!name)
    print_all();
  json_decref(entries);
  return code;
}

const cli_command cli_cmd_plugins = {
    .name = "plugins",
    .operands = "[NAME]",
    .summary = "list topologies, wiring costs, layers, measures and backends",
    .about =
        "Lists what the loaded modules offer, and modules that were refused with the reason.\n"
        "With a name: its parameters with type, default, range and meaning. Modules are looked\n"
        "for in the installed module folder, then in the folders of LOCALITY_PLUGIN_PATH; a name\n"
        "belongs to the first module that registers it.",
    .examples = "  locality plugins\n  locality plugins power\n  locality plugins --json",
    .max_operands = 1,
    .run = run,
};
