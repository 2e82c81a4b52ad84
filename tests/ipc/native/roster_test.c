/* Who is dead and who is not: by the kernel's locks, never by a number that comes again. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "lock.h"
#include "memory.h"

static int file;
static roster_table *table;

static void make(void)
{
    file = memfd_create("roster", 0);
    CHECK(ftruncate(file, sizeof(roster_table)) == 0);
    table = memory_map(file, 0, sizeof(roster_table));
    CHECK(table);
}

static void finish(void)
{
    memory_unmap(table, sizeof(roster_table));
    close(file);
}

/* A participant as another process would be one: by an open file description of its own. */
static roster join(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    roster r = {.shared = table, .fd = open(path, O_RDWR)};
    bool inherited;
    CHECK(r.fd >= 0 && roster_join(&r, &inherited) == RESULT_OK);
    return r;
}

static void die(roster *r) { close(r->fd); } /* all that death does here is that the lock goes */

static void whoever_holds_its_lock_lives(void)
{
    make();
    roster a = join(), b = join();
    CHECK(!roster_dead(&a, b.tag) && !roster_dead(&a, a.tag) && roster_count(&a) == 2);
    die(&b);
    CHECK(roster_dead(&a, b.tag) && roster_find_dead(&a) == b.tag && roster_count(&a) == 1);
    CHECK(!roster_others(&a));
    die(&a);
    finish();
}

static void the_next_in_a_place_is_not_the_one_before(void)
{
    make();
    roster a = join(), b = join();
    die(&b);
    roster c = join(); /* the same place, and the same pid even */
    CHECK((c.tag & (ROSTER_PLACES - 1)) == (b.tag & (ROSTER_PLACES - 1)) && c.tag != b.tag);
    CHECK(roster_of(&a, c.tag)->process == (uint32_t)getpid());
    CHECK(roster_dead(&a, b.tag) && !roster_dead(&a, c.tag));
    die(&c);
    die(&a);
    finish();
}

static void clearing_a_dead_one_does_not_touch_who_has_come_into_its_place(void)
{
    make();
    roster a = join(), b = join();
    die(&b);
    CHECK(roster_dead(&a, b.tag));
    roster c = join(); /* between the look and the clearing */
    roster_clear(&a, b.tag);
    CHECK(!roster_dead(&a, c.tag) && roster_count(&a) == 2);
    die(&c);
    roster_clear(&a, c.tag);
    CHECK(!roster_find_dead(&a) && atomic_load(&roster_of(&a, c.tag)->tag) == 0);
    die(&a);
    finish();
}

static void a_lock_is_inherited_from_the_dead_and_from_nobody_else(void)
{
    make();
    roster a = join(), b = join();
    _Atomic uint32_t word = 0;
    CHECK(lock_take(&word, &b, true) == LOCK_TAKEN);
    CHECK(lock_try(&word, &a) == LOCK_BUSY);
    CHECK(lock_take_until(&word, &a, 1) == LOCK_BUSY);
    die(&b);
    CHECK(lock_take_until(&word, &a, 1) == LOCK_INHERITED); /* one look, though the time is over */
    lock_release(&word);
    /* Words that no participant writes: nobody's lock is nobody's. */
    const uint32_t nonsense[] = {LOCK_AWAITED, LOCK_ABANDONED, 5, 1 << 20 | 3, UINT32_MAX};
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        atomic_store(&word, nonsense[i]);
        CHECK(lock_take(&word, &a, true) == LOCK_INHERITED);
        lock_release(&word);
        CHECK(atomic_load(&word) == 0);
    }
    die(&a);
    finish();
}

int main(void)
{
    RUN(whoever_holds_its_lock_lives);
    RUN(the_next_in_a_place_is_not_the_one_before);
    RUN(clearing_a_dead_one_does_not_touch_who_has_come_into_its_place);
    RUN(a_lock_is_inherited_from_the_dead_and_from_nobody_else);
    return 0;
}
