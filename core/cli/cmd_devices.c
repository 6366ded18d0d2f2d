/* locality devices: what can be computed on. */
#include "cli.h"

#include <locality/registry.h>

#include <stdlib.h>
#include <string.h>

static const char *type_name(uint32_t type) {
  static const char *const name[] = {"cpu",           "gpu",   "integrated gpu",
                                     "opencl on cpu", "dummy", "accelerator"};
  return type < sizeof name / sizeof *name ? name[type] : "other";
}

static json_t *device_json(const lp_device_info *d) {
  return json_pack("{s:s, s:s, s:s, s:s, s:I, s:i}", "id", d->id, "type", type_name(d->type),
                   "name", d->name, "driver", d->driver, "memory", (json_int_t)d->memory, "units",
                   (int)d->units);
}

static void print_device(const lp_device_info *d) {
  char memory[24] = "-";
  if (d->memory) cli_format_bytes(d->memory, memory);
  printf("%-12s %-15s %9s %6u  %s%s%s\n", d->id, type_name(d->type), memory, d->units, d->name,
         d->driver[0] ? "; " : "", d->driver);
}

static const cli_flag flags[] = {
    {"self-test", 't', NULL, "compare the device with plain C; exit code 1 on a mismatch"},
};

/* Backends that have no device say why: a driver that is missing, say. One that failed while it was
 * listed has been named by a warning. */
static void print_missing(const lp_device_info *d, uint32_t n) {
  uint32_t entries = lp_entry_count();
  for (uint32_t i = 0; i < entries; i++) {
    const lp_entry *e = lp_entry_get(i);
    if (e->kind != LP_KIND_BACKEND) continue;
    bool listed = false;
    size_t len = strlen(e->name);
    for (uint32_t k = 0; k < n && !listed; k++)
      listed = strncmp(d[k].id, e->name, len) == 0 && (!d[k].id[len] || d[k].id[len] == ':');
    lp_device *dev;
    if (listed) continue;
    lp_status s = lp_device_open(e->name, &dev);
    if (s != LP_OK && s != LP_ERR_DEVICE) fprintf(stderr, "locality: %s\n", lp_error_message());
  }
}

/* The devices that a self-test without a name is for: all but dummies and, where there are others,
 * the CPU that they are compared with. */
static int test_all(const cli_args *a, const lp_device_info *d, uint32_t n) {
  int code = CLI_OK;
  bool others = false;
  for (uint32_t i = 0; i < n; i++)
    others |= d[i].type != LP_DEVICE_CPU && d[i].type != LP_DEVICE_DUMMY;
  for (uint32_t i = 0; i < n; i++) {
    if (d[i].type == LP_DEVICE_DUMMY || (others && d[i].type == LP_DEVICE_CPU)) continue;
    if (cli_selftest(a, d[i].id) != CLI_OK) code = CLI_FAILURE;
  }
  return code;
}

static int run(cli_args *a) {
  const char *asked = a->n_operands ? a->operand[0] : NULL;
  bool test = cli_get(a, "self-test") != NULL;
  if (asked && !test) return cli_usage("devices: '%s' is for --self-test only", asked);
  if (asked) return lp_registry_load() == LP_OK ? cli_selftest(a, asked) : cli_fail();

  uint32_t n = 0, got;
  if (lp_registry_load() != LP_OK || lp_devices(NULL, 0, &n) != LP_OK) return cli_fail();
  lp_device_info *d = calloc(n + 1, sizeof *d);
  if (!d) return cli_fail_with("out of memory");
  if (lp_devices(d, n, &got) != LP_OK) {
    free(d);
    return cli_fail();
  }
  if (got < n) n = got;
  int code = CLI_OK;
  if (test) {
    code = test_all(a, d, n);
  } else if (a->json) {
    json_t *all = json_array();
    for (uint32_t i = 0; i < n; i++) json_array_append_new(all, device_json(&d[i]));
    code = cli_print_json(json_pack("{s:o}", "devices", all));
  } else {
    printf("%s%-12s %-15s %9s %6s  %s%s\n", cli_bold(stdout), "device", "type", "memory", "units",
           "name; driver", cli_plain(stdout));
    for (uint32_t i = 0; i < n; i++) print_device(&d[i]);
    fflush(stdout);
    if (!a->quiet) print_missing(d, n);
  }
  free(d);
  return code;
}

const cli_command cli_cmd_devices = {
    .name = "devices",
    .operands = "[--self-test [DEVICE]]",
    .summary = "list what can be computed on, or test it",
    .about =
        "Lists the devices of all backends, best first; `auto` is the first that is no dummy.\n"
        "The self-test runs every op and three training steps of LeNet on a device (on all,\n"
        "unless one is named), compares them with plain C, and prints what a bug report needs.",
    .examples = "  locality devices\n  locality devices --self-test opencl:1",
    .flags = flags,
    .n_flags = sizeof flags / sizeof *flags,
    .max_operands = 1,
    .run = run,
};
