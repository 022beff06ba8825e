// Lets valgrind run a program that waits for signals with a mask in read-only memory: preloaded.
//
//     clang -O2 -shared -fPIC -o mask.so own_signal_mask.c
//     LD_PRELOAD=./mask.so valgrind PROGRAM
//
// Dispatch's main thread waits so, and valgrind 3.19 changes the mask where it lies, which faults.
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int sigsuspend(const sigset_t *mask) {
    sigset_t own = *mask;
    // The kernel's set is 64 bits; glibc's has room for more.
    return (int)syscall(SYS_rt_sigsuspend, &own, 8);
}
