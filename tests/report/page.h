/* Checks of HTML pages; each fails the test. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

void must_contain(const char *page, const char *what);
void must_lack(const char *page, const char *what);
/* Every tag that is opened is closed, entities are known, < and & of text are escaped. */
void check_well_formed(const char *page);
/* Nothing is fetched from elsewhere. */
void check_self_contained(const char *page);

#endif
