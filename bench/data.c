/* data: batches of training images, made by one thread: images a second per core. The peer pillow
 * makes the same crops of the same files. */
#include "bench.h"

#include <locality/data.h>
#include <locality/io.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEED = 1 };

/* Samples in their order, epoch after epoch. */
typedef struct reader {
  lp_dataset *data;
  uint32_t batch, next, epoch;
  uint32_t *index;
  uint8_t *images;
  int32_t *labels;
} reader;

static bool run_reader(void *self, uint32_t times) {
  reader *d = self;
  const lp_dataset_info *info = lp_dataset_get_info(d->data);
  const size_t image = (size_t)info->channels * info->height * info->width;
  for (uint32_t t = 0; t < times; t++)
    for (uint32_t done = 0; done < d->batch;) { /* up to the end of an epoch */
      uint32_t n = d->batch - done, left = info->count - d->next;
      if (n > left) n = left;
      for (uint32_t i = 0; i < n; i++) d->index[i] = d->next + i;
      if (lp_dataset_batch(d->data, d->index, n, SEED, d->epoch, d->images + done * image,
                           d->labels + done) != LP_OK)
        return false;
      done += n;
      d->next += n;
      if (d->next == info->count) d->next = 0, d->epoch++;
    }
  return true;
}

static void close_reader(void *self) {
  reader *d = self;
  if (d->data) lp_dataset_close(d->data);
  free(d->index);
  free(d->images);
  free(d->labels);
  free(d);
}

/* A reader of a spec as the work of a row; NULL when it is not available. */
static reader *open_reader(bench_row *row, const char *spec, uint32_t batch) {
  reader *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  row->run = run_reader;
  row->close = close_reader;
  row->self = d;
  row->items = d->batch = batch;
  if (lp_dataset_open(spec, LP_SPLIT_TRAIN, &d->data) == LP_OK) {
    const lp_dataset_info *info = lp_dataset_get_info(d->data);
    size_t image = (size_t)info->channels * info->height * info->width;
    d->index = calloc(batch, sizeof *d->index);
    d->images = malloc(batch * image);
    d->labels = calloc(batch, sizeof *d->labels);
    row->bytes = (double)(batch * image);
    if (d->index && d->images && d->labels) return d;
    lp_fail(LP_ERR_MEMORY, "out of memory");
  }
  row->state = ROW_UNAVAILABLE;
  snprintf(row->note, sizeof row->note, "%.200s", lp_error_message());
  return NULL;
}

/* The first batch goes to the script in a file, which compares it with its own. */
static void add_pillow(bench_results *r, const char *name, reader *d) {
  bench_row *row = bench_add(r, name, "pillow");
  if (!row) return;
  row->items = d->batch;
  const lp_dataset_info *info = lp_dataset_get_info(d->data);
  char path[] = "/tmp/lp-bench-XXXXXX", batch[16], size[16];
  int fd = mkstemp(path);
  if (fd < 0 || !run_reader(d, 1) ||
      lp_write_file(path, d->images,
                    (size_t)d->batch * info->channels * info->height * info->width) != LP_OK) {
    row->state = ROW_UNAVAILABLE;
    snprintf(row->note, sizeof row->note, "%.200s", lp_error_message());
  } else {
    snprintf(batch, sizeof batch, "%u", d->batch);
    snprintf(size, sizeof size, "%u", info->width);
    const char *argument[] = {
        "--images", info->source, "--batch",     batch,
        "--size",   size,         "--transform", info->transform ? info->transform : "",
        "--check",  path};
    json_t *j = bench_script_open(row, "pillow", argument, sizeof argument / sizeof *argument);
    if (j) {
      double difference = json_number_value(json_object_get(j, "difference"));
      const char *version = json_string_value(json_object_get(j, "version"));
      if (difference > 2) row->state = ROW_WRONG;
      snprintf(row->device, sizeof row->device, "Pillow %.40s", version ? version : "?");
      snprintf(row->note, sizeof row->note, "Pillow %.40s, pixels differ by %.2f of 255",
               version ? version : "?", difference);
      json_decref(j);
    }
  }
  if (fd >= 0) {
    close(fd);
    unlink(path);
  }
  d->next = d->epoch = 0;
}

int bench_data(const bench_options *o, bench_results *r, char **spec, int n) {
  static char mnist[] = "mnist";
  char *usual[] = {mnist};
  if (n == 0) spec = usual, n = 1;
  bench_print_head();
  for (int i = 0; i < n && !bench_stop; i++) {
    uint32_t first = r->n;
    char name[96];
    const char *slash = strrchr(spec[i], '/');
    snprintf(name, sizeof name, "data/%.60s batch", slash ? slash + 1 : spec[i]);
    bench_row *row = bench_add(r, name, "host");
    reader *d = row ? open_reader(row, spec[i], o->batch ? o->batch : 64) : NULL;
    if (d && bench_has_peer(o, "pillow")) add_pillow(r, name, d);
    bench_measure(o, r, first, false);
  }
  return 0;
}
