/* locality models: the networks that --model takes. */
#include "cli.h"

#include <locality/io.h>
#include <locality/nn.h>

#include <string.h>

typedef struct model {
  const char *name, *summary;
  uint32_t size, resize;
  const char *sheet; /* of the layer under study */
} model;

static void describe(const lp_netspec *n, model *m) {
  m->name = lp_netspec_name(n);
  m->summary = lp_netspec_summary(n);
  m->sheet = lp_netspec_knob(n, "sheet");
  if (!m->sheet) m->sheet = "";
  lp_netspec_input(n, &m->size, &m->resize);
}

/* The presets that train it, from their files; empty where there are none. */
static lp_status presets_of(const char *name, json_t *out) {
  char **preset = NULL;
  uint32_t n = 0;
  lp_status s = lp_preset_names(&preset, &n);
  for (uint32_t i = 0; s == LP_OK && i < n; i++) {
    lp_settings *settings;
    s = lp_settings_new(&settings);
    if (s == LP_OK) s = lp_settings_load(settings, preset[i]);
    if (s == LP_OK && strcmp(lp_setting_text(settings, "model"), name) == 0)
      json_array_append_new(out, json_string(preset[i]));
    lp_settings_free(settings);
  }
  lp_names_free(preset, n);
  return s;
}

static void print_model(const model *m, const json_t *presets) {
  char image[32];
  size_t i;
  json_t *preset;
  snprintf(image, sizeof image, "%u x %u", m->size, m->size);
  printf("%-10s %-10s %-9s %s", m->name, image, m->sheet, m->summary);
  json_array_foreach(presets, i, preset)
      printf("%s%s", i ? ", " : "; presets: ", json_string_value(preset));
  putchar('\n');
}

static int run(cli_args *a) {
  json_t *all = json_array();
  if (!a->json)
    printf("%s%-10s %-10s %-9s %s%s\n", cli_bold(stdout), "model", "images", "sheet",
           "what it is; presets that train it", cli_plain(stdout));
  char **names = NULL;
  uint32_t n = 0;
  lp_status status = lp_network_names(&names, &n);
  for (uint32_t i = 0; i < n && status == LP_OK; i++) {
    lp_netspec *network;
    json_t *presets = json_array();
    status = lp_netspec_load(names[i], &network);
    if (status == LP_OK) status = presets_of(names[i], presets);
    if (status == LP_OK) {
      model m;
      describe(network, &m);
      if (!a->json) print_model(&m, presets);
      json_array_append_new(all, json_pack("{s:s, s:s, s:i, s:i, s:s, s:O}", "name", m.name,
                                           "summary", m.summary, "image", (int)m.size, "resize",
                                           (int)m.resize, "sheet", m.sheet, "presets", presets));
    }
    json_decref(presets);
    lp_netspec_free(network);
  }
  lp_names_free(names, n);
  if (status != LP_OK) {
    json_decref(all);
    return cli_fail();
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
