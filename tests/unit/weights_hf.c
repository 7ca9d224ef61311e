/* Folders as Hugging Face's transformers and timm write them: presets and
 * labels from configs, weights in several files, and what is wrong with some.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file/le.h"
#include "io/weights/weights.h"
#include "tests/tap.h"

static char dir[64];

static const char *at(const char *name)
{
    static char path[160];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void put(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(at(name), "wb");

    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f))
        abort();
}

static void text(const char *name, const char *s)
{
    put(name, s, strlen(s));
}

static void drop(const char *name)
{
    unlink(at(name));
}

/* A file of one tensor of two numbers, and perhaps a preset of its own. */
static void tensor(const char *file, const char *name, const char *preset)
{
    uint8_t all[512];
    char head[400];
    int n = snprintf(head, sizeof(head),
                     "{%s%s%s\"%s\":{\"dtype\":\"F32\",\"shape\":[2],"
                     "\"data_offsets\":[0,8]}}",
                     preset ? "\"__metadata__\":{\"preset\":\"" : "",
                     preset ? preset : "", preset ? "\"}," : "", name);

    reap_le_put64(all, (uint64_t)n);
    memcpy(all + 8, head, (size_t)n);
    memset(all + 8 + n, 0, 8);
    put(file, all, (size_t)n + 16);
}

/* The folder, or a file in it, tells this preset, from there. */
static void tells(const char *what, const char *file, const char *preset,
                  const char *from)
{
    struct reap_weights *w;
    struct reap_err err = { 0 };
    int rc = reap_weights_read(&w, file ? at(file) : dir, &err);

    ok(!rc && !strcmp(w->preset, preset) && !strcmp(w->preset_from, from),
       "%s: %s, from %s", what, rc ? err.msg : w->preset,
       rc ? "" : w->preset_from);
    reap_weights_free(&w);
}

static void note(const char *what, const char *says)
{
    struct reap_weights *w;
    struct reap_err err = { 0 };
    int rc = reap_weights_read(&w, dir, &err);

    ok(!rc && !*w->preset && strstr(w->preset_note, says), "%s: %s", what,
       rc ? err.msg : w->preset_note);
    reap_weights_free(&w);
}

static void refused(const char *what, const char *says)
{
    struct reap_weights *w;
    struct reap_err err = { 0 };
    int rc = reap_weights_read(&w, dir, &err);

    ok((rc == REAP_EFORMAT || rc == REAP_ENOTFOUND) && strstr(err.msg, says),
       "%s: %s", what, err.msg);
    reap_weights_free(&w);
}

#define FROM "preprocessor_config.json"

static void processors(void)
{
    tensor("model.safetensors", "fc.bias", NULL);
    text(FROM, "{\"feature_extractor_type\":\"ConvNextFeatureExtractor\","
               "\"crop_pct\":0.875,\"resample\":3,\"size\":224}");
    tells("microsoft/resnet-50", NULL, "hf", FROM);
    tells("the file in it", "model.safetensors", "hf", FROM);
    text(FROM, "{\"image_processor_type\":\"ConvNextImageProcessor\","
               "\"resample\":2,\"size\":{\"shortest_edge\":384}}");
    tells("large sides are warped", NULL,
          "hf resize=warp:384x384 crop=384x384 filter=bilinear scale=255 "
          "mean=0.485,0.456,0.406 std=0.229,0.224,0.225",
          FROM);
    text(FROM, "{\"image_processor_type\":\"ViTImageProcessor\",\"resample\":3,"
               "\"size\":{\"height\":224,\"width\":192},\"do_normalize\":false,"
               "\"do_rescale\":false}");
    tells("height and width", NULL,
          "hf resize=warp:224x192 crop=none filter=bicubic scale=1 "
          "mean=0,0,0 std=1,1,1",
          FROM);
    text(FROM,
         "{\"image_processor_type\":\"CLIPImageProcessor\",\"resample\":3,"
         "\"size\":{\"shortest_edge\":256},\"do_center_crop\":true,"
         "\"crop_size\":{\"height\":224,\"width\":224},"
         "\"rescale_factor\":0.00392156862745098}");
    tells("shortest edge and crop", NULL, "hf", FROM);
    text(FROM, "{\"resample\":5,\"size\":224}");
    note("a filter that nobody has", "filter");
    text(FROM, "{\"do_pad\":true,\"size\":224}");
    note("padding", "padding");
    text(FROM, "{\"image_mean\":[1e99,0,0],\"size\":224}");
    note("a number that is none", "mean");
    text(FROM, "[1]");
    refused("no object", "object is expected");
    text(FROM, "{\"size\":");
    refused("cut off", "line 1");
    drop(FROM);
}

#define CFG "pretrained_cfg in config.json"

static void timm(void)
{
    text("config.json",
         "{\"pretrained_cfg\":{\"input_size\":[3,224,224],\"crop_pct\":0.95,"
         "\"interpolation\":\"bicubic\",\"crop_mode\":\"center\"}}");
    tells("timm's a1_in1k", NULL, "timm-a1", CFG);
    text("config.json",
         "{\"pretrained_cfg\":{\"input_size\":[3,224,224],\"crop_pct\":0.875,"
         "\"interpolation\":\"bilinear\"}}");
    tells("as torchvision's", NULL, "torchvision-v1", CFG);
    text("config.json",
         "{\"pretrained_cfg\":{\"input_size\":[3,176,176],\"crop_pct\":0.9,"
         "\"crop_mode\":\"squash\",\"mean\":[0.5,0.5,0.5]}}");
    tells("squashed", NULL,
          "timm-bicubic resize=warp:195x195 crop=176x176 filter=bicubic "
          "scale=255 mean=0.5,0.5,0.5 std=0.229,0.224,0.225",
          CFG);
    text("config.json", "{\"pretrained_cfg\":{\"input_size\":[3,224,224],"
                        "\"crop_mode\":\"border\"}}");
    note("a border", "border");
    tensor("model.safetensors", "fc.bias", "unit");
    tells("a preset in the file beats what lies beside it", NULL, "unit",
          "the file");
    tensor("model.safetensors", "fc.bias", NULL);
}

static size_t labels(const char *config, const char *last)
{
    struct reap_weights *w;
    size_t n = 0;

    text("config.json", config);
    if (!reap_weights_read(&w, dir, NULL)) {
        n = w->n_labels;
        if (n && strcmp(w->labels[n - 1], last) != 0)
            n = 99;
    }
    reap_weights_free(&w);
    return n;
}

static void configs(void)
{
    ok(labels("{\"id2label\":{\"1\":\"dog\",\"0\":\"cat\"}}", "dog") == 2,
       "classes by number");
    ok(!labels("{\"id2label\":{\"0\":\"LABEL_0\",\"1\":\"LABEL_1\"}}", ""),
       "names that nobody gave are none");
    ok(!labels("{\"id2label\":{\"0\":\"a\",\"7\":\"b\"}}", ""),
       "numbers with a gap are no classes");
    ok(labels("{\"label_names\":[\"x\",\"y\"],\"label_descriptions\":"
              "{\"y\":\"yes\"}}",
              "yes") == 2,
       "timm's names and their descriptions");
    text("config.json", "{\"model_type\":\"resnet\","
                        "\"downsample_in_bottleneck\":true}");
    refused("another network", "downsample_in_bottleneck");
    text("config.json", "{\"model_type\":\"resnet\",\"hidden_act\":\"gelu\"}");
    refused("another function", "gelu");
    drop("config.json");
}

static void index_of(const char *map)
{
    char all[400];

    snprintf(all, sizeof(all), "{\"metadata\":{},\"weight_map\":%s}", map);
    text("model.safetensors.index.json", all);
}

static void shards(void)
{
    struct reap_weights *w;
    struct reap_err err = { 0 };
    char first[65] = "";
    int rc;

    drop("model.safetensors");
    tensor("a.safetensors", "fc.bias", NULL);
    tensor("b.safetensors", "fc.other", NULL);
    index_of("{\"fc.bias\":\"a.safetensors\",\"fc.other\":\"b.safetensors\"}");
    rc = reap_weights_read(&w, dir, &err);
    ok(!rc && reap_params_find(w->params, "fc.bias") &&
           reap_params_find(w->params, "fc.other"),
       "two files with an index: %s", err.msg);
    if (!rc)
        strcpy(first, w->sha256);
    reap_weights_free(&w);
    tensor("b.safetensors", "fc.other", "unit");
    rc = reap_weights_read(&w, dir, &err);
    ok(!rc && strcmp(first, w->sha256) != 0, "the hash is that of all files");
    reap_weights_free(&w);
    index_of("{\"fc.bias\":\"a.safetensors\",\"none\":\"b.safetensors\"}");
    refused("a tensor that is not there", "none is in b.safetensors");
    index_of("{\"fc.bias\":\"../a.safetensors\"}");
    refused("a file elsewhere", "name of a file beside it");
    index_of("{\"fc.bias\":\"c.safetensors\"}");
    refused("a file that is missing", "c.safetensors: there is no such file");
    index_of("{\"fc.bias\":\"model.safetensors.index.json\"}");
    refused("an index of itself", "index inside an index");
    index_of("[]");
    refused("no map", "weight_map");
    drop("model.safetensors.index.json");
    refused("two files without an index", "2 files of weights");
    drop("b.safetensors");
    tells("one file of any name", NULL, "", "");
    drop("a.safetensors");
    refused("nothing", "directory without weights");
    text("saved_model.pb", "x");
    refused("a SavedModel", "TensorFlow SavedModel");
    drop("saved_model.pb");
}

int main(void)
{
    strcpy(dir, "/tmp/reap-hf-XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    processors();
    timm();
    configs();
    shards();
    rmdir(dir);
    return done();
}
