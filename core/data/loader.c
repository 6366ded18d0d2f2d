/* Batches decoded ahead by worker threads, handed out in order.
 *
 * Workers claim one sample after another, so a batch is ready as early as can be, and write it to
 * the slot of its batch in a ring; they stop when the ring is full. What a sample becomes does not
 * depend on who decodes it, nor when.
 */
#include "dataset.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WORKERS = 64, MIN_SLOTS = 2, MAX_SLOTS = 8, AUTO_WORKERS = 16 };
static const size_t ring_bytes = (size_t)64 << 20; /* more than two slots only within this */

typedef struct slot {
  uint8_t *images;
  int32_t *labels;
  uint32_t done; /* samples that are there, or have failed */
  lp_status status;
  uint32_t failed; /* the first sample of the batch that failed */
  char message[600];
} slot;

struct lp_loader {
  const lp_dataset *data;
  const uint32_t *order;
  uint32_t n, batch;
  uint64_t seed;
  uint32_t epoch;
  size_t image;  /* bytes */
  uint32_t next; /* first sample of the next batch to hand out */
  double waited;

  pthread_mutex_t lock; /* for all that follows */
  pthread_cond_t room, ready;
  uint32_t claimed; /* samples taken by workers */
  bool stop;
  uint32_t slots;
  slot slot[MAX_SLOTS];

  uint32_t workers;
  pthread_t worker[MAX_WORKERS];
};

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "out of memory loading images");
}

static uint32_t batch_count(const lp_loader *l, uint32_t first) {
  return l->n - first < l->batch ? l->n - first : l->batch;
}

/* ---- workers ------------------------------------------------------------------------------- */

/* The next sample to decode; false: there is none, or the loader is being freed. */
static bool claim(lp_loader *l, uint32_t *sample) {
  /* Samples before this one have a slot: the batches from the one that is handed out next. */
  while (!l->stop && l->claimed < l->n && l->claimed / l->batch >= l->next / l->batch + l->slots)
    pthread_cond_wait(&l->room, &l->lock);
  if (l->stop || l->claimed == l->n) return false;
  *sample = l->claimed++;
  return true;
}

static void *work(void *arg) {
  lp_loader *l = arg;
  uint32_t sample;
  pthread_mutex_lock(&l->lock);
  while (claim(l, &sample)) {
    slot *s = &l->slot[sample / l->batch % l->slots];
    const uint32_t k = sample % l->batch;
    pthread_mutex_unlock(&l->lock);
    lp_status status = lp_dataset_batch(l->data, &l->order[sample], 1, l->seed, l->epoch,
                                        s->images + k * l->image, &s->labels[k]);
    pthread_mutex_lock(&l->lock);
    if (status != LP_OK && (s->status == LP_OK || k < s->failed)) {
      s->status = status;
      s->failed = k;
      snprintf(s->message, sizeof s->message, "%s", lp_error_message());
    }
    if (++s->done == batch_count(l, sample - k)) pthread_cond_signal(&l->ready);
  }
  pthread_mutex_unlock(&l->lock);
  return NULL;
}

static uint32_t default_workers(void) {
  const char *text = getenv("LOCALITY_WORKERS");
  if (text && *text >= '0' && *text <= '9') {
    unsigned long n = strtoul(text, NULL, 10);
    return n < MAX_WORKERS ? (uint32_t)n : MAX_WORKERS;
  }
  cpu_set_t cpus;
  int n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus)
                                                        : (int)sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1 : n < AUTO_WORKERS ? (uint32_t)n : AUTO_WORKERS;
}

/* Signals are for the threads of the program. */
static lp_status start_workers(lp_loader *l, uint32_t workers) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int e = 0;
  while (l->workers < workers && e == 0) {
    e = pthread_create(&l->worker[l->workers], NULL, work, l);
    l->workers += e == 0;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (l->workers > 0) return LP_OK; /* fewer are slower, nothing else */
  return lp_fail(LP_ERR_MEMORY, "cannot start a thread that loads images: %s", strerror(e));
}

static lp_status make_slots(lp_loader *l) {
  const size_t bytes = l->batch * (l->image + sizeof(int32_t));
  const uint32_t batches = (l->n + l->batch - 1) / l->batch;
  l->slots = MIN_SLOTS;
  while (l->slots < MAX_SLOTS && (l->slots + 1) * bytes <= ring_bytes) l->slots++;
  if (l->slots > batches) l->slots = batches;
  for (uint32_t i = 0; i < l->slots; i++) {
    l->slot[i].images = malloc(l->batch * l->image);
    l->slot[i].labels = malloc(l->batch * sizeof *l->slot[i].labels);
    if (!l->slot[i].images || !l->slot[i].labels) return out_of_memory();
  }
  return LP_OK;
}

/* ---- the loader ---------------------------------------------------------------------------- */

lp_status lp_loader_new(const lp_dataset *d, const uint32_t *order, uint32_t n, uint32_t batch,
                        uint64_t seed, uint32_t epoch, uint32_t workers, lp_loader **out) {
  *out = NULL;
  const lp_dataset_info *info = lp_dataset_get_info(d);
  if (batch < 1) return lp_fail(LP_ERR_ARG, "a loader with batches of no images");
  for (uint32_t i = 0; i < n; i++)
    if (order[i] >= info->count)
      return lp_fail(LP_ERR_ARG, "sample %" PRIu32 " of %s, which has %" PRIu32, order[i],
                     info->name, info->count);
  lp_loader *l = calloc(1, sizeof *l);
  if (!l) return out_of_memory();
  l->data = d;
  l->order = order;
  l->n = n;
  l->batch = batch < n ? batch : n > 0 ? n : 1;
  l->seed = seed;
  l->epoch = epoch;
  l->image = (size_t)info->channels * info->height * info->width;
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->room, NULL);
  pthread_cond_init(&l->ready, NULL);
  if (workers == LP_LOADER_AUTO) workers = d->decodes ? default_workers() : 0;
  if (workers > MAX_WORKERS) workers = MAX_WORKERS;
  if (workers > n) workers = n;
  lp_status s = LP_OK;
  if (workers > 0) s = make_slots(l);
  if (s == LP_OK && workers > 0) s = start_workers(l, workers);
  if (s == LP_OK)
    *out = l;
  else
    lp_loader_free(l);
  return s;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Takes the batch at `next` out of its slot. */
static lp_status take(lp_loader *l, uint32_t count, uint8_t *images, int32_t *labels) {
  slot *s = &l->slot[l->next / l->batch % l->slots];
  pthread_mutex_lock(&l->lock);
  while (s->done < count) pthread_cond_wait(&l->ready, &l->lock);
  pthread_mutex_unlock(&l->lock);
  /* Nobody writes to a complete slot until `next` has moved on. */
  if (s->status != LP_OK) return lp_fail(s->status, "%s", s->message);
  memcpy(images, s->images, count * l->image);
  memcpy(labels, s->labels, count * sizeof *labels);
  return LP_OK;
}

lp_status lp_loader_next(lp_loader *l, uint8_t *images, int32_t *labels, uint32_t *count) {
  const uint32_t n = batch_count(l, l->next);
  const double start = now();
  *count = 0;
  if (n == 0) return LP_OK;
  lp_status s = l->workers ? take(l, n, images, labels)
                           : lp_dataset_batch(l->data, l->order + l->next, n, l->seed, l->epoch,
                                              images, labels);
  if (s != LP_OK) return s;
  pthread_mutex_lock(&l->lock);
  if (l->workers) l->slot[l->next / l->batch % l->slots].done = 0;
  l->next += n;
  pthread_cond_broadcast(&l->room);
  pthread_mutex_unlock(&l->lock);
  *count = n;
  l->waited += now() - start;
  return LP_OK;
}

double lp_loader_waited(const lp_loader *l) {
  return l->waited;
}

void lp_loader_free(lp_loader *l) {
  if (!l) return;
  pthread_mutex_lock(&l->lock);
  l->stop = true;
  pthread_cond_broadcast(&l->room);
  pthread_mutex_unlock(&l->lock);
  for (uint32_t i = 0; i < l->workers; i++) pthread_join(l->worker[i], NULL);
  pthread_cond_destroy(&l->ready);
  pthread_cond_destroy(&l->room);
  pthread_mutex_destroy(&l->lock);
  for (uint32_t i = 0; i < l->slots; i++) {
    free(l->slot[i].images);
    free(l->slot[i].labels);
  }
  free(l);
}
