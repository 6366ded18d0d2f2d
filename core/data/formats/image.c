/* Choosing the crop of an image, and the decoder by its first bytes. */
#include "image.h"

#include <inttypes.h>
#include <locality/rng.h>
#include <math.h>
#include <string.h>

lp_status lp_image_check_size(uint32_t width, uint32_t height) {
  if (width < 1 || height < 1)
    return lp_fail(LP_ERR_FORMAT, "an image of %" PRIu32 " x %" PRIu32 " pixels", width, height);
  if ((uint64_t)width * height > IMAGE_MAX_PIXELS)
    return lp_fail(LP_ERR_FORMAT,
                   "%" PRIu32 " x %" PRIu32 " pixels, more than %" PRIu64
                   ": taken for a decompression bomb",
                   width, height, IMAGE_MAX_PIXELS);
  return LP_OK;
}

lp_status lp_image_decode(const uint8_t *bytes, size_t n, const image_request *r, uint8_t *out,
                          image_notes *notes) {
  static const uint8_t jpeg[] = {0xff, 0xd8, 0xff}, png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10};
  *notes = (image_notes){0};
  if (n == 0) return lp_fail(LP_ERR_FORMAT, "the file is empty");
  if (n >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
    return lp_jpeg_decode(bytes, n, r, out, notes);
  if (n >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
    return lp_png_decode(bytes, n, r, out, notes);
  return lp_fail(LP_ERR_FORMAT, "neither JPEG nor PNG");
}

static double unit(uint32_t word) {
  return (word + 0.5) * 0x1p-32;
}

/* 0 .. n - 1; uniform to 2^-32. */
static uint32_t below(uint32_t word, uint32_t n) {
  return (uint32_t)((uint64_t)word * n >> 32);
}

/* An area of r->area to 1 of the image and an aspect ratio of 3/4 to 4/3, as torchvision's
 * RandomResizedCrop draws them: ten tries, then the largest centred crop with such a ratio. */
static void random_crop(const image_request *r, uint32_t width, uint32_t height, image_view *v) {
  const uint32_t stream = lp_rng_stream("crop");
  const double narrow = 3.0 / 4, wide = 4.0 / 3, area = (double)width * height;
  for (uint32_t attempt = 0; attempt < 10; attempt++) {
    uint32_t word[4];
    lp_rng_words(r->seed, stream, r->sample, r->epoch, attempt, word);
    double part = area * (r->area + (1 - r->area) * unit(word[0]));
    double ratio = exp(log(narrow) + (log(wide) - log(narrow)) * unit(word[1]));
    double w = nearbyint(sqrt(part * ratio)), h = nearbyint(sqrt(part / ratio));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    v->w = w;
    v->h = h;
    v->x = below(word[2], width - (uint32_t)w + 1);
    v->y = below(word[3], height - (uint32_t)h + 1);
    return;
  }
  v->w = width;
  v->h = height;
  if ((double)width / height < narrow)
    v->h = fmax(nearbyint(width / narrow), 1);
  else if ((double)width / height > wide)
    v->w = fmax(nearbyint(height * wide), 1);
  v->x = floor((width - v->w) / 2);
  v->y = floor((height - v->h) / 2);
}

void lp_image_choose(const image_request *r, uint32_t width, uint32_t height, image_view *v) {
  *v = (image_view){.width = r->size, .height = r->size};
  if (r->augment) {
    uint32_t word[4];
    lp_rng_words(r->seed, lp_rng_stream("flip"), r->sample, r->epoch, 0, word);
    v->flip = word[0] >> 31;
    v->out_w = v->out_h = r->size;
    random_crop(r, width, height, v);
    return;
  }
  uint64_t shorter = width < height ? width : height;
  v->w = width;
  v->h = height;
  v->out_w = width * (uint64_t)r->resize / shorter;
  v->out_h = height * (uint64_t)r->resize / shorter;
  v->left = (uint64_t)nearbyint((double)(v->out_w - r->size) / 2);
  v->top = (uint64_t)nearbyint((double)(v->out_h - r->size) / 2);
}
