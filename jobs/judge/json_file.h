/* jobs/judge/json_file.h - JSON in a file, whole or not at all */
#ifndef REAP_JOBS_JUDGE_JSON_FILE_H
#define REAP_JOBS_JUDGE_JSON_FILE_H

#include <jansson.h>

#include "engine/base/err.h"

/* 'tree' is moved; NULL stands for one there was no memory for. Returns
 * REAP_ENOMEM and the codes of reap_outfile_open() and reap_outfile_commit().
 */
int reap_json_file(json_t *tree, const char *path,
                   struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_JUDGE_JSON_FILE_H */
