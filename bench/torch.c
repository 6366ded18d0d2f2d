/* `--peer torch` and `torch:precision=bf16`: the scripts of bench/peers that train. They get
 * the threads that the cpu backend has. */
#include "bench.h"

#include <stdio.h>

static void add_torch(const bench_options *o, bench_results *r, const bench_network *net,
                      const char *name, uint64_t parameters, const char *peer,
                      const char *precision) {
  bench_row *row = bench_add(r, name, peer);
  if (!row) return;
  row->items = net->batch;
  char batch[16], size[16], threads[16];
  snprintf(batch, sizeof batch, "%u", net->batch);
  snprintf(size, sizeof size, "%u", net->size);
  snprintf(threads, sizeof threads, "%u", bench_threads(o));
  const char *argument[] = {"--layer", net->layer,  "--batch", batch,         "--size",
                            size,      "--threads", threads,   "--precision", precision};
  json_t *j = bench_script_open(row, net->model, argument, sizeof argument / sizeof *argument);
  if (!j) return;
  const char *version = json_string_value(json_object_get(j, "version"));
  const char *way = json_string_value(json_object_get(j, "malloc"));
  uint64_t theirs = (uint64_t)json_integer_value(json_object_get(j, "parameters"));
  if (parameters && theirs != parameters) {
    row->state = ROW_WRONG;
    snprintf(row->note, sizeof row->note, "another network: %llu parameters, not %llu",
             (unsigned long long)theirs, (unsigned long long)parameters);
  } else {
    snprintf(row->device, sizeof row->device, "PyTorch %.40s, %d threads, %s, %s malloc",
             version ? version : "?", (int)json_integer_value(json_object_get(j, "threads")),
             precision, way ? way : "default");
    snprintf(row->note, sizeof row->note, "%s", row->device);
  }
  json_decref(j);
}

void bench_add_torch(const bench_options *o, bench_results *r, const bench_network *net,
                     const char *name, uint64_t parameters) {
  static const char *const peer[][2] = {{"torch", "f32"}, {"torch:precision=bf16", "bf16"}};
  for (int i = 0; i < 2 && !bench_stop; i++)
    if (bench_has_peer(o, peer[i][0]))
      add_torch(o, r, net, name, parameters, peer[i][0], peer[i][1]);
}
