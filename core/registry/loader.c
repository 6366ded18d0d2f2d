/* Loading modules: ABI checks, init with rollback, and the list of what was found. */
#include "registry_internal.h"

#include "../base/library.h"
#include "../base/numbers.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct module {
  lp_module_info info;     /* strings are copies: a refused module may be unloaded */
  const lp_plugin *plugin; /* NULL when refused */
  bool rival;              /* it wanted a name that another of the library's own modules has */
} module;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool loaded;
static module *modules;
static uint32_t n_modules;

uint32_t lp_module_count(void) {
  return n_modules;
}

const lp_module_info *lp_module_get(uint32_t i) {
  static const lp_module_info own = {.file = "the library",
                                     .name = "locality",
                                     .version = LP_VERSION,
                                     .license = "Apache-2.0",
                                     .summary = "built in"};
  if (i == LP_MODULE_OWN) return &own;
  return i < n_modules ? &modules[i].info : NULL;
}

static const char *copy_text(const char *text) {
  return strdup(text ? text : "");
}

static void module_clear(module *m) {
  const char *const text[] = {m->info.file,    m->info.name,    m->info.version, m->info.license,
                              m->info.summary, m->info.refused, m->info.rejected};
  for (size_t i = 0; i < sizeof text / sizeof *text; i++) free((void *)text[i]);
  *m = (module){0};
}

/* Does the descriptor fit this library? Records why not. */
static lp_status check_plugin(const lp_plugin *p) {
  if (!p) return lp_fail(LP_ERR_PLUGIN, "lp_plugin_entry returned no descriptor");
  if (p->abi_major != LP_ABI_MAJOR)
    return lp_fail(LP_ERR_PLUGIN, "built for plugin ABI %u.%u, the library has %u.%u: rebuild it",
                   p->abi_major, p->abi_minor, LP_ABI_MAJOR, LP_ABI_MINOR);
  if (p->abi_minor > LP_ABI_MINOR)
    return lp_fail(LP_ERR_PLUGIN,
                   "built for plugin ABI %u.%u, the library has %u.%u: update the library",
                   p->abi_major, p->abi_minor, LP_ABI_MAJOR, LP_ABI_MINOR);
  if (p->struct_size < sizeof *p)
    return lp_fail(LP_ERR_PLUGIN, "its descriptor has %u bytes, at least %zu are needed",
                   p->struct_size, sizeof *p);
  if (!p->name || !p->name[0] || !p->version || !p->license || !p->summary)
    return lp_fail(LP_ERR_PLUGIN, "its descriptor lacks a name, version, license or summary");
  if (!p->init) return lp_fail(LP_ERR_PLUGIN, "its descriptor has no init function");
  return LP_OK;
}

static bool readable(const lp_plugin *p) {
  return p && p->abi_major == LP_ABI_MAJOR && p->struct_size >= sizeof *p;
}

/* Runs init; a failure takes back what the plugin registered. */
static lp_status init_plugin(const lp_plugin *p, const lp_host *host, uint32_t index, module *m) {
  lp_registrar r = {.module = index};
  uint32_t before = lp_entry_count();
  lp_fail(LP_OK, "no reason given"); /* so that an older text is not taken for its reason */
  lp_status s = p->init(host, &r);
  if (s != LP_OK) {
    m->rival = r.rival;
    lp_entries_truncate(before);
    return lp_fail_in(s, "init failed");
  }
  m->rival = r.rival;
  if (!r.rejected[0]) return LP_OK;
  m->info.rejected = strdup(r.rejected);
  lp_log(LP_LOG_WARNING, "module %s: %s", m->info.file, r.rejected);
  return m->info.rejected ? LP_OK : lp_fail(LP_ERR_MEMORY, "out of memory");
}

/* Opens one file as module `index`. A refusal is recorded in m, not returned. */
static lp_status load_file(const char *file, const lp_host *host, uint32_t index, module *m) {
  m->info.file = copy_text(file);
  const lp_plugin *p = NULL;
  lp_status s = LP_OK;
  bool inited = false;
  lp_fp_mode mode = lp_fp_save(); /* entry and init are foreign code too */
  void *handle = lp_library_open(file);
  if (!handle) {
    s = lp_fail(LP_ERR_PLUGIN, "%s", dlerror());
  } else {
    lp_plugin_entry_fn entry = NULL;
    void *symbol = dlsym(handle, "lp_plugin_entry");
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from object to function pointer */
    if (!entry) {
      s = lp_fail(LP_ERR_PLUGIN, "it has no symbol lp_plugin_entry: not a locality module");
    } else {
      p = entry();
      s = check_plugin(p);
    }
    if (s == LP_OK) {
      inited = true;
      s = init_plugin(p, host, index, m);
    }
  }
  lp_fp_restore(&mode, file);
  if (s != LP_OK) {
    m->info.refused = copy_text(lp_error_message());
    lp_log(LP_LOG_WARNING, "module %s is not used: %s", file, lp_error_message());
  }
  bool named = readable(p);
  m->info.name = copy_text(named ? p->name : "");
  m->info.version = copy_text(named ? p->version : "");
  m->info.license = copy_text(named ? p->license : "");
  m->info.summary = copy_text(named ? p->summary : "");
  m->plugin = s == LP_OK ? p : NULL;
  /* After init a module may own threads (OpenMP keeps some), and unloading it would crash. */
  if (handle && !inited) lp_library_close(handle);
  if (!m->info.file || !m->info.name || !m->info.version || !m->info.license || !m->info.summary ||
      (s != LP_OK && !m->info.refused))
    return lp_fail(LP_ERR_MEMORY, "out of memory while loading modules");
  return LP_OK;
}

static lp_status load_all(const lp_host *host,
                          lp_status (*built_in)(const lp_host *host, lp_registrar *r)) {
  lp_strings files = {0};
  uint32_t own = 0;
  lp_registrar r = {.module = LP_MODULE_OWN};
  lp_status s = built_in(host, &r);
  if (s == LP_OK) s = lp_search_modules(&files, &own);
  if (s == LP_OK && files.n) {
    modules = calloc(files.n, sizeof *modules);
    if (!modules) s = lp_fail(LP_ERR_MEMORY, "out of memory while loading modules");
  }
  while (s == LP_OK && n_modules < files.n) {
    uint32_t i = n_modules++; /* at once: what it registers is asked for its module */
    modules[i].info.foreign = i >= own;
    s = load_file(files.item[i], host, i, &modules[i]);
    const lp_module_info *info = &modules[i].info;
    /* Which of two is locality's cannot be told, and results must not depend on their order. */
    if (s == LP_OK && modules[i].rival)
      s = lp_fail(LP_ERR_PLUGIN,
                  "module %s: %s; both lie in locality's own folder: take out the one that is not "
                  "locality's (modules of others belong into LOCALITY_PLUGIN_PATH)",
                  info->file, info->refused ? info->refused : info->rejected);
  }
  lp_strings_free(&files);
  return s;
}

static void unload_all(void) {
  for (uint32_t i = n_modules; i-- > 0;) /* later modules may rest on earlier ones */
    if (modules[i].plugin && modules[i].plugin->fini) modules[i].plugin->fini();
  lp_entries_truncate(0);
  for (uint32_t i = 0; i < n_modules; i++) module_clear(&modules[i]);
  free(modules);
  modules = NULL;
  n_modules = 0;
}

lp_status lp_modules_load(const lp_host *host,
                          lp_status (*own)(const lp_host *host, lp_registrar *r)) {
  LP_POINT_NUMBERS;
  pthread_mutex_lock(&lock);
  lp_status s = LP_OK;
  if (!loaded) {
    s = load_all(host, own);
    if (s != LP_OK) unload_all();
    loaded = s == LP_OK;
  }
  pthread_mutex_unlock(&lock);
  return s;
}

void lp_registry_shutdown(void) {
  pthread_mutex_lock(&lock);
  unload_all();
  loaded = false;
  pthread_mutex_unlock(&lock);
}
