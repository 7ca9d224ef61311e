/* Which class a text means. */
#include "engine/base/mem.h"
#include "jobs/judge/classes.h"
#include "tests/tap.h"

static const char *const names[] = {
    "great grey owl", "crane", "crane", "Polish", "polish", "", "7", "7up"
};
static const char *const ids[] = { "n01622779", "n02012849", "n03126707", "",
                                   "",          "n5",        "",          "" };

static const char *name(const void *ctx, size_t i)
{
    (void)ctx;
    return names[i];
}

static const char *id(const void *ctx, size_t i)
{
    (void)ctx;
    return ids[i];
}

int main(void)
{
    static const struct {
        const char *text;
        long class;
    } want[] = {
        { "great grey owl", 0 },
        { "Great_Grey_Owl", 0 },
        { "great grey", -1 },
        { "n01622779", 0 },
        { "crane", -2 },
        { "n03126707", 2 },
        { "Polish", 3 },
        { "polish", 4 },
        { "POLISH", -2 },
        { "5", 5 },
        { "005", 5 },
        { "7", 6 },
        { "007", 7 },
        { "8", -1 },
        { "-1", -1 },
        { "", -1 },
        { "99999999999999999", -1 },
    };
    struct reap_classes *c = NULL;
    struct reap_err err = { 0 };
    int rc = REAP_ENOMEM;

    ok(!reap_classes_new(&c, 8, NULL, name, id, &err), "eight classes");
    for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
        ok(reap_classes_find(c, want[i].text) == want[i].class, "\"%s\" is %ld",
           want[i].text, want[i].class);
    reap_classes_free(&c);
    ok(!reap_classes_new(&c, 0, NULL, name, NULL, &err) &&
           reap_classes_find(c, "0") == REAP_NO_CLASS,
       "no classes");
    reap_classes_free(&c);
    for (long i = 1; rc == REAP_ENOMEM && i < 50; i++) {
        reap_mem_fail_at(i);
        rc = reap_classes_new(&c, 8, NULL, name, id, &err);
        ok(!rc || (rc == REAP_ENOMEM && !c), "allocation %ld", i);
    }
    reap_mem_fail_at(0);
    reap_classes_free(&c);
    return done();
}
