#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/out/outfile.h"
#include "io/file/text.h"
#include "jobs/setup/rule.h"
#include "jobs/cli/words.h"

enum { PATH_SIZE = 4096 };
static const char outputs[] = "output pixels keep-features";

/* A value and what stands in it between commas, line ends and colons, as in
 * --truth A,B and --head knn:STORE:5. */
static int add_inputs(struct reap_out_rule *r, const char *value,
                      struct reap_err *err)
{
    char part[PATH_SIZE];
    int rc = *value ? reap_out_rule_input(r, value, err) : REAP_OK;

    for (const char *p = value; !rc && p[strcspn(p, ",:\n")];) {
        const size_t n = strcspn(p, ",:\n");

        if (n && n < sizeof(part)) {
            memcpy(part, p, n);
            part[n] = '\0';
            rc = reap_out_rule_input(r, part, err);
        }
        p += n + (p[n] != '\0');
        if (!p[strcspn(p, ",:\n")] && !rc && *p)
            rc = reap_out_rule_input(r, p, err);
    }
    return rc;
}

static int check_outputs(const struct reap_options *o, struct reap_err *err)
{
    const char *name, *value;

    for (size_t i = 0; (value = reap_options_value(o, i, &name)); i++)
        if (*value && reap_word_in(outputs, name) &&
            !reap_outfile_is_stdout(value) && reap_out_rule_is_input(value))
            return reap_fail(err, REAP_EINVAL,
                             "%s%s %s: the command reads it, and would destroy "
                             "it: choose another",
                             strcmp(name, "output") ? "--" : "-",
                             strcmp(name, "output") ? name : "o", value);
    return REAP_OK;
}

/* All files of a command are noted in one place. */
static int set_sidecar(const struct reap_options *o, struct reap_err *err)
{
    char path[PATH_SIZE];

    if (!o->output || reap_outfile_is_stdout(o->output))
        return REAP_OK;
    if (!strcmp(o->command, "evaluate"))
        snprintf(path, sizeof(path), "%s/evaluation.meta.json", o->output);
    else
        reap_sidecar_path(o->output, path, sizeof(path));
    return reap_out_rule_sidecar(path, err);
}

int reap_rule_begin(struct reap_out_rule **out, const struct reap_options *o,
                    struct reap_err *err)
{
    const char *name, *value;
    int rc = reap_out_rule_new(out, o->force, err);

    for (int i = 0; !rc && i < o->n_args; i++)
        rc = reap_out_rule_input(*out, o->args[i], err);
    for (size_t i = 0; !rc && (value = reap_options_value(o, i, &name)); i++)
        if (*value && !reap_word_in(outputs, name))
            rc = add_inputs(*out, value, err);
    if (rc)
        return rc;
    reap_out_rule_use(*out);
    rc = check_outputs(o, err);
    if (!rc)
        rc = set_sidecar(o, err);
    if (!rc && o->output && reap_outfile_is_stdout(o->output))
        rc = reap_outfile_claim_stdout(err);
    return rc;
}

void reap_rule_tell(const struct reap_options *o)
{
    const struct reap_written *out;
    char shape[120], path[REAP_TEXT_ROOM(PATH_SIZE)];

    if (o->json || o->quiet)
        return;
    for (size_t i = 0; (out = reap_out_rule_at(i)); i++) {
        const struct reap_bytes b = { (const uint8_t *)out->path,
                                      strlen(out->path) };

        reap_shape_words(&out->shape, shape, sizeof(shape));
        printf("wrote %s%s%s\n", reap_text_escape(path, sizeof(path), b),
               *shape ? ": " : "", shape);
    }
}

json_t *reap_rule_json(void)
{
    const struct reap_written *out;
    json_t *all = json_array();

    for (size_t i = 0; (out = reap_out_rule_at(i)); i++) {
        char path[REAP_TEXT_ROOM(PATH_SIZE)];
        const struct reap_bytes b = { (const uint8_t *)out->path,
                                      strlen(out->path) };
        json_t *one = json_pack("{ss,sI}", "path",
                                reap_text_escape(path, sizeof(path), b),
                                "bytes", (json_int_t)out->bytes);
        json_t *dims = json_array();

        for (size_t d = 0; d < out->shape.dims; d++)
            json_array_append_new(dims,
                                  json_integer((json_int_t)out->shape.dim[d]));
        if (out->shape.type[0]) {
            json_object_set(one, "shape", dims);
            json_object_set_new(one, "type", json_string(out->shape.type));
        }
        json_decref(dims);
        json_array_append_new(all, one);
    }
    return all;
}
