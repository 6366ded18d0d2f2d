/* npy headers, parsed by the test itself, and PNG images read back through libpng. */
#include "support.h"

#include <locality/io.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

static void npy_files_have_numpys_header(void **state) {
  static const struct {
    lp_desc desc;
    const char *text;
  } row[] = {
      {{LP_F32, 2, {2, 3}}, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"},
      {{LP_F64, 1, {5}}, "{'descr': '<f8', 'fortran_order': False, 'shape': (5,), }"},
      {{LP_I32, 0, {0}}, "{'descr': '<i4', 'fortran_order': False, 'shape': (), }"},
      {{LP_I64, 3, {1, 0, 4}}, "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 0, 4), }"},
      {{LP_U8, 6, {1, 1, 1, 2, 2, 2}},
       "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1, 2, 2, 2), }"},
  };
  uint8_t data[64];
  for (int i = 0; i < 64; i++) data[i] = (uint8_t)(200 - i);
  const char *path = in(*state, "a.npy");
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    assert_int_equal(lp_npy_write(path, &row[i].desc, data), LP_OK);
    size_t n, body = lp_nbytes(&row[i].desc);
    unsigned char *file = get(path, &n);
    assert_memory_equal(file, "\x93NUMPY\x01\x00", 8);
    size_t header = file[8] | (size_t)file[9] << 8, text = strlen(row[i].text);
    assert_int_equal((10 + header) % 64, 0);
    assert_int_equal(n, 10 + header + body);
    assert_memory_equal(file + 10, row[i].text, text);
    for (size_t j = 10 + text; j < 10 + header - 1; j++) assert_int_equal(file[j], ' ');
    assert_int_equal(file[10 + header - 1], '\n');
    assert_memory_equal(file + 10 + header, data, body);
    free(file);
  }
}

static void npy_refuses_what_numpy_lacks(void **state) {
  static const uint8_t data[8];
  const lp_desc bf16 = LP_DESC(LP_BF16, 2), token = {LP_TOKEN, 0, {0}}, deep = {LP_U8, 7, {1}};
  assert_int_equal(lp_npy_write(in(*state, "a"), &bf16, data), LP_ERR_UNSUPPORTED);
  assert_int_equal(lp_npy_write(in(*state, "a"), &token, data), LP_ERR_UNSUPPORTED);
  assert_int_equal(lp_npy_write(in(*state, "a"), &deep, data), LP_ERR_ARG);
  error_says("7 dimensions");
  assert_int_equal(entries(*state), 0);
}

static void png_images_read_back(void **state) {
  static const uint32_t size[][3] = {{1, 1, 1}, {7, 5, 1}, {5, 7, 3}, {64, 33, 3}};
  uint8_t pixels[64 * 33 * 3], back[sizeof pixels];
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * i >> 3);
  const char *path = in(*state, "a.png");
  for (int i = 0; i < 4; i++) {
    uint32_t w = size[i][0], h = size[i][1], c = size[i][2];
    assert_int_equal(lp_png_write(path, w, h, c, pixels), LP_OK);
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, path));
    assert_int_equal(image.width, w);
    assert_int_equal(image.height, h);
    assert_int_equal(image.format, c == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB); /* as stored */
    assert_true(png_image_finish_read(&image, NULL, back, 0, NULL));
    assert_memory_equal(back, pixels, (size_t)w * h * c);
  }
}

static void png_refuses_odd_images(void **state) {
  static const uint8_t pixels[16];
  static const uint32_t size[][3] = {{0, 1, 1}, {1, 0, 1}, {1, 1, 2}, {1, 1, 4}, {2000000, 1, 1}};
  for (int i = 0; i < 5; i++)
    assert_int_equal(lp_png_write(in(*state, "a.png"), size[i][0], size[i][1], size[i][2], pixels),
                     LP_ERR_ARG);
  assert_int_equal(entries(*state), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(npy_files_have_numpys_header),
      TEST(npy_refuses_what_numpy_lacks),
      TEST(png_images_read_back),
      TEST(png_refuses_odd_images),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
