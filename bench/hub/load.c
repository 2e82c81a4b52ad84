/* The load of bench/fanout.py and bench/idle.py: many connections, one thread, one epoll loop.

   It knows no protocol. Python writes what to say to its standard input:

       MODE CONNECTIONS WINDOW WARM_UP_MS MEASURE_MS QUIET_MS PID PORT MARK\n
       for each connection: STEPS\n, then STEPS times a string to send and one to wait for
       a message with ten digits after MARK, which are replaced by its number

   where a string is LENGTH\n and that many bytes. MARK is a byte that stands in each message once
   and nowhere else, so that messages are counted without being parsed.

       fan-out  connection 0 says, the others read; WINDOW messages are on their way at once, a
                message being on its way until the last reader has it
       ack      each connection says, WINDOW at once, and counts what comes back to it
       idle     nothing: the connections stay until standard input ends

   What the server costs is what /proc/PID/stat says of it (proc(5)) over the measured time. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST_IN_FLIGHT = 4096,
    PER_ADDRESS = 4000, /* connections from one loopback address: ephemeral ports are 28,000 */
    READ_BYTES = 1 << 18,
    SETUP_SECONDS = 20,
};

struct string {
    char *bytes;
    size_t length;
};

struct connection {
    int fd;
    uint64_t said, heard;
    char *unsent; /* what the socket did not take */
    size_t unsent_length, unsent_start;
};

static char mode[16], mark[2];
static int connections, window, warm_up_ms, measure_ms, quiet_ms, pid, port;
static struct connection *all;
static struct string message;
static char *number_in_message;
static int poller;
static char buffer[READ_BYTES];
static uint64_t deliveries, finished, numbered;
static uint32_t missing[MOST_IN_FLIGHT]; /* readers that have not got a message yet */

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "protocol");
    exit(1);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct string read_string(void) {
    size_t length;
    if (scanf("%zu", &length) != 1 || getchar() != '\n') die("script");
    struct string s = {malloc(length + 1), length};
    if (!s.bytes || fread(s.bytes, 1, length, stdin) != length) die("script");
    s.bytes[length] = 0;
    return s;
}

static double cpu_seconds(void) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = 0;
    unsigned long user, system;
    char *after_name = strrchr(text, ')');
    if (!after_name || sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                              &user, &system) != 2)
        die(path);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double own_cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* --- coming in ------------------------------------------------------------------------------ */

static void await(int fd, const struct string *wanted) {
    size_t held = 0;
    while (1) {
        ssize_t got = recv(fd, buffer + held, sizeof buffer - held, 0);
        if (got <= 0) die(wanted->bytes);
        held += (size_t)got;
        if (memmem(buffer, held, wanted->bytes, wanted->length)) return;
        if (held > sizeof buffer / 2) {
            memmove(buffer, buffer + held - wanted->length, wanted->length);
            held = wanted->length;
        }
    }
}

static void come_in(int i) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(i / PER_ADDRESS));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    int one = 1;
    struct timeval patience = {.tv_sec = SETUP_SECONDS};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (bind(fd, (struct sockaddr *)&from, sizeof from)) die("bind");
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) die("connect");
    int steps;
    if (scanf("%d", &steps) != 1) die("script");
    while (steps--) {
        struct string say = read_string(), wanted = read_string();
        if (say.length && send(fd, say.bytes, say.length, MSG_NOSIGNAL) != (ssize_t)say.length)
            die("send");
        if (wanted.length) await(fd, &wanted);
        free(say.bytes);
        free(wanted.bytes);
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    all[i].fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) die("epoll");
}

/* --- saying and hearing --------------------------------------------------------------------- */

static void watch(int i, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u32 = (uint32_t)i};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, all[i].fd, &event)) die("epoll");
}

static void push_out(int i) {
    struct connection *c = &all[i];
    while (c->unsent_start < c->unsent_length) {
        ssize_t sent = send(c->fd, c->unsent + c->unsent_start, c->unsent_length - c->unsent_start,
                            MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) die("send");
            watch(i, EPOLLIN | EPOLLOUT);
            return;
        }
        c->unsent_start += (size_t)sent;
    }
    c->unsent_start = c->unsent_length = 0;
}

/* Say `count` messages in one write, each with a number of its own. */
static void say(int i, uint64_t count) {
    struct connection *c = &all[i];
    if (!count) return;
    if (c->unsent_start) {
        memmove(c->unsent, c->unsent + c->unsent_start, c->unsent_length - c->unsent_start);
        c->unsent_length -= c->unsent_start;
        c->unsent_start = 0;
    }
    c->unsent = realloc(c->unsent, c->unsent_length + count * message.length);
    if (!c->unsent) die("memory");
    for (uint64_t n = 0; n < count; n++) {
        char digits[11];
        snprintf(digits, sizeof digits, "%010llu", (unsigned long long)numbered++);
        memcpy(number_in_message, digits, 10);
        memcpy(c->unsent + c->unsent_length, message.bytes, message.length);
        c->unsent_length += message.length;
        c->said++;
    }
    push_out(i);
}

static uint64_t count_marks(const char *data, size_t length) {
    uint64_t found = 0;
    const char *end = data + length;
    while ((data = memchr(data, mark[0], (size_t)(end - data)))) {
        found++;
        if (++data == end) break;
    }
    return found;
}

/* Read what is there, at most a buffer: whoever has more is asked again. */
static uint64_t hear(int i) {
    struct connection *c = &all[i];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) die("a connection ended");
    return count_marks(buffer, (size_t)got);
}

static void turn(int wait_ms, int saying) {
    static struct epoll_event events[1024];
    int fan_out = !strcmp(mode, "fan-out");
    int ready = epoll_wait(poller, events, 1024, wait_ms);
    for (int n = 0; n < ready; n++) {
        int i = (int)events[n].data.u32;
        struct connection *c = &all[i];
        if (events[n].events & EPOLLOUT) {
            watch(i, EPOLLIN);
            push_out(i);
        }
        if (!(events[n].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
        uint64_t got = hear(i);
        if (fan_out && i == 0) continue; /* what the sayer is answered */
        deliveries += got;
        if (fan_out) {
            for (uint64_t m = c->heard; m < c->heard + got; m++)
                if (--missing[m % MOST_IN_FLIGHT] == 0) finished++;
        } else if (saying) {
            say(i, got);
        }
        c->heard += got;
    }
    if (fan_out && saying) {
        uint64_t count = (uint64_t)window - (all[0].said - finished);
        for (uint64_t m = all[0].said; m < all[0].said + count; m++)
            missing[m % MOST_IN_FLIGHT] = (uint32_t)(connections - 1);
        say(0, count);
    }
}

/* Until nothing has come for a while. */
static void settle(void) {
    int64_t last = now_ms(), limit = last + SETUP_SECONDS * 1000;
    static struct epoll_event events[1024];
    while (now_ms() - last < quiet_ms) {
        int ready = epoll_wait(poller, events, 1024, 50);
        for (int n = 0; n < ready; n++) {
            hear((int)events[n].data.u32);
            last = now_ms();
        }
        if (now_ms() > limit) die("it never falls silent");
    }
}

static int all_heard(void) {
    for (int i = 0; i < connections; i++) {
        int fan_out = !strcmp(mode, "fan-out");
        if (fan_out && i == 0) continue;
        if (all[i].heard != (fan_out ? all[0].said : all[i].said)) return 0;
    }
    return 1;
}

static void run_until(int64_t end) {
    while (now_ms() < end) turn(100, 1);
}

static void measure(void) {
    if (!strcmp(mode, "ack"))
        for (int i = 0; i < connections; i++) say(i, (uint64_t)window);
    else
        turn(0, 1);
    run_until(now_ms() + warm_up_ms);
    double cpu = cpu_seconds(), own = own_cpu_seconds();
    uint64_t delivered = deliveries;
    int64_t began = now_ms();
    run_until(began + measure_ms);
    cpu = cpu_seconds() - cpu;
    own = own_cpu_seconds() - own;
    delivered = deliveries - delivered;
    double seconds = (double)(now_ms() - began) / 1000;
    /* Everything said must arrive, once, everywhere. */
    int64_t limit = now_ms() + SETUP_SECONDS * 1000;
    while (!all_heard()) {
        if (now_ms() > limit) die("messages were lost");
        turn(50, 0);
    }
    int64_t quiet = now_ms() + quiet_ms;
    while (now_ms() < quiet) turn(50, 0);
    if (!all_heard()) die("messages came twice");
    printf("{\"seconds\": %.3f, \"deliveries\": %llu, \"server_cpu_seconds\": %.2f, "
           "\"load_cpu_seconds\": %.2f}\n",
           seconds, (unsigned long long)delivered, cpu, own);
}

int main(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (scanf("%15s %d %d %d %d %d %d %d %1s", mode, &connections, &window, &warm_up_ms,
              &measure_ms, &quiet_ms, &pid, &port, mark) != 9)
        die("script");
    if (window > MOST_IN_FLIGHT) die("window");
    poller = epoll_create1(EPOLL_CLOEXEC);
    all = calloc((size_t)connections, sizeof *all);
    if (poller < 0 || !all) die("memory");
    for (int i = 0; i < connections; i++) {
        come_in(i);
        if (i % 50 == 49) turn(0, 0);
    }
    message = read_string();
    settle();
    if (!strcmp(mode, "idle")) {
        printf("ready\n");
        fflush(stdout);
        while (getchar() != EOF) continue;
        return 0;
    }
    for (int i = 0; i < connections; i++) all[i].heard = 0;
    deliveries = finished = 0;
    char *found = memchr(message.bytes, mark[0], message.length);
    if (!found) die("no mark");
    number_in_message = found + 1;
    measure();
    return 0;
}
