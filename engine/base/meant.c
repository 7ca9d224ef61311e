/* Levenshtein's distance with swaps, and how much of it is still a typing
 * error. */
#include <ctype.h>
#include <string.h>

#include "engine/base/meant.h"

enum { LONGEST = 40, FAR = 1000 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Steps from a to b: Levenshtein's table, in which two neighbours that change
 * places are one step, as in Damerau's. */
static size_t steps_between(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b);
    size_t d[LONGEST + 1][LONGEST + 1];

    if (n > LONGEST || m > LONGEST)
        return FAR;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            const char x = i ? (char)tolower((unsigned char)a[i - 1]) : '\0';
            const char y = j ? (char)tolower((unsigned char)b[j - 1]) : '\0';
            size_t best = i && j ? d[i - 1][j - 1] + (x != y) : i + j;

            if (i && j)
                best = least(best, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]))
                best = least(best, d[i - 2][j - 2] + 1);
            d[i][j] = best;
        }
    return d[n][m];
}

/* A short word has few letters that may be wrong. */
static size_t allowed(const char *typed)
{
    const size_t n = strlen(typed);

    return n < 3 ? 1 : n < 6 ? 2 : 3;
}

void reap_meant_begin(struct reap_meant *g, const char *typed)
{
    *g = (struct reap_meant){ .typed = typed, .steps = allowed(typed) + 1 };
}

void reap_meant_try(struct reap_meant *g, const char *word)
{
    const size_t n = strlen(g->typed);
    size_t steps = steps_between(g->typed, word);

    if (n > 1 && !strncmp(g->typed, word, n))
        steps = 0; /* the start of a word */
    if (steps < g->steps && steps < n) {
        g->steps = steps;
        g->best = word;
    }
}
