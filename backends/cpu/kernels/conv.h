/* conv.h: images in the form in which convolutions gather them.
 *
 * Images are first brought into a form in which the values that a filter tap meets along a row of
 * outputs are contiguous: padded with zeros and, for stride s, with each row split into its s
 * phases. Without padding and stride the tensor itself has that form. */
#ifndef LP_CPU_CONV_H
#define LP_CPU_CONV_H

#include "gemm.h"

typedef struct image {
  const float *p;
  int64_t channels, height, width; /* of the tensor */
  int64_t stride, pad;
  int64_t phase, pitch, plane; /* floats of a phase, a row, a channel as prepared */
  bool direct;                 /* the tensor is used as it is */
} image;

typedef struct conv {
  const cpu_call *call;
  int64_t batch, channels, filters, k, kk, depth; /* kk = k*k, depth = channels*kk */
  int64_t out_h, out_w, pixels;                   /* pixels = out_h*out_w */
  int64_t stride, pad, in_h, in_w;
  image img;
  const float *w, *bias, *dy;
  float *dx;
  int64_t first_sample; /* of a partial sum */
} conv;

#define conv_image ISA(conv_image)
image conv_image(int64_t channels, int64_t height, int64_t width, int64_t stride, int64_t pad);

/* Bytes that the prepared form of a batch takes; 0 when the tensor is used as it is. */
#define conv_image_bytes ISA(conv_image_bytes)
size_t conv_image_bytes(const image *m, int64_t batch);

/* Makes the prepared form of a batch in `to`; all workers, ends with a barrier. */
#define conv_prepare ISA(conv_prepare)
void conv_prepare(image *m, int64_t batch, const float *x, float *to, cpu_worker *w);

/* Where tap t = (channel, ky, kx) reads, relative to where its output pixel begins. */
static inline int64_t tap_offset(const image *m, int64_t k, int64_t t) {
  int64_t kx = t % k, ky = t / k % k, c = t / (k * k);
  return c * m->plane + ky * m->pitch + kx % m->stride * m->phase + kx / m->stride;
}

/* A run of output pixels in one row, no longer than a vector. */
typedef struct run {
  int64_t from; /* offset in the prepared images */
  int64_t at;   /* among the packed pixels */
} run;

/* Splits output pixels first .. first+n-1 of the batch (sample, row, column) into at most 2n runs.
 * lanes is for conv_gather. */
#define conv_split ISA(conv_split)
int conv_split(const conv *c, const image *m, int64_t first, int64_t n, run *runs, int *lanes);

/* Copies the values that n taps meet along some runs, tap r to dst + r*pitch. Whole vectors are
 * written: up to LANES-1 floats behind each row are overwritten. */
#define conv_gather ISA(conv_gather)
void conv_gather(const float *p, const int64_t *tap, int64_t n, const run *runs, int count,
                 int lanes, float *dst, int64_t pitch);

/* Filter o's gradients: `parts` partial results, `size` floats apart, are added in order; filters
 * are rows of them, `pitch` floats apart, with the bias' gradient behind the taps'. */
#define conv_add_parts ISA(conv_add_parts)
void conv_add_parts(const conv *c, const float *part, int64_t parts, int64_t size, int64_t pitch,
                    int64_t o);

/* Half a vector: rows of outputs are often that short. */
enum { HALF = LANES / 2 };
typedef float uhalf __attribute__((vector_size(4 * HALF), aligned(4), may_alias));

#endif
