#include "jobs/setup/decoders.h"

#include "jobs/cli/words.h"
#include "pipeline/prepare.h"

int reap_decoders_begin(const struct reap_options *o, struct reap_err *err)
{
    static const char *const words[] = { "auto", "on", "off", NULL };
    enum { AUTO, ON, OFF };
    enum { SECONDS = 10 };
    unsigned which;
    int rc;

    if (!reap_options_take(o->command, "sandbox"))
        return REAP_OK;
    rc = reap_parse_word("sandbox", o->sandbox, words, &which, err);
    if (!rc && o->decode_time_given && !o->decode_time)
        rc = reap_fail(err, REAP_EINVAL,
                       "--decode-time 0: at least 1 is needed");
    if (rc || which == OFF)
        return rc;
    rc = reap_prepare_sandbox(
        which == ON, o->decode_time_given ? (double)o->decode_time : SECONDS,
        err);
    return which == ON ? rc : REAP_OK;
}
