/* malloc() and its kin, with a counter that makes one of them fail in tests. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/base/mem.h"

enum { LINE = 64, HUGE_PAGE = 2 << 20, MMAP_FROM = 128 << 10 };

/* Counts down to the allocation that fails. Only tests ever set it. */
static atomic_long fail_in;

static int fails(void)
{
    return atomic_load(&fail_in) > 0 && atomic_fetch_sub(&fail_in, 1) == 1;
}

void reap_mem_fail_at(long n)
{
    atomic_store(&fail_in, n);
}

void reap_mem_init(void)
{
    mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
}

void *reap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : calloc(n, size);
}

void *reap_realloc(void *p, size_t size)
{
    return fails() ? NULL : realloc(p, size);
}

void *reap_aligned(size_t size)
{
    size_t align = size >= HUGE_PAGE ? HUGE_PAGE : LINE;
    void *p;

    if (size > (size_t)-1 - align || fails())
        return NULL;
    size = (size + align - 1) / align * align;
    p = aligned_alloc(align, size ? size : align);
    if (p && align == HUGE_PAGE)
        madvise(p, size, MADV_HUGEPAGE); /* a wish; refusal costs nothing */
    return p;
}

char *reap_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = reap_calloc(1, n);

    return copy ? memcpy(copy, s, n) : NULL;
}

void reap_free(void *p)
{
    free(p);
}
