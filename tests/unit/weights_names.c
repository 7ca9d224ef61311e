/* The names that files use, and what becomes of them. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/weights_names.h"
#include "tests/tap.h"

enum { MAX = 8 };

/* Names of one file, and what they are to become; NULL ends both. */
static void becomes(const char *const *from, const char *const *to,
                    const char *what)
{
    char *name[MAX];
    size_t n = 0;
    bool old;

    for (; from[n]; n++)
        name[n] = reap_strdup(from[n]);
    ok(!reap_weights_names(name, n, &old, NULL), "%s: %zu names", what, n);
    for (size_t i = 0; i < n; i++) {
        ok(!strcmp(name[i], to[i]), "%s becomes '%s' (%s)", from[i], name[i],
           to[i]);
        reap_free(name[i]);
    }
}

static const char *const plain[] = { "conv1.weight", "layer4.2.bn3.bias",
                                     "fc.weight", NULL };
static const char *const wrapped[] = { "module.model.conv1.weight",
                                       "module.model.layer4.2.bn3.bias",
                                       "module.model.fc.weight", NULL };
static const char *const numbered[] = { "0.weight", "4.0.conv1.weight",
                                        "7.2.bn3.bias", NULL };
static const char *const all_within[] = { "features.0.weight",
                                          "features.4.0.conv1.weight",
                                          "features.7.2.bn3.bias", NULL };
static const char *const children[] = { "conv1.weight", "layer1.0.conv1.weight",
                                        "layer4.2.bn3.bias", NULL };
static const char *const within[] = { "features.0.weight",
                                      "features.1.running_mean",
                                      "features.4.0.conv1.weight",
                                      "features.7.0.downsample.1.bias",
                                      "conv1.weight",
                                      "fc6.bias",
                                      NULL };
static const char *const taken_out[] = { "conv1.weight",
                                         "bn1.running_mean",
                                         "layer1.0.conv1.weight",
                                         "layer4.0.downsample.1.bias",
                                         "",
                                         "",
                                         NULL };

int main(void)
{
    becomes(plain, plain, "torchvision's own");
    becomes(wrapped, plain, "prefixes on all");
    becomes(numbered, children, "children in a Sequential");
    becomes(all_within, children, "the same, called features");
    becomes(within, taken_out, "the same inside another network");
    return done();
}
