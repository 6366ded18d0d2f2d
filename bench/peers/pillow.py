"""Random resized crops of image files in Pillow, the same that lp-bench makes: the same draws decide
where a crop lies. One thread; the files are in memory.

Prints one JSON line with the mean difference of the pixels of the first batch from those in the file
of --check, then reads numbers of batches, one a line, and answers each with its seconds.
"""
import argparse
import io
import json
import math
import os
import sys
import tarfile
import time


def stop(reason):
    print(json.dumps({"peer": "pillow", "error": reason}), flush=True)
    sys.exit(0)


try:
    import numpy
    import PIL
    from PIL import Image
except ImportError:
    stop("Pillow or NumPy is not installed for python3")

SEED = 1
MASK = 0xFFFFFFFF


def stream(name):
    h = 2166136261  # FNV-1a
    for c in name.encode():
        h = (h ^ c) * 16777619 & MASK
    return h


def philox(seed, counter):
    """Philox4x32-10 (Salmon et al., SC 2011)."""
    c, key = list(counter), [seed & MASK, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ key[0], b & MASK, (a >> 32) ^ c[3] ^ key[1], a & MASK]
        key = [key[0] + 0x9E3779B9 & MASK, key[1] + 0xBB67AE85 & MASK]
    return c


CROP, FLIP = stream("crop"), stream("flip")


def crop_box(width, height, least, sample, epoch):
    """RandomResizedCrop of torchvision: ten tries, then the largest centred crop that has a ratio."""
    for attempt in range(10):
        word = philox(SEED, (sample, epoch, attempt, CROP))
        unit = [(w + 0.5) / 2**32 for w in word]
        area = width * height * (least + (1 - least) * unit[0])
        ratio = math.exp(math.log(3 / 4) + (math.log(4 / 3) - math.log(3 / 4)) * unit[1])
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 1 <= w <= width and 1 <= h <= height:
            x, y = word[2] * (width - w + 1) >> 32, word[3] * (height - h + 1) >> 32
            return x, y, x + w, y + h
    w, h = width, height
    if width / height < 3 / 4:
        h = max(round(width / (3 / 4)), 1)
    elif width / height > 4 / 3:
        w = max(round(height * (4 / 3)), 1)
    x, y = (width - w) // 2, (height - h) // 2
    return x, y, x + w, y + h


def read_tar(path):
    files = []
    with tarfile.open(path) as tar:
        for member in tar:
            if member.isfile():
                files.append((member.name, tar.extractfile(member).read()))
    return files


def read_folder(path):
    files = []
    for folder, _, names in os.walk(path):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                files.append((os.path.relpath(f.name, path), f.read()))
    return files


def training_files(path):
    """In torchvision's order: by class, by folder, by name."""
    files = read_folder(path) if os.path.isdir(path) else read_tar(path)
    files = [f for f in files if f[0].lower().endswith((".jpg", ".jpeg", ".png"))]
    train = [f for f in files if "train" in f[0].split("/")[:-1]]
    return [data for _, data in sorted(train or files, key=lambda f: os.path.split(f[0]))]


def load(data, sample, epoch, size, least):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    box = crop_box(*image.size, least, sample, epoch)
    image = image.crop(box).resize((size, size), Image.BILINEAR)
    if philox(SEED, (sample, epoch, 0, FLIP))[0] >> 31:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    return numpy.asarray(image).transpose(2, 0, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--images", required=True)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--transform", default="")
    parser.add_argument("--check")
    args = parser.parse_args()
    options = dict(word.split("=") for word in args.transform.split())
    if "area" not in options:
        stop("not a data set of image files")
    if options.get("augment") == "0":
        stop("augment=0 makes no random crops")
    least = float(options["area"])
    files = training_files(args.images)
    if not files:
        stop(f"no images in {args.images}")
    batch = numpy.empty((args.batch, 3, args.size, args.size), numpy.uint8)
    at = 0

    def make_batch():
        nonlocal at
        for i in range(args.batch):
            epoch, sample = divmod(at, len(files))
            batch[i] = load(files[sample], sample, epoch, args.size, least)
            at += 1

    make_batch()
    at = 0
    line = {"peer": "pillow", "version": PIL.__version__, "images": len(files)}
    if args.check:
        ours = numpy.fromfile(args.check, numpy.uint8).reshape(batch.shape)
        line["difference"] = float(numpy.abs(batch.astype(int) - ours).mean())
    print(json.dumps(line), flush=True)
    for line in sys.stdin if args.serve else ["1"]:
        start = time.perf_counter()
        for _ in range(int(line)):
            make_batch()
        print(time.perf_counter() - start, flush=True)


main()
