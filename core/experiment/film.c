/* Epochs after which activations are kept, for the report's film. */
#include "experiment_internal.h"

#include "../base/text.h"

#include <stdlib.h>
#include <string.h>

/* Is `epoch` one of the list; LP_ERR_ARG for what is no epoch of the run. */
static lp_status look(const lp_settings *s, uint32_t epoch, bool *wanted) {
  const uint32_t epochs = (uint32_t)lp_setting_int(s, "epochs");
  char *text = strdup(lp_setting_text(s, "film")), *rest = text, *word;
  *wanted = false;
  if (!text) return lp_fail(LP_ERR_MEMORY, "film: out of memory");
  lp_status status = LP_OK;
  if (*lp_trim(text))
    while (status == LP_OK && (word = lp_next_token(&rest))) {
      uint64_t n = 0;
      if (strcmp(word, "all") == 0)
        *wanted = true;
      else if (lp_whole(word, 1, epochs, &n))
        *wanted |= n == epoch;
      else
        status =
            lp_fail(LP_ERR_ARG, "film: '%s' is not all or an epoch from 1 to %u", word, epochs);
    }
  free(text);
  return status;
}

lp_status lp_film_check(const lp_settings *s) {
  bool wanted;
  return look(s, 0, &wanted);
}

bool lp_film_wants(const lp_settings *s, uint32_t epoch) {
  bool wanted;
  return look(s, epoch, &wanted) == LP_OK && wanted;
}
