/* io/sandbox/sandbox.h - a child that reads strangers' bytes can do nothing
 * else */
#ifndef REAP_IO_SANDBOX_SANDBOX_H
#define REAP_IO_SANDBOX_SANDBOX_H

#include <stddef.h>

/*
 * For the calling process, for good: memory to work on a file of 'file_len'
 * bytes, and of the system's calls only those for memory and for files that
 * are open already; others fail. Where the system or a sanitizer does not
 * allow it, nothing happens.
 */
void reap_sandbox_enter(size_t file_len);

#endif /* REAP_IO_SANDBOX_SANDBOX_H */
