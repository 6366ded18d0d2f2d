/* sample_run.h: makes run folders with the schema of core/DESIGN.md, filled with made-up but
 * plausible numbers, for the tests of the report. */
#ifndef SAMPLE_RUN_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sample_run {
  const char *title; /* as it stands in JSON: escape it */
  uint32_t rows, cols, classes, seeds, epochs, images;
  bool diverging;         /* a third arm whose networks end with a loss that is not finite */
  bool more_arms;         /* a signed and a permuted prior too */
  bool many_arms;         /* ten in all, whose names differ in one number in their middle */
  bool unfinished;        /* the last network has no "end" line */
  bool no_summary;        /* not analysed yet */
  bool no_activations;    /* no folder activations/ */
  const char *class_name; /* put before the number of a class; may be NULL */
} sample_run;

/* Creates the folder and its files; ends the test program when that fails. */
void sample_run_make(const char *dir, const sample_run *s);

#endif
