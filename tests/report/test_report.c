/* test_report.c: the report of made-up run folders: complete, escaped, well-formed, self-contained,
 * repeatable, and honest about what is missing. */
#include "page.h"
#include "sample_run.h"

#include <jansson.h>
#include <locality/io.h>
#include <locality/registry.h>
#include <locality/report.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const sample_run small = {.title = "LeNet on MNIST",
                                 .rows = 7,
                                 .cols = 7,
                                 .classes = 10,
                                 .seeds = 3,
                                 .epochs = 4,
                                 .images = 60,
                                 .diverging = true};

static char root[] = "/tmp/locality-report-XXXXXX";
static bool have_gnuplot;

/* A new empty folder for a run; a few of them stay until the end of the program. */
static const char *folder(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", root, name);
  return path;
}

static char *read_in(const char *dir, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  static void *data; /* static: gcc takes the result for a pointer to a local */
  size_t n = 0;
  assert_int_equal(lp_read_file(path, &data, &n), LP_OK);
  return data;
}

static bool exists(const char *dir, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return access(path, F_OK) == 0;
}

static char *report_of(const char *dir) {
  if (lp_report_write(dir) != LP_OK) fail_msg("%s", lp_error_message());
  char *page = read_in(dir, "report.html");
  check_well_formed(page);
  check_self_contained(page);
  return page;
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* Contrasts stand beside the comparisons with the reference, in both tables of a measure. */
static void test_contrasts(void **state) {
  (void)state;
  const char *dir = folder("contrasts");
  sample_run_make(dir, &small);
  char path[512];
  snprintf(path, sizeof path, "%s/summary.json", dir);
  json_t *o = json_load_file(path, 0, NULL), *one = NULL, *c;
  size_t i;
  json_array_foreach(json_object_get(o, "comparisons"), i,
                     c) if (json_is_true(json_object_get(c, "primary")) && !one) one =
      json_deep_copy(c);
  assert_non_null(one);
  json_object_set_new(one, "arm", json_string("near"));
  json_object_set_new(one, "reference", json_string("far<"));
  json_object_set_new(one, "contrast", json_string("order"));
  json_object_set_new(o, "contrasts", json_pack("[o]", one));
  assert_int_equal(json_dump_file(o, path, 0), 0);
  json_decref(o);
  char *page = report_of(dir);
  const char *first = strstr(page, "<th scope=\"row\">near against far&lt;</th>");
  assert_non_null(first);
  must_contain(first + 1, "<th scope=\"row\">near against far&lt;</th>");
  free(page);
}

/* Tests of many arms stand there where they were planned, with the numbers of the summary. */
static void test_tests_of_many(void **state) {
  (void)state;
  const char *dir = folder("many");
  sample_run_make(dir, &small);
  char path[512], *page = report_of(dir);
  must_lack(page, "Many arms");
  must_lack(page, "Dunnett");
  free(page);
  snprintf(path, sizeof path, "%s/summary.json", dir);
  json_t *o = json_load_file(path, 0, NULL), *c;
  size_t i;
  json_array_foreach(json_object_get(o, "comparisons"), i, c) {
    json_object_set_new(c, "decimals", json_integer(2));
    json_object_set_new(c, "dunnett",
                        json_pack("{s:i, s:i, s:f, s:i, s:f, s:f, s:f}", "arms", 2, "seeds", 3, "t",
                                  2.5, "df", 4, "p", 0.1072, "low", -0.214, "high", 1.424));
  }
  static const char many[] =
      "[{\"measure\": \"accuracy\", \"site\": null, \"reference\": \"control\","
      " \"analysis\": \"blocks\", \"arms\": 3, \"seeds\": 3,"
      " \"f\": {\"statistic\": 5.126, \"df\": 2, \"p\": 0.0789}},"
      " {\"measure\": \"variance\", \"site\": \"lp_out\", \"reference\": \"control\","
      " \"analysis\": \"one way\","
      " \"anova\": {\"statistic\": 4.25, \"df\": 2, \"p\": 0.07, \"df_within\": 5},"
      " \"kruskal_wallis\": {\"statistic\": 3.5, \"df\": 2, \"p\": 0.1738}},"
      " {\"measure\": \"moran_i\", \"site\": \"lp_out\", \"reference\": \"control\","
      " \"analysis\": \"blocks\", \"arms\": 3, \"seeds\": 3,"
      " \"f\": {\"statistic\": 77.77, \"df\": 2, \"p\": 0.5}}]";
  json_object_set_new(o, "many_arms", json_loads(many, 0, NULL));
  assert_int_equal(json_dump_file(o, path, 0), 0);
  json_decref(o);
  page = report_of(dir);
  static const char *const shown[] = {
      "<td class=\"text\">F, seeds as blocks</td><td>3</td><td>9</td><td>2, 4</td><td>5.13</td>"
      "<td title=\"p = 0.0789\">0.079</td>",
      "<td class=\"text\">F, one way</td><td>3</td><td>8</td><td>2, 5</td><td>4.25</td>",
      "<td class=\"text\">H of Kruskal and Wallis</td><td>3</td><td>8</td><td>2</td>"
      "<td>3.50</td>",
      "<td class=\"text\">linear against control</td><td>3</td>"
      "<td title=\"95.00 % for all 2 arms at once\">[\342\210\2220.21, 1.42]</td>"
      "<td>2.50 (4)</td><td title=\"p = 0.107\">0.107</td>",
      "Dunnett, J Am Stat Assoc 1955"};
  for (i = 0; i < sizeof shown / sizeof *shown; i++) must_contain(page, shown[i]);
  must_lack(page, "77.77"); /* was not planned */
  free(page);
}

static void test_numbers(void **state) {
  (void)state;
  const char *dir = folder("numbers");
  sample_run_make(dir, &small);
  char *page = report_of(dir);
  must_lack(page, "Top-5"); /* of ten classes it says nothing */
  /* an arm of which no network is left, and a line that a crash cut short */
  must_contain(page,
               "<th scope=\"row\">torus</th><td>3</td><td>3</td><td>0</td><td>3</td><td>0</td>"
               "<td>3</td><td title=\"p = 0.1\">0.100</td>");
  must_contain(page, "1 line of metrics.jsonl is not whole");
  static const char *const shown[] = {
      "<h1>LeNet on MNIST</h1>",
      "Accuracy with the locality prior (98.07 %)", /* the answer */
      "98.07 \xc2\xb1 0.11",                        /* accuracy */
      "0.110 \xc2\xb1 0.004",
      "8.122 \xc2\xb1 0.208",
      "8.107 \xc2\xb1 0.124",
      "0.15 (2)", /* paired */
      "0.883",
      "[\342\210\2220.385, 0.415]", /* a minus sign, not a hyphen */
      ("<th scope=\"row\">linear</th><td class=\"verdict verdict-different\" title=\"the interval "
       "excludes 0\">higher</td><td>0.61</td><td title=\"97.50 % interval\">[0.21, 1.01]</td>"),
      "spatial variance V at lp_out, spacings\302\262</th>",
      "6.49 (997)", /* per image */
      "&lt; 0.001",
      "7 of 15 pairs at lp_in and 6 of 15 pairs at lp_out",
      "Images are not replicates.",
      "8.167",                /* uniform */
      "7.550 \xc2\xb1 0.010", /* untrained */
      "V 8.458 in linear, 8.667 in control",
      "epoch 3 at step 2203, learning rate 0.1", /* a loss that is not finite */
      "6 of 9 networks (3 arms, 3 seeds) finished",
      "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
      "weight-decay",
      "Moran\xe2\x80\x99s I",
      "locality:cost=linear,<wbr />topology=grid,<wbr />metric=l2,<wbr />normalize=none</code>",
  };
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) must_contain(page, shown[i]);
  free(page);
}

/* The first number behind `what` in a file, and that behind `after` further on. */
static double number_after(const char *file, const char *what, const char *after) {
  const char *s = strstr(file, what);
  s = s ? strstr(s, after) : NULL;
  if (!s) fail_msg("no %s behind %s", after, what);
  return strtod(s + strlen(after), NULL);
}

/* Tables for those who compute on hold the numbers as they are, not as the page rounds them. */
static void test_exact_tables(void **state) {
  (void)state;
  const char *dir = folder("exact");
  sample_run_make(dir, &small);
  free(report_of(dir));
  char *metrics = read_in(dir, "metrics.jsonl");
  char *csv = read_in(dir, "figures/learning.csv");
  const char *epoch = "\"arm\": \"linear\", \"seed\": 1, \"epoch\": 4, \"steps\"";
  assert_true(number_after(csv, "\"linear\",1,4,", "1,4,") ==
              number_after(metrics, epoch, "\"train_loss\": "));
  free(csv);
  free(metrics);
  static const struct {
    const char *file, *line;
  } rows[] = {
      {"figures/variance.csv", "2,2,\"linear\",any order,2,8.1667,0.47\n"},
      {"figures/differences.csv", "1,\"variance\",\"lp_out\",2,\"linear\",0.0153,-0.3847,0.4153,"},
      {"figures/prior_distance.csv", "2,\"linear\",1.4142135623730951,0.4142135623730951\n"},
      {"figures/connections.csv", "0,0,2,2,0.3333333333333333,3\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    csv = read_in(dir, rows[i].file);
    must_contain(csv, rows[i].line);
    free(csv);
  }
}

/* Units are drawn as squares: no viewer may smooth an image of a sheet. */
static uint32_t check_cells(const char *svg) {
  static const char sharp[] =
      "<image image-rendering='optimizeSpeed' style='image-rendering:pixelated' ";
  uint32_t n = 0;
  for (const char *s = svg; (s = strstr(s, "<image ")); s++, n++)
    if (strncmp(s, sharp, strlen(sharp)) != 0) fail_msg("smoothed: %.80s", s);
  return n;
}

static void test_figures(void **state) {
  (void)state;
  const char *dir = folder("figures");
  sample_run_make(dir, &small);
  char *page = report_of(dir);
  static const char *const names[] = {"differences",
                                      "learning",
                                      "variance",
                                      "leave_one_out",
                                      "maps_lp_in",
                                      "maps_lp_out",
                                      "maps_lp_in_centred",
                                      "maps_lp_out_centred",
                                      "images_lp_in",
                                      "images_lp_out",
                                      "images_lp_in_centred",
                                      "images_lp_out_centred",
                                      "selectivity_lp_out",
                                      "preference_lp_out",
                                      "nested_lp_out"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char file[64], anchor[64];
    static const char *const kind[] = {"csv", "var", "gp"};
    for (size_t k = 0; k < sizeof kind / sizeof *kind; k++) {
      snprintf(file, sizeof file, "figures/%s.%s", names[i], kind[k]);
      assert_true(exists(dir, file));
    }
    snprintf(anchor, sizeof anchor, "<figure id=\"%s\">", names[i]);
    must_contain(page, anchor);
    if (!have_gnuplot) continue;
    snprintf(file, sizeof file, "figures/%s.svg", names[i]);
    must_contain(page, file); /* a link */
    char *svg = read_in(dir, file);
    must_contain(svg, "</svg>");
    must_contain(svg, "<svg role=\"img\" aria-labelledby=\"figure-title figure-desc\"");
    must_contain(svg, "<title id=\"figure-title\">");
    must_contain(svg, "<rect x=\"0\" y=\"0\""); /* the background */
    must_contain(svg, "fill=\"white\"/>");
    check_cells(svg);
    /* what is drawn across a panel must not widen it: a variance is not near -10 */
    if (strcmp(names[i], "variance") == 0) must_lack(svg, ">-10<");
    free(svg);
  }
  if (have_gnuplot) {
    must_lack(page, "Not drawn");
    must_contain(page, "aria-label=\"Learning curves\" aria-describedby=\"learning-caption\"");
    must_contain(page, "<figcaption id=\"learning-caption\">");
    assert_true(check_cells(page) > 80); /* 3 arms, 10 classes, 8 figures: some are left out */
    must_contain(page, "data:image/png;base64,");
    must_lack(page, "gnuplot_plot_1</title>");
  }
  free(page);
}

static const char *skip_past(const char *s, char what, int times) {
  for (; *s && times > 0; s++) times -= *s == what;
  return s;
}

/* The means in a class map's table, against a mean taken here from the activations. */
static void test_class_map_values(void **state) {
  (void)state;
  const char *dir = folder("maps");
  sample_run_make(dir, &small);
  free(report_of(dir));
  char path[512];
  snprintf(path, sizeof path, "%s/activations/linear-seed1.safetensors", dir);
  lp_safetensors *f = NULL;
  assert_int_equal(lp_safetensors_read(path, &f), LP_OK);
  const float *x = lp_safetensors_find(f, "lp_out")->data;
  const int32_t *label = lp_safetensors_find(f, "labels")->data;
  double mean = 0, all = 0, n = 0;
  const uint32_t unit = 2 * 7 + 4;
  for (uint32_t i = 0; i < small.images; i++) {
    all += x[i * 49 + unit] / small.images;
    if (label[i] == 6) mean += x[i * 49 + unit], n++;
  }
  mean /= n;
  lp_safetensors_free(f);
  static const char *const file[2] = {"figures/maps_lp_out.csv", "figures/maps_lp_out_centred.csv"};
  for (int k = 0; k < 2; k++) {
    char *csv = read_in(dir, file[k]);
    const char *s = strstr(csv, "# arm linear, class 6\n");
    assert_non_null(s);
    s = skip_past(skip_past(s, '\n', 3), ',', 4); /* to row 2, column 4 */
    assert_float_equal(strtod(s, NULL), k ? mean - all : mean, 1e-3 * (mean + 1));
    free(csv);
  }
}

/* A single image's map, found by the number in its table, and what the mean leaves of it. */
static void test_single_image_values(void **state) {
  (void)state;
  const char *dir = folder("images");
  sample_run_make(dir, &small);
  char *page = report_of(dir), *again, path[512];
  must_contain(page, "10 of the ");
  snprintf(path, sizeof path, "%s/activations/control-seed1.safetensors", dir);
  lp_safetensors *f = NULL;
  assert_int_equal(lp_safetensors_read(path, &f), LP_OK);
  const float *x = lp_safetensors_find(f, "lp_in")->data;
  const int32_t *label = lp_safetensors_find(f, "labels")->data;
  const uint32_t unit = 3 * 7 + 5;
  double mean = 0;
  for (uint32_t i = 0; i < small.images; i++) mean += (double)x[i * 49 + unit] / small.images;
  for (int k = 0; k < 2; k++) {
    char *csv = read_in(dir, k ? "figures/images_lp_in_centred.csv" : "figures/images_lp_in.csv");
    uint32_t images = 0, last = 0;
    for (const char *s = csv; (s = strstr(s, "# arm control, image ")); images++) {
      unsigned image, class;
      assert_int_equal(sscanf(s, "# arm control, image %u, class %u", &image, &class), 2);
      assert_true(images == 0 || image > last); /* in the order of the data, each once */
      assert_int_equal(class, label[image]);
      s = skip_past(skip_past(s, '\n', 4), ',', 5); /* to row 3, column 5 */
      assert_float_equal(strtod(s, NULL), x[image * 49 + unit] - (k ? mean : 0), 1e-3);
      last = image;
    }
    assert_int_equal(images, 10);
    free(csv);
  }
  lp_safetensors_free(f);
  again = report_of(dir);
  assert_string_equal(page, again);
  free(again);
  free(page);
}

static void test_escaping(void **state) {
  (void)state;
  const char *dir = folder("escaping");
  sample_run evil = small;
  evil.title = "</title><script>alert('1')</script>&copy; \\\"x\\\" \\u0007";
  evil.class_name = "<b onclick='x'>`reboot`&";
  sample_run_make(dir, &evil);
  char *page = report_of(dir);
  must_contain(page, "<h1>&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;copy; "
                     "&quot;x&quot; ?</h1>");
  must_lack(page, "<b onclick");
  if (have_gnuplot) must_lack(page, "Not drawn");
  free(page);
}

/* A tick's label is a format for gnuplot. */
static void test_percent_signs(void **state) {
  (void)state;
  const char *dir = folder("percent");
  sample_run s = small;
  s.class_name = "50% %s %%";
  sample_run_make(dir, &s);
  char *page = report_of(dir);
  if (have_gnuplot) {
    must_lack(page, "Not drawn");
    char *svg = read_in(dir, "figures/leave_one_out.svg");
    must_contain(svg, "50% %s");
    must_lack(svg, "50%% ");
    free(svg);
  }
  free(page);
}

/* The strings of an array of a .var file are all different. */
static uint32_t check_distinct(const char *var, const char *name, size_t most) {
  char text[32][96], want[40];
  uint32_t n = 0;
  snprintf(want, sizeof want, "array %s[", name);
  const char *s = strstr(var, want);
  assert_non_null(s);
  const char *end = strchr(s, '\n');
  for (s = strchr(s, '\''); s && s < end; s = strchr(s + 1, '\''), n++) {
    size_t length = strcspn(++s, "'"), chars = 0;
    assert_in_range(length, 1, 95);
    memcpy(text[n], s, length);
    text[n][length] = 0;
    for (const char *c = text[n]; *c; c++) chars += ((unsigned char)*c & 0xc0) != 0x80;
    if (chars > most) fail_msg("%s has more than %zu characters", text[n], most);
    for (uint32_t k = 0; k < n; k++)
      if (strcmp(text[k], text[n]) == 0) fail_msg("two labels are %s", text[n]);
    s += length;
  }
  return n;
}

/* Wide letters leave room for fewer of them: capitals, and Chinese. */
static void test_wide_names(void **state) {
  (void)state;
  static const struct {
    const char *name, *letter;
    uint32_t at_most;
    double width; /* of one, in the units of NAME_width */
  } cases[] = {{"WWWWWWWWWWWW", "W", 5, 1.6},
               {"\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97",
                "\xe6\xbc\xa2", 3, 1.7}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *dir = folder(i ? "wide2" : "wide1");
    sample_run s = small;
    s.class_name = cases[i].name;
    sample_run_make(dir, &s);
    free(report_of(dir));
    char *var = read_in(dir, "figures/maps_lp_in.var");
    assert_int_equal(check_distinct(var, "across", 9), 10);
    char *first = strstr(var, "array across[10] = ['");
    assert_non_null(first);
    first += strlen("array across[10] = ['");
    first[strcspn(first, "'")] = 0;
    uint32_t n = 0;
    for (const char *c = first; (c = strstr(c, cases[i].letter)); c++) n++;
    assert_in_range(n, 1, cases[i].at_most);
    double width = strtod(strstr(var, "across_width = ") + 15, NULL);
    assert_true(width >= n * cases[i].width && width <= 10);
    free(var);
  }
}

static void test_many_arms(void **state) {
  (void)state;
  const char *dir = folder("many");
  sample_run s = small;
  s.many_arms = true;
  s.class_name = "a class of a long name, of number ";
  sample_run_make(dir, &s);
  char *page = report_of(dir), *var = read_in(dir, "figures/learning.var");
  assert_int_equal(check_distinct(var, "arm", 24), 10);
  must_contain(var, "0.1-normalize");
  free(var);
  var = read_in(dir, "figures/maps_lp_in.var");
  assert_int_equal(check_distinct(var, "down", 24), 9); /* one has no activations */
  assert_int_equal(check_distinct(var, "across", 9), 10);
  free(var);
  for (int k = 1; k <= 5; k++) { /* each arm a row of the table of all measures */
    char row[80];
    snprintf(row, sizeof row, "<th scope=\"row\">exponential-lambda=0.%d-normalize=fan_in</th>", k);
    must_contain(strstr(page, "Measures at lp_out"), row);
  }
  if (have_gnuplot) must_lack(page, "Not drawn");
  free(page);
}

static void test_without_gnuplot(void **state) {
  (void)state;
  const char *dir = folder("no-gnuplot");
  sample_run_make(dir, &small);
  char *path = strdup(getenv("PATH"));
  setenv("PATH", "", 1);
  char *page = report_of(dir);
  setenv("PATH", path, 1);
  free(path);
  must_contain(page, "gnuplot was not found in PATH");
  must_contain(page, "apt install gnuplot-nox");
  must_contain(page, "98.07 \xc2\xb1 0.11");
  must_lack(page, "<svg");
  assert_true(exists(dir, "figures/learning.csv"));
  assert_true(exists(dir, "figures/learning.gp"));
  assert_false(exists(dir, "figures/learning.svg"));
  free(page);
}

static void test_repeatable(void **state) {
  (void)state;
  const char *dir = folder("repeat");
  sample_run_make(dir, &small);
  char *one = report_of(dir), *two = report_of(dir);
  assert_string_equal(one, two);
  free(one);
  free(two);
}

static void write_in(const char *dir, const char *name, const char *text) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  assert_int_equal(lp_write_file(path, text, strlen(text)), LP_OK);
}

static void test_edited_script(void **state) {
  (void)state;
  const char *dir = folder("edited");
  sample_run_make(dir, &small);
  free(report_of(dir));
  char *original = read_in(dir, "figures/variance.gp"), *changed = NULL;
  assert_true(asprintf(&changed, "%sset title 'Restyled'\nreplot\n", original) > 0);
  write_in(dir, "figures/variance.gp", changed);
  write_in(dir, "figures/learning.gp", "this is no gnuplot\n");
  char *page = report_of(dir), *now = read_in(dir, "figures/variance.gp");
  assert_string_equal(now, changed);
  must_contain(page, "Drawn by an edited figures/variance.gp");
  if (have_gnuplot) must_contain(page, "figures/learning.gp: gnuplot failed");
  free(now);
  free(page);
  /* a deleted script comes back as it was */
  char path[512];
  snprintf(path, sizeof path, "%s/figures/variance.gp", dir);
  assert_int_equal(unlink(path), 0);
  free(report_of(dir));
  now = read_in(dir, "figures/variance.gp");
  assert_string_equal(now, original);
  /* one that an older version made, its hash intact, is brought up to date */
  const char *old = "set title 'of an older version'\n";
  char hex[65], *aged = NULL;
  assert_int_equal(lp_sha256(old, strlen(old), hex), LP_OK);
  assert_true(asprintf(&aged, "# locality %s\n%s", hex, old) > 0);
  write_in(dir, "figures/variance.gp", aged);
  free(report_of(dir));
  free(now);
  now = read_in(dir, "figures/variance.gp");
  assert_string_equal(now, original);
  free(now);
  free(aged);
  free(changed);
  free(original);
}

static void test_incomplete(void **state) {
  (void)state;
  sample_run s = small;
  const char *dir = folder("unfinished");
  s.unfinished = true;
  s.diverging = false;
  s.no_summary = true;
  s.no_activations = true;
  sample_run_make(dir, &s);
  char *page = report_of(dir);
  must_contain(page, "summary.json is missing: run <code>locality analyze DIR</code>");
  must_contain(page, "linear, seed 3: not finished");
  must_contain(page, "there are no activations");
  free(page);
  /* only the manifest */
  char path[512];
  snprintf(path, sizeof path, "%s/metrics.jsonl", dir);
  assert_int_equal(unlink(path), 0);
  page = report_of(dir);
  must_contain(page, "no epoch has finished");
  must_contain(page, "0 of 6 networks");
  free(page);
  /* an arm that the analysis does not know, and an analysis with nothing in it */
  write_in(dir, "summary.json",
           "{\"schema\": 1, \"arms\": {\"linear\": 3}, \"comparisons\": null, "
           "\"answer\": [1]}");
  page = report_of(dir);
  must_contain(page, "No two arms with finished networks");
  free(page);
}

static void test_large_sheet(void **state) {
  (void)state;
  const char *dir = folder("large");
  sample_run s = small;
  s.rows = s.cols = 64;
  s.classes = 23;
  s.images = 46;
  s.seeds = 1;
  s.epochs = 1;
  s.diverging = false;
  s.class_name = "tench, Tinca tinca ";
  sample_run_make(dir, &s);
  char *page = report_of(dir);
  must_contain(page, "Top-5");
  must_contain(page, "87.50");
  must_contain(page, "Shown are 20 of 23 classes, evenly chosen");
  if (have_gnuplot) must_lack(page, "Not drawn");
  free(page);
}

static void test_bad_folder(void **state) {
  (void)state;
  const char *dir = folder("missing");
  assert_int_not_equal(lp_report_write(dir), LP_OK);
  must_contain(lp_error_message(), "manifest.json");
  assert_false(exists(dir, "report.html"));
  assert_int_equal(lp_make_dirs(dir), LP_OK);
  write_in(dir, "manifest.json", "{\"arms\": [");
  assert_int_equal(lp_report_write(dir), LP_ERR_FORMAT);
  write_in(dir, "manifest.json", "{\"arms\": [], \"seeds\": []}");
  assert_int_equal(lp_report_write(dir), LP_ERR_FORMAT);
  assert_false(exists(dir, "report.html"));
}

static void test_unwritable(void **state) {
  (void)state;
  if (geteuid() == 0) skip();
  const char *dir = folder("unwritable");
  sample_run_make(dir, &small);
  assert_int_equal(chmod(dir, 0555), 0);
  assert_int_equal(lp_report_write(dir), LP_ERR_IO);
  assert_false(exists(dir, "report.html"));
  assert_false(exists(dir, "figures"));
  assert_int_equal(chmod(dir, 0755), 0);
}

/* The same, for root too: figures is a file, so nothing can be written into it. */
static void test_blocked(void **state) {
  (void)state;
  const char *dir = folder("blocked");
  sample_run_make(dir, &small);
  write_in(dir, "figures", "");
  assert_int_not_equal(lp_report_write(dir), LP_OK);
  assert_false(exists(dir, "report.html"));
}

/* ---- set-up --------------------------------------------------------------------------------- */

static int set_up(void **state) {
  (void)state;
  lp_log_set_level(LP_LOG_ERROR);
  have_gnuplot = system("gnuplot --version > /dev/null 2>&1") == 0;
  return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  char command[64];
  lp_registry_shutdown();
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  return system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numbers),       cmocka_unit_test(test_contrasts),
      cmocka_unit_test(test_tests_of_many), cmocka_unit_test(test_exact_tables),
      cmocka_unit_test(test_figures),       cmocka_unit_test(test_class_map_values),
      cmocka_unit_test(test_escaping),      cmocka_unit_test(test_single_image_values),
      cmocka_unit_test(test_percent_signs), cmocka_unit_test(test_many_arms),
      cmocka_unit_test(test_wide_names),    cmocka_unit_test(test_without_gnuplot),
      cmocka_unit_test(test_repeatable),    cmocka_unit_test(test_edited_script),
      cmocka_unit_test(test_incomplete),    cmocka_unit_test(test_large_sheet),
      cmocka_unit_test(test_bad_folder),    cmocka_unit_test(test_unwritable),
      cmocka_unit_test(test_blocked),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
