/* A device that computes nothing, for tests, dry runs and fault injection.
 *
 * It accepts every op and leaves outputs as they are. Buffers are zero-filled host memory, so what
 * is written can be read back. Parameters make it fail at a chosen call:
 *   fail=open|alloc|compile|run|sync|read|write   this kind of call fails ...
 *   after=N          ... from the N+1-th on (default 0: the first)
 *   delay_us=N       every run keeps the core busy for that long
 *   max_alloc=BYTES  largest buffer, reported and enforced
 *   refuse=OP        supports() is false for this op
 *   refuse_fused     supports() is false for steps with a chain
 *   wrong=1          every run fills all results with a value that is wrong by design, so that a
 *                    checker that passes this device is itself at fault */
#include <locality/plugin.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WRONG_BYTE = 0x45 }; /* as f32: 3152.33 */

typedef enum call_kind {
  CALL_OPEN,
  CALL_ALLOC,
  CALL_COMPILE,
  CALL_RUN,
  CALL_SYNC,
  CALL_READ,
  CALL_WRITE,
  CALL_COUNT
} call_kind;

static const char *const call_names[CALL_COUNT] = {"open", "alloc", "compile", "run",
                                                   "sync", "read",  "write"};

struct lp_buffer {
  char *p;
  size_t nbytes;
};

struct lp_device {
  const lp_device_ops *ops; /* first: lp_device_table() reads it */
  uint64_t calls[CALL_COUNT];
  uint64_t after, delay_us, max_alloc;
  int fail; /* call_kind, -1: none */
  uint32_t refuse;
  bool refuse_fused, wrong;
  lp_device_counters counters;
};

/* Where the results of a plan are, for "wrong". */
typedef struct result {
  lp_buffer *buffer; /* NULL: bound number `bound` */
  uint32_t bound;
  uint64_t offset, nbytes;
} result;

struct lp_program {
  result *results;
  uint32_t n_results, n_steps;
};

static const lp_host *the_host;

static lp_status count_call(lp_device *dev, call_kind kind) {
  uint64_t number = ++dev->calls[kind];
  if (dev->fail != (int)kind || number <= dev->after) return LP_OK;
  lp_status st = kind == CALL_ALLOC ? LP_ERR_MEMORY : LP_ERR_DEVICE;
  return the_host->fail(st, "null: %s call %llu fails, as asked by fail=%s", call_names[kind],
                        (unsigned long long)number, call_names[kind]);
}

/* ---- buffers ------------------------------------------------------------------------------- */

static lp_status buf_alloc(lp_device *dev, size_t nbytes, lp_buffer **out) {
  *out = NULL;
  lp_status st = count_call(dev, CALL_ALLOC);
  if (st) return st;
  if (dev->max_alloc && nbytes > dev->max_alloc)
    return the_host->fail(LP_ERR_MEMORY, "null: a buffer of %zu bytes exceeds max_alloc=%llu",
                          nbytes, (unsigned long long)dev->max_alloc);
  lp_buffer *b = malloc(sizeof *b);
  char *p = b ? calloc(nbytes ? nbytes : 1, 1) : NULL;
  if (!p) {
    free(b);
    return the_host->fail(LP_ERR_MEMORY, "null: cannot allocate %zu bytes", nbytes);
  }
  *b = (lp_buffer){p, nbytes};
  *out = b;
  return LP_OK;
}

static void buf_free(lp_device *dev, lp_buffer *buf) {
  (void)dev;
  if (!buf) return;
  free(buf->p);
  free(buf);
}

static lp_status check_range(const lp_buffer *buf, size_t offset, size_t n) {
  if (offset <= buf->nbytes && n <= buf->nbytes - offset) return LP_OK;
  return the_host->fail(LP_ERR_ARG, "null: bytes %zu to %zu do not lie in a buffer of %zu", offset,
                        offset + n, buf->nbytes);
}

static lp_status buf_write(lp_device *dev, lp_buffer *buf, size_t offset, const void *src, size_t n,
                           lp_event **done) {
  if (done) *done = NULL;
  lp_status st = count_call(dev, CALL_WRITE);
  if (!st) st = check_range(buf, offset, n);
  if (st) return st;
  if (n) memcpy(buf->p + offset, src, n);
  dev->counters.bytes_to_device += n;
  return LP_OK;
}

static lp_status buf_read(lp_device *dev, lp_buffer *buf, size_t offset, void *dst, size_t n,
                          lp_event **done) {
  if (done) *done = NULL;
  lp_status st = count_call(dev, CALL_READ);
  if (!st) st = check_range(buf, offset, n);
  if (st) return st;
  if (n) memcpy(dst, buf->p + offset, n);
  dev->counters.bytes_from_device += n;
  return LP_OK;
}

static lp_status buf_fill(lp_device *dev, lp_buffer *buf, size_t offset, uint8_t value, size_t n) {
  (void)dev;
  lp_status st = check_range(buf, offset, n);
  if (st) return st;
  memset(buf->p + offset, value, n);
  return LP_OK;
}

static lp_status event_wait(lp_device *dev, lp_event *event) {
  (void)dev;
  (void)event; /* every call is finished when it returns */
  return LP_OK;
}

/* ---- programs ------------------------------------------------------------------------------ */

static bool supports(lp_device *dev, const lp_plan_view *plan, uint32_t step) {
  const lp_step *s = lp_plan_step(plan, step);
  if (dev->refuse != LP_OP_NONE && s->op == dev->refuse) return false;
  return !(dev->refuse_fused && s->post_count);
}

static lp_status workspace(lp_device *dev, const lp_plan_view *plan, uint32_t step,
                           size_t *nbytes) {
  (void)dev;
  (void)plan;
  (void)step;
  *nbytes = 0;
  return LP_OK;
}

static void program_free(lp_device *dev, lp_program *prog) {
  (void)dev;
  if (!prog) return;
  free(prog->results);
  free(prog);
}

static lp_status compile(lp_device *dev, const lp_plan_view *plan, lp_program **out) {
  *out = NULL;
  lp_status st = count_call(dev, CALL_COMPILE);
  if (st) return st;
  size_t n = 0;
  for (uint32_t i = 0; i < plan->n_steps; i++) n += lp_plan_step(plan, i)->out_count;
  lp_program *prog = calloc(1, sizeof *prog);
  if (prog) prog->results = calloc(n + 1, sizeof *prog->results);
  if (!prog || !prog->results) {
    program_free(dev, prog);
    return the_host->fail(LP_ERR_MEMORY, "null: cannot compile plan \"%s\"", plan->name);
  }
  prog->n_steps = plan->n_steps;
  for (uint32_t i = 0; i < plan->n_steps; i++) {
    const lp_step *s = lp_plan_step(plan, i);
    for (uint32_t k = 0; k < s->out_count; k++) {
      uint32_t id = plan->operands[s->out_first + k];
      if (id == LP_NO_SLOT) continue;
      const lp_slot *slot = lp_plan_slot(plan, id);
      size_t nbytes = lp_nbytes(&slot->desc);
      if (!nbytes) continue;
      bool bound = slot->kind == LP_SLOT_BOUND;
      prog->results[prog->n_results++] =
          (result){bound ? NULL : plan->buffers[slot->buffer], slot->buffer, slot->offset, nbytes};
    }
  }
  *out = prog;
  return LP_OK;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static lp_status run(lp_device *dev, lp_program *prog, const lp_run_args *args, lp_event **done) {
  if (done) *done = NULL;
  lp_status st = count_call(dev, CALL_RUN);
  for (double end = now() + 1e-6 * (double)dev->delay_us; !st && now() < end;) {
  }
  for (uint32_t i = 0; !st && dev->wrong && i < prog->n_results; i++) {
    const result *r = &prog->results[i];
    st = buf_fill(dev, r->buffer ? r->buffer : args->bound[r->bound], r->offset, WRONG_BYTE,
                  r->nbytes);
  }
  dev->counters.launches += prog->n_steps;
  return st;
}

static lp_status device_sync(lp_device *dev) {
  return count_call(dev, CALL_SYNC);
}

static lp_status timings(lp_device *dev, lp_program *prog, lp_step_time *out, uint32_t cap,
                         uint32_t *n) {
  (void)dev;
  for (uint32_t i = 0; i < prog->n_steps && i < cap; i++) out[i] = (lp_step_time){i, 1, 0};
  *n = prog->n_steps;
  return LP_OK;
}

static void counters(lp_device *dev, lp_device_counters *out) {
  *out = dev->counters;
}

/* ---- the device ---------------------------------------------------------------------------- */

static const lp_device_info null_info = {
    .struct_size = sizeof(lp_device_info),
    .type = LP_DEVICE_DUMMY,
    .id = "null",
    .name = "null device: accepts every op, computes nothing",
    .alignment = 64,
    .units = 1,
};

static lp_status info(lp_device *dev, lp_device_info *out) {
  *out = null_info;
  out->max_alloc = dev->max_alloc;
  return LP_OK;
}

static void device_close(lp_device *dev) {
  free(dev);
}

static const lp_device_ops device_ops = {
    .struct_size = sizeof(lp_device_ops),
    .close = device_close,
    .info = info,
    .supports = supports,
    .workspace = workspace,
    .buf_alloc = buf_alloc,
    .buf_free = buf_free,
    .buf_write = buf_write,
    .buf_read = buf_read,
    .buf_fill = buf_fill,
    .event_wait = event_wait,
    .compile = compile,
    .program_free = program_free,
    .run = run,
    .sync = device_sync,
    .timings = timings,
    .counters = counters,
};

static lp_status parse_number(const char *key, const char *text, uint64_t *out) {
  errno = 0;
  unsigned long long n = strtoull(text, NULL, 10);
  if (errno || !*text || strspn(text, "0123456789") != strlen(text))
    return the_host->fail(LP_ERR_ARG, "null: %s=%s: expected a whole number", key, text);
  *out = n;
  return LP_OK;
}

static lp_status parse_fail(const char *text, int *out) {
  for (int i = 0; i < CALL_COUNT; i++)
    if (!strcmp(text, call_names[i])) {
      *out = i;
      return LP_OK;
    }
  return the_host->fail(
      LP_ERR_ARG, "null: fail=%s: expected open, alloc, compile, run, sync, read or write", text);
}

static lp_status parse_refuse(const char *text, uint32_t *out) {
  for (uint32_t i = LP_OP_NONE + 1; i < LP_OP_COUNT; i++)
    if (!strcmp(text, lp_op_name(i))) {
      *out = i;
      return LP_OK;
    }
  return the_host->fail(LP_ERR_ARG, "null: refuse=%s: no such op; op.h lists them", text);
}

static lp_status parse(lp_device *dev, const char *key, const char *value) {
  if (!strcmp(key, "fail")) return parse_fail(value, &dev->fail);
  if (!strcmp(key, "after")) return parse_number(key, value, &dev->after);
  if (!strcmp(key, "delay_us")) return parse_number(key, value, &dev->delay_us);
  if (!strcmp(key, "max_alloc")) return parse_number(key, value, &dev->max_alloc);
  if (!strcmp(key, "refuse")) return parse_refuse(value, &dev->refuse);
  if (!strcmp(key, "refuse_fused")) {
    dev->refuse_fused = true;
    return LP_OK;
  }
  if (!strcmp(key, "wrong")) {
    dev->wrong = true;
    return LP_OK;
  }
  if (!strcmp(key, "precision") && strcmp(value, "f32"))
    return the_host->fail(LP_ERR_UNSUPPORTED, "null: precision=%s: there is f32 only", value);
  if (!strcmp(key, "precision")) return LP_OK;
  return the_host->fail(LP_ERR_ARG,
                        "null: unknown parameter \"%s\"; known: fail, after, delay_us, max_alloc, "
                        "refuse, refuse_fused, wrong, precision",
                        key);
}

static lp_status open_device(void *self, const char *selector, const lp_device_params *params,
                             lp_device **out) {
  (void)self;
  *out = NULL;
  if (selector && *selector)
    return the_host->fail(LP_ERR_NOT_FOUND, "null: no device \"%s\"; there is one, \"null\"",
                          selector);
  lp_device *dev = calloc(1, sizeof *dev);
  if (!dev) return the_host->fail(LP_ERR_MEMORY, "null: cannot allocate the device");
  dev->ops = &device_ops;
  dev->fail = -1;
  dev->counters.struct_size = sizeof dev->counters;
  lp_status st = LP_OK;
  for (uint32_t i = 0; !st && params && i < params->count; i++)
    st = parse(dev, params->key[i], params->value[i]);
  if (!st) st = count_call(dev, CALL_OPEN);
  if (st) {
    free(dev);
    return st;
  }
  *out = dev;
  return LP_OK;
}

static lp_status enumerate(void *self, lp_device_info *out, size_t cap, size_t *n) {
  (void)self;
  if (cap) out[0] = null_info;
  *n = 1;
  return LP_OK;
}

static const lp_backend backend = {
    .struct_size = sizeof(lp_backend),
    .name = "null",
    .summary = "computes nothing; for tests and fault injection",
    .enumerate = enumerate,
    .open = open_device,
};

static lp_status init(const lp_host *host, lp_registrar *r) {
  the_host = host;
  return host->add_backend(r, &backend);
}

LP_PLUGIN("null", "0.1.0", "Apache-2.0", "a device that computes nothing, for tests", init, NULL)
