/* config.json: source: configuration_resnet.py and configuration_utils.py of
 * transformers, _hub.py of timm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/hf/hf_config.h"

enum { IMAGENET = 1000, MOST = 100000 };

/* Settings that change what the network computes, and their only value here. */
static const struct {
    const char *key, *words;
    bool value;
} settings[] = {
    { "downsample_in_bottleneck",
      "the stride in each block's first convolution", false },
    { "downsample_in_first_stage", "a stride in the first stage", false },
};

static int hf_config_check(const json_t *config, struct reap_err *err)
{
    const char *act = json_string_value(json_object_get(config, "hidden_act"));

    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
        if (json_is_true(json_object_get(config, settings[i].key)))
            return reap_fail(err, REAP_EFORMAT,
                             "config.json: %s: the network has %s, which none "
                             "of reap's has",
                             settings[i].key, settings[i].words);
    if (act && strcmp(act, "relu") != 0)
        return reap_fail(err, REAP_EFORMAT,
                         "config.json: hidden_act: %.40s; relu is expected",
                         act);
    return REAP_OK;
}

static void forget_labels(struct reap_weights *w)
{
    for (size_t i = 0; i < w->n_labels; i++)
        reap_free(w->labels[i]);
    reap_free(w->labels);
    w->labels = NULL;
    w->n_labels = 0;
}

static int add_label(struct reap_weights *w, const char *text,
                     struct reap_err *err)
{
    w->labels[w->n_labels] = reap_strdup(text);
    if (!w->labels[w->n_labels])
        return reap_fail(err, REAP_ENOMEM, "no memory for labels");
    w->n_labels++;
    return REAP_OK;
}

static int room_for(struct reap_weights *w, size_t n, struct reap_err *err)
{
    forget_labels(w);
    w->labels = reap_calloc(n, sizeof(*w->labels));
    return w->labels ? REAP_OK
                     : reap_fail(err, REAP_ENOMEM, "no memory for labels");
}

/* {"0": "tench, Tinca tinca", ...}; what nobody named is "LABEL_0". */
static int by_id(struct reap_weights *w, const json_t *names,
                 struct reap_err *err)
{
    const size_t n = json_object_size(names);
    char key[24];
    int rc;

    if (!n || n > MOST)
        return REAP_OK;
    rc = room_for(w, n, err);
    for (size_t i = 0; !rc && i < n; i++) {
        const char *s;

        snprintf(key, sizeof(key), "%zu", i);
        s = json_string_value(json_object_get(names, key));
        if (!s || !strncmp(s, "LABEL_", 6)) {
            forget_labels(w);
            return REAP_OK;
        }
        rc = add_label(w, s, err);
    }
    return rc;
}

/* ["n01440764", ...] or names; a name may be described. */
static int by_place(struct reap_weights *w, const json_t *names,
                    const json_t *about, struct reap_err *err)
{
    const size_t n = json_array_size(names);
    int rc;

    if (!n || n > MOST)
        return REAP_OK;
    rc = room_for(w, n, err);
    for (size_t i = 0; !rc && i < n; i++) {
        const char *s = json_string_value(json_array_get(names, i));
        const char *words =
            s ? json_string_value(json_object_get(about, s)) : NULL;

        rc = add_label(w, words ? words : s ? s : "", err);
    }
    return rc;
}

/* ImageNet's are built in, with their WordNet ids. */
static void leave_imagenet(struct reap_weights *w)
{
    if (w->n_labels == IMAGENET && !strncmp(w->labels[0], "tench", 5) &&
        !strncmp(w->labels[IMAGENET - 1], "toilet tissue", 13))
        forget_labels(w);
}

int reap_hf_config(struct reap_weights *w, const json_t *config,
                   struct reap_err *err)
{
    const char *type = json_string_value(json_object_get(config, "model_type"));
    const json_t *timm = json_object_get(config, "pretrained_cfg");
    int rc = REAP_OK;

    if (type && !strcmp(type, "resnet"))
        rc = hf_config_check(config, err);
    if (!rc && json_is_object(timm))
        reap_timm_preset(w, timm);
    if (!rc && !w->n_labels)
        rc = by_id(w, json_object_get(config, "id2label"), err);
    if (!rc && !w->n_labels)
        rc = by_place(w, json_object_get(config, "label_names"),
                      json_object_get(config, "label_descriptions"), err);
    if (!rc)
        leave_imagenet(w);
    return rc;
}
