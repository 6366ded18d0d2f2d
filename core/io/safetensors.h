/* safetensors.h: what the reader and the writer of the format share. */
#ifndef LOCALITY_IO_SAFETENSORS_H
#define LOCALITY_IO_SAFETENSORS_H

#include <locality/tensor.h>

#define ST_MAX_HEADER 100000000u /* bytes; the format's own limit */
#define ST_META       "__metadata__"

/* "F32" for LP_F32; NULL for a type that the format or this library lacks. */
const char *lp_st_type_name(uint32_t dtype);
/* LP_F32 for "F32"; LP_TOKEN for an unknown name. */
uint32_t lp_st_type_find(const char *name);

#endif
