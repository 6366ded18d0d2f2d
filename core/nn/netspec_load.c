/* Networks by name, from a file or from text. */
#include "netspec.h"

#include "../base/numbers.h"
#include "../base/text.h"

#include <locality/io.h>
#include <locality/registry.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lp_status no_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "network: out of memory");
}

static lp_netspec *new_netspec(const char *name, const char *where) {
  lp_netspec *n = calloc(1, sizeof *n);
  if (n) {
    n->name = strdup(name);
    n->where = strdup(where);
  }
  if (n && n->name && n->where) return n;
  lp_netspec_free(n);
  return NULL;
}

static lp_status parse(const char *name, const char *where, const char *text, size_t size,
                       lp_netspec **out) {
  *out = NULL;
  lp_netspec *n = new_netspec(name, where);
  if (!n) return no_memory();
  lp_status status = lp_registry_load(); /* layers are plugins; a second call does nothing */
  if (status == LP_OK) status = lp_netspec_read(n, text, size);
  if (status == LP_OK) status = lp_netspec_finish(n);
  if (status == LP_OK)
    *out = n;
  else
    lp_netspec_free(n);
  return status;
}

lp_status lp_netspec_parse(const char *text, const char *where, lp_netspec **out) {
  LP_POINT_NUMBERS;
  return parse(where, where, text, strlen(text), out);
}

static bool is_file_name(const char *name) {
  const char *dot = strrchr(name, '.');
  return strchr(name, '/') || (dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0));
}

lp_status lp_network_names(char ***names, uint32_t *n) {
  return lp_shared_names("networks", "core/nn/networks", names, n);
}

static lp_status unknown_network(const char *name) {
  char **names;
  uint32_t n;
  lp_status status = lp_network_names(&names, &n);
  if (status != LP_OK) return status;
  status = lp_fail(LP_ERR_NOT_FOUND, "no network is named '%s'%s (a file's name ends in .yaml)",
                   name, lp_did_you_mean_or(name, (const char *const *)names, n).text);
  lp_names_free(names, n);
  return status;
}

lp_status lp_netspec_load(const char *name_or_file, lp_netspec **out) {
  LP_POINT_NUMBERS;
  *out = NULL;
  char path[4096], file[300];
  lp_status status = LP_OK;
  bool shipped = !is_file_name(name_or_file);
  if (shipped) {
    snprintf(file, sizeof file, "%s.yaml", name_or_file);
    status = lp_shared_path("networks", "core/nn/networks", file, path, sizeof path);
  }
  void *text = NULL;
  size_t size = 0;
  if (status == LP_OK) status = lp_read_file(shipped ? path : name_or_file, &text, &size);
  if (status != LP_OK && shipped) return unknown_network(name_or_file);
  if (status == LP_OK) status = parse(name_or_file, shipped ? file : name_or_file, text, size, out);
  free(text);
  return status;
}
