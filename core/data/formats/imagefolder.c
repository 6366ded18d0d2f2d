/* "imagefolder:DIR" and "imagefolder:FILE.tar": images in files, decoded when they are asked for.
 */
#include "../dataset.h"
#include "image.h"
#include "imagelist.h"

#include <inttypes.h>
#include <locality/io.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What is known of an image once it was decoded. */
enum { UNKNOWN = 0, REMARKED = 1, BROKEN = 2 };
enum { BROKEN_LINES = 10 }; /* that many are named */
/* Archives up to this size are hashed whole, larger ones and folders image by image: all up to
 * max_content bytes, else some. */
static const uint64_t max_hashed = (uint64_t)4 << 30, max_content = (uint64_t)1 << 29;
enum { CONTENT_SAMPLES = 1000 };

typedef struct folder_set {
  lp_dataset base;
  image_list list;
  image_request request; /* without seed, epoch and sample */
  char *name;
  const char *part; /* the split's folder, "": none */
  char *file_name;  /* the archive, or the folder of the split */
  const char *file[1], *sha256[1];
  char hash[65], transform[120];
  atomic_uchar *state;
  atomic_uint broken;
} folder_set;

static void folder_close(lp_dataset *d) {
  folder_set *f = (folder_set *)d;
  lp_dataset_free_common(d);
  lp_image_list_free(&f->list);
  free(f->name);
  free(f->file_name);
  free(f->state);
  free(f);
}

static uint32_t folder_label(const lp_dataset *d, uint32_t i) {
  return ((const folder_set *)d)->list.item[i].label;
}

static uint32_t folder_broken(const lp_dataset *d) {
  return atomic_load(&((folder_set *)d)->broken);
}

/* ---- reading ------------------------------------------------------------------------------- */

static lp_status decode_item(const folder_set *f, uint32_t i, uint64_t seed, uint32_t epoch,
                             uint8_t *image) {
  image_request r = f->request;
  r.seed = seed;
  r.epoch = epoch;
  r.sample = i;
  image_notes notes = {0};
  uint8_t *bytes = NULL;
  size_t n = 0;
  lp_status s = lp_image_list_load(&f->list, i, &bytes, &n);
  if (s == LP_OK) s = lp_image_decode(bytes, n, &r, image, &notes);
  unsigned char unknown = UNKNOWN;
  if (s == LP_OK && notes.warnings &&
      atomic_compare_exchange_strong(&f->state[i], &unknown, REMARKED))
    lp_log(LP_LOG_INFO, "image %s: %" PRIu32 " remark%s of the decoder, the first: %s",
           lp_image_list_name(&f->list, i), notes.warnings, notes.warnings > 1 ? "s" : "",
           notes.first);
  if (s == LP_ERR_FORMAT && bytes) { /* WebP called .jpg, a page in place of a picture */
    const char *format = lp_image_content_format(bytes, n);
    if (format) s = lp_fail(s, "%s content under the name of a JPEG or PNG", format);
  }
  free(bytes);
  return s;
}

/* A broken image: a warning the first time, or an error. */
static lp_status note_broken(folder_set *f, uint32_t i, lp_status why) {
  if (f->list.strict) return lp_fail_in(why, "image %s", lp_image_list_name(&f->list, i));
  if (atomic_exchange(&f->state[i], BROKEN) == BROKEN) return LP_OK;
  const unsigned before = atomic_fetch_add(&f->broken, 1);
  lp_log(before < BROKEN_LINES ? LP_LOG_WARNING : LP_LOG_INFO,
         "image %s is broken (%s); the next one takes its place", lp_image_list_name(&f->list, i),
         lp_error_message());
  if (before + 1 == BROKEN_LINES)
    lp_log(LP_LOG_WARNING, "further broken images are counted; LOCALITY_LOG=info names them");
  return LP_OK;
}

/* Sample i, or the first sound one after it: a function of the files alone. */
static lp_status read_sample(folder_set *f, uint32_t i, uint64_t seed, uint32_t epoch,
                             uint8_t *image, int32_t *label) {
  const uint32_t count = f->base.info.count;
  for (uint32_t k = 0; k < count; k++, i = i + 1 < count ? i + 1 : 0) {
    if (atomic_load(&f->state[i]) == BROKEN) continue;
    lp_status s = decode_item(f, i, seed, epoch, image);
    if (s == LP_OK) {
      *label = (int32_t)f->list.item[i].label;
      return LP_OK;
    }
    if (s != LP_ERR_FORMAT && s != LP_ERR_IO) return s;
    s = note_broken(f, i, s);
    if (s != LP_OK) return s;
  }
  return lp_fail(LP_ERR_FORMAT, "%s: all %" PRIu32 " images are broken", f->list.root, count);
}

static lp_status folder_batch(const lp_dataset *d, const uint32_t *index, uint32_t n, uint64_t seed,
                              uint32_t epoch, uint8_t *images, int32_t *labels) {
  folder_set *f = (folder_set *)d; /* what is known of broken images is atomic */
  const size_t size = 3 * (size_t)f->request.size * f->request.size;
  lp_status s = LP_OK;
  for (uint32_t i = 0; i < n && s == LP_OK; i++)
    s = read_sample(f, index[i], seed, epoch, images + i * size, &labels[i]);
  return s;
}

static lp_status folder_note_broken(lp_dataset *d) {
  folder_set *f = (folder_set *)d;
  const lp_dataset_info *info = &d->info;
  const uint32_t broken = folder_broken(d);
  if (!broken) return LP_OK;
  uint32_t *sound = calloc(info->classes, sizeof *sound);
  if (!sound) return lp_fail(LP_ERR_MEMORY, "out of memory counting broken images");
  for (uint32_t i = 0; i < info->count; i++)
    sound[f->list.item[i].label] += atomic_load(&f->state[i]) != BROKEN;
  lp_status s = lp_dataset_add_notef(
      d, true, "%s: %" PRIu32 " of %" PRIu32 " images are broken; others took their places",
      f->file_name, broken, info->count);
  if (s == LP_OK) d->note[d->n_notes - 1].broken = broken;
  for (uint32_t k = 0, told = 0; k < info->classes && s == LP_OK && told < 5; k++) {
    if (sound[k] || !info->class_count[k]) continue;
    told++;
    s = lp_dataset_add_notef(
        d, true,
        "%s: all %" PRIu32 " images of class '%.60s' are broken, so images of other "
        "classes stand for it",
        f->file_name, info->class_count[k], lp_image_list_printable(info->class_names[k]));
  }
  free(sound);
  return s;
}

/* ---- opening ------------------------------------------------------------------------------- */

typedef struct folder_options {
  double size, resize, area, strict, augment;
} folder_options;

static const struct {
  const char *key;
  size_t at;
  double least, most;
  bool whole;
} option[] = {
    {"size", offsetof(folder_options, size), 1, 4096, true},
    {"resize", offsetof(folder_options, resize), 1, 8192, true},
    {"area", offsetof(folder_options, area), 0.01, 1, false},
    {"strict", offsetof(folder_options, strict), 0, 1, true},
    {"augment", offsetof(folder_options, augment), 0, 1, true},
};

/* Takes "key=value" or "key" (1) as an option; *known tells whether it is one at all. */
static lp_status set_option(const char *spec, const char *text, folder_options *o, bool *known) {
  *known = false;
  for (size_t i = 0; i < sizeof option / sizeof *option; i++) {
    size_t n = strlen(option[i].key);
    if (strncmp(text, option[i].key, n) != 0 || (text[n] && text[n] != '=')) continue;
    *known = true;
    char *end = NULL;
    const char *digits = text[n] ? text + n + 1 : "1";
    double v = strtod(digits, &end);
    if (!strchr("0123456789.", *digits) || *end || !(v >= option[i].least && v <= option[i].most) ||
        (option[i].whole && v != (uint32_t)v))
      return lp_fail(LP_ERR_ARG, "data set '%s': %s, expected %s=%g to %g", spec, text,
                     option[i].key, option[i].least, option[i].most);
    *(double *)((char *)o + option[i].at) = v;
  }
  return LP_OK;
}

/* Splits "PATH,size=64,strict"; a path may hold commas. malloc'ed. What the text leaves open is
 * taken from `usual`. */
static lp_status parse(const char *spec, const char *rest, const lp_image_defaults *usual,
                       char **path, folder_options *o) {
  *o = (folder_options){.augment = 1};
  *path = strdup(rest);
  if (!*path) return lp_fail(LP_ERR_MEMORY, "out of memory opening data set %s", spec);
  for (char *comma; (comma = strrchr(*path, ','));) {
    bool known;
    lp_status s = set_option(spec, comma + 1, o, &known);
    if (s != LP_OK) return s;
    if (!known) break;
    *comma = 0;
  }
  if (o->size == 0) {
    o->size = usual->size ? usual->size : 224;
    if (o->resize == 0) o->resize = usual->resize;
  }
  if (o->resize == 0) o->resize = floor((o->size * 8 + 3) / 7); /* 256 for 224 */
  if (o->area == 0) o->area = usual->crop_area > 0 ? usual->crop_area : 0.08;
  if (o->resize < o->size)
    return lp_fail(LP_ERR_ARG, "data set '%s': resize=%g is less than size=%g", spec, o->resize,
                   o->size);
  return LP_OK;
}

/* Adds an image's name below its split, class, size and, if wanted, the hash of its content. */
static lp_status hash_item(const folder_set *f, uint32_t i, bool content, FILE *out) {
  const image_list *l = &f->list;
  const image_item *item = &l->item[i];
  const char *name = l->text + item->name, *below = lp_image_path_below(name, f->part);
  char hex[65] = "";
  uint8_t *bytes = NULL;
  size_t n = 0;
  if (content) { /* a file that cannot be read has no content; reading it for training tells why */
    lp_status s = lp_image_list_load(l, i, &bytes, &n);
    if (s == LP_OK) s = lp_sha256(bytes, n, hex);
    free(bytes);
    if (s == LP_ERR_MEMORY || s == LP_ERR_UNSUPPORTED) return s;
  }
  fprintf(out, "%s%c%s%c%" PRIu64 " %s\n", below ? below : name, 0, l->class_name[item->label], 0,
          item->size, hex);
  return LP_OK;
}

/* SHA-256 of an archive; of a folder, of the names and sizes of all images and the content of all
 * up to max_content bytes, else of CONTENT_SAMPLES of them, evenly chosen. */
static lp_status hash(folder_set *f) {
  const image_list *l = &f->list;
  struct stat st;
  if (stat(l->root, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size <= max_hashed) {
    f->base.info.hashed = "content";
    return lp_sha256_file(l->root, f->hash);
  }
  uint64_t total = 0;
  for (uint32_t i = 0; i < l->n; i++) total += l->item[i].size;
  const bool whole = total <= max_content || l->n <= CONTENT_SAMPLES;
  f->base.info.hashed = whole ? "names, sizes and content" : "names, sizes, content of 1000 images";
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&text, &n);
  if (!out) return lp_fail(LP_ERR_MEMORY, "out of memory opening %s", l->root);
  lp_status s = LP_OK;
  uint64_t next = 0; /* sample k is image k * n / CONTENT_SAMPLES */
  for (uint32_t i = 0; i < l->n && s == LP_OK; i++) {
    const bool sampled = i == next * l->n / CONTENT_SAMPLES;
    next += sampled;
    s = hash_item(f, i, whole || sampled, out);
  }
  bool written = fclose(out) == 0;
  if (s == LP_OK)
    s = written ? lp_sha256(text, n, f->hash)
                : lp_fail(LP_ERR_MEMORY, "out of memory opening %s", l->root);
  free(text);
  return s;
}

static lp_status fill(folder_set *f, const char *spec, const folder_options *o, lp_split split) {
  f->base.batch = folder_batch;
  f->base.label = folder_label;
  f->base.close = folder_close;
  f->base.broken = folder_broken;
  f->base.note_broken = folder_note_broken;
  f->base.decodes = true;
  f->request = (image_request){.size = (uint32_t)o->size,
                               .resize = (uint32_t)o->resize,
                               .area = o->area,
                               .augment = split == LP_SPLIT_TRAIN && o->augment != 0};
  f->name = strdup(spec);
  f->state = calloc(f->list.n, sizeof *f->state);
  if (!f->name || !f->state)
    return lp_fail(LP_ERR_MEMORY, "out of memory opening data set %s", spec);
  snprintf(f->transform, sizeof f->transform, "size=%g resize=%g area=%.9g augment=%g", o->size,
           o->resize, o->area, o->augment);
  const char *part = f->part = f->list.part[split];
  if (asprintf(&f->file_name, "%s%s%s", f->list.root, *part ? "/" : "", part) < 0) {
    f->file_name = NULL;
    return lp_fail(LP_ERR_MEMORY, "out of memory opening data set %s", spec);
  }
  f->file[0] = f->list.fd < 0 ? f->file_name : f->list.root;
  f->sha256[0] = f->hash;
  f->base.info = (lp_dataset_info){
      .name = f->name,
      .count = f->list.n,
      .channels = 3,
      .height = f->request.size,
      .width = f->request.size,
      .classes = f->list.classes,
      .class_names = (const char *const *)f->list.class_name,
      .mean = {0.485f, 0.456f, 0.406f}, /* of ImageNet's training images */
      .sd = {0.229f, 0.224f, 0.225f},
      .source = f->list.root,
      .file = f->file,
      .sha256 = f->sha256,
      .n_files = 1,
      .by_class = true,
      .transform = f->transform,
  };
  return hash(f);
}

lp_status lp_imagefolder_open(const char *spec, const char *rest, lp_split split,
                              const lp_image_defaults *usual, lp_dataset **out) {
  folder_options o;
  char *path = NULL;
  folder_set *f = calloc(1, sizeof *f);
  if (!f) return lp_fail(LP_ERR_MEMORY, "out of memory opening data set %s", spec);
  f->list.fd = -1;
  lp_status s = parse(spec, rest, usual, &path, &o);
  f->base.info.name = spec;
  if (s == LP_OK) s = lp_image_list_read(&f->list, path, split, o.strict != 0, &f->base);
  if (s == LP_OK) s = fill(f, spec, &o, split);
  if (s == LP_ERR_NOT_FOUND && strchr(path, ','))
    lp_fail_in(s, "data set '%s' (options are size=, resize=, area=, strict, augment=)", spec);
  free(path);
  if (s == LP_OK)
    *out = &f->base;
  else
    folder_close(&f->base);
  return s;
}
