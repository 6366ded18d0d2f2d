/* One kernel on its own. */
#include "job.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef LP_CPU_AMX
extern const cpu_product lp_cpu_bf16_amx_in_c;
#endif

static void try_flavour(const cpu_variant *v, const char *name, const cpu_product *product,
                        void (*f)(const flavour *)) {
  flavour one = {.kernels = v->kernels, .product = product, .bf16 = product != v->kernels->f32};
  snprintf(one.name, sizeof one.name, "%s%s", name, one.bf16 ? " bf16" : "");
  f(&one);
}

void each_flavour(bool with_bf16, void (*f)(const flavour *)) {
  const cpu_variant *v;
  for (unsigned i = 0; (v = cpu_variant_get(i)); i++) {
    const char *missing = v->missing();
    if (missing) {
      print_message("skipped %s: this CPU lacks %s\n", v->name, missing);
      continue;
    }
    bool own = cpu_bf16_emulated(v); /* else another variant has these kernels */
    if (own) try_flavour(v, v->name, v->kernels->f32, f);
    if (with_bf16) try_flavour(v, v->name, v->bf16, f);
#ifdef LP_CPU_AMX
    if (with_bf16 && !strcmp(v->name, "avx512bf16"))
      try_flavour(v, "amx in C", &lp_cpu_bf16_amx_in_c, f);
#endif
  }
}

typedef struct member {
  const job *job;
  cpu_worker worker;
} member;

static void *work(void *p) {
  member *m = p;
  m->job->flavour->kernels->op[m->job->call.op].run(&m->job->call, &m->worker);
  cpu_barrier(&m->worker);
  return NULL;
}

void run_job(job *j, int count) {
  static char *scratch[MAX_TEAM];
  static cpu_ticket tickets[MAX_TEAM];
  cpu_team team = {.ticket = tickets, .spin = 100};
  member members[MAX_TEAM];
  pthread_t thread[MAX_TEAM];
  cpu_kernel k = j->flavour->kernels->op[j->call.op];
  j->call.env = &j->env;
  j->call.in = j->arg;
  j->call.out = j->arg + j->call.n_in;
  j->call.post_inner = lp_inner(&j->call.out[0].desc);
  size_t bytes = k.workspace ? k.workspace(&j->call) : 0;
  j->call.ws = aligned_alloc(CPU_ALIGN, (bytes + 2 * CPU_ALIGN) / CPU_ALIGN * CPU_ALIGN);
  for (int i = 0; i < count; i++) {
    if (!scratch[i]) scratch[i] = aligned_alloc(4096, CPU_SCRATCH);
    members[i] = (member){j,
                          {.team = &team,
                           .id = i,
                           .count = count,
                           .victim = i,
                           .scratch = scratch[i],
                           .product = j->flavour->product}};
    assert_int_equal(pthread_create(&thread[i], NULL, work, &members[i]), 0);
  }
  for (int i = 0; i < count; i++) pthread_join(thread[i], NULL);
  free(j->call.ws);
}

float *tensor(job *j, uint32_t i, lp_desc d, uint32_t seed) {
  size_t n = (size_t)lp_numel(&d);
  float *p = malloc(sizeof(float) * (n + 64));
  assert_non_null(p);
  for (size_t k = 0; k < n + 64; k++) {
    seed = seed * 1664525u + 1013904223u;
    p[k] = (float)(seed >> 8) * 0x1p-23f - 1;
  }
  j->arg[i] = (cpu_arg){p, true, d};
  return p;
}

void free_job(job *j) {
  for (uint32_t i = 0; i < MAX_ARGS; i++) free(j->arg[i].p);
}

job make_job(const flavour *f, uint32_t op, uint32_t n_in, uint32_t n_out) {
  job j = {.flavour = f, .call = {.op = op, .n_in = n_in, .n_out = n_out}};
  return j;
}

double error_of(const float *got, const double *want, int64_t n) {
  double worst = 0, size = 1e-30;
  for (int64_t i = 0; i < n; i++) {
    worst = fmax(worst, fabs((double)got[i] - want[i]));
    size = fmax(size, fabs(want[i]));
  }
  return worst / size;
}
