/* True labels of keys: forms of files, several files, the store's own. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/labels/truth.h"
#include "tests/fill.h"
#include "tests/store_help.h"
#include "tests/tap.h"

static char names[600];

/* Write files a, b, ... of these texts; returns the list of them. */
static const char *put(const char *const *text)
{
    names[0] = '\0';
    for (int i = 0; text[i]; i++) {
        const char name[] = { (char)('a' + i), '\0' };
        FILE *f = fopen(scratch(name), "wb");

        if (!f || fputs(text[i], f) < 0 || fclose(f))
            abort();
        sprintf(names + strlen(names), "%s%s", i ? "," : "", scratch(name));
    }
    return names;
}

/* The labels of a key, with '+' between them. */
static const char *labels_of(const struct reap_truth *t, const char *key,
                             const char *stored)
{
    static char all[200];
    struct reap_row row = { .key = { (const uint8_t *)key, strlen(key) },
                            .label = stored };
    const char *label;

    all[0] = '\0';
    for (size_t i = 0; (label = reap_truth_label(t, &row, i)); i++)
        sprintf(all + strlen(all), "%s%s", i ? "+" : "", label);
    return all;
}

/* Do these files give the key k the labels 'want', if the store says s? */
static void gives(const char *what, const char *const *text, const char *want)
{
    struct reap_truth *t;
    struct reap_err err = { 0 };

    if (reap_truth_open(&t, put(text), &err)) {
        ok(0, "%s: %s", what, err.msg);
        return;
    }
    ok(!strcmp(labels_of(t, "k", "s"), want), "%s: %s", what,
       labels_of(t, "k", "s"));
    reap_truth_close(&t);
}
#define GIVES(what, want, ...) \
    gives(what, (const char *const[]){ __VA_ARGS__, NULL }, want)

static void counts(void)
{
    static const char *const text[] = { "k\ta\nk\tb\nl\tc\nl\tc\nm\t\nn\n"
                                        "o\tp\tq\n",
                                        NULL };
    const struct reap_truth_counts *c;
    struct reap_truth *t;
    struct reap_err err = { 0 };
    char buf[300];

    ok(!reap_truth_open(&t, put(text), &err), "all kinds of lines");
    c = reap_truth_counts(t);
    ok(c->keys == 3 && c->blank == 2 && c->again == 1 && c->several == 1 &&
           c->further == 1,
       "are counted");
    ok(reap_truth_has(t, (struct reap_bytes){ (const uint8_t *)"m", 1 }) &&
           !reap_truth_has(t, (struct reap_bytes){ (const uint8_t *)"x", 1 }),
       "a key without a label is known");
    ok(!strcmp(reap_truth_remark(t, false, buf, sizeof(buf)),
               "2 keys have an empty label; 1 key has several labels, of which "
               "the last counts; 1 line only repeats another; 1 line has "
               "further columns, ignored"),
       "and told: %s", buf);
    ok(!strstr(reap_truth_remark(t, true, buf, sizeof(buf)), "several") &&
           strlen(reap_truth_remark(t, false, buf, 10)) == 9,
       "several labels may be wanted; the text is cut to its room");
    reap_truth_close(&t);
    ok(!reap_truth_open(
           &t, put((const char *const[]){ "key,label,more\nk,a,b\n", NULL }),
           &err) &&
           !*reap_truth_remark(t, false, buf, sizeof(buf)),
       "columns with headings are no reason for a remark");
    reap_truth_close(&t);
}

static void refuses(const char *list, int code, const char *says)
{
    struct reap_truth *t;
    struct reap_err err = { 0 };

    ok(reap_truth_open(&t, list, &err) == code && !t && strstr(err.msg, says),
       "refused: %s", err.msg);
}

static void many(void)
{
    struct reap_truth *t;
    struct reap_err err = { 0 };
    FILE *f = fopen(scratch("many"), "w");
    char key[20];
    int good = 0;

    for (int i = 0; f && i < 100000; i++)
        fprintf(f, "k%d\t%d\n", i * 7919 % 100000, i % 10);
    if (!f || fclose(f))
        abort();
    ok(!reap_truth_open(&t, scratch("many"), &err) &&
           reap_truth_counts(t)->keys == 100000,
       "100000 lines in no order");
    for (int i = 0; i < 100000; i++) {
        sprintf(key, "k%d", i * 7919 % 100000);
        good += atoi(labels_of(t, key, "")) == i % 10;
    }
    ok(good == 100000, "each is found");
    reap_truth_close(&t);
}

/* A small random number. */
static size_t below(size_t n)
{
    float x;

    fill_real(&x, 1);
    return (size_t)((x + 1) / 2 * (float)n) % n;
}

/* Any bytes are either refused or read, and what is read can be asked for. */
static void any_bytes(void)
{
    static const char whole[] = "\xef\xbb\xbfkey,label,x\r\n\"a,\"\"b\",c,d\n"
                                "\\x6b\ta\\x09b\nk,a\n\0,\n";
    static const char odd[] = "\"\\,\t\n\r\0x\xff";
    struct reap_err err = { 0 };
    int wrong = 0, read = 0;

    for (int i = 0; i < 5000; i++) {
        char text[sizeof(whole)];
        const size_t len = below(sizeof(whole)) + 1;
        struct reap_truth *t;
        FILE *f = fopen(scratch("any"), "wb");
        int rc;

        memcpy(text, whole, sizeof(whole));
        for (size_t n = below(6) + 1; n--;)
            text[below(len)] = odd[below(sizeof(odd) - 1)];
        if (!f || fwrite(text, 1, len, f) != len || fclose(f))
            abort();
        rc = reap_truth_open(&t, scratch("any"), &err);
        read += !rc;
        wrong += rc && (rc != REAP_EFORMAT || t || !*err.msg);
        if (!rc)
            wrong += strlen(labels_of(t, "k", "")) > len;
        reap_truth_close(&t);
    }
    ok(!wrong && read > 100, "5000 spoilt files: %d read, others refused",
       read);
}

static void fails_without_memory(void)
{
    static const char *const text[] = { "k\ta\n", "l\tb\n", NULL };
    struct reap_truth *t = NULL;
    struct reap_err err = { 0 };
    int rc = REAP_ENOMEM;

    put(text);
    for (long i = 1; rc == REAP_ENOMEM && i < 50; i++) {
        reap_mem_fail_at(i);
        rc = reap_truth_open(&t, names, &err);
        ok(!rc || (rc == REAP_ENOMEM && !t), "allocation %ld", i);
    }
    reap_mem_fail_at(0);
    reap_truth_close(&t);
}

int main(void)
{
    struct reap_truth *t;
    struct reap_err err = { 0 };
    static const char *const one[] = { "k\ta\n", NULL };
    char list[700];

    fill_seed();
    scratch_new();
    GIVES("a line", "a", "k\ta\n");
    GIVES("byte order mark, CRLF, blanks", "a b",
          "\xef\xbb\xbf"
          "k\t a b \r\n");
    GIVES("headings", "a", "label\tx\tkey\na\tb\tk\n");
    GIVES("one heading", "a", "file\twhat\nk\ta\n");
    GIVES("a key that looks like one", "a", "class\tb\nk\ta\n");
    GIVES("an export", "a", "key,status,reason,true_label\nk,ok,,a\n");
    GIVES("label is a better word than true_label", "b",
          "key,true_label,label\nk,a,b\n");
    GIVES("key is a better word than image", "a",
          "image\tkey\tchoice\n"
          "/x/k\tk\ta\n");
    GIVES("commas without headings", "a", "j,b\nk,a\n");
    GIVES("a written form of the key and the label", "a\tb",
          "\\x6b\ta\\x09b\n");
    GIVES("several labels, the last first", "c+a+b",
          "k\tb\nk\ta\nk\tc\nk\tc\n");
    GIVES("a short line", "a", "label,key\nj\na,k\n");
    GIVES("a key the file has not", "", "j\ta\n");
    GIVES("the later file wins", "c", "k\ta\nk\tb\nj\ta\n", "k\tc\n");
    GIVES("what a later file has not stays", "b+a", "k\ta\nk\tb\n", "j\tc\n");
    GIVES("a later file takes the label away", "", "k\ta\n", "k\t\nj\tb\n");
    counts();
    ok(!reap_truth_open(&t, NULL, &err) &&
           !strcmp(labels_of(t, "k", "s"), "s") && !*labels_of(t, "k", ""),
       "no file: the store's own label");
    reap_truth_close(&t);
    snprintf(list, sizeof(list), "stored,%s", put(one));
    ok(!reap_truth_open(&t, list, &err) &&
           !strcmp(labels_of(t, "k", "s"), "a") &&
           !strcmp(labels_of(t, "j", "s"), "s"),
       "a file over the store's own labels");
    reap_truth_close(&t);
    if (rename(scratch("a"), scratch("a,b")))
        abort();
    ok(!reap_truth_open(&t, scratch("a,b"), &err), "a comma in a file's name");
    reap_truth_close(&t);
    snprintf(list, sizeof(list), "%s\n%s,stored\n", scratch("a,b"),
             put((const char *const[]){ "k\tlast\n", NULL }));
    *strrchr(list, '\n') = '\0';
    ok(!reap_truth_open(&t, list, &err) &&
           !strcmp(labels_of(t, "k", "s"), "last") &&
           !strcmp(labels_of(t, "z", "s"), "s"),
       "line ends between lists, as the option given again has them %s",
       err.msg);
    reap_truth_close(&t);
    refuses(scratch("none"), REAP_ENOTFOUND, "none");
    put((const char *const[]){ "k\nj\n", NULL });
    refuses(scratch("a"), REAP_EFORMAT, "no line has a label");
    put((const char *const[]){ "", NULL });
    refuses(scratch("a"), REAP_EFORMAT, "no line has a label");
    refuses("", REAP_ENOTFOUND, "");
    many();
    any_bytes();
    fails_without_memory();
    scratch_delete();
    return done();
}
