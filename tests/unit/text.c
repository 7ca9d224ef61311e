/* Keys as text: one line of UTF-8 whatever the bytes, and back again. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/file/text.h"
#include "tests/tap.h"

static bool gives(const char *in, size_t len, const char *want)
{
    struct reap_bytes b = { (const uint8_t *)in, len };
    char out[200];

    return !strcmp(reap_text_escape(out, sizeof(out), b), want);
}

static const char *number(float v)
{
    static char text[64];
    FILE *f = fmemopen(text, sizeof(text), "w");

    reap_text_float(f, v);
    fclose(f);
    return text;
}

static const char *csv(const char *in)
{
    static char text[64];
    FILE *f = fmemopen(text, sizeof(text), "w");

    reap_text_csv(f, in);
    fclose(f);
    return text;
}

static const char *line(const char *in)
{
    static char text[64];
    FILE *f = fmemopen(text, sizeof(text), "w");

    reap_text_line(f, in);
    fclose(f);
    return text;
}

/* The word of bytes 0 to 255 is read back by a shell as it was. */
static bool shell_reads(const char *word)
{
    char quoted[REAP_TEXT_QUOTED(600)], command[3000], back[700] = "";
    FILE *f;

    reap_text_quote(quoted, sizeof(quoted), word);
    snprintf(command, sizeof(command), "printf %%s %s", quoted);
    setenv("REAP_TEST_COMMAND", command, 1);
    f = popen("exec bash -c \"$REAP_TEST_COMMAND\"", "r");
    back[f ? fread(back, 1, sizeof(back) - 1, f) : 0] = '\0';
    return f && !pclose(f) && !strcmp(back, word);
}

static bool quotes(const char *word, const char *want)
{
    char out[100];

    return !strcmp(reap_text_quote(out, sizeof(out), word), want);
}

static const char *safe(const char *in, bool json, bool last)
{
    static char text[64];
    FILE *f = fmemopen(text, sizeof(text), "w");

    reap_text_safe(f, in, strlen(in), json, last);
    fclose(f);
    return text;
}

static const char *csv_safe(const char *in)
{
    static char text[64];
    FILE *f = fmemopen(memset(text, 0, sizeof(text)), sizeof(text), "w");

    reap_text_csv_safe(f, in);
    fclose(f);
    return text;
}

/* UTF-8 of every character, and every pair of bytes. */
static bool back_and_forth(void)
{
    char text[REAP_TEXT_ROOM(4)];
    unsigned char in[4], out[sizeof(text)];

    for (unsigned c = 0; c < 0x110000; c++) {
        struct reap_bytes b = { in, 0 };

        in[0] = (unsigned char)(c < 0x10000 ? c >> 8 : 0xf0 | c >> 18);
        in[1] = (unsigned char)(c < 0x10000 ? c : 0x80 | (c >> 12 & 0x3f));
        in[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        in[3] = (unsigned char)(0x80 | (c & 0x3f));
        b.len = c < 0x10000 ? 2 : 4;
        reap_text_escape(text, sizeof(text), b);
        if (reap_text_unescape(text, out) != b.len || memcmp(in, out, b.len))
            return false;
        if (c < 0x800 || c > 0xffff)
            continue;
        in[0] = (unsigned char)(0xe0 | c >> 12);
        in[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        in[2] = (unsigned char)(0x80 | (c & 0x3f));
        b.len = 3;
        reap_text_escape(text, sizeof(text), b);
        if (reap_text_unescape(text, out) != b.len || memcmp(in, out, b.len))
            return false;
    }
    return true;
}

int main(void)
{
    static char every[256];
    char small[6], text[REAP_TEXT_ROOM(2)];
    unsigned char back[8];
    int wrong = 0;

    ok(gives("a/b c.jpg", 9, "a/b c.jpg"), "plain text stays");
    ok(gives("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9,
             "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
       "UTF-8 stays");
    ok(gives("a\\b\n\0\x7f", 6, "a\\\\b\\x0a\\x00\\x7f"),
       "backslashes and control bytes do not");
    ok(gives("\xff\xc3", 2, "\\xff\\xc3"), "nor do lone bytes");
    ok(gives("a\xc2\x85\xe2\x80\xa8\xe2\x80\xa9z", 10,
             "a\\u{0085}\\u{2028}\\u{2029}z"),
       "what readers split lines at");
    ok(gives("\xc2\x9b\xe2\x80\xae\xd8\x9c\xe2\x81\xa6\xef\xbb\xbf", 13,
             "\\u{009b}\\u{202e}\\u{061c}\\u{2066}\\u{feff}"),
       "C1 controls, what turns text around, byte order marks");
    ok(gives("\xc2\xa0\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa", 14,
             "\xc2\xa0\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"),
       "their neighbours stay");
    ok(!strcmp(line("\x1b[31m\\\xc2\x9b\xff"), "\\x1b[31m\\\\u{009b}\\xff\n"),
       "a line for a terminal");
    ok(back_and_forth(), "every character and every byte comes back");
    ok(!strcmp(safe("a\tb\n\x1b\xc2\x9b\xe2\x82", false, false),
               "a\tb\n\\x1b\\u{009b}") &&
           !strcmp(safe("\xc2\x9b\x7f\\n", true, true), "\\u009b\\u007f\\n"),
       "text of several lines, and JSON");
    ok(!strcmp(csv_safe("=1+1"), "\"'=1+1\"") &&
           !strcmp(csv_safe("-a\"b"), "\"'-a\"\"b\"") &&
           !strcmp(csv_safe("a=b,c"), "\"a=b,c\"") && !strcmp(csv_safe(""), ""),
       "cells that a spreadsheet would run");
    ok(gives("\xc0\xaf", 2, "\\xc0\\xaf") &&
           gives("\xed\xa0\x80", 3, "\\xed\\xa0\\x80") &&
           gives("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80") &&
           gives("\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf"),
       "overlong forms, surrogates and what is too large are not UTF-8");
    for (unsigned i = 0; i < 65536; i++) {
        const uint8_t in[2] = { (uint8_t)i, (uint8_t)(i >> 8) };

        reap_text_escape(text, sizeof(text), (struct reap_bytes){ in, 2 });
        wrong += reap_text_unescape(text, back) != 2 || memcmp(in, back, 2);
        wrong += strpbrk(text, "\n\r\t") != NULL;
    }
    ok(!wrong, "any two bytes fit, in one line, and come back");
    reap_text_escape(small, sizeof(small),
                     (struct reap_bytes){ (const uint8_t *)"a\xff\xff", 3 });
    ok(!strcmp(small, "a\\xff"), "a text is cut between characters");
    ok(!strcmp(csv("a b"), "a b") && !strcmp(csv("a,b"), "\"a,b\"") &&
           !strcmp(csv("say \"a\""), "\"say \"\"a\"\"\""),
       "CSV quotes where it has to");
    ok(!strcmp(line("a\x1b[1m\nb\\ \x7f\xc3\xa4"),
               "a\\x1b[1m\\x0ab\\ \\x7f\xc3\xa4\n"),
       "a message is one line");
    ok(!strcmp(number(0.75f), "0.75") && !strcmp(number(1), "1") &&
           strtof(number(0.1f + 0.2f), NULL) == 0.1f + 0.2f &&
           strtof(number(1e-38f / 3), NULL) == 1e-38f / 3,
       "floats read back as they were");
    ok(quotes("a/b-1.npy", "a/b-1.npy") && quotes("", "''") &&
           quotes("a b", "'a b'") && quotes("it's", "'it'\\''s'") &&
           quotes("\xc3\xa9 $x", "'\xc3\xa9 $x'") &&
           quotes("a\nb'\xff\\", "$'a\\x0ab\\'\\xff\\\\'"),
       "words are quoted for a shell where they must be");
    for (int i = 1; i < 256; i++)
        every[i - 1] = (char)i;
    ok(shell_reads(every), "a word of all bytes is read back");
    every[31] = '\0';
    ok(shell_reads(every + 8) && shell_reads("") && shell_reads("'") &&
           shell_reads("a b;c&d|e$f`g`\\h*?[i]~!#\"j") &&
           shell_reads("\xc3\xa9'\\n"),
       "and so are others");
    return done();
}
