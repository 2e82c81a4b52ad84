/* How a test has a process killed, and how often it has passed where it could have been. */
#ifndef KILL_H
#define KILL_H

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

extern _Thread_local long kill_countdown; /* 0: live on; 1: die at the next passage */
extern _Thread_local long kill_passages;  /* how many were passed, so that a test can visit each */

/* Run `victim`, in a process without the descriptor `fd` (-1: with all), that dies at its `kill_at`-th store.
 * False: it lived to its end. */
static inline bool dies_at(long kill_at, int fd, void (*victim)(void))
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        if (fd >= 0)
            close(fd);
        kill_countdown = kill_at;
        victim();
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    if (!WIFSIGNALED(status)) {
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        return false;
    }
    CHECK(WTERMSIG(status) == SIGKILL);
    return true;
}

#endif
