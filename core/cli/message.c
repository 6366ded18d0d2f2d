/* Messages: one line an error, colours only where they can be seen. */
#include "cli.h"

#include "../io/json.h"

#include <locality/registry.h>

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool coloured(FILE *out) {
  const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
  return isatty(fileno(out)) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

const char *cli_bold(FILE *out) {
  return coloured(out) ? "\033[1m" : "";
}

const char *cli_plain(FILE *out) {
  return coloured(out) ? "\033[0m" : "";
}

/* On one line, whatever is in the names that it tells. */
static void print_error(const char *text) {
  const char *red = coloured(stderr) ? "\033[31m" : "";
  fprintf(stderr, "%slocality:%s ", red, cli_plain(stderr));
  for (; *text; text++) fputc((unsigned char)*text < ' ' || *text == 127 ? ' ' : *text, stderr);
  fputc('\n', stderr);
}

int cli_fail(void) {
  print_error(lp_error_message());
  return CLI_FAILURE;
}

static void print_formatted(const char *fmt, va_list ap) {
  char text[1024];
  vsnprintf(text, sizeof text, fmt, ap);
  print_error(text);
}

int cli_fail_with(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  print_formatted(fmt, ap);
  va_end(ap);
  return CLI_FAILURE;
}

int cli_usage(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  print_formatted(fmt, ap);
  va_end(ap);
  return CLI_USAGE;
}

int cli_print_json(json_t *root) {
  char *text = root ? lp_json_text(root, JSON_INDENT(2)) : NULL;
  json_decref(root);
  if (!text)
    return cli_fail_with("cannot print JSON: a name in it is not UTF-8, or memory is exhausted");
  puts(text); /* main() looks whether it could be written */
  free(text);
  return CLI_OK;
}

void cli_format_bytes(uint64_t bytes, char out[24]) {
  static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
  double v = (double)bytes;
  int k = 0;
  while (v >= 999.5 && k < 4) {
    v /= 1000;
    k++;
  }
  snprintf(out, 24, k && v < 9.95 ? "%.1f %s" : "%.0f %s", v, unit[k]);
}

void cli_format_seconds(double seconds, char out[24]) {
  if (!(seconds >= 0) || seconds > 1e8) {
    snprintf(out, 24, "-");
    return;
  }
  long s = lround(seconds);
  if (s >= 3600)
    snprintf(out, 24, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  else
    snprintf(out, 24, "%ld:%02ld", s / 60, s % 60);
}

void cli_say_note(const cli_args *a, const lp_data_note *note) {
  if (!a->quiet && !note->warning) fprintf(stderr, "data: %s\n", note->text);
}

void cli_say_notes(const cli_args *a, const lp_dataset *const *d, uint32_t n) {
  const lp_data_note *note;
  for (uint32_t i = 0; (note = lp_dataset_notes(d, n, i)); i++) cli_say_note(a, note);
}

json_t *cli_notes(const lp_dataset *const *d, uint32_t n, bool warnings) {
  json_t *all = json_array();
  const lp_data_note *note;
  for (uint32_t i = 0; (note = lp_dataset_notes(d, n, i)); i++)
    if (note->warning == warnings) json_array_append_new(all, json_string(note->text));
  return all;
}

void cli_say_auto(const cli_args *a, const char *asked, const lp_device_info *chosen) {
  static const char *const why[] = {
      [LP_DEVICE_CPU] = "no GPU that can do this was found",
      [LP_DEVICE_DISCRETE] = "a GPU with its own memory comes first",
      [LP_DEVICE_INTEGRATED] = "an integrated GPU; none with its own memory was found",
      [LP_DEVICE_CL_CPU] = "there is no other backend for this CPU",
      [LP_DEVICE_ACCELERATOR] = "there is no CPU or GPU to compute on"};
  if (a->quiet || (strcmp(asked, "auto") != 0 && strncmp(asked, "auto:", 5) != 0)) return;
  const char *reason = chosen->type < sizeof why / sizeof *why ? why[chosen->type] : "the first";
  fprintf(stderr, "auto: computing on %s (%s): %s\n", chosen->id, chosen->name, reason);
}

int cli_apply_tune(const cli_args *a, lp_settings *s) {
  if (!cli_get(a, "tune")) return CLI_OK;
  char *device = lp_device_with(lp_setting_text(s, "backend"), "tune=");
  lp_status status = device ? lp_settings_give(s, "backend", device) : LP_ERR_MEMORY;
  free(device);
  return status == LP_OK ? CLI_OK : cli_fail();
}
