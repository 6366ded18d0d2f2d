/* Run folders with made-up networks, for the tests of lp_analyze_run. */
#ifndef TEST_ANALYSIS_FOLDER_H
#define TEST_ANALYSIS_FOLDER_H

#include "support.h"

#include <stdio.h>

enum { N = 60, ROWS = 5, COLS = 4, UNITS = 20, CLASSES = 3, SEEDS = 3 };

/* A folder of its own for every test. */
extern char dir[64];
int make_folder(void **state);
int remove_folder(void **state);
#define FOLDER_TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

void write_text(const char *name, const char *text);

/* seeds and arms as JSON; two_arms are "control" (plain) and "linear". */
extern const char *const two_arms;
extern const char *more_of_manifest; /* ", \"plan\": ..." */
void write_manifest(const char *preset, const char *seeds, const char *arms);

/* Activations that depend on arm and seed; image 3 of lp_out is silent. With seed_effect the seed
 * moves V as well, in every arm. */
extern double seed_effect;
void fill(const char *arm, int seed, float *lp_in, float *lp_out);
/* Writes those of the first n_images; labels count up from first_label. */
void write_activations(const char *arm, int seed, int n_images, int first_label);

/* Lines of a run of two epochs that ended well, with this accuracy. */
double accuracy_of(const char *arm, int seed);
void complete_lines(FILE *f, const char *arm, int seed);

/* two_arms with seeds 1 to 3, all complete. */
void write_whole_run(const char *preset);

#endif
