/* wiring.c: data of the figure of wiring: shares of connections over their length, and of units
 * over their degree. */
#include "report/report_internal.h"

#include <stdlib.h>
#include <string.h>

enum { MEASURE = 6, COLUMNS }; /* of curves.csv */

static void look(void *user, char *const *field, uint32_t n) {
  bool *any = user;
  *any |= n >= COLUMNS && strcmp(field[MEASURE], "wiring_length") == 0;
}

bool lp_wiring_any(const report_run *run) {
  bool any = false;
  return lp_csv_rows(run->dir, LP_RUN_CURVES, look, &any) == LP_OK && any;
}

lp_status lp_wiring_section(const report_run *run, FILE *f) {
  static const char *const names[] = {"wiring_%s"};
  return lp_figures_emit(run, PER_SITE, names, 1, f);
}

lp_status lp_wiring_write(const report_run *run, const subject *of, int arg, figure_out *out) {
  (void)arg;
  bool *shown = calloc(run->n_arms, sizeof *shown), *degrees = calloc(run->n_arms, sizeof *degrees),
       any = false, below = false;
  fputs("# arm number,arm,seed,length,share,by the prior alone,the same; then: degree,share,with "
        "edges at random,the same\n",
        out->csv);
  lp_status st = shown && degrees ? lp_networks_curve(run, of, "wiring_length", out->csv, shown)
                                  : lp_fail(LP_ERR_MEMORY, "out of memory");
  if (st == LP_OK) {
    fputs("\n\n", out->csv);
    st = lp_networks_curve(run, of, "degree", out->csv, degrees);
  }
  for (uint32_t a = 0; st == LP_OK && a < run->n_arms; a++) any |= shown[a], below |= degrees[a];
  if (st == LP_OK && !any)
    st = lp_fail(LP_ERR_NOT_FOUND, "no weights of known length lead to its units");
  if (st == LP_OK) {
    lp_gp_arms(out->var, run);
    lp_gp_numbers(out->var, "shown", shown, run->n_arms);
    lp_gp_numbers(out->var, "degrees", degrees, run->n_arms);
    lp_report_html(
        out->caption,
        "Connections to the units at %s; thin lines: networks, thick: their mean. Above: "
        "share of |P W| over length, in bins; dashed: what the prior gives with equal "
        "weights. A curve left of it is wiring shorter than the prior makes it.",
        run->sites[of->site]);
    if (below)
      lp_report_html(out->caption,
                     " Below: share of the units over their degree, the units that each is joined "
                     "to by the strongest 10 %% of connections; dashed: the same number of edges "
                     "at random. The last bin holds all higher degrees too.");
  }
  free(shown);
  free(degrees);
  return st;
}
