/* Mappings of shared memory. */
#ifndef LANLINE_MEMORY_H
#define LANLINE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* No two fields that different processes write may share a cache line: 64 bytes on most machines,
 * and 128 because x86 fetches lines in pairs and Apple's are that long. */
#define CACHE_LINE 128

/* Map `size` bytes (a multiple of the page) at `offset` twice, back to back, so that what runs over
 * the end of the first goes on in its beginning. NULL with errno on failure. */
void *memory_map_mirrored(int fd, off_t offset, size_t size);

/* Map `size` bytes at `offset`. NULL with errno on failure. */
void *memory_map(int fd, off_t offset, size_t size);

/* The same, by an open file description of its own: a mapping keeps its description open, and with
 * it the locks that say who lives (roster.h), even in a child that has closed the descriptor. */
void *memory_map_apart(int fd, off_t offset, size_t size);

void memory_unmap(void *address, size_t size);

#endif
