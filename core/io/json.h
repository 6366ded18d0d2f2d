/* JSON as text: every number with the fewest digits that read back as the same double, so that 0.1
 * stays 0.1 and nothing is lost. One way for the files of a run folder and what programs print. */
#ifndef LP_IO_JSON_H
#define LP_IO_JSON_H

#include <locality/status.h>

#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Like json_dumps(), whose flags these are (but the precision); NULL: memory is exhausted, or a
 * text is not UTF-8. Free with free(). Threads: any, on different values. */
LP_API char *lp_json_text(const json_t *value, size_t flags);
/* A number; null for NaN and infinity, which JSON has not. */
LP_API json_t *lp_json_number(double v);

#ifdef __cplusplus
}
#endif
#endif
