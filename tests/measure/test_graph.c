/* Graphs: against NetworkX on Zachary's karate club, rings of cliques in closed form. */
#include "support.h"

/* Zachary, J Anthropol Res 1977, members 0 .. 33: the published network of friendships. */
static const uint8_t friends[][2] = {
    {0, 1},   {0, 2},   {0, 3},   {0, 4},   {0, 5},   {0, 6},   {0, 7},   {0, 8},   {0, 10},
    {0, 11},  {0, 12},  {0, 13},  {0, 17},  {0, 19},  {0, 21},  {0, 31},  {1, 2},   {1, 3},
    {1, 7},   {1, 13},  {1, 17},  {1, 19},  {1, 21},  {1, 30},  {2, 3},   {2, 7},   {2, 8},
    {2, 9},   {2, 13},  {2, 27},  {2, 28},  {2, 32},  {3, 7},   {3, 12},  {3, 13},  {4, 6},
    {4, 10},  {5, 6},   {5, 10},  {5, 16},  {6, 16},  {8, 30},  {8, 32},  {8, 33},  {9, 33},
    {13, 33}, {14, 32}, {14, 33}, {15, 32}, {15, 33}, {18, 32}, {18, 33}, {19, 33}, {20, 32},
    {20, 33}, {22, 32}, {22, 33}, {23, 25}, {23, 27}, {23, 29}, {23, 32}, {23, 33}, {24, 25},
    {24, 27}, {24, 31}, {25, 31}, {26, 29}, {26, 33}, {27, 33}, {28, 31}, {28, 33}, {29, 32},
    {29, 33}, {30, 32}, {30, 33}, {31, 32}, {31, 33}, {32, 33}};

static uint8_t graph[60 * 60];

static void join(uint32_t n, uint32_t i, uint32_t j) {
  graph[i * n + j] = graph[j * n + i] = 1;
}

static void karate(void **state) {
  (void)state;
  memset(graph, 0, sizeof graph);
  for (size_t k = 0; k < sizeof friends / sizeof *friends; k++)
    join(34, friends[k][0], friends[k][1]);
  lp_graph_measures m;
  assert_ok(lp_graph_measure(graph, 34, 20, 1, &m));
  /* nx.average_clustering, nx.global_efficiency, nx.average_shortest_path_length */
  assert_close(m.clustering, 0.57063847820768232, 1e-13);
  assert_close(m.efficiency, 0.49200831847890519, 1e-13);
  assert_close(m.path_length, 2.4081996434937611, 1e-13);
  assert_int_equal(m.unjoined, 0);
  assert_true(m.sigma > 1 && m.sigma < 3);
  uint32_t part[34];
  double q;
  assert_ok(lp_louvain(graph, 34, 20, 1, part, &q));
  assert_close(q, 0.41978961209730437,
               1e-12); /* the largest there is: Brandes et al., IEEE TKDE 2008 */
  assert_close(q, lp_modularity(graph, 34, part), 1e-14);
  assert_int_equal(part[0], 0);
}

/* r cliques of k units, each joined to the next by one edge. */
static void cliques(void **state) {
  (void)state;
  enum { RING = 8, K = 6, ALL = RING * K };
  memset(graph, 0, sizeof graph);
  for (uint32_t c = 0; c < RING; c++) {
    for (uint32_t i = 0; i < K; i++)
      for (uint32_t j = 0; j < i; j++) join(ALL, c * K + i, c * K + j);
    join(ALL, c * K, (c + 1) % RING * K + 1);
  }
  uint32_t part[ALL];
  double q, edges = RING * (K * (K - 1) / 2 + 1);
  assert_ok(lp_louvain(graph, ALL, 5, 3, part, &q));
  for (uint32_t i = 0; i < ALL; i++) assert_int_equal(part[i], i / K);
  assert_close(q, 1 - RING / edges - 1.0 / RING, 1e-14);
  for (uint32_t i = 0; i < ALL; i++) part[i] = 0;
  assert_true(fabs(lp_modularity(graph, ALL, part)) < 1e-15);
}

/* A path of three and a unit alone: C = 0, E = (2 + 2 + 1) / 12, L = 8 / 6, three pairs unjoined.
 */
static void apart(void **state) {
  (void)state;
  memset(graph, 0, sizeof graph);
  join(4, 0, 1);
  join(4, 1, 2);
  lp_graph_measures m;
  assert_ok(lp_graph_measure(graph, 4, 5, 1, &m));
  assert_true(m.clustering == 0 && isnan(m.sigma) && m.unjoined == 3);
  assert_close(m.efficiency, 5.0 / 12, 1e-15);
  assert_close(m.path_length, 4.0 / 3, 1e-15);
  memset(graph, 0, sizeof graph);
  assert_ok(lp_graph_measure(graph, 3, 0, 1, &m));
  assert_true(m.efficiency == 0 && isnan(m.path_length) && m.unjoined == 3);
  uint32_t part[3];
  double q;
  assert_ok(lp_louvain(graph, 3, 4, 1, part, &q));
  assert_true(isnan(q) && part[2] == 2);
  assert_ok(lp_graph_measure(graph, 1, 2, 1, &m));
  assert_true(isnan(m.efficiency) && m.clustering == 0);
}

/* The wiring of test_wiring.c, strongest fifth; nx.average_clustering and the others. */
static void strongest(void **state) {
  (void)state;
  enum { U = 12 };
  double v[U * U];
  uint32_t ends = 0, part[U];
  for (int i = 0; i < U; i++)
    for (int j = 0; j < U; j++)
      v[i * U + j] =
          ((13 * i * i + 7 * j * j + 5 * i * j + 3 * i + j) % 61 / 61.0 - 0.4) / (1 + abs(i - j));
  assert_ok(lp_strongest_graph(v, U, 0.2, graph));
  for (int k = 0; k < U * U; k++) ends += graph[k];
  assert_int_equal(ends, 40);
  lp_graph_measures m;
  assert_ok(lp_graph_measure(graph, U, 0, 1, &m));
  assert_close(m.clustering, 0.65, 1e-13);
  assert_close(m.efficiency, 0.57045454545454555, 1e-13);
  assert_close(m.path_length, 2.2878787878787881, 1e-13);
  for (uint32_t i = 0; i < U; i++) part[i] = i >= 4;
  assert_close(lp_modularity(graph, U, part), 0.22, 1e-13);
  double same[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}; /* the lower index of equal values */
  assert_ok(lp_strongest_graph(same, 3, 0.17, graph));
  assert_true(graph[1] && graph[3] && !graph[2]);
  assert_int_equal(lp_strongest_graph(same, 3, 2, graph), LP_ERR_ARG);
  double sparse[9] = {9, 0, 0, -0.5, 9,
                      0, 0, 0, 9}; /* one connection is there, however many are asked for */
  assert_ok(lp_strongest_graph(sparse, 3, 0.5, graph));
  for (int k = 0; k < 9; k++) assert_int_equal(graph[k], k == 1 || k == 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(karate), cmocka_unit_test(cliques),
                                     cmocka_unit_test(apart), cmocka_unit_test(strongest)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
