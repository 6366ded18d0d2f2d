/* Samples decoded ahead by worker threads, handed out in order.
 *
 * Workers claim one sample after another, so that the next one wanted is ready as early as can be,
 * and write it to its place in a ring; they wait while the ring is full. What a sample becomes does
 * not depend on who decodes it, nor when.
 */
#include "dataset.h"

#include "../base/clock.h"

#include "../base/text.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WORKERS = 64, AUTO_WORKERS = 16, MIN_AHEAD = 2, MAX_AHEAD = 8 };
static const size_t ring_bytes = (size_t)64 << 20; /* more than two batches only within this */

struct lp_loader {
  const lp_dataset *data;
  const uint32_t *order;
  uint32_t n, batch;
  uint64_t seed;
  uint32_t epoch;
  size_t image; /* bytes */
  double waited;

  uint32_t ring; /* samples it holds: sample i is at i % ring */
  uint8_t *images;
  int32_t *labels;
  bool *done; /* the sample is there, or has failed */

  pthread_mutex_t lock; /* for all that follows, and done */
  pthread_cond_t room, ready;
  uint32_t next;     /* the next sample to hand out */
  uint32_t claimed;  /* samples taken by workers */
  uint32_t complete; /* samples before this one are done */
  uint32_t wanted;   /* what lp_loader_next waits for `complete` to reach */
  bool stop;
  lp_status status; /* of sample `failed`, the first that failed */
  uint32_t failed;
  char message[600];

  uint32_t workers;
  pthread_t worker[MAX_WORKERS];
};

static lp_status out_of_memory(void) {
  return lp_fail(LP_ERR_MEMORY, "out of memory loading images");
}

/* ---- workers ------------------------------------------------------------------------------- */

/* The next sample to decode; false: there is none, or the loader is being freed. */
static bool claim(lp_loader *l, uint32_t *sample) {
  while (!l->stop && l->claimed < l->n && l->claimed - l->next >= l->ring)
    pthread_cond_wait(&l->room, &l->lock);
  if (l->stop || l->claimed == l->n) return false;
  *sample = l->claimed++;
  return true;
}

static void finish(lp_loader *l, uint32_t sample, lp_status status) {
  if (status != LP_OK && (l->status == LP_OK || sample < l->failed)) {
    l->status = status;
    l->failed = sample;
    snprintf(l->message, sizeof l->message, "%s", lp_error_message());
  }
  l->done[sample % l->ring] = true;
  while (l->complete < l->claimed && l->done[l->complete % l->ring]) {
    l->done[l->complete++ % l->ring] = false;
    if (l->complete == l->wanted) pthread_cond_signal(&l->ready);
  }
}

static void *work(void *arg) {
  lp_loader *l = arg;
  uint32_t sample;
  pthread_mutex_lock(&l->lock);
  while (claim(l, &sample)) {
    pthread_mutex_unlock(&l->lock);
    const uint32_t at = sample % l->ring;
    lp_status status = lp_dataset_batch(l->data, &l->order[sample], 1, l->seed, l->epoch,
                                        l->images + at * l->image, &l->labels[at]);
    pthread_mutex_lock(&l->lock);
    finish(l, sample, status);
  }
  pthread_mutex_unlock(&l->lock);
  return NULL;
}

static uint32_t default_workers(void) {
  const char *text = getenv("LOCALITY_WORKERS");
  uint64_t n_asked;
  if (text && lp_whole(text, 0, UINT32_MAX, &n_asked))
    return n_asked < MAX_WORKERS ? (uint32_t)n_asked : MAX_WORKERS;
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

static size_t image_bytes(const lp_dataset *d) {
  const lp_dataset_info *info = lp_dataset_get_info(d);
  return (size_t)info->channels * info->height * info->width;
}

/* Samples that a ring has room for. */
static uint32_t ring_size(size_t image, uint32_t n, uint32_t batch) {
  const size_t bytes = batch * (image + sizeof(int32_t) + sizeof(bool));
  uint32_t ahead = MIN_AHEAD;
  while (ahead < MAX_AHEAD && (ahead + 1) * bytes <= ring_bytes) ahead++;
  return (uint64_t)ahead * batch < n ? ahead * batch : n;
}

uint64_t lp_loader_bytes(const lp_dataset *d, uint32_t n, uint32_t batch) {
  const size_t image = image_bytes(d);
  return d->decodes ? (uint64_t)ring_size(image, n, batch) * image : 0;
}

static lp_status make_ring(lp_loader *l) {
  l->ring = ring_size(l->image, l->n, l->batch);
  l->images = malloc(l->ring * l->image);
  l->labels = malloc(l->ring * sizeof *l->labels);
  l->done = calloc(l->ring, sizeof *l->done);
  return l->images && l->labels && l->done ? LP_OK : out_of_memory();
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
  l->batch = batch;
  l->seed = seed;
  l->epoch = epoch;
  l->image = image_bytes(d);
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->room, NULL);
  pthread_cond_init(&l->ready, NULL);
  if (workers == LP_LOADER_AUTO) workers = d->decodes ? default_workers() : 0;
  if (workers > MAX_WORKERS) workers = MAX_WORKERS;
  if (workers > n) workers = n;
  lp_status s = LP_OK;
  if (workers > 0) s = make_ring(l);
  if (s == LP_OK && workers > 0) s = start_workers(l, workers);
  if (s == LP_OK)
    *out = l;
  else
    lp_loader_free(l);
  return s;
}

static void copy_out(const lp_loader *l, uint32_t n, uint8_t *images, int32_t *labels) {
  const uint32_t at = l->next % l->ring, head = n < l->ring - at ? n : l->ring - at;
  memcpy(images, l->images + at * l->image, head * l->image);
  memcpy(labels, l->labels + at, head * sizeof *labels);
  memcpy(images + head * l->image, l->images, (n - head) * l->image);
  memcpy(labels + head, l->labels, (n - head) * sizeof *labels);
}

/* Takes the next n samples out of the ring. */
static lp_status take(lp_loader *l, uint32_t n, uint8_t *images, int32_t *labels) {
  pthread_mutex_lock(&l->lock);
  l->wanted = l->next + n;
  while (l->complete < l->wanted) pthread_cond_wait(&l->ready, &l->lock);
  bool failed = l->status != LP_OK && l->failed < l->wanted;
  pthread_mutex_unlock(&l->lock);
  if (failed) return lp_fail(l->status, "%s", l->message); /* nothing before it can fail now */
  copy_out(l, n, images, labels); /* workers leave these alone until `next` has moved on */
  pthread_mutex_lock(&l->lock);
  l->next += n;
  pthread_cond_broadcast(&l->room);
  pthread_mutex_unlock(&l->lock);
  return LP_OK;
}

lp_status lp_loader_next(lp_loader *l, uint32_t n, uint8_t *images, int32_t *labels,
                         uint32_t *count) {
  *count = 0;
  if (n > l->batch)
    return lp_fail(LP_ERR_ARG, "%" PRIu32 " images of a loader for %" PRIu32, n, l->batch);
  if (n > l->n - l->next) n = l->n - l->next;
  if (n == 0) return LP_OK;
  const double start = lp_seconds();
  lp_status s;
  if (l->workers) {
    s = take(l, n, images, labels);
  } else {
    s = lp_dataset_batch(l->data, l->order + l->next, n, l->seed, l->epoch, images, labels);
    if (s == LP_OK) l->next += n;
  }
  if (s == LP_OK) *count = n;
  l->waited += lp_seconds() - start;
  return s;
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
  free(l->images);
  free(l->labels);
  free(l->done);
  free(l);
}
