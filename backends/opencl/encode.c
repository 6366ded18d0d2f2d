/* Describing a launch: definitions, arguments, and the element-wise chain as macro text. */
#include "launch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ocl_put(ocl_text *t, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  if (n < 0 || t->failed) return;
  if (t->n + (size_t)n + 1 > t->cap) {
    size_t cap = (t->n + (size_t)n + 1) * 2;
    char *s = realloc(t->s, cap);
    if (!s) {
      t->failed = true;
      return;
    }
    t->s = s;
    t->cap = cap;
  }
  va_start(args, fmt);
  vsnprintf(t->s + t->n, (size_t)n + 1, fmt, args);
  va_end(args);
  t->n += (size_t)n;
}

void ocl_begin(ocl_encoder *e, const char *family) {
  lp_program *p = e->program;
  e->now = NULL;
  if (e->status != LP_OK) return;
  if (p->n == p->cap) {
    uint32_t cap = p->cap ? p->cap * 2 : 32;
    ocl_launch *grown = realloc(p->launch, cap * sizeof *grown);
    if (!grown) {
      e->status = ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", e->dev->info.id);
      return;
    }
    p->launch = grown;
    p->cap = cap;
  }
  e->now = &p->launch[p->n++];
  *e->now = (ocl_launch){.family = family, .step = e->index, .params = e->step->params};
  e->now->files[0] = family;
}

void ocl_begin_with(ocl_encoder *e, const char *first, const char *second, const char *family) {
  ocl_begin(e, first);
  if (!e->now) return;
  e->now->family = family;
  ocl_file(e, second);
}

void ocl_file(ocl_encoder *e, const char *name) {
  for (int i = 0; e->now && i < 4; i++)
    if (!e->now->files[i]) {
      e->now->files[i] = name;
      return;
    }
}

void ocl_define(ocl_encoder *e, const char *name, const char *fmt, ...) {
  if (!e->now) return;
  char value[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(value, sizeof value, fmt, args);
  va_end(args);
  ocl_put(&e->now->define, "#define %s %s\n", name, value);
  ocl_put(&e->now->undef, "#undef %.*s\n", (int)strcspn(name, "("), name);
}

void ocl_define_int(ocl_encoder *e, const char *name, int64_t value) {
  ocl_define(e, name, "%lld", (long long)value);
}

static void float_text(char out[40], float value) {
  if (value != value)
    snprintf(out, 40, "NAN");
  else if (value - value != 0.0f)
    snprintf(out, 40, value > 0 ? "INFINITY" : "(-INFINITY)");
  else
    snprintf(out, 40, "(%af)", (double)value); /* hexadecimal: exact */
}

void ocl_define_float(ocl_encoder *e, const char *name, float value) {
  char text[40];
  float_text(text, value);
  ocl_define(e, name, "%s", text);
}

static ocl_arg *new_arg(ocl_encoder *e, ocl_arg_kind kind) {
  static _Thread_local ocl_arg dropped; /* written to after a failure, never read */
  if (!e->now) return &dropped;
  if (e->now->n_args == OCL_MAX_ARGS) {
    e->status = ocl_host->fail(LP_ERR_UNSUPPORTED, "%s: step %u has more than %d kernel arguments",
                               e->dev->info.id, e->index, OCL_MAX_ARGS);
    e->now = NULL;
    return &dropped;
  }
  ocl_arg *a = &e->now->arg[e->now->n_args++];
  *a = (ocl_arg){.kind = kind};
  if (kind == OCL_ARG_RUN || kind == OCL_ARG_BOUND) e->now->dynamic = true;
  return a;
}

void ocl_arg_int(ocl_encoder *e, int64_t value) {
  new_arg(e, OCL_ARG_INT)->i = (cl_int)value;
}

void ocl_arg_float(ocl_encoder *e, float value) {
  new_arg(e, OCL_ARG_FLOAT)->f = value;
}

void ocl_arg_run(ocl_encoder *e, ocl_run_value value) {
  new_arg(e, OCL_ARG_RUN)->index = value;
}

void ocl_arg_mem(ocl_encoder *e, cl_mem mem) {
  new_arg(e, OCL_ARG_MEM)->mem = mem;
}

void ocl_arg_buffer(ocl_encoder *e, const lp_slot *slot) {
  if (slot->kind == LP_SLOT_BOUND)
    new_arg(e, OCL_ARG_BOUND)->index = slot->buffer;
  else
    new_arg(e, OCL_ARG_MEM)->mem = e->plan->buffers[slot->buffer]->mem;
}

void ocl_arg_slot(ocl_encoder *e, const lp_slot *slot) {
  ocl_arg_slot_at(e, slot, 0);
}

void ocl_arg_slot_at(ocl_encoder *e, const lp_slot *slot, uint64_t extra_bytes) {
  ocl_arg_buffer(e, slot);
  new_arg(e, OCL_ARG_INT)->i = (cl_int)((slot->offset + extra_bytes) / 4);
}

void ocl_grid(ocl_encoder *e, int64_t groups, int local) {
  if (!e->now) return;
  e->now->local = (size_t)local;
  e->now->global = (size_t)groups * (size_t)local;
  ocl_define_int(e, "GROUP", local);
}

cl_mem ocl_table(ocl_encoder *e, const void *data, size_t n) {
  if (e->status != LP_OK) return NULL;
  lp_program *p = e->program;
  cl_mem *grown = realloc(p->owned, (p->n_owned + 1) * sizeof(cl_mem));
  if (!grown) {
    e->status = ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", e->dev->info.id);
    return NULL;
  }
  p->owned = grown;
  cl_int error;
  cl_mem mem = clCreateBuffer(e->dev->context, CL_MEM_READ_ONLY, n, NULL, &error);
  if (error == CL_SUCCESS) {
    p->owned[p->n_owned++] = mem;
    error = clEnqueueWriteBuffer(e->dev->queue, mem, CL_TRUE, 0, n, data, 0, NULL, NULL);
    e->dev->count.blocking_calls++;
    e->dev->count.bytes_to_device += n;
  }
  if (error != CL_SUCCESS) e->status = ocl_fail(e->dev, error, "operand table");
  return mem;
}

/* ---- element-wise chains ------------------------------------------------------------------- */

/* What an op does to the chain value v; Q is the other operand's element. */
static const char *const chain[LP_OP_COUNT] = {
    [LP_OP_RELU] = "v = v <= 0.0f ? 0.0f : v;", /* keeps NaN */
    [LP_OP_RELU_DX] = "v = Q > 0.0f ? v : 0.0f;",
    [LP_OP_DROPOUT] = "v = K != 0.0f ? v * K : 0.0f;",
    [LP_OP_ADD] = "v = v + Q;",
    [LP_OP_SUB] = "v = v - Q;",
    [LP_OP_MUL] = "v = v * Q;",
    [LP_OP_SCALE] = "v = v * ALPHA + BETA;",
    [LP_OP_ABS] = "v = fabs(v);",
    [LP_OP_SQUARE] = "v = v * v;",
    [LP_OP_TANH] = "v = tanh(v);",
    [LP_OP_TANH_DX] = "v = v * (1.0f - Q * Q);",
    [LP_OP_SIGMOID] = "v = 1.0f / (1.0f + exp(-v));",
    [LP_OP_SIGMOID_DX] = "v = v * Q * (1.0f - Q);",
    [LP_OP_EXP] = "v = exp(v);",
    [LP_OP_SQRT] = "v = sqrt(v);",
    [LP_OP_DIV] = "v = v / Q;",
};

bool ocl_posts_supported(const lp_plan_view *plan, const lp_step *s) {
  if (s->post_count > 4) return false;
  for (uint32_t i = 0; i < s->post_count; i++) {
    uint32_t op = lp_plan_post(plan, s->post_first + i)->op;
    if (op >= LP_OP_COUNT || !chain[op]) return false;
  }
  return true;
}

static const lp_post *nth(const ocl_encoder *e, const lp_post *head, uint32_t i) {
  if (head) {
    if (!i) return head;
    i--;
  }
  return i < e->step->post_count ? lp_plan_post(e->plan, e->step->post_first + i) : NULL;
}

const char *ocl_chain_text(uint32_t op) {
  return op < LP_OP_COUNT ? chain[op] : NULL;
}

void ocl_put_post(ocl_text *out, const lp_post *post, const char *q, const char *keep) {
  char alpha[40], beta[40];
  float_text(alpha, post->params.scale.alpha);
  float_text(beta, post->params.scale.beta);
  for (const char *c = chain[post->op]; *c;) {
    if (*c == 'Q') {
      ocl_put(out, "%s", q);
      c++;
    } else if (*c == 'K') {
      ocl_put(out, "%s", keep);
      c++;
    } else if (!strncmp(c, "ALPHA", 5)) {
      ocl_put(out, "%s", alpha);
      c += 5;
    } else if (!strncmp(c, "BETA", 4)) {
      ocl_put(out, "%s", beta);
      c += 4;
    } else {
      ocl_put(out, "%c", *c++);
    }
  }
}

void ocl_posts(ocl_encoder *e, const lp_post *head, int64_t inner, int64_t row_len, int span) {
  if (!e->now) return;
  ocl_text params = {0}, open = {0}, row = {0}, spans = {0}, body = {0};
  bool random = false;
  const lp_post *post;
  for (uint32_t i = 0; (post = nth(e, head, i)); i++) {
    bool indexed = false;
    if (post->extra != LP_NO_SLOT) {
      ocl_put(&params, ", const global float *q%ub, const int q%uo", i, i);
      ocl_put(&open, "const global float *q%u = q%ub + q%uo; ", i, i, i);
    }
    if (post->op == LP_OP_DROPOUT) {
      const lp_dropout_params *d = &post->params.dropout;
      char p[40], scale[40], call[256];
      float_text(p, d->p);
      float_text(scale, 1.0f / (1.0f - d->p));
      /* A row inside one group draws once; elements of a span are drawn together, in a loop that
       * can be turned into vector code; otherwise every element draws for itself. */
      bool shared = row_len > 0 && d->group % row_len == 0;
      const char *at = !shared && span ? "(e) + t" : "e";
      snprintf(call, sizeof call,
               "lp_keep((uint)((%s) %% %lld) / %uu, sample0 + (uint)((%s) / %lld), iteration, %uu, "
               "seed0, seed1, %s, %s); ",
               at, (long long)inner, d->group, at, (long long)inner, d->stream, p, scale);
      if (!shared && span)
        ocl_put(&spans, "float keep%u[%d]; for (int t = 0; t < %d; t++) keep%u[t] = %s", i, span,
                span, i, call);
      else
        ocl_put(shared ? &row : &body, "const float keep%u = %s", i, call);
      indexed = !shared && span;
      random = true;
    }
    char q[24], keep[24];
    snprintf(q, sizeof q, "q%u[e]", i);
    snprintf(keep, sizeof keep, indexed ? "keep%u[j]" : "keep%u", i);
    ocl_put_post(&body, post, q, keep);
    ocl_put(&body, " ");
  }
  if (random)
    ocl_put(&params,
            ", const uint seed0, const uint seed1, const uint iteration, const uint sample0");
  if (params.failed || open.failed || row.failed || spans.failed || body.failed)
    e->status = ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", e->dev->info.id);
  ocl_text *d = &e->now->define;
  ocl_put(d, "#define POST_PARAMS %s\n#define POST_OPEN %s\n", params.s ? params.s : "",
          open.s ? open.s : "");
  ocl_put(d, "#define POST_ROW(e) %s\n#define POST_SPAN(e) %s\n#define POST(v, e) { %s}\n",
          row.s ? row.s : "", spans.s ? spans.s : "", body.s ? body.s : "");
  ocl_put(&e->now->undef,
          "#undef POST_PARAMS\n#undef POST_OPEN\n#undef POST_ROW\n#undef POST_SPAN\n#undef POST\n");
  ocl_define_int(e, "POSTS", e->step->post_count + (head ? 1 : 0));
  free(params.s);
  free(open.s);
  free(row.s);
  free(spans.s);
  free(body.s);
}

void ocl_post_args(ocl_encoder *e, const lp_post *head) {
  bool random = false;
  const lp_post *post;
  for (uint32_t i = 0; (post = nth(e, head, i)); i++) {
    if (post->extra != LP_NO_SLOT) ocl_arg_slot(e, lp_plan_slot(e->plan, post->extra));
    random |= post->op == LP_OP_DROPOUT;
  }
  if (!random) return;
  ocl_arg_run(e, OCL_SEED_LOW);
  ocl_arg_run(e, OCL_SEED_HIGH);
  ocl_arg_run(e, OCL_ITERATION);
  ocl_arg_run(e, OCL_SAMPLE);
}
