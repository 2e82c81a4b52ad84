/* The hostile peer of fuzz_target.c, with inputs from a seed: the same ones in every run, for as long as
 * FUZZ_SECONDS says (8). Half of the time a second thread writes to the shared memory while the calls
 * run, for a word that is read twice may be two words. It is not for the thread sanitizer. */
#include <sched.h>
#include <signal.h>

#include "fuzz_target.c"

void __sanitizer_set_death_callback(void (*callback)(void));

static unsigned long inputs;
static _Atomic bool over;

static void say_where(void) { fprintf(stderr, "input %lu (racing: %d)\n", inputs, fuzz_hand_races); }

static void went_on_for_ever(int number)
{
    (void)number;
    say_where();
    abort();
}

/* Words that lead somewhere are hit often. */
static void *second_hand(void *argument)
{
    (void)argument;
    unsigned seed = 99;
    while (!atomic_load(&over)) {
        pthread_mutex_lock(&fuzz_hand); /* so that nobody takes the memory away meanwhile */
        for (int i = 0; fuzz_size && !atomic_load(&fuzz_hand_wanted); i++) {
            size_t offset = random_next(&seed) % fuzz_size;
            if (i % 8)
                offset = fuzz_hot[random_next(&seed) % fuzz_hot_count];
            _Atomic uint32_t *word = (_Atomic uint32_t *)(void *)(fuzz_memory + offset / 4 * 4);
            uint32_t before = atomic_load(word), with = random_next(&seed);
            atomic_store(word, with % 3 == 0 ? with : with % 3 == 1 ? with % 64 : before + 8);
            for (unsigned pause = with >> 8 & 63; pause; pause--)
                processor_relax();
            if (with % 4)
                atomic_store(word, before); /* and back: a change that only a second look sees */
        }
        pthread_mutex_unlock(&fuzz_hand);
        while (atomic_load(&fuzz_hand_wanted) && !atomic_load(&over))
            sched_yield();
    }
    return NULL;
}

static void run_for(double seconds)
{
    uint8_t bytes[300];
    uint64_t end = clock_ns() + (uint64_t)(seconds * 1e9);
    do {
        unsigned seed = (unsigned)++inputs * 2654435761u | 1;
        size_t size = 2 + random_next(&seed) % (sizeof bytes - 2);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(random_next(&seed) >> 8);
        bytes[0] = (uint8_t)inputs;
        if (inputs % 256 == 0)
            alarm(30); /* a call that goes on for ever ends the test */
        LLVMFuzzerTestOneInput(bytes, size);
    } while (clock_ns() < end);
}

static double seconds(void)
{
    const char *given = getenv("FUZZ_SECONDS");
    return given ? strtod(given, NULL) : 8;
}

static void a_hostile_peer_leads_nobody_out_of_bounds(void) { run_for(seconds() / 2); }

static void nor_does_one_that_writes_meanwhile(void)
{
    pthread_t thread;
    fuzz_hand_races = true;
    CHECK(pthread_create(&thread, NULL, second_hand, NULL) == 0);
    run_for(seconds() / 2);
    atomic_store(&over, true);
    pthread_join(thread, NULL);
}

int main(void)
{
    __sanitizer_set_death_callback(say_where);
    signal(SIGALRM, went_on_for_ever);
    signal(SIGABRT, SIG_DFL);
    RUN(a_hostile_peer_leads_nobody_out_of_bounds);
    RUN(nor_does_one_that_writes_meanwhile);
    printf("    %lu inputs, %lu calls, %lu of them answered that the memory is broken\n", inputs,
           fuzz_calls, fuzz_corrupt);
    CHECK(fuzz_corrupt > 0);
    return 0;
}
