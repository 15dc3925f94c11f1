/*
 * Finds a mutex whose owner died.
 *   robust_user mend        repairs what it guards
 *   robust_user leave       does not, twice: nobody gets the mutex again; removes the object
 */
#include "robust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *name_of(int error) {
    return error == EOK ? "EOK"
           : error == EOWNERDEAD ? "EOWNERDEAD"
           : error == ENOTRECOVERABLE ? "ENOTRECOVERABLE"
                                      : strerror(error);
}

int main(int argc, char **argv) {
    int fd = shm_open(SHARED_NAME, O_RDWR, 0);
    if (fd == -1 || argc != 2) {
        perror("shm_open");
        return EXIT_FAILURE;
    }
    struct shared *shared =
        (struct shared *)mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    close(fd);

    int error = pthread_mutex_lock(&shared->mutex);
    printf("lock: %s, left %d, right %d\n", name_of(error), shared->left, shared->right);
    if (strcmp(argv[1], "mend") == 0) {
        shared->right = shared->left;
        printf("consistent: %s\n", name_of(pthread_mutex_consistent(&shared->mutex)));
        pthread_mutex_unlock(&shared->mutex);
        printf("lock: %s\n", name_of(pthread_mutex_lock(&shared->mutex)));
        puts("locked");
        fflush(stdout);
        for (;;) {
            pause();
        }
    }
    pthread_mutex_unlock(&shared->mutex);
    printf("lock: %s\n", name_of(pthread_mutex_lock(&shared->mutex)));
    shm_unlink(SHARED_NAME);
    printf("unlinked: %s\n", shm_open(SHARED_NAME, O_RDWR, 0) == -1 && errno == ENOENT ? "ENOENT" : "still there");
    return EXIT_SUCCESS;
}
