/* Which kernels a peer's library runs, and whether something holds it below the processor: a ratio
 * to a peer that was told to leave the wide registers alone flatters us. */
#include "bench.h"

#include <dlfcn.h>
#include <locality/exec.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Widths of registers, as kernels are written for them. */
enum { LEVEL_UNKNOWN, LEVEL_SSE, LEVEL_AVX, LEVEL_AVX2, LEVEL_AVX512 };
static const char *const level_name[] = {"", "SSE", "AVX", "AVX2", "AVX-512"};

static int processor_level(void) {
#if defined(__x86_64__) || defined(__i386__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    return LEVEL_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return LEVEL_AVX2;
  return __builtin_cpu_supports("avx") ? LEVEL_AVX : LEVEL_SSE;
#else
  return LEVEL_UNKNOWN;
#endif
}

/* Names that OpenBLAS and BLIS give to their kernels, in any case. */
static const struct {
  const char *name;
  int level;
} kernels[] = {
    {"skylakex", LEVEL_AVX512},
    {"cooperlake", LEVEL_AVX512},
    {"sapphirerapids", LEVEL_AVX512},
    {"graniterapids", LEVEL_AVX512},
    {"zen4", LEVEL_AVX512},
    {"zen5", LEVEL_AVX512},
    {"skx", LEVEL_AVX512},
    {"knl", LEVEL_AVX512},
    {"haswell", LEVEL_AVX2},
    {"zen", LEVEL_AVX2},
    {"zen2", LEVEL_AVX2},
    {"zen3", LEVEL_AVX2},
    {"excavator", LEVEL_AVX2},
    {"sandybridge", LEVEL_AVX},
    {"bulldozer", LEVEL_AVX},
    {"piledriver", LEVEL_AVX},
    {"steamroller", LEVEL_AVX},
    {"prescott", LEVEL_SSE},
    {"core2", LEVEL_SSE},
    {"penryn", LEVEL_SSE},
    {"dunnington", LEVEL_SSE},
    {"nehalem", LEVEL_SSE},
    {"athlon", LEVEL_SSE},
    {"opteron", LEVEL_SSE},
    {"opteron_sse3", LEVEL_SSE},
    {"barcelona", LEVEL_SSE},
    {"bobcat", LEVEL_SSE},
    {"atom", LEVEL_SSE},
    {"nano", LEVEL_SSE},
    {"generic", LEVEL_SSE},
};

static int level_of(const char *name) {
  for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
    if (strcasecmp(kernels[i].name, name) == 0) return kernels[i].level;
  return LEVEL_UNKNOWN;
}

/* oneDNN's instruction sets are sets of bits, the same in versions 2 and 3. */
static int onednn_level(int isa, char *out, size_t cap) {
  static const struct {
    int isa;
    const char *name;
  } sets[] = {{0x1, "SSE4.1"},
              {0x3, "AVX"},
              {0x7, "AVX2"},
              {0xf, "AVX2 with VNNI"},
              {0x27, "AVX-512"},
              {0x67, "AVX-512 with VNNI"},
              {0xe7, "AVX-512 with bf16"},
              {0x1ef, "AVX-512 with fp16"},
              {0x3e7, "AVX-512 with AMX"},
              {0xfef, "AVX-512 with AMX"}};
  snprintf(out, cap, "instruction set 0x%x", (unsigned)isa);
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
    if (sets[i].isa == isa) snprintf(out, cap, "%s", sets[i].name);
  return isa & 0x20 ? LEVEL_AVX512 : isa & 0x4 ? LEVEL_AVX2 : isa & 0x2 ? LEVEL_AVX : LEVEL_SSE;
}

static const struct {
  const char *peer, *setting[2]; /* environment variables that hold it down */
} peers[] = {
    {"openblas", {"OPENBLAS_CORETYPE", NULL}},
    {"blis", {"BLIS_ARCH_TYPE", NULL}},
    {"onednn", {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"}},
};

static int ask(void *library, const char *peer, char *out, size_t cap) {
  union {
    void *address;
    char *(*text)(void);
    int (*number)(void);
    const char *(*name)(int);
  } f, g;
  *out = 0;
  if (strcmp(peer, "openblas") == 0 && (f.address = dlsym(library, "openblas_get_corename"))) {
    snprintf(out, cap, "%s", f.text());
    return level_of(out);
  }
  if (strcmp(peer, "blis") == 0 && (f.address = dlsym(library, "bli_arch_query_id")) &&
      (g.address = dlsym(library, "bli_arch_string"))) {
    snprintf(out, cap, "%s", g.name(f.number()));
    return level_of(out);
  }
  if (strcmp(peer, "onednn") == 0 && (f.address = dlsym(library, "dnnl_get_effective_cpu_isa")))
    return onednn_level(f.number(), out, cap);
  return LEVEL_UNKNOWN;
}

void bench_name_kernels(bench_row *row, void *library, uint32_t threads) {
  char name[32];
  int level = ask(library, row->backend, name, sizeof name), most = processor_level();
  snprintf(row->kernels, sizeof row->kernels, "%s, %u thread%s",
           *name ? name : "kernels that it does not tell", threads, threads == 1 ? "" : "s");
  if (level == LEVEL_UNKNOWN || level >= most) return;
  const char *setting = NULL;
  for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
    for (int k = 0; k < 2 && strcmp(peers[i].peer, row->backend) == 0; k++)
      if (peers[i].setting[k] && getenv(peers[i].setting[k])) setting = peers[i].setting[k];
  if (setting)
    snprintf(row->held, sizeof row->held, "%s=%s holds it at %s; this processor has %s", setting,
             getenv(setting), level_name[level], level_name[most]);
  else
    snprintf(row->held, sizeof row->held,
             "of its own accord it runs %s kernels (an old build?); this processor has %s",
             level_name[level], level_name[most]);
}

/* Threads of the cpu backend that is measured, or that would be: peers get as many. */
uint32_t bench_threads(const bench_options *o) {
  static uint32_t known;
  if (known) return known;
  const char *device = "cpu";
  for (uint32_t i = 0; i < o->n_backends; i++)
    if (strcmp(o->backend[i], "cpu") == 0 || strncmp(o->backend[i], "cpu:", 4) == 0) {
      device = o->backend[i];
      break;
    }
  lp_session *s = NULL;
  if (o->threads)
    known = o->threads;
  else if (lp_session_open(device, 1, &s) == LP_OK)
    known = lp_session_device(s)->units;
  lp_session_close(s);
  cpu_set_t set;
  if (!known) known = sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
  return known;
}
