/* settings.h: the settings of trainings and experiments.
 *
 * One table of options, which the command line, YAML files, manifests, arms, sweeps and checkpoints
 * share, and lp_settings, a value for each of them. A new option is a row of the table
 * (core/settings/options.c) and lp_setting_*(settings, "its_name") where it acts.
 *
 * Threads: settings may be read by many threads while none sets one of them.
 */
#ifndef LOCALITY_SETTINGS_H
#define LOCALITY_SETTINGS_H

#include <locality/status.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lp_option_type {
  LP_OPTION_INT = 0,
  LP_OPTION_REAL = 1,
  LP_OPTION_BOOL = 2, /* true or false; yes, no, on, off, 1 and 0 are understood */
  LP_OPTION_ENUM = 3, /* one of choices */
  LP_OPTION_TEXT = 4,
  LP_OPTION_LIST = 5, /* items separated by commas; an item that holds commas in parentheses */
} lp_option_type;

/* Where an option can be given, and what it decides. */
enum {
  LP_USE_EXPERIMENT = 1,
  LP_USE_TRAIN = 2,
  LP_USE_PER_CALL = 4, /* changes no result: may differ when an experiment is resumed */
  LP_USE_ARM = 8,      /* an arm may change it: NAME=(lr=0.003) */
  LP_USE_GROW = 16,    /* may be more when an experiment is resumed: what is there stays */
  LP_USE_GRID = 32,    /* a LIST of KEY=VALUE,VALUE,...; given several times, all of them count */
  LP_USE_BITS = 64,    /* decides the bits of a trained network, beside its text, its data and the
                          device; lp_settings_bits */
  LP_USE_BLOCK = 128,  /* a block of an experiment file, kept as JSON; "" where there is none */
};

typedef struct lp_option {
  const char *name;    /* "step_epochs": a YAML field; --step-epochs on the command line */
  uint32_t type;       /* lp_option_type */
  const char *value;   /* default, as a user would write it */
  double min, max;     /* of numbers */
  const char *choices; /* ENUM: "sgd|rmsprop|adam|adamw" */
  const char *meaning; /* one line */
  uint32_t use;        /* LP_USE_* */
} lp_option;

/* Row i of the table; NULL past the last. */
LP_API const lp_option *lp_option_get(uint32_t i);
LP_API uint32_t lp_option_count(void);
/* The row of a name ('-' and '_' are the same) that can be used so; NULL, with an error that
 * suggests the nearest, when there is none. */
LP_API const lp_option *lp_option_find(const char *name, uint32_t use);

/* A value for every option. */
typedef struct lp_settings lp_settings;

/* Every option's default: the published settings of the MNIST experiment. Free with
 * lp_settings_free; *out is NULL on failure. */
LP_API lp_status lp_settings_new(lp_settings **out);
/* The same values, of which the same are given. */
LP_API lp_status lp_settings_copy(const lp_settings *from, lp_settings **out);
LP_API void lp_settings_free(lp_settings *s);

/* Sets the option `name` from text, checked for type and range. An error begins with the option's
 * name. lp_settings_give marks it as given by the user, too, which a preset's values are not. */
LP_API lp_status lp_settings_set(lp_settings *s, const char *name, const char *text);
LP_API lp_status lp_settings_give(lp_settings *s, const char *name, const char *text);
LP_API bool lp_settings_given(const lp_settings *s, const char *name);

/* The value of an option, of any type as text that lp_settings_set takes and gives the same value.
 * It lasts until the option is set again or s is freed. Numbers: of INT and REAL; BOOL 0 or 1, ENUM
 * the index among the choices. A name that is not in the table is a mistake of the caller: it is
 * logged, and "" or 0. */
LP_API const char *lp_setting_text(const lp_settings *s, const char *name);
LP_API double lp_setting_real(const lp_settings *s, const char *name);
LP_API int64_t lp_setting_int(const lp_settings *s, const char *name);

/* "accumulate=1 alpha=0.99 ...": all options of LP_USE_BITS in the order of the table. malloc'ed;
 * NULL out of memory. */
LP_API char *lp_settings_bits(const lp_settings *s);

#ifdef __cplusplus
}
#endif
#endif
