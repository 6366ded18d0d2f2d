/* amx.h: the few tile instructions that bf16_amx.c needs; with LP_CPU_AMX_IN_C the same in C, as
 * the instruction set's reference defines them, for tests on any CPU. Tile numbers are constants.
 */
#ifndef LP_CPU_AMX_H
#define LP_CPU_AMX_H

#include <stdint.h>

typedef struct amx_config {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} amx_config;
_Static_assert(sizeof(amx_config) == 64, "as LDTILECFG reads it");

#ifndef LP_CPU_AMX_IN_C

#include <immintrin.h>

#define AMX_PRODUCT lp_cpu_bf16_amx

/* Compilers do not know that the instructions read all of their operand in memory. */
#define amx_memory() __asm__ volatile("" ::: "memory")

static inline void amx_configure(const amx_config *config) {
  amx_memory();
  _tile_loadconfig(config);
}
#define amx_release()               _tile_release()
#define amx_zero(tile)              _tile_zero(tile)
#define amx_load(tile, from, pitch) _tile_loadd(tile, from, pitch)
#define amx_multiply(sum, a, b)     _tile_dpbf16ps(sum, a, b)
#define amx_store(tile, to, pitch)                                                                 \
  do {                                                                                             \
    _tile_stored(tile, to, pitch);                                                                 \
    amx_memory();                                                                                  \
  } while (0)

#else

#include <math.h>
#include <string.h>

#define AMX_PRODUCT lp_cpu_bf16_amx_in_c

/* The state of this thread's tiles. */
static _Thread_local amx_config amx_now;
static _Thread_local uint32_t amx_tile[8][16][16];

static inline void amx_configure(const amx_config *config) {
  amx_now = *config;
  memset(amx_tile, 0, sizeof amx_tile);
}
static inline void amx_release(void) {
  memset(&amx_now, 0, sizeof amx_now);
}
static inline void amx_zero(int tile) {
  memset(amx_tile[tile], 0, sizeof amx_tile[tile]);
}
static inline void amx_load(int tile, const void *from, int64_t pitch) {
  amx_zero(tile);
  for (int r = 0; r < amx_now.rows[tile]; r++)
    memcpy(amx_tile[tile][r], (const char *)from + r * pitch, amx_now.row_bytes[tile]);
}
static inline void amx_store(int tile, void *to, int64_t pitch) {
  for (int r = 0; r < amx_now.rows[tile]; r++)
    memcpy((char *)to + r * pitch, amx_tile[tile][r], amx_now.row_bytes[tile]);
}
static inline float amx_f32(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
/* Products of the pairs' first and second numbers are summed apart, then added. */
static inline void amx_multiply(int sum, int a, int b) {
  for (int m = 0; m < amx_now.rows[sum]; m++)
    for (int n = 0; n < amx_now.row_bytes[sum] / 4; n++) {
      float first = 0, second = 0, all = amx_f32(amx_tile[sum][m][n]);
      for (int k = 0; k < amx_now.row_bytes[a] / 4; k++) {
        uint32_t p = amx_tile[a][m][k], q = amx_tile[b][k][n];
        first = fmaf(amx_f32(p << 16), amx_f32(q << 16), first);
        second = fmaf(amx_f32(p & 0xffff0000u), amx_f32(q & 0xffff0000u), second);
      }
      all += first + second;
      memcpy(&amx_tile[sum][m][n], &all, sizeof all);
    }
}

#endif
#endif
