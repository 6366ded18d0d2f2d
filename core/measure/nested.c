/* Nestedness of a class x unit matrix: NODF beside matrices with the same row sums. */
#include "measure_internal.h"

#include <locality/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A matrix of bits, by row and by column. */
typedef struct bits {
  uint32_t rows, cols;
  size_t row_words, col_words;
  uint64_t *row, *col;
} bits;

static bool bits_new(bits *m, uint32_t rows, uint32_t cols) {
  *m = (bits){rows, cols, (cols + 63) / 64, (rows + 63) / 64, NULL, NULL};
  m->row = calloc((size_t)rows * m->row_words + 1, sizeof *m->row);
  m->col = calloc((size_t)cols * m->col_words + 1, sizeof *m->col);
  return m->row && m->col;
}

static void bits_free(bits *m) {
  free(m->row);
  free(m->col);
}

static void bits_clear(bits *m) {
  memset(m->row, 0, sizeof *m->row * m->rows * m->row_words);
  memset(m->col, 0, sizeof *m->col * m->cols * m->col_words);
}

static void bits_set(bits *m, uint32_t r, uint32_t c) {
  m->row[r * m->row_words + c / 64] |= (uint64_t)1 << c % 64;
  m->col[c * m->col_words + r / 64] |= (uint64_t)1 << r % 64;
}

static uint32_t ones(const uint64_t *v, size_t words) {
  uint32_t n = 0;
  for (size_t k = 0; k < words; k++) n += (uint32_t)__builtin_popcountll(v[k]);
  return n;
}

static int by_word(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Gathers equal sets of one word, in place; times: how often each occurs. Returns how many differ.
 * Of a few classes there are far fewer patterns than units. */
static uint32_t gather(uint64_t *sets, uint32_t n, uint32_t *times) {
  uint32_t m = 0;
  qsort(sets, n, sizeof *sets, by_word);
  for (uint32_t i = 0; i < n; i++) {
    if (m && sets[i] == sets[m - 1]) {
      times[m - 1]++;
      continue;
    }
    sets[m] = sets[i];
    times[m++] = 1;
  }
  return m;
}

/* Sum over pairs of n sets of the share of the smaller one's that the larger has. The order of the
 * sets has no part in it, and may change: of each pair the fuller one is the upper row. room: 2 n.
 */
static double paired(uint64_t *sets, uint32_t n, size_t words, uint32_t *room) {
  double sum = 0;
  uint32_t *degree = room, *times = room + n;
  for (uint32_t i = 0; i < n; i++) times[i] = 1;
  if (words == 1) n = gather(sets, n, times);
  for (uint32_t i = 0; i < n; i++) degree[i] = ones(sets + i * words, words);
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < i; j++) {
      if (degree[i] == degree[j] || degree[i] == 0 || degree[j] == 0) continue;
      uint32_t both = 0, least = degree[i] < degree[j] ? degree[i] : degree[j];
      for (size_t k = 0; k < words; k++)
        both += (uint32_t)__builtin_popcountll(sets[i * words + k] & sets[j * words + k]);
      sum += (double)both / least * times[i] * times[j];
    }
  return sum;
}

/* Puts the rows and columns of m into another order. room: twice the longer side. */
static void nodf_of(bits *m, uint32_t *room, lp_nestedness *out) {
  double r = m->rows, c = m->cols, pairs_r = r * (r - 1) / 2, pairs_c = c * (c - 1) / 2;
  double sum_r = paired(m->row, m->rows, m->row_words, room),
         sum_c = paired(m->col, m->cols, m->col_words, room);
  out->rows = pairs_r > 0 ? 100 * sum_r / pairs_r : NAN;
  out->columns = pairs_c > 0 ? 100 * sum_c / pairs_c : NAN;
  out->nodf = pairs_r + pairs_c > 0 ? 100 * (sum_r + sum_c) / (pairs_r + pairs_c) : NAN;
}

/* A row or column and its number of ones. */
typedef struct degree {
  uint32_t ones, index;
} degree;

static int by_degree(const void *a, const void *b) {
  const degree *x = a, *y = b;
  if (x->ones != y->ones) return x->ones < y->ones ? 1 : -1;
  return (x->index > y->index) - (x->index < y->index);
}

static void sort_degrees(degree *d, uint32_t n, uint32_t *out) {
  qsort(d, n, sizeof *d, by_degree);
  for (uint32_t i = 0; i < n; i++) out[i] = d[i].index;
}

lp_status lp_nested_order(const double *t, uint32_t classes, uint32_t n, double threshold,
                          uint32_t *rows, uint32_t *columns) {
  degree *d = calloc((size_t)classes + n + 1, sizeof *d), *column = d + classes;
  if (!d) return lp_no_memory("a matrix of classes");
  for (uint32_t c = 0; c < classes; c++) d[c].index = c;
  for (uint32_t i = 0; i < n; i++) column[i].index = i;
  for (uint32_t c = 0; c < classes; c++)
    for (uint32_t i = 0; i < n; i++)
      if (t[(size_t)c * n + i] > threshold) d[c].ones++, column[i].ones++;
  sort_degrees(d, classes, rows);
  sort_degrees(column, n, columns);
  free(d);
  return LP_OK;
}

/* NODF of one random matrix whose rows have as many ones; NaN when memory is exhausted. */
static double random_nodf(uint32_t rows, uint32_t cols, const uint32_t *row_ones, uint64_t seed,
                          uint32_t round) {
  uint32_t longer = rows > cols ? rows : cols;
  uint32_t *at = malloc(sizeof *at * cols), *room = malloc(sizeof *room * 2 * longer);
  bits m;
  lp_nestedness n = {.nodf = NAN};
  if (bits_new(&m, rows, cols) && at && room) {
    const uint32_t stream = lp_rng_stream("measure/nestedness");
    bits_clear(&m);
    for (uint32_t r = 0; r < rows; r++) {
      lp_rng_permutation(seed + r, stream, round, at, cols);
      for (uint32_t l = 0; l < row_ones[r]; l++) bits_set(&m, r, at[l]);
    }
    nodf_of(&m, room, &n);
  }
  bits_free(&m);
  free(at);
  free(room);
  return n.nodf;
}

lp_status lp_nodf(const double *t, uint32_t classes, uint32_t n, double threshold,
                  uint32_t replacements, uint64_t seed, lp_nestedness *out) {
  *out = (lp_nestedness){NAN, NAN, NAN, NAN, NAN, NAN};
  if (classes < 1 || n < 1 || (classes < 2 && n < 2)) return LP_OK;
  bits m;
  uint32_t *room = malloc(sizeof *room * 2 * (classes > n ? classes : n)),
           *row_ones = calloc((size_t)classes + 1, sizeof *row_ones);
  double *null = malloc(sizeof *null * ((size_t)replacements + 1));
  lp_status s = bits_new(&m, classes, n) && room && row_ones && null
                    ? LP_OK
                    : lp_no_memory("a matrix of classes");
  for (uint32_t c = 0; s == LP_OK && c < classes; c++)
    for (uint32_t i = 0; i < n; i++)
      if (t[(size_t)c * n + i] > threshold) {
        bits_set(&m, c, i);
        row_ones[c]++;
      }
  if (s == LP_OK) {
    nodf_of(&m, room, out);
#pragma omp parallel for schedule(dynamic)
    for (uint32_t k = 0; k < replacements; k++)
      null[k] = random_nodf(classes, n, row_ones, seed, k);
    double sum = 0, square = 0, as_large = 0;
    for (uint32_t k = 0; k < replacements; k++) {
      sum += null[k];
      as_large += null[k] >= out->nodf;
    }
    if (isnan(sum)) s = lp_no_memory("random matrices");
    for (uint32_t k = 0; k < replacements; k++)
      square += (null[k] - sum / replacements) * (null[k] - sum / replacements);
    if (s == LP_OK && replacements) {
      out->mean = sum / replacements;
      out->p = (1 + as_large) / (1.0 + replacements);
      if (replacements > 1) out->sd = sqrt(square / (replacements - 1));
    }
  }
  bits_free(&m);
  free(room);
  free(row_ones);
  free(null);
  return s;
}
