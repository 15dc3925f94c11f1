/* What lies in the memory that the robust-mutex pair shares. */
#ifndef ROBUST_H
#define ROBUST_H

#include <pthread.h>

#define SHARED_NAME "/programs_robust"

/* The two halves are equal whenever the mutex is free. */
struct shared {
    pthread_mutex_t mutex;
    int left;
    int right;
};

#endif
