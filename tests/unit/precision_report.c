/* How far results are apart, on numbers that can be done by hand. */
#include <math.h>

#include "jobs/inspect/precision_report.h"
#include "tests/tap.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

int main(void)
{
    const float x[] = { 3, 4 }, y[] = { 4, 3 }, zero[] = { 0, 0 };
    const float la[] = { 5, 4, 3, 2, 1, 0 }, lb[] = { 4, 5, 3, 2, 0, 1 };
    struct reap_precision_report l = { 0 };
    struct reap_spread s;
    char key[8] = "k00";
    int bad = 0;

    bad |= reap_precision_report_add(&l, "b", 2, x, y, 6, la, lb, NULL);
    bad |= reap_precision_report_add(&l, "a", 2, x, x, 6, la, la, NULL);
    bad |= reap_precision_report_add(&l, "c", 2, x, zero, 0, la, la, NULL);
    ok(!bad && near(l.row[0].cosine, .96), "cosine of (3, 4) and (4, 3)");
    ok(near(l.row[0].error, sqrt(2.) / 5), "their relative error");
    ok(near(l.row[0].top1, 0) && near(l.row[0].top5, .8),
       "another best class, four of the five best");
    ok(near(l.row[1].cosine, 1) && near(l.row[1].error, 0) &&
           near(l.row[1].top1, 1) && near(l.row[1].top5, 1),
       "nothing is as like as the same");
    ok(near(l.row[2].cosine, 0) && near(l.row[2].error, 1),
       "zeros are like nothing");
    reap_precision_report_sort(&l);
    ok(*l.row[0].key == 'c' && *l.row[1].key == 'b' && *l.row[2].key == 'a',
       "the worst come first");
    reap_precision_report_clear(&l);
    for (int i = 0; i < 600; i++) { /* cosines 1 / sqrt(1 + i^2 / 600^2) */
        const float a[] = { 1, 0 }, b[] = { 1, (float)i / 600 };

        key[1] = (char)('0' + i % 10);
        bad |= reap_precision_report_add(&l, key, 2, a, b, 0, NULL, NULL, NULL);
    }
    bad |= reap_precision_report_spread(&l, true, &s, NULL);
    ok(!bad && near(s.p1, (double)(593.f / 600)) &&
           near(s.p5, (double)(569.f / 600)),
       "1 and 5 percent have larger errors");
    ok(fabs(s.p50 - .5) < .002 && fabs(s.mean - .5) < .002,
       "middle and mean error");
    bad |= reap_precision_report_spread(&l, false, &s, NULL);
    ok(!bad && s.p1 < s.p5 && s.p5 < s.p50 &&
           near(s.p1, 1 / hypot(1, (double)(593.f / 600))),
       "1 and 5 percent have lower cosines");
    reap_precision_report_clear(&l);
    return done();
}
