/* Small text helpers for the library and its programs: cutting up what a user typed, joining it
 * for messages, suggesting a name, and printing numbers. Internal: not installed, but exported for
 * the programs.
 *
 * Threads: all functions work on their arguments alone. */
#ifndef LP_BASE_TEXT_H
#define LP_BASE_TEXT_H

#include <locality/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- cutting up, in place ------------------------------------------------------------------ */

/* Do the parentheses match? */
LP_API bool lp_balanced(const char *text);
/* Without the blanks around it. */
LP_API char *lp_trim(char *text);
/* Up to the next comma outside parentheses, trimmed; *rest moves on. NULL at the end. */
LP_API char *lp_next_token(char **rest);
/* Without the parentheses around it, if there are any: "(a,b)" is "a,b", "(a)(b)" stays. */
LP_API char *lp_unwrap(char *value);

/* Fails where "KEY=VALUE,KEY=VALUE" gives a key twice: one of the values would be passed over. */
LP_API lp_status lp_check_keys(const char *changes);

/* ---- joining ------------------------------------------------------------------------------- */

/* Appends to a text in a buffer of cap bytes; what does not fit is cut off. */
LP_API void lp_text_add(char *text, size_t cap, const char *fmt, ...) LP_PRINTF(3, 4);
/* Appends "a, b, c". */
LP_API void lp_text_add_names(char *text, size_t cap, const char *const *names, uint32_t n);

/* ---- names --------------------------------------------------------------------------------- */

/* The nearest of n names by edit distance, or NULL when none is near enough to be meant. A word of
 * three letters or more is also near a name that it begins. */
LP_API const char *lp_nearest(const char *word, const char *const *names, uint32_t n);

/* The sentence that follows "no X is named 'word'": "; did you mean 'NAME'?", "" when no name is
 * near. Made to be an argument: lp_fail(..., "...%s", word, lp_did_you_mean(word, names, n).text).
 */
typedef struct lp_hint {
  char text[120];
} lp_hint;
LP_API lp_hint lp_did_you_mean(const char *word, const char *const *names, uint32_t n);
/* The same; when none is near, all there are: "; there are a, b, c" ("; there is none"). */
typedef struct lp_choice {
  char text[600];
} lp_choice;
LP_API lp_choice lp_did_you_mean_or(const char *word, const char *const *names, uint32_t n);

/* ---- whole numbers ------------------------------------------------------------------------- */

/* Reads the digits at *at as a number up to max and moves *at behind them; false, with *at where it
 * was, when there is no digit or the number is larger. Signs, blanks and numbers that would wrap
 * round are no digits, unlike for strtoul. */
LP_API bool lp_digits(const char **at, uint64_t max, uint64_t *out);
/* Is text a whole number from min to max and nothing else? *out is set only then. */
LP_API bool lp_whole(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* ---- numbers ------------------------------------------------------------------------------- */

/* Text by value, made to be an argument: lp_fixed(x, 2).text. "-" for NaN. */
typedef struct lp_number {
  char text[40];
} lp_number;
/* With that many decimals. A half is rounded away from 0, also where the last bits of x are noise:
 * 96.365 is 96.37 whichever way it was computed or read. "%.3g" from 1e7 on; never "-0.00". */
LP_API lp_number lp_fixed(double x, int decimals);
/* With decimals by magnitude: 3 below 10, 2 below 100 (percentages), 1 below 10000, then none. */
LP_API int lp_decimals(double x);
LP_API lp_number lp_magnitude(double x);
/* The text with the fewest digits (15 to 17 of them, without zeros at the end) that strtod reads
 * back as x; "NaN", "inf" and "-inf" of what is no number. For files that are read again; the
 * caller sees to the point (base/numbers.h). */
LP_API lp_number lp_exact(double x);
/* A p-value: "0.042", "< 0.001". */
LP_API lp_number lp_p_text(double p);

#ifdef __cplusplus
}
#endif
#endif
