/* What names of files and folders tell: which belong to systems and programs and are no data, which
 * folders are splits, which files are images and in what format. The tables are here and nowhere
 * else. */
#include "imagelist.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool lp_image_name_left_out(const char *leaf) {
  static const char *const name[] = {
      "__MACOSX",
      "lost+found",
      "@eaDir",
      "#recycle",
      "$RECYCLE.BIN",
      "RECYCLER",
      "Thumbs.db",
      "ehthumbs.db",
      "desktop.ini",
      "__pycache__",
      "Icon\r",
      "@tmp",
      "#snapshot",
      "~snapshot",
      "@Recycle",
      "@Recently-Snapshot",
      "System Volume Information",
      "Network Trash Folder",
      "Temporary Items",
      "TheVolumeSettingsFolder",
  };
  if (leaf[0] == '.') return true; /* hidden: .git, .ipynb_checkpoints, .Trash-1000, ._twin.jpg */
  const size_t n = strlen(leaf);
  if (n > 1 && leaf[n - 1] == '~') return true; /* an editor's copy */
  for (size_t i = 0; i < sizeof name / sizeof *name; i++)
    if (strcasecmp(leaf, name[i]) == 0) return true;
  return false;
}

bool lp_image_path_left_out(const char *path) {
  char part[256];
  while (*path) {
    const size_t n = strcspn(path, "/");
    if (n < sizeof part) {
      memcpy(part, path, n);
      part[n] = 0;
      if (n > 0 && lp_image_name_left_out(part)) return true;
    }
    path += n + (path[n] == '/');
  }
  return false;
}

image_role lp_image_name_role(const char *folder) {
  static const struct {
    const char *name;
    image_role role;
  } known[] = {{"train", ROLE_TRAIN}, {"training", ROLE_TRAIN}, {"val", ROLE_VAL},
               {"valid", ROLE_VAL},   {"validation", ROLE_VAL}, {"test", ROLE_TEST},
               {"testing", ROLE_TEST}};
  static const char *const suffix[] = {"_set", "_images", "_data", "set"};
  char text[40];
  size_t n = strlen(folder);
  if (n >= sizeof text) return ROLE_NONE;
  for (size_t i = 0; i <= n; i++) text[i] = folder[i] == '-' || folder[i] == ' ' ? '_' : folder[i];
  for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++) {
    const size_t m = strlen(suffix[i]);
    if (n <= m || strcasecmp(text + n - m, suffix[i]) != 0) continue;
    text[n - m] = 0;
    break;
  }
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcasecmp(text, known[i].name) == 0) return known[i].role;
  return ROLE_NONE;
}

/* Extensions; those that torchvision takes, and what else is an image to people. */
static const struct {
  const char *extension, *format; /* format: one that is not read */
} image_type[] = {
    {"jpg", NULL},    {"jpeg", NULL},   {"png", NULL},        {"tif", "TIFF"},
    {"tiff", "TIFF"}, {"bmp", "BMP"},   {"webp", "WebP"},     {"gif", "GIF"},
    {"ppm", "PPM"},   {"pgm", "PGM"},   {"pbm", "PBM"},       {"heic", "HEIC"},
    {"heif", "HEIC"}, {"avif", "AVIF"}, {"jp2", "JPEG 2000"}, {"jxl", "JPEG XL"},
};

bool lp_image_list_is_image(const char *name, const char **format) {
  const char *dot = strrchr(name, '.');
  for (size_t i = 0; dot && i < sizeof image_type / sizeof *image_type; i++)
    if (strcasecmp(dot + 1, image_type[i].extension) == 0) {
      if (format) *format = image_type[i].format;
      return true;
    }
  return false;
}

const char *lp_image_content_format(const uint8_t *bytes, size_t n) {
  static const struct {
    size_t at;
    const char *magic;
    size_t length;
    const char *format;
  } sign[] = {{0, "II*\0", 4, "TIFF"},    {0, "MM\0*", 4, "TIFF"},     {8, "WEBP", 4, "WebP"},
              {0, "GIF8", 4, "GIF"},      {0, "BM", 2, "BMP"},         {4, "ftypheic", 8, "HEIC"},
              {4, "ftypmif1", 8, "HEIC"}, {4, "ftypavif", 8, "AVIF"},  {0, "<svg", 4, "SVG"},
              {0, "%PDF", 4, "PDF"},      {0, "<!DOCTYPE", 9, "HTML"}, {0, "<html", 5, "HTML"}};
  for (size_t i = 0; i < sizeof sign / sizeof *sign; i++)
    if (n >= sign[i].at + sign[i].length &&
        memcmp(bytes + sign[i].at, sign[i].magic, sign[i].length) == 0)
      return sign[i].format;
  return NULL;
}
