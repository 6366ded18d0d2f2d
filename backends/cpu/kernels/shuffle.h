/* shuffle.h: lists of lanes for __builtin_shufflevector(a, b, ...).
 *
 * LOWs and HIGHs exchange the off-diagonal halves of 2s x 2s blocks, the steps of a transposition:
 * LOWs takes the blocks of s lanes that come first in a pair from a and from b, HIGHs the second.
 * TWICE_LOW and TWICE_HIGH have every lane of one half of a twice. EVENS and ODDS are every other
 * lane of a and then of b. */
#ifndef LP_CPU_SHUFFLE_H
#define LP_CPU_SHUFFLE_H

#if defined(__AVX512F__)
#define LOW1         0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define HIGH1        1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
#define LOW2         0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define HIGH2        2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define LOW4         0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define HIGH4        4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define LOW8         0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define HIGH8        8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define EACH_STEP(F) F(1) F(2) F(4) F(8)
#elif defined(__AVX2__)
#define LOW1         0, 8, 2, 10, 4, 12, 6, 14
#define HIGH1        1, 9, 3, 11, 5, 13, 7, 15
#define LOW2         0, 1, 8, 9, 4, 5, 12, 13
#define HIGH2        2, 3, 10, 11, 6, 7, 14, 15
#define LOW4         0, 1, 2, 3, 8, 9, 10, 11
#define HIGH4        4, 5, 6, 7, 12, 13, 14, 15
#define EACH_STEP(F) F(1) F(2) F(4)
#else
#define LOW1         0, 4, 2, 6
#define HIGH1        1, 5, 3, 7
#define LOW2         0, 1, 4, 5
#define HIGH2        2, 3, 6, 7
#define EACH_STEP(F) F(1) F(2)
#endif

/* NEIGHBOURS exchanges lanes two and two. */
#if defined(__AVX512F__)
#define NEIGHBOURS 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14
#elif defined(__AVX2__)
#define NEIGHBOURS 1, 0, 3, 2, 5, 4, 7, 6
#else
#define NEIGHBOURS 1, 0, 3, 2
#endif

#if defined(__AVX512F__)
#define TWICE_LOW  0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7
#define TWICE_HIGH 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15
#elif defined(__AVX2__)
#define TWICE_LOW  0, 0, 1, 1, 2, 2, 3, 3
#define TWICE_HIGH 4, 4, 5, 5, 6, 6, 7, 7
#else
#define TWICE_LOW  0, 0, 1, 1
#define TWICE_HIGH 2, 2, 3, 3
#endif

#if defined(__AVX512F__)
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODDS  1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#elif defined(__AVX2__)
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14
#define ODDS  1, 3, 5, 7, 9, 11, 13, 15
#else
#define EVENS 0, 2, 4, 6
#define ODDS  1, 3, 5, 7
#endif

#endif
