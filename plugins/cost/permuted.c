/* Prior `permuted`: another cost with the units of both sheets re-placed at random (a control).
 * Every unit sends and receives as much as some unit of the base does; only where is left to
 * chance. */
#include <locality/plugin.h>

#include <stdbool.h>
#include <stddef.h>

static const lp_param params[] = {
    {"base", LP_PARAM_STRING, 0, 0, 0, "linear", "the cost whose values are re-placed"},
    {"seed", LP_PARAM_INT, -1, -1, 4294967295.0, NULL,
     "which random placement; -1: the network's own seed, so that no placement is shared"},
};

/* SplitMix64 (Steele, Lea & Flood, OOPSLA 2014). */
static uint64_t next(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* Unbiased draw from 0 .. n-1: the draws of an incomplete last block are thrown away. */
static uint32_t below(uint64_t *state, uint32_t n) {
  uint64_t draw, limit = UINT64_MAX - UINT64_MAX % n;
  do draw = next(state);
  while (draw >= limit);
  return (uint32_t)(draw % n);
}

static void shuffle(uint64_t *state, uint32_t *perm, uint32_t n) {
  for (uint32_t k = 0; k < n; k++) perm[k] = k;
  for (uint32_t k = n; k > 1; k--) {
    uint32_t other = below(state, k), kept = perm[k - 1];
    perm[k - 1] = perm[other];
    perm[other] = kept;
  }
}

static lp_status permute(void *self, const lp_arg *args, const lp_sheets *s, const char **base,
                         uint32_t *out, uint32_t *in) {
  (void)self;
  bool knows_seed = s->struct_size >= offsetof(lp_sheets, seed) + sizeof s->seed;
  uint64_t state = args[1].value >= 0 ? (uint64_t)args[1].value : knows_seed ? s->seed : 1;
  *base = args[0].text;
  shuffle(&state, out, s->n_out);
  shuffle(&state, in, s->n_in);
  return LP_OK;
}

static const lp_prior_source prior = {
    .struct_size = sizeof prior,
    .name = "permuted",
    .summary = "another cost with its units re-placed at random (control)",
    .source = "",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .permute = permute,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  return host->add_prior(r, &prior);
}

LP_PLUGIN("cost-permuted", "1.1", "Apache-2.0", "control: another cost, units re-placed", init,
          NULL)
