/* The drivers that the OpenCL loader is going to load, read as the loader reads them: files *.icd
 * with the name of a library in the first line. */
#include "listing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VENDORS "/etc/OpenCL/vendors"

typedef struct list {
  ocl_driver *out;
  uint32_t n, cap;
} list;

static void add(list *l, const char *icd, const char *library) {
  if (!*library || l->n == l->cap) return;
  ocl_driver *d = &l->out[l->n++];
  snprintf(d->icd, sizeof d->icd, "%s", icd);
  snprintf(d->library, sizeof d->library, "%s", library);
}

static bool ends_in(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n > m && !strcmp(text + n - m, end);
}

static void add_file(list *l, const char *path) {
  char line[256] = "";
  FILE *f = fopen(path, "r");
  if (!f) return;
  if (fgets(line, sizeof line, f)) {
    line[strcspn(line, "\r\n")] = 0;
    add(l, path, line + strspn(line, " \t"));
  }
  fclose(f);
}

static void add_folder(list *l, const char *folder) {
  struct dirent **name = NULL;
  int n = scandir(folder, &name, NULL, alphasort);
  for (int i = 0; i < n; i++) {
    char path[512];
    if (ends_in(name[i]->d_name, ".icd") &&
        snprintf(path, sizeof path, "%s/%s", folder, name[i]->d_name) < (int)sizeof path)
      add_file(l, path);
    free(name[i]);
  }
  free(name);
}

uint32_t ocl_drivers(ocl_driver *out, uint32_t cap) {
  list l = {out, 0, cap};
  const char *vendors = getenv("OCL_ICD_VENDORS"), *older = getenv("OPENCL_VENDOR_PATH");
  const char *files = getenv("OCL_ICD_FILENAMES");
  const char *from = vendors && *vendors ? vendors : older && *older ? older : VENDORS;
  struct stat st;
  if (stat(from, &st) == 0 && S_ISDIR(st.st_mode))
    add_folder(&l, from);
  else if (ends_in(from, ".icd"))
    add_file(&l, from);
  else if (strchr(from, '/') || ends_in(from, ".so"))
    add(&l, "", from);
  char *copy = files ? strdup(files) : NULL, *save = NULL;
  for (char *f = copy ? strtok_r(copy, ":", &save) : NULL; f; f = strtok_r(NULL, ":", &save))
    add(&l, "", f);
  free(copy);
  return l.n;
}
