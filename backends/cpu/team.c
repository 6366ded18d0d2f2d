/* Sharing out work and waiting for each other. */
#include "team.h"

#include <limits.h>
#include <sched.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#if defined(__x86_64__) || defined(__i386__)
#define relax() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define relax() __asm__ volatile("yield")
#else
#define relax() ((void)0)
#endif

bool cpu_next(cpu_worker *w, int64_t n, int64_t *unit) {
  int count = w->count;
  do {
    int64_t first = n * w->victim / count, last = n * (w->victim + 1) / count;
    _Atomic int64_t *taken = &w->team->ticket[w->victim].taken;
    /* Reading first spares the finished shares an atomic update. */
    if (atomic_load_explicit(taken, memory_order_relaxed) < last - first) {
      int64_t i = first + atomic_fetch_add_explicit(taken, 1, memory_order_relaxed);
      if (i < last) {
        *unit = i;
        return true;
      }
    }
    w->victim = w->victim + 1 == count ? 0 : w->victim + 1;
  } while (w->victim != w->id);
  return false;
}

/* Sleeps while *word == value, or for a moment where the system has no futex. */
static void sleep_on(_Atomic unsigned *word, unsigned value) {
#if defined(__linux__)
  syscall(SYS_futex, (void *)word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
#else
  (void)word;
  (void)value;
  sched_yield();
#endif
}

static void wake_all(_Atomic unsigned *word) {
#if defined(__linux__)
  syscall(SYS_futex, (void *)word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
  (void)word;
#endif
}

void cpu_barrier(cpu_worker *w) {
  cpu_team *t = w->team;
  w->victim = w->id;
  unsigned generation = atomic_load_explicit(&t->generation, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&t->arrived, 1, memory_order_acq_rel) == w->count - 1) {
    for (int i = 0; i < w->count; i++)
      atomic_store_explicit(&t->ticket[i].taken, 0, memory_order_relaxed);
    atomic_store_explicit(&t->arrived, 0, memory_order_relaxed);
    /* Sequentially consistent with the sleepers: either they see the new generation or they are
     * seen here. */
    atomic_store(&t->generation, generation + 1);
    if (atomic_load(&t->sleepers)) wake_all(&t->generation);
    return;
  }
  for (int polls = 0; polls < t->spin; polls++) {
    if (atomic_load_explicit(&t->generation, memory_order_acquire) != generation) return;
    relax();
  }
  atomic_fetch_add(&t->sleepers, 1);
  while (atomic_load(&t->generation) == generation) sleep_on(&t->generation, generation);
  atomic_fetch_sub(&t->sleepers, 1);
}
