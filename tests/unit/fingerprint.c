/* What a store and a run differ in, in words that can be typed. */
#include <string.h>

#include "io/store/fingerprint.h"
#include "tests/tap.h"

static void differ(const char *store, const char *run, const char *want)
{
    char buf[320];

    reap_fingerprint_differ(store, run, buf, sizeof(buf));
    ok(!strcmp(buf, want), "\"%s\"", buf);
}

static void line(const char *text, const char *want)
{
    char buf[80];

    reap_fingerprint_line(text, buf, sizeof(buf));
    ok(!strcmp(buf, want), "\"%s\"", buf);
}

/* Cut anywhere, the answer is a beginning of the whole one. */
static void check_room(void)
{
    static const char store[] =
        "formats=7f\npreset=hf crop=1x1\nmax_pixels=0\n";
    static const char run[] = "formats=0\npreset=unit crop=2x2\nx=1\n";
    char whole[320], buf[320];
    int good = 1;

    reap_fingerprint_differ(store, run, whole, sizeof(whole));
    for (size_t n = 1; n < sizeof(buf); n++) {
        memset(buf, 'x', sizeof(buf));
        reap_fingerprint_differ(store, run, buf, n);
        good = good && strlen(buf) < n && buf[n] == 'x' &&
               !strncmp(buf, whole, strlen(buf)) &&
               (strlen(whole) >= n || !strcmp(buf, whole));
    }
    ok(good && strlen(whole) > 100, "cut to any room: %s", whole);
}

int main(void)
{
    differ("", "", "");
    differ("a=1\nb=2\n", "b=2\na=1\n", "");
    differ("formats=0\n", "formats=7f\n",
           "--formats: the store has the default, this run all");
    differ("formats=5\n", "formats=8\n",
           "--formats: the store has jpeg,webp, this run gif");
    differ("max_pixels=0\n", "max_pixels=500\n",
           "--max-pixels: the store has the default (178956970), this run 500");
    differ("activation=model\n", "activation=none\n",
           "--classifier-activation: the store has the model's own, this run "
           "none");
    differ("class=fp32\nalpha=drop\n", "class=int8\nalpha=white\n",
           "arithmetic (--precision): the store has fp32, this run int8; "
           "--alpha: the store has drop, this run white");
    differ("output=avg\noutput=top\n", "output=max\noutput=top\n",
           "outputs (--features): the store has avg, this run max");
    differ("a=1\n", "a=1\ngroups=sha256:00\n",
           "--groups: the store has none, this run sha256:00");
    differ("odd=\n", "odd=1\n", "odd: the store has nothing, this run 1");
    differ("odd\n", "odd=1\n", "odd: the store has nothing, this run 1");
    differ("preset=hf resize=short:256 crop=224x224\n",
           "preset=hf resize=short:256 crop=192x192\n",
           "--crop: the store has 224x224, this run 192x192");
    differ("preset=hf crop=224x224\n", "preset=unit crop=8x8\n",
           "--preset: the store has hf, this run unit; --crop: the store has "
           "224x224, this run 8x8");
    differ("preset=hf crop=1x1\n", "preset=hf\n",
           "--preset: the store has hf crop=1x1, this run hf");
    differ("preset=\n", "preset\n",
           "--preset: the store has nothing, this run "
           "nothing");
    line("formats=7f\nalpha=drop\n", "--formats all");
    line("class=fp32", "arithmetic (--precision) fp32");
    line("strange", "strange nothing");
    line("", "");
    check_room();
    return done();
}
