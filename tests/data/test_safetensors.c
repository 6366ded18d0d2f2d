/* safetensors: bytes as the format has them, round trips, every way in which a file can be wrong.
 */
#include "support.h"

#include <glob.h>
#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_file(const char *path, const char *header, uint64_t header_size, size_t data_size) {
  size_t len = strlen(header);
  unsigned char *bytes = calloc(1, 8 + len + data_size + 1);
  assert_non_null(bytes);
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(header_size >> (8 * i));
  memcpy(bytes + 8, header, len);
  for (size_t i = 0; i < data_size; i++) bytes[8 + len + i] = (unsigned char)(i + 1);
  put(path, bytes, 8 + len + data_size);
  free(bytes);
}

/* Written out by hand from the format's description. */
static void a_small_file_has_the_expected_bytes(void **state) {
  static const float w[2] = {1.0f, -2.0f};
  static const uint8_t u[3] = {7, 8, 9};
  const lp_tensor_view t[] = {{"u", LP_DESC(LP_U8, 3, 1), u}, {"w", lp_f32(2), w}};
  static const char *const key[] = {"who"}, *const value[] = {"me"};
  const char *path = in(*state, "a.safetensors");
  assert_int_equal(lp_safetensors_write(path, t, 2, key, value, 1), LP_OK);
  static const char header[] = "{\"__metadata__\":{\"who\":\"me\"},"
                               "\"u\":{\"dtype\":\"U8\",\"shape\":[3,1],\"data_offsets\":[0,3]},"
                               "\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[3,11]}}";
  static const unsigned char data[11] = {7, 8, 9, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0};
  size_t n, len = strlen(header), padded = (len + 7) / 8 * 8;
  unsigned char *bytes = get(path, &n);
  assert_int_equal(n, 8 + padded + 11);
  assert_int_equal(bytes[0], padded);
  for (int i = 1; i < 8; i++) assert_int_equal(bytes[i], 0);
  assert_memory_equal(bytes + 8, header, len);
  for (size_t i = len; i < padded; i++) assert_int_equal(bytes[8 + i], ' ');
  assert_memory_equal(bytes + 8 + padded, data, 11);
  free(bytes);
}

static void every_type_and_shape_comes_back(void **state) {
  uint8_t bytes[240];
  for (int i = 0; i < 240; i++) bytes[i] = (uint8_t)(i * 37);
  const lp_tensor_view t[] = {
      {"odd/u8", LP_DESC(LP_U8, 3), bytes},
      {"f64", LP_DESC(LP_F64, 2, 1, 2), bytes},
      {"bf16", LP_DESC(LP_BF16, 5), bytes + 8},
      {"scalar", {LP_I64, 0, {0}}, bytes + 16},
      {"empty", LP_DESC(LP_F32, 4, 0, 2), NULL},
      {"i32", LP_DESC(LP_I32, 1, 1, 1, 1, 2, 3), bytes + 32},
      {"na\xc3\xafve \"quoted\"\n", lp_f32(7), bytes + 64},
  };
  const uint32_t count = sizeof t / sizeof *t;
  static const char *const key[] = {"z", "a"}, *const value[] = {"1", ""};
  const char *first = in(*state, "1"), *second = in(*state, "2");
  assert_int_equal(lp_safetensors_write(first, t, count, key, value, 2), LP_OK);
  lp_safetensors *f;
  assert_int_equal(lp_safetensors_read(first, &f), LP_OK);
  assert_int_equal(lp_safetensors_count(f), count);
  assert_null(lp_safetensors_get(f, count));
  for (uint32_t i = 0; i < count; i++) {
    const lp_tensor_view *v = lp_safetensors_get(f, i);
    assert_string_equal(v->name, t[i].name);
    assert_true(lp_desc_equal(&v->desc, &t[i].desc));
    assert_int_equal((uintptr_t)v->data % 8, 0);
    if (lp_nbytes(&v->desc)) assert_memory_equal(v->data, t[i].data, lp_nbytes(&v->desc));
    assert_ptr_equal(lp_safetensors_find(f, t[i].name), v);
  }
  assert_null(lp_safetensors_find(f, "odd"));
  assert_string_equal(lp_safetensors_meta(f, "z"), "1");
  assert_string_equal(lp_safetensors_meta(f, "a"), "");
  assert_null(lp_safetensors_meta(f, "b"));
  assert_int_equal(lp_safetensors_write(second, lp_safetensors_get(f, 0), count, key, value, 2),
                   LP_OK);
  lp_safetensors_free(f);
  size_t n, m;
  void *a = get(first, &n), *b = get(second, &m);
  assert_int_equal(n, m);
  assert_memory_equal(a, b, n);
  free(a);
  free(b);
}

static void a_file_without_tensors_is_fine(void **state) {
  const char *path = in(*state, "none");
  assert_int_equal(lp_safetensors_write(path, NULL, 0, NULL, NULL, 0), LP_OK);
  lp_safetensors *f;
  assert_int_equal(lp_safetensors_read(path, &f), LP_OK);
  assert_int_equal(lp_safetensors_count(f), 0);
  assert_null(lp_safetensors_get(f, 0));
  assert_null(lp_safetensors_meta(f, "k"));
  lp_safetensors_free(f);
}

/* Other writers order the header differently from the data, and lay it out with blanks. */
static void other_layouts_are_read(void **state) {
  const char *path = in(*state, "other");
  static const char header[] =
      "{ \"b\": {\"shape\": [1], \"data_offsets\": [3, 7], \"dtype\": \"I32\"},\n"
      "  \"e\": {\"dtype\": \"U8\", \"shape\": [0], \"data_offsets\": [3, 3]},\n"
      "  \"a\": {\"dtype\": \"U8\", \"shape\": [3], \"data_offsets\": [0, 3]} }     ";
  put_file(path, header, strlen(header), 7);
  lp_safetensors *f;
  assert_int_equal(lp_safetensors_read(path, &f), LP_OK);
  assert_int_equal(lp_safetensors_count(f), 3);
  static const char *const order[] = {"a", "e", "b"}; /* that of the bytes */
  for (uint32_t i = 0; i < 3; i++) assert_string_equal(lp_safetensors_get(f, i)->name, order[i]);
  assert_int_equal(*(const int32_t *)lp_safetensors_find(f, "b")->data, 0x07060504);
  lp_safetensors_free(f);
}

#define U8(name, shape, begin, end)                                                                \
  "\"" name "\":{\"dtype\":\"U8\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"
#define TYPED(type) "{\"a\":{\"dtype\":\"" type "\",\"shape\":[2],\"data_offsets\":[0,4]}}"

static void malformed_files_are_refused(void **state) {
  static const struct {
    const char *header;
    size_t data;
    lp_status status;
    const char *says;
  } row[] = {
      {"{" U8("a", "[4]", "0", "4") "}", 3, LP_ERR_FORMAT, "'a' ends at byte 4 of 3"},
      {"{" U8("a", "[4]", "0", "4") "}", 5, LP_ERR_FORMAT, "1 bytes follow the last tensor"},
      {"{}", 1, LP_ERR_FORMAT, "1 bytes follow"},
      {"{" U8("a", "[2]", "0", "2") "," U8("b", "[2]", "1", "3") "}", 3, LP_ERR_FORMAT,
       "'b' starts at byte 1 of the data, overlapping"},
      {"{" U8("a", "[2]", "0", "2") "," U8("b", "[2]", "0", "2") "}", 2, LP_ERR_FORMAT,
       "overlapping"},
      {"{" U8("a", "[2]", "0", "2") "," U8("b", "[2]", "3", "5") "}", 5, LP_ERR_FORMAT,
       "leaving a gap"},
      {"{" U8("a", "[2]", "1", "3") "}", 3, LP_ERR_FORMAT, "leaving a gap"},
      {"{" U8("a", "[2]", "0", "2") "," U8("a", "[2]", "2", "4") "}", 4, LP_ERR_FORMAT,
       "duplicate"},
      {"{" U8("a", "[3]", "0", "2") "}", 2, LP_ERR_FORMAT, "'a' has 2 bytes; its type and shape"},
      {"{" U8("a", "[1]", "2", "0") "}", 2, LP_ERR_FORMAT, "not a range"},
      {"{" U8("a", "[1]", "-1", "0") "}", 1, LP_ERR_FORMAT, "not a range"},
      {"{" U8("a", "[1]", "0.0", "1") "}", 1, LP_ERR_FORMAT, "not a range"},
      {"{" U8("a", "[-1]", "0", "1") "}", 1, LP_ERR_FORMAT, "extent 0 is not a size"},
      {"{" U8("a", "[1,1.5]", "0", "1") "}", 1, LP_ERR_FORMAT, "extent 1 is not a size"},
      {"{" U8("a", "[\"1\"]", "0", "1") "}", 1, LP_ERR_FORMAT, "not a size"},
      {"{" U8("a", "[4294967296,4294967296]", "0", "0") "}", 0, LP_ERR_FORMAT, "larger than"},
      {"{" U8("a", "[0,4294967296,4294967296]", "0", "0") "}", 0, LP_ERR_FORMAT, "larger than"},
      {"{" U8("a", "[99999999999999999999]", "0", "1") "}", 1, LP_ERR_FORMAT, "too big"},
      {"{" U8("a", "[1,1,1,1,1,1,1]", "0", "1") "}", 1, LP_ERR_UNSUPPORTED, "7 dimensions"},
      {"{" U8("a", "1", "0", "1") "}", 1, LP_ERR_FORMAT, "needs dtype, shape"},
      {TYPED("F16"), 4, LP_ERR_UNSUPPORTED, "'a' has type F16"},
      {TYPED("BOOL"), 4, LP_ERR_UNSUPPORTED, "'a' has type BOOL"},
      {TYPED("f32"), 4, LP_ERR_UNSUPPORTED, "'a' has type f32"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, LP_ERR_FORMAT, "needs dtype, shape"},
      {"{\"a\":{\"dtype\":5,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, LP_ERR_FORMAT, "needs"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 1, LP_ERR_FORMAT,
       "needs"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}", 1, LP_ERR_FORMAT,
       "nothing else"},
      {"{\"a\":3}", 0, LP_ERR_FORMAT, "'a' needs"},
      {"{\"__metadata__\":3}", 0, LP_ERR_FORMAT, "__metadata__ is not an object"},
      {"{\"__metadata__\":{\"k\":3}}", 0, LP_ERR_FORMAT, "metadata 'k' is not a string"},
      {"[1]", 0, LP_ERR_FORMAT, "does not start with '{'"},
      {" {}", 0, LP_ERR_FORMAT, "does not start with '{'"},
      {"", 0, LP_ERR_FORMAT, "does not start with '{'"},
      {"{\"a\":", 0, LP_ERR_FORMAT, "header at byte"},
      {"{}x", 0, LP_ERR_FORMAT, "header at byte"},
      {"{\"\xff\":1}", 0, LP_ERR_FORMAT, "header at byte"},
  };
  const char *path = in(*state, "bad");
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    put_file(path, row[i].header, strlen(row[i].header), row[i].data);
    lp_safetensors *f = (void *)1;
    lp_status s = lp_safetensors_read(path, &f);
    if (s != row[i].status) fail_msg("status %d for %s", (int)s, row[i].header);
    assert_null(f);
    error_says(row[i].says);
    error_says(path);
  }
}

static void wrong_header_sizes_are_refused(void **state) {
  static const struct {
    uint64_t size;
    const char *says;
  } row[] = {{3, "header of 3 bytes in a file of 10"},
             {100000000, "header of 100000000 bytes in a file of 10"},
             {100000001, "at most 100000000"},
             {UINT64_MAX, "at most 100000000"}};
  const char *path = in(*state, "bad");
  lp_safetensors *f;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    put_file(path, "{}", row[i].size, 0);
    assert_int_equal(lp_safetensors_read(path, &f), LP_ERR_FORMAT);
    error_says(row[i].says);
  }
  put(path, "\2\0\0\0\0\0\0", 7);
  assert_int_equal(lp_safetensors_read(path, &f), LP_ERR_FORMAT);
  error_says("7 bytes, too short");
  assert_int_equal(lp_safetensors_read(*state, &f), LP_ERR_IO);
  assert_int_equal(lp_safetensors_read(in(*state, "none"), &f), LP_ERR_IO);
  error_says("/none: No such file");
}

static void what_cannot_be_written_is_refused(void **state) {
  static const float x[2] = {0};
  static const struct {
    lp_tensor_view t[2];
    const char *says;
  } row[] = {
      {{{"a", {LP_F32, 1, {2}}, x}, {"a", {LP_F32, 1, {1}}, x}}, "'a' is there twice"},
      {{{"__metadata__", {LP_F32, 1, {2}}, x}, {"b", {LP_F32, 1, {1}}, x}}, "no name"},
      {{{"", {LP_F32, 1, {2}}, x}, {"b", {LP_F32, 1, {1}}, x}}, "no name"},
      {{{NULL, {LP_F32, 1, {2}}, x}, {"b", {LP_F32, 1, {1}}, x}}, "no name"},
      {{{"a", {LP_TOKEN, 0, {0}}, x}, {"b", {LP_F32, 1, {1}}, x}}, "has no type"},
      {{{"a", {99, 1, {2}}, x}, {"b", {LP_F32, 1, {1}}, x}}, "has no type"},
      {{{"a", {LP_F32, 7, {1}}, x}, {"b", {LP_F32, 1, {1}}, x}}, "7 dimensions"},
      {{{"a", {LP_F32, 1, {-2}}, x}, {"b", {LP_F32, 1, {1}}, x}}, "extent -2"},
      {{{"a", {LP_F32, 1, {2}}, NULL}, {"b", {LP_F32, 1, {1}}, x}}, "has no data"},
      {{{"\xff", {LP_F32, 1, {2}}, x}, {"b", {LP_F32, 1, {1}}, x}}, "not UTF-8"},
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    assert_int_equal(lp_safetensors_write(in(*state, "x"), row[i].t, 2, NULL, NULL, 0), LP_ERR_ARG);
    error_says(row[i].says);
  }
  static const char *const key[] = {"k", "k"}, *const value[] = {"1", "2"}, *const bad[] = {"\xff"};
  assert_int_equal(lp_safetensors_write(in(*state, "x"), NULL, 0, key, value, 2), LP_ERR_ARG);
  error_says("'k' is there twice");
  assert_int_equal(lp_safetensors_write(in(*state, "x"), NULL, 0, key, bad, 1), LP_ERR_ARG);
  error_says("not UTF-8");
  assert_int_equal(entries(*state), 0);
}

/* Files of another implementation: read, written, read again. */
static void golden_files_survive_a_round_trip(void **state) {
  glob_t g;
  assert_int_equal(glob(GOLDEN "/*.safetensors", 0, NULL, &g), 0);
  for (size_t i = 0; i < g.gl_pathc; i++) {
    lp_safetensors *a, *b;
    const char *copy = in(*state, "copy");
    assert_int_equal(lp_safetensors_read(g.gl_pathv[i], &a), LP_OK);
    uint32_t n = lp_safetensors_count(a);
    assert_true(n > 0);
    assert_int_equal(lp_safetensors_write(copy, lp_safetensors_get(a, 0), n, NULL, NULL, 0), LP_OK);
    assert_int_equal(lp_safetensors_read(copy, &b), LP_OK);
    assert_int_equal(lp_safetensors_count(b), n);
    for (uint32_t j = 0; j < n; j++) {
      const lp_tensor_view *x = lp_safetensors_get(a, j);
      const lp_tensor_view *y = lp_safetensors_find(b, x->name);
      assert_non_null(y);
      assert_true(lp_desc_equal(&x->desc, &y->desc));
      assert_memory_equal(x->data, y->data, lp_nbytes(&x->desc));
    }
    lp_safetensors_free(a);
    lp_safetensors_free(b);
  }
  globfree(&g);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_small_file_has_the_expected_bytes), TEST(every_type_and_shape_comes_back),
      TEST(a_file_without_tensors_is_fine),      TEST(other_layouts_are_read),
      TEST(malformed_files_are_refused),         TEST(wrong_header_sizes_are_refused),
      TEST(what_cannot_be_written_is_refused),   TEST(golden_files_survive_a_round_trip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
