/* PNG images through libpng's simplified interface (no setjmp). */
#include <locality/io.h>

#include <png.h>
#include <stdlib.h>

lp_status lp_png_write(const char *path, uint32_t width, uint32_t height, uint32_t channels,
                       const uint8_t *pixels) {
  if ((channels != 1 && channels != 3) || width == 0 || height == 0 || width > 1000000 ||
      height > 1000000)
    return lp_fail(LP_ERR_ARG,
                   "cannot write %s: an image of %u x %u pixels and %u channels (1 to 1000000, "
                   "1 or 3 channels)",
                   path, width, height, channels);
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .width = width,
                     .height = height,
                     .format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  void *file = malloc(size);
  if (!file) return lp_fail(LP_ERR_MEMORY, "out of memory writing %s", path);
  lp_status s;
  if (png_image_write_to_memory(&image, file, &size, 0, pixels, 0, NULL))
    s = lp_write_file(path, file, size);
  else
    s = lp_fail(LP_ERR_UNSUPPORTED, "cannot write %s: %s", path, image.message);
  png_image_free(&image);
  free(file);
  return s;
}
