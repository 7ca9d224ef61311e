/* Escapes for lines, CSV and JSON, one walk over characters each. Which form a
 * file needs is for its writer to know. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file/text.h"

/* Length of the UTF-8 character at 'p', 0 if there is none (RFC 3629: no
 * overlong forms, no surrogates, nothing beyond U+10FFFF). */
static size_t character(const unsigned char *p, size_t len)
{
    size_t n = p[0] < 0x80   ? 1
               : p[0] < 0xc2 ? 0
               : p[0] < 0xe0 ? 2
               : p[0] < 0xf0 ? 3
               : p[0] < 0xf5 ? 4
                             : 0;

    if (n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

char *reap_text_escape(char *out, size_t size, struct reap_bytes in)
{
    static const char digit[] = "0123456789abcdef";
    size_t used = 0;

    for (size_t i = 0; i < in.len;) {
        const unsigned char *p = in.data + i;
        size_t n = character(p, in.len - i);
        char as[4];

        if (!n || p[0] < 0x20 || p[0] == 0x7f) {
            as[0] = '\\';
            as[1] = 'x';
            as[2] = digit[p[0] >> 4];
            as[3] = digit[p[0] & 15];
            n = 4;
            i++;
        } else if (p[0] == '\\') {
            as[0] = as[1] = '\\';
            n = 2;
            i++;
        } else {
            memcpy(as, p, n);
            i += n;
        }
        if (used + n >= size)
            break;
        memcpy(out + used, as, n);
        used += n;
    }
    out[used] = '\0';
    return out;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

size_t reap_text_unescape(const char *text, unsigned char *out)
{
    size_t n = 0;

    while (*text) {
        if (text[0] == '\\' && text[1] == '\\') {
            out[n++] = '\\';
            text += 2;
        } else if (text[0] == '\\' && text[1] == 'x' && hex(text[2]) >= 0 &&
                   hex(text[3]) >= 0) {
            out[n++] = (unsigned char)(hex(text[2]) << 4 | hex(text[3]));
            text += 4;
        } else {
            out[n++] = (unsigned char)*text++;
        }
    }
    return n;
}

/* Has the word bytes that only $'...' can tell? */
static bool text_is_odd(const char *word)
{
    const unsigned char *p = (const unsigned char *)word;
    size_t n;

    for (size_t len = strlen(word); len; p += n, len -= n) {
        n = character(p, len);
        if (!n || *p < 0x20 || *p == 0x7f)
            return true;
    }
    return false;
}

char *reap_text_quote(char *out, size_t size, const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_-./:=,+@%";
    const bool odd = text_is_odd(word);
    FILE *f = fmemopen(out, size, "w");

    *out = '\0';
    if (!f)
        return out;
    if (*word && word[strspn(word, safe)] == '\0') {
        fputs(word, f);
    } else {
        fputs(odd ? "$'" : "'", f);
        for (; *word; word++)
            if (odd && (*word & 0x80 || *word < 0x20 || *word == 0x7f))
                fprintf(f, "\\x%02x", (unsigned)(unsigned char)*word);
            else if (*word == '\'')
                fputs(odd ? "\\'" : "'\\''", f);
            else if (odd && *word == '\\')
                fputs("\\\\", f);
            else
                putc(*word, f);
        putc('\'', f);
    }
    fclose(f); /* ends with a NUL, where there is room */
    out[size - 1] = '\0';
    return out;
}

void reap_text_line(FILE *to, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == 0x7f)
            fprintf(to, "\\x%02x", c);
        else
            putc(c, to);
    }
    putc('\n', to);
}

void reap_text_csv(FILE *to, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, to);
        return;
    }
    putc('"', to);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', to);
        putc(*text, to);
    }
    putc('"', to);
}

void reap_text_json(FILE *to, const char *text)
{
    putc('"', to);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            putc('\\', to);
        if (c < 0x20)
            fprintf(to, "\\u%04x", c);
        else
            putc(c, to);
    }
    putc('"', to);
}

void reap_text_float(FILE *to, float v)
{
    char text[32];

    if (isnan(v)) { /* JSON knows none either: the caller writes null */
        fputs("nan", to);
        return;
    }
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v)
            break;
    }
    fputs(text, to);
}
