/* A set of tensors: names found, doubles and impossible shapes refused. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/params.h"
#include "tests/tap.h"

enum { MANY = 3000 };

static void fill_many(struct reap_params *p)
{
    struct reap_param *t;
    char name[20];
    int bad = 0;

    for (size_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "t%zu", i);
        bad += reap_params_add(p, name, 1, &(size_t){ i % 5 }, &t, NULL) != 0;
        if (!bad && t->count)
            t->data[t->count - 1] = (float)i;
    }
    ok(!bad && reap_params_count(p) == MANY, "%d tensors go in", MANY);
}

static void find_many(const struct reap_params *p)
{
    char name[20];
    int bad = 0;

    for (size_t i = 0; i < MANY; i++) {
        const struct reap_param *t;

        snprintf(name, sizeof(name), "t%zu", i);
        t = reap_params_find(p, name);
        bad += !t || t->index != i || t != reap_params_at(p, i) ||
               t->rank != 1 || t->dim[0] != i % 5 || t->count != i % 5 ||
               (t->count && t->data[t->count - 1] != (float)i);
    }
    ok(!bad, "each is found by name and place");
    ok(!reap_params_find(p, "t3000") && !reap_params_find(p, ""),
       "others are not");
}

static void refuse(struct reap_params *p)
{
    const size_t huge[3] = { SIZE_MAX / 8, 3, 3 },
                 big[1] = { SIZE_MAX / 4 + 1 };
    const size_t seven[7] = { 1, 1, 1, 1, 1, 1, 1 };
    struct reap_err err;
    struct reap_param *t;

    ok(reap_params_add(p, "t7", 0, NULL, &t, &err) == REAP_EFORMAT && !t,
       "a second t7: %s", err.msg);
    ok(reap_params_add(p, "x", 3, huge, &t, &err) == REAP_EFORMAT,
       "a product that overflows: %s", err.msg);
    ok(reap_params_add(p, "x", 1, big, &t, &err) == REAP_EFORMAT,
       "more bytes than there are addresses: %s", err.msg);
    ok(reap_params_add(p, "x", 7, seven, &t, &err) == REAP_EFORMAT,
       "seven dimensions: %s", err.msg);
    ok(reap_params_add(p, "x", 1, &(size_t){ SIZE_MAX / 8 }, &t, &err) ==
           REAP_ENOMEM,
       "more than there is: %s", err.msg);
    ok(!reap_params_add(p, "x", 0, NULL, &t, &err) && t->count == 1,
       "a scalar has one number");
}

/* Let each allocation fail once. */
static void fail_each(void)
{
    int rc = REAP_ENOMEM;

    for (long i = 1; rc == REAP_ENOMEM && i < 2000; i++) {
        struct reap_params *p = NULL;
        struct reap_param *t;
        char name[20];

        reap_mem_fail_at(i);
        rc = reap_params_new(&p, NULL);
        for (int j = 0; !rc && j < 300; j++) {
            snprintf(name, sizeof(name), "n%d", j);
            rc = reap_params_add(p, name, 1, &(size_t){ 1 }, &t, NULL);
            if (rc && (t || reap_params_find(p, name)))
                rc = REAP_EBUG;
        }
        reap_params_free(&p);
    }
    reap_mem_fail_at(0);
    ok(!rc, "any allocation may fail, and leaves no half a tensor");
}

static int count_up(void *own, const struct reap_param *t, float *to,
                    struct reap_err *err)
{
    ++*(int *)own;
    for (size_t i = 0; i < t->count; i++)
        to[i] = (float)(t->index * 10 + i);
    return t->index == 2 ? reap_fail(err, REAP_EIO, "unreadable") : REAP_OK;
}

static void closes(void *own)
{
    *(int *)own += 100;
}

/* Numbers that come when they are needed, can go and come again. */
static void later(void)
{
    const size_t dim[] = { 3 };
    struct reap_param *t[3] = { NULL };
    struct reap_params *p;
    int calls = 0, rc = reap_params_new(&p, NULL);

    reap_params_later(p,
                      &(struct reap_fetch_numbers){ &calls, count_up, closes });
    for (int i = 0; i < 3 && !rc; i++)
        rc = reap_params_add(p, (const char *[]){ "a", "b", "c" }[i], 1, dim,
                             &t[i], NULL);
    ok(!rc && !calls && !t[1]->data, "nothing is fetched at first");
    ok(!reap_params_need(p, t[1], NULL) && !reap_params_need(p, t[1], NULL) &&
           calls == 1 && t[1]->data[2] == 12.f,
       "what is needed is fetched once");
    reap_params_forget(p, t[1]);
    ok(!t[1]->data && !reap_params_need(p, t[1], NULL) && calls == 2,
       "what was forgotten is fetched again");
    ok(reap_params_need(p, t[2], NULL) == REAP_EIO && !t[2]->data,
       "what cannot be read is an error");
    reap_params_settled(p);
    ok(calls == 103, "the source is closed");
    reap_params_forget(p, t[1]);
    ok(t[1]->data, "what cannot be fetched again stays");
    reap_params_free(&p);
}

int main(void)
{
    struct reap_params *p;
    int rc = reap_params_new(&p, NULL);

    ok(!rc && !reap_params_count(p) && !reap_params_find(p, "a"),
       "a new set is empty");
    fill_many(p);
    find_many(p);
    refuse(p);
    reap_params_free(&p);
    ok(!p, "freed and NULL");
    reap_params_free(&p);
    fail_each();
    later();
    return done();
}
