/* analysis.h: spatial statistics of activation maps, tests, and the analysis of a run folder.
 *
 * Maps are row-major over a sheet of rows x columns units. Undefined results are NaN, counted by
 * the caller and never averaged in; they become null in JSON.
 */
#ifndef LOCALITY_ANALYSIS_H
#define LOCALITY_ANALYSIS_H

#include <locality/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads manifest.json, metrics.jsonl and activations/ of a run folder and writes summary.json
 * (core/DESIGN.md has its fields) and the tables under figures/. The folder may hold an unfinished
 * run: what is there is analysed. */
LP_API lp_status lp_analyze_run(const char *dir);

#ifdef __cplusplus
}
#endif
#endif
