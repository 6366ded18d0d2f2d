/* Uploads that do not wait for kernels: in pieces through pinned memory, on a queue of their own.
 * The copy of a piece into pinned memory and the transfer of the one before go on side by side, and
 * both while the device computes.
 *
 * They take effect in the order of the calls: an upload waits for the last run that reads its
 * buffer, and the main queue for the upload before anything that comes after it. */
#include "device.h"

#include <string.h>

/* Takes the next piece whose transfer is done; where none is, makes one more or waits. */
static ocl_piece *next_piece(lp_device *dev) {
  ocl_uploads *u = &dev->uploads;
  ocl_piece *p = &u->piece[u->next];
  cl_int state = CL_COMPLETE;
  if (u->n && p->busy)
    clGetEventInfo(p->busy, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
  if (u->n < OCL_PIECES && (!u->n || state > CL_COMPLETE)) {
    cl_int e;
    cl_mem mem = clCreateBuffer(dev->context, CL_MEM_ALLOC_HOST_PTR, OCL_PIECE, NULL, &e);
    void *host = NULL;
    if (e == CL_SUCCESS) {
      dev->count.blocking_calls++;
      host =
          clEnqueueMapBuffer(u->queue, mem, CL_TRUE, CL_MAP_WRITE, 0, OCL_PIECE, 0, NULL, NULL, &e);
      if (e != CL_SUCCESS) clReleaseMemObject(mem);
    }
    if (e == CL_SUCCESS) {
      p = &u->piece[u->n++];
      *p = (ocl_piece){.mem = mem, .host = host};
      return p;
    }
  }
  if (!u->n) return NULL;
  u->next = (u->next + 1) % u->n;
  if (p->busy) {
    if (state > CL_COMPLETE) {
      dev->count.waits++;
      clWaitForEvents(1, &p->busy);
    }
    clReleaseEvent(p->busy);
    p->busy = NULL;
  }
  return p;
}

bool ocl_upload_apart(lp_device *dev, const lp_buffer *b) {
  ocl_uploads *u = &dev->uploads;
  if (!u->on || b->elsewhere) return false;
  cl_int e = CL_SUCCESS;
  if (!u->queue) u->queue = clCreateCommandQueue(dev->context, dev->found.id, 0, &e);
  if (e != CL_SUCCESS) u->queue = NULL;
  u->on = u->queue && (u->n || next_piece(dev)); /* what cannot be had is not asked for again */
  return u->on;
}

cl_int ocl_upload(lp_device *dev, lp_buffer *b, size_t offset, const void *src, size_t n,
                  cl_event *done) {
  ocl_uploads *u = &dev->uploads;
  ocl_piece *p = NULL;
  for (size_t at = 0, size; at < n; at += size) {
    size = n - at < OCL_PIECE ? n - at : OCL_PIECE;
    p = next_piece(dev);
    memcpy(p->host, (const char *)src + at, size);
    bool waits = !at && b->used;
    cl_int e = clEnqueueWriteBuffer(u->queue, b->mem, CL_FALSE, offset + at, size, p->host, waits,
                                    waits ? &b->used : NULL, &p->busy);
    if (e != CL_SUCCESS) {
      p->busy = NULL;
      clFinish(u->queue); /* the pieces before it */
      return e;
    }
    clFlush(u->queue);
  }
  cl_int e = clEnqueueBarrierWithWaitList(dev->queue, 1, &p->busy, NULL);
  if (e != CL_SUCCESS) {
    clFinish(u->queue);
    return e;
  }
  clRetainEvent(p->busy);
  *done = p->busy;
  return CL_SUCCESS;
}

void ocl_upload_after(lp_buffer *b, cl_event run) {
  clRetainEvent(run);
  if (b->used) clReleaseEvent(b->used);
  b->used = run;
}

void ocl_uploads_free(lp_device *dev) {
  ocl_uploads *u = &dev->uploads;
  for (uint32_t i = 0; i < u->n; i++) {
    if (u->piece[i].busy) clReleaseEvent(u->piece[i].busy);
    clEnqueueUnmapMemObject(u->queue, u->piece[i].mem, u->piece[i].host, 0, NULL, NULL);
    clReleaseMemObject(u->piece[i].mem);
  }
  if (u->queue) {
    clFinish(u->queue);
    clReleaseCommandQueue(u->queue);
  }
  *u = (ocl_uploads){0};
}
