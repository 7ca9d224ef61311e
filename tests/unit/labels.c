/* Class names, built in and from files of several kinds. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/labels/labels.h"
#include "tests/tap.h"

static char path[] = "/tmp/reap-labels-XXXXXX";

static void put(const char *text, size_t n)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(text, 1, n, f) != n || fclose(f))
        abort();
}

static void built_in(void)
{
    struct reap_labels *l;
    struct reap_err err = { 0 };
    size_t sorted = 1;

    ok(!reap_labels_open(&l, NULL, 1000, true, &err) &&
           !strcmp(reap_labels_name(l, 24), "great_grey_owl") &&
           !strcmp(reap_labels_wnid(l, 24), "n01622779"),
       "Keras's spelling");
    for (size_t i = 1; i < reap_labels_count(l); i++)
        sorted +=
            strcmp(reap_labels_wnid(l, i - 1), reap_labels_wnid(l, i)) < 0;
    ok(sorted == 1000, "1000 wnids in their order");
    reap_labels_close(&l);
    ok(!reap_labels_open(&l, NULL, 1000, false, &err) &&
           !strcmp(reap_labels_name(l, 24), "great grey owl"),
       "torchvision's spelling");
    reap_labels_close(&l);
    ok(!reap_labels_open(&l, NULL, 1001, true, &err) &&
           !strcmp(reap_labels_name(l, 0), "background") &&
           !*reap_labels_wnid(l, 0) &&
           !strcmp(reap_labels_name(l, 25), "great_grey_owl") &&
           !strcmp(reap_labels_name(l, 1000), "toilet_tissue"),
       "1001 classes: the first is the background");
    reap_labels_close(&l);
    ok(!reap_labels_open(&l, NULL, 7, false, &err) &&
           !*reap_labels_name(l, 6) && !*reap_labels_wnid(l, 6),
       "other heads have empty names");
    reap_labels_close(&l);
}

static void reads(const char *what, const char *text, const char *wnid)
{
    struct reap_labels *l;
    struct reap_err err = { 0 };

    put(text, strlen(text));
    if (reap_labels_open(&l, path, 2, false, &err)) {
        ok(0, "%s: %s", what, err.msg);
        return;
    }
    ok(!strcmp(reap_labels_name(l, 0), "a cat") &&
           !strcmp(reap_labels_name(l, 1), "dog") &&
           !strcmp(reap_labels_wnid(l, 1), wnid),
       "%s", what);
    reap_labels_close(&l);
}

/* 1000 names for a head of 1001 classes. */
static void before_background(const char *what, const char *first,
                              const char *between, const char *last)
{
    static char text[20000];
    struct reap_labels *l;
    struct reap_err err = { 0 };

    strcpy(text, first);
    for (int i = 0; i < 1000; i++)
        sprintf(text + strlen(text), "%s\"c%d\"", i ? between : "", i);
    strcat(text, last);
    put(text, strlen(text));
    if (reap_labels_open(&l, path, 1001, false, &err)) {
        ok(0, "%s: %s", what, err.msg);
        return;
    }
    ok(!strcmp(reap_labels_name(l, 0), "background") &&
           strstr(reap_labels_name(l, 1000), "c999"),
       "%s: 1000 names stand behind a background", what);
    reap_labels_close(&l);
}

static void refuses(const char *text, size_t n, int code, const char *says)
{
    struct reap_labels *l;
    struct reap_err err = { 0 };

    put(text, n);
    ok(reap_labels_open(&l, path, 2, false, &err) == code && !l &&
           strstr(err.msg, says),
       "refused: %s", err.msg);
}
#define REFUSES(text, code, says) refuses(text, sizeof(text) - 1, code, says)

int main(void)
{
    struct reap_labels *l;
    struct reap_err err = { 0 };
    char *two[] = { (char[]){ "a" }, (char[]){ "b" } };
    int fd = mkstemp(path);

    if (fd < 0)
        return 1;
    close(fd);
    built_in();
    reads("a name a line", "a cat\ndog\n", "");
    reads("byte order mark, CRLF, no end of line",
          "\xef\xbb\xbf"
          "a cat\r\ndog",
          "");
    reads("blank lines at the end", "a cat\ndog\n\n\n", "");
    reads("headings and columns",
          "index\twnid\tname\n1\tn2\tdog\n0\tn1\ta cat\n", "n2");
    reads("wnid and name", "n1\ta cat\nn2\tdog\n", "n2");
    reads("index and name", "0\ta cat\n1\tdog\n", "");
    reads("a JSON list", "[\"a cat\", \"dog\"]", "");
    reads("a JSON object", "{\"1\": \"dog\", \"0\": \"a cat\"}", "");
    reads("Keras's class index",
          "{\"0\":[\"n1\",\"a cat\"],\"1\":[\"n2\",\"dog\"]}", "n2");
    before_background("lines", "", "\n", "\n");
    before_background("a line of headings", "name\n", "\n", "\n");
    before_background("JSON", "[", ",", "]");
    REFUSES("a\nb\nc\n", REAP_EINVAL, "3 names, but the head has 2 classes");
    REFUSES("", REAP_EINVAL, "0 names");
    REFUSES("a\n\nb\n", REAP_EINVAL, "3 names");
    REFUSES("\nb\n", REAP_EFORMAT, "empty");
    REFUSES("0\ta\n0\tb\n", REAP_EFORMAT, "twice");
    REFUSES("0\ta\n7\tb\n", REAP_EFORMAT, "too large");
    REFUSES("a\0b\nc\n", REAP_EFORMAT, "zero byte");
    REFUSES("[\"a\", 7]", REAP_EFORMAT, "class 1");
    REFUSES("{\"a\": 1, \"b\": 2}", REAP_EFORMAT, "class 0");
    REFUSES("[\"a\"", REAP_EFORMAT, "line 1");
    remove(path);
    ok(reap_labels_open(&l, path, 2, false, &err) == REAP_ENOTFOUND, "%s",
       err.msg);
    ok(!reap_labels_from(&l, two, 2, 2, &err) &&
           !strcmp(reap_labels_name(l, 1), "b"),
       "names in memory");
    reap_labels_close(&l);
    ok(reap_labels_from(&l, two, 2, 3, &err) == REAP_EINVAL, "%s", err.msg);
    return done();
}
