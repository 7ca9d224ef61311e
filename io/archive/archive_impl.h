/* io/archive/archive_impl.h - the inside of io/archive */
#ifndef REAP_IO_ARCHIVE_ARCHIVE_IMPL_H
#define REAP_IO_ARCHIVE_ARCHIVE_IMPL_H

#include "io/archive/archive.h"

enum { REAP_ARCHIVE_WHY = 200 };

/* ---- the bytes of a file, decompressed ---- */

struct reap_stream;

/* Open 'path', compressed or not. Codes as of reap_archive_open(). */
int reap_stream_open(struct reap_stream **out, const char *path, uint64_t most,
                     struct reap_err *err) REAP_MUST_CHECK;
/* Fewer than 'n' bytes come at the end alone. */
size_t reap_stream_read(struct reap_stream *s, uint8_t *to, size_t n);
/* Pass over 'n' bytes; false: there are fewer. */
bool reap_stream_skip(struct reap_stream *s, uint64_t n);
/* What is wrong with the file's compression; NULL if nothing. */
const char *reap_stream_trouble(const struct reap_stream *s);
void reap_stream_close(struct reap_stream **s);

/* How many bytes may come out of a file of 'size'. */
uint64_t reap_archive_bound(uint64_t most, uint64_t size);
/* Said of one that would give more. */
extern const char reap_archive_bomb[];

/* ---- kinds of archives ---- */

/* An open archive of one kind: 'self' is its own. */
struct reap_archive_kind {
    bool (*next)(void *self, struct reap_member *m);
    const char *(*read)(void *self, uint8_t *to, size_t len);
    const char *(*trouble)(const void *self);
    void (*close)(void *self);
};

extern const struct reap_archive_kind reap_archive_tar, reap_archive_zip,
    reap_archive_cut_zip;

/* Each opens its kind; 'named': the file's name says that it is a tar, so that
 * a damaged first header does not make it something else. */
int reap_archive_tar_open(void **self, const char *path, uint64_t most,
                          bool named, struct reap_err *err) REAP_MUST_CHECK;
/* REAP_EFORMAT: its directory cannot be read. */
int reap_archive_zip_open(void **self, const char *path, uint64_t most,
                          struct reap_err *err) REAP_MUST_CHECK;
/* A zip without its directory, from its start on; 'why' is the trouble. */
int reap_archive_cut_zip_open(void **self, const char *path, uint64_t most,
                              const char *why,
                              struct reap_err *err) REAP_MUST_CHECK;

/* Are the 512 bytes a tar's header, by its checksum? */
bool reap_archive_tar_header(const uint8_t *block);

#endif /* REAP_IO_ARCHIVE_ARCHIVE_IMPL_H */
