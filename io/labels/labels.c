/* Names from a file, from weights or from the built-in table, as an array of
 * pointers into one text. The kind of file (lines, columns, JSON) is told by
 * its content. True labels of keys are truth.c's. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "io/labels/labels.h"

static const struct label {
    const char *wnid, *keras, *torchvision;
} imagenet[] = {
#define CLASS(i, wnid, keras, torchvision) [i] = { #wnid, keras, torchvision },
#include "io/labels/imagenet_classes.def"
#undef CLASS
};

enum {
    IMAGENET = sizeof(imagenet) / sizeof(*imagenet),
    MAX_FILE = 64 << 20,
    COLUMNS = 3
};

/* What class 0 of a head with 1001 classes is: "nothing of the others". */
static const char background[] = "background";

struct reap_labels {
    size_t n;
    const char **name, **wnid; /* constants, or inside 'text' or 'tree' */
    char *text;
    json_t *tree;
};

static int labels_no_memory(struct reap_err *err)
{
    return reap_fail(err, REAP_ENOMEM, "no memory for class names");
}

/* n empty names. */
static int make(struct reap_labels **out, size_t n, struct reap_err *err)
{
    struct reap_labels *l = reap_calloc(1, sizeof(*l));

    *out = l;
    if (!l)
        return labels_no_memory(err);
    l->name = reap_calloc(n + 1, 2 * sizeof(*l->name));
    if (!l->name) {
        reap_labels_close(out);
        return labels_no_memory(err);
    }
    l->wnid = l->name + n + 1;
    l->n = n;
    for (size_t i = 0; i < n; i++)
        l->name[i] = l->wnid[i] = "";
    return REAP_OK;
}

static int read_text(const char *file, char **text, size_t *len,
                     struct reap_err *err)
{
    FILE *f = fopen(file, "rb");
    struct stat st;
    int rc = REAP_OK;

    *text = NULL;
    if (!f)
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ENOTFOUND,
                         "%s", strerror(errno));
    if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode))
        rc = reap_fail(err, REAP_EFORMAT, "not a file of names");
    else if (st.st_size > MAX_FILE)
        rc = reap_fail(err, REAP_EFORMAT, "too large for a file of names");
    if (!rc && !(*text = reap_calloc((size_t)st.st_size + 1, 1)))
        rc = labels_no_memory(err);
    if (!rc) {
        *len = fread(*text, 1, (size_t)st.st_size, f);
        if (ferror(f))
            rc = reap_fail(err, REAP_EIO, "reading: %s", strerror(errno));
        else if (memchr(*text, '\0', *len))
            rc = reap_fail(err, REAP_EFORMAT,
                           "not text: there is a zero byte in it");
    }
    fclose(f);
    return rc;
}

static int differ(size_t names, size_t classes, struct reap_err *err)
{
    return reap_fail(err, REAP_EINVAL,
                     "%zu names, but the head has %zu classes", names, classes);
}

/* A whole number and nothing else. */
static bool labels_number(const char *s, size_t *out)
{
    if (!*s || strlen(s) > 9 || strspn(s, "0123456789") != strlen(s))
        return false;
    *out = strtoul(s, NULL, 10);
    return true;
}

/* Cut the line at its tabs; columns beyond the last belong to it no more. */
static size_t columns(char *line, char *column[COLUMNS])
{
    size_t n = 0;

    while (line) {
        char *tab = strchr(line, '\t');

        if (tab)
            *tab++ = '\0';
        if (n < COLUMNS)
            column[n++] = line;
        line = tab;
    }
    return n;
}

static bool heading(const char *line)
{
    static const char *const words[] = { "index", "id",   "class",
                                         "wnid",  "name", "label" };
    const size_t n = strcspn(line, "\t");

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strlen(words[i]) == n && !strncasecmp(line, words[i], n))
            return true;
    return false;
}

/* Put the name of one line where its index says, else in place 'at', after
 * 'front' classes that have a name already. */
static int labels_place(struct reap_labels *l, size_t at, size_t front,
                        char *line, struct reap_err *err)
{
    char *column[COLUMNS];
    size_t n = columns(line, column), first = 0, index = at;

    if (n > 1 && labels_number(column[0], &index))
        first = 1;
    index += front;
    if (index >= l->n || *l->name[index] || !*column[n - 1])
        return reap_fail(err, REAP_EFORMAT, "name %zu (\"%s\"): %s", at + 1,
                         column[n - 1],
                         !*column[n - 1] ? "it is empty"
                         : index >= l->n ? "its index is too large"
                                         : "its index is there twice");
    l->name[index] = column[n - 1];
    if (n - first == 2)
        l->wnid[index] = column[first];
    return REAP_OK;
}

/* The lines of the text in '*line' (owned), blank ones at its end left out. */
static int split(char *text, char ***line, size_t *n, struct reap_err *err)
{
    size_t room = 1;

    for (const char *p = text; *p; p++)
        room += *p == '\n';
    *n = 0;
    *line = reap_calloc(room, sizeof(**line));
    if (!*line)
        return labels_no_memory(err);
    for (char *end; text; text = end) {
        end = strchr(text, '\n');
        if (end)
            *end++ = '\0';
        text[strcspn(text, "\r")] = '\0';
        (*line)[(*n)++] = text;
    }
    while (*n && !*(*line)[*n - 1])
        --*n;
    return REAP_OK;
}

/* Room for 'classes' names of which a file has 'names'. ImageNet's 1000 may
 * name 1001, the first of which is then '*front' = 1 for the background. */
static int room_for(struct reap_labels **out, size_t names, size_t classes,
                    size_t *front, struct reap_err *err)
{
    int rc;

    *front = classes == IMAGENET + 1 && names == IMAGENET;
    if (names + *front != classes)
        return differ(names, classes, err);
    rc = make(out, classes, err);
    if (!rc && *front)
        (*out)->name[0] = background;
    return rc;
}

static int from_lines(struct reap_labels **out, char *text, size_t classes,
                      struct reap_err *err)
{
    char **line;
    size_t n, first, front;
    int rc = split(text, &line, &n, err);

    if (rc)
        return rc;
    first = n && heading(line[0]) &&
            (n == classes + 1 || (n == classes && n == IMAGENET + 1));
    rc = room_for(out, n - first, classes, &front, err);
    for (size_t i = 0; !rc && i < n - first; i++)
        rc = labels_place(*out, i, front, line[first + i], err);
    reap_free(line);
    return rc;
}

static const char *text_of(const json_t *v)
{
    const char *s = json_string_value(v);

    return s ? s : "";
}

static int from_json(struct reap_labels **out, json_t *tree, size_t classes,
                     struct reap_err *err)
{
    const bool list = json_is_array(tree);
    const size_t n = list ? json_array_size(tree) : json_object_size(tree);
    size_t front;
    char key[24];
    int rc = room_for(out, n, classes, &front, err);

    for (size_t i = 0; !rc && i < n; i++) {
        const json_t *v;

        snprintf(key, sizeof(key), "%zu", i);
        v = list ? json_array_get(tree, i) : json_object_get(tree, key);
        if (json_is_array(v)) {
            (*out)->wnid[front + i] = text_of(json_array_get(v, 0));
            v = json_array_get(v, 1);
        }
        (*out)->name[front + i] = text_of(v);
        if (!*(*out)->name[front + i])
            rc = reap_fail(err, REAP_EFORMAT,
                           "class %zu: a name is expected, or [wnid, name]", i);
    }
    return rc;
}

static int from_file(struct reap_labels **out, const char *file, size_t classes,
                     struct reap_err *err)
{
    char *text, *start;
    json_t *tree = NULL;
    json_error_t why;
    size_t len = 0;
    int rc = read_text(file, &text, &len, err);

    if (!rc) {
        start = text + (strncmp(text, "\xef\xbb\xbf", 3) ? 0 : 3);
        if (*start == '[' || *start == '{') {
            tree = json_loads(start, 0, &why);
            rc = tree ? from_json(out, tree, classes, err)
                      : reap_fail(err, REAP_EFORMAT, "line %d: %s", why.line,
                                  why.text);
        } else {
            rc = from_lines(out, start, classes, err);
        }
    }
    if (!rc) {
        (*out)->text = text;
        (*out)->tree = tree;
        return REAP_OK;
    }
    reap_labels_close(out);
    reap_free(text);
    json_decref(tree);
    return reap_wrap(err, rc, "%s", file);
}

int reap_labels_open(struct reap_labels **out, const char *file, size_t classes,
                     bool keras, struct reap_err *err)
{
    int rc;

    *out = NULL;
    if (file)
        return from_file(out, file, classes, err);
    rc = make(out, classes, err);
    if (rc || (classes != IMAGENET && classes != IMAGENET + 1))
        return rc;
    if (classes > IMAGENET)
        (*out)->name[0] = background;
    for (size_t i = 0; i < IMAGENET; i++) {
        const size_t at = classes - IMAGENET + i;

        (*out)->wnid[at] = imagenet[i].wnid;
        (*out)->name[at] = keras ? imagenet[i].keras : imagenet[i].torchvision;
    }
    return rc;
}

int reap_labels_from(struct reap_labels **out, char *const *name, size_t n,
                     size_t classes, struct reap_err *err)
{
    size_t len = 0;
    char *to;
    int rc;

    *out = NULL;
    if (n != classes)
        return differ(n, classes, err);
    rc = make(out, n, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++)
        len += strlen(name[i]) + 1;
    to = (*out)->text = reap_calloc(len + 1, 1);
    if (!to) {
        reap_labels_close(out);
        return labels_no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        (*out)->name[i] = strcpy(to, name[i]);
        to += strlen(to) + 1;
    }
    return REAP_OK;
}

size_t reap_labels_count(const struct reap_labels *l)
{
    return l->n;
}

const char *reap_labels_name(const struct reap_labels *l, size_t i)
{
    return l->name[i];
}

const char *reap_labels_wnid(const struct reap_labels *l, size_t i)
{
    return l->wnid[i];
}

size_t reap_labels_background(const struct reap_labels *l)
{
    return l->n == IMAGENET + 1 && !strcmp(l->name[0], background);
}

static char *add_word(char *to, const char *word)
{
    for (; *word; word++)
        *to++ = strchr("\t\r\n", *word) ? ' ' : *word;
    return to;
}

char *reap_labels_text(const struct reap_labels *l)
{
    size_t len = 1, named = 0;
    char *text, *to;

    for (size_t i = 0; i < l->n; i++) {
        len += strlen(l->wnid[i]) + strlen(l->name[i]) + 2;
        named += *l->wnid[i] || *l->name[i];
    }
    to = text = named ? reap_calloc(1, len) : NULL;
    for (size_t i = 0; i < l->n && text; i++) {
        to = add_word(to, l->wnid[i]);
        *to++ = '\t';
        to = add_word(to, l->name[i]);
        *to++ = '\n';
    }
    return text;
}

void reap_labels_close(struct reap_labels **l)
{
    if (!*l)
        return;
    reap_free((*l)->name);
    reap_free((*l)->text);
    json_decref((*l)->tree);
    reap_free(*l);
    *l = NULL;
}
