/* The command line. */
#include "../core/base/text.h"
#include "bench.h"

#include <locality/registry.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool add_backends(bench_options *o, const char *text) {
  while (*text) {
    const size_t n = case_device_length(text);
    if (!n || o->n_backends == BENCH_MAX_BACKENDS || n >= sizeof o->backend[0]) return false;
    snprintf(o->backend[o->n_backends], sizeof o->backend[0], "%.*s", (int)n, text);
    /* --threads belongs to the plain-C backend. */
    char *b = o->backend[o->n_backends++];
    if (o->threads && strcmp(b, "cpu") == 0)
      snprintf(b, sizeof o->backend[0], "cpu:threads=%u", o->threads);
    text += n + (text[n] == ',');
  }
  return o->n_backends > 0;
}

bool bench_default_backends(bench_options *o) {
  lp_device_info info[BENCH_MAX_BACKENDS];
  uint32_t n = 0;
  if (lp_devices(info, BENCH_MAX_BACKENDS, &n) != LP_OK) return false;
  for (uint32_t i = 0; i < n && i < BENCH_MAX_BACKENDS; i++)
    if (info[i].type != LP_DEVICE_DUMMY && !add_backends(o, info[i].id)) return false;
  return o->n_backends > 0;
}

static bool parse_sizes(bench_options *o, const char *text) {
  for (uint64_t v; *text; text += *text == ',') {
    if (!lp_digits(&text, 32768, &v) || (*text && *text != ',') || v < 1 ||
        o->n_sizes == BENCH_MAX_SIZES)
      return false;
    o->size[o->n_sizes++] = (uint32_t)v;
  }
  return o->n_sizes > 0;
}

static bool parse_count(uint32_t *out, const char *text) {
  uint64_t v;
  bool good = lp_whole(text, 1, 65536, &v);
  if (good) *out = (uint32_t)v;
  return good;
}

static bool parse_real(double *out, const char *text) {
  char *end;
  *out = strtod(text, &end);
  return !*end && end != text && *out > 0;
}

typedef enum option_kind { FLAG, TEXT, SIZES, COUNT, REAL } option_kind;

static const struct {
  const char *name;
  option_kind kind;
  size_t at; /* of its field; SIZES have their own */
} options[] = {
#define FIELD(name) offsetof(bench_options, name)
    {"--quick", FLAG, FIELD(quick)},
    {"--list", FLAG, FIELD(list)},
    {"--backend", TEXT, FIELD(backends)},
    {"--peer", TEXT, FIELD(peer)},
    {"--layer", TEXT, FIELD(layer)},
    {"--filter", TEXT, FIELD(filter)},
    {"--json", TEXT, FIELD(json)},
    {"--csv", TEXT, FIELD(csv)},
    {"--markdown", TEXT, FIELD(markdown)},
    {"--out", TEXT, FIELD(out)},
    {"--predicted", TEXT, FIELD(predicted)},
    {"--size", SIZES, 0},
    {"--batch", COUNT, FIELD(batch)},
    {"--threads", COUNT, FIELD(threads)},
    {"--passes", COUNT, FIELD(passes)},
    {"--pass", COUNT, FIELD(pass)}, /* of passes.c, not for people */
    {"--precision", REAL, FIELD(precision)},
    {"--max-time", REAL, FIELD(max_time)},
    {"--margin", REAL, FIELD(margin)},
#undef FIELD
};

/* Returns false when the value does not fit. */
static bool set(bench_options *o, option_kind kind, size_t at, const char *value) {
  char *field = (char *)o + at;
  switch (kind) {
  case FLAG:
    return *(bool *)(void *)field = true;
  case TEXT:
    *(const char **)(void *)field = value;
    return true;
  case SIZES:
    return parse_sizes(o, value);
  case COUNT:
    return parse_count((uint32_t *)(void *)field, value);
  case REAL:
    return parse_real((double *)(void *)field, value);
  }
  return false;
}

bool bench_parse(int argc, char **argv, bench_options *o, char **rest, int *n) {
  for (int i = 0; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    size_t k = 0, count = sizeof options / sizeof *options;
    if (argv[i][0] != '-') {
      rest[(*n)++] = argv[i];
      continue;
    }
    while (k < count && strcmp(argv[i], options[k].name) != 0) k++;
    bool flag = k < count && options[k].kind == FLAG;
    if (k == count || (!flag && !value) || !set(o, options[k].kind, options[k].at, value)) {
      fprintf(stderr, "lp-bench: %s %s: not understood\n", argv[i], value && !flag ? value : "");
      return false;
    }
    i += !flag;
  }
  if (!o->passes) o->passes = o->quick ? 1 : 3;
  if (o->passes > BENCH_MAX_PASSES) {
    fprintf(stderr, "lp-bench: --passes %u: at most %d\n", o->passes, BENCH_MAX_PASSES);
    return false;
  }
  if (o->quick) {
    if (o->max_time == 3) o->max_time = 0.25;
    o->warm_up = 0.01;
  }
  return !o->backends || add_backends(o, o->backends);
}
