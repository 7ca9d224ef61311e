/*
 * io/sandbox/lock_down.h - what a decoder may still do: compute
 *
 * For a child of the zygote, once its libraries are loaded. Afterwards it can
 * use the memory it is allowed and the descriptors it has, and start threads;
 * every other call of the system fails.
 */
#ifndef REAP_IO_SANDBOX_LOCK_DOWN_H
#define REAP_IO_SANDBOX_LOCK_DOWN_H

#include <stdbool.h>
#include <stdint.h>

/* At most 'memory' more bytes of address space than the process has. False
 * where this system or a sanitizer allows no such lock. */
bool reap_lock_down(uint64_t memory);

#endif /* REAP_IO_SANDBOX_LOCK_DOWN_H */
