/*
 * engine/base/mem.h - where all memory comes from
 *
 * malloc() and its kin, which a test can make fail at a chosen call. Any
 * thread. What these return is freed by reap_free() alone.
 */
#ifndef REAP_ENGINE_BASE_MEM_H
#define REAP_ENGINE_BASE_MEM_H

#include <stddef.h>

/*
 * Call first, once. Large pieces get maps of their own and go back to the
 * system when they are freed: glibc would else learn to keep them, and memory
 * that one thread takes and another frees would grow for hours.
 */
void reap_mem_init(void);

/* n elements of 'size' bytes, all zero; NULL if there is no memory. Owned. */
void *reap_calloc(size_t n, size_t size);

/* As realloc(): the new bytes are not cleared, NULL leaves 'p' as it was. */
void *reap_realloc(void *p, size_t size);

/* 'size' bytes at a multiple of 64, not cleared; huge pages are asked for
 * where it is large. NULL if there is no memory. Owned. */
void *reap_aligned(size_t size);

/* A copy of the string. Owned. */
char *reap_strdup(const char *s);

/* Freeing NULL does nothing. */
void reap_free(void *p);

/* For tests: let the n-th allocation from now on fail, once; 0 for none. */
void reap_mem_fail_at(long n);

#endif /* REAP_ENGINE_BASE_MEM_H */
