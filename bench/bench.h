/* bench.h: lp-bench's parts: rows (a case on a backend or by a peer), their measurement, output.
 *
 * Rows of one group are timed in turn, round after round, so that the ratios between them come from
 * the same minutes. A row is checked before it is timed; a wrong one is never given a time. */
#ifndef BENCH_H
#define BENCH_H

#include "../core/check/execute.h"

#include <jansson.h>

enum {
  BENCH_MAX_BACKENDS = 16,
  BENCH_MAX_SIZES = 16,
  BENCH_MAX_PASSES = 16,
  BENCH_MAX_STEPS = 512
};

typedef struct bench_options {
  char backend[BENCH_MAX_BACKENDS][64];
  uint32_t n_backends;
  const char *backends; /* as given: "cpu:threads=2,opencl"; NULL: all that compute */
  const char *peer;     /* "openblas,blis" or NULL */
  uint32_t size[BENCH_MAX_SIZES], n_sizes;
  uint32_t batch, threads; /* 0: the default */
  uint32_t passes;         /* over all cases of a suite */
  uint32_t pass;           /* this process is that pass, counted from 1; 0: it is all of them */
  char **argv;             /* the command line, for the passes */
  int argc;
  const char *layer; /* train: instead of the plain and the local one */
  double precision, max_time, warm_up;
  const char *filter, *json, *csv, *markdown;
  bool quick, list;
  double margin;         /* compare: a change smaller than this is none */
  const char *out;       /* plot, report */
  const char *predicted; /* steps: a file of gpu_model.py */
} bench_options;

/* ---- command line (options.c) ---------------------------------------------------------------- */

/* Options among the arguments; what is none of them goes to rest[0..*n-1]. Says what it does not
 * understand and returns false. */
bool bench_parse(int argc, char **argv, bench_options *o, char **rest, int *n);
/* All devices that compute. */
bool bench_default_backends(bench_options *o);

/* ---- statistics (stats.c) -------------------------------------------------------------------- */

double bench_now(void);        /* seconds, monotonic */
double bench_resolution(void); /* smallest difference the clock shows */

/* Zeroed: none. */
typedef struct bench_samples {
  double *x;
  uint32_t n, cap;
  uint32_t end[BENCH_MAX_PASSES], passes; /* where each earlier pass ends */
} bench_samples;
bool bench_samples_add(bench_samples *s, double x);
/* Adds those of another pass. */
bool bench_samples_join(bench_samples *s, const bench_samples *pass);
/* Median of pass k; NaN when there is none. */
double bench_pass_median(const bench_samples *s, uint32_t k);

/* low, high: 95 % percentile bootstrap interval of the median (Efron & Tibshirani, 1993), widened
 * to the medians of the passes: samples of one pass share its minutes, and a machine drifts. */
typedef struct bench_summary {
  double median, q1, q3, low, high;
  uint32_t n;
} bench_summary;
bench_summary bench_summarise(const bench_samples *s);
/* Of a[i] / b[i], round by round. */
bench_summary bench_ratio(const bench_samples *a, const bench_samples *b);

/* ---- the machine (machine.c) ----------------------------------------------------------------- */

/* A moment, and the processor seconds that other processes have had until then. */
typedef struct bench_cpu {
  double at, others;
} bench_cpu;
bench_cpu bench_cpu_now(void);
/* Share of the machine's processors that went to others since then. ours: seconds of processes that
 * belong to the measurement. NaN: unknown. */
double bench_others(bench_cpu start, double ours);
/* Processor seconds of a running process; 0 when there is none. */
double bench_cpu_of(int pid);
/* A row measured while others had more of the machine is not compared. */
static const double bench_busy_share = 0.05;

/* ---- rows (measure.c, group.c) --------------------------------------------------------------- */

/* Limits of a device (limits.c). NaN: unknown. */
typedef struct bench_limits {
  double gflops, gbps, launch_seconds, to_device_gbps, from_device_gbps;
  /* What gflops is: "peak", of multiply-adds in a loop of our own, or "best product", of the
   * device's own matrix products where no such loop can run. */
  const char *gflops_of;
} bench_limits;

typedef enum bench_state { ROW_OK, ROW_WRONG, ROW_UNAVAILABLE } bench_state;

typedef struct bench_row {
  char name[96];    /* of the case */
  char backend[64]; /* or the peer's name */
  char device[128]; /* for people */
  char kernels[64]; /* of a peer: which, by how many threads; "" unknown */
  char held[160];   /* what keeps the peer below the processor; "" nothing */
  bench_state state;
  char note[240]; /* why it is wrong or unavailable */
  /* Runs the work `times` times and waits for it; false with the error text on failure. */
  bool (*run)(void *self, uint32_t times);
  void (*close)(void *self);
  void *self;
  double flops, bytes;   /* of one run */
  uint64_t memory;       /* bytes on the device */
  double device_seconds; /* of one run, by the device's own clock; NaN unknown */
  uint32_t launches;     /* kernels that one run starts; 0 unknown */
  double items;          /* images, steps: what one run counts; 0 none */
  uint32_t times;        /* runs in a sample, so that the clock is fine enough */
  const double *took;    /* seconds of the last call of run by the peer's own clock; NULL: ours */
  bool peer;             /* another library, with threads of its own */
  int pid;               /* of the process that does the work; 0: this one */
  double others; /* share of the machine that went to other processes meanwhile; NaN unknown */
  bench_samples samples; /* seconds of one run */
  bench_limits limits;   /* of the device; set for rows with samples */
  bool printed;
  bench_summary seconds;
  double gflops, gbps, fraction; /* fraction of the device's limit at this intensity; NaN unknown */
} bench_row;

typedef struct bench_ratio_row {
  char name[96], a[96], b[96];
  bench_summary ratio;
} bench_ratio_row;

typedef struct bench_results {
  bench_row *row;
  uint32_t n, cap;
  bench_ratio_row *ratio;
  uint32_t n_ratios, cap_ratios;
  uint32_t pass, passes; /* from 1; 0 of 0: no passes */
  bool interrupted, failed, noisy, busy;
} bench_results;

extern volatile int bench_stop; /* the number of the signal that asks to stop */

bench_row *bench_add(bench_results *r, const char *name, const char *backend);
/* Measures rows first .. r->n - 1 together, closes them and concludes; a pass sends them instead.
 * by_name: ratios are between cases, not backends. */
void bench_measure(const bench_options *o, bench_results *r, uint32_t first, bool by_name);
/* Adds the ratios of rows first .. r->n - 1 to the first of them that has a time and, in the last
 * pass, prints their lines. In a later pass the samples join the rows of the first. */
void bench_conclude(bench_results *r, uint32_t first, bool by_name);
void bench_results_free(bench_results *r);

/* ---- what is measured ------------------------------------------------------------------------ */

/* A row for an op case, checked against the reference (in full, or in sampled elements where that
 * would take long). */
void bench_add_case(bench_results *r, const op_case *c, const char *name, const char *backend);
/* The error, relative to the largest element, that rounded operands of products cause on a device
 * at most; 0 where they are not rounded. */
double bench_rounding(const lp_session *s);
/* Largest error of sampled elements of a case of one product, relative to the largest sampled;
 * negative when the case has no such form. */
double bench_sampled_error(const case_program *p, const case_result *result);
/* The same product or convolution by other libraries; adds a row for each peer asked for that has
 * such an op. */
void bench_add_peers(const bench_options *o, bench_results *r, const op_case *c, const char *name);

/* Training steps of "lenet", "mlp", "alexnet", "alexnet64" or "resnet18-32": upload, forward,
 * backward, update. "layer": forward and backward of the layer alone, size x size. Adds rows for
 * the backends and for
 * `--peer torch`.
 */
bool bench_has_model(const char *model, uint32_t *default_batch);
typedef struct bench_network {
  const char *model, *layer;
  uint32_t batch, size; /* size: of "layer" */
  const char *set;      /* changes to the network: "penalty.lp=sernn"; NULL: none */
} bench_network;
/* Returns the number of parameters; 0 when it could not be built. */
uint64_t bench_add_network(bench_results *r, const bench_network *net, const char *name,
                           const char *backend);
/* The steps of a training step, with the median of their times in some runs, each timed by itself;
 * whole: seconds of a step as training runs it. False with the error text when it cannot be run, or
 * has more than BENCH_MAX_STEPS. */
bool bench_profile_network(const bench_network *net, const char *backend, uint32_t runs,
                           lp_profile_row row[BENCH_MAX_STEPS], uint32_t *n, double *whole,
                           char device[128]);
/* The same work by the script bench/peers/MODEL.py in PyTorch. parameters: how many there must be,
 * 0 unknown. */
void bench_add_torch(const bench_options *o, bench_results *r, const bench_network *net,
                     const char *name, uint64_t parameters);
bool bench_has_peer(const bench_options *o, const char *peer);

/* Starts bench/peers/NAME.py as the work of a row. Returns what it says of itself (release it);
 * NULL: the row says why it is not available. (script.c) */
enum { BENCH_SCRIPT_ARGUMENTS = 12 };
typedef struct bench_script bench_script;
json_t *bench_script_open(bench_row *row, const char *name, const char *const *argument,
                          uint32_t n);

/* A convolution by oneDNN. */
void bench_add_onednn(const bench_options *o, bench_results *r, const op_case *c, const char *name);

/* c = a b, row-major; ta and tb as CBLAS and CLBlast number them. */
typedef struct bench_gemm {
  int ta, tb, m, n, k, lda, ldb;
  const float *a, *b;
  float *c;
} bench_gemm;
typedef struct bench_clblast bench_clblast;
/* tuned: folder of files by CLBlast's tuners; NULL: its own parameters. */
bench_clblast *bench_clblast_open(const bench_gemm *g, const char *tuned, char device_name[128]);
bool bench_clblast_tune(void *library, void *device, const char *folder);
bool bench_clblast_run(bench_clblast *w, const bench_gemm *g, uint32_t times);
bool bench_clblast_read(bench_clblast *w, const bench_gemm *g); /* the result, into g->c */
void bench_clblast_close(bench_clblast *w);

/* kernels.c: the row's kernels and what holds them down; the threads that a peer gets. */
void bench_name_kernels(bench_row *row, void *library, uint32_t threads);
uint32_t bench_threads(const bench_options *o);

/* What `startup` times in a process of its own: one step; its exit status. */
int bench_first_step(const char *backend);

/* Measured once a process. */
const bench_limits *bench_limits_of(const char *backend, bool quick);

/* The suite of a command, or "all", in o->passes passes; model[0..n-1]: of "train". False when
 * there is none. */
bool bench_suite(const bench_options *o, bench_results *r, const char *command, char **model,
                 int n);
int bench_devices(const bench_options *o, bench_results *r);
int bench_startup(const bench_options *o, bench_results *r);
/* steps.c; model[0..n-1]: none: lenet. Returns the exit status. */
int bench_steps(const bench_options *o, char **model, int n);
/* spec[0..n-1]: of data sets; none: MNIST. */
int bench_data(const bench_options *o, bench_results *r, char **spec, int n);

/* crossing.c: lines about rows that have times. Densities of `sparse`, in percent, falling. */
#define BENCH_DENSITIES 50, 20, 10, 5, 2, 1
void bench_print_crossings(const bench_results *r);
void bench_print_exponents(const bench_results *r); /* of rows "sheet/UNITS KIND" */

/* ---- passes in processes of their own (passes.c) --------------------------------------------- */

/* Runs the command line once for each pass and joins what they measure. A pass that cannot be run
 * or dies is a line on standard error and ends them. */
void bench_passes(const bench_options *o, bench_results *r);
/* In the process of a pass: at its start, and for each group, whose rows it takes away. */
void bench_pass_begin(void);
void bench_pass_send(bench_results *r, uint32_t first, bool by_name);

/* ---- JSON (json.c) --------------------------------------------------------------------------- */

const char *bench_text(const json_t *o, const char *key); /* "" where there is none */
double bench_number(const json_t *o, const char *key);    /* NaN where there is none */
json_t *bench_real(double x);                             /* null for NaN and infinity */

/* ---- output ---------------------------------------------------------------------------------- */

void bench_print_head(void);
void bench_print_row(const bench_row *row);
void bench_print_ratio(const bench_ratio_row *q);
/* Whether the files asked for can be written, before anything is measured. */
bool bench_check_outputs(const bench_options *o);
/* What the JSON files tell of machine, build and moment. */
json_t *bench_environment(const bench_results *r);
/* Files asked for; returns false when one cannot be written. */
bool bench_write(const bench_options *o, const bench_results *r);
int bench_compare(const bench_options *o, const char *a, const char *b);
int bench_plot(const bench_options *o, char **file, int n);
int bench_report(const bench_options *o, char **file, int n);

#endif
