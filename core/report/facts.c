/* facts.c: what was run, on what, and how each network ended. */
#include "report/report_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- networks that did not finish ----------------------------------------------------------- */

static const char *status_of(const report_run *run, uint32_t arm, uint32_t seed) {
  const json_t *end = run->ends[arm * run->n_seeds + seed];
  return end ? lp_jstr(end, "status") : "";
}

static void nonfinite_item(const report_run *run, FILE *f, uint32_t arm, uint32_t seed) {
  const json_t *end = run->ends[arm * run->n_seeds + seed];
  lp_report_html(
      f,
      "<li>%s, seed %s: the loss stopped being a finite number in epoch %s at step %s, learning "
      "rate %s.%s%s</li>\n",
      run->arms[arm].name, lp_report_seed(run->seeds[seed]).s,
      lp_report_num(lp_jnum(end, "epoch"), 0).s, lp_report_num(lp_jnum(end, "step"), 0).s,
      lp_report_exact(lp_jnum(end, "lr")).s, *lp_jstr(end, "message") ? " " : "",
      lp_jstr(end, "message"));
}

void lp_facts_status(const report_run *run, FILE *f) {
  uint32_t complete = 0, other = 0;
  if (run->folder->imported) return;
  for (uint32_t i = 0; i < run->n_arms * run->n_seeds; i++) {
    bool done = strcmp(status_of(run, i / run->n_seeds, i % run->n_seeds), "complete") == 0;
    complete += done;
    other += !done;
  }
  lp_report_html(f, "<p>%u of %u networks (%u arms, %u seeds) finished.</p>\n", complete,
                 complete + other, run->n_arms, run->n_seeds);
  if (!other) return;
  lp_report_html(f, "<ul class=\"warn\">\n");
  for (uint32_t i = 0; i < run->n_arms * run->n_seeds; i++) {
    uint32_t arm = i / run->n_seeds, seed = i % run->n_seeds;
    const char *status = status_of(run, arm, seed);
    const char *name = run->arms[arm].name;
    shorttext number = lp_report_seed(run->seeds[seed]);
    if (strcmp(status, "complete") == 0) continue;
    if (strcmp(status, "nonfinite") == 0)
      nonfinite_item(run, f, arm, seed);
    else if (*status)
      lp_report_html(f, "<li>%s, seed %s: %s. %s</li>\n", name, number.s, status,
                     lp_jstr(run->ends[i], "message"));
    else
      lp_report_html(f, "<li>%s, seed %s: not finished; it is shown as far as it got.</li>\n", name,
                     number.s);
  }
  lp_report_html(f, "</ul>\n");
}

/* ---- times ---------------------------------------------------------------------------------- */

static void time_table(const report_run *run, FILE *f) {
  lp_report_html(
      f, "<div class=\"scroll\"><table>\n<caption><span>Networks: how they ended, and seconds per "
         "epoch "
         "of training (mean over epochs, first to last)</span></caption>\n<thead><tr>"
         "<th scope=\"col\">Arm</th><th scope=\"col\">Seed</th><th scope=\"col\" "
         "class=\"text\">Status</th>"
         "<th scope=\"col\">Epochs</th><th scope=\"col\">Seconds per epoch</th>"
         "<th scope=\"col\">Last test loss</th><th scope=\"col\">Last accuracy, %%</th>"
         "</tr></thead>\n<tbody>\n");
  for (uint32_t i = 0; i < run->n_arms * run->n_seeds; i++) {
    uint32_t arm = i / run->n_seeds, seed = i % run->n_seeds, epochs = 0, timed = 0, last = 0;
    double seconds = 0, low = INFINITY, high = 0, loss = NAN, accuracy = NAN;
    for (uint32_t k = 0; k < run->n_epochs; k++) {
      const report_epoch *e = &run->epochs[k];
      if (e->arm != arm || e->seed != seed) continue;
      epochs++;
      if (!isnan(e->seconds)) {
        seconds += e->seconds;
        timed++;
        low = fmin(low, e->seconds);
        high = fmax(high, e->seconds);
      }
      if (e->epoch >= last) last = e->epoch, loss = e->loss, accuracy = e->accuracy;
    }
    shorttext range = {""};
    if (timed)
      snprintf(range.s, sizeof range.s, "shortest %.30s s, longest %.30s s", lp_num_auto(low).s,
               lp_num_auto(high).s);
    const char *status = status_of(run, arm, seed);
    lp_report_html(f,
                   "<tr><th scope=\"row\">%s</th><td>%s</td><td class=\"text\">%s</td><td>%u</td>",
                   run->arms[arm].name, lp_report_seed(run->seeds[seed]).s,
                   *status ? status : "unfinished", epochs);
    lp_html_cell(f, lp_num_auto(timed ? seconds / timed : NAN).s, range.s);
    lp_report_html(f, "<td>%s</td><td>%s</td></tr>\n", lp_report_num(loss, 3).s,
                   lp_report_num(accuracy, 2).s);
  }
  lp_report_html(f, "</tbody>\n</table></div>\n");
}

/* ---- the run -------------------------------------------------------------------------------- */

static void row(FILE *f, const char *name, const char *value) {
  if (*value)
    lp_report_html(f, "<tr><th scope=\"row\">%s</th><td class=\"text\">%s</td></tr>\n", name,
                   value);
}

static void value_row(FILE *f, const char *name, const json_t *v) {
  if (json_is_string(v)) {
    row(f, name, json_string_value(v));
  } else if (v && !json_is_null(v)) {
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(8));
    if (text) row(f, name, text);
    free(text);
  }
}

static void command_row(FILE *f, const char *name, const json_t *command) {
  char *text = NULL;
  size_t n = 0, i;
  json_t *v;
  FILE *m = open_memstream(&text, &n);
  if (!m) return;
  json_array_foreach(command, i, v) {
    if (json_is_string(v)) fprintf(m, "%s%s", i ? " " : "", json_string_value(v));
  }
  if (fclose(m) == 0) row(f, name, text);
  free(text);
}

/* Names, sheets and layers of the reference's sites, and of those that only other arms have. */
static void sites_row(const report_run *run, FILE *f) {
  char *text = NULL;
  size_t n = 0;
  FILE *m = open_memstream(&text, &n);
  if (!m) return;
  for (uint32_t s = 0; s < run->n_sites; s++) {
    uint32_t arm = lp_report_arm_index(run, run->reference);
    for (uint32_t a = 0; a < run->n_arms && !lp_report_sheet(run, arm, s)->units; a++) arm = a;
    const lp_run_site *sheet = lp_report_sheet(run, arm, s);
    fprintf(m, "%s%s: %u x %u units%s%s", s ? "; " : "", run->sites[s], sheet->rows, sheet->cols,
            *sheet->layer ? " of layer " : "", sheet->layer);
    if (s == run->folder->headline) fputs(" (primary)", m);
  }
  if (fclose(m) == 0) row(f, "sites", run->n_sites ? text : "none are recorded");
  free(text);
}

static void open_facts(FILE *f, const char *caption) {
  lp_report_html(f,
                 "<div class=\"scroll\"><table "
                 "class=\"facts\">\n<caption><span>%s</span></caption>\n<tbody>\n",
                 caption);
}

static void close_facts(FILE *f) {
  lp_report_html(f, "</tbody>\n</table></div>\n");
}

static void software(const report_run *run, FILE *f) {
  static const char *const keys[] = {"program", "version", "created",   "preset", "model", "epochs",
                                     "batch",   "seeds",   "precision", "cpu",    "jobs"};
  const json_t *m = run->manifest, *device = lp_jobj(m, "device");
  open_facts(f, "Program and machine");
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    value_row(f, keys[i], lp_jobj(m, keys[i]));
  sites_row(run, f);
  command_row(f, "command", lp_jobj(m, "command"));
  row(f, "device", lp_jstr(device, "id"));
  row(f, "device name", lp_jstr(device, "name"));
  row(f, "driver", lp_jstr(device, "driver"));
  close_facts(f);
}

static void reservations(FILE *f, const char *about, const json_t *all) {
  size_t i;
  json_t *one;
  if (!json_array_size(all)) return;
  lp_report_html(f,
                 "<section aria-label=\"Reservations\">\n<p><strong>What to know about the %s"
                 "</strong></p>\n<ul class=\"warn\">\n",
                 about);
  json_array_foreach(all, i, one) if (json_is_string(one))
      lp_report_html(f, "<li>%s</li>\n", json_string_value(one));
  lp_report_html(f, "</ul>\n</section>\n");
}

/* What makes a result mean less than it seems to. */
void lp_facts_data_warnings(const report_run *run, FILE *f) {
  reservations(f, "data", lp_jobj(lp_jobj(run->manifest, "data"), "warnings"));
  reservations(f, "measures", lp_jobj(run->summary, "warnings"));
}

static void data_facts(const report_run *run, FILE *f) {
  const json_t *d = lp_jobj(run->manifest, "data");
  size_t i;
  json_t *file;
  if (!json_is_object(d)) return;
  open_facts(f, "Data, with the SHA-256 of each file");
  value_row(f, "name", lp_jobj(d, "name"));
  value_row(f, "source", lp_jobj(d, "source"));
  value_row(f, "training samples", lp_jobj(d, "train"));
  value_row(f, "test samples", lp_jobj(d, "test"));
  value_row(f, "hashed", lp_jobj(d, "hashed"));
  json_array_foreach(lp_jobj(d, "notes"), i, file) row(f, "note", json_string_value(file));
  json_array_foreach(lp_jobj(d, "files"), i, file) {
    lp_report_html(f, "<tr><th scope=\"row\">%s</th><td class=\"text\"><code>%s</code></td></tr>\n",
                   lp_jstr(file, "file"), lp_jstr(file, "sha256"));
  }
  close_facts(f);
}

/* Which arms and seeds were not planned from the start. */
static void extensions(const report_run *run, FILE *f) {
  const json_t *all = lp_jobj(run->manifest, "extended");
  size_t i, k;
  json_t *e, *v;
  if (!json_array_size(all)) return;
  open_facts(f, "Added after the run began");
  json_array_foreach(all, i, e) {
    lp_report_html(f, "<tr><th scope=\"row\">%s</th><td class=\"text\">", lp_jstr(e, "time"));
    const json_t *arms = lp_jobj(e, "arms"), *seeds = lp_jobj(e, "seeds");
    json_array_foreach(arms, k, v) lp_report_html(
        f, "%s%s", k ? ", " : "arms ", json_string_value(v) ? json_string_value(v) : "?");
    if (json_array_size(arms) && json_array_size(seeds)) lp_report_html(f, "; ");
    json_array_foreach(seeds, k, v) lp_report_html(
        f, "%s%s", k ? ", " : "seeds ", lp_report_num((double)json_integer_value(v), 0).s);
    lp_report_html(f, "</td></tr>\n");
  }
  close_facts(f);
}

/* Which networks there are, and what put each into the folder. */
static void imports(const report_run *run, FILE *f) {
  size_t i;
  json_t *e;
  open_facts(f, "Networks whose activations were made elsewhere");
  json_array_foreach(lp_jobj(run->manifest, "imported"), i, e) {
    char name[160];
    snprintf(name, sizeof name, "%.100s, seed %.20s", lp_jstr(e, "arm"),
             lp_report_seed(lp_jseed(e)).s);
    command_row(f, name, lp_jobj(e, "command"));
  }
  close_facts(f);
}

void lp_facts_run(const report_run *run, FILE *f) {
  if (run->folder->imported)
    imports(run, f);
  else
    time_table(run, f);
  extensions(run, f);
  software(run, f);
  data_facts(run, f);
  json_t *options = lp_jobj(run->manifest, "options");
  const char *key;
  json_t *v;
  size_t i;
  if (json_object_size(options)) {
    open_facts(f, "Every option");
    json_object_foreach(options, key, v) value_row(f, key, v);
    close_facts(f);
  }
  const json_t *modules = lp_jobj(run->manifest, "modules");
  if (json_array_size(modules)) {
    open_facts(f, "Modules");
    json_array_foreach(modules, i, v) {
      const char *refused = lp_jstr(v, "refused"), *rejected = lp_jstr(v, "rejected");
      lp_report_html(f, "<tr><th scope=\"row\">%s %s</th><td class=\"text\">%s%s%s%s%s</td></tr>\n",
                     lp_jstr(v, "name"), lp_jstr(v, "version"), lp_jstr(v, "file"),
                     *refused ? "; not used: " : "", refused, *rejected ? "; refused: " : "",
                     rejected);
    }
    close_facts(f);
  }
}
