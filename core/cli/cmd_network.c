/* locality network: what a network's text becomes, layer by layer. */
#include "../base/text.h"
#include "cli.h"

#include <locality/nn.h>

#include <stdlib.h>
#include <string.h>

static const cli_flag flags[] = {
    {"set", 0, "KEY=VALUE,...",
     "knobs, layers (lp=(locality:cost=sqrt)) or parameters (lp.cost=sqrt)"},
    {"channels", 0, "N", "of the images [3; 1 where they have 28 pixels a side]"},
    {"classes", 0, "N", "of the data [10]"},
    {"text", 0, NULL, "print the network in its canonical form instead"},
};

static lp_status load(const cli_args *a, lp_netspec **n) {
  lp_status status = lp_netspec_load(a->operand[0], n);
  const char *set = cli_get(a, "set");
  if (status != LP_OK || !set) return status;
  lp_netspec *changed = NULL;
  status = lp_check_keys(set);
  if (status == LP_OK) status = lp_netspec_change(*n, set, &changed);
  lp_netspec_free(*n);
  *n = changed;
  return status;
}

/* "20 x 4 x 4": one sample of a value. */
static void shape_text(const lp_desc *d, char out[64]) {
  size_t used = 0;
  out[0] = '\0';
  for (uint32_t i = 1; i < d->ndim && used < 60; i++)
    used +=
        (size_t)snprintf(out + used, 64 - used, "%s%lld", i > 1 ? " x " : "", (long long)d->dim[i]);
}

/* "7x7"; empty for a layer without a sheet. */
static void sheet_text(const lp_net_layer *l, char out[48]) {
  size_t used = 0;
  out[0] = '\0';
  for (uint32_t i = 0; i < l->ndim && used < 40; i++)
    used += (size_t)snprintf(out + used, 48 - used, "%s%u", i ? "x" : "", l->extent[i]);
}

/* The rows of the table as JSON, which the text is printed from too. */
static lp_status describe(const lp_graph *g, const lp_net *net, json_t *rows, json_t *total) {
  lp_graph_cost sum = {0};
  lp_status status = LP_OK;
  for (uint32_t i = 0; i < net->n_layers && status == LP_OK; i++) {
    const lp_net_layer *l = &net->layer[i];
    lp_graph_cost c;
    lp_desc d;
    status = lp_graph_cost_of(g, l->first, l->end, &c);
    if (status == LP_OK) status = lp_graph_shape(g, l->out, &d);
    if (status != LP_OK) break;
    char sheet[48];
    sheet_text(l, sheet);
    json_t *shape = json_array();
    for (uint32_t k = 1; k < d.ndim; k++) json_array_append_new(shape, json_integer(d.dim[k]));
    json_array_append_new(rows, json_pack("{s:s, s:s, s:o, s:s, s:s?, s:I, s:I, s:I}", "name",
                                          l->name, "layer", l->spec, "shape", shape, "sheet", sheet,
                                          "site", l->site, "parameters", (json_int_t)c.parameters,
                                          "multiply_adds", (json_int_t)c.multiply_adds, "bytes",
                                          (json_int_t)c.bytes));
    sum.parameters += c.parameters;
    sum.constants += c.constants;
    sum.multiply_adds += c.multiply_adds;
    sum.bytes += c.bytes;
  }
  json_object_set_new(total, "parameters", json_integer((json_int_t)sum.parameters));
  json_object_set_new(total, "multiply_adds", json_integer((json_int_t)sum.multiply_adds));
  json_object_set_new(total, "bytes", json_integer((json_int_t)sum.bytes));
  json_object_set_new(total, "constant_bytes", json_integer((json_int_t)sum.constants));
  return status;
}

static const char *text_of(const json_t *row, const char *key) {
  const char *text = json_string_value(json_object_get(row, key));
  return text ? text : "";
}

static long long number_of(const json_t *row, const char *key) {
  return (long long)json_integer_value(json_object_get(row, key));
}

static void print_table(const lp_graph *g, const lp_net *net, const json_t *rows,
                        const json_t *total) {
  int width[2] = {5, 6}; /* of names and shapes */
  char shape[64];
  lp_desc d;
  for (uint32_t i = 0; i < net->n_layers; i++) {
    if (lp_graph_shape(g, net->layer[i].out, &d) == LP_OK) shape_text(&d, shape);
    if ((int)strlen(net->layer[i].name) > width[0]) width[0] = (int)strlen(net->layer[i].name);
    if ((int)strlen(shape) > width[1]) width[1] = (int)strlen(shape);
  }
  printf("%s%-*s  %-*s  %-9s  %-10s %12s %14s %12s  %s%s\n", cli_bold(stdout), width[0], "layer",
         width[1], "output", "sheet", "site", "parameters", "multiply-adds", "bytes", "spec",
         cli_plain(stdout));
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    if (lp_graph_shape(g, net->layer[i].out, &d) == LP_OK) shape_text(&d, shape);
    printf("%-*s  %-*s  %-9s  %-10s %12lld %14lld %12lld  %s\n", width[0], text_of(row, "name"),
           width[1], shape, text_of(row, "sheet"), text_of(row, "site"),
           number_of(row, "parameters"), number_of(row, "multiply_adds"), number_of(row, "bytes"),
           text_of(row, "layer"));
  }
  printf("%-*s  %-*s  %-9s  %-10s %12lld %14lld %12lld\n", width[0], "all", width[1], "", "", "",
         number_of(total, "parameters"), number_of(total, "multiply_adds"),
         number_of(total, "bytes"));
}

/* Builds it for one image, as it is evaluated. */
static lp_status build(const lp_netspec *n, uint32_t channels, uint32_t classes, lp_graph **g,
                       lp_net *net) {
  uint32_t size, resize;
  lp_netspec_input(n, &size, &resize);
  lp_net_spec spec = {
      .network = n, .classes = classes, .in_channels = channels, .in_h = size, .in_w = size};
  spec.pixels = (lp_normalize_params){channels, 1 / 255.0f, {0}, {1, 1, 1, 1}};
  lp_status status = lp_graph_new(lp_netspec_name(n), g);
  return status == LP_OK ? lp_net_build(&spec, *g, 1, LP_EVAL, 0, net) : status;
}

static int run(cli_args *a) {
  lp_netspec *n = NULL;
  lp_graph *g = NULL;
  lp_net net = {0};
  const char *channels_text = cli_get(a, "channels"), *classes_text = cli_get(a, "classes");
  if (load(a, &n) != LP_OK) {
    lp_netspec_free(n);
    return cli_fail();
  }
  uint32_t size, resize;
  lp_netspec_input(n, &size, &resize);
  uint64_t channels = size == 28 ? 1 : 3, classes = 10;
  bool known_channels = !channels_text || lp_whole(channels_text, 1, 4, &channels);
  int code = CLI_OK;
  if (!known_channels || (classes_text && !lp_whole(classes_text, 1, 1u << 20, &classes))) {
    code = cli_usage(known_channels ? "--classes takes a whole number from 1 to 1048576"
                                    : "--channels takes a whole number from 1 to 4");
  } else if (cli_get(a, "text")) {
    fputs(lp_netspec_text(n), stdout);
  } else {
    json_t *rows = json_array(), *total = json_object();
    lp_status status = build(n, (uint32_t)channels, (uint32_t)classes, &g, &net);
    if (status == LP_OK) status = describe(g, &net, rows, total);
    if (status != LP_OK)
      code = cli_fail();
    else if (a->json)
      code =
          cli_print_json(json_pack("{s:s, s:s, s:i, s:i, s:O, s:O}", "network", lp_netspec_name(n),
                                   "summary", lp_netspec_summary(n), "size", (int)size, "channels",
                                   (int)channels, "layers", rows, "total", total));
    else
      print_table(g, &net, rows, total);
    json_decref(rows);
    json_decref(total);
  }
  lp_net_free(&net);
  lp_graph_free(g);
  lp_netspec_free(n);
  return code;
}

const cli_command cli_cmd_network = {
    .name = "network",
    .operands = "NAME|FILE",
    .summary = "show a network layer by layer",
    .about =
        "Prints a table of the network's layers for one image: name, shape of the output, sheet "
        "of\n"
        "units, site under which activations are kept, parameters, multiply-adds of a forward\n"
        "pass, bytes that are moved at least. `locality models` lists the networks that are\n"
        "shipped; a file's name ends in .yaml.",
    .examples = "  locality network lenet\n"
                "  locality network lenet --set sheet=9x9,lp.cost=sqrt,layer=locality\n"
                "  locality network my-network.yaml --channels 3 --classes 20 --json",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
