/* `--peer torch`, `torch:precision=bf16` and, on a GPU, `torch:device=cuda` and
 * `torch:precision=tf32`: the scripts of bench/peers that train. They get the threads that the cpu
 * backend has. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

static void add_torch(const bench_options *o, bench_results *r, const bench_network *net,
                      const char *name, uint64_t parameters, const char *peer,
                      const char *precision, const char *device) {
  bench_row *row = bench_add(r, name, peer);
  if (!row) return;
  row->items = net->batch;
  char batch[16], size[16], threads[16];
  snprintf(batch, sizeof batch, "%u", net->batch);
  snprintf(size, sizeof size, "%u", net->size);
  snprintf(threads, sizeof threads, "%u", bench_threads(o));
  const char *argument[] = {"--layer",   net->layer, "--batch",     batch,     "--size",   size,
                            "--threads", threads,    "--precision", precision, "--device", device};
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
    if (strcmp(device, "cpu") == 0)
      snprintf(row->device, sizeof row->device, "PyTorch %.40s, %d threads, %s, %s malloc",
               version ? version : "?", (int)json_integer_value(json_object_get(j, "threads")),
               precision, way ? way : "default");
    else
      snprintf(row->device, sizeof row->device, "PyTorch %.40s, %.60s, %s", version ? version : "?",
               bench_text(j, "device"), precision);
    snprintf(row->note, sizeof row->note, "%s", row->device);
  }
  json_decref(j);
}

void bench_add_torch(const bench_options *o, bench_results *r, const bench_network *net,
                     const char *name, uint64_t parameters) {
  static const struct {
    const char *name, *precision, *device;
  } peer[] = {{"torch", "f32", "cpu"},
              {"torch:precision=bf16", "bf16", "cpu"},
              {"torch:device=cuda", "f32", "cuda"},
              {"torch:precision=tf32", "tf32", "cuda"}};
  for (size_t i = 0; i < sizeof peer / sizeof *peer && !bench_stop; i++)
    if (bench_has_peer(o, peer[i].name))
      add_torch(o, r, net, name, parameters, peer[i].name, peer[i].precision, peer[i].device);
}
