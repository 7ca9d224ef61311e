/* Sessions of one engine in several threads at once give the same bytes. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "tests/tap.h"

enum { SIDE = 32, IMAGES = 3, BYTES = SIDE * SIDE * 3, THREADS = 3 };
enum { FLOATS = IMAGES * (512 + 1000) };

static uint8_t pixels[IMAGES][BYTES];

struct job {
    const struct reap_engine *e;
    int rc;
    float out[FLOATS]; /* avg, then probs */
};

static void *run(void *arg)
{
    struct job *j = arg;
    const void *image[IMAGES] = { pixels[0], pixels[1], pixels[2] };
    void *out[2] = { j->out, j->out + IMAGES * 512 };
    struct reap_session *s;

    j->rc = reap_session_new(&s, j->e, NULL);
    if (j->rc)
        return NULL;
    reap_session_run(s, IMAGES, image, out);
    reap_session_free(&s);
    return NULL;
}

static void check(const struct reap_engine *e)
{
    static struct job job[THREADS + 1];
    pthread_t id[THREADS];

    for (int i = 0; i <= THREADS; i++)
        job[i].e = e;
    run(&job[THREADS]);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&id[i], NULL, run, &job[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(id[i], NULL);
    for (int i = 0; i < THREADS; i++)
        ok(!job[i].rc &&
               !memcmp(job[i].out, job[THREADS].out, sizeof(job[i].out)),
           "%s: thread %d gives what one alone gives", reap_engine_arith(e),
           i + 1);
}

int main(void)
{
    static const char *const outputs[] = { "avg", "probs" };
    const struct reap_net_args n = { .model = "torchvision/resnet18",
                                     .in_h = SIDE,
                                     .in_w = SIDE,
                                     .top_activation = -1 };
    struct reap_engine_args a = { .norm = { .div = 255, .std = { 1, 1, 1 } },
                                  .precision = REAP_FP32,
                                  .max_batch = IMAGES,
                                  .n_outputs = 2,
                                  .outputs = outputs };
    struct reap_net *net = NULL;
    struct reap_engine *e = NULL;
    struct reap_err err = { 0 };
    int rc = reap_net_new(&net, &n, NULL, &err);

    for (size_t i = 0; i < sizeof(pixels); i++)
        (&pixels[0][0])[i] = (uint8_t)(i * 2654435761u >> 13);
    a.net = net;
    if (!rc)
        rc = reap_engine_new(&e, &a, &err);
    ok(!rc, "an engine %s", err.msg);
    if (!rc)
        check(e);
    reap_engine_free(&e);
    reap_net_free(&net);
    return done();
}
