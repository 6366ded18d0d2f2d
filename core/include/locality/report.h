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

#ifdef __cplusplus
}
#endif
#endif
