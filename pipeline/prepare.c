/* In which process images are prepared: in a decoder of the sandbox where there
 * is one, else here. */
#include "engine/base/mem.h"
#include "io/sandbox/zygote.h"
#include "pipeline/prepare_box.h"
#include "pipeline/prepare_child.h"
#include "pipeline/prepare_here.h"

struct reap_prepare {
    struct reap_prepare_here *here;
    struct reap_prepare_child *child;
};

int reap_prepare_sandbox(bool strict, double seconds, struct reap_err *err)
{
    reap_prepare_child_settings(strict, seconds);
    reap_budget_make();
    return reap_zygote_start(reap_prepare_serve, err);
}

int reap_prepare_new(struct reap_prepare **out, const struct reap_preset *p,
                     const struct reap_limits *limits, struct reap_err *err)
{
    struct reap_prepare *h = reap_calloc(1, sizeof(*h));
    int rc;

    *out = NULL;
    if (!h)
        return reap_fail(err, REAP_ENOMEM, "no memory to prepare images");
    rc = reap_zygote_is_up() ? reap_prepare_child_new(&h->child, p, limits, err)
                             : reap_prepare_here_new(&h->here, p, limits, err);
    if (rc)
        reap_prepare_free(&h);
    *out = h;
    return rc;
}

void reap_prepare_view(struct reap_prepare *h, const struct reap_image *image,
                       const struct reap_augment *view, void *slot, size_t room,
                       struct reap_prepared *out)
{
    if (h->child)
        reap_prepare_child_view(h->child, image, view, slot, room, out);
    else
        reap_prepare_here_view(h->here, image, view, slot, room, NULL, NULL,
                               out);
}

void reap_prepare_run(struct reap_prepare *h, const struct reap_image *image,
                      void *slot, size_t room, struct reap_prepared *out)
{
    reap_prepare_view(h, image, NULL, slot, room, out);
}

void reap_prepare_free(struct reap_prepare **h)
{
    if (!*h)
        return;
    reap_prepare_here_free(&(*h)->here);
    reap_prepare_child_free(&(*h)->child);
    reap_free(*h);
    *h = NULL;
}
