/* A pickle alone: a dict of numpy's arrays, as projects publish converted
 * weights (.pkl). Source: Detectron2's and MoCo's conversion scripts. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/torch/torch_state.h"

struct alone {
    struct reap_pickle *pickle;
    uint8_t *decoded; /* of the array read last */
};

static void close_alone(void *own)
{
    struct alone *a = own;

    reap_pickle_free(&a->pickle);
    reap_free(a->decoded);
    reap_free(a);
}

static int weights_pickle_load(struct reap_weights_in *in, struct reap_raw *r,
                               struct reap_err *err)
{
    struct alone *a = in->own;

    if (!r->from)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: its storage is not in the file", r->name);
    return reap_torch_decode(r, &a->decoded, &r->data, err);
}

int reap_weights_pickle(struct reap_weights_in *in, struct reap_err *err)
{
    struct alone *a = reap_calloc(1, sizeof(*a));
    struct reap_err why = { 0 };
    size_t end;
    int rc;

    strcpy(in->out->format, "pickle");
    if (!a)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    in->own = a;
    in->close = close_alone;
    in->load = weights_pickle_load;
    rc = reap_pickle_load(&a->pickle, in->file, 0, &end, &why);
    if (!rc)
        rc = reap_torch_list(in, a->pickle, &why);
    if (!rc && end != in->file.len)
        rc = reap_fail(&why, REAP_EFORMAT, "%zu bytes follow it",
                       in->file.len - end);
    return rc ? reap_fail(err, rc,
                          "a pickled object; reap reads those of a dict of "
                          "numpy's arrays, else save model.state_dict() with "
                          "torch.save() (%.200s)",
                          why.msg)
              : REAP_OK;
}
