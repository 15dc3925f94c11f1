/*
 * Makes a named memory object with a robust mutex in it, locks it, breaks what it guards, and dies when it is killed.
 *   robust_owner        prints "locked"
 */
#include "robust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
    pthread_mutexattr_t attr;
    int fd = shm_open(SHARED_NAME, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd == -1) {
        perror("shm_open");
        return EXIT_FAILURE;
    }
    if (ftruncate(fd, sizeof(struct shared)) == -1) {
        perror("ftruncate");
        return EXIT_FAILURE;
    }
    struct shared *shared =
        (struct shared *)mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    close(fd);

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    if (pthread_mutex_init(&shared->mutex, &attr) != EOK || pthread_mutex_lock(&shared->mutex) != EOK) {
        fprintf(stderr, "no mutex\n");
        return EXIT_FAILURE;
    }
    shared->left = shared->right = 1;
    shared->left++;
    puts("locked");
    fflush(stdout);
    for (;;) {
        pause();
    }
}
