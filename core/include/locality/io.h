/* io.h: files: atomic writes, safetensors, npy, SHA-256, folders.
 *
 * Whatever is written appears whole or not at all: a temporary name in the same folder, fsync,
 * rename. Threads: distinct objects may be used from distinct threads.
 */
#ifndef LOCALITY_IO_H
#define LOCALITY_IO_H

#include <locality/status.h>
#include <locality/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Replaces path by n bytes of data, atomically. Leaves nothing behind when it fails. */
LP_API lp_status lp_write_file(const char *path, const void *data, size_t n);
/* Removes the temporary files that killed programs left in `folder`, for the file `name` or, when
 * it is "", for any. One whose program still writes it stays: it holds a lock on it. */
LP_API void lp_clean_temporary(const char *folder, const char *name);
/* Is path a temporary folder whose maker is gone? A living one holds a lock on it (flock); where
 * there are no locks its process number decides (0: not known, then it stays). */
LP_API bool lp_folder_abandoned(const char *path, long pid);
/* Fails, in the words of lp_write_file, where path could not be written: no folder, no permission,
 * no regular file, a name that is too long. For a check before long work. */
LP_API lp_status lp_check_writable(const char *path);
/* Reads a whole file into malloc'ed memory with a NUL after it (not counted in *n). */
LP_API lp_status lp_read_file(const char *path, void **data, size_t *n);
/* Creates a folder and its parents; an existing one is fine. */
LP_API lp_status lp_make_dirs(const char *path);
/* Fails where files could not be put into a folder of this name, which would be made if it is not
 * there: something else has the name, or there is no permission. For a check before long work. */
LP_API lp_status lp_check_folder(const char *path);
/* malloc'ed "a/b" with one slash between; NULL when memory is exhausted. */
LP_API char *lp_path_join(const char *a, const char *b);
/* The user's cache folder for `name`: $LOCALITY_CACHE, else $XDG_CACHE_HOME/locality, else
 * ~/.cache/locality; joined with name; its parent is created. */
LP_API lp_status lp_cache_path(const char *name, char *out, size_t cap);

/* Path of a file that goes with the library, wherever that was installed or built: `name` (NULL:
 * the folder itself) in the installed folder `kind` ("presets"), or in folder in_build of the build
 * tree that the library runs from. It need not exist. */
LP_API lp_status lp_shared_path(const char *kind, const char *in_build, const char *name, char *out,
                                size_t cap);
/* The names of the files NAME.yaml in that folder, sorted; free with lp_names_free. */
LP_API lp_status lp_shared_names(const char *kind, const char *in_build, char ***names,
                                 uint32_t *n);
LP_API void lp_names_free(char **names, uint32_t n);

/* Lower-case hex SHA-256 with its NUL. */
LP_API lp_status lp_sha256_file(const char *path, char hex[65]);
LP_API lp_status lp_sha256(const void *data, size_t n, char hex[65]);

/* ---- safetensors ---------------------------------------------------------------------------
 * The format of Hugging Face's safetensors: u64 header length, JSON header, bytes. Types F32, F64,
 * I32, I64, U8, BF16. Reading validates everything: header size, offsets (no gap, no overlap, no
 * overrun), shapes against sizes, duplicate names. */

typedef struct lp_safetensors lp_safetensors;

typedef struct lp_tensor_view {
  const char *name;
  lp_desc desc;
  const void *data; /* aligned to 8 bytes when read; owned by the file */
} lp_tensor_view;

LP_API lp_status lp_safetensors_read(const char *path, lp_safetensors **out);
LP_API void lp_safetensors_free(lp_safetensors *f);
LP_API uint32_t lp_safetensors_count(const lp_safetensors *f);
LP_API const lp_tensor_view *lp_safetensors_get(const lp_safetensors *f,
                                                uint32_t i); /* file order */
LP_API const lp_tensor_view *lp_safetensors_find(const lp_safetensors *f,
                                                 const char *name);               /* or NULL */
LP_API const char *lp_safetensors_meta(const lp_safetensors *f, const char *key); /* or NULL */

/* Writes n tensors and n_meta pairs, in the order given: equal content gives equal bytes. */
LP_API lp_status lp_safetensors_write(const char *path, const lp_tensor_view *tensors, uint32_t n,
                                      const char *const *meta_key, const char *const *meta_value,
                                      uint32_t n_meta);

/* NumPy's .npy, version 1.0, little-endian, row-major. */
LP_API lp_status lp_npy_write(const char *path, const lp_desc *desc, const void *data);

/* 8-bit RGB or grey image (channels 3 or 1) as PNG. */
LP_API lp_status lp_png_write(const char *path, uint32_t width, uint32_t height, uint32_t channels,
                              const uint8_t *pixels);

#ifdef __cplusplus
}
#endif
#endif
