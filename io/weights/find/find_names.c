#include <stdio.h>
#include <string.h>

#include "io/weights/find/find_names.h"

const struct reap_dialect_row reap_dialects[REAP_DIALECTS] = {
#define DIALECT(name, stem, block, preset) { stem, block, preset },
#include "io/weights/find/dialects.def"
#undef DIALECT
};

static const struct {
    enum reap_dialect dialect;
    const char *from, *to;
} spellings[] = {
#define SPELLING(dialect, from, to) { REAP_DIALECT_##dialect, from, to },
#include "io/weights/find/dialects.def"
#undef SPELLING
};

enum { N_SPELLINGS = sizeof(spellings) / sizeof(*spellings) };

bool reap_find_starts(const char *s, const char *with)
{
    return !strncmp(s, with, strlen(with));
}

/* "conv1.weight", "bn1...", "layer3.0...". */
static bool in_trunk(const char *name)
{
    return reap_find_starts(name, "conv1.") || reap_find_starts(name, "bn1.") ||
           (reap_find_starts(name, "layer") && name[5] >= '0' &&
            name[5] <= '9' && name[6] == '.');
}

/*
 * "encoder.stages.2.layers.0.layer.1.normalization.bias" becomes
 * "layer3.0.bn2.bias", "...shortcut.convolution.weight" becomes
 * "...downsample.0.weight".
 */
static bool from_hugging_face(const char *rest, char to[REAP_FIND_NAME])
{
    static const char conv[] = "embedder.embedder.convolution.";
    static const char norm[] = "embedder.embedder.normalization.";
    unsigned stage, block, part;
    char kind[16], var[32];
    int at = 0;

    if (reap_find_starts(rest, conv))
        snprintf(to, REAP_FIND_NAME, "conv1.%s", rest + strlen(conv));
    else if (reap_find_starts(rest, norm))
        snprintf(to, REAP_FIND_NAME, "bn1.%s", rest + strlen(norm));
    else if (sscanf(rest, "encoder.stages.%3u.layers.%3u.%n", &stage, &block,
                    &at) != 2 ||
             !at)
        return false;
    else if (sscanf(rest + at, "shortcut.%15[a-z].%31s", kind, var) == 2)
        snprintf(to, REAP_FIND_NAME, "layer%u.%u.downsample.%d.%s", stage + 1,
                 block, kind[0] == 'n', var);
    else if (sscanf(rest + at, "layer.%3u.%15[a-z].%31s", &part, kind, var) ==
             3)
        snprintf(to, REAP_FIND_NAME, "layer%u.%u.%s%u.%s", stage + 1, block,
                 kind[0] == 'n' ? "bn" : "conv", part + 1, var);
    else /* in a stage, but nothing that a ResNet has there */
        snprintf(to, REAP_FIND_NAME, "layer%u.%u.%s", stage + 1, block,
                 rest + at);
    return true;
}

bool reap_find_trunk_name(enum reap_dialect d, const char *rest,
                          char to[REAP_FIND_NAME])
{
    if (d == REAP_DIALECT_HUGGING_FACE)
        return from_hugging_face(rest, to);
    for (size_t i = 0; i < N_SPELLINGS; i++) {
        if (spellings[i].dialect != d ||
            !reap_find_starts(rest, spellings[i].from))
            continue;
        snprintf(to, REAP_FIND_NAME, "%s%s", spellings[i].to,
                 rest + strlen(spellings[i].from));
        return true;
    }
    snprintf(to, REAP_FIND_NAME, "%s", rest);
    return d != REAP_DIALECT_CHILDREN && in_trunk(rest);
}

bool reap_find_counter(const char *name)
{
    static const char counter[] = "num_batches_tracked";
    const size_t n = strlen(name), m = sizeof(counter) - 1;

    return n >= m && !strcmp(name + n - m, counter);
}
