/* Names, parts and sizes of presets. */
#include <string.h>

#include "io/preset/preset.h"
#include "tests/tap.h"

static void parts(void)
{
    static const char *const good[][2] = {
        { "resize", "short:256" }, { "resize", "warp:10x20" },
        { "resize", "long:7" },    { "resize", "none" },
        { "crop", "224x192" },     { "crop", "32" },
        { "crop", "none" },        { "filter", "lanczos" },
        { "mean", "1,2,3" },       { "mean", "-0.5" },
        { "std", "1,2,3" },        { "order", "bgr" },
        { "scale", "127.5" },
    };
    static const char *const bad[][2] = {
        { "resize", "short:" },   { "resize", "short:3x4" },
        { "resize", "warp:0x4" }, { "resize", "short:-1" },
        { "resize", "nonesuch" }, { "crop", "" },
        { "crop", "224x" },       { "crop", "99999" },
        { "filter", "cubic" },    { "mean", "1,2" },
        { "mean", "1,2,3,4" },    { "mean", "nan" },
        { "std", "1,0,1" },       { "order", "RGB" },
        { "scale", "0" },         { "scale", "255x" },
        { "gamma", "1" },
    };
    struct reap_err err = { 0 };
    struct reap_preset p;

    ok(!reap_preset_find("unit", &p, NULL), "unit is a preset");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ok(!reap_preset_set(&p, good[i][0], good[i][1], &err), "%s %s",
           good[i][0], good[i][1]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ok(reap_preset_set(&p, bad[i][0], bad[i][1], &err) == REAP_EINVAL,
           "not %s '%s': %s", bad[i][0], bad[i][1], err.msg);
}

static void names(void)
{
    char text[400];
    struct reap_preset p;
    size_t h, w;

    for (size_t i = 0; reap_preset_name(i); i++) {
        const char *name = reap_preset_name(i);

        ok(!reap_preset_find(name, &p, NULL) && !strcmp(p.name, name) &&
               p.norm.div > 0 && p.norm.std[2] > 0,
           "%s is whole", name);
        reap_preset_size(&p, &h, &w);
        ok((h == 224 || h == 288) && w == h, "%s ends in a square", name);
        ok(!reap_preset_input(&p, 160, 192, NULL), "%s takes a shape", name);
        reap_preset_size(&p, &h, &w);
        ok(h == 160 && w == 192, "%s ends in that shape", name);
        reap_preset_print(&p, text, sizeof(text));
        ok(!strncmp(text, name, strlen(name)) && strstr(text, "order="), "%s",
           text);
    }
    ok(reap_preset_find("tf-dataset", &p, NULL) == REAP_OK && p.fast_dct &&
           p.norm.float_in,
       "tf-dataset is float, with the fast transform");
}

int main(void)
{
    struct reap_err err = { 0 };
    struct reap_preset p;

    names();
    parts();
    ok(reap_preset_find("none", &p, &err) == REAP_EINVAL &&
           strstr(err.msg, "squash-256"),
       "%s", err.msg);
    ok(reap_preset_input(&p, 0, 5, &err) == REAP_EINVAL, "%s", err.msg);
    return done();
}
