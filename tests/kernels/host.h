/* host.h: between the list of kernels that offsets.py writes and host.c, which runs them. */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef union host_value {
  void *p;
  int i;
  float f;
} host_value;

typedef struct host_kernel {
  const char *name;
  void (*call)(const host_value *v);
} host_kernel;

extern const host_kernel host_kernels[];
extern const unsigned host_kernel_count;

size_t host_item(int what, unsigned d); /* 0 global id, 1 group, 2 local id, 3 global size */
void host_barrier(void);

#endif
