/* Buffers, transfers and events. Uploads to discrete devices go through pinned memory (uploads.c);
 * everything else takes the caller's memory. */
#include "device.h"

#include <stdlib.h>
#include <string.h>

static lp_status no_memory(lp_device *dev, size_t n, cl_int e) {
  return ocl_host->fail(LP_ERR_MEMORY,
                        "%s: cannot allocate %zu bytes (%s); the device has %llu, its largest "
                        "single buffer is %llu",
                        dev->info.id, n, ocl_error_name(e), (unsigned long long)dev->info.memory,
                        (unsigned long long)dev->info.max_alloc);
}

/* AMD's and NVIDIA's drivers take memory when a buffer is first used, in the middle of a run. So it
 * is used once here, by a command that has no other reason to fail. */
static cl_int touch(lp_device *dev, cl_mem mem, size_t n) {
  cl_uint zero = 0;
  cl_event event = NULL;
  cl_int e = clEnqueueFillBuffer(dev->queue, mem, &zero, sizeof zero,
                                 (n + OCL_BUFFER_PAD) / 4 * 4 - 4, sizeof zero, 0, NULL, &event);
  if (e != CL_SUCCESS) return e;
  e = ocl_wait_for(event);
  clReleaseEvent(event);
  return e;
}

lp_status ocl_buf_alloc(lp_device *dev, size_t n, lp_buffer **out) {
  *out = NULL;
  lp_status s = ocl_sync(dev); /* so that what failed before is not taken for a lack of memory */
  if (s != LP_OK) return s;
  /* Some drivers give more than they say, and fail when it is used. */
  if (dev->info.max_alloc && n > dev->info.max_alloc)
    return no_memory(dev, n, CL_INVALID_BUFFER_SIZE);
  lp_buffer *b = calloc(1, sizeof *b);
  if (!b) return ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", dev->info.id);
  cl_int e;
  b->size = n;
  b->mem = clCreateBuffer(dev->context, CL_MEM_READ_WRITE, n + OCL_BUFFER_PAD, NULL, &e);
  if (e == CL_SUCCESS) e = touch(dev, b->mem, n);
  if (e == CL_SUCCESS) {
    *out = b;
    return LP_OK;
  }
  if (b->mem) clReleaseMemObject(b->mem);
  free(b);
  return ocl_error_is_lost(e) ? ocl_fail(dev, e, "allocate") : no_memory(dev, n, e);
}

void ocl_buf_free(lp_device *dev, lp_buffer *b) {
  (void)dev;
  if (!b) return;
  clReleaseMemObject(b->mem); /* the runtime keeps it until queued commands are done */
  if (b->used) clReleaseEvent(b->used);
  free(b);
}

static lp_status in_range(lp_device *dev, const lp_buffer *b, size_t offset, size_t n) {
  if (offset <= b->size && n <= b->size - offset) return ocl_check(dev);
  return ocl_host->fail(LP_ERR_ARG, "%s: %zu bytes at %zu do not fit a buffer of %zu", dev->info.id,
                        n, offset, b->size);
}

static lp_status give_event(lp_device *dev, cl_event event, lp_event **done) {
  lp_event *out = malloc(sizeof *out);
  if (!out) {
    clWaitForEvents(1, &event);
    clReleaseEvent(event);
    return ocl_host->fail(LP_ERR_MEMORY, "%s: out of memory", dev->info.id);
  }
  *out = (lp_event){event, dev->queued};
  *done = out;
  clFlush(dev->queue);
  return LP_OK;
}

/* One that blocks is a wait too: with these codes it tells of a command that failed before it. */
static lp_status transfer_failed(lp_device *dev, bool blocks, cl_int e, const char *what) {
  bool late =
      blocks && (e == CL_OUT_OF_RESOURCES || e == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
  return ocl_fail_at(dev, late ? OCL_WAIT : OCL_ENQUEUE, e, what);
}

lp_status ocl_buf_write(lp_device *dev, lp_buffer *b, size_t offset, const void *src, size_t n,
                        lp_event **done) {
  if (done) *done = NULL;
  lp_status s = in_range(dev, b, offset, n);
  if (s != LP_OK || !n) return s;
  cl_event event = NULL;
  cl_int e = done && ocl_upload_apart(dev, b)
                 ? ocl_upload(dev, b, offset, src, n, &event)
                 : clEnqueueWriteBuffer(dev->queue, b->mem, done ? CL_FALSE : CL_TRUE, offset, n,
                                        src, 0, NULL, done ? &event : NULL);
  if (e != CL_SUCCESS) return transfer_failed(dev, !done, e, "upload");
  dev->queued++;
  dev->count.bytes_to_device += n;
  if (!done) {
    dev->count.blocking_calls++;
    return LP_OK;
  }
  return give_event(dev, event, done);
}

lp_status ocl_buf_read(lp_device *dev, lp_buffer *b, size_t offset, void *dst, size_t n,
                       lp_event **done) {
  if (done) *done = NULL;
  lp_status s = in_range(dev, b, offset, n);
  if (s != LP_OK || !n) return s;
  cl_event event = NULL;
  b->elsewhere |= done != NULL;
  cl_int e = clEnqueueReadBuffer(dev->queue, b->mem, done ? CL_FALSE : CL_TRUE, offset, n, dst, 0,
                                 NULL, done ? &event : NULL);
  if (e != CL_SUCCESS) return transfer_failed(dev, !done, e, "download");
  dev->queued++;
  dev->count.bytes_from_device += n;
  if (done) return give_event(dev, event, done);
  dev->count.blocking_calls++;
  return LP_OK;
}

lp_status ocl_buf_fill(lp_device *dev, lp_buffer *b, size_t offset, uint8_t value, size_t n) {
  lp_status s = in_range(dev, b, offset, n);
  if (s != LP_OK || !n) return s;
  b->elsewhere = true;
  cl_int e = clEnqueueFillBuffer(dev->queue, b->mem, &value, 1, offset, n, 0, NULL, NULL);
  return e == CL_SUCCESS ? LP_OK : ocl_fail_at(dev, OCL_ENQUEUE, e, "fill");
}

cl_int ocl_wait_for(cl_event event) {
  cl_int state = CL_COMPLETE, e = clWaitForEvents(1, &event);
  clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
  return state < 0 ? state : e;
}

lp_status ocl_event_wait(lp_device *dev, lp_event *event) {
  if (!event) return ocl_check(dev);
  cl_int e = CL_COMPLETE;
  clGetEventInfo(event->event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof e, &e, NULL);
  if (e > CL_COMPLETE) { /* waiting for something that is done already is no wait */
    *(event->number < dev->queued ? &dev->count.waits : &dev->count.blocking_calls) += 1;
    e = ocl_wait_for(event->event);
  }
  clReleaseEvent(event->event);
  free(event);
  return e == CL_SUCCESS ? ocl_check(dev) : ocl_fail_at(dev, OCL_WAIT, e, "a queued command");
}

lp_status ocl_sync(lp_device *dev) {
  dev->count.blocking_calls++;
  cl_int e = clFinish(dev->queue);
  return e == CL_SUCCESS ? ocl_check(dev) : ocl_fail_at(dev, OCL_WAIT, e, "finish");
}

void ocl_counters(lp_device *dev, lp_device_counters *out) {
  uint32_t wanted = out->struct_size;
  dev->count.struct_size = sizeof dev->count;
  memcpy(out, &dev->count, wanted < sizeof *out ? wanted : sizeof *out);
}
