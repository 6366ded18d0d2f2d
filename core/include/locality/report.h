/* report.h: figures and the HTML report of a run folder. */
#ifndef LOCALITY_REPORT_H
#define LOCALITY_REPORT_H

#include <locality/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Draws figures/ with gnuplot from the folder's tables and writes report.html, one self-contained
 * file. A pure function of the folder (manifest.json, metrics.jsonl, summary.json, activations/),
 * so it can be repeated after restyling. Without gnuplot the tables and texts are written and the
 * page says which program is missing. */
LP_API lp_status lp_report_write(const char *dir);

/* Figures for a journal, beside those of the page; NULL: none. They lie in figures/WIDTH/ (89mm),
 * each with its description (NAME.txt). Letters have the same size at all widths.
 * LP_ERR_UNSUPPORTED where the installed gnuplot cannot draw them. */
typedef struct lp_report_options {
  const char *figures; /* svg, pdf and png, between commas */
  const char *width;   /* "single" (89mm), "double" (183mm, as NULL), or "60mm" to "400mm" */
} lp_report_options;
LP_API lp_status lp_report_write_with(const char *dir, const lp_report_options *options);

#ifdef __cplusplus
}
#endif
#endif
