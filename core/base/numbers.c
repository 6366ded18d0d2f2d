/* A decimal point for as long as a function runs. */
#include "numbers.h"

#include <langinfo.h>
#include <string.h>

lp_numbers lp_numbers_begin(void) {
  lp_numbers n = {(locale_t)0, (locale_t)0};
  if (strcmp(nl_langinfo(RADIXCHAR), ".") == 0) return n;
  /* Everything else stays the caller's: the language of error texts, say. */
  locale_t copy = duplocale(uselocale((locale_t)0));
  if (copy == (locale_t)0) return n;
  n.mine = newlocale(LC_NUMERIC_MASK, "C", copy);
  if (n.mine == (locale_t)0)
    freelocale(copy);
  else
    n.before = uselocale(n.mine);
  return n;
}

void lp_numbers_end(lp_numbers *n) {
  if (n->mine == (locale_t)0) return;
  uselocale(n->before);
  freelocale(n->mine);
}
