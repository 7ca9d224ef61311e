/*
 * Two fingerprint texts compared line by line, and their lines in the words of
 * options. Which lines there are is jobs/setup/setup.c's to say; what is stored
 * and hashed is the text itself, never these words.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/err.h"
#include "io/image/decode.h"
#include "io/store/fingerprint.h"

/* Hashes are longer than that, but their beginnings tell. */
enum { SHOWN = 48 };

static const struct {
    const char *name, *words;
} known[] = {
#define LINE(name, words) { #name, words },
#include "io/store/fingerprint.def"
#undef LINE
};

/* A line, or a word of one: "name=value", or a value alone with name == 0. */
struct pair {
    const char *text; /* NULL after the last */
    size_t len, name;
};

/* Where a message grows. */
struct out {
    char *buf;
    size_t size;
};

static void say(struct out *o, const char *fmt, ...) REAP_PRINTF(2, 3);
static void say(struct out *o, const char *fmt, ...)
{
    size_t used = strlen(o->buf);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(o->buf + used, o->size - used, fmt, ap);
    va_end(ap);
}

static struct pair line_at(const char *text)
{
    return (struct pair){ *text ? text : NULL, strcspn(text, "\n"),
                          strcspn(text, "=\n") };
}

static struct pair line_after(struct pair l)
{
    const char *end = l.text + l.len;

    return line_at(end + (*end == '\n'));
}

static bool has_line(const char *text, struct pair want)
{
    for (struct pair l = line_at(text); l.text; l = line_after(l))
        if (l.len == want.len && !memcmp(l.text, want.text, l.len))
            return true;
    return false;
}

/* The first line of that name in 'text' that is not in 'other' as well: there
 * may be several, such as outputs. */
static struct pair counterpart(const char *text, const char *other,
                               struct pair of)
{
    struct pair l = line_at(text);

    while (l.text && (l.name != of.name || memcmp(l.text, of.text, l.name) ||
                      has_line(other, l)))
        l = line_after(l);
    return l;
}

static bool is(struct pair p, const char *name)
{
    return strlen(name) == p.name && !memcmp(p.text, name, p.name);
}

static void say_name(struct out *o, struct pair p)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (is(p, known[i].name)) {
            say(o, "%s", known[i].words);
            return;
        }
    say(o, "%.*s", (int)p.name, p.text);
}

/* The names of a set of formats, a number in hex; 0 is the default. */
static void say_formats(struct out *o, const char *hex)
{
    const unsigned long set = strtoul(hex, NULL, 16);
    const char *comma = "";

    if (!set || set == reap_formats_exact()) {
        say(o, "%s", set ? "all" : "the default");
        return;
    }
    for (unsigned i = 0; i < REAP_N_FORMATS; i++)
        if (set & 1ul << i) {
            say(o, "%s%s%s", comma, reap_format_name((enum reap_format)i),
                reap_formats_exact() & 1u << i ? "" : " (not bit-exact)");
            comma = ",";
        }
}

static void say_value(struct out *o, struct pair p)
{
    const char *value = p.text + p.name + 1;
    const size_t n = p.text && p.len > p.name ? p.len - p.name - 1 : 0;

    if (!p.text)
        say(o, "none");
    else if (!n)
        say(o, "nothing");
    else if (is(p, "formats"))
        say_formats(o, value);
    else if (is(p, "max_pixels") && n == 1 && *value == '0')
        say(o, "the default (%d)", REAP_MAX_PIXELS);
    else if (is(p, "activation") && n == 5 && !memcmp(value, "model", n))
        say(o, "the model's own");
    else
        say(o, "%.*s", n < SHOWN ? (int)n : SHOWN, value);
}

/* The next word of a preset at '*at', before 'end': its name alone, or
 * "part=value". */
static struct pair next_word(const char **at, const char *end)
{
    struct pair p = { NULL, 0, 0 };

    while (*at < end && **at == ' ')
        ++*at;
    if (*at == end)
        return p;
    p.text = *at;
    while (*at < end && **at != ' ')
        ++*at;
    p.len = (size_t)(*at - p.text);
    while (p.name < p.len && p.text[p.name] != '=')
        p.name++;
    return p;
}

/* What stands after '=' in a word, or all of it; '*n' is its length. */
static const char *value_of(struct pair p, int *n)
{
    const size_t skip = p.name < p.len ? p.name + 1 : 0;

    *n = (int)(p.len - skip);
    return p.text + skip;
}

/* Is it the same part of a preset, "crop=..." and "crop=...", or the name that
 * each begins with? */
static bool same_part(struct pair a, struct pair b)
{
    if (a.name == a.len || b.name == b.len)
        return a.name == a.len && b.name == b.len;
    return a.name == b.name && !memcmp(a.text, b.text, a.name);
}

static void say_part(struct out *o, struct pair a, struct pair b)
{
    int n, m;
    const char *x = value_of(a, &n), *y = value_of(b, &m);

    say(o, "%s--", *o->buf ? "; " : "");
    if (a.name == a.len)
        say(o, "preset");
    else
        say(o, "%.*s", (int)a.name, a.text);
    say(o, ": the store has %.*s, this run %.*s", n, x, m, y);
}

/* Two presets differ in some of their parts, each an option: name these. False
 * if they do not have the same parts in the same order. */
static bool say_parts(struct out *o, struct pair a, struct pair b)
{
    int n, m;
    const char *x = value_of(a, &n), *y = value_of(b, &m);
    const char *const x_end = x + n, *const y_end = y + m;
    const size_t before = strlen(o->buf);

    for (;;) {
        struct pair p = next_word(&x, x_end), q = next_word(&y, y_end);

        if (!p.text && !q.text)
            return strlen(o->buf) > before;
        if (!p.text || !q.text || !same_part(p, q)) {
            o->buf[before] = '\0';
            return false;
        }
        if (p.len != q.len || memcmp(p.text, q.text, p.len) != 0)
            say_part(o, p, q);
    }
}

static void say_difference(struct out *o, struct pair store, struct pair run)
{
    const struct pair any = store.text ? store : run;

    if (store.text && run.text && is(store, "preset") &&
        say_parts(o, store, run))
        return;
    if (*o->buf)
        say(o, "; ");
    say_name(o, any);
    say(o, ": the store has ");
    say_value(o, store);
    say(o, ", this run ");
    say_value(o, run);
}

char *reap_fingerprint_differ(const char *store, const char *run, char *buf,
                              size_t size)
{
    const struct pair none = { NULL, 0, 0 };
    struct out o = { buf, size };

    *buf = '\0';
    for (struct pair l = line_at(store); l.text; l = line_after(l))
        if (!has_line(run, l))
            say_difference(&o, l, counterpart(run, store, l));
    for (struct pair l = line_at(run); l.text; l = line_after(l))
        if (!has_line(store, l) && !counterpart(store, run, l).text)
            say_difference(&o, none, l);
    return buf;
}

char *reap_fingerprint_line(const char *line, char *buf, size_t size)
{
    struct out o = { buf, size };
    const struct pair p = line_at(line);

    *buf = '\0';
    if (p.text) {
        say_name(&o, p);
        say(&o, " ");
        say_value(&o, p);
    }
    return buf;
}
