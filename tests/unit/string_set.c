/* Texts with numbers: found, sorted by value or as bytes, without memory. */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/string_set.h"
#include "tests/tap.h"

enum { MANY = 5000 };

static void many(void)
{
    static uint32_t to[MANY];
    struct reap_string_set *n;
    uint32_t number;
    char text[16];
    int bad = reap_string_set_new(&n, NULL);

    for (uint32_t i = 0; !bad && i < MANY; i++) {
        snprintf(text, sizeof(text), "%u", (i * 7) % MANY);
        bad += reap_string_set_add(n, text, &number, NULL) || number != i;
        bad += reap_string_set_add(n, text, &number, NULL) || number != i;
    }
    ok(!bad && reap_string_set_count(n) == MANY, "%d texts, each once", MANY);
    ok(reap_string_set_find(n, "5000") == UINT32_MAX &&
           reap_string_set_find(n, "") == UINT32_MAX &&
           reap_string_set_find(n, "07") == UINT32_MAX,
       "others are not found");
    bad = reap_string_set_sort(n, to, NULL);
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "%u", i);
        bad += strcmp(reap_string_set_text(n, i), text) != 0 ||
               reap_string_set_find(n, text) != i || to[i] != (i * 7) % MANY;
    }
    ok(!bad, "sorted as numbers, and found where they are");
    bad = reap_string_set_add(n, "1x", &number, NULL) ||
          reap_string_set_sort(n, NULL, NULL);
    ok(!bad && !strcmp(reap_string_set_text(n, 2), "10") &&
           !strcmp(reap_string_set_text(n, 3), "100"),
       "as bytes once one of them is no number");
    reap_string_set_free(&n);
}

static void no_memory(void)
{
    int rc = REAP_ENOMEM, odd = 0;
    long i;

    for (i = 1; rc && i < 200; i++) {
        struct reap_string_set *n;
        uint32_t number;
        char text[8];

        reap_mem_fail_at(i);
        rc = reap_string_set_new(&n, NULL);
        for (int k = 0; !rc && k < 40; k++) {
            snprintf(text, sizeof(text), "t%d", k);
            rc = reap_string_set_add(n, text, &number, NULL);
            odd += !rc && number != (uint32_t)k;
        }
        odd += rc && rc != REAP_ENOMEM;
        reap_string_set_free(&n);
    }
    reap_mem_fail_at(0);
    ok(!rc && i > 40 && !odd, "each of %ld allocations fails once", i - 2);
}

int main(void)
{
    many();
    no_memory();
    return done();
}
