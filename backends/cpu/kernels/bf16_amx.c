/* bf16 products by AMX, on pairs of neighbours (pairs.h): a tile of A has up to 16 rows of 16
 * pairs, a tile of B 16 pairs of 16 columns.
 *
 * The project has not been run on a CPU with these instructions. What is tested everywhere with
 * AVX512-BF16 is this file with the instructions written out in C (amx.h); where they exist, a
 * device uses them only after they agreed with the emulation on small products (selftest.c). */
#include "amx.h"
#include "pairs.h"

enum { STEP = 16 }; /* pairs in a tile */

/* Numbers of tiles: sums of even and of odd steps, which need not wait for each other; operands;
 * operands of the last step, where fewer pairs are left. */
#define EVEN_0 0
#define EVEN_1 1
#define ODD_0  2
#define ODD_1  3
#define TILE_A 4
#define TILE_B 5
#define LAST_A 6
#define LAST_B 7

static void begin(int64_t kc) {
  int64_t left = (kc + 1) / 2 % STEP;
  amx_config config = {.palette = 1};
  for (int t = 0; t < 8; t++) {
    config.row_bytes[t] = 4 * STEP;
    config.rows[t] = STEP;
  }
  if (left) {
    config.row_bytes[LAST_A] = (uint16_t)(4 * left);
    config.rows[LAST_B] = (uint8_t)left;
  }
  amx_configure(&config);
}

static void end(void) {
  amx_release();
}

/* Columns become rows: pairs first, then their transpose. */
static void round_a(float *a, int64_t rows, int64_t kc, bool columns) {
  if (columns) {
    float row[AC * AR];
    cpu_transpose(a, AC, kc, AC, row, AR, kc);
    memcpy(a, row, sizeof row);
  }
  for (int64_t r = 0; r < rows; r++) pair_row(a + r * AR, kc);
}

/* Adds one step of a tile's two column blocks. */
#define ADD_STEP(A, B, SUM_0, SUM_1)                                                               \
  do {                                                                                             \
    amx_load(A, a, AR * sizeof *a);                                                                \
    amx_load(B, b, NR * sizeof *b);                                                                \
    amx_multiply(SUM_0, A, B);                                                                     \
    if (nv > 1) {                                                                                  \
      amx_load(B, b + LANES, NR * sizeof *b);                                                      \
      amx_multiply(SUM_1, A, B);                                                                   \
    }                                                                                              \
    a += STEP;                                                                                     \
    b += STEP * NR;                                                                                \
  } while (0)

INLINE void tile(int mr, int nv, int64_t kc, const float *a, const float *b, float *c, int64_t ldc,
                 bool add) {
  float sum[4][16 * LANES];
  int64_t steps = kc / (2 * STEP);
  amx_zero(EVEN_0);
  amx_zero(EVEN_1);
  amx_zero(ODD_0);
  amx_zero(ODD_1);
  for (int64_t s = 0; s + 2 <= steps; s += 2) {
    ADD_STEP(TILE_A, TILE_B, EVEN_0, EVEN_1);
    ADD_STEP(TILE_A, TILE_B, ODD_0, ODD_1);
  }
  if (steps % 2) ADD_STEP(TILE_A, TILE_B, EVEN_0, EVEN_1);
  if (kc % (2 * STEP)) ADD_STEP(LAST_A, LAST_B, ODD_0, ODD_1);
  amx_store(EVEN_0, sum[0], LANES * sizeof(float));
  amx_store(EVEN_1, sum[1], LANES * sizeof(float));
  amx_store(ODD_0, sum[2], LANES * sizeof(float));
  amx_store(ODD_1, sum[3], LANES * sizeof(float));
  for (int r = 0; r < mr; r++)
    for (int v = 0; v < nv; v++) {
      float *p = c + r * ldc + v * LANES;
      vec s = load(sum[v] + r * LANES) + load(sum[2 + v] + r * LANES);
      store(p, add ? load(p) + s : s);
    }
}

#define TILE(L, V, M)                                                                              \
  static void tile_##V##_##M(int64_t kc, const float *a, const float *b, float *c, int64_t ldc,    \
                             bool add, const cpu_ahead *next, const cpu_factors *factors) {        \
    (void)next;                                                                                    \
    (void)factors;                                                                                 \
    tile(M, V, kc, a, b, c, ldc, add);                                                             \
  }
EACH_MR(TILE, , 1)
EACH_MR(TILE, , 2)

#define NAME(L, V, M) [M] = tile_##V##_##M,
static const cpu_tile tiles[2][NV][MR + 1] = {
    {{EACH_MR(NAME, , 1)}, {EACH_MR(NAME, , 2)}},
    {{EACH_MR(NAME, , 1)}, {EACH_MR(NAME, , 2)}},
};

extern const cpu_product AMX_PRODUCT;
const cpu_product AMX_PRODUCT = {
    .tiles = tiles[0][0], .round_a = round_a, .round_b = pair_panel, .begin = begin, .end = end};
