/* reap bench WHAT: finds the row of benches.def. */
#include <string.h>

#include "jobs/bench/bench.h"
#include "jobs/cli/cmd.h"

static const struct {
    const char *word, *about;
    reap_bench_fn *run;
} benches[] = {
#define BENCH(name, word, about) { word, about, reap_bench_##name },
#include "jobs/bench/benches.def"
#undef BENCH
};

int reap_cmd_bench(const struct reap_options *o, struct reap_err *err)
{
    size_t n = sizeof(benches) / sizeof(benches[0]), at = 0;
    char known[200] = "";

    for (size_t i = 0; i < n; i++) {
        if (o->n_args > 0 && !strcmp(o->args[0], benches[i].word))
            return benches[i].run(o, err);
        at +=
            (size_t)snprintf(known + at, sizeof(known) - at, "%s%s (%s)",
                             i ? ", " : "", benches[i].word, benches[i].about);
    }
    return reap_fail(err, REAP_EINVAL, "what should be measured? %s", known);
}
