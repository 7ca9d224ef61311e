/* Lines and columns of a file, between tabs or commas. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/table.h"
#include "tests/store_help.h"
#include "tests/tap.h"

static void put(const char *path, const char *text, size_t n)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(text, 1, n, f) != n || fclose(f))
        abort();
}

/* All lines of 'text', as "line:a|b|c" with a blank between them; a
 * line end in a column is shown as a slash. */
static const char *read_as(const char *text)
{
    static char all[1000];
    struct reap_table *t;
    struct reap_err err = { 0 };
    char *column[4];
    const char *path = scratch("table");
    size_t n;

    put(path, text, strlen(text));
    if (reap_table_open(&t, path, &err))
        return err.msg[0] ? "failed" : "";
    all[0] = '\0';
    while ((n = reap_table_next(t, column, 4))) {
        sprintf(all + strlen(all), "%s%zu", *all ? " " : "",
                reap_table_line(t));
        for (size_t i = 0; i < n && i < 4; i++)
            sprintf(all + strlen(all), "%c%s", i ? '|' : ':', column[i]);
        if (n > 4)
            sprintf(all + strlen(all), "+%zu", n - 4);
    }
    reap_table_close(&t);
    for (char *p = all; (p = strchr(p, '\n'));)
        *p = '/';
    return all;
}

static void reads(const char *what, const char *text, const char *as)
{
    const char *is = read_as(text);

    ok(!strcmp(is, as), "%s: %s", what, is);
}

static void refuses(const char *path, int code)
{
    struct reap_table *t;
    struct reap_err err = { 0 };

    ok(reap_table_open(&t, path, &err) == code && !t && strstr(err.msg, path),
       "refused: %s", err.msg);
}

static void fails_without_memory(void)
{
    struct reap_table *t = NULL;
    struct reap_err err = { 0 };
    int rc = REAP_ENOMEM;

    put(scratch("table"), "a\tb\n", 4);
    for (long i = 1; rc == REAP_ENOMEM && i < 20; i++) {
        reap_mem_fail_at(i);
        rc = reap_table_open(&t, scratch("table"), &err);
        ok(!rc || (rc == REAP_ENOMEM && !t), "allocation %ld", i);
    }
    reap_mem_fail_at(0);
    reap_table_close(&t);
}

int main(void)
{
    char long_text[300];

    scratch_new();
    reads("tabs", "a\tb\nc d\te,f\n", "1:a|b 2:c d|e,f");
    reads("no end of line", "a\tb", "1:a|b");
    reads("CRLF, byte order mark",
          "\xef\xbb\xbf"
          "a\tb\r\nc\td\r\n",
          "1:a|b 2:c|d");
    reads("blank lines are counted", "\n\na\tb\n\n\nc\td\n", "3:a|b 6:c|d");
    reads("empty columns", "a\t\t\n\tb\n", "1:a|| 2:|b");
    reads("more columns than wanted", "a\tb\tc\td\te\tf\n", "1:a|b|c|d+2");
    reads("one column", "a\nb\n", "1:a 2:b");
    reads("an empty file", "", "");
    reads("commas", "a,b\nc,d\te\n", "1:a|b 2:c|d\te");
    reads("quotes", "\"a,1\",\"b \"\"x\"\"\"\nc,\"\"\n", "1:a,1|b \"x\" 2:c|");
    reads("a line end in quotes", "h,\"a\nz\"\nc,d\n", "1:h|a/z 3:c|d");
    reads("words behind a quote", "\"a\"b,c\n", "1:ab|c");
    reads("a quote that never ends", "a,\"b\nc\n", "1:a|b/c/");
    reads("quotes mean nothing between tabs", "\"a\"\tb\n", "1:\"a\"|b");
    memset(long_text, 'x', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = '\0';
    ok(strlen(read_as(long_text)) == sizeof(long_text) + 1, "a long line");
    refuses(scratch("none"), REAP_ENOTFOUND);
    refuses(scratch(""), REAP_EFORMAT);
    put(scratch("zero"), "a\tb\0c\n", 6);
    refuses(scratch("zero"), REAP_EFORMAT);
    if (geteuid()) {
        chmod(scratch("zero"), 0);
        refuses(scratch("zero"), REAP_EACCESS);
    } else {
        skip("root may read everything");
    }
    fails_without_memory();
    scratch_delete();
    return done();
}
