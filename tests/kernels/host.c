/* host LAUNCHES: runs kernels that were compiled for the host, with operands near the end of the
 * largest buffer (8 GiB) and again at its beginning: results must be the same to the bit. Memory is
 * reserved, and can be touched only where the operands are: a place elsewhere ends the run.
 *
 * A line of LAUNCHES is a launch: kernel index, global and local extents, then arguments: F R, I R
 * or B R memory of floats, ints or bytes in region R, o the offset of the memory before, i N, f X
 * numbers, T SLOTS BUFFERS an optimiser's table. One line of output a launch; exit 77 where memory
 * cannot be reserved. Compiled together with the generated list of kernels (offsets.py). */
#define _GNU_SOURCE
#include "host.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { REGIONS = 24, ARGS = 48, ITEMS = 1024 };
#define END    (UINT64_C(8) << 30) /* OCL_MAX_BUFFER */
#define WINDOW (UINT64_C(64) << 20)
#define PAD    4096 /* vector loads may reach over a tensor's end: OCL_BUFFER_PAD */
#define FILLED (1 << 18)
#define STACK  (1 << 18)

typedef struct argument {
  char kind;
  int region, i, slots, buffers;
  float f;
} argument;

static char *region[REGIONS];
static float random_floats[FILLED / sizeof(float)];
static char result[REGIONS][FILLED];
static char now[256];

/* ---- work-items ------------------------------------------------------------------------------ */

static size_t global_size[2], local_size[2], group[2], item;
static ucontext_t scheduler, context[ITEMS];
static char *stacks;
static bool done[ITEMS];
static void (*body)(const host_value *v);
static const host_value *values;

size_t host_item(int what, unsigned d) {
  if (d > 1) return what == 3;
  size_t local = d == 0 ? item % local_size[0] : item / local_size[0];
  switch (what) {
  case 0:
    return group[d] * local_size[d] + local;
  case 1:
    return group[d];
  case 2:
    return local;
  default:
    return global_size[d];
  }
}

void host_barrier(void) {
  if (local_size[0] * local_size[1] == 1) return;
  size_t self = item;
  swapcontext(&context[self], &scheduler);
  item = self;
}

static void start(void) {
  size_t self = item;
  body(values);
  done[self] = true;
}

/* The items of a group take turns from barrier to barrier. */
static void run_group(void) {
  size_t n = local_size[0] * local_size[1], left = n;
  if (n == 1) {
    item = 0;
    body(values);
    return;
  }
  for (size_t i = 0; i < n; i++) {
    done[i] = false;
    getcontext(&context[i]);
    context[i].uc_stack.ss_sp = stacks + i * STACK;
    context[i].uc_stack.ss_size = STACK;
    context[i].uc_link = &scheduler;
    makecontext(&context[i], start, 0);
  }
  while (left)
    for (size_t i = 0; i < n; i++) {
      if (done[i]) continue;
      item = i;
      swapcontext(&scheduler, &context[i]);
      left -= done[i];
    }
}

/* The first two groups and the last of each dimension: what lies between is computed alike. */
static void run_kernel(void) {
  size_t groups[2] = {global_size[0] / local_size[0], global_size[1] / local_size[1]};
  for (group[1] = 0; group[1] < groups[1]; group[1]++) {
    if (group[1] > 1 && group[1] + 1 < groups[1]) continue;
    for (group[0] = 0; group[0] < groups[0]; group[0]++)
      if (group[0] < 2 || group[0] + 1 == groups[0]) run_group();
  }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool reserve(void) {
  for (int r = 0; r < REGIONS; r++) {
    /* As much before it: where a product that wrapped around would lead. */
    char *at = mmap(NULL, 2 * END + 2 * PAD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
    if (at == MAP_FAILED) return false;
    region[r] = at + END;
    if (mprotect(region[r] + END - WINDOW, WINDOW + PAD, PROT_READ | PROT_WRITE)) return false;
  }
  stacks = mmap(NULL, (size_t)ITEMS * STACK, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  uint32_t x = 1;
  for (size_t i = 0; i < FILLED / sizeof(float); i++) {
    x = x * 1664525u + 1013904223u;
    random_floats[i] = (float)(x >> 8) / (1 << 23) - 1.0f;
  }
  return stacks != MAP_FAILED;
}

static void fill(const argument *a, int n) {
  for (int k = 0; k < n; k++) {
    if (!strchr("FIB", a[k].kind)) continue;
    char *at = region[a[k].region] + END - WINDOW;
    madvise(at, WINDOW + PAD, MADV_DONTNEED);
    if (a[k].kind == 'F') memcpy(at, random_floats, FILLED);
  }
}

/* Rows of the table of kernels/update.cl: 100 elements of every operand, one behind the other. */
static int *table(const argument *a, uint64_t base) {
  size_t rows = global_size[0] / local_size[0], width = 1 + 2 * (size_t)a->slots;
  int *t = malloc(rows * width * sizeof *t);
  for (size_t r = 0; t && r < rows; r++) {
    t[r * width] = 100;
    for (int k = 0; k < a->slots; k++) {
      t[r * width + 1 + 2 * k] = k % a->buffers;
      t[r * width + 2 + 2 * k] = (int)(base / 4 + (r * a->slots + k) * 128);
    }
  }
  return t;
}

/* Runs a launch with all operands `base` bytes behind the start of their buffers. */
static void run_at(const argument *a, int n, uint64_t base) {
  host_value v[ARGS];
  int *made = NULL;
  fill(a, n);
  for (int k = 0; k < n; k++) {
    if (strchr("FIB", a[k].kind)) v[k].p = region[a[k].region] + (END - WINDOW) - base;
    if (a[k].kind == 'o') v[k].i = (int)(base / 4);
    if (a[k].kind == 'i') v[k].i = a[k].i;
    if (a[k].kind == 'f') v[k].f = a[k].f;
    if (a[k].kind == 'T') v[k].p = made = table(&a[k], base);
  }
  values = v;
  run_kernel();
  free(made);
}

static void stray(int signal) {
  (void)signal;
  static const char text[] = "failed, a place outside its buffer: ";
  if (write(1, text, sizeof text - 1) && write(1, now, strlen(now)) && write(1, "\n", 1)) _exit(3);
  _exit(3);
}

/* ---- launches -------------------------------------------------------------------------------- */

static int parse(char *line, argument *a, unsigned *kernel) {
  int n = 0, used = 0;
  if (sscanf(line, "%u %zu %zu %zu %zu%n", kernel, &global_size[0], &global_size[1], &local_size[0],
             &local_size[1], &used) != 5)
    return -1;
  for (line += used; n < ARGS; n++, line += used) {
    argument *x = &a[n];
    if (sscanf(line, " %c%n", &x->kind, &used) != 1) return n;
    line += used;
    used = 0;
    if (strchr("FIB", x->kind)) sscanf(line, "%d%n", &x->region, &used);
    if (x->kind == 'i') sscanf(line, "%d%n", &x->i, &used);
    if (x->kind == 'f') sscanf(line, "%f%n", &x->f, &used);
    if (x->kind == 'T') sscanf(line, "%d %d%n", &x->slots, &x->buffers, &used);
  }
  return -1;
}

int main(int argc, char **argv) {
  FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
  if (!f) return 2;
  if (!reserve()) {
    fprintf(stderr, "host: %d times 16 GiB of addresses cannot be reserved\n", REGIONS);
    return 77;
  }
  char line[4096];
  int failed = 0;
  signal(SIGSEGV, stray);
  signal(SIGBUS, stray);
  while (fgets(line, sizeof line, f)) {
    argument a[ARGS];
    unsigned k;
    int n = parse(line, a, &k);
    if (n < 0 || k >= host_kernel_count || local_size[0] * local_size[1] > ITEMS) return 2;
    snprintf(now, sizeof now, "%s", host_kernels[k].name);
    fprintf(stderr, "at %s\n", now);
    body = host_kernels[k].call;
    run_at(a, n, 0);
    for (int r = 0; r < REGIONS; r++) memcpy(result[r], region[r] + END - WINDOW, FILLED);
    run_at(a, n, END - WINDOW);
    bool same = true;
    for (int r = 0; r < REGIONS; r++)
      same = same && memcmp(result[r], region[r] + END - WINDOW, FILLED) == 0;
    printf("%s %s\n", same ? "passed" : "failed, other results:", now);
    failed |= !same;
  }
  fclose(f);
  return failed;
}
