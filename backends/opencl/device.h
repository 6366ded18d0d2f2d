/* device.h: an OpenCL device, its errors and its buffers. */
#ifndef LP_OPENCL_DEVICE_H
#define LP_OPENCL_DEVICE_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_ext.h>

#include <locality/plugin.h>

#define OCL_BUFFER_PAD                                                                             \
  256 /* bytes past every buffer: vector loads may reach over a tensor's end                       \
       */
#define OCL_MAX_BUFFER (UINT64_C(8) << 30) /* kernels index elements with 32-bit integers */
#define OCL_MIN_ALIGN  128
#define OCL_FORMAT     "1" /* of cached programs and tuning files */

extern const lp_host *ocl_host; /* set by init */

/* ---- devices ------------------------------------------------------------------------------- */

typedef struct ocl_found { /* a device as enumerated */
  cl_platform_id platform;
  cl_device_id id;
  lp_device_type type;
  char name[128], platform_name[128], driver[192];
  char pci[24]; /* "0000:01:00.0" or "" */
} ocl_found;

void ocl_fill_info(const ocl_found *d, uint32_t index, lp_device_info *out);

#define OCL_PIECE  ((size_t)2 << 20) /* bytes of pinned memory that are uploaded at once */
#define OCL_PIECES 32                /* such pieces at most: more than two batches of images */

typedef struct ocl_piece {
  cl_mem mem;
  void *host;
  cl_event busy; /* its transfer, or NULL */
} ocl_piece;

typedef struct ocl_uploads { /* through pinned memory, on a queue of their own (uploads.c) */
  bool on;
  cl_command_queue queue;      /* made for the first upload */
  ocl_piece piece[OCL_PIECES]; /* n of them */
  uint32_t n, next;            /* the one whose transfer began first */
} ocl_uploads;

typedef struct ocl_built { /* a kernel that was built: its text's digest -> its program */
  char digest[41];
  cl_program program;
} ocl_built;

struct lp_device {
  const lp_device_ops *ops;
  ocl_found found;
  lp_device_info info;
  cl_context context;
  cl_command_queue queue, profiling;
  bool cpu;      /* runs kernels on the host's cores: register tiles instead of local memory */
  bool tune;     /* measure candidates that the tuning file does not know */
  bool winograd; /* may 3 x 3 convolutions take it? */
  bool cache;    /* keep program binaries on disk */
  double tune_seconds; /* left for measuring */
  size_t max_group, local_memory;
  uint32_t units, unit_items; /* compute units; work-items that fill one of them */
  uint32_t registers;         /* words that a work-item has outside memory */
  lp_status broken;           /* sticky */
  char reason[320];
  lp_device_counters count;
  uint64_t queued; /* commands so far */
  ocl_uploads uploads;
  ocl_built *built;
  uint32_t n_built;
  struct ocl_tuning *tuning;
  const char *forced; /* while candidates are measured: the one to use */
  char product[16];   /* engine to use wherever it fits: for tests; "" none */
  bool gemm_used;     /* by CLBlast */
};

struct lp_buffer {
  cl_mem mem;
  size_t size;
  bool elsewhere; /* commands other than uploads and runs that have it as an input use it */
  cl_event used;  /* the last run that has it as an input, or NULL; where uploads wait for it */
};

struct lp_event {
  cl_event event;
  uint64_t number; /* of its command, among those queued */
};

/* What was asked of OpenCL; it decides what an error code means (error.c).
 *
 *                                   OCL_CALL         OCL_ENQUEUE         OCL_WAIT
 *   -2, -34, -36, -9999 (lost)      DEVICE, sticks   DEVICE, sticks      DEVICE, sticks
 *   -4, -6 (no memory)              MEMORY           MEMORY              MEMORY, sticks
 *   -5 (resources)                  MEMORY           UNSUPPORTED         DEVICE, sticks
 *   -54, CLBlast's and the rest     DEVICE           UNSUPPORTED         DEVICE, sticks
 *
 * What does not stick concerns that one call: a program, run or candidate of the tuner failed, and
 * the device goes on. A run that was refused (LP_ERR_UNSUPPORTED: try another kernel) may have run
 * the steps before it, and is done with them when the error is returned. What sticks is returned by
 * every later call. Building kernels can fail too (LP_ERR_DEVICE, does not stick). So after any
 * failure: `ocl_check(dev) == LP_OK` means that the device goes on. */
typedef enum ocl_call {
  OCL_CALL,    /* memory, programs, kernels, arguments: done when it returns */
  OCL_ENQUEUE, /* a command that the driver takes or refuses */
  OCL_WAIT,    /* waits for commands: the code is of one that failed late */
} ocl_call;

const char *ocl_error_name(cl_int e);
bool ocl_error_is_lost(cl_int e); /* the first row of the table */
/* Records a failed OpenCL call as the table above says, and returns the status; what: one or two
 * words that name it. A refused command waits for the queue, whose own failure goes first. */
lp_status ocl_fail_at(lp_device *dev, ocl_call call, cl_int e, const char *what);
lp_status ocl_fail(lp_device *dev, cl_int e, const char *what); /* OCL_CALL */
lp_status ocl_check(lp_device *dev);                            /* the sticky error, if any */

lp_status ocl_device_open(const ocl_found *found, uint32_t index, const lp_device_params *params,
                          lp_device **out);
void ocl_device_close(lp_device *dev);
lp_status ocl_device_info(lp_device *dev, lp_device_info *out);

lp_status ocl_buf_alloc(lp_device *dev, size_t n, lp_buffer **out);
void ocl_buf_free(lp_device *dev, lp_buffer *b);
lp_status ocl_buf_write(lp_device *dev, lp_buffer *b, size_t offset, const void *src, size_t n,
                        lp_event **done);
lp_status ocl_buf_read(lp_device *dev, lp_buffer *b, size_t offset, void *dst, size_t n,
                       lp_event **done);
lp_status ocl_buf_fill(lp_device *dev, lp_buffer *b, size_t offset, uint8_t value, size_t n);
cl_int ocl_wait_for(cl_event event); /* the code of the command that failed, where one did */
lp_status ocl_event_wait(lp_device *dev, lp_event *event);
lp_status ocl_sync(lp_device *dev);
void ocl_counters(lp_device *dev, lp_device_counters *out);

/* Does an upload to this buffer go by pinned memory and the other queue? */
bool ocl_upload_apart(lp_device *dev, const lp_buffer *b);
/* Such an upload, of n > 0 bytes; src is free when it returns. The caller releases *done. */
cl_int ocl_upload(lp_device *dev, lp_buffer *b, size_t offset, const void *src, size_t n,
                  cl_event *done);
/* The next upload to the buffer waits for this run. */
void ocl_upload_after(lp_buffer *b, cl_event run);
void ocl_uploads_free(lp_device *dev);

/* ---- texts ----------------------------------------------------------------------------------- */

typedef struct ocl_text { /* a growing string */
  char *s;
  size_t n, cap;
  bool failed;
} ocl_text;
void ocl_put(ocl_text *t, const char *fmt, ...) LP_PRINTF(2, 3);
/* SHA-256 of several texts, as 64 hexadecimal digits. */
bool ocl_digest(const char *const *part, const size_t *len, size_t n, char out[65]);

#endif
