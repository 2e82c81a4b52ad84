/* What two processes can reach at all on this machine: a word in shared memory, passed to and fro.
 *
 *     limit spin|futex|idle SECONDS      prints the median of a round trip in nanoseconds
 *
 * spin: both look at it without a pause. futex: both sleep until they are woken (futex(2)). idle: the
 * same, with three milliseconds between the trips, so that both processors have gone to sleep too.
 */
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 50
#define MOST 1000000

typedef struct {
    _Alignas(128) _Atomic uint32_t there;
    _Alignas(128) _Atomic uint32_t back;
} words;

static int spins;

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void give(_Atomic uint32_t *word, uint32_t value)
{
    atomic_store(word, value);
    if (!spins)
        syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void await(_Atomic uint32_t *word, uint32_t old)
{
    while (atomic_load(word) == old)
        if (!spins)
            syscall(SYS_futex, word, FUTEX_WAIT, old, NULL, NULL, 0);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    spins = !strcmp(arguments[1], "spin");
    int idle = !strcmp(arguments[1], "idle");
    words *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t *taken = malloc(MOST * sizeof *taken), trips = 0;
    pid_t child = fork();
    if (w == MAP_FAILED || !taken || child < 0)
        return 1;
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (uint32_t turn = 0;; turn++) {
            await(&w->there, turn);
            give(&w->back, turn + 1);
        }
    }
    uint64_t end = now() + (uint64_t)(atof(arguments[2]) * 1e9);
    int block = idle ? 1 : BLOCK;
    for (uint32_t turn = 0; now() < end && trips < MOST; trips++) {
        if (idle)
            nanosleep(&(struct timespec){0, 3000000}, NULL);
        uint64_t began = now();
        for (int i = 0; i < block; i++, turn++) {
            give(&w->there, turn + 1);
            await(&w->back, turn);
        }
        taken[trips] = (now() - began) / (uint64_t)block;
    }
    kill(child, SIGKILL);
    qsort(taken, trips, sizeof *taken, by_size);
    printf("%llu\n", (unsigned long long)taken[trips / 2]);
    return 0;
}
