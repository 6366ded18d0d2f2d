/* What every program starts with: places in memory, random numbers and reductions with a fixed tree. */

/* Item i of items of `size` elements behind p: the only way to a place that takes a product. Offsets of
 * operands count units of 4 bytes and reach 2^31 - 1 (buffers end at 8 GiB), so bytes need 64 bits, and
 * so do places in scratch and in padded copies. An index into one tensor may be an int: the backend
 * refuses tensors of more than 2^31 - 1 elements. tests/kernels/lint.py finds what is multiplied elsewhere. */
#define LP_AT(p, i, size) ((p) + (size_t)(i) * (size_t)(size))

/* Dropout's factor for mask element m of sample n: 0, or scale where the draw is at least p. The
 * draw is a word of Philox4x32-10 (Salmon et al., SC 2011), in scalars so that loops over it can be
 * turned into vector code. */
static __attribute__((always_inline)) float lp_keep(uint m, uint n, uint iteration, uint stream,
                                                    uint seed0, uint seed1, float p, float scale) {
  uint x = m >> 2, y = n, z = iteration, w = stream, k0 = seed0, k1 = seed1;
#pragma unroll
  for (int r = 0; r < 10; r++) {
    const ulong a = (ulong)x * 0xD2511F53u, b = (ulong)z * 0xCD9E8D57u;
    x = (uint)(b >> 32) ^ y ^ k0;
    z = (uint)(a >> 32) ^ w ^ k1;
    y = (uint)b;
    w = (uint)a;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const uint low = (m & 1u) != 0u ? y : x, high = (m & 1u) != 0u ? w : z;
  const float u = (float)(((m & 2u) != 0u ? high : low) >> 8) * 0x1p-24f;
  return u >= p ? scale : 0.0f;
}

/* Sum over the lanes (a power of two) of each segment of a work-group; all lanes get it. */
static float lp_sum_lanes(local float *s, float v, int lid, int lane, int lanes) {
  s[lid] = v;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int h = lanes / 2; h > 0; h /= 2) {
    if (lane < h) s[lid] += s[lid + h];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float r = s[lid - lane];
  barrier(CLK_LOCAL_MEM_FENCE);
  return r;
}

static float lp_max_lanes(local float *s, float v, int lid, int lane, int lanes) {
  s[lid] = v;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int h = lanes / 2; h > 0; h /= 2) {
    if (lane < h) s[lid] = fmax(s[lid], s[lid + h]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float r = s[lid - lane];
  barrier(CLK_LOCAL_MEM_FENCE);
  return r;
}

/* Sum over `lanes` (a power of two) work-items that are `columns` apart; all of a column get it. */
static float lp_sum_columns(local float *s, float v, int lid, int columns, int lanes) {
  s[lid] = v;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int h = lanes / 2; h > 0; h /= 2) {
    if (lid < h * columns) s[lid] += s[lid + h * columns];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float r = s[lid % columns];
  barrier(CLK_LOCAL_MEM_FENCE);
  return r;
}

/* Sum of a vector's elements, in a fixed order. */
static float lp_fold8(float8 v) {
  const float4 b = v.lo + v.hi;
  return (b.x + b.z) + (b.y + b.w);
}

static float lp_fold16(float16 v) { return lp_fold8(v.lo + v.hi); }

/* 16 elements of global memory, at any element. PoCL 3.1 takes a vload16 whose value is multiplied by
 * that of another to pieces of two elements; a type of that alignment stays whole. */
#ifdef __clang__
typedef float16 lp_float16 __attribute__((aligned(4)));
#define LP_LOAD16(p)     (*(const global lp_float16 *)(const global void *)(p))
#define LP_STORE16(v, p) (*(global lp_float16 *)(global void *)(p) = (v))
#else
#define LP_LOAD16(p)     vload16(0, p)
#define LP_STORE16(v, p) vstore16(v, 0, p)
#endif

/* Asks for the cache line at p, where kernels run on a CPU's cores. OpenCL's own prefetch does nothing
 * in PoCL. */
#if defined(__clang__) && (defined(__x86_64__) || defined(__aarch64__))
#define LP_AHEAD(p) __builtin_prefetch((const void *)(size_t)(p))
#else
#define LP_AHEAD(p)
#endif

/* 16 elements of which only `left` exist: the rest reads as 0 and is not written. */
static float16 lp_get16(const global float *p, int left) {
  if (left >= 16) return LP_LOAD16(p);
  float t[16];
  for (int i = 0; i < 16; i++) t[i] = i < left ? p[i] : 0.0f;
  return vload16(0, t);
}

static void lp_put16(float16 v, global float *p, int left) {
  if (left >= 16) {
    LP_STORE16(v, p);
  } else {
    float t[16];
    vstore16(v, 0, t);
    for (int i = 0; i < left; i++) p[i] = t[i];
  }
}

/* a, or b where `first` is 0; without a branch, so that lanes that differ stay together. */
static float lp_either(int first, float a, float b) { return first != 0 ? a : b; }

/* Element i of p, or 0: what is not there is read from the beginning, and not used. */
static float lp_inside(int there, const global float *p, int i) {
  return lp_either(there, p[there != 0 ? i : 0], 0.0f);
}

/* Pixel of a plane, 0 outside it. */
static float lp_pixel(const global float *plane, int y, int x, int h, int w) {
  return y >= 0 && y < h && x >= 0 && x < w ? plane[y * w + x] : 0.0f;
}

/* The same where y and x count in strides: 0 between the pixels too. */
static float lp_pixel_strided(const global float *plane, int y, int x, int h, int w, int stride) {
  const int inside = y >= 0 && x >= 0 && y % stride == 0 && x % stride == 0;
  return inside ? lp_pixel(plane, y / stride, x / stride, h, w) : 0.0f;
}

#define LP_IOTA16 ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))

static float16 lp_gather16(const global float *p, int16 i) {
  return (float16)(p[i.s0], p[i.s1], p[i.s2], p[i.s3], p[i.s4], p[i.s5], p[i.s6], p[i.s7], p[i.s8],
                   p[i.s9], p[i.sa], p[i.sb], p[i.sc], p[i.sd], p[i.se], p[i.sf]);
}

/* 16 pixels, each of its own plane (an offset) and place. */
static float16 lp_pixels16(const global float *image, int16 plane, int16 y, int16 x, int h, int w) {
  const int16 inside = (y >= 0) & (y < h) & (x >= 0) & (x < w);
  const float16 v = lp_gather16(image, select((int16)(0), plane + y * w + x, inside));
  return select((float16)(0.0f), v, inside);
}

static float16 lp_pixels16_strided(const global float *image, int16 plane, int16 y, int16 x, int h,
                                   int w, int stride) {
  const int16 hit = (y >= 0) & (x >= 0) & (y % stride == 0) & (x % stride == 0);
  return lp_pixels16(image, plane, select((int16)(-1), y / stride, hit), x / stride, h, w);
}

/* Prior of one output and 16 inputs (of which `left` exist) out of the offset table. */
static float16 lp_table16(const global float *table, int row, const global int *off_in, int left) {
  const int16 i = min(LP_IOTA16, (int16)(left - 1));
  const int16 o = (int16)(off_in[i.s0], off_in[i.s1], off_in[i.s2], off_in[i.s3], off_in[i.s4],
                          off_in[i.s5], off_in[i.s6], off_in[i.s7], off_in[i.s8], off_in[i.s9],
                          off_in[i.sa], off_in[i.sb], off_in[i.sc], off_in[i.sd], off_in[i.se],
                          off_in[i.sf]);
  return lp_gather16(table, o + row);
}

/* Turns 16 x 16 floats in registers: FROM(j) is row j, and TO(j, v) takes column j. Each step
 * exchanges the off-diagonal halves of squares of twice its width. Element by element: Oclgrind 21.10
 * crashes on parts of vectors that are joined. */
#define LP_SWAP8(a, b)                                                                             \
  {                                                                                                \
    const float16 t = (float16)(a.s0, a.s1, a.s2, a.s3, a.s4, a.s5, a.s6, a.s7, b.s0, b.s1, b.s2,  \
                                b.s3, b.s4, b.s5, b.s6, b.s7);                                     \
    b = (float16)(a.s8, a.s9, a.sa, a.sb, a.sc, a.sd, a.se, a.sf, b.s8, b.s9, b.sa, b.sb, b.sc,    \
                  b.sd, b.se, b.sf);                                                               \
    a = t;                                                                                         \
  }
#define LP_SWAP4(a, b)                                                                             \
  {                                                                                                \
    const float16 t = (float16)(a.s0, a.s1, a.s2, a.s3, b.s0, b.s1, b.s2, b.s3, a.s8, a.s9, a.sa,  \
                                a.sb, b.s8, b.s9, b.sa, b.sb);                                     \
    b = (float16)(a.s4, a.s5, a.s6, a.s7, b.s4, b.s5, b.s6, b.s7, a.sc, a.sd, a.se, a.sf, b.sc,    \
                  b.sd, b.se, b.sf);                                                               \
    a = t;                                                                                         \
  }
#define LP_SWAP2(a, b)                                                                             \
  {                                                                                                \
    const float16 t = (float16)(a.s0, a.s1, b.s0, b.s1, a.s4, a.s5, b.s4, b.s5, a.s8, a.s9, b.s8,  \
                                b.s9, a.sc, a.sd, b.sc, b.sd);                                     \
    b = (float16)(a.s2, a.s3, b.s2, b.s3, a.s6, a.s7, b.s6, b.s7, a.sa, a.sb, b.sa, b.sb, a.se,    \
                  a.sf, b.se, b.sf);                                                               \
    a = t;                                                                                         \
  }
#define LP_SWAP1(a, b)                                                                             \
  {                                                                                                \
    const float16 t = (float16)(a.s0, b.s0, a.s2, b.s2, a.s4, b.s4, a.s6, b.s6, a.s8, b.s8, a.sa,  \
                                b.sa, a.sc, b.sc, a.se, b.se);                                     \
    b = (float16)(a.s1, b.s1, a.s3, b.s3, a.s5, b.s5, a.s7, b.s7, a.s9, b.s9, a.sb, b.sb, a.sd,    \
                  b.sd, a.sf, b.sf);                                                               \
    a = t;                                                                                         \
  }
#define LP_EACH16(F, X)                                                                            \
  F(X, 0) F(X, 1) F(X, 2) F(X, 3) F(X, 4) F(X, 5) F(X, 6) F(X, 7)                                  \
  F(X, 8) F(X, 9) F(X, 10) F(X, 11) F(X, 12) F(X, 13) F(X, 14) F(X, 15)
#define LP_TURN_IN(FROM, j) float16 r##j = FROM(j);
#define LP_TURN_OUT(TO, j)  TO(j, r##j)
#define LP_TURN(FROM, TO)                                                                          \
  {                                                                                                \
    LP_EACH16(LP_TURN_IN, FROM)                                                                    \
    LP_SWAP8(r0, r8) LP_SWAP8(r1, r9) LP_SWAP8(r2, r10) LP_SWAP8(r3, r11)                          \
    LP_SWAP8(r4, r12) LP_SWAP8(r5, r13) LP_SWAP8(r6, r14) LP_SWAP8(r7, r15)                        \
    LP_SWAP4(r0, r4) LP_SWAP4(r1, r5) LP_SWAP4(r2, r6) LP_SWAP4(r3, r7)                            \
    LP_SWAP4(r8, r12) LP_SWAP4(r9, r13) LP_SWAP4(r10, r14) LP_SWAP4(r11, r15)                      \
    LP_SWAP2(r0, r2) LP_SWAP2(r1, r3) LP_SWAP2(r4, r6) LP_SWAP2(r5, r7)                            \
    LP_SWAP2(r8, r10) LP_SWAP2(r9, r11) LP_SWAP2(r12, r14) LP_SWAP2(r13, r15)                      \
    LP_SWAP1(r0, r1) LP_SWAP1(r2, r3) LP_SWAP1(r4, r5) LP_SWAP1(r6, r7)                            \
    LP_SWAP1(r8, r9) LP_SWAP1(r10, r11) LP_SWAP1(r12, r13) LP_SWAP1(r14, r15)                      \
    LP_EACH16(LP_TURN_OUT, TO)                                                                     \
  }
