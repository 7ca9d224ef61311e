/* One image on several threads: who does what of a layer. */
#include "engine/blocked/blocked.h"

/* With fewer rows than this for each thread, some would wait for others. */
enum { FEW_ROWS = 4 };

/* Apart by rows each thread reads all weights and its share of the input, apart
 * by panels all of the input and its share of the weights. */
static bool by_panels(const struct reap_program *p,
                      const struct reap_blocked_layer *l,
                      const struct reap_frame *f, size_t rows)
{
    size_t image = (size_t)p->tensor[l->in].image;
    const size_t weights = l->wino_bytes ? l->wino_bytes : l->conv.bytes;

    if (l->in2 >= 0)
        image += (size_t)p->tensor[l->in2].image;
    return f->threads > 1 &&
           (weights > image * f->n || rows < FEW_ROWS * f->threads);
}

/* Rows first..end of a grid, one panel after the other: the end of a panel,
 * whole ones, the beginning of one. */
static size_t share_cut(size_t first, size_t end, size_t rows,
                        struct reap_part *part)
{
    size_t n = 0;

    while (first < end) {
        struct reap_part *to = &part[n++];

        to->panel = first / rows;
        to->row = first % rows;
        if (to->row || end - first < rows) { /* within one panel */
            to->panel_end = to->panel + 1;
            to->row_end =
                rows < to->row + end - first ? rows : to->row + end - first;
            first += to->row_end - to->row;
        } else {
            to->panel_end = end / rows;
            to->row_end = rows;
            first = to->panel_end * rows;
        }
    }
    return n;
}

size_t reap_blocked_parts(const struct reap_program *p,
                          const struct reap_blocked_layer *l,
                          const struct reap_frame *f, size_t panels, size_t nr,
                          size_t rows, struct reap_part *part)
{
    /* Panels that share pixels stay together: no cache line has two writers. */
    const size_t bytes = nr * p->ops.elem;
    const size_t each = bytes < REAP_PIXEL ? REAP_PIXEL / bytes : 1;
    size_t first, end, n;

    if (!by_panels(p, l, f, rows) || panels <= each) {
        part[0] = (struct reap_part){ .panel_end = panels };
        part[0].row_end = reap_blocked_share(f, rows, &part[0].row);
        return part[0].row < part[0].row_end ? 1 : 0;
    }
    end = reap_blocked_share(f, panels / each * rows, &first);
    n = share_cut(first, end, rows, part);
    for (size_t i = 0; i < n; i++) {
        part[i].panel *= each;
        part[i].panel_end *= each;
    }
    return n;
}
