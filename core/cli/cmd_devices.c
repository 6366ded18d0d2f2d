/* locality devices: what can be computed on. */
#include "cli.h"

#include <locality/registry.h>

#include <stdlib.h>

static const char *type_name(uint32_t type) {
  static const char *const name[] = {"cpu", "gpu", "integrated gpu", "opencl on cpu", "dummy"};
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

static int run(cli_args *a) {
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
  if (a->json) {
    json_t *all = json_array();
    for (uint32_t i = 0; i < n; i++) json_array_append_new(all, device_json(&d[i]));
    code = cli_print_json(json_pack("{s:o}", "devices", all));
  } else {
    printf("%s%-12s %-15s %9s %6s  %s%s\n", cli_bold(stdout), "device", "type", "memory", "units",
           "name; driver", cli_plain(stdout));
    for (uint32_t i = 0; i < n; i++) print_device(&d[i]);
  }
  free(d);
  return code;
}

const cli_command cli_cmd_devices = {
    .name = "devices",
    .operands = "",
    .summary = "list what can be computed on",
    .about = "Lists the devices of all backends, best first; `auto` is the first that is no dummy.",
    .examples = "  locality devices\n  locality train --device cpu:threads=2 -o model.safetensors",
    .run = run,
};
