/* How a test has a process killed, and how often it has passed where it could have been. */
#ifndef KILL_H
#define KILL_H

extern _Thread_local long kill_countdown; /* 0: live on; 1: die at the next passage */
extern _Thread_local long kill_passages;  /* how many were passed, so that a test can visit each */

#endif
