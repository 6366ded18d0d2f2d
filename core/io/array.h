/* What the readers of array files share. Internal to core/io. */
#ifndef LOCALITY_IO_ARRAY_H
#define LOCALITY_IO_ARRAY_H

#include <locality/array.h>

/* An array out of the n bytes of an .npy file, which are kept by pointer. where: for messages. */
lp_status lp_array_from_npy(const void *bytes, size_t n, const char *where, lp_array *out);
/* Checks that the elements of a's shape and type are `bytes` bytes. */
lp_status lp_array_check_size(const lp_array *a, size_t bytes, const char *where);

lp_status lp_array_read_npz(const char *path, const char *name, lp_array *out);
lp_status lp_array_read_safetensors(const char *path, const char *name, lp_array *out);
lp_status lp_array_read_csv(const char *path, lp_array *out);

/* The one of n names that was asked for, or the only one. */
lp_status lp_array_choose(const char *path, const char *name, const char *const *names, uint32_t n,
                          uint32_t *which);

#endif
