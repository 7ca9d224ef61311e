/* Quoting for a POSIX shell. */
#include <string.h>

#include "jobs/cli/quote.h"

void reap_quote(FILE *to, const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_-./:=,+@%";

    if (*word && *word != '=' && word[strspn(word, safe)] == '\0') {
        fputs(word, to);
        return;
    }
    putc('\'', to);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", to);
        else
            putc(*word, to);
    putc('\'', to);
}
