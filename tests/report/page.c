/* What every page must be. */
#include "page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the headers above */

void must_contain(const char *page, const char *what) {
  if (strstr(page, what)) return;
  fail_msg("the page lacks: %s", what);
}

void must_lack(const char *page, const char *what) {
  const char *at = strstr(page, what);
  if (at) fail_msg("the page holds \"%s\" at: %.80s", what, at);
}

typedef struct tag_stack {
  char name[64][32];
  int n;
} tag_stack;

/* Reads a tag's name; s stands after '<' or '</'. */
static size_t tag_name(const char *s, char out[32]) {
  size_t n = strcspn(s, " \t\n/>");
  assert_in_range(n, 1, 31);
  memcpy(out, s, n);
  out[n] = 0;
  return n;
}

/* The end of a tag: the first '>' outside quotes. */
static const char *tag_end(const char *s) {
  char quote = 0;
  for (; *s && (quote || *s != '>'); s++) {
    if (quote && *s == quote)
      quote = 0;
    else if (!quote && (*s == '"' || *s == '\''))
      quote = *s;
    else if (*s == '<')
      fail_msg("'<' inside a tag: %.60s", s);
  }
  assert_int_equal(*s, '>');
  return s;
}

static void check_entity(const char *s) {
  static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&#160;", "&#9;"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strncmp(s, known[i], strlen(known[i])) == 0) return;
  fail_msg("a bare '&': %.40s", s);
}

/* Every tag that is opened is closed, in order; text has no bare '&'. Both HTML and XML parsers
 * then see the same page. */
void check_well_formed(const char *page) {
  static tag_stack open;
  open.n = 0;
  assert_int_equal(strncmp(page, "<!DOCTYPE html>\n", 16), 0);
  for (const char *s = page + 16; *s;) {
    if (*s != '<') {
      if (*s == '&') check_entity(s);
      s++;
      continue;
    }
    char name[32];
    if (s[1] == '/') {
      s += 2;
      s += tag_name(s, name);
      if (open.n == 0 || strcmp(open.name[open.n - 1], name) != 0)
        fail_msg("</%s> closes %s", name, open.n ? open.name[open.n - 1] : "nothing");
      open.n--;
      s = tag_end(s) + 1;
    } else {
      s++;
      tag_name(s, name);
      s = tag_end(s);
      if (s[-1] != '/') {
        assert_in_range(open.n, 0, 63);
        strcpy(open.name[open.n++], name);
      }
      s++;
    }
  }
  if (open.n) fail_msg("<%s> stays open", open.name[open.n - 1]);
}

/* Nothing is loaded from anywhere, and nothing runs; links lead to the figures' own files. */
void check_self_contained(const char *page) {
  static const char *const attribute[] = {"src=", "href=", "url(", "@import", "srcset="};
  for (size_t i = 0; i < sizeof attribute / sizeof *attribute; i++) {
    for (const char *s = page; (s = strstr(s, attribute[i]));) {
      s += strlen(attribute[i]);
      if (*s == '"' || *s == '\'') s++;
      if (*s != '#' && strncmp(s, "data:", 5) != 0 && strncmp(s, "figures/", 8) != 0)
        fail_msg("refers to something: %.60s", s);
    }
  }
  must_lack(page, "<script");
  must_lack(page, "<link");
}
