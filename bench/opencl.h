/* opencl.h: OpenCL as far as lp-bench calls it itself. It is found at run time and declared here:
 * no header, no linking. */
#ifndef BENCH_OPENCL_H
#define BENCH_OPENCL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bench_cl_functions {
  int32_t (*platforms)(uint32_t n, void **out, uint32_t *found);
  int32_t (*devices)(void *platform, uint64_t type, uint32_t n, void **out, uint32_t *found);
  int32_t (*device_info)(void *device, uint32_t what, size_t n, void *out, size_t *size);
  void *(*context)(const intptr_t *properties, uint32_t n, void *const *devices, void *notify,
                   void *user, int32_t *error);
  void *(*queue)(void *context, void *device, uint64_t properties, int32_t *error);
  void *(*buffer)(void *context, uint64_t flags, size_t n, void *host, int32_t *error);
  int32_t (*read)(void *queue, void *buffer, uint32_t blocking, size_t offset, size_t n, void *out,
                  uint32_t n_wait, void *wait, void *event);
  void *(*program)(void *context, uint32_t n, const char **text, const size_t *length,
                   int32_t *error);
  int32_t (*build)(void *program, uint32_t n, void *const *devices, const char *options,
                   void *notify, void *user);
  void *(*kernel)(void *program, const char *name, int32_t *error);
  int32_t (*argument)(void *kernel, uint32_t i, size_t n, const void *value);
  int32_t (*launch)(void *queue, void *kernel, uint32_t dims, const size_t *offset,
                    const size_t *global, const size_t *local, uint32_t n_wait, void *wait,
                    void *event);
  int32_t (*finish)(void *queue);
  int32_t (*free_buffer)(void *buffer);
  int32_t (*free_kernel)(void *kernel);
  int32_t (*free_program)(void *program);
  int32_t (*free_queue)(void *queue);
  int32_t (*free_context)(void *context);
} bench_cl_functions;
extern bench_cl_functions bench_cl;

/* Finds the library and its functions, which stay: drivers have threads of their own. */
bool bench_cl_load(void);
/* The device of a session's name ("opencl:1") among all, by what it is called, which goes to name;
 * NULL with the error text when there is none. */
void *bench_cl_device(const char *backend, char name[128]);
/* GFLOP/s of the quickest of some runs of a kernel of independent multiply-adds in registers; NaN
 * where the backend is no OpenCL device, or cannot run it. */
double bench_cl_peak(const char *backend, bool quick);

#endif
