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

/* The code point of a character of n bytes. */
static unsigned code_of(const unsigned char *p, size_t n)
{
    unsigned c = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));

    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

/*
 * Characters that are well-formed and yet not to be printed: controls (C1,
 * among them U+0085), at which terminals act and readers split lines; U+2028
 * and U+2029, likewise; what turns the direction of text around; and the byte
 * order mark, which readers swallow.
 */
static bool is_unsafe(unsigned c)
{
    return (c >= 0x80 && c <= 0x9f) || c == 0x61c || c == 0x200e ||
           c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* The character at 'p' as it stands in text, in 'as', its length in '*to';
 * returns how many bytes of 'p' it was. */
static size_t escape_one(const unsigned char *p, size_t len, char as[12],
                         size_t *to)
{
    const size_t n = character(p, len);

    if (!n || p[0] < 0x20 || p[0] == 0x7f) {
        *to = (size_t)snprintf(as, 12, "\\x%02x", p[0]);
        return 1;
    }
    if (is_unsafe(code_of(p, n))) {
        *to = (size_t)snprintf(as, 12, "\\u{%04x}", code_of(p, n));
        return n;
    }
    memcpy(as, p, n);
    *to = n;
    return n;
}

char *reap_text_escape(char *out, size_t size, struct reap_bytes in)
{
    size_t used = 0, n;
    char as[12];

    for (size_t i = 0; i < in.len;) {
        i += escape_one(in.data + i, in.len - i, as, &n);
        if (as[0] == '\\' && n == 1)
            as[n++] = '\\';
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

/* The bytes of \u{HEX}, and in '*end' what follows it; 0 if it is none. */
static size_t unescape_code(const char *text, unsigned char out[4],
                            const char **end)
{
    const char *p = text + 3;
    unsigned c = 0;

    if (strncmp(text, "\\u{", 3) != 0)
        return 0;
    for (; hex(*p) >= 0 && c < 0x10000; p++)
        c = c << 4 | (unsigned)hex(*p);
    if (*p != '}' || p == text + 3 || !is_unsafe(c))
        return 0;
    *end = p + 1;
    if (c < 0x800) {
        out[0] = (unsigned char)(0xc0 | c >> 6);
        out[1] = (unsigned char)(0x80 | (c & 0x3f));
        return 2;
    }
    out[0] = (unsigned char)(0xe0 | c >> 12);
    out[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (unsigned char)(0x80 | (c & 0x3f));
    return 3;
}

size_t reap_text_unescape(const char *text, unsigned char *out)
{
    size_t n = 0, code;
    const char *end;

    while (*text) {
        if (text[0] == '\\' && text[1] == '\\') {
            out[n++] = '\\';
            text += 2;
        } else if (text[0] == '\\' && text[1] == 'x' && hex(text[2]) >= 0 &&
                   hex(text[3]) >= 0) {
            out[n++] = (unsigned char)(hex(text[2]) << 4 | hex(text[3]));
            text += 4;
        } else if ((code = unescape_code(text, out + n, &end))) {
            n += code;
            text = end;
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
        if (!n || *p < 0x20 || *p == 0x7f || is_unsafe(code_of(p, n)))
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
    size_t len = strlen(text), n;
    char as[12];

    for (size_t i = 0; i < len;) {
        i += escape_one((const unsigned char *)text + i, len - i, as, &n);
        fwrite(as, 1, n, to);
    }
    putc('\n', to);
}

size_t reap_text_safe(FILE *to, const char *text, size_t len, bool json,
                      bool last)
{
    size_t i = 0, n, whole;
    char as[12];

    while (i < len) {
        const unsigned char *p = (const unsigned char *)text + i;

        if (p[0] == '\n' || p[0] == '\t') {
            putc(text[i++], to);
            continue;
        }
        whole = p[0] < 0xc2 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        if (!last && len - i < whole)
            break; /* the rest of the character may follow */
        whole = character(p, len - i);
        i += escape_one(p, len - i, as, &n);
        if (json && n > 1 && as[0] == '\\' && (p[0] < 0x80 || whole))
            fprintf(to, "\\u%04x", code_of(p, whole ? whole : 1));
        else
            fwrite(as, 1, n, to);
    }
    return i;
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

void reap_text_csv_safe(FILE *to, const char *text)
{
    static const char runs[] = "=+-@\t\r";

    if (!*text || !strchr(runs, *text)) {
        reap_text_csv(to, text);
        return;
    }
    fputs("\"'", to);
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
