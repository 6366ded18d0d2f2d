/* Numbers as text are read and written with a point, whatever locale the program that uses the
 * library has set: a comma in an option, a model file, a table or a kernel would be another number,
 * or none. Internal.
 *
 *   lp_status lp_f(...) {
 *     LP_POINT_NUMBERS;
 *     ... printf, strtod, scanf ...
 *   } the caller's locale is back
 *
 * Stands in every public function below which numbers become text or text becomes numbers, modules
 * included, and in threads of our own, which begin with the program's locale.
 *
 * Threads: the locale is the calling thread's (uselocale). Where the locale has a point already,
 * nothing is done. */
#ifndef LP_BASE_NUMBERS_H
#define LP_BASE_NUMBERS_H

#include <locale.h>

typedef struct lp_numbers {
  locale_t mine, before; /* mine: (locale_t)0 where nothing was changed */
} lp_numbers;

lp_numbers lp_numbers_begin(void);
void lp_numbers_end(lp_numbers *n);

#define LP_POINT_NUMBERS                                                                           \
  __attribute__((cleanup(lp_numbers_end), unused)) lp_numbers lp_numbers_of_caller =               \
      lp_numbers_begin()

#endif
