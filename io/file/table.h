/*
 * io/file/table.h - read a small file of lines and columns
 *
 * Columns stand between tabs, or, where the first line (but one that begins
 * with '#') has a comma and no tab, between commas with quotes as in RFC 4180.
 * A byte order mark, CRLF, lone CR and blank lines are passed over. The file is
 * read whole, from a pipe too; what a column means is the caller's business.
 * One thread at a time.
 */
#ifndef REAP_IO_FILE_TABLE_H
#define REAP_IO_FILE_TABLE_H

#include <stddef.h>

#include "engine/base/err.h"

struct reap_table;

/*
 * Read 'path'. Returns REAP_OK, REAP_ENOTFOUND, REAP_EACCESS, REAP_EIO,
 * REAP_ENOMEM, or REAP_EFORMAT (a folder, or no text: there is a zero byte in
 * it). The message names the file.
 */
int reap_table_open(struct reap_table **out, const char *path,
                    struct reap_err *err) REAP_MUST_CHECK;

/*
 * The columns of the next line in 'column', which has 'room'; 0 at the end,
 * else how many the line has, which may be more. Strings are the table's, may
 * be changed in place and last until it is closed.
 */
size_t reap_table_next(struct reap_table *t, char **column, size_t room);

/* The number of the line last read, 1 the first. */
size_t reap_table_line(const struct reap_table *t);

/* Close '*t', which becomes NULL; NULL does nothing. */
void reap_table_close(struct reap_table **t);

#endif /* REAP_IO_FILE_TABLE_H */
