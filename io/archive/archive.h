/*
 * io/archive/archive.h - the members of a tar or zip archive, one after another
 *
 * A stranger's archive is read for as far as it can be: a member that is
 * damaged is handed out with the reason, and those after it are still read.
 * Names are the archive's own bytes, whatever the locale. Nothing is written,
 * and no program is started to decompress. One thread at a time per archive.
 */
#ifndef REAP_IO_ARCHIVE_ARCHIVE_H
#define REAP_IO_ARCHIVE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct reap_archive;

enum reap_member_kind {
    REAP_MEMBER_FILE,
    REAP_MEMBER_FOLDER,
    REAP_MEMBER_HARD_LINK,     /* 'link' is a path in the archive */
    REAP_MEMBER_SYMBOLIC_LINK, /* 'link' is as the link's folder sees it */
    REAP_MEMBER_OTHER          /* a device, a pipe */
};

/* Lent until the next call. */
struct reap_member {
    enum reap_member_kind kind;
    const char *path; /* of a damaged member: a guess at it, or "" */
    const char *link;
    const char *bad; /* why it cannot be taken; NULL: it can */
    uint64_t size;
};

/*
 * What an archive's first bytes, 'n' of them (4096 suffice), say it is: "tar",
 * "zip", "gzip", ...; NULL if they do not say. '*readable' is whether this room
 * reads it: for a compressed file what is inside may still be no tar.
 */
const char *reap_archive_magic(const uint8_t *head, size_t n, bool *readable);

/* Does the name end as an archive's that this room reads, ".tar", ".tgz",
 * ".zip", ...? In capitals, too. */
bool reap_archive_is_name(const char *name);

/*
 * Open it. 'most': how many bytes may come out of it; 0: 200 times as many as
 * it has and 256 MiB. Returns REAP_OK, REAP_EACCESS, REAP_ENOTFOUND, REAP_EIO,
 * REAP_EFORMAT or REAP_ENOMEM; the message names the file.
 */
int reap_archive_open(struct reap_archive **out, const char *path,
                      uint64_t most, struct reap_err *err) REAP_MUST_CHECK;

/* The next member, damaged ones too. False at the end. */
bool reap_archive_next(struct reap_archive *a, struct reap_member *m);

/* All m->size bytes of the member that came last, checked by its checksum if
 * it has one. NULL, or why they cannot be had. */
const char *reap_archive_read(struct reap_archive *a, uint8_t *to, size_t len);

/* After the last member: what is wrong with the archive as a whole, NULL if
 * nothing: it is cut, its own checksum does not fit, it expands too far. */
const char *reap_archive_trouble(const struct reap_archive *a);

/* Close '*a', which becomes NULL; NULL does nothing. */
void reap_archive_close(struct reap_archive **a);

#endif /* REAP_IO_ARCHIVE_ARCHIVE_H */
