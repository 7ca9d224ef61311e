/* The arithmetic of sizes, as Python and torchvision do it: doubles where they
 * divide, halves to even where they round. Pixels are io/image's. */
#include <limits.h>
#include <stdint.h>

#include "io/preset/geometry.h"

/* (int)(edge * a / b) as Python computes it: one division of doubles. */
static double scaled(size_t edge, size_t a, size_t b)
{
    return (double)((uint64_t)edge * a) / (double)b;
}

static bool resized(const struct reap_preset *p, struct reap_geometry *g)
{
    bool tall = g->src_h >= g->src_w;
    double h = (double)g->src_h, w = (double)g->src_w;
    double edge = (double)p->resize_h;

    switch (p->resize) {
    case REAP_RESIZE_NONE:
        break;
    case REAP_RESIZE_SHORT:
        h = tall ? scaled(p->resize_h, g->src_h, g->src_w) : edge;
        w = tall ? edge : scaled(p->resize_h, g->src_w, g->src_h);
        break;
    case REAP_RESIZE_LONG:
        h = tall ? edge : scaled(p->resize_h, g->src_h, g->src_w);
        w = tall ? scaled(p->resize_h, g->src_w, g->src_h) : edge;
        break;
    case REAP_RESIZE_WARP:
        h = edge;
        w = (double)p->resize_w;
        break;
    }
    if (h > INT_MAX || w > INT_MAX)
        return false;
    g->h = h < 1 ? 1 : (size_t)h;
    g->w = w < 1 ? 1 : (size_t)w;
    return true;
}

/* Where a crop begins along a side. One that is larger has zeros around the
 * image: torchvision pads half of them, rounded down, before it. */
static ptrdiff_t corner(size_t side, size_t crop, bool round_down)
{
    ptrdiff_t d = (ptrdiff_t)side - (ptrdiff_t)crop;

    if (d < 0)
        return round_down ? -((1 - d) / 2) : -(-d / 2);
    if (d % 2 == 0 || round_down)
        return d / 2;
    return d / 2 + d / 2 % 2; /* a half goes to the even neighbour */
}

bool reap_geometry_find(const struct reap_preset *p, size_t src_h, size_t src_w,
                        struct reap_geometry *g)
{
    *g = (struct reap_geometry){ .src_h = src_h, .src_w = src_w };
    if (!resized(p, g))
        return false;
    g->out_h = p->crop_h ? p->crop_h : g->h;
    g->out_w = p->crop_w ? p->crop_w : g->w;
    g->top = corner(g->h, g->out_h, p->corner_floor);
    g->left = corner(g->w, g->out_w, p->corner_floor);
    g->filter = p->filter;
    g->rows_first =
        !(src_h > g->h &&
          (ptrdiff_t)(src_h - g->h) > 2 * ((ptrdiff_t)src_w - (ptrdiff_t)g->w));
    return true;
}
