/*
 * classify_raw WEIGHTS < PIXELS: a whole program on top of engine/engine.h.
 *
 * Reads one image of the network's input size as raw RGB bytes from stdin and
 * prints its most probable classes, a line each, then its embedding in one.
 * Nothing but the engine and the reader of weights is used;
 * tests/unit/classify_raw.t compares it with reap itself.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/mem.h"
#include "engine/engine.h"
#include "io/weights/weights.h"

enum { TOP = 3 };

/* What is opened, in this order. */
struct program {
    struct reap_weights *weights;
    struct reap_net *net;
    struct reap_engine *engine;
    struct reap_session *session;
};

static int open_all(struct program *p, const char *path, struct reap_err *err)
{
    static const char *const outputs[] = { "top", "avg" };
    struct reap_net_args net = { .top_activation = -1 };
    struct reap_engine_args engine = {
        .norm = { .div = 255, .std = { 1, 1, 1 } }, /* x / 255 */
        .precision = REAP_FP32,
        .max_batch = 1,
        .n_outputs = 2,
        .outputs = outputs,
        .k = TOP,
    };
    int rc = reap_weights_read(&p->weights, path, err);

    if (!rc)
        rc = reap_net_new(&p->net, &net, p->weights->params, err);
    engine.net = p->net;
    if (!rc)
        rc = reap_engine_new(&p->engine, &engine, err);
    if (!rc)
        rc = reap_session_new(&p->session, p->engine, err);
    return rc;
}

/* In the opposite order; NULL does nothing. */
static void close_all(struct program *p)
{
    reap_session_free(&p->session);
    reap_engine_free(&p->engine);
    reap_net_free(&p->net);
    reap_weights_free(&p->weights);
}

static int classify(const struct program *p, struct reap_err *err)
{
    const size_t bytes = p->net->in_h * p->net->in_w * 3;
    const size_t width = reap_engine_output(p->engine, 1)->c;
    struct reap_top top[TOP];
    float *avg = reap_calloc(width, sizeof(*avg));
    unsigned char *pixels = reap_calloc(1, bytes);
    const void *images[] = { pixels };
    void *out[] = { top, avg };
    int rc = REAP_OK;

    if (!avg || !pixels)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for an image");
    else if (fread(pixels, 1, bytes, stdin) != bytes)
        rc = reap_fail(err, REAP_EFORMAT, "%zu bytes of RGB are needed", bytes);
    if (!rc) {
        reap_session_run(p->session, 1, images, out);
        for (size_t i = 0; i < reap_engine_output(p->engine, 0)->c; i++)
            printf("%d %.6f\n", top[i].index, (double)top[i].prob);
        for (size_t i = 0; i < width; i++)
            printf("%.9g%c", (double)avg[i], i + 1 < width ? ' ' : '\n');
    }
    reap_free(avg);
    reap_free(pixels);
    return rc;
}

int main(int argc, char **argv)
{
    struct program p = { 0 };
    struct reap_err err = { 0 };
    int rc;

    if (argc != 2) {
        fprintf(stderr, "usage: %s WEIGHTS < PIXELS\n", argv[0]);
        return EXIT_FAILURE;
    }
    rc = open_all(&p, argv[1], &err);
    if (!rc)
        rc = classify(&p, &err);
    if (rc)
        fprintf(stderr, "%s: %s\n", argv[0], err.msg);
    close_all(&p);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
