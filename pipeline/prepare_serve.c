/* The life of a decoder: load what decoding needs, lock the door, then one
 * record after the other. It ends when its socket does. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/sandbox/lock_down.h"
#include "pipeline/prepare_box.h"
#include "pipeline/prepare_here.h"

/* Bytes of memory for each pixel of the largest image: RGB, turned, and what a
 * progressive JPEG or libvips keeps; and for everything else. */
enum { A_PIXEL = 14 };
static const uint64_t BASE = 1ull << 30;

static void on_admit(void *ctx, uint64_t pixels)
{
    if (pixels)
        reap_budget_take(ctx, pixels);
    else
        reap_budget_give(ctx);
}

/* Decode a picture of one pixel, so that libvips is there and has its threads
 * before it is too late for that. */
static void warm_up(struct reap_prepare_here *p)
{
    static const uint8_t png[] = {
        0x89, 'P', 'N', 'G',  '\r', '\n', 0x1a, '\n', 0,    0, 0, 13,
        'I',  'H', 'D', 'R',  0,    0,    0,    1,    0,    0, 0, 1,
        8,    0,   0,   0,    0,    0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0,
        10,   'I', 'D', 'A',  'T',  0x78, 0x9c, 0x63, 0x60, 0, 0, 0,
        2,    0,   1,   0x48, 0xaf, 0xa4, 0x71, 0,    0,    0, 0, 'I',
        'E',  'N', 'D', 0xae, 0x42, 0x60, 0x82
    };
    const struct reap_image image = { .bytes = { png, sizeof(png) } };
    struct reap_prepared out;

    reap_prepare_here_view(p, &image, NULL, NULL, 0, NULL, NULL, &out);
}

/* The box, mapped anew where it has grown. */
static struct reap_box *map_whole(int memory, struct reap_box *box,
                                  uint64_t *mapped)
{
    struct stat st;
    void *p;

    if (fstat(memory, &st) || st.st_size < REAP_BOX_HEAD)
        return NULL;
    if (box && (uint64_t)st.st_size == *mapped)
        return box;
    if (box)
        munmap(box, *mapped);
    *mapped = (uint64_t)st.st_size;
    p = mmap(NULL, *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    return p == MAP_FAILED ? NULL : p;
}

static uint64_t most_memory(void)
{
    struct rusage use;

    return getrusage(RUSAGE_SELF, &use) ? 0 : (uint64_t)use.ru_maxrss * 1024;
}

static void serve_one(struct reap_prepare_here *p, struct reap_box *box)
{
    struct reap_image image = box->image;
    uint8_t *base = (uint8_t *)box;
    struct reap_prepared out;

    image.bytes.data = base + box->bytes;
    reap_prepare_here_view(p, &image, box->has_view ? &box->view : NULL,
                           base + REAP_BOX_HEAD, box->room, on_admit, box,
                           &out);
    box->out = out;
    box->memory = most_memory();
}

void reap_prepare_serve(int socket, int memory)
{
    struct reap_prepare_here *p = NULL;
    uint64_t mapped = 0, pixels;
    struct reap_box *box = map_whole(memory, NULL, &mapped);
    char byte;

    prctl(PR_SET_NAME, "reap-decode");
    if (!box || reap_prepare_here_new(&p, &box->preset, &box->limits, NULL))
        return;
    warm_up(p);
    box->pid = getpid();
    pixels = box->limits.max_pixels ? box->limits.max_pixels : REAP_MAX_PIXELS;
    byte =
        reap_lock_down(BASE + A_PIXEL * pixels) ? 'l' : 'o'; /* locked, open */
    while (write(socket, &byte, 1) == 1 && read(socket, &byte, 1) == 1) {
        box = map_whole(memory, box, &mapped);
        if (!box)
            return;
        serve_one(p, box);
        byte = 'd';
    }
}
