/* Keras's table and PyTorch's tree as text, and both as JSON. What is in them
 * is engine/summary's. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/inspect/summary_print.h"

/* Layer, shape, parameters, inputs. A cell is a list of words. */
enum { COLUMNS = 4, CELL = 160 };
static const int width[COLUMNS] = { 25, 22, 14, 22 };
static const bool right[COLUMNS] = { false, false, true, false };

bool reap_summary_within(const char *name, const char *block)
{
    const size_t n = block ? strlen(block) : 0;

    return !n || (!strncmp(name, block, n) &&
                  (!name[n] || name[n] == '.' || name[n] == '_'));
}

/* "25,636,712" */
static char *grouped(char *to, size_t size, size_t n)
{
    char digits[24];
    const int len = snprintf(digits, sizeof(digits), "%zu", n);
    size_t at = 0;

    for (int i = 0; i < len && at + 2 < size; i++) {
        if (i && (len - i) % 3 == 0)
            to[at++] = ',';
        to[at++] = digits[i];
    }
    to[at] = '\0';
    return to;
}

/* A rule of the table: its left end, its crossings, its right end. */
static void rule(FILE *to, const char *left, const char *line,
                 const char *cross, const char *end)
{
    for (int c = 0; c < COLUMNS; c++) {
        fputs(c ? cross : left, to);
        for (int i = 0; i < width[c] + 2; i++)
            fputs(line, to);
    }
    fprintf(to, "%s\n", end);
}

/* Print what of '*text' fits into a line of 'w' columns, and step over it. A
 * word too long for a line is cut, and marked as that. */
static void print_part(FILE *to, const char **text, int w, bool at_right)
{
    int len = (int)strcspn(*text, " "), used;

    used = len > w ? w : len;
    while (len < w && (*text)[len]) {
        const int more = len + 1 + (int)strcspn(*text + len + 1, " ");

        if (more > w)
            break;
        used = len = more;
    }
    if (len > w)
        fprintf(to, "%.*s…", w - 1, *text);
    else
        fprintf(to, "%*s%.*s%*s", at_right ? w - used : 0, "", used, *text,
                at_right ? 0 : w - used, "");
    *text += len;
    *text += **text == ' ';
}

static void print_row(FILE *to, char cell[COLUMNS][CELL], const char *bar)
{
    const char *left[COLUMNS];
    bool more = true;

    for (int c = 0; c < COLUMNS; c++)
        left[c] = cell[c];
    for (; more; fprintf(to, "%s\n", bar)) {
        more = false;
        for (int c = 0; c < COLUMNS; c++) {
            fprintf(to, "%s ", bar);
            print_part(to, &left[c], width[c], right[c]);
            fputc(' ', to);
            more = more || *left[c];
        }
    }
}

static void shape_text(char *to, size_t size,
                       const struct reap_summary_layer *l)
{
    if (l->h)
        snprintf(to, size, "(None, %zu, %zu, %zu)", l->h, l->w, l->c);
    else
        snprintf(to, size, "(None, %zu)", l->c);
}

static void fill_row(char cell[COLUMNS][CELL], const struct reap_summary *s,
                     const struct reap_summary_layer *l)
{
    size_t at = 0;

    snprintf(cell[0], CELL, "%s (%s)", l->name, l->kind);
    shape_text(cell[1], CELL, l);
    grouped(cell[2], CELL, l->params);
    snprintf(cell[3], CELL, "-");
    for (int k = 0; k < 2 && l->in[k] >= 0; k++)
        at += (size_t)snprintf(cell[3] + at, CELL - at, "%s%s[0][0]",
                               k ? ", " : "", s->layer[l->in[k]].name);
}

/* "97.80 MB" for so many float32. */
static void print_total(FILE *to, const char *what, size_t n)
{
    static const char *const units[] = { "B", "KB", "MB", "GB" };
    double bytes = 4.0 * (double)n;
    char text[40];
    int u = 0;

    for (; bytes >= 1024 && u < 3; u++)
        bytes /= 1024;
    fprintf(to, " %s params: %s (%.2f %s)\n", what,
            grouped(text, sizeof(text), n), bytes, units[u]);
}

size_t reap_summary_table(FILE *to, const struct reap_summary *s,
                          const char *title, const char *block)
{
    char cell[COLUMNS][CELL] = { "Layer (type)", "Output Shape", "Param #",
                                 "Connected to" };
    size_t rows = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (!reap_summary_within(s->layer[i].name, block))
            continue;
        if (!rows++) {
            fprintf(to, "Model: \"%s\"\n", title);
            rule(to, "┏", "━", "┳", "┓");
            print_row(to, cell, "┃");
            rule(to, "┡", "━", "╇", "┩");
        } else {
            rule(to, "├", "─", "┼", "┤");
        }
        fill_row(cell, s, &s->layer[i]);
        print_row(to, cell, "│");
    }
    if (!rows)
        return 0;
    rule(to, "└", "─", "┴", "┘");
    if (!block) {
        print_total(to, "Total", s->trained + s->fixed);
        print_total(to, "Trainable", s->trained);
        print_total(to, "Non-trainable", s->fixed);
    }
    return rows;
}

static void indent(FILE *to, int depth)
{
    fprintf(to, "%*s", 2 * depth, "");
}

/* Close the modules that end before one at 'depth' begins. */
static int close_down(FILE *to, int open, int depth)
{
    for (; open > depth; open--) {
        indent(to, open - 1);
        fputs(")\n", to);
    }
    return open;
}

size_t reap_summary_tree(FILE *to, const struct reap_tree *t, const char *block)
{
    size_t printed = 0;
    int top = 0, open = 0;

    for (size_t i = 0; i < t->n; i++) {
        const struct reap_module *m = &t->module[i];
        const char *dot = strrchr(m->path, '.');

        if (block && (!reap_summary_within(m->path, block) || !*m->path))
            continue;
        if (!printed++)
            top = m->depth;
        open = close_down(to, open, m->depth - top);
        indent(to, m->depth - top);
        if (m->depth > top)
            fprintf(to, "(%s): ", dot ? dot + 1 : m->path);
        fprintf(to, m->holds ? "%s(\n" : "%s\n", m->text);
        open += m->holds;
    }
    close_down(to, open, 0);
    return printed;
}

static json_t *row_json(const struct reap_summary *s,
                        const struct reap_summary_layer *l)
{
    json_t *row = json_object(), *inputs = json_array();

    json_object_set_new(row, "name", json_string(l->name));
    json_object_set_new(row, "class", json_string(l->kind));
    if (l->h)
        json_object_set_new(row, "shape",
                            json_pack("[I,I,I]", (json_int_t)l->h,
                                      (json_int_t)l->w, (json_int_t)l->c));
    else
        json_object_set_new(row, "shape", json_pack("[I]", (json_int_t)l->c));
    json_object_set_new(row, "params", json_integer((json_int_t)l->params));
    for (int k = 0; k < 2 && l->in[k] >= 0; k++)
        json_array_append_new(inputs, json_string(s->layer[l->in[k]].name));
    json_object_set_new(row, "inputs", inputs);
    return row;
}

size_t reap_summary_json(FILE *to, const struct reap_summary *s,
                         const char *title, const char *block)
{
    json_t *all = json_object(), *rows = json_array();
    size_t n;

    for (size_t i = 0; i < s->n; i++)
        if (reap_summary_within(s->layer[i].name, block))
            json_array_append_new(rows, row_json(s, &s->layer[i]));
    n = json_array_size(rows);
    json_object_set_new(all, "model", json_string(title));
    json_object_set_new(all, "layers", rows);
    json_object_set_new(all, "params",
                        json_integer((json_int_t)(s->trained + s->fixed)));
    json_object_set_new(all, "trainable", json_integer((json_int_t)s->trained));
    json_object_set_new(all, "non_trainable",
                        json_integer((json_int_t)s->fixed));
    if (n) {
        json_dumpf(all, to, JSON_COMPACT);
        fputc('\n', to);
    }
    json_decref(all);
    return n;
}
