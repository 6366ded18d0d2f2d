/* Folders and archives as people have them: what belongs to systems, which folder is which split,
 * Tiny ImageNet's file of labels, a level too high, formats that are not read, and classes by name.
 */
#include "members.h"
#include "support.h"

#include <locality/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Makes a file of a set: an image where the name ends in .jpg, of the colour that the digit before
 * it says; else a text. */
static void make_file(const char *root, const char *name) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s", root, name);
  char *slash = strrchr(path, '/');
  *slash = 0;
  make_dirs(path);
  *slash = '/';
  const size_t n = strlen(name);
  if (n > 5 && strcmp(name + n - 4, ".jpg") == 0 && name[n - 5] >= '0' && name[n - 5] <= '9' &&
      !strstr(name, "._"))
    put_blob(path, image((uint32_t)(name[n - 5] - '0')));
  else if (name[n - 1] != '/')
    put(path, "no image", 8);
}

static void make_tar(const char *root, const char *file) {
  char command[1400];
  snprintf(command, sizeof command, "tar cf '%s' -C '%s' .", file, root);
  assert_int_equal(system(command), 0);
}

static bool has_note(const lp_dataset *d, const char *part) {
  const lp_data_note *note;
  for (uint32_t i = 0; (note = lp_dataset_note(d, i)); i++)
    if (strstr(note->text, part)) return true;
  for (uint32_t i = 0; (note = lp_dataset_note(d, i)); i++) print_error("note: %s\n", note->text);
  return false;
}

static lp_status open_both(const char *path, lp_dataset *d[2]) {
  char spec[700];
  snprintf(spec, sizeof spec, "imagefolder:%s,size=%d", path, SIZE);
  return lp_dataset_open_both(spec, &(lp_image_defaults){0}, d);
}

typedef struct layout {
  const char *files[14]; /* a name that ends in a slash is an empty folder */
  const char *classes;   /* in their order, with blanks between; NULL: refused */
  uint32_t train, test;
  const char *says; /* a note of the test images, or the error; may be NULL */
} layout;

static const layout layouts[] = {
    /* what belongs to systems and programs */
    {{"train/a/1.jpg", "train/a/._1.jpg", "train/b/2.jpg", "val/a/1.jpg", "val/b/2.jpg",
      "val/b/._2.jpg", "__MACOSX/train/a/._1.jpg"},
     "a b",
     2,
     2,
     NULL},
    {{"a/1.jpg", "b/2.jpg", ".git/x/1.jpg", "@eaDir/1.jpg", "lost+found/", "a/.thumbs/1.jpg",
      "$RECYCLE.BIN/S-1/1.jpg", "System Volume Information/x"},
     "a b",
     2,
     2,
     "hidden files and files of the system left out"},
    {{"train/a/1.jpg", "train/b/2.jpg", "train/.ipynb_checkpoints/", "train/b/Thumbs.db",
      "train/@EADIR/1.jpg", "val/a/1.jpg", "val/b/1.jpg", "val/b/1.jpg~"},
     "a b",
     2,
     2,
     NULL},
    /* which split is which */
    {{"train/a/1.jpg", "train/b/2.jpg", "valid/a/1.jpg", "valid/b/2.jpg", "test/a/1.jpg"},
     "a b",
     2,
     1,
     "training images from train/, test images from test/; not used: valid/"},
    {{"Training/a/1.jpg", "Training/b/2.jpg", "Testing/a/1.jpg", "Testing/b/2.jpg"},
     "a b",
     2,
     2,
     "training images from Training/, test images from Testing/"},
    {{"TRAIN/a/1.jpg", "TRAIN/b/2.jpg", "Validation/b/2.jpg"}, "a b", 2, 1, "Validation/"},
    {{"training_set/a/1.jpg", "training_set/b/2.jpg", "test_set/b/2.jpg"}, "a b", 2, 1, "test_set"},
    {{"train/a/1.jpg", "train/b/2.jpg", "test/1.jpg", "test/2.jpg"}, /* without labels */
     "a b",
     2,
     2,
     "holds no folder for test images: those in train/ are used"},
    {{"train/a/1.jpg", "train/b/2.jpg"}, "a b", 2, 2, "the test images are the training images"},
    {{"a/1.jpg", "b/2.jpg"}, "a b", 2, 2, "the test images are the training images"},
    {{"train/a/1.jpg", "train/b/2.jpg", "val/a/1.jpg", "test/images/1.jpg"},
     "a b",
     2,
     1,
     "test images from val/; not used: test/"},
    {{"train/a/1.jpg", "train/b/2.jpg", "val/a/1.jpg", "docs/", "scripts/x.py"},
     "a b",
     2,
     1,
     "not used"},
    {{"train/a/1.jpg", "Train/b/2.jpg", "val/a/1.jpg"}, NULL, 0, 0, "rename one"},
    {{"a/1.jpg", "b/2.jpg", "test/a/1.jpg", "test/b/2.jpg"}, NULL, 0, 0, "beside classes"},
    {{"bus/1.jpg", "car/2.jpg", "train/3.jpg"},
     "bus car train",
     3,
     3,
     "'train' is taken for a class"},
    /* levels */
    {{"set/train/a/1.jpg", "set/train/b/2.jpg", "set/val/a/1.jpg", "set/logo.png"},
     "a b",
     2,
     1,
     "the images are those in set/"},
    {{"x/y/a/1.jpg", "x/y/b/2.jpg"}, "a b", 2, 2, "the images are those in x/y/"},
    {{"images/a/1.jpg", "images/b/2.jpg", "attributes/", "parts/x.txt"}, NULL, 0, 0, "/images"},
    {{"one/train/a/1.jpg", "one/train/b/1.jpg", "two/train/a/1.jpg"},
     NULL,
     0,
     0,
     "is one level too high"},
    {{"only/1.jpg", "only/2.jpg"}, NULL, 0, 0, "one class only, 'only'"},
    /* formats */
    {{"a/1.tif", "a/2.TIFF", "b/1.bmp", "b/2.tif"}, NULL, 0, 0, "1 BMP and 3 TIFF files"},
    {{"a/1.jpg", "a/2.webp", "b/1.jpg", "b/2.gif", "b/3.gif"},
     "a b",
     2,
     2,
     "2 GIF and 1 WebP files left out: only JPEG and PNG are read"},
    {{"a/1.jpg", "b/1.tif", "c/2.jpg"}, "a b c", 2, 2, "no images of 1 class: b"},
    /* classes */
    {{"train/a/1.jpg", "train/b/2.jpg", "val/a/1.jpg", "val/c/2.jpg"},
     NULL,
     0,
     0,
     "the test images have 1 class of which there are no training images: 'c'"},
    {{"train/cat/1.jpg", "train/dog/2.jpg", "val/Cat/1.jpg", "val/dog/2.jpg"},
     NULL,
     0,
     0,
     "'Cat' (training has 'cat', of another case, Unicode form or blanks)"},
    {{"train/caf\xc3\xa9/1.jpg", "train/b/2.jpg", "val/cafe\xcc\x81/1.jpg"},
     NULL,
     0,
     0,
     "(training has 'caf\xc3\xa9', of another case, Unicode form or blanks)"},
    {{"a/1.jpg", "b\xe9/2.jpg"}, NULL, 0, 0, "class 'b\\xe9' is not UTF-8"},
};

static void layouts_are_understood(void **state) {
  for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
    const layout *row = &layouts[i];
    char root[500], file[520];
    snprintf(root, sizeof root, "%s/%zu", (char *)*state, i);
    snprintf(file, sizeof file, "%s.tar", root);
    for (int k = 0; k < 14 && row->files[k]; k++) make_file(root, row->files[k]);
    make_tar(root, file);
    for (int archive = 0; archive < 2; archive++) {
      lp_dataset *d[2];
      lp_status s = open_both(archive ? file : root, d);
      if ((s == LP_OK) != (row->classes != NULL))
        fail_msg("layout %zu: %s", i, s == LP_OK ? "is taken" : lp_error_message());
      if (s != LP_OK) {
        assert_int_equal(s, LP_ERR_FORMAT);
        assert_null(d[0]);
        assert_null(d[1]);
        error_says(row->says);
        continue;
      }
      char names[200] = "";
      const lp_dataset_info *info = lp_dataset_get_info(d[0]);
      for (uint32_t k = 0; k < info->classes; k++) {
        if (k) strcat(names, " ");
        strcat(names, info->class_names[k]);
      }
      assert_string_equal(names, row->classes);
      if (info->count != row->train || lp_dataset_get_info(d[1])->count != row->test)
        fail_msg("layout %zu: %u and %u images", i, info->count, lp_dataset_get_info(d[1])->count);
      if (row->says) assert_true(has_note(d[1], row->says) || has_note(d[0], row->says));
      for (int k = 0; k < 2; k++) lp_dataset_close(d[k]);
    }
  }
}

/* Tiny ImageNet as it is downloaded. */
static void tiny_imagenet_is_read(void **state) {
  char root[500], file[520];
  snprintf(root, sizeof root, "%s/tiny-imagenet-200", (char *)*state);
  snprintf(file, sizeof file, "%s.tar", root);
  static const char *const files[] = {"train/n01/images/n01_0.jpg",
                                      "train/n01/images/n01_1.jpg",
                                      "train/n01/n01_boxes.txt",
                                      "train/n02/images/n02_2.jpg",
                                      "train/n03/images/n03_3.jpg",
                                      "val/images/val_4.jpg",
                                      "val/images/val_5.jpg",
                                      "val/images/val_6.jpg",
                                      "val/images/val_7.jpg",
                                      "test/images/test_8.jpg",
                                      "wnids.txt"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) make_file(root, files[i]);
  const char *labels = "val_6.jpg\tn01\t0\t0\t62\t62\r\nval_5.jpg\tn03\t0\t0\t1\t1\n"
                       "val_4.jpg\tn03\t0\t0\t1\t1\nval_9.jpg\tn02\t0\t0\t1\t1";
  put(in(root, "val/val_annotations.txt"), labels, strlen(labels));
  char command[1200];
  snprintf(command, sizeof command, "tar cf '%s' -C '%s' tiny-imagenet-200", file, (char *)*state);
  assert_int_equal(system(command), 0);
  for (int archive = 0; archive < 2; archive++) {
    lp_dataset *d[2];
    if (open_both(archive ? file : root, d) != LP_OK) fail_msg("%s", lp_error_message());
    const lp_dataset_info *info = lp_dataset_get_info(d[1]);
    assert_int_equal(lp_dataset_get_info(d[0])->count, 4);
    assert_int_equal(info->classes, 3);
    assert_string_equal(info->class_names[2], "n03");
    assert_int_equal(info->count, 3);
    expect(d[1], 0, 6, 0);
    expect(d[1], 1, 4, 2);
    expect(d[1], 2, 5, 2);
    assert_true(has_note(d[1], "1 images left out that val_annotations.txt does not name"));
    assert_true(has_note(d[1], "not used: test/"));
    for (int k = 0; k < 2; k++) lp_dataset_close(d[k]);
  }
  put(in(root, "val/val_annotations.txt"), "val_4.jpg\tn09\n", 14); /* a class of its own */
  lp_dataset *d[2];
  assert_int_equal(open_both(root, d), LP_ERR_FORMAT);
  error_says("no training images: 'n09'");
  put(in(root, "val/val_annotations.txt"), "val_4.jpg n01\n", 14);
  assert_int_equal(open_both(root, d), LP_ERR_FORMAT);
  error_says("expected lines FILE<tab>CLASS");
}

/* Names that a reader takes for one are named, those that differ are not. */
static void names_alike_are_named(void **state) {
  static const struct {
    const char *a, *b;
    bool alike;
  } row[] = {{"cat", "Cat", true},
             {"caf\xc3\xa9", "cafe\xcc\x81", true},
             {"great white", "greatwhite", true},
             {"\xd0\x99od", "\xd0\xb8\xcc\x86od", true},         /* Cyrillic short i */
             {"\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1", true}, /* Hangul ga */
             {"\xe3\x81\xb0", "\xe3\x81\xaf\xe3\x82\x99", true}, /* Hiragana ba */
             {"\xe1\xba\xbf", "e\xcc\x82\xcc\x81", true},        /* Vietnamese */
             {"cat", "cats", false},
             {"\xd0\xb0", "a", false}, /* a Cyrillic a is another letter */
             {"1", "10", false}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char root[500], name[100];
    snprintf(root, sizeof root, "%s/%zu", (char *)*state, i);
    for (int k = 0; k < 2; k++) {
      snprintf(name, sizeof name, "%s/%d.jpg", k ? row[i].b : row[i].a, k);
      make_file(root, name);
    }
    lp_dataset *d[2];
    assert_int_equal(open_both(root, d), LP_OK);
    bool noted = false;
    const lp_data_note *note;
    for (uint32_t k = 0; (note = lp_dataset_note(d[0], k)); k++)
      noted |= note->warning && strstr(note->text, "two classes differ in case");
    if (noted != row[i].alike) fail_msg("%s and %s", row[i].a, row[i].b);
    for (int k = 0; k < 2; k++) lp_dataset_close(d[k]);
  }
}

/* A folder that is not divided: to train on it is worth a warning, to read it alone is not. */
static void undivided_folders(void **state) {
  const char *dir = *state;
  make_file(dir, "flat/a/1.jpg");
  make_file(dir, "flat/b/2.jpg");
  make_file(dir, "half/train/a/1.jpg");
  make_file(dir, "half/train/b/2.jpg");
  static const char *const name[] = {"flat", "half"};
  for (int i = 0; i < 2; i++) {
    char root[500];
    snprintf(root, sizeof root, "%s/%s", dir, name[i]);
    lp_dataset *d = opened(root, "", LP_SPLIT_TEST), *both[2];
    const lp_data_note *note;
    uint32_t n = 0;
    for (; (note = lp_dataset_note(d, n)); n++)
      if (note->warning) fail_msg("%s", note->text);
    assert_int_equal(n, 1); /* what was taken is said */
    lp_dataset_close(d);
    assert_int_equal(open_both(root, both), LP_OK);
    bool warned = false;
    for (uint32_t k = 0; (note = lp_dataset_note(both[1], k)); k++)
      warned |= note->warning && strstr(note->text, "test images are the training images");
    assert_true(warned);
    for (int k = 0; k < 2; k++) lp_dataset_close(both[k]);
  }
}

/* Labels mean the classes of a network, in its order. */
static void labels_follow_names(void **state) {
  const char *dir = *state;
  static const char *const files[] = {"b/1.jpg", "d/3.jpg", "d/4.jpg"};
  for (int i = 0; i < 3; i++) make_file(dir, files[i]);
  make_dirs(in(dir, "empty"));
  static const char *const known[] = {"d", "a", "b"}, *const other[] = {"a", "B", "d"};
  lp_dataset *d = opened(dir, "", LP_SPLIT_TEST);
  assert_int_equal(lp_dataset_match(d, known, 3), LP_OK);
  expect(d, 0, 1, 2);
  expect(d, 1, 3, 0);
  expect(d, 2, 4, 0);
  lp_loader *l;
  uint8_t pixels[3 * BYTES];
  int32_t labels[3];
  uint32_t order[] = {2, 0, 1}, n;
  assert_int_equal(lp_loader_new(d, order, 3, 3, 0, 0, 2, &l), LP_OK);
  assert_int_equal(lp_loader_next(l, 3, pixels, labels, &n), LP_OK);
  assert_true(labels[0] == 0 && labels[1] == 2 && labels[2] == 0);
  lp_loader_free(l);
  assert_int_equal(lp_dataset_match(d, other, 3), LP_ERR_FORMAT);
  error_says("1 class that the network was not trained on: 'b'; it knows 'B'");
  assert_int_equal(lp_dataset_match(d, other, 1), LP_ERR_FORMAT);
  error_says("2 classes that the network was not trained on: 'b', 'd'; it knows 'a'");
  lp_dataset_close(d);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

int main(void) {
  lp_log_set_level(LP_LOG_ERROR); /* notes are looked at instead */
  const struct CMUnitTest tests[] = {
      TEST(layouts_are_understood), TEST(tiny_imagenet_is_read), TEST(names_alike_are_named),
      TEST(undivided_folders),      TEST(labels_follow_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
