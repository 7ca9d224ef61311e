/*
 * io/archive/links.h - where the links in an archive lead, as tar would extract
 *
 * Paths are normal ones: no leading '/', no empty parts, no "." or "..". A hard
 * link is another name of its target, a symbolic one is followed from the
 * folder it is in, through other links too, and never out of the archive. One
 * thread at a time.
 */
#ifndef REAP_IO_ARCHIVE_LINKS_H
#define REAP_IO_ARCHIVE_LINKS_H

#include <stdbool.h>
#include <stddef.h>

struct reap_links;

/* None yet. NULL: no memory. */
struct reap_links *reap_links_new(void);
/* Free '*l', which becomes NULL; NULL does nothing. */
void reap_links_free(struct reap_links **l);

/* The link at 'path' leads to 'to'; a later one of the same path counts. False:
 * no memory. */
bool reap_links_add(struct reap_links *l, const char *path, const char *to,
                    bool hard);

size_t reap_links_count(const struct reap_links *l);
/* The path of link i < count. Borrowed. */
const char *reap_links_path(const struct reap_links *l, size_t i);

/* Where link i leads in the end: a path that is no link. Owned: reap_free();
 * NULL: nowhere, '*why' tells. */
char *reap_links_resolve(const struct reap_links *l, size_t i,
                         const char **why);

#endif /* REAP_IO_ARCHIVE_LINKS_H */
