/* members.h: small sets of image files that tell which they are, for the tests of image folders. */
#ifndef TESTS_DATA_MEMBERS_H
#define TESTS_DATA_MEMBERS_H

#include "pictures.h"

#include <locality/data.h>

/* What data sets make of the images: SIZE x SIZE, RGB. */
enum { SIZE = 8, BYTES = 3 * SIZE * SIZE };

/* Image k is of the k-th colour, whatever crop is taken. Free bytes. */
blob image(uint32_t k);
void put_image(const char *dir, const char *name, uint32_t k);
/* Frees the bytes. */
void put_blob(const char *path, blob f);
void make_dirs(const char *path);

/* Names in their order: class a has 0, 1, 2 (in a sub-folder), class b has 3, 4. */
extern const char *const member[5];
/* A folder of them, images first .. first+4, and what a data set must make of it. */
void make_members(const char *folder, uint32_t first);
void expect_members(const lp_dataset *d, uint32_t first);
/* An archive of them; compress as for tar_begin; split: as train/ and, with images 10 to 14, val/.
 */
void write_archive(const char *path, const char *compress, const char *prefix, bool split);

/* Opens "imagefolder:PATH,size=SIZE" and options; `opened` must succeed. */
lp_status open_path(const char *path, const char *options, lp_split split, lp_dataset **out);
lp_dataset *opened(const char *path, const char *options, lp_split split);
/* Sample i must be image k of class `label`. */
void expect(const lp_dataset *d, uint32_t i, uint32_t k, int32_t label);

#endif
