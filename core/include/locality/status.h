/* status.h: status codes, error text and logging.
 *
 * Every fallible function returns an lp_status. The text of the last failure of the calling
 * thread is kept by the library and read with lp_error_message(). The library never prints an
 * error and never exits; programs decide what to show.
 */
#ifndef LOCALITY_STATUS_H
#define LOCALITY_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LP_API               __attribute__((visibility("default")))
#define LP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define LP_API
#define LP_PRINTF(fmt, args)
#endif

/* Part of the plugin and backend ABI: append only. */
typedef enum lp_status {
  LP_OK = 0,
  LP_ERR_ARG = 1,          /* an argument or option is out of range, misspelt or missing */
  LP_ERR_SHAPE = 2,        /* tensor shapes or types do not fit an operation */
  LP_ERR_MEMORY = 3,       /* host or device memory is exhausted */
  LP_ERR_IO = 4,           /* the operating system refused a file operation */
  LP_ERR_FORMAT = 5,       /* a file's content is not what its format demands */
  LP_ERR_UNSUPPORTED = 6,  /* the device, plugin or build cannot do this */
  LP_ERR_DEVICE = 7,       /* a device failed while working */
  LP_ERR_PLUGIN = 8,       /* a plugin or backend module is unusable or returned nonsense */
  LP_ERR_NOT_FOUND = 9,    /* no such name: plugin, device, preset, data set, variable */
  LP_ERR_NONFINITE = 10,   /* training met a loss that is infinite or not a number */
  LP_ERR_INTERRUPTED = 11, /* SIGINT or SIGTERM ended the work in good order */
} lp_status;

typedef enum lp_log_level {
  LP_LOG_ERROR = 0,
  LP_LOG_WARNING = 1,
  LP_LOG_INFO = 2,
  LP_LOG_DEBUG = 3,
} lp_log_level;

/* Records the formatted text as this thread's error (one line, no trailing newline; it should
 * name what failed, where, and what to do) and returns `status`, so that failing reads
 * `return lp_fail(LP_ERR_IO, "cannot open %s: %s", path, strerror(errno));`. */
LP_API lp_status lp_fail(lp_status status, const char *fmt, ...) LP_PRINTF(2, 3);

/* Puts "context: " before this thread's error text and returns `status`. */
LP_API lp_status lp_fail_in(lp_status status, const char *fmt, ...) LP_PRINTF(2, 3);

/* The calling thread's last error text; "" when there was none. Owned by the library, valid
 * until the thread's next lp_fail. */
LP_API const char *lp_error_message(void);

/* "out of memory" and the like; never NULL. */
LP_API const char *lp_status_name(lp_status status);

/* Logging goes to standard error, one line a call, in one write. Thread-safe. The default
 * threshold is LP_LOG_WARNING; LOCALITY_LOG=error|warning|info|debug in the environment sets it. */
LP_API void lp_log(lp_log_level level, const char *fmt, ...) LP_PRINTF(2, 3);
LP_API void lp_log_set_level(lp_log_level level);

#ifdef __cplusplus
}
#endif
#endif
