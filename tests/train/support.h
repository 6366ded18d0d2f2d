/* What the tests of training share. */
#ifndef TRAIN_SUPPORT_H
#define TRAIN_SUPPORT_H

#include <locality/train.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h> /* needs the headers above */

/* A folder of the tests' own with train_set (330 images of 28 x 28) and test_set (130). */
extern char folder[];
extern lp_dataset *train_set, *test_set;

/* LeNet with the prior; 3 epochs of 5 batches of 64 and one of 10. Its settings are the tests'. */
lp_train_spec default_spec(void);
void set(lp_train_spec *s, const char *name, const char *text);
void set_number(lp_train_spec *s, const char *name, uint32_t number);

lp_trainer *new_trainer(const lp_train_spec *s);
void train_epochs(lp_trainer *t, uint32_t n, lp_epoch_result *last);
void assert_same_weights(lp_trainer *a, lp_trainer *b);
size_t var_size(lp_trainer *t, const char *variable); /* its elements */
float *read_var(lp_trainer *t, const char *variable); /* to be freed */
/* Stops in epoch user[0] before step user[1]. */
bool stop_at(void *user, const lp_progress *p);

void put_u32(uint8_t *p, uint32_t v); /* as IDX files have it */

/* All tests on every device of LOCALITY_TEST_DEVICES (default "cpu"); how many failed. */
#define run_on_devices(tests) run_tests_on_devices(tests, sizeof(tests) / sizeof *(tests))
int run_tests_on_devices(const struct CMUnitTest *tests, size_t n);

#endif
