/* Building graphs: shapes, sticky errors, shared names, the op table. */
#include <locality/graph.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

static lp_graph *new_graph(void) {
  lp_graph *g;
  assert_int_equal(lp_graph_new("test", &g), LP_OK);
  return g;
}

static lp_val input(lp_graph *g, lp_desc d) {
  return lp_input(g, "x", &d);
}

static void assert_shape(const lp_graph *g, lp_val v, lp_desc expected) {
  lp_desc d;
  assert_int_equal(lp_graph_shape(g, v, &d), LP_OK);
  assert_true(lp_desc_equal(&d, &expected));
}

static void shapes_are_inferred(void **state) {
  (void)state;
  lp_graph *g = new_graph();
  lp_val x = input(g, lp_f32(2, 3, 36, 39)), w = input(g, lp_f32(5, 3, 11, 11));
  lp_op_params conv = {.conv = {.stride = 4, .pad = 2}};
  lp_val y = lp_apply(g, LP_OP_CONV2D, &conv, (lp_val[]){x, w}, 2);
  assert_shape(g, y, lp_f32(2, 5, 8, 9));
  lp_op_params pool = {.pool = {.k = 3, .stride = 2}};
  lp_val p = lp_apply(g, LP_OP_MAXPOOL2D, &pool, &y, 1);
  assert_shape(g, p, lp_f32(2, 5, 3, 4));
  assert_shape(g, lp_output(p, 1), LP_DESC(LP_U8, 2, 5, 3, 4));
  lp_op_params flat = {.shape = {2, {2, 60}}};
  lp_val f = lp_apply(g, LP_OP_RESHAPE, &flat, &p, 1);
  lp_val m = input(g, lp_f32(7, 60)), b = input(g, lp_f32(7));
  assert_shape(g, lp_apply(g, LP_OP_LINEAR, NULL, (lp_val[]){f, m, b}, 3), lp_f32(2, 7));
  assert_int_equal(lp_graph_status(g), LP_OK);
  lp_graph_free(g);
}

static void first_error_sticks(void **state) {
  (void)state;
  lp_graph *g = new_graph();
  lp_val x = input(g, lp_f32(64, 320)), w = input(g, lp_f32(49, 300));
  lp_val y = lp_apply(g, LP_OP_LINEAR, NULL, (lp_val[]){x, w}, 2);
  assert_int_equal(y.id, 0);
  lp_val z = lp_apply(g, LP_OP_RELU, NULL, &y, 1); /* chains on without a check */
  assert_int_equal(z.id, 0);
  assert_int_equal(lp_graph_status(g), LP_ERR_SHAPE);
  assert_non_null(strstr(lp_error_message(), "linear"));
  assert_non_null(strstr(lp_error_message(), "(64,320)"));
  assert_non_null(strstr(lp_error_message(), "(49,300)"));
  lp_graph_free(g);
}

/* Every rule that can be broken gives a status, never a crash. */
static void bad_operands(void **state) {
  (void)state;
  const struct {
    lp_op op;
    lp_op_params params;
    lp_desc in[3];
    uint32_t n;
  } bad[] = {
      {LP_OP_CONV2D, {.conv = {.stride = 0}}, {lp_f32(1, 1, 8, 8), lp_f32(1, 1, 3, 3)}, 2},
      {LP_OP_CONV2D, {.conv = {.stride = 1}}, {lp_f32(1, 1, 2, 2), lp_f32(1, 1, 3, 3)}, 2},
      {LP_OP_CONV2D, {.conv = {.stride = 1}}, {lp_f32(1, 2, 8, 8), lp_f32(1, 1, 3, 3)}, 2},
      {LP_OP_CONV2D,
       {.conv = {.stride = 1}},
       {lp_f32(1, 1, 8, 8), lp_f32(4, 1, 3, 3), lp_f32(3)},
       3},
      {LP_OP_MAXPOOL2D, {.pool = {.k = 16, .stride = 1}}, {lp_f32(1, 1, 32, 32)}, 1},
      {LP_OP_MAXPOOL2D, {.pool = {.k = 3, .stride = 1}}, {lp_f32(1, 1, 2, 2)}, 1},
      {LP_OP_RESHAPE, {.shape = {1, {5}}}, {lp_f32(2, 3)}, 1},
      {LP_OP_DROPOUT, {.dropout = {1.0f, 1, 1}}, {lp_f32(2, 3)}, 1},
      {LP_OP_DROPOUT, {.dropout = {NAN, 1, 1}}, {lp_f32(2, 3)}, 1},
      {LP_OP_DROPOUT, {.dropout = {0.5f, 1, 2}}, {lp_f32(2, 3)}, 1},
      {LP_OP_ADD, {.scale = {0}}, {lp_f32(2, 3), lp_f32(3, 2)}, 2},
      {LP_OP_ADD, {.scale = {0}}, {lp_f32(2, 3)}, 1},
      {LP_OP_LOG_SOFTMAX, {.scale = {0}}, {lp_f32(2, 3, 4)}, 1},
      {LP_OP_CROSS_ENTROPY, {.scale = {0}}, {lp_f32(2, 3), lp_f32(2)}, 2},
      {LP_OP_CROSS_ENTROPY, {.scale = {0}}, {lp_f32(2, 3), LP_DESC(LP_I32, 3)}, 2},
      {LP_OP_NORMALIZE, {.normalize = {1, 1, {0}, {0}}}, {lp_f32(2, 1, 4, 4)}, 1},
      {LP_OP_NORMALIZE, {.normalize = {3, 1, {0}, {1, 1, 1}}}, {lp_f32(2, 1, 4, 4)}, 1},
      {LP_OP_SGD, {.optim = {.momentum = 0}}, {lp_f32(2), lp_f32(2), lp_f32(2)}, 3}, /* not state */
      {(lp_op)999, {.scale = {0}}, {lp_f32(2)}, 1},
      {LP_OP_NONE, {.scale = {0}}, {lp_f32(2)}, 1},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    lp_graph *g = new_graph();
    lp_val in[3];
    for (uint32_t k = 0; k < bad[i].n; k++) in[k] = input(g, bad[i].in[k]);
    lp_val y = lp_apply(g, bad[i].op, &bad[i].params, in, bad[i].n);
    if (y.id != 0) print_error("case %zu was accepted\n", i);
    assert_int_equal(y.id, 0);
    assert_int_not_equal(lp_graph_status(g), LP_OK);
    lp_graph_free(g);
  }
}

/* A slice that is one of the parts of a concat is that part, also where it was reshaped and back.
 */
static void slices_at_seams(void **state) {
  (void)state;
  lp_graph *g = new_graph();
  lp_val part[3] = {input(g, lp_f32(3, 5)), input(g, lp_f32(3, 2)), input(g, lp_f32(3, 5))};
  lp_op_params columns = {.slice = {.axis = 1}}, cube = {.shape = {3, {3, 4, 3}}},
               flat = {.shape = {2, {3, 12}}}, turned = {.shape = {2, {4, 9}}};
  lp_val whole = lp_apply(g, LP_OP_CONCAT, &columns, part, 3);
  lp_val x = lp_apply(g, LP_OP_RESHAPE, &cube, &whole, 1);
  lp_val back = lp_apply(g, LP_OP_RESHAPE, &flat, &x, 1);
  const struct {
    lp_val of;
    lp_slice_params at;
    uint32_t is; /* 1: the first part; 0: a new value */
  } slice[] = {
      {whole, {1, 0, 5}, 1}, {back, {1, 5, 2}, 2},    {back, {1, 7, 5}, 3},
      {whole, {1, 0, 7}, 0}, {whole, {1, 1, 5}, 0},   {whole, {1, 5, 1}, 0},
      {whole, {0, 0, 3}, 0}, {part[0], {1, 0, 5}, 0}, {x, {1, 0, 2}, 0},
  };
  for (size_t i = 0; i < sizeof slice / sizeof *slice; i++) {
    const uint32_t before = lp_graph_value_count(g);
    lp_op_params p = {.slice = slice[i].at};
    lp_val y = lp_apply(g, LP_OP_SLICE, &p, &slice[i].of, 1);
    assert_int_equal(y.id, slice[i].is ? part[slice[i].is - 1].id : before + 1);
  }
  lp_val other = lp_apply(g, LP_OP_RESHAPE, &turned, &whole, 1);
  lp_op_params p = {.slice = {1, 0, 5}};
  assert_shape(g, lp_apply(g, LP_OP_SLICE, &p, &other, 1), lp_f32(4, 5));
  lp_graph_free(g);
}

/* 0 . 1 .       The other side goes by inputs: 0 (from outputs 0, 2), 1 (none), 2 (0), 3 (2).
 * . . . .
 * 2 . . 3 */
static void patterns_have_two_sides(void **state) {
  (void)state;
  const int32_t rows[] = {0, 2, 2, 4}, columns[] = {0, 2, 0, 3};
  const int32_t starts[] = {0, 2, 2, 3, 4}, sources[] = {0, 2, 0, 2}, places[] = {0, 2, 1, 3};
  lp_pattern *p;
  assert_int_equal(lp_pattern_new(3, 4, rows, columns, &p), LP_OK);
  assert_int_equal(p->n, 4);
  assert_memory_equal(p->starts, starts, sizeof starts);
  assert_memory_equal(p->sources, sources, sizeof sources);
  assert_memory_equal(p->places, places, sizeof places);
  lp_graph *g = new_graph();
  lp_val in[LP_SPARSE_INPUTS] = {{0}};
  assert_int_equal(lp_pattern_operands(p, g, "lp.prior", in), LP_OK);
  assert_string_equal(lp_graph_value_name(g, in[LP_SPARSE_PLACES]), "lp.prior.places");
  const lp_desc x = lp_f32(5, 4), w = lp_f32(4), other = lp_f32(3);
  in[0] = input(g, x);
  in[1] = lp_graph_param(g, "w", &w, NULL);
  assert_shape(g, lp_apply(g, LP_OP_SPARSE_LINEAR, NULL, in, LP_SPARSE_INPUTS), lp_f32(5, 3));
  in[1] = lp_graph_param(g, "v", &other, NULL); /* not a value a wire */
  assert_int_equal(lp_apply(g, LP_OP_SPARSE_LINEAR, NULL, in, LP_SPARSE_INPUTS).id, 0);
  lp_graph_free(g);
  lp_pattern_free(p);
  static const int32_t bad[][8] = {{0, 2, 2, 4, 0, 2, 3, 0},  /* falls in a row */
                                   {0, 2, 2, 4, 0, 0, 0, 3},  /* twice */
                                   {0, 2, 2, 4, 0, 4, 0, 3},  /* no such input */
                                   {0, 2, 1, 4, 0, 2, 0, 3},  /* rows that fall */
                                   {1, 2, 2, 4, 0, 2, 0, 3}}; /* not from 0 on */
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(lp_pattern_new(3, 4, bad[i], bad[i] + 4, &p), LP_ERR_ARG);
    assert_null(p);
  }
}

static const void *constant_of(const lp_graph *g, const char *wanted) {
  const char *name;
  const void *data;
  lp_desc d;
  for (uint32_t i = 0; lp_graph_constant_get(g, i, &name, &d, &data); i++)
    if (strcmp(name, wanted) == 0) return data;
  fail_msg("no constant %s", wanted);
  return NULL;
}

/* Weights of which some are kept, with their prior, in every layer that reads them; or not at all.
 */
static void weights_are_thinned(void **state) {
  (void)state;
  static const int32_t rows[] = {0, 2, 2, 3}, columns[] = {0, 3, 2}, out[] = {0, 2, 4},
                       in_units[] = {0, 1, 2, 3}, fewer[] = {0, 1, 1, 2}, fewer_columns[] = {3, 2},
                       other[] = {0, 0, 1, 1};
  static const float table[] = {1, .5f, .25f, .125f, 2, 3, 4, 5}, scale[] = {1, 10, 100};
  const lp_desc weight = LP_DESC(LP_F32, 3, 4), units = LP_DESC(LP_I32, 3),
                inputs = LP_DESC(LP_I32, 4), entries = LP_DESC(LP_F32, 8),
                each = LP_DESC(LP_F32, 3);
  lp_pattern *p, *part, *none;
  assert_int_equal(lp_pattern_new(3, 4, rows, columns, &p), LP_OK);
  assert_int_equal(lp_pattern_new(3, 4, fewer, fewer_columns, &part), LP_OK);
  assert_int_equal(lp_pattern_new(3, 4, other, columns, &none), LP_OK);
  for (int shared = 0; shared < 2; shared++) {
    lp_graph *g = new_graph();
    const lp_init init = {LP_INIT_UNIFORM, 1, NULL};
    lp_val w = lp_graph_param(g, "w", &weight, &init);
    lp_val in[LP_LINEAR_INPUTS] = {input(g, lp_f32(5, 4)), w};
    in[LP_PRIOR_TABLE] = lp_graph_constant(g, "table", &entries, table);
    in[LP_PRIOR_OFF_OUT] = lp_graph_constant(g, "off_out", &units, out);
    in[LP_PRIOR_OFF_IN] = lp_graph_constant(g, "off_in", &inputs, in_units);
    in[LP_PRIOR_ROW_SCALE] = lp_graph_constant(g, "scale", &each, scale);
    lp_val y = lp_apply(g, LP_OP_LINEAR, NULL, in, LP_LINEAR_INPUTS);
    if (shared) lp_apply(g, LP_OP_RELU, NULL, &w, 1);
    bool done;
    assert_int_equal(lp_graph_thin(g, w, p, "thin", &done), LP_OK);
    assert_int_equal(done, !shared);
    assert_shape(g, y, lp_f32(5, 3));
    assert_shape(g, w, shared ? weight : lp_f32(3));
    if (!shared) {
      /* table[out + in] scale[out]: (0, 0), (0, 3) and (2, 2), whose entries are 0, 3 and 6 */
      static const float expected[] = {1, .125f, 400};
      assert_memory_equal(constant_of(g, "thin.prior"), expected, sizeof expected);
      assert_int_equal(lp_graph_thin(g, w, part, "less", &done), LP_OK);
      assert_true(done);
      assert_shape(g, w, lp_f32(2));
      assert_memory_equal(constant_of(g, "less.prior"), expected + 1, 2 * sizeof *expected);
      assert_int_equal(lp_graph_thin(g, w, none, "none", &done), LP_ERR_ARG);
      assert_false(done);
    }
    lp_graph_free(g);
  }
  lp_pattern_free(p);
  lp_pattern_free(part);
  lp_pattern_free(none);
}

static void names_are_shared(void **state) {
  (void)state;
  lp_graph *g = new_graph();
  lp_init zero = {0};
  lp_desc d = lp_f32(3), other = lp_f32(4);
  lp_val a = lp_graph_param(g, "w", &d, &zero);
  assert_int_equal(lp_graph_param(g, "w", &d, &zero).id, a.id);
  assert_string_equal(lp_graph_value_name(g, a), "w");
  assert_int_equal(lp_graph_param(g, "w", &other, &zero).id, 0);
  assert_int_equal(lp_graph_status(g), LP_ERR_SHAPE);
  lp_graph_free(g);
}

static void gradients_reach_what_they_should(void **state) {
  (void)state;
  lp_graph *g = new_graph();
  lp_desc d = lp_f32(4, 3);
  lp_init zero = {0};
  lp_val w = lp_graph_param(g, "w", &d, &zero), unused = lp_graph_param(g, "unused", &d, &zero);
  lp_val x = input(g, d);
  lp_val twice = lp_apply(g, LP_OP_ADD, NULL, (lp_val[]){w, w}, 2);
  lp_val y = lp_apply(g, LP_OP_MUL, NULL, (lp_val[]){twice, x}, 2);
  lp_val loss = lp_apply(g, LP_OP_SUM, NULL, &y, 1);
  lp_val wrt[] = {w, unused}, grad[2];
  assert_int_equal(lp_grad(g, loss, wrt, 2, grad), LP_OK);
  assert_int_not_equal(grad[0].id, 0);
  assert_shape(g, grad[0], d);
  assert_int_equal(grad[1].id, 0);                             /* the loss does not depend on it */
  assert_int_equal(lp_grad(g, y, wrt, 1, grad), LP_ERR_SHAPE); /* not a scalar */
  lp_graph_free(g);
}

static void no_gradient_is_an_error(void **state) {
  (void)state;
  lp_graph *g = new_graph();
  lp_val x = input(g, lp_f32(2, 1, 4, 4));
  lp_op_params p = {.normalize = {1, 1, {0}, {1}}};
  lp_val loss =
      lp_apply(g, LP_OP_SUM, NULL, (lp_val[]){lp_apply(g, LP_OP_NORMALIZE, &p, &x, 1)}, 1);
  lp_val grad;
  assert_int_equal(lp_grad(g, loss, &x, 1, &grad), LP_ERR_UNSUPPORTED);
  assert_non_null(strstr(lp_error_message(), "normalize"));
  lp_graph_free(g);
}

static void op_table_is_complete(void **state) {
  (void)state;
  for (uint32_t op = 1; op < LP_OP_COUNT; op++) {
    const lp_op_info *info = lp_op_get_info(op);
    assert_non_null(info);
    for (uint32_t other = 1; other < op; other++)
      assert_string_not_equal(lp_op_name(op), lp_op_name(other));
    if (lp_op_fusable(op)) assert_true(info->max_in <= 2 && info->n_out == 1 && !info->state_mask);
  }
  assert_null(lp_op_get_info(0));
  assert_null(lp_op_get_info(LP_OP_COUNT));
  assert_string_equal(lp_op_name(LP_OP_COUNT), lp_op_name(LP_OP_NONE));
  /* 2 N O I operations; every operand moved once. */
  lp_desc in[] = {lp_f32(64, 320), lp_f32(49, 320), lp_f32(49)}, out = lp_f32(64, 49);
  assert_true(lp_op_flops(LP_OP_LINEAR, NULL, in, 3, &out, 1) == 2.0 * 64 * 49 * 320);
  assert_true(lp_op_bytes(LP_OP_LINEAR, NULL, in, 3, &out, 1) ==
              4.0 * (64 * 320 + 49 * 320 + 49 + 64 * 49));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shapes_are_inferred),
      cmocka_unit_test(first_error_sticks),
      cmocka_unit_test(bad_operands),
      cmocka_unit_test(slices_at_seams),
      cmocka_unit_test(patterns_have_two_sides),
      cmocka_unit_test(weights_are_thinned),
      cmocka_unit_test(names_are_shared),
      cmocka_unit_test(gradients_reach_what_they_should),
      cmocka_unit_test(no_gradient_is_an_error),
      cmocka_unit_test(op_table_is_complete),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
