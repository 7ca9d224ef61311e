/* Coarse groups of classes, from files good and bad. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/labels/groups.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { CLASSES = 8 };

static const char *wnid(const void *ctx, size_t i)
{
    (void)ctx;
    return i == 6 ? "n00000006" : "";
}

static struct reap_groups_of of = { CLASSES, 0, NULL, wnid };

static void put(const char *text)
{
    FILE *f = fopen(scratch("groups"), "w");

    if (!f || fputs(text, f) < 0 || fclose(f))
        abort();
}

/* Are the groups of the classes the digits of 'want'? */
static void gives(const char *what, const char *text, const char *want,
                  size_t other)
{
    struct reap_groups *g;
    struct reap_err err = { 0 };
    size_t good = 0;

    put(text);
    if (reap_groups_open(&g, scratch("groups"), &of, &err)) {
        ok(0, "%s: %s", what, err.msg);
        return;
    }
    for (size_t i = 0; i < of.classes; i++)
        good += g->of[i] == want[i] - '0';
    ok(good == of.classes && g->other == other && strlen(g->sha256) == 64 &&
           (!other || !strcmp(g->name[g->n - 1], "other")),
       "%s", what);
    reap_groups_close(&g);
}

static void refuses(const char *text, const char *says)
{
    struct reap_groups *g;
    struct reap_err err = { 0 };

    put(text);
    ok(reap_groups_open(&g, scratch("groups"), &of, &err) == REAP_EFORMAT &&
           !g && strstr(err.msg, says),
       "refused: %s", err.msg);
}

static void sums(void)
{
    static const float from[CLASSES] = { .5f, .25f, .125f, .0625f };
    struct reap_groups *g = NULL;
    struct reap_err err = { 0 };
    float to[3] = { 9, 9, 9 };
    int rc = REAP_ENOMEM;

    put("0\ta\t1,3\n1\tb\t0\n");
    ok(!reap_groups_open(&g, scratch("groups"), &of, &err) && g->n == 3,
       "two groups and the others");
    reap_groups_sum(g, from, to);
    ok(to[0] == .3125f && to[1] == .5f && to[2] == .125f, "are summed");
    reap_groups_close(&g);
    for (long i = 1; rc == REAP_ENOMEM && i < 50; i++) {
        reap_mem_fail_at(i);
        rc = reap_groups_open(&g, scratch("groups"), &of, &err);
        ok(!rc || (rc == REAP_ENOMEM && !g), "allocation %ld", i);
    }
    reap_mem_fail_at(0);
    reap_groups_close(&g);
}

int main(void)
{
    struct reap_groups *g;
    struct reap_err err = { 0 };

    scratch_new();
    gives("ranges and indices", "# a, b\n0\ta\t0-2,5\n1\tb\t3-4, 6,7\n",
          "00011011", 0);
    gives("a WordNet id", "0\ta\t0-5,7\n1\tb\tn00000006\n", "00000010", 0);
    gives("a group of two lines", "0\ta\t0-2\n0\ta\t3-7\n", "00000000", 0);
    gives("classes of no group", "0\ta\t0\n1\tb\t1\n", "01222222", 6);
    gives("between commas", "0,a,\"0-3,5\"\n1,b,4\n2,c,6-7\n", "00001022", 0);
    of.first = 1;
    gives("a class for the background", "0\ta\t0-6\n", "10000000", 1);
    refuses("0\ta\t7\n", "there are 7");
    of.first = 0;
    refuses("0\ta\t0\n1\tb\t0\n", "line 2: a class of another group");
    refuses("0\ta\t0-8\n", "there are 8");
    refuses("0\ta\t3-2\n", "no such classes");
    refuses("0\ta\t3-\n", "both ends");
    refuses("0\ta\t3x\n", "unexpected text");
    refuses("0\ta\tn00000007\n", "WordNet id");
    refuses("1\ta\t0\n", "without gaps");
    refuses("x\ta\t0\n", "not the number of a group");
    refuses("0\ta\n", "members are needed");
    refuses("0\t\t0\n", "without a name");
    refuses("0\ta\t0\n0\tb\t1\n", "another name above");
    refuses("0\ta\t0\n1\ta\t1\n", "another number above");
    refuses("# nothing\n", "no group");
    refuses("", "no group");
    sums();
    ok(reap_groups_open(&g, scratch("none"), &of, &err) == REAP_ENOTFOUND, "%s",
       err.msg);
    scratch_delete();
    return done();
}
