/* Decoding and resizing. Expected values are Pillow's (pillow_cases.h, made by
 * make_pillow_cases.py), closed forms, and libjpeg's own when it decodes a whole image. */
#include "data/formats/image.h"
#include "pictures.h"
#include "support.h"

#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pillow_cases.h"

/* The largest difference of n bytes. */
static int difference(const uint8_t *a, const uint8_t *b, size_t n) {
  int most = 0;
  for (size_t i = 0; i < n; i++) most = abs(a[i] - b[i]) > most ? abs(a[i] - b[i]) : most;
  return most;
}

/* Resizes what `row` points to, pixels of four bytes, width of them a row. */
static void resize(const image_view *v, const uint8_t *pixels, uint32_t width, uint8_t *out) {
  resizer *r;
  assert_int_equal(lp_resizer_new(v, out, &r), LP_OK);
  image_range range = lp_resizer_range(r);
  for (uint32_t y = range.y0; y < range.y1; y++)
    lp_resizer_row(r, pixels + 4 * ((size_t)y * width + range.x0));
  lp_resizer_free(r);
}

static void resizing_is_pillows(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof resized / sizeof *resized; i++) {
    const uint32_t w = resized[i].width, h = resized[i].height;
    const image_view *v = &resized[i].view;
    uint8_t *pixels = calloc((size_t)w * h, 4), out[3 * 256];
    for (uint32_t y = 0; y < h; y++)
      for (uint32_t x = 0; x < w; x++)
        for (uint32_t c = 0; c < 3; c++) pixels[4 * (y * w + x) + c] = picture(x, y, c);
    resize(v, pixels, w, out);
    int d = difference(out, resized[i].expected, 3 * (size_t)v->width * v->height);
    if (d > 1) fail_msg("case %zu differs from Pillow by %d", i, d);
    free(pixels);
  }
}

static void constant_images_stay_constant(void **state) {
  (void)state;
  enum { W = 97, H = 61 };
  static uint8_t pixels[W * H * 4], out[3 * 40 * 40];
  memset(pixels, 255, sizeof pixels);
  for (uint32_t n = 1; n <= 40; n++) {
    image_view v = {.x = 0.3,
                    .y = 0.7,
                    .w = W - 1.9,
                    .h = H - 2.1,
                    .out_w = n,
                    .out_h = n,
                    .width = n,
                    .height = n};
    memset(out, 0, sizeof out);
    resize(&v, pixels, W, out);
    for (uint32_t i = 0; i < 3 * n * n; i++) assert_int_equal(out[i], 255);
  }
}

/* All of a square image as it is. */
static image_request whole(uint32_t size) {
  return (image_request){.size = size, .resize = size};
}

static void files_decode_as_in_pillow(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
    const image_request r = whole(16);
    uint8_t out[3 * 256];
    image_notes notes;
    assert_int_equal(lp_image_decode(file[i].bytes, file[i].n, &r, out, &notes), LP_OK);
    int d = difference(out, file[i].pixels, sizeof out);
    /* Releases of libjpeg-turbo round differently now and then. */
    if (d > (strncmp(file[i].name, "JPEG", 4) == 0 ? 2 : 0))
      fail_msg("%s differs from Pillow by %d", file[i].name, d);
    assert_int_equal(notes.warnings, 0);
  }
}

static void ycck_is_decoded(void **state) {
  (void)state;
  enum { N = 16 };
  uint8_t cmyk[N * N * 4], out[3 * N * N];
  for (uint32_t i = 0; i < N * N; i++) {
    const uint8_t v[4] = {(uint8_t)(255 - i % N * 8), (uint8_t)(120 + i / N * 8), 200, 230};
    memcpy(cmyk + 4 * i, v, 4);
  }
  blob f = jpeg_file(JPEG_YCCK, N, N, cmyk, 100);
  const image_request r = whole(N);
  image_notes notes;
  assert_int_equal(lp_image_decode(f.bytes, f.n, &r, out, &notes), LP_OK);
  for (uint32_t i = 0; i < N * N; i++)
    for (uint32_t c = 0; c < 3; c++) {
      /* inverted CMYK: the light that ink c and black let through */
      double expected = cmyk[4 * i + 3] - (255.0 - cmyk[4 * i + c]) * cmyk[4 * i + 3] / 255;
      assert_true(fabs(out[c * N * N + i] - expected) < 6);
    }
  free(f.bytes);
}

/* 16-bit samples keep their upper byte; interlacing changes nothing. */
static void pngs_of_all_kinds(void **state) {
  (void)state;
  enum { N = 13 };
  static const struct {
    int type, channels;
  } kind[] = {{PNG_COLOR_TYPE_GRAY, 1},
              {PNG_COLOR_TYPE_GRAY_ALPHA, 2},
              {PNG_COLOR_TYPE_RGB, 3},
              {PNG_COLOR_TYPE_RGB_ALPHA, 4}};
  for (int k = 0; k < 4; k++)
    for (int depth = 8; depth <= 16; depth += 8)
      for (int interlaced = 0; interlaced < 2; interlaced++) {
        const size_t bytes = (size_t)depth / 8, pixel = bytes * (size_t)kind[k].channels;
        uint8_t rows[N * N * 8], out[3 * N * N];
        for (uint32_t i = 0; i < N * N; i++)
          for (size_t b = 0; b < pixel; b++)
            rows[i * pixel + b] = b % bytes ? 0xff : picture(i % N, i / N, (uint32_t)(b / bytes));
        blob f = png_file(kind[k].type, depth, interlaced, N, N, rows, N * pixel);
        const image_request r = whole(N);
        image_notes notes;
        assert_int_equal(lp_image_decode(f.bytes, f.n, &r, out, &notes), LP_OK);
        for (uint32_t i = 0; i < N * N; i++)
          for (uint32_t c = 0; c < 3; c++)
            assert_int_equal(out[c * N * N + i],
                             picture(i % N, i / N, kind[k].channels < 3 ? 0 : c));
        /* Every truncation is seen, down to the last byte of the pixels. */
        for (size_t n = 0; n + 16 < f.n; n += 7) {
          assert_int_equal(lp_image_decode(f.bytes, n, &r, out, &notes), LP_ERR_FORMAT);
          error_says("");
        }
        free(f.bytes);
      }
}

static void grey_pngs_of_few_bits(void **state) {
  (void)state;
  enum { N = 16 };
  for (int depth = 1; depth <= 4; depth *= 2) {
    uint8_t rows[N * N], out[3 * N * N];
    const size_t row = (size_t)(N * depth / 8);
    for (size_t i = 0; i < N * row; i++) rows[i] = (uint8_t)(i * 73 + 5);
    blob f = png_file(PNG_COLOR_TYPE_GRAY, depth, false, N, N, rows, row);
    const image_request r = whole(N);
    image_notes notes;
    assert_int_equal(lp_image_decode(f.bytes, f.n, &r, out, &notes), LP_OK);
    for (uint32_t i = 0; i < N * N; i++) {
      const uint32_t bit = i % N * (uint32_t)depth, most = (1u << depth) - 1;
      const uint32_t v = rows[i / N * row + bit / 8] >> (8 - (uint32_t)depth - bit % 8) & most;
      for (uint32_t c = 0; c < 3; c++) assert_int_equal(out[c * N * N + i], v * 255 / most);
    }
    free(f.bytes);
  }
}

/* Rows and columns left out must not change those that are kept. */
static void partial_decoding_is_exact(void **state) {
  (void)state;
  enum { W = 237, H = 181, SIZE = 33 };
  static uint8_t pixels[W * H * 3];
  for (uint32_t i = 0; i < W * H; i++)
    for (uint32_t c = 0; c < 3; c++)
      pixels[3 * i + c] = (uint8_t)(128 + 60 * sin(i % W * 0.2 + c) + 60 * cos(i / W * 0.3) +
                                    picture(i % W, i / W, c) % 16 - 8);
  for (int kind = JPEG_420; kind <= JPEG_PROGRESSIVE; kind++) {
    blob f = jpeg_file((jpeg_kind)kind, W, H, pixels, 80);
    uint32_t w, h, scaled = 0;
    uint8_t *all = jpeg_pixels(f, &w, &h);
    for (uint32_t sample = 0; sample < 60; sample++) {
      const image_request r = {.size = SIZE,
                               .resize = 38,
                               .augment = sample > 0,
                               .area = 0.08,
                               .seed = 5,
                               .epoch = 1,
                               .sample = sample};
      uint8_t out[3 * SIZE * SIZE], expected[3 * SIZE * SIZE];
      image_notes notes;
      image_view v;
      lp_image_choose(&r, w, h, &v);
      assert_int_equal(lp_image_decode(f.bytes, f.n, &r, out, &notes), LP_OK);
      resize(&v, all, w, expected);
      if (r.augment && v.w >= 4 * SIZE && v.h >= 4 * SIZE) { /* then at half the size */
        double sum = 0;
        for (size_t i = 0; i < sizeof out; i++) sum += abs(out[i] - expected[i]);
        if (sum / sizeof out > 2.5) fail_msg("scaled decoding differs by %g", sum / sizeof out);
        scaled++;
      } else {
        assert_memory_equal(out, expected, sizeof out);
      }
    }
    assert_in_range(scaled, 3, 40);
    free(all);
    free(f.bytes);
  }
}

static void crops_are_as_asked(void **state) {
  (void)state;
  enum { N = 4000, W = 500, H = 375 };
  double area = 0, log_ratio = 0, square = 0;
  uint32_t flips = 0, left = 0;
  for (uint32_t i = 0; i < N; i++) {
    const image_request r = {.size = 224,
                             .resize = 256,
                             .augment = true,
                             .area = 0.08,
                             .seed = 9,
                             .epoch = 3,
                             .sample = i};
    image_view v, again;
    lp_image_choose(&r, W, H, &v);
    lp_image_choose(&r, W, H, &again);
    assert_memory_equal(&v, &again, sizeof v);
    assert_true(v.x >= 0 && v.y >= 0 && v.x + v.w <= W && v.y + v.h <= H);
    assert_true(v.w * v.h > 0.079 * W * H);
    assert_true(v.w / v.h > 0.74 && v.w / v.h < 1.35);
    assert_true(v.w == floor(v.w) && v.h == floor(v.h));
    area += v.w * v.h / (W * H) / N;
    log_ratio += log(v.w / v.h) / N;
    square += log(v.w / v.h) * log(v.w / v.h) / N;
    flips += v.flip;
    left += v.x + v.w / 2 < W / 2.0;
  }
  /* Means of torchvision's get_params over 200000 draws at this size: area 0.4328, log ratio 0.0309
   * with deviation 0.1642 (large wide crops fit this image, large tall ones do not). */
  assert_true(fabs(area - 0.4328) < 0.015);
  assert_true(fabs(log_ratio - 0.0309) < 0.012);
  assert_true(fabs(sqrt(square - log_ratio * log_ratio) - 0.1642) < 0.01);
  assert_in_range(flips, N / 2 - 130, N / 2 + 130);
  assert_in_range(left, N / 2 - 150, N / 2 + 150);
  image_request a = {.size = 224, .resize = 256, .augment = true, .area = 0.08, .seed = 1}, b = a;
  image_view v, w;
  b.epoch = 1;
  lp_image_choose(&a, W, H, &v);
  lp_image_choose(&b, W, H, &w);
  assert_memory_not_equal(&v, &w, sizeof v);
  double least = 1; /* another least area; sides are rounded to pixels */
  for (a.sample = 0, a.area = 0.4; a.sample < 2000; a.sample++) {
    lp_image_choose(&a, W, H, &v);
    least = fmin(least, v.w * v.h / (W * H));
  }
  assert_true(least > 0.395 && least < 0.41);
  /* No crop of such a strip has the area: its centre. */
  lp_image_choose(&a, 3000, 30, &v);
  assert_true(v.w == 40 && v.h == 30 && v.x == 1480 && v.y == 0);
  lp_image_choose(&a, 30, 3000, &v);
  assert_true(v.w == 30 && v.h == 40 && v.x == 0 && v.y == 1480);
}

static void evaluation_takes_the_centre(void **state) {
  (void)state;
  const image_request r = {.size = 224, .resize = 256};
  image_view v;
  lp_image_choose(&r, 500, 375, &v);
  assert_true(v.w == 500 && v.h == 375 && v.x == 0 && v.y == 0 && !v.flip);
  assert_int_equal(v.out_w, 341); /* int(256 * 500 / 375) */
  assert_int_equal(v.out_h, 256);
  assert_int_equal(v.left, 58); /* round(58.5) to even, as Python does */
  assert_int_equal(v.top, 16);
}

/* A JPEG header that announces a size; nothing follows. */
static size_t jpeg_header(uint8_t *out, uint32_t width, uint32_t height) {
  const uint8_t head[] = {0xff,
                          0xd8,
                          0xff,
                          0xc0,
                          0,
                          17,
                          8,
                          (uint8_t)(height >> 8),
                          (uint8_t)height,
                          (uint8_t)(width >> 8),
                          (uint8_t)width,
                          3,
                          1,
                          0x11,
                          0,
                          2,
                          0x11,
                          0,
                          3,
                          0x11,
                          0,
                          0xff,
                          0xda,
                          0,
                          12,
                          3,
                          1,
                          0,
                          2,
                          0,
                          3,
                          0,
                          0,
                          63,
                          0};
  memcpy(out, head, sizeof head);
  return sizeof head;
}

static void broken_files_are_refused(void **state) {
  (void)state;
  const image_request r = whole(8);
  uint8_t out[3 * 64], bomb[64];
  image_notes notes;
  assert_int_equal(lp_image_decode((const uint8_t *)"", 0, &r, out, &notes), LP_ERR_FORMAT);
  error_says("the file is empty");
  const char *text = "this is no picture\n";
  assert_int_equal(lp_image_decode((const uint8_t *)text, strlen(text), &r, out, &notes),
                   LP_ERR_FORMAT);
  error_says("neither JPEG nor PNG");
  size_t n = jpeg_header(bomb, 30000, 30000);
  assert_int_equal(lp_image_decode(bomb, n, &r, out, &notes), LP_ERR_FORMAT);
  error_says("30000 x 30000 pixels, more than 178956970: taken for a decompression bomb");
  n = jpeg_header(bomb, 30000, 3000);
  assert_int_equal(lp_image_decode(bomb, n, &r, out, &notes), LP_ERR_FORMAT);
  error_says("truncated");

  const uint8_t colour[3] = {200, 100, 50};
  blob f = plain_jpeg(40, 40, colour);
  assert_int_equal(lp_image_decode(f.bytes, f.n, &r, out, &notes), LP_OK);
  for (size_t cut = 1; cut < f.n; cut++)
    assert_int_equal(lp_image_decode(f.bytes, f.n - cut, &r, out, &notes), LP_ERR_FORMAT);
  /* The end mark of a thumbnail in the header is not that of the image. */
  static const uint8_t thumbnail[] = {0xff, 0xe1, 0, 8, 0xff, 0xd8, 1, 2, 0xff, 0xd9};
  uint8_t *with = malloc(f.n + sizeof thumbnail);
  memcpy(with, f.bytes, 2);
  memcpy(with + 2, thumbnail, sizeof thumbnail);
  memcpy(with + 2 + sizeof thumbnail, f.bytes + 2, f.n - 2);
  assert_int_equal(lp_image_decode(with, f.n + sizeof thumbnail, &r, out, &notes), LP_OK);
  assert_int_equal(lp_image_decode(with, f.n + sizeof thumbnail - 2, &r, out, &notes),
                   LP_ERR_FORMAT);
  free(with);
  free(f.bytes);
}

/* Damage within the pixels is a remark for libjpeg, and for Pillow: the image is used. */
static void damaged_pixels_are_remarked(void **state) {
  (void)state;
  enum { N = 64 };
  uint8_t pixels[N * N * 3], out[3 * N * N];
  for (uint32_t i = 0; i < N * N * 3; i++) pixels[i] = picture(i / 3 % N, i / 3 / N, i % 3);
  blob f = jpeg_file(JPEG_444, N, N, pixels, 90);
  for (size_t i = f.n / 2; i < f.n / 2 + 40; i++) f.bytes[i] = 0;
  f.bytes[f.n / 2 + 40] = 0xff;
  f.bytes[f.n / 2 + 41] = 0xc4;
  const image_request r = whole(N);
  image_notes notes;
  assert_int_equal(lp_image_decode(f.bytes, f.n, &r, out, &notes), LP_OK);
  assert_true(notes.warnings > 0);
  assert_true(strlen(notes.first) > 5);
  free(f.bytes);
}

/* No byte changed anywhere may make the decoders misbehave (run under valgrind or ASan). */
static void random_damage_is_survived(void **state) {
  (void)state;
  const image_request r = {.size = 8, .resize = 9, .augment = true, .area = 0.08};
  uint8_t out[3 * 64];
  uint32_t random = 1, sound = 0, broken = 0;
  for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
    uint8_t *copy = malloc(file[i].n);
    for (int k = 0; k < 150; k++) {
      memcpy(copy, file[i].bytes, file[i].n);
      for (int j = 0; j < 3; j++) {
        random = random * 1664525 + 1013904223;
        copy[8 + (random >> 8) % (file[i].n - 8)] = (uint8_t)(random >> 24);
      }
      image_notes notes;
      lp_status s = lp_image_decode(copy, file[i].n, &r, out, &notes);
      assert_true(s == LP_OK || s == LP_ERR_FORMAT);
      sound += s == LP_OK;
      broken += s != LP_OK;
    }
    free(copy);
  }
  assert_true(sound > 50 && broken > 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(resizing_is_pillows),
      cmocka_unit_test(constant_images_stay_constant),
      cmocka_unit_test(files_decode_as_in_pillow),
      cmocka_unit_test(ycck_is_decoded),
      cmocka_unit_test(pngs_of_all_kinds),
      cmocka_unit_test(grey_pngs_of_few_bits),
      cmocka_unit_test(partial_decoding_is_exact),
      cmocka_unit_test(crops_are_as_asked),
      cmocka_unit_test(evaluation_takes_the_centre),
      cmocka_unit_test(broken_files_are_refused),
      cmocka_unit_test(damaged_pixels_are_remarked),
      cmocka_unit_test(random_damage_is_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
