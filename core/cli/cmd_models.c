/* locality models: the networks that --model takes. */
#include "cli.h"

#include <locality/nn.h>

#include <string.h>

typedef struct model {
  const char *name, *summary;
  uint32_t size, resize, sheet[2];
} model;

static lp_status describe(uint32_t i, model *m) {
  m->name = lp_model_get(i, &m->summary);
  const lp_net_spec spec = {.model = m->name};
  lp_status s = lp_net_input(m->name, &m->size, &m->resize);
  return s == LP_OK ? lp_net_sheet(&spec, m->sheet) : s;
}

/* The presets that train it, from their files; empty where there are none. */
static lp_status presets_of(const char *name, json_t *out) {
  const char *preset;
  lp_status s = LP_OK;
  for (uint32_t i = 0; s == LP_OK && (preset = lp_preset_get(i, NULL)); i++) {
    lp_options o;
    s = lp_options_init(&o);
    if (s == LP_OK) s = lp_options_load(&o, preset);
    if (s == LP_OK && strcmp(o.model, name) == 0) json_array_append_new(out, json_string(preset));
    lp_options_free(&o);
  }
  return s;
}

static void print_model(const model *m, const json_t *presets) {
  char image[32], sheet[32];
  size_t i;
  json_t *preset;
  snprintf(image, sizeof image, "%u x %u", m->size, m->size);
  snprintf(sheet, sizeof sheet, "%u x %u", m->sheet[0], m->sheet[1]);
  printf("%-10s %-10s %-9s %s", m->name, image, sheet, m->summary);
  json_array_foreach(presets, i, preset)
      printf("%s%s", i ? ", " : "; presets: ", json_string_value(preset));
  putchar('\n');
}

static int run(cli_args *a) {
  json_t *all = json_array();
  if (!a->json)
    printf("%s%-10s %-10s %-9s %s%s\n", cli_bold(stdout), "model", "images", "sheet",
           "what it is; presets that train it", cli_plain(stdout));
  for (uint32_t i = 0; lp_model_get(i, NULL); i++) {
    model m = {0};
    json_t *presets = json_array();
    if (describe(i, &m) != LP_OK || presets_of(m.name, presets) != LP_OK) {
      json_decref(presets);
      json_decref(all);
      return cli_fail();
    }
    if (!a->json) print_model(&m, presets);
    json_array_append_new(all,
                          json_pack("{s:s, s:s, s:i, s:i, s:[i,i], s:o}", "name", m.name, "summary",
                                    m.summary, "image", (int)m.size, "resize", (int)m.resize,
                                    "sheet", (int)m.sheet[0], (int)m.sheet[1], "presets", presets));
  }
  if (a->json) return cli_print_json(json_pack("{s:o}", "models", all));
  json_decref(all);
  return CLI_OK;
}

const cli_command cli_cmd_models = {
    .name = "models",
    .operands = "",
    .summary = "list the networks",
    .about =
        "Lists the networks that --model takes: the images that each is made for, the sheet of\n"
        "the layer under study unless --sheet gives another, and the presets that train it.",
    .examples = "  locality models\n  locality models --json",
    .run = run,
};
