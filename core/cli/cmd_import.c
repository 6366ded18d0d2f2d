/* locality import: activations made elsewhere become a network of a run folder. */
#include "activations.h"

#include "../base/text.h"

#include <locality/analysis.h>
#include <locality/io.h>
#include <locality/run.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_SITES = CLI_MAX_SET };

/* A site as it was asked for, cut up, and what was read of it. */
typedef struct import_site {
  char *text;              /* holds the others */
  const char *name, *file; /* FILE, or FILE:NAME */
  const char *sheet, *points;
  cli_site read;
  float *acts, *weights;
} import_site;

typedef struct import_all {
  import_site site[MOST_SITES];
  uint32_t n;
} import_all;

/* ---- reading ------------------------------------------------------------------------------- */

/* "NAME=FILE:RxC" or "NAME=FILE:POINTS.csv"; the file may name one of its arrays: acts.npz:fc. */
static int cut_site(const char *given, import_site *s) {
  s->text = strdup(given);
  if (!s->text) return cli_fail_with("out of memory");
  char *equals = strchr(s->text, '='), *colon = strrchr(s->text, ':');
  if (!equals || !colon || colon < equals + 2 || !colon[1])
    return cli_usage("--site %s: it is NAME=FILE:ROWSxCOLUMNS or NAME=FILE:POINTS.csv", given);
  *equals = *colon = '\0';
  s->name = s->text;
  s->file = s->read.path = equals + 1;
  *(cli_names_array(colon + 1) ? &s->points : &s->sheet) = colon + 1;
  return CLI_OK;
}

static lp_status as_floats(const lp_array *a, const char *what, float **out) {
  enum { BLOCK = 256 };
  const size_t rows = (size_t)a->dim[0], cols = (size_t)a->dim[1];
  double *block = malloc(sizeof *block * BLOCK * cols);
  *out = malloc(sizeof **out * rows * cols);
  lp_status s = block && *out ? LP_OK : lp_fail(LP_ERR_MEMORY, "%s: out of memory", what);
  for (size_t first = 0; s == LP_OK && first < rows; first += BLOCK) {
    const size_t count = rows - first < BLOCK ? rows - first : BLOCK;
    lp_array_rows(a, first, count, block);
    for (size_t k = 0; k < count * cols; k++) {
      (*out)[first * cols + k] = (float)block[k];
      if (isinf((float)block[k]) && !isinf(block[k]))
        s = lp_fail(LP_ERR_ARG, "%s: %g is too large; activations are kept as float32", what,
                    block[k]);
    }
  }
  free(block);
  return s;
}

static lp_status read_site(import_site *s) {
  cli_site *r = &s->read;
  lp_status status = cli_open_activations(r);
  if (status == LP_OK) status = cli_open_places(r, s->sheet, s->points, false);
  if (status == LP_OK) status = cli_look_over(r);
  return status == LP_OK ? as_floats(&r->acts, s->file, &s->acts) : status;
}

/* "NAME=FILE" of one of the sites. */
static lp_status read_weights(import_all *all, const char *given) {
  const char *equals = strchr(given, '='), *names[MOST_SITES];
  uint32_t i = 0;
  if (!equals || equals == given || !equals[1])
    return lp_fail(LP_ERR_ARG, "--weights %s: it is NAME=FILE of a site", given);
  char name[128];
  snprintf(name, sizeof name, "%.*s", (int)(equals - given), given);
  for (uint32_t k = 0; k < all->n; k++) names[k] = all->site[k].name;
  while (i < all->n && strcmp(names[i], name) != 0) i++;
  if (i == all->n)
    return lp_fail(LP_ERR_ARG, "--weights: no site is called '%s'%s", name,
                   lp_did_you_mean_or(name, names, all->n).text);
  import_site *s = &all->site[i];
  if (s->weights) return lp_fail(LP_ERR_ARG, "--weights: site '%s' has some already", name);
  lp_status status = cli_open_weights(&s->read, equals + 1, &s->read.weights, &s->read.w);
  return status == LP_OK ? as_floats(&s->read.weights, equals + 1, &s->weights) : status;
}

static lp_status read_all(const cli_args *a, import_all *all) {
  lp_status status = LP_OK;
  const char *weights, *labels = cli_get(a, "labels");
  for (uint32_t i = 0; i < all->n && status == LP_OK; i++) {
    import_site *s = &all->site[i];
    status = read_site(s);
    if (status == LP_OK && s->read.x.n != all->site[0].read.x.n)
      status = lp_fail(LP_ERR_SHAPE, "%s: %u images; %s has %u", s->file, s->read.x.n,
                       all->site[0].file, all->site[0].read.x.n);
  }
  if (status == LP_OK && labels) status = cli_open_labels(&all->site[0].read, labels);
  for (uint32_t i = 0; status == LP_OK && (weights = cli_get_nth(a, "weights", i)); i++)
    status = read_weights(all, weights);
  return status;
}

/* ---- the primary measure ------------------------------------------------------------------- */

/* What a new folder's plan asks of its headline site, unless that was said. */
static const char *usual_primary(const import_site *headline) {
  return headline->read.negative ? "moran_i" : "variance";
}

static lp_status check_primary(const char *name, const import_site *headline) {
  enum { MOST = 256 };
  const char *known[MOST], *one;
  uint32_t n = 0, i = 0;
  for (uint32_t k = 0; n < MOST && (one = lp_primary_measure(k)); k++)
    if (strcmp(one, "accuracy") != 0 && strcmp(one, "loss") != 0) known[n++] = one;
  while (i < n && strcmp(known[i], name) != 0) i++;
  if (i == n)
    return lp_fail(LP_ERR_ARG, "primary: no measure of a site is named '%s'%s", name,
                   lp_did_you_mean_or(name, known, n).text);
  if (strncmp(name, "variance", 8) == 0 && headline->read.negative)
    return lp_fail(LP_ERR_ARG,
                   "%s: activations are negative, and V, the primary measure at %s, is of "
                   "activations of 0 or more; a folder with --primary moran_i takes them",
                   headline->file, headline->name);
  return LP_OK;
}

/* The plan's measure: the folder's, where it is there. *primary is to be freed. */
static lp_status find_primary(const cli_args *a, const import_all *all, char **primary) {
  const char *asked = cli_get(a, "primary");
  const import_site *headline = &all->site[all->n - 1];
  char *path = lp_path_join(a->operand[0], LP_RUN_MANIFEST);
  const bool there = path && access(path, F_OK) == 0;
  free(path);
  if (!there) {
    *primary = strdup(asked ? asked : usual_primary(headline));
    return *primary ? check_primary(*primary, headline) : lp_fail(LP_ERR_MEMORY, "out of memory");
  }
  if (asked || cli_get(a, "title"))
    return lp_fail(LP_ERR_ARG, "--%s is for a new folder; %s has its own",
                   asked ? "primary" : "title", a->operand[0]);
  json_t *root;
  lp_status status = lp_run_json(a->operand[0], LP_RUN_MANIFEST, &root);
  if (status != LP_OK) return status;
  const char *name = json_string_value(json_object_get(root, "headline"));
  const json_t *plan = json_object_get(root, "plan");
  const char *planned = json_string_value(json_array_get(json_object_get(plan, "primary"), 0));
  for (uint32_t i = 0; i < all->n && name && planned && status == LP_OK; i++)
    if (strcmp(all->site[i].name, name) == 0) status = check_primary(planned, &all->site[i]);
  json_decref(root);
  return status;
}

/* ---- the command --------------------------------------------------------------------------- */

static int say(const cli_args *a, const import_all *all, uint64_t seed) {
  const cli_site *first = &all->site[0].read;
  if (a->json)
    return cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I}", "run", a->operand[0], "arm",
                                    cli_get(a, "arm"), "seed", (json_int_t)seed, "images",
                                    (json_int_t)first->x.n, "sites", (json_int_t)all->n));
  for (uint32_t i = 0; i < all->n && !a->quiet; i++)
    if (all->site[i].read.constant)
      fprintf(stderr, "%s: %u of %u units are constant\n", all->site[i].file,
              all->site[i].read.constant, all->site[i].read.x.units);
  printf("%s: arm %s, seed %" PRIu64 ", %u images, %u site%s\n", a->operand[0], cli_get(a, "arm"),
         seed, first->x.n, all->n, all->n == 1 ? "" : "s");
  return CLI_OK;
}

static lp_status add_network(const cli_args *a, const import_all *all, uint64_t seed,
                             const char *primary) {
  const cli_site *first = &all->site[0].read;
  lp_run_import_site site[MOST_SITES];
  char(*text)[24] = calloc(first->classes + 1, sizeof *text);
  const char **name = calloc(first->classes + 1, sizeof *name), *title = cli_get(a, "title");
  if (!text || !name) {
    free(text);
    free(name);
    return lp_fail(LP_ERR_MEMORY, "out of memory");
  }
  for (uint32_t c = 0; c < first->classes; c++) {
    snprintf(text[c], sizeof text[c], "%" PRId64, first->label_of[c]);
    name[c] = text[c];
  }
  for (uint32_t i = 0; i < all->n; i++) {
    const import_site *s = &all->site[i];
    const lp_places *p = s->read.places;
    site[i] = (lp_run_import_site){.name = s->name,
                                   .units = s->read.x.units,
                                   .rows = p->extent[0],
                                   .cols = p->extent[1],
                                   .at = p->at,
                                   .ndim = p->ndim,
                                   .acts = s->acts,
                                   .weights = s->weights};
  }
  lp_status status = lp_run_import_network(
      a->operand[0], &(lp_run_import){.arm = cli_get(a, "arm"),
                                      .seed = seed,
                                      .site = site,
                                      .n_sites = all->n,
                                      .n = first->x.n,
                                      .labels = first->labels,
                                      .class_name = name,
                                      .n_classes = first->classes,
                                      .title = title ? title : "Activations made elsewhere",
                                      .primary = primary,
                                      .command = a->words,
                                      .n_command = a->n_words});
  free(text);
  free(name);
  return status;
}

static int import_network(const cli_args *a, import_all *all) {
  const char *given, *seed_text = cli_get(a, "seed");
  uint64_t seed;
  if (!cli_get(a, "arm") || !seed_text || !cli_get(a, "site"))
    return cli_usage("import: --arm, --seed and --site are needed");
  if (!lp_whole(seed_text, 0, INT64_MAX, &seed))
    return cli_usage("--seed %s: it is a whole number of 0 or more", seed_text);
  for (; (given = cli_get_nth(a, "site", all->n)); all->n++) {
    int code = cut_site(given, &all->site[all->n]);
    if (code != CLI_OK) return code;
    for (uint32_t k = 0; k < all->n; k++)
      if (strcmp(all->site[k].name, all->site[all->n].name) == 0)
        return cli_usage("two sites are called '%s'", all->site[k].name);
  }
  char *primary = NULL;
  lp_status status = read_all(a, all);
  if (status == LP_OK) status = find_primary(a, all, &primary);
  if (status == LP_OK) status = add_network(a, all, seed, primary);
  free(primary);
  return status == LP_OK ? say(a, all, seed) : cli_fail();
}

static int run(cli_args *a) {
  import_all *all = calloc(1, sizeof *all);
  if (!all) return cli_fail_with("out of memory");
  int code = import_network(a, all);
  for (uint32_t i = 0; i < MOST_SITES; i++) {
    cli_close_site(&all->site[i].read);
    free(all->site[i].text);
    free(all->site[i].acts);
    free(all->site[i].weights);
  }
  free(all);
  return code;
}

static const cli_flag flags[] = {
    {"arm", 0, "NAME", "what the network is an example of"},
    {"seed", 0, "N", "its number; networks of one seed in two arms are a pair"},
    {"site", 0, "NAME=FILE:RxC",
     "activations and the sheet of their units; again for each site. FILE:POINTS.csv: a row a "
     "unit of 1 to 3 coordinates"},
    {"labels", 0, "FILE", "class of each image, any whole numbers [those of the folder]"},
    {"weights", 0, "NAME=FILE", "weights between the units of a site, a row a receiving unit"},
    {"primary", 0, "MEASURE",
     "of a new folder: its primary measure, at the last site [variance; moran_i of negative "
     "values]"},
    {"title", 0, "TEXT", "of a new folder: what its report is called"},
};

const cli_command cli_cmd_import = {
    .name = "import",
    .operands = "DIR",
    .summary = "a run folder of activations made elsewhere",
    .about =
        "Adds a network to the run folder DIR, which is made if it is not there: what the units\n"
        "of its sites did for the same images as for all networks of the folder (images x units:\n"
        ".npy, .npz, .safetensors, .csv; FILE:NAME for one of several arrays). `locality analyze`\n"
        "and `locality report` then work as on runs of this program. Activations are kept as\n"
        "float32. Give networks of two arms one seed only where they share what is random in them\n"
        "(initial weights, order of images): they are compared as pairs.",
    .examples = "  locality import runs/mine --arm control --seed 1 --site it=acts.npy:64x64 \\\n"
                "      --labels labels.npy\n"
                "  locality import runs/mine --arm topographic --seed 1 --site it=t1.npz:it:64x64\n"
                "  locality import runs/v1 --arm cells --seed 1 --site v1=rates.csv:xy.csv\n"
                "  locality analyze runs/mine && locality report runs/mine",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
