/* Networks as text: what is read, what is refused and where, the canonical form, one thing changed.
 */
#include <locality/io.h>
#include <locality/nn.h>
#include <locality/registry.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

#define HAS(text, part)                                                                            \
  do {                                                                                             \
    if (!strstr((text), (part))) fail_msg("\"%s\" is not in \"%s\"", (part), (text));              \
  } while (0)

static const char three_sheets[] = "input: {size: 28}\n"
                                   "knobs: {rate: 0.25, second: plain}\n"
                                   "layers:\n"
                                   "  - flatten\n"
                                   "  - fc1: {layer: plain, sheet: 16x16}\n"
                                   "  - batchnorm\n"
                                   "  - relu: {record: h1}\n"
                                   "  - dropout:p=$rate\n"
                                   "  - fc2: {layer: $second, sheet: 10x10}\n"
                                   "  - relu: {record: h2}\n"
                                   "  - sum: {layer: add, from: [fc2, relu2]}\n"
                                   "  - fc3: {layer: plain, sheet: 49, record: h3}\n"
                                   "  - out: linear:units=$classes\n";

static lp_netspec *parsed(const char *text) {
  lp_netspec *n;
  lp_status s = lp_netspec_parse(text, "a.yaml", &n);
  if (s != LP_OK) fail_msg("%s", lp_error_message());
  return n;
}

/* Builds n on images of size x size; its error's text, or NULL. *net belongs to the caller. */
static const char *built(const lp_netspec *n, uint32_t size, uint32_t classes, lp_graph **g,
                         lp_net *net) {
  lp_net_spec spec = {.network = n,
                      .classes = classes,
                      .in_channels = 1,
                      .in_h = size,
                      .in_w = size,
                      .pixels = {1, 1, {0}, {1}}};
  assert_int_equal(lp_graph_new("test", g), LP_OK);
  return lp_net_build(&spec, *g, 3, LP_TRAIN, 0, net) == LP_OK ? NULL : lp_error_message();
}

/* ---- what is refused ------------------------------------------------------------------------ */

#define HEAD "input: {size: 8}\nlayers:\n"

typedef struct refusal {
  const char *text, *place, *reason;
} refusal;

static void refuses_text(void **state) {
  (void)state;
  static const refusal wrong[] = {
      {HEAD "  - flatten\n  - linaer:units=3\n", "a.yaml:4", "did you mean"},
      {HEAD "  - flatten\n  - linear:unit=3\n", "a.yaml:4", "did you mean"},
      {HEAD "  - flatten\n  - linear:units=0\n", "a.yaml:4", "outside"},
      {HEAD "  - a: flatten\n  - b: {layer: relu, form: a}\n", "a.yaml:4", "'from'"},
      {HEAD "  - a: flatten\n  - b: {layer: relu, from: c}\n", "a.yaml:4", "no layer is named 'c'"},
      {HEAD "  - a: {layer: relu, from: b}\n  - b: relu\n", "a.yaml:3", "comes after it"},
      {HEAD "  - a: relu\n  - b: relu\n  - a: flatten\n", "a.yaml:5: a", "line 3"},
      {HEAD "  - a: {layer: plain, sheet: 7by7}\n", "a.yaml:3: a", "sheet '7by7'"},
      {HEAD "  - a: {layer: plain, sheet: 0x7}\n", "a.yaml:3: a", "sheet '0x7'"},
      {HEAD "  - a: {layer: plain, sheet: 70000x70000}\n", "a.yaml:3: a", "sheet"},
      {HEAD "  - a: {layer: plain, sheet: $sheet}\n", "a.yaml:3: a", "$sheet is no knob"},
      {HEAD "  - a.b: relu\n", "a.yaml:3: a.b", "cannot have this name"},
      {HEAD "  - input: relu\n", "a.yaml:3: input", "cannot have this name"},
      {HEAD "  - relu: {record: x}\n  - relu: {record: x}\n", "a.yaml:4", "records a site named"},
      {HEAD "  - a: {layer: relu, layer: relu}\n", "a.yaml:3", "given twice"},
      {HEAD "  - [relu]\n", "a.yaml:3", "an entry is"},
      {"input: {size: 8}\nlayers: []\n", "a.yaml:2", "none"},
      {"input: {size: 8}\n", "a.yaml:1", "no 'layers:'"},
      {"layers:\n  - relu\n", "a.yaml:1", "no 'input"},
      {"input: {size: many}\nlayers:\n  - relu\n", "a.yaml:1", "size is not"},
      {"input: {size: 8, resize: 4}\nlayers:\n  - relu\n", "a.yaml:1", "smaller than size"},
      {"input: {size: 8}\nlayer:\n  - relu\n", "a.yaml:2", "did you mean 'layers'"},
      {HEAD "  - relu\n---\nlayers:\n  - relu\n", "a.yaml:5", "second document"},
      {HEAD "  - relu: [\n", "a.yaml:4", ""},
      {"", "a.yaml", "empty"},
      {"knobs: {relu: 1}\ninput: {size: 8}\nlayers:\n  - relu: relu\n", "a.yaml:4", "a knob has"},
      {HEAD "  - ''\n", "a.yaml:3", "its layer is empty"},
      {HEAD "  - a: {layer: '  '}\n", "a.yaml:3: a", "its layer is empty"},
      {HEAD "  - a: {layer: relu, from: a}\n", "a.yaml:3: a", "its own output"},
      {HEAD "  - b: relu\n  - a: {layer: add, from: [b, a]}\n", "a.yaml:4: a", "its own output"},
      {HEAD "  - \"re\\0lu\"\n", "a.yaml:3", "NUL"},
      {"input: {size: 8}\nknobs: {\"a\\0b\": 1}\nlayers:\n  - relu\n", "a.yaml:2", "NUL"},
      {"input: {size: 18446744073709551644}\nlayers:\n  - relu\n", "a.yaml:1", "size is not"},
      {"input: {size: -18446744073709551588}\nlayers:\n  - relu\n", "a.yaml:1", "size is not"},
      {"input: {size: ' 28'}\nlayers:\n  - relu\n", "a.yaml:1", "size is not"},
      {HEAD "  - a: {layer: plain, sheet: 18446744073709551623x7}\n", "a.yaml:3: a", "sheet '1844"},
      {"knobs: {a: $b, b: relu}\n" HEAD "  - x: $a\n", "a.yaml:4: x", "knob a: its value '$b'"},
      {"knobs: {a: 'dropout:p=$b', b: 1}\n" HEAD "  - x: $a\n", "a.yaml:4: x", "names another"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    lp_netspec *n;
    if (lp_netspec_parse(wrong[i].text, "a.yaml", &n) == LP_OK)
      fail_msg("taken: %s", wrong[i].text);
    assert_null(n);
    assert_null(strchr(lp_error_message(), '\n'));
    HAS(lp_error_message(), wrong[i].place);
    HAS(lp_error_message(), wrong[i].reason);
  }
}

/* libyaml's own parser takes a minute for these. */
static void refuses_deep_nesting(void **state) {
  (void)state;
  static const char *const open[] = {"[", "\n- "};
  for (int k = 0; k < 2; k++) {
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fputs("input: {size: 8}\nlayers: ", f);
    for (int i = 0; i < 200000; i++) fputs(i ? open[k] + strspn(open[k], "\n") : open[k], f);
    fclose(f);
    lp_netspec *n;
    assert_int_not_equal(lp_netspec_parse(text, "a.yaml", &n), LP_OK);
    HAS(lp_error_message(), ": lists and mappings are nested deeper than 64");
    free(text);
  }
}

static void refuses_too_many_layers(void **state) {
  (void)state;
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  fputs(HEAD, f);
  for (int i = 0; i < 10000; i++) fputs("  - relu\n", f);
  fclose(f);
  lp_netspec *n;
  assert_int_not_equal(lp_netspec_parse(text, "a.yaml", &n), LP_OK);
  HAS(lp_error_message(), "a.yaml:3: layers: 10000 of them");
  free(text);
}

static void refuses_shapes(void **state) {
  (void)state;
  static const refusal wrong[] = {
      {HEAD "  - flatten\n  - c: conv:channels=4\n", "a.yaml:4: c", "takes maps (N, C, H, W)"},
      {HEAD "  - f: {layer: plain, sheet: 3x3}\n", "a.yaml:3: f", "put flatten before it"},
      {HEAD "  - flatten\n  - f: plain\n", "a.yaml:4: f", "needs a sheet"},
      {HEAD "  - flatten\n  - f: {layer: 'linear:units=10', sheet: 3x3}\n", "a.yaml:4: f",
       "sheet 3x3 holds 9 units, the layer has 10"},
      {HEAD "  - c: conv:channels=4,kernel=9\n", "a.yaml:3: c", "conv2d"},
      {HEAD "  - p: maxpool:kernel=3,pad=2\n", "a.yaml:3: p", "more than half"},
      {HEAD "  - p: avgpool:kernel=9\n", "a.yaml:3: p", "inside the image"},
      {HEAD "  - a: relu\n  - b: flatten\n  - c: {layer: add, from: [a, b]}\n", "a.yaml:5: c", ""},
      {HEAD "  - a: relu\n  - c: {layer: add, from: a}\n", "a.yaml:4: c", "two inputs"},
      {HEAD "  - a: relu\n  - c: {layer: relu, from: [a, a]}\n", "a.yaml:4: c", "takes one input"},
      {HEAD "  - c: {layer: 'conv:channels=4', record: x}\n", "a.yaml:3: c", "can be recorded"},
      {HEAD "  - flatten\n  - f: {layer: plain, sheet: 3x3}\n", "a.yaml:4: f",
       "the data have 10 classes"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    lp_netspec *n = parsed(wrong[i].text);
    lp_graph *g;
    lp_net net;
    const char *error = built(n, 8, 10, &g, &net);
    if (!error) fail_msg("taken: %s", wrong[i].text);
    HAS(error, wrong[i].place);
    HAS(error, wrong[i].reason);
    lp_net_free(&net);
    lp_graph_free(g);
    lp_netspec_free(n);
  }
}

/* ---- what is built -------------------------------------------------------------------------- */

static void builds_sites(void **state) {
  (void)state;
  lp_netspec *n = parsed(three_sheets);
  lp_graph *g;
  lp_net net;
  const char *error = built(n, 28, 7, &g, &net);
  if (error) fail_msg("%s", error);
  assert_int_equal(net.n_sites, 3);
  static const struct {
    const char *name, *layer, *units_of;
    uint32_t units, ndim, rows;
  } site[] = {{"h1", "relu1", "fc1", 256, 2, 16},
              {"h2", "relu2", "fc2", 100, 2, 10},
              {"h3", "fc3", "fc3", 49, 1, 49}};
  for (int i = 0; i < 3; i++) {
    assert_string_equal(net.site[i].units_of, site[i].units_of);
    assert_string_equal(net.site[i].name, site[i].name);
    assert_string_equal(net.site[i].layer, site[i].layer);
    assert_int_equal(net.site[i].units, site[i].units);
    assert_int_equal(net.site[i].ndim, site[i].ndim);
    assert_int_equal(net.site[i].extent[0], site[i].rows);
  }
  assert_ptr_equal(lp_net_site(&net, "h2"), &net.site[1]);
  assert_null(lp_net_site(&net, "h4"));
  lp_desc d;
  assert_int_equal(lp_graph_shape(g, net.logits, &d), LP_OK);
  assert_int_equal(d.dim[1], 7);
  lp_graph_cost c;
  assert_int_equal(lp_graph_cost_of(g, 1, lp_graph_value_count(g) + 1, &c), LP_OK);
  assert_int_equal(c.parameters, (784 * 256 + 256) + 2 * 256 + (256 * 100 + 100) + (100 * 49 + 49) +
                                     (49 * 7 + 7));
  lp_net_free(&net);
  lp_graph_free(g);
  lp_netspec_free(n);
}

/* Every step of a sequence, also where there is but one, of one channel or more; the last of them
 * is what a layer behind `last` sees. */
static void sites_with_steps(void **state) {
  (void)state;
  static const char *const output[] = {"all", "last"};
  for (uint32_t size = 1; size <= 9; size += 8)
    for (int k = 0; k < 2; k++) {
      char text[400];
      snprintf(text, sizeof text,
               HEAD "  - sequence: {layer: sequence, record: rows}\n"
                    "  - rec: {layer: 'recurrent:cell=gru,output=%s', sheet: 3x5, record: h}\n"
                    "  - relu: {record: on}\n  - end: {layer: last, from: rec, record: end}\n"
                    "  - out: linear:units=$classes\n",
               output[k]);
      lp_netspec *n = parsed(text);
      lp_graph *g;
      lp_net net;
      lp_desc d;
      const char *error = built(n, size, 10, &g, &net);
      if (error) fail_msg("%s", error);
      const uint32_t steps[] = {size, k ? 1 : size, k ? 1 : size, 1};
      const uint32_t units[] = {size, 15, 15, 15};
      assert_int_equal(net.n_sites, 4);
      for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(net.site[i].steps, steps[i]);
        assert_int_equal(net.site[i].units, units[i]);
        assert_int_equal(net.site[i].ndim, i ? 2 : 0);
        assert_string_equal(net.site[i].units_of, i ? "rec" : "sequence");
      }
      assert_int_equal(lp_graph_shape(g, net.site[3].val, &d), LP_OK);
      assert_int_equal(d.ndim, 2);
      lp_net_free(&net);
      lp_graph_free(g);
      lp_netspec_free(n);
    }
}

/* Priors as they were built: what the topology made of the sheets, and whose units they connect. */
static void lists_priors(void **state) {
  (void)state;
  lp_netspec *n = parsed(
      HEAD "  - conv1: {layer: 'conv:channels=6', sheet: 2x3}\n  - maxpool\n"
           "  - conv2: {layer: 'conv:channels=4,cost=sqrt,topology=torus', sheet: 2x2}\n"
           "  - relu\n  - flatten\n  - fc1: {layer: plain, sheet: 4x5}\n  - tanh\n"
           "  - fc2: {layer: 'locality:topology=ring,normalize=fan_in', sheet: 4x5, record: b}\n"
           "  - fc3: {layer: 'locality:cost=(power:p=2),metric=l1', sheet: 7x3}\n"
           "  - out: linear:units=$classes\n");
  lp_graph *g;
  lp_net net;
  const char *error = built(n, 8, 10, &g, &net);
  if (error) fail_msg("%s", error);
  static const struct {
    const char *layer, *from, *topology, *cost, *metric, *normalize;
    uint32_t ndim, out[2], in[2];
  } want[] = {
      {"conv2", "conv1", "torus", "sqrt", "l2", "none", 2, {2, 2}, {2, 3}},
      {"fc2", "fc1", "ring", "linear", "l2", "fan_in", 1, {20}, {20}},
      {"fc3", "fc2", "grid", "power:p=2", "l1", "none", 2, {7, 3}, {4, 5}},
  };
  assert_int_equal(net.n_priors, 3);
  for (int i = 0; i < 3; i++) {
    const lp_prior_note *p = &net.prior[i].note;
    assert_string_equal(p->layer, want[i].layer);
    assert_string_equal(net.prior[i].from, want[i].from);
    assert_string_equal(p->topology, want[i].topology);
    assert_string_equal(p->cost, want[i].cost);
    assert_string_equal(p->metric, want[i].metric);
    assert_string_equal(p->normalize, want[i].normalize);
    assert_int_equal(p->ndim, want[i].ndim);
    for (uint32_t a = 0; a < p->ndim; a++) {
      assert_int_equal(p->extent_out[a], want[i].out[a]);
      assert_int_equal(p->extent_in[a], want[i].in[a]);
    }
  }
  lp_net_free(&net);
  lp_graph_free(g);
  lp_netspec_free(n);

  n = parsed(HEAD "  - sequence\n  - r: {layer: 'recurrent:cost=linear', sheet: 3x4}\n"
                  "  - out: linear:units=$classes\n");
  error = built(n, 8, 10, &g, &net);
  if (error) fail_msg("%s", error);
  assert_int_equal(net.n_priors, 1);
  assert_string_equal(net.prior[0].from, "r");
  assert_int_equal(net.prior[0].note.n_in, 12);
  lp_net_free(&net);
  lp_graph_free(g);
  lp_netspec_free(n);
}

static void canonical_text_reads_back(void **state) {
  (void)state;
  char **names;
  uint32_t count;
  assert_int_equal(lp_network_names(&names, &count), LP_OK);
  assert_true(count >= 5);
  for (uint32_t i = 0; i < count; i++) {
    lp_netspec *n, *again;
    if (lp_netspec_load(names[i], &n) != LP_OK) fail_msg("%s", lp_error_message());
    assert_true(strlen(lp_netspec_summary(n)) > 0);
    uint32_t size[2], resize[2];
    lp_netspec_input(n, &size[0], &resize[0]);
    again = parsed(lp_netspec_text(n));
    lp_netspec_input(again, &size[1], &resize[1]);
    assert_int_equal(size[0], size[1]);
    assert_int_equal(resize[0], resize[1]);
    assert_string_equal(lp_netspec_text(n), lp_netspec_text(again));
    lp_netspec_free(n);
    lp_netspec_free(again);
  }
  lp_names_free(names, count);
}

/* Also where the number of classes is in it, and with a knob of any length. */
static void canonical_layers(void **state) {
  (void)state;
  char text[600], knob[71];
  memset(knob, 'k', 70);
  knob[70] = '\0';
  snprintf(text, sizeof text,
           "knobs: {%s: recurrent, rate: 0.5}\n" HEAD "  - $%s:cell=gru\n"
           "  - dropout: dropout:of=channels,p=$rate\n"
           "  - c: conv:kernel=3, channels=$classes ,bias=00\n",
           knob, knob);
  lp_netspec *n = parsed(text), *again = parsed(lp_netspec_text(n));
  HAS(lp_netspec_text(n), "  - dropout: {layer: 'dropout:p=0.5,of=channels'}\n");
  HAS(lp_netspec_text(n), "  - c: {layer: 'conv:channels=$classes,kernel=3,stride=1,");
  HAS(lp_netspec_text(n), ",bias=0,");
  HAS(lp_netspec_text(n), "{layer: 'recurrent:cell=gru,output=");
  assert_string_equal(lp_netspec_text(n), lp_netspec_text(again));
  lp_netspec_free(n);
  lp_netspec_free(again);
}

/* Parameters before `flatten`: those of the published networks without their fully
 * connected layers. */
static void published_sizes(void **state) {
  (void)state;
  static const struct {
    const char *name;
    uint32_t parameters;
  } published[] = {
      {"alexnet", 2469696},      /* torchvision's alexnet: 61,100,840 less 58,631,144 */
      {"vgg11", 9220480},        /* torchvision's vgg11: 132,863,336 less 123,642,856 */
      {"resnet18", 11176512},    /* torchvision's resnet18: 11,689,512 less 513,000 */
      {"resnet18-32", 11168832}, /* a first convolution of 3 x 3 instead of 7 x 7 */
      {"resnet18-64", 11168832},
  };
  for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
    lp_netspec *n;
    lp_graph *g;
    lp_net net;
    uint32_t size, resize, k = 0;
    assert_int_equal(lp_netspec_load(published[i].name, &n), LP_OK);
    lp_netspec_input(n, &size, &resize);
    lp_net_spec spec = {.network = n,
                        .classes = 10,
                        .in_channels = 3,
                        .in_h = size,
                        .in_w = size,
                        .pixels = {3, 1, {0}, {1, 1, 1}}};
    assert_int_equal(lp_graph_new("test", &g), LP_OK);
    if (lp_net_build(&spec, g, 2, LP_TRAIN, 0, &net) != LP_OK) fail_msg("%s", lp_error_message());
    while (strcmp(net.layer[k].spec, "flatten") != 0) k++;
    lp_graph_cost c;
    assert_int_equal(lp_graph_cost_of(g, 1, net.layer[k].first, &c), LP_OK);
    assert_int_equal(c.parameters, published[i].parameters);
    lp_net_free(&net);
    lp_graph_free(g);
    lp_netspec_free(n);
  }
}

/* ---- one thing changed ---------------------------------------------------------------------- */

static void changes_one_thing(void **state) {
  (void)state;
  static const struct {
    const char *key, *value, *line;
  } set[] = {
      {"rate", "0.75", "  - dropout1: {layer: 'dropout:p=0.75,of=units'}\n"},
      {"dropout1.of", "channels", "  - dropout1: {layer: 'dropout:p=0.25,of=channels'}\n"},
      {"fc1.sheet", "12x12", "  - fc1: {layer: 'plain', sheet: '12x12'}\n"},
      {"fc3.record", "top", "  - fc3: {layer: 'plain', sheet: '49', record: 'top'}\n"},
      {"fc2", "locality:cost=(power:p=2)",
       "  - fc2: {layer: 'locality:topology=grid,cost=power:p=2,metric=l2,normalize=none', "
       "sheet: '10x10'}\n"},
      {"second", "locality:cost=sqrt",
       "  - fc2: {layer: 'locality:topology=grid,cost=sqrt,metric=l2,normalize=none', sheet: "
       "'10x10'}\n"},
  };
  lp_netspec *n = parsed(three_sheets), *changed, *both;
  char *before = strdup(lp_netspec_text(n));
  for (size_t i = 0; i < sizeof set / sizeof *set; i++) {
    if (lp_netspec_with(n, set[i].key, set[i].value, &changed) != LP_OK)
      fail_msg("%s", lp_error_message());
    HAS(lp_netspec_text(changed), set[i].line);
    lp_netspec_free(changed);
  }
  assert_string_equal(lp_netspec_text(n), before); /* the first stays as it was */
  /* a parameter of the layer that a knob names */
  assert_int_equal(lp_netspec_with(n, "second", "locality", &changed), LP_OK);
  assert_int_equal(lp_netspec_with(changed, "fc2.cost", "power:s=2,p=1", &both), LP_OK);
  HAS(lp_netspec_text(both), "cost=(power:s=2,p=1)");
  lp_netspec_free(changed);
  lp_netspec_free(both);

  /* counted names stay with their layers, whatever becomes of others */
  assert_int_equal(lp_netspec_change(n, "relu1=tanh,relu2=tanh", &changed), LP_OK);
  HAS(lp_netspec_text(changed), "  - relu1: {layer: 'tanh', record: 'h1'}\n");
  HAS(lp_netspec_text(changed), "  - relu2: {layer: 'tanh', record: 'h2'}\n");
  lp_netspec_free(changed);

  static const struct {
    const char *key, *value, *reason;
  } wrong[] = {
      {"rat", "1", "did you mean 'rate'"},
      {"fc9", "plain", "did you mean 'fc"},
      {"fc9.sheet", "2x2", "no layer named"},
      {"fc1.cost", "sqrt", "no parameter"},
      {"rate", "2", "outside"},
      {"fc1.sheet", "x", "sheet 'x'"},
      {"fc1", "nosuch", "no layer is called"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_not_equal(lp_netspec_with(n, wrong[i].key, wrong[i].value, &changed), LP_OK);
    assert_null(changed);
    HAS(lp_error_message(), wrong[i].reason);
  }
  free(before);
  lp_netspec_free(n);
}

/* ---- penalties ------------------------------------------------------------------------------ */

static void penalties_as_text(void **state) {
  (void)state;
  static const char text[] =
      "input: {size: 8}\nknobs: {strength: 0.5}\nlayers:\n  - flatten\n"
      "  - fc: {layer: plain, sheet: 4x4, penalty: \"wiring_l1:weight=$strength,k=2\"}\n"
      "  - relu: {record: top}\n  - linear:units=$classes\n";
#define REST ",first=1,last=0,every=10,gamma=0.1,k=2,l0=1,bias=0,reduce=sum,topology=grid,metric=l2"
  static const struct {
    const char *changes, *has;
  } taken[] = {
      {"strength=0.25", "penalty: 'wiring_l1:weight=0.25,schedule=constant" REST "'"},
      {"fc.penalty.weight=2", "penalty: 'wiring_l1:weight=2,schedule=constant" REST "'"},
      {"penalty.fc.schedule=cosine", "penalty: 'wiring_l1:weight=0.5,schedule=cosine" REST "'"},
      {"penalty.top=(wiring_l1:k=3)", "  - relu1: {layer: 'relu', record: 'top', penalty: 'wiring"},
      {"fc.penalty=none", "  - fc: {layer: 'plain', sheet: '4x4'}\n"},
      {"penalty.fc=none", "  - fc: {layer: 'plain', sheet: '4x4'}\n"},
      {"penalty.fc=((wiring_l1:k=2),(wiring_l1:k=3))",
       "penalty: ['wiring_l1:weight=1,schedule=constant" REST "', 'wiring_l1:weight=1,"},
      {"fc.penalty=((wiring_l1:k=2))", "penalty: 'wiring_l1:weight=1,schedule=constant" REST "'}"},
  };
  static const struct {
    const char *changes, *reason;
  } refused[] = {
      {"penalty.fd=wiring_l1", "did you mean 'fc'"},
      {"penalty.fc=wiring_l2", "did you mean 'wiring_l1'"},
      {"penalty.fc.weigth=2", "did you mean 'weight'"},
      {"fc.penalty.weight=-1", "outside"},
      {"fc.penalty.schedule=sinus", "constant"},
      {"relu1.penalty.weight=1", "no penalty"},
      {"penalty.fc=((wiring_l1:k=2),(wiring_l1:k=2))", "wiring_l1:k=2 is given twice"},
      {"penalty.fc=((wiring_l1),(wiring_l2))", "did you mean 'wiring_l1'"},
  };
  lp_netspec *n = parsed(text), *changed, *again;
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
    if (lp_netspec_change(n, taken[i].changes, &changed) != LP_OK)
      fail_msg("%s", lp_error_message());
    HAS(lp_netspec_text(changed), taken[i].has);
    again = parsed(lp_netspec_text(changed));
    assert_string_equal(lp_netspec_text(changed), lp_netspec_text(again));
    lp_netspec_free(changed);
    lp_netspec_free(again);
  }
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    if (lp_netspec_change(n, refused[i].changes, &changed) == LP_OK)
      fail_msg("taken: %s", refused[i].changes);
    HAS(lp_error_message(), refused[i].reason);
  }
  assert_true(lp_netspec_has(n, "penalty.fc"));
  assert_true(lp_netspec_has(n, "penalty.fc.weight"));
  assert_true(lp_netspec_has(n, "fc.penalty.k"));
  assert_false(lp_netspec_has(n, "fc.penalty.kk"));
  assert_false(lp_netspec_has(n, "penalty.fd"));
  lp_netspec_free(n);
}

/* Of several, a parameter goes by the penalty's name, from the second of it on with a number. */
static void several_penalties(void **state) {
  (void)state;
  lp_netspec *n = parsed(
                 HEAD
                 "  - flatten\n  - fc: {layer: plain, sheet: 4x4, penalty: [wiring_l1, "
                 "\"wiring_l1:k=2\", \"jacobs_jordan:weight=3\"]}\n  - linear:units=$classes\n"),
             *changed;
  static const char *const taken[] = {"penalty.fc.jacobs_jordan.weight=7",
                                      "fc.penalty.wiring_l1.weight=7",
                                      "penalty.fc.wiring_l1.2.weight=7"};
  static const char *const has[] = {"'jacobs_jordan:weight=7,", "['wiring_l1:weight=7,",
                                    "reduce=sum,topology=grid,metric=l2', 'wiring_l1:weight=7,"};
  for (int i = 0; i < 3; i++) {
    assert_int_equal(lp_netspec_change(n, taken[i], &changed), LP_OK);
    HAS(lp_netspec_text(changed), has[i]);
    lp_netspec_free(changed);
  }
  assert_true(lp_netspec_has(n, "penalty.fc.wiring_l1.2.k"));
  assert_false(lp_netspec_has(n, "penalty.fc.weight"));
  assert_int_not_equal(lp_netspec_change(n, "penalty.fc.weight=2", &changed), LP_OK);
  HAS(lp_error_message(), "fc has 3 penalties and no 'weight' among their parameters");
  lp_netspec_free(n);
}

static void penalty_strengths(void **state) {
  (void)state;
  static const struct {
    const char *spec;
    uint32_t epoch, epochs;
    double strength;
  } row[] = {
      {"wiring_l1", 7, 9, 1},
      {"wiring_l1:weight=0.5", 0, 1, 0.5},
      {"wiring_l1:weight=8,schedule=linear", 0, 5, 8},
      {"wiring_l1:weight=8,schedule=linear", 1, 5, 6},
      {"wiring_l1:weight=8,schedule=linear", 4, 5, 0},
      {"wiring_l1:weight=8,schedule=linear,first=0,last=2", 3, 5, 12},
      {"wiring_l1:weight=2,schedule=cosine", 0, 4, 2},
      {"wiring_l1:weight=2,schedule=cosine", 1, 4, 1.5}, /* 2 (1 + cos(pi/3)) / 2 */
      {"wiring_l1:weight=2,schedule=cosine,last=0.5", 3, 4, 1},
      {"wiring_l1:weight=2,schedule=cosine", 0, 1, 2},
      {"wiring_l1:weight=4,schedule=steps,every=3,gamma=0.5", 2, 9, 4},
      {"wiring_l1:weight=4,schedule=steps,every=3,gamma=0.5", 8, 9, 1},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    double got;
    assert_int_equal(lp_penalty_strength(row[i].spec, row[i].epoch, row[i].epochs, &got), LP_OK);
    if (fabs(got - row[i].strength) > 1e-12) fail_msg("%s: %g", row[i].spec, got);
  }
}

static void penalty_needs_weights(void **state) {
  (void)state;
  lp_netspec *n = parsed(HEAD "  - flatten\n  - r: {layer: relu, penalty: wiring_l1}\n"
                              "  - linear:units=$classes\n");
  lp_graph *g;
  lp_net net;
  const char *error = built(n, 8, 10, &g, &net);
  assert_non_null(error);
  HAS(error, "a.yaml:4: r: penalty wiring_l1: the layer has no weights");
  lp_net_free(&net);
  lp_graph_free(g);
  lp_netspec_free(n);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_text),
      cmocka_unit_test(refuses_deep_nesting),
      cmocka_unit_test(refuses_too_many_layers),
      cmocka_unit_test(refuses_shapes),
      cmocka_unit_test(builds_sites),
      cmocka_unit_test(sites_with_steps),
      cmocka_unit_test(lists_priors),
      cmocka_unit_test(canonical_text_reads_back),
      cmocka_unit_test(canonical_layers),
      cmocka_unit_test(published_sizes),
      cmocka_unit_test(changes_one_thing),
      cmocka_unit_test(penalties_as_text),
      cmocka_unit_test(several_penalties),
      cmocka_unit_test(penalty_strengths),
      cmocka_unit_test(penalty_needs_weights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
