/* JSON through io/out/outfile.h. */
#include <stdlib.h>

#include "io/out/outfile.h"
#include "jobs/judge/json_file.h"

int reap_json_file(json_t *tree, const char *path, struct reap_err *err)
{
    char *text =
        tree ? json_dumps(tree, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    struct reap_outfile *f = NULL;
    int rc = text ? reap_outfile_open(&f, path, err)
                  : reap_fail(err, REAP_ENOMEM, "no memory for JSON");

    if (!rc) {
        fputs(text, reap_outfile_stream(f));
        fputc('\n', reap_outfile_stream(f));
        rc = reap_outfile_commit(&f, err);
    }
    free(text);
    json_decref(tree);
    return rc;
}
