/* plan-cases DEVICE [TEXT...]: plans every op case whose name holds one of the texts (all without
 * any), without running it. With LOCALITY_CL_DUMP=FOLDER the OpenCL backend leaves its kernels and
 * launches there. What the device refuses is left out; exit 1 when nothing was planned. */
#include "execute.h" /* of core/check */

#include <locality/registry.h>

#include <stdio.h>
#include <string.h>

static bool wanted(const char *name, char **text, int n) {
  bool found = n == 0;
  for (int i = 0; i < n; i++) found |= strstr(name, text[i]) != NULL;
  return found;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: plan-cases DEVICE [TEXT...]\n");
    return 2;
  }
  uint32_t planned = 0;
  lp_status s = lp_registry_load();
  for (uint32_t i = 0; s == LP_OK && i < op_cases_count(); i++) {
    op_case c = op_cases_get(i);
    static case_program p;
    case_exec x;
    if (!wanted(c.name, argv + 2, argc - 2)) continue;
    s = case_build(&c, false, &p);
    if (s != LP_OK) break;
    s = case_open(&p, argv[1], &x);
    if (s == LP_OK) {
      planned++;
      case_close(&x);
    }
    if (s == LP_ERR_UNSUPPORTED) s = LP_OK;
    case_free(&p);
  }
  if (s != LP_OK) fprintf(stderr, "plan-cases: %s: %s\n", argv[1], lp_error_message());
  return s == LP_OK && planned ? 0 : 1;
}
