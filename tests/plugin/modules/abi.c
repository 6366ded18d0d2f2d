/* One module per way of being wrong, chosen by ABI_CASE; each is as right as it can be otherwise.
 * SIGNAL_NAME names the cost it registers. */
#include <locality/plugin.h>

#include <math.h>
#include <stddef.h>

#define WRONG_MAJOR     1
#define NEWER_MINOR     2
#define NO_SYMBOL       3
#define FAILING_INIT    4
#define SHORT_PLUGIN    5
#define UNNAMED_PLUGIN  6
#define SHORT_COST      7
#define UNNAMED_COST    8
#define NO_CALLBACK     9
#define BAD_DEFAULT     10
#define NO_DESCRIPTOR   11
#define COLON_IN_NAME   12
#define SILENT_FAILURE  13
#define IGNORED_REFUSAL 14
#define GOOD            15
#define TWICE           17 /* 16: old_layer */
#define OLD_LAYER       16
#define BACKEND         18

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

static double signal(void *self, const lp_arg *args, const lp_sheets *s, double d) {
  (void)self, (void)args, (void)s;
  return 1 / (1 + d);
}

static const lp_param params[] = {
    {"x", LP_PARAM_REAL, ABI_CASE == BAD_DEFAULT ? 7 : 1, 0, 2, NULL, "a number"},
};

static const lp_cost cost = {
    .struct_size = ABI_CASE == SHORT_COST ? 8 : sizeof cost,
    .name = ABI_CASE == UNNAMED_COST    ? NULL
            : ABI_CASE == COLON_IN_NAME ? "a:b"
                                        : TEXT(SIGNAL_NAME),
    .summary = "for tests",
    .params = params,
    .n_params = 1,
    .signal = ABI_CASE == NO_CALLBACK ? NULL : signal,
};

static lp_status build(void *self, const lp_arg *args, lp_graph *g, const lp_layer_request *req,
                       lp_val in, lp_val *out) {
  (void)self, (void)args, (void)g, (void)req;
  *out = in;
  return LP_OK;
}

static const lp_layer layer = {
    .struct_size = offsetof(lp_layer, flags),
    .name = TEXT(SIGNAL_NAME),
    .build = build,
    .flags = LP_LAYER_JOIN, /* stands for whatever follows a shorter descriptor */
};

static lp_status enumerate(void *self, lp_device_info *out, size_t cap, size_t *n) {
  (void)self, (void)out, (void)cap;
  *n = 0;
  return LP_OK;
}

static lp_status open_device(void *self, const char *selector, const lp_device_params *given,
                             lp_device **out) {
  (void)self, (void)selector, (void)given, (void)out;
  return LP_ERR_DEVICE;
}

static const lp_backend backend = {.struct_size = sizeof backend,
                                   .name = TEXT(SIGNAL_NAME),
                                   .enumerate = enumerate,
                                   .open = open_device};

static lp_status init(const lp_host *host, lp_registrar *r) {
  if (ABI_CASE == BACKEND) return host->add_backend(r, &backend);
  if (ABI_CASE == OLD_LAYER) return host->add_layer(r, &layer);
  lp_status s = host->add_cost(r, &cost);
  if (ABI_CASE == TWICE) s = host->add_cost(r, &cost);
  switch (ABI_CASE) {
  case FAILING_INIT:
    return host->fail(LP_ERR_UNSUPPORTED, "the moon is full");
  case SILENT_FAILURE:
    return LP_ERR_UNSUPPORTED;
  case IGNORED_REFUSAL:
    return LP_OK; /* its name is taken, but it goes on */
  default:
    return s;
  }
}

static const lp_plugin plugin = {
    .struct_size = ABI_CASE == SHORT_PLUGIN ? 16 : sizeof plugin,
    .abi_major = LP_ABI_MAJOR + (ABI_CASE == WRONG_MAJOR),
    .abi_minor = ABI_CASE == OLD_LAYER ? 0 : LP_ABI_MINOR + (ABI_CASE == NEWER_MINOR),
    .name = ABI_CASE == UNNAMED_PLUGIN ? NULL : TEXT(SIGNAL_NAME),
    .version = "1.0",
    .license = "Apache-2.0",
    .summary = "for tests",
    .init = init,
};

#if ABI_CASE == NO_SYMBOL
LP_PLUGIN_EXPORT const lp_plugin *other_entry(void);
const lp_plugin *other_entry(void) {
  return &plugin;
}
#else
LP_PLUGIN_EXPORT const lp_plugin *lp_plugin_entry(void);
const lp_plugin *lp_plugin_entry(void) {
  return ABI_CASE == NO_DESCRIPTOR ? NULL : &plugin;
}
#endif
