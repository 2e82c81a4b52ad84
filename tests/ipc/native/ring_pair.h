/* A ring in memory, and its two sides in one process. */
#ifndef RING_PAIR_H
#define RING_PAIR_H

#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "ring.h"

#define CAPACITY 4096
#define LARGE 8192

typedef struct {
    ring_control *control;
    unsigned char *data, *large;
    ring writer, reader;
} pair;

static pair pair_open(void)
{
    pair p;
    int fd = memfd_create("ring", 0);
    CHECK(ftruncate(fd, RING_CONTROL + CAPACITY + RING_PLACES * LARGE) == 0);
    p.control = memory_map(fd, 0, RING_CONTROL);
    p.data = memory_map_mirrored(fd, RING_CONTROL, CAPACITY);
    p.large = memory_map(fd, RING_CONTROL + CAPACITY, RING_PLACES * LARGE);
    CHECK(p.control && p.data && p.large);
    close(fd);
    ring_start(&p.writer, p.control, p.data, CAPACITY, p.large, LARGE);
    ring_start(&p.reader, p.control, p.data, CAPACITY, p.large, LARGE);
    return p;
}

static void pair_close(pair *p)
{
    memory_unmap(p->control, RING_CONTROL);
    memory_unmap(p->data, 2 * CAPACITY);
    memory_unmap(p->large, RING_PLACES * LARGE);
}

#endif
