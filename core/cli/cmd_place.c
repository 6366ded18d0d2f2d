/* locality place: units of a trained network exchange places on their sheet. */
#include "../base/text.h"
#include "cli.h"

#include <locality/registry.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cli_flag flags[] = {
    {"layer", 'l', "LAYER", "whose units they are [lp]"},
    {"by", 'b', "WHAT", "wiring: shorter wires; alignment: like units near each other [wiring]"},
    {"rounds", 0, "N", "times that every unit is asked at most [1000]"},
    {"topology", 0, "SPEC", "where the units stand [grid]"},
    {"metric", 0, "NAME", "distance: l2, l1 or linf [l2]"},
    {"data", 'd', "DATA",
     "whose training images tell alignment and V [the data it was trained on]"},
    {"backend", 0, "DEVICE", "where to compute [auto]"},
    {"out", 'o', "FILE", "the model with units at their new places"},
};

/* "LAYER=(by=...,rounds=...)"; malloc'ed, NULL out of memory. */
static char *item_of(const cli_args *a) {
  static const char *const key[] = {"by", "rounds", "topology", "metric"};
  const char *layer = cli_get(a, "layer");
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  fprintf(f, "%s=(every=last", layer ? layer : "lp");
  for (size_t i = 0; i < 4; i++) {
    const char *value = cli_get(a, key[i]);
    if (!value && i == 1) value = "1000";
    if (value) fprintf(f, ",%s=(%s)", key[i], value);
  }
  fputc(')', f);
  if (fclose(f) == 0) return text;
  free(text);
  return NULL;
}

static json_t *pair(const double value[2]) {
  return json_pack("[o, o]", lp_json_number(value[0]), lp_json_number(value[1]));
}

static int show(const cli_args *a, const lp_placement *p, const char *layer, const char *out) {
  if (a->json)
    return cli_print_json(json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "model", out, "layer", layer, "by", p->by,
        "units", (json_int_t)p->units, "moved", (json_int_t)p->moved, "swaps", (json_int_t)p->swaps,
        "wiring", pair(p->wiring), "alignment", pair(p->alignment), "variance", pair(p->variance)));
  printf("%u of %u units of layer %s have another place, by %s, after %u exchanges\n", p->moved,
         p->units, layer, p->by, p->swaps);
  printf("%-24s %12s %12s\n", "", "before", "after");
  const struct {
    const char *name;
    const double *value;
  } row[] = {{"length of wires", p->wiring}, {"alignment", p->alignment}, {"V", p->variance}};
  for (int i = 0; i < 3; i++)
    printf("%-24s %12s %12s\n", row[i].name, lp_fixed(row[i].value[0], 4).text,
           lp_fixed(row[i].value[1], 4).text);
  printf("%s\n", out);
  return CLI_OK;
}

static int place(const cli_args *a, const lp_model *m, const lp_settings *s, const lp_dataset *data,
                 const char *item) {
  const char *out = cli_get(a, "out"), *layer = cli_get(a, "layer");
  lp_train_spec spec = {.net = *lp_model_spec(m), .settings = s};
  lp_trainer *t = NULL;
  lp_placement p;
  lp_status status = lp_trainer_new(&spec, NULL, &t);
  if (status == LP_OK) status = lp_model_apply(m, t);
  if (status == LP_OK) status = lp_trainer_place(t, item, data, &p);
  if (status == LP_OK) status = lp_model_save_placed(m, t, item, out);
  lp_trainer_free(t);
  return status == LP_OK ? show(a, &p, layer ? layer : "lp", out) : cli_fail();
}

/* Wires alone need no images: data that cannot be had are left out then. */
static int open_data(const cli_args *a, const lp_model *m, lp_dataset **data) {
  const char *wanted = cli_get(a, "data"), *name = wanted ? wanted : lp_model_data(m);
  const char *by = cli_get(a, "by");
  *data = NULL;
  if (name && lp_model_open_data(m, name, LP_SPLIT_TRAIN, data) == LP_OK) return CLI_OK;
  if (wanted) return cli_fail();
  if (!by || strcmp(by, "alignment") != 0) return CLI_OK;
  return name ? cli_fail()
              : cli_fail_with("%s does not say what it was trained on; give --data", a->operand[0]);
}

static int run(cli_args *a) {
  const char *out = cli_get(a, "out"), *device = cli_get(a, "backend");
  if (!out) return cli_usage("place: --out FILE is missing");
  int code = cli_check_outputs(&out, 1);
  if (code != CLI_OK) return code;
  lp_model *m = NULL;
  lp_settings *s = NULL;
  lp_dataset *data = NULL;
  char *item = item_of(a);
  lp_status status = item ? lp_registry_load() : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (status == LP_OK) status = lp_settings_new(&s);
  if (status == LP_OK && device) status = lp_settings_set(s, "backend", device);
  if (status == LP_OK) status = lp_model_load(a->operand[0], &m);
  code = status == LP_OK ? open_data(a, m, &data) : cli_fail();
  if (code == CLI_OK && data) cli_say_notes(a, (const lp_dataset *const *)&data, 1);
  if (code == CLI_OK) code = place(a, m, s, data, item);
  if (data) lp_dataset_close(data);
  lp_model_free(m);
  lp_settings_free(s);
  free(item);
  return code;
}

const cli_command cli_cmd_place = {
    .name = "place",
    .operands = "MODEL.safetensors --out FILE [options]",
    .summary = "let units of a trained network exchange places on their sheet",
    .about =
        "Units of a layer exchange their places where that makes wires shorter (sum of |w| d "
        "over\nthose to and from sheets), or brings units that respond alike together. Weights "
        "before and\nafter them go along: the network computes what it did. In training: the "
        "option `place`.",
    .examples = "  locality place mlp.safetensors --layer fc1 --out placed.safetensors\n"
                "  locality place mlp.safetensors --layer fc1 --by alignment --json -o "
                "placed.safetensors",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
