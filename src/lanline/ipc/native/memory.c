#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

void *memory_map_mirrored(int fd, off_t offset, size_t size)
{
    /* First the room for both, so that nobody else's mapping can come between. */
    unsigned char *base = mmap(NULL, size * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    for (int copy = 0; copy < 2; copy++) {
        void *part = mmap(base + (size_t)copy * size, size, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_FIXED, fd, offset);
        if (part == MAP_FAILED) {
            int error = errno;
            munmap(base, size * 2);
            errno = error;
            return NULL;
        }
    }
    return base;
}

void *memory_map(int fd, off_t offset, size_t size)
{
    void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    return address == MAP_FAILED ? NULL : address;
}

void *memory_map_apart(int fd, off_t offset, size_t size)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int apart = open(path, O_RDWR | O_CLOEXEC);
    if (apart < 0)
        return NULL;
    void *address = memory_map(apart, offset, size);
    int error = errno;
    close(apart);
    errno = error;
    return address;
}

void memory_unmap(void *address, size_t size)
{
    munmap(address, size);
}
