#!/usr/bin/env python3
"""Writes pillow_cases.h: what Pillow (9.4 with libjpeg-turbo 2.1.5) makes of small images. Run by hand:

    python3 tests/data/make_pillow_cases.py | clang-format > tests/data/pillow_cases.h

The tests read the header only; neither they nor the build need Pillow. It may be run again where its cases change.
"""
import io
from PIL import Image


def source(width, height):
    """The picture that test_image.c computes too."""
    image = Image.new("RGB", (width, height))
    image.putdata([tuple((x * (37 + 11 * c) + y * (91 - 7 * c) + x * y * (c + 1)) % 256 for c in range(3))
                   for y in range(height) for x in range(width)])
    return image


def planes(image):
    return b"".join(channel.tobytes() for channel in image.split())


def array(name, data):
    lines = [", ".join(str(b) for b in data[i:i + 24]) for i in range(0, len(data), 24)]
    print("static const uint8_t %s[] = {\n  %s};" % (name, ",\n  ".join(lines)))


# width, height of the source; box; size after resizing; window of that; mirrored
VIEWS = [
    (23, 17, (0, 0, 23, 17), (8, 6), (0, 0, 8, 6), 0),  # smaller, odd sizes
    (5, 4, (0, 0, 5, 4), (12, 9), (0, 0, 12, 9), 0),  # larger
    (31, 29, (7, 3, 20, 24), (9, 9), (0, 0, 9, 9), 0),  # a crop
    (31, 29, (7, 3, 20, 24), (9, 9), (0, 0, 9, 9), 1),  # mirrored
    (64, 9, (0, 0, 64, 9), (64, 5), (20, 1, 11, 3), 0),  # one direction, a window
    (40, 30, (0, 0, 40, 30), (21, 16), (2, 0, 16, 16), 0),  # as evaluation does
    (1, 1, (0, 0, 1, 1), (3, 3), (0, 0, 3, 3), 0),
    (300, 2, (0, 0, 300, 2), (2, 7), (0, 0, 2, 7), 0),  # far smaller and larger at once
]

print("/* Made by make_pillow_cases.py; see there. */")
for i, (w, h, box, out, window, flip) in enumerate(VIEWS):
    picture = source(w, h).crop(box).resize(out, Image.BILINEAR)
    picture = picture.crop((window[0], window[1], window[0] + window[2], window[1] + window[3]))
    if flip:
        picture = picture.transpose(Image.FLIP_LEFT_RIGHT)
    array("resized_%d" % i, planes(picture))
print("static const struct { uint32_t width, height; image_view view; const uint8_t *expected; } resized[] = {")
for i, (w, h, box, out, window, flip) in enumerate(VIEWS):
    print("  {%d, %d, {%d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %s}, resized_%d}," % (
        w, h, box[0], box[1], box[2] - box[0], box[3] - box[1], *out, *window, "true" if flip else "false", i))
print("};")

smooth = source(6, 6).resize((16, 16), Image.BICUBIC)
FILES = [
    ("JPEG, 4:2:0", smooth, dict(format="JPEG", quality=85, subsampling=2)),
    ("JPEG, 4:4:4, progressive", smooth, dict(format="JPEG", quality=90, subsampling=0, progressive=True)),
    ("JPEG, grey", smooth.convert("L"), dict(format="JPEG", quality=90)),
    ("JPEG, CMYK", smooth.convert("CMYK"), dict(format="JPEG", quality=90)),
    ("PNG, RGBA", smooth.convert("RGBA"), dict(format="PNG")),
    ("PNG, palette", smooth.quantize(16), dict(format="PNG")),
    ("PNG, palette with transparency", smooth.quantize(16), dict(format="PNG", transparency=3)),
    ("PNG, two levels", smooth.convert("1"), dict(format="PNG")),
    ("PNG, grey and alpha", smooth.convert("LA"), dict(format="PNG")),
]
for i, (name, image, options) in enumerate(FILES):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    array("file_%d" % i, buffer.getvalue())
    array("pixels_%d" % i, planes(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")))
print("static const struct { const char *name; const uint8_t *bytes; size_t n; const uint8_t *pixels; } file[] = {")
for i, (name, image, options) in enumerate(FILES):
    print('  {"%s", file_%d, sizeof file_%d, pixels_%d},' % (name, i, i, i))
print("};")
