/* array.h: arrays of numbers from files that others wrote: .npy, .npz, .safetensors, .csv.
 *
 * Everything in a file is checked against its size before it is used. Numbers are IEEE floats of 2,
 * 4 or 8 bytes, bfloat16, whole numbers of 1 to 8 bytes with or without sign, and bool; either byte
 * order; row-major or, as NumPy says it, Fortran order. Threads: distinct objects may be used from
 * distinct threads, and one may be read from several.
 */
#ifndef LOCALITY_ARRAY_H
#define LOCALITY_ARRAY_H

#include <locality/status.h>
#include <locality/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lp_array {
  char kind;     /* 'f' float, 'b' bfloat16, 'i' signed, 'u' unsigned or bool */
  uint32_t size; /* bytes of an element */
  bool swapped;  /* big-endian */
  bool fortran;  /* the first axis is contiguous */
  uint32_t ndim;
  int64_t dim[LP_MAX_DIMS];
  const void *data;
  void *memory;  /* what data lies in: malloc'ed, or a mapped file of `mapped` bytes */
  size_t mapped; /* 0: malloc'ed */
} lp_array;

/* Reads an array by the ending of the file's name. .npy files are mapped, not read: activations may
 * be far larger than memory. name: which one of an .npz or .safetensors file; NULL: the only one.
 * .csv: UTF-8; numbers between commas, semicolons, tabs or blanks, as a matrix of doubles; a first
 * line of words alone is a heading and left out. Errors name the file and what was expected. */
LP_API lp_status lp_array_read(const char *path, const char *name, lp_array *out);
LP_API void lp_array_free(lp_array *a);

LP_API size_t lp_array_count(const lp_array *a); /* elements */
/* Rows first .. first + count - 1 (entries of the first axis, all others row-major) as doubles. */
LP_API void lp_array_rows(const lp_array *a, size_t first, size_t count, double *out);
/* Element i, as the file has them in order, where it is a whole number of 64 bits with a sign. */
LP_API bool lp_array_whole(const lp_array *a, size_t i, int64_t *out);
/* "float16", "int64", ...: what NumPy calls the type. */
LP_API const char *lp_array_type(const lp_array *a);

#ifdef __cplusplus
}
#endif
#endif
