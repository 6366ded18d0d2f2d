/* report_internal.h: what the files of this folder share.
 *
 * run.c loads a run folder into report_run; page.c writes the page; tables.c and facts.c write its
 * tables; figures.c, with data from curves.c, comparisons.c, priors.c and maps.c, its figures.
 */
#ifndef LOCALITY_REPORT_INTERNAL_H
#define LOCALITY_REPORT_INTERNAL_H

#include "base/text.h"

#include <jansson.h>
#include <locality/measure.h>
#include <locality/run.h>
#include <locality/status.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* ---- files built into the library (embed.c makes the table) --------------------------------- */

typedef struct report_asset {
  const char *name, *text;
} report_asset;
extern const report_asset lp_report_assets[]; /* ends with a NULL name */
const char *lp_report_asset_find(const char *name);

/* ---- a run folder --------------------------------------------------------------------------- */

typedef lp_run_arm report_arm;

/* One line "epoch" of metrics.jsonl; NaN where a value is not given. */
typedef struct report_epoch {
  uint32_t arm, seed, epoch; /* arm and seed are indices */
  double train_loss, loss, accuracy, seconds;
} report_epoch;

/* Figures for a journal: which formats, and how wide. */
enum { REPORT_FORMATS = 3 };
typedef struct report_print {
  bool any, wanted[REPORT_FORMATS];
  double mm;
  char folder[32]; /* in figures/: "89mm" */
} report_print;

typedef struct report_run {
  const char *dir;
  report_print print;
  lp_run_folder *folder; /* owns what has no owner below */
  json_t *manifest,
      *summary;  /* manifest: the folder's; summary is an empty object when the file is missing */
  bool analysed; /* summary.json was there */
  const char *title, *reference;
  report_arm *arms;
  uint32_t n_arms;
  uint64_t *seeds;
  uint32_t n_seeds;
  const char *const *sites; /* names of all that an arm records */
  uint32_t n_sites;
  const char **classes;
  uint32_t n_classes;
  report_epoch *epochs; /* owned, as is ends */
  uint32_t n_epochs;
  json_t **ends; /* n_arms x n_seeds, the "end" line of each network or NULL */
  struct report_maps *maps;
  const char *gnuplot_missing; /* why no figure can be drawn, or NULL */
} report_run;

lp_status lp_report_run_load(const char *dir, report_run *run);
void lp_report_run_free(report_run *run);
uint32_t lp_report_arm_index(const report_run *run, const char *name); /* n_arms when unknown */
uint32_t lp_report_seed_index(const report_run *run, uint64_t seed);   /* n_seeds when unknown */
/* What the arms are compared with, for a sentence: the reference's name, or, of a sweep, its cells.
 */
const char *lp_report_reference(const report_run *run);

/* The sheet that the networks of an arm have at a site; units 0 when they have no such site. */
const lp_run_site *lp_report_sheet(const report_run *run, uint32_t arm, uint32_t site);
/* V of units in any order where an arm's stand; NaN when the analysis does not say. */
double lp_report_uniform(const report_run *run, uint32_t arm, const char *site);
/* How they stand: "grid", "torus" ..., "?" when the analysis does not say. */
const char *lp_report_topology(const report_run *run, uint32_t arm, const char *site);
uint32_t lp_report_site_index(const report_run *run, const char *name); /* n_sites when unknown */
/* The most steps after which an arm's networks keep a site; 1: nobody reads sequences. */
uint32_t lp_report_steps(const report_run *run, uint32_t site);
/* Have all arms one sheet at all sites? *rows is 0 when there is none. */
bool lp_report_one_sheet(const report_run *run, uint32_t *rows, uint32_t *cols);

/* Classes that a figure shows: all, or evenly chosen ones where there are more than that. */
enum { REPORT_CLASSES = 20 };
uint32_t lp_report_shown_classes(const report_run *run, uint32_t index[REPORT_CLASSES]);

/* JSON access that never fails: NULL, "" or NaN where the value is absent or of another type. */
const char *lp_jstr(const json_t *o, const char *key);
double lp_jnum(const json_t *o, const char *key);
uint64_t lp_jseed(const json_t *o); /* its "seed"; doubles have no room for all of them */
json_t *lp_jobj(const json_t *o, const char *key); /* borrowed */

/* ---- writing HTML --------------------------------------------------------------------------- */

/* printf for markup: %s is escaped, %u and %d are numbers, %% a percent sign. */
void lp_report_html(FILE *f, const char *fmt, ...) LP_PRINTF(2, 3);
/* A layer's spec, which may break behind its commas. */
void lp_html_spec(FILE *f, const char *text);
/* A sentence with numbers in it, which get a real minus sign. */
void lp_html_sentence(FILE *f, const char *text);
/* One cell of a table; `tip` (may be NULL) is shown on hovering. */
void lp_html_cell(FILE *f, const char *text, const char *tip);

/* A short text by value, for use as an argument: lp_report_num(x, 2).s; numbers as base/text.h has
 * them. */
typedef struct shorttext {
  char s[128];
} shorttext;
shorttext lp_report_seed(uint64_t seed);                    /* every digit */
shorttext lp_report_num(double x, int decimals);            /* en dash for NaN, a real minus sign */
shorttext lp_num_auto(double x);                            /* decimals by magnitude */
shorttext lp_mean_sd(double mean, double sd, int decimals); /* "98.1 ± 0.2" */
shorttext lp_mean_sd_auto(double mean, double sd);
shorttext lp_p_value(double p); /* "< 0.001" or "0.042" */
shorttext
lp_report_exact(double x); /* %.3g with a real minus sign: for tips and published values */
shorttext lp_report_t_test(double t, double df);

/* What a reader is told of a measure of summary.json: static text (or the key itself), "" where
 * there is nothing to say. direction: what more or less of it means. */
typedef struct measure {
  const char *label, *unit, *difference_unit, *direction;
} measure;
measure lp_report_measure(const char *key);

/* ---- page parts ----------------------------------------------------------------------------- */

void lp_verdicts(const report_run *run, FILE *f);
void lp_table_accuracy(const report_run *run, FILE *f);
void lp_table_penalties(const report_run *run, FILE *f); /* nothing where there are none */
/* placements.c; nothing where there are none */
void lp_table_placements(const report_run *run, FILE *f);
void lp_table_matched(const report_run *run, FILE *f);
void lp_table_variance(const report_run *run, FILE *f);
void lp_table_per_image(const report_run *run, FILE *f);
void lp_table_nulls(const report_run *run, FILE *f);
/* many.c; nothing where there are no three arms */
void lp_table_many(const report_run *run, FILE *f);
void lp_table_measures(const report_run *run, FILE *f);

/* film.c: were activations kept while the networks trained? Then a player of them. */
bool lp_film_any(const report_run *run);
/* What lets its script, and no other, run. */
void lp_film_policy(FILE *f);
lp_status lp_film_section(const report_run *run, FILE *f);

/* shows.c: what the statistics show and what not, and the published sources of measures and tests.
 */
lp_status lp_shows_section(const report_run *run, FILE *f);
lp_status lp_methods_section(const report_run *run, FILE *f);

/* networks.c; each writes nothing where there is nothing to say. */
void lp_table_networks(const report_run *run, FILE *f);
void lp_worst_cases(const report_run *run, FILE *f);
void lp_reservations(const report_run *run, FILE *f);

/* With which everything in the unit of a comparison is printed. */
int lp_comparison_decimals(const json_t *c);
/* The comparisons with that measure at that site ("" for accuracy and loss), all of them where
 * measure is NULL; `primary`: of which kind. In a table under that caption; how many there were. */
typedef struct wanted {
  const char *measure, *site;
  bool primary, exploratory;
} wanted;
uint32_t lp_comparison_table(const report_run *run, FILE *f, wanted w, const char *caption);
/* Is it one of V over sheets of different sizes, as fractions of what uniform activation gives? */
bool lp_report_fraction(const json_t *comparison);
/* Parts of any table. A name that starts with "<" stands over a column of text. */
void lp_open_table(FILE *f, const char *caption);
void lp_close_table(FILE *f);
void lp_table_head(FILE *f, const char *const *names, size_t n);
void lp_p_cell(FILE *f, double p); /* rounded, with the exact one on hovering */
void lp_facts_status(const report_run *run, FILE *f);
void lp_facts_data_warnings(const report_run *run,
                            FILE *f); /* a box; nothing where there are none */
void lp_facts_run(const report_run *run, FILE *f);

/* ---- figures -------------------------------------------------------------------------------- */

/* What a figure's writer fills: the table, the variables its script loads, and its caption. */
typedef struct figure_out {
  FILE *csv, *var, *caption;
} figure_out;

/* What figures are drawn for: once a run, for every site on each of its sheets, for those that have
 * steps, for every layer with a prior between each pair of sheets. */
typedef enum figure_per { PER_RUN, PER_SITE, PER_STEPS, PER_PRIOR } figure_per;
typedef struct subject {
  uint32_t site;     /* PER_SITE, PER_STEPS: its number */
  const char *layer; /* PER_PRIOR */
  uint32_t rows, cols, in_rows,
      in_cols;   /* of the sheet; of PER_PRIOR the output's, and the input's */
  char key[160]; /* its part of file names: "lp_in", or "lp_in_5x5" where a site has several sheets
                  */
  char title[160]; /* and of titles */
} subject;
/* The subjects, malloc'ed; NULL: out of memory. */
subject *lp_report_subjects(const report_run *run, figure_per per, uint32_t *n);
/* Do the networks of an arm stand at that site, on that sheet? */
bool lp_stands_in(const report_run *run, const subject *of, uint32_t arm);

typedef struct figure {
  const char *name; /* of the files in figures/, and of the page's anchor; %s: the subject's key */
  const char *template; /* an asset */
  const char *title;    /* %s: the subject's */
  figure_per per;
  /* LP_ERR_NOT_FOUND, with the reason as error text: the run has nothing to show here. */
  lp_status (*write)(const report_run *run, const subject *of, int arg, figure_out *out);
  int arg;
  bool card; /* always on a white card: its meaning depends on the background */
} figure;

lp_status lp_figures_begin(report_run *run); /* the folder, the shared style, looks for gnuplot */
/* Writes the figure's files, draws it and puts it into the page; name: of the table. */
lp_status lp_figure_emit(const report_run *run, const subject *of, const char *name, FILE *page);
/* The same for n figures of one kind of subject, subject by subject. */
lp_status lp_figures_emit(const report_run *run, figure_per per, const char *const *names, size_t n,
                          FILE *page);

/* 'text' as a gnuplot string, and an array of n of them (ready for `array name[n] = [...]`), each
 * cut in its middle to the width of max_chars small letters so that different texts stay different;
 * NAME_width is that of the widest. Scripts double "%" where they make formats of them. */
void lp_gp_string(FILE *f, const char *text);
void lp_gp_array(FILE *f, const char *name, const char *const *text, uint32_t n,
                 uint32_t max_chars);
/* Numbers (from 1) of what is set, as an array, and n_NAME. */
void lp_gp_numbers(FILE *f, const char *name, const bool *set, uint32_t n);
void lp_gp_arms(FILE *f, const report_run *run);
/* A CSV field, quoted when needed, without newlines. */
void lp_csv_text(FILE *f, const char *text);
/* A number that reads back as it is, or NaN as gnuplot reads it. */
void lp_csv_num(FILE *f, double x);

/* csv.c: calls `each` with the fields of every row of a table in the run folder but the first.
 * LP_ERR_NOT_FOUND: it is not there. */
typedef void (*csv_row_fn)(void *user, char *const *field, uint32_t n);
lp_status lp_csv_rows(const char *dir, const char *name, csv_row_fn each, void *user);

/* selective.c: t of each class and unit in an arm's network of the seed whose maps are shown. */
typedef struct selective {
  uint32_t arm, classes, units;
  double *t; /* classes x units */
  lp_places *places;
} selective;
/* LP_ERR_NOT_FOUND: there is nothing of the kind. */
lp_status lp_selective_of(const report_run *run, const subject *of, uint32_t arm, selective *out);
void lp_selective_free(selective *s);
lp_status lp_selectivity_write(const report_run *run, const subject *of, int arg, figure_out *out);
lp_status lp_preference_write(const report_run *run, const subject *of, int arg, figure_out *out);
lp_status lp_nested_write(const report_run *run, const subject *of, int arg, figure_out *out);
/* distance.c: a curve of curves.csv as two blocks: each network, then each arm's mean, with the
 * band of chance; shown (n_arms): which arms have one. */
lp_status lp_networks_curve(const report_run *run, const subject *of, const char *name, FILE *csv,
                            bool *shown);
/* orientation.c: was a network whose maps are shown also shown gratings? Then its map. */
bool lp_orientation_any(const report_run *run);
lp_status lp_orientation_write(const report_run *run, const subject *of, int arg, figure_out *out);
lp_status lp_distance_write(const report_run *run, const subject *of, int arg, figure_out *out);

/* wiring.c: is anything known of wires? Then its section. */
bool lp_wiring_any(const report_run *run);
lp_status lp_wiring_section(const report_run *run, FILE *f);
lp_status lp_wiring_write(const report_run *run, const subject *of, int arg, figure_out *out);

/* sweep.c: was anything swept? Then its section. */
enum { SWEEP_LINES = 3 }; /* axes of numbers that have a figure */
bool lp_sweep_any(const report_run *run);
lp_status lp_sweep_section(const report_run *run, FILE *f);
lp_status lp_sweep_lines_write(const report_run *run, const subject *of, int arg,
                               figure_out *out); /* arg: which axis */
lp_status lp_sweep_map_write(const report_run *run, const subject *of, int arg, figure_out *out);
/* prune.c: were the networks pruned? Then its section, and its figure. */
bool lp_prune_any(const report_run *run);
lp_status lp_prune_section(const report_run *run, FILE *f);
lp_status lp_prune_figure(const report_run *run, const subject *of, int arg, figure_out *out);
lp_status lp_curves_write(const report_run *run, const subject *of, int arg, figure_out *out);
lp_status lp_steps_write(const report_run *run, const subject *of, int arg, figure_out *out);
lp_status lp_differences_write(const report_run *run, const subject *of, int arg, figure_out *out);
lp_status lp_strip_write(const report_run *run, const subject *of, int arg, figure_out *out);
lp_status lp_leave_one_out_write(const report_run *run, const subject *of, int arg,
                                 figure_out *out);
lp_status lp_prior_maps_write(const report_run *run, const subject *of, int arg, figure_out *out);
lp_status lp_prior_distance_write(const report_run *run, const subject *of, int arg,
                                  figure_out *out);
lp_status lp_wires_write(const report_run *run, const subject *of, int arg, figure_out *out);
/* arg: (2 for single images, else classes) + (1 for mean-subtracted) */
lp_status lp_maps_write(const report_run *run, const subject *of, int arg, figure_out *out);
lp_status lp_maps_load(report_run *run);
void lp_maps_free(struct report_maps *maps);
/* The seed of the arm's network whose maps are shown; false: there are no activations. */
bool lp_maps_seed(const report_run *run, uint32_t arm, uint64_t *seed);
/* "seed 1", and which arms show a network of another seed. */
void lp_maps_say_seed(const report_run *run, FILE *f);

/* Tiles for templates/maps.gp: rows of tiles with a label at the left, columns with one on top. */
typedef struct tile_set {
  uint32_t rows, cols; /* of one tile */
  uint32_t n_down, n_across;
  const char *const *down, *const *across; /* labels */
  const char *scale;                       /* label of the colour bar */
  bool diverging, log_scale;
  double low, high;
  uint32_t outlines; /* a block of lines round units, after all tiles: how many there are */
} tile_set;
void lp_tiles_var(FILE *var, const tile_set *t);
/* One tile, in order (row of tiles, column of tiles). */
void lp_tile_csv(FILE *csv, const char *what, const double *value, uint32_t rows, uint32_t cols);

/* ---- gnuplot -------------------------------------------------------------------------------- */

/* Runs `gnuplot --default-settings` in `dir` without a shell: the commands `before` (NULL: none),
 * then the script (NULL: none). *out is malloc'ed and begins with `begins`. On failure the error
 * text holds gnuplot's own message. */
lp_status lp_gnuplot_run(const char *dir, const char *before, const char *script,
                         const char *begins, char **out, size_t *n);
bool lp_gnuplot_present(void);
/* print.c: figures (as "svg,pdf") and width of an order; NULL: none. */
lp_status lp_print_read(const char *figures, const char *width, report_print *p);
/* Fails where the installed gnuplot cannot draw what is wanted. */
lp_status lp_print_check(const report_print *p);
/* Draws a figure once more, with its text, into figures/WIDTH/, and links it in the page. */
lp_status lp_print_figure(const report_run *run, const char *name, const char *title,
                          const char *caption, FILE *page);
/* svg.c: text of markup, without its tags. */
void lp_svg_plain(FILE *f, const char *markup);
/* Gives gnuplot's SVG what a file needs: a white background, cells drawn as cells, and a title and
 * a description (markup) for those who do not see it. malloc'ed. */
char *lp_svg_standalone(const char *svg, const char *title, const char *description);
/* The same picture as a part of the page: no prolog, ids made unique by `prefix`, black follows
 * the colour of the text. The element PREFIX-caption describes it. */
void lp_svg_inline(FILE *page, const char *svg, const char *prefix, const char *title);

#endif
