/* fault.h: makes calls of OpenCL and CLBlast fail on demand, for programs that link fault.c. */
#ifndef FAULT_H
#define FAULT_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <stdbool.h>
#include <stdint.h>

/* The nth of the calls (1: the next one) returns `code`; with nth 0 all of them do. A call that
 * waits is made all the same; one that enqueues or makes something is not. */
typedef struct fault {
  const char *call;   /* "clFinish"; "clGetEventInfo": the command's status is the code */
  const char *kernel; /* part of the kernel's name for clEnqueueNDRangeKernel, or NULL for any */
  uint32_t nth;
  cl_int code;
} fault;

void fault_set(const fault *list, uint32_t n); /* at most 4; the list must live; 0: none */
uint32_t fault_hits(void);                     /* calls that failed since fault_set */
extern const char *fault_build_log;            /* what a compiler says, while not NULL */
extern const char *fault_platform;             /* every platform's name, while not NULL */

/* How often these were called, refused calls included, since fault_set. */
typedef struct fault_counts {
  uint32_t source, binary;    /* programs made of text, of a binary */
  uint32_t kernels;           /* made */
  uint32_t kernels_at_binary; /* of them, when a program's binary was asked for */
} fault_counts;
fault_counts fault_count(void);

#endif
