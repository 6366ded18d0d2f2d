/* Keys, tensors and verdicts. */
#include "golden.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys and tensors ------------------------------------------------------------------------ */

static const lp_tensor_view *find(const golden *g, const char *key, uint32_t *index) {
  for (*index = 0; *index < lp_safetensors_count(g->file); ++*index) {
    const lp_tensor_view *t = lp_safetensors_get(g->file, *index);
    if (strcmp(t->name, key) == 0) return t;
  }
  return NULL;
}

const lp_tensor_view *golden_take(golden *g, const char *fmt, ...) {
  char key[256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(key, sizeof key, fmt, ap);
  va_end(ap);
  uint32_t i;
  const lp_tensor_view *t = find(g, key, &i);
  if (t) g->used[i] = true;
  return t;
}

const lp_tensor_view *golden_at(golden *g, uint32_t i) {
  g->used[i] = true;
  return lp_safetensors_get(g->file, i);
}

bool golden_has(const golden *g, const char *fmt, ...) {
  char key[256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(key, sizeof key, fmt, ap);
  va_end(ap);
  uint32_t i;
  return find(g, key, &i) != NULL;
}

void golden_take_all(golden *g, const char *name) {
  size_t n = strlen(name);
  for (uint32_t i = 0; i < lp_safetensors_count(g->file); i++) {
    const char *key = lp_safetensors_get(g->file, i)->name;
    if (strncmp(key, name, n) == 0 && key[n] == '/') g->used[i] = true;
  }
}

bool golden_prefix(const golden *g, uint32_t i, const char *last, char *prefix, size_t cap) {
  const char *key = lp_safetensors_get(g->file, i)->name, *slash = strrchr(key, '/');
  if (g->used[i] || !slash || strcmp(slash + 1, last) != 0) return false;
  size_t n = (size_t)(slash - key);
  if (n == 0 || n >= cap) return false;
  memcpy(prefix, key, n);
  prefix[n] = '\0';
  return true;
}

static double element(const lp_tensor_view *t, size_t i) {
  switch (t->desc.dtype) {
  case LP_F32:
    return (double)((const float *)t->data)[i];
  case LP_F64:
    return ((const double *)t->data)[i];
  case LP_I32:
    return ((const int32_t *)t->data)[i];
  case LP_I64:
    return (double)((const int64_t *)t->data)[i];
  case LP_U8:
    return ((const uint8_t *)t->data)[i];
  default:
    return NAN;
  }
}

double *golden_doubles(const lp_tensor_view *t) {
  size_t n = (size_t)lp_numel(&t->desc);
  double *x = malloc((n + 1) * sizeof *x);
  for (size_t i = 0; x && i < n; i++) x[i] = element(t, i);
  return x;
}

void *golden_convert(const lp_tensor_view *t, lp_dtype dtype) {
  size_t n = (size_t)lp_numel(&t->desc);
  void *x = malloc((n + 1) * lp_dtype_size(dtype));
  for (size_t i = 0; x && i < n; i++) {
    double v = element(t, i);
    if (dtype == LP_F32) ((float *)x)[i] = (float)v;
    if (dtype == LP_I32) ((int32_t *)x)[i] = (int32_t)v;
    if (dtype == LP_U8) ((uint8_t *)x)[i] = (uint8_t)v;
  }
  return x;
}

lp_desc golden_desc(const lp_tensor_view *t, lp_dtype dtype) {
  lp_desc d = t->desc;
  d.dtype = dtype;
  return d;
}

uint32_t golden_extents(const char *text, uint32_t extent[LP_MAX_AXES]) {
  for (uint32_t n = 0; n < LP_MAX_AXES; n++) {
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (end == text || *text < '0' || *text > '9' || v < 1 || v > 1000000) return 0;
    extent[n] = (uint32_t)v;
    if (!*end) return n + 1;
    if (*end != 'x') return 0;
    text = end + 1;
  }
  return 0;
}

/* ---- verdicts -------------------------------------------------------------------------------- */

double golden_error(const double *ours, const double *ref, size_t n) {
  double difference = 0, scale = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(ours[i]) || !isfinite(ref[i])) {
      bool agree = (isnan(ours[i]) && isnan(ref[i])) || ours[i] == ref[i];
      if (!agree) return INFINITY;
      continue;
    }
    difference = fmax(difference, fabs(ours[i] - ref[i]));
    scale = fmax(scale, fabs(ref[i]));
  }
  return scale > 0 ? difference / scale : difference;
}

void golden_verdict(golden *g, const char *name, double error, double tolerance) {
  if (error <= tolerance) {
    g->passed++;
    printf("passed %s/%s error %.1e\n", g->stem, name, error);
  } else {
    g->failed++;
    printf("failed %s/%s error %.3e tolerance %.0e\n", g->stem, name, error, tolerance);
  }
}

void golden_compare(golden *g, const char *name, const double *ours, size_t n,
                    const lp_tensor_view *ref, double tolerance) {
  golden_worst w = {0};
  golden_worse(&w, "size", ours, n, ref);
  golden_verdict(g, name, w.error, tolerance);
}

void golden_worse(golden_worst *w, const char *what, const double *ours, size_t n,
                  const lp_tensor_view *ref) {
  double *r = golden_doubles(ref);
  bool fits = r && ours && n == (size_t)lp_numel(&ref->desc);
  double error = fits ? golden_error(ours, r, n) : INFINITY;
  if (!w->what || error > w->error) *w = (golden_worst){error, what};
  free(r);
}

void golden_verdict_of(golden *g, const char *name, const golden_worst *w, double tolerance) {
  if (!w->what) {
    golden_failed(g, name, "nothing to compare with");
  } else if (w->error <= tolerance) {
    golden_verdict(g, name, w->error, tolerance);
  } else {
    char text[256];
    snprintf(text, sizeof text, "%s (%s)", name, w->what);
    golden_verdict(g, text, w->error, tolerance);
  }
}

static void say(const golden *g, const char *verdict, const char *name, const char *fmt, va_list ap,
                const char *open, const char *shut) {
  char text[900];
  vsnprintf(text, sizeof text, fmt, ap);
  printf("%s %s%s%s%s%s%s\n", verdict, g->stem, *name ? "/" : "", name, open, text, shut);
}

void golden_failed(golden *g, const char *name, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  say(g, "failed", name, fmt, ap, ": ", "");
  va_end(ap);
  g->failed++;
}

void golden_skipped(golden *g, const char *name, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  say(g, "skipped", name, fmt, ap, " (", ")");
  va_end(ap);
  g->skipped++;
}
