/* A writer is killed at every store that its reader can see. The reader must get whole messages, in
 * order, everything that was published, and then the end; and never sleep through it, on the word nor
 * on the bell. The same for
 * a value's writer: the value is the old one or the new one, and the next writer can write. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bell.h"
#include "check.h"
#include "kill.h"
#include "ring.h"
#include "value.h"

#define CAPACITY 4096
#define LARGE 8192

static volatile uint32_t *published; /* by the victim, counted after each call */

static uint32_t size_of(uint32_t number) { return number % 5 == 4 ? 5000 : number * 100; }

static void victim_writes(ring *writer, int bell)
{
    static unsigned char bytes[LARGE];
    for (uint32_t number = 1; number < 10; number++) {
        ring_record record;
        while (ring_reserve(writer, size_of(number), &record) == RESULT_FULL)
            if (!ring_writer_spin(writer, size_of(number)))
                usleep(100);
        memset(bytes, (int)number, size_of(number));
        memcpy(record.bytes, bytes, size_of(number));
        ring_append(writer, &record, size_of(number), number);
        if (ring_publish(writer))
            bell_ring(bell);
        *published = number;
    }
    ring_writer_close(writer);
    _exit(0);
}

static uint32_t survivor_reads(ring *reader, int bell)
{
    uint32_t last = 0, how = RING_ON_WORD;
    bool gone = false;
    for (;;) {
        ring_record record;
        result answer = ring_look(reader, &record);
        if (answer == RESULT_EMPTY && gone)
            return last;
        if (answer == RESULT_EMPTY) {
            bell_answer heard = BELL_RANG;
            uint32_t word = ring_reader_asleep(reader, how);
            if (word && how == RING_ON_WORD) {
                heard = ring_reader_nap(reader, word, clock_ns() + 20000000u);
                how = heard == BELL_TIMED_OUT ? RING_ON_BELL : how;
                heard = BELL_RANG; /* time to look, and then to sleep on the bell */
            } else if (word)
                heard = bell_wait(bell, clock_ns() + 20000000000u);
            else if (ring_writer_closed(reader))
                heard = BELL_GONE;
            CHECK(heard == BELL_RANG || heard == BELL_GONE); /* never a lost wake-up */
            gone = heard == BELL_GONE;
            ring_reader_awake(reader);
            continue;
        }
        CHECK(answer == RESULT_OK);
        CHECK((record.kind & ~RING_OURS) == last + 1 && record.size == size_of(last + 1));
        last++;
        how = RING_ON_WORD;
        for (uint32_t i = 0; i < record.size; i++)
            CHECK(record.bytes[i] == last);
        ring_pass(reader, &record);
        ring_release(reader, reader->position);
    }
}

static bool kill_writer_at(long kill_at)
{
    int bell[2], fd = memfd_create("ring", 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, bell) == 0);
    CHECK(ftruncate(fd, RING_CONTROL + CAPACITY + RING_PLACES * LARGE) == 0);
    void *control = memory_map(fd, 0, RING_CONTROL);
    void *data = memory_map_mirrored(fd, RING_CONTROL, CAPACITY);
    void *large = memory_map(fd, RING_CONTROL + CAPACITY, RING_PLACES * LARGE);
    ring end;
    ring_start(&end, control, data, CAPACITY, large, LARGE);
    *published = 0;
    pid_t pid = fork();
    if (pid == 0) {
        close(bell[0]);
        kill_countdown = kill_at;
        victim_writes(&end, bell[1]);
    }
    close(bell[1]);
    uint32_t read = survivor_reads(&end, bell[0]);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(read == *published || read == *published + 1);
    if (!WIFSIGNALED(status))
        CHECK(read == 9);
    close(bell[0]);
    close(fd);
    memory_unmap(control, RING_CONTROL);
    memory_unmap(data, 2 * CAPACITY);
    memory_unmap(large, RING_PLACES * LARGE);
    return WIFSIGNALED(status);
}

static void a_reader_gets_all_that_was_published_before_the_death(void)
{
    long kill_at = 1;
    while (kill_writer_at(kill_at))
        kill_at++;
    CHECK(kill_at > 20);
    printf("    a writer killed at each of %ld stores\n", kill_at - 1);
}

#define MOST 100

static void a_value_is_the_old_or_the_new_one_after_its_writers_death(void)
{
    long kill_at = 1;
    for (bool killed = true; killed; kill_at++) {
        int fd = memfd_create("value", 0);
        CHECK(ftruncate(fd, 65536) == 0);
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fd);
        roster me = {.shared = memory_map(fd, 0, sizeof(roster_table)), .fd = fd};
        bool inherited;
        CHECK(roster_join(&me, &inherited) == RESULT_OK);
        value v = {.shared = memory_map(fd, 32768, 32768), .most = MOST, .members = &me};
        unsigned char bytes[MOST];
        memset(bytes, 1, MOST);
        CHECK(value_lock(&v, true) == RESULT_OK && value_set(&v, bytes, MOST) == RESULT_OK);
        value_unlock(&v);
        atomic_store(&v.shared->asleep, 1); /* so that the victim wakes somebody, too */
        pid_t pid = fork();
        if (pid == 0) {
            close(me.fd);
            me.fd = open(path, O_RDWR);
            CHECK(roster_join(&me, &inherited) == RESULT_OK);
            kill_countdown = kill_at;
            memset(bytes, 2, MOST);
            CHECK(value_lock(&v, true) == RESULT_OK && value_set(&v, bytes, MOST) == RESULT_OK);
            value_unlock(&v);
            _exit(0);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid);
        killed = WIFSIGNALED(status);
        uint64_t size, version;
        CHECK(value_get(&v, bytes, &size, &version) == RESULT_OK && size == MOST);
        for (int i = 0; i < MOST; i++)
            CHECK(bytes[i] == version);
        CHECK(killed || version == 2);
        memset(bytes, 3, MOST);
        CHECK(value_lock(&v, true) == RESULT_OK && value_set(&v, bytes, MOST) == RESULT_OK);
        value_unlock(&v);
        close(fd);
    }
    CHECK(kill_at > 6);
    printf("    a value's writer killed at each of %ld stores\n", kill_at - 2);
}

int main(void)
{
    published = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(published != MAP_FAILED);
    RUN(a_reader_gets_all_that_was_published_before_the_death);
    RUN(a_value_is_the_old_or_the_new_one_after_its_writers_death);
    return 0;
}
