/*
 * io/out/outfile_rule.h - which files a command may write: one rule for all
 *
 * Never over a file that the command reads, nor over any in a folder that it
 * reads. Never over a file that reap did not write, or that somebody has
 * changed since, unless the user asked for it (--force). What reap wrote is
 * replaced; io/out/outfile_sidecar.h tells. io/out/outfile.h asks here for
 * every file that a command writes, and tells what was done.
 *
 * The program makes one for its command and puts it in force, before threads
 * start. Without one there is no rule: a test of a part may write what it
 * likes. One thread at a time.
 */
#ifndef REAP_IO_OUT_OUTFILE_RULE_H
#define REAP_IO_OUT_OUTFILE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "io/out/outfile_sidecar.h"

struct reap_out_rule;

struct reap_written {
    const char *path;
    struct reap_shape shape;
    uint64_t bytes;
};

/* 'force': replace what is there, but for inputs. REAP_ENOMEM. */
int reap_out_rule_new(struct reap_out_rule **out, bool force,
                      struct reap_err *err) REAP_MUST_CHECK;

/* A file or folder that the command reads; what is not there is none. */
int reap_out_rule_input(struct reap_out_rule *o, const char *path,
                        struct reap_err *err) REAP_MUST_CHECK;

/* Put it in force for the process, NULL: none. Borrowed until then. */
void reap_out_rule_use(struct reap_out_rule *o);

/* Where the files that are written from now on are noted; without this call
 * each has a sidecar of its own name. Returns REAP_EINVAL if it is too long. */
int reap_out_rule_sidecar(const char *path,
                          struct reap_err *err) REAP_MUST_CHECK;
const char *reap_out_rule_sidecar_of(const char *path, char *buf, size_t size);

/* May 'path' be written? REAP_OK, REAP_EINVAL (it is read), REAP_ECREATE (it
 * is somebody else's, was changed, or is no file). To be asked before long
 * work; reap_outfile_open() asks again. 'hash' is the sha256 of what reap wrote
 * there, "" if it did not; may be NULL. */
int reap_out_rule_may(const char *path, char hash[65],
                      struct reap_err *err) REAP_MUST_CHECK;

/* Is 'path' the same file or folder as one that the command reads? */
bool reap_out_rule_is_input(const char *path);

/* Is the rule in force, and must files be noted? */
bool reap_out_rule_on(void);
bool reap_out_rule_forced(void);

/* Written: for the list of those. */
void reap_out_rule_done(const char *path, const struct reap_shape *shape,
                        uint64_t bytes);

/* File i that was written, NULL after the last. */
const struct reap_written *reap_out_rule_at(size_t i);

void reap_out_rule_free(struct reap_out_rule **o);

#endif /* REAP_IO_OUT_OUTFILE_RULE_H */
