/*
 * Draws pictures into memory that the server made, one message per picture.
 *   shm_client
 */
#include "shm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    struct request request = {.type = MSG_SETUP};
    struct setup_reply reply;
    struct _server_info server;
    struct stat status;
    int coid = name_open(SERVER_NAME, 0);
    if (coid == -1) {
        perror("name_open");
        return EXIT_FAILURE;
    }
    if (MsgSend(coid, &request, sizeof(request), &reply, sizeof(reply)) == -1) {
        perror("setup");
        return EXIT_FAILURE;
    }
    /* The object must have been made by the server that we talk to. */
    if (ConnectServerInfo(0, coid, &server) != coid) {
        perror("ConnectServerInfo");
        return EXIT_FAILURE;
    }
    if (shm_open_handle_pid(reply.handle, O_RDWR, getpid()) != -1) {
        fprintf(stderr, "opened as if we had made it\n");
        return EXIT_FAILURE;
    }
    int fd = shm_open_handle_pid(reply.handle, O_RDWR, server.pid);
    if (fd == -1) {
        perror("shm_open_handle_pid");
        return EXIT_FAILURE;
    }
    if (shm_open_handle(reply.handle, O_RDWR) == -1) {
        printf("a second use fails: %d\n", errno != EOK);
    }
    int flags = shm_ctl(fd, SHMCTL_GET_FLAGS, 0, 0);
    printf("sealed %d, revocable %d\n", (flags & SHMCTL_SEAL) != 0, (flags & SHMCTL_REVOCABLE) != 0);
    if (fstat(fd, &status) == -1 || (size_t)status.st_size < sizeof(struct image)) {
        fprintf(stderr, "the object is too small\n");
        return EXIT_FAILURE;
    }
    struct image *image =
        (struct image *)mmap(NULL, sizeof(struct image), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (image == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    close(fd);

    request.type = MSG_FRAME;
    for (uint32_t number = 1; number <= 3; number++) {
        for (uint32_t i = 0; i < PIXELS; i++) {
            image->pixels[i] = number + i;
        }
        request.number = number;
        if (MsgSend(coid, &request, sizeof(request), NULL, 0) == -1) {
            perror("frame");
            return EXIT_FAILURE;
        }
    }
    printf("frames seen by the server: %u\n", image->frames);
    munmap(image, sizeof(*image));
    name_close(coid);
    return EXIT_SUCCESS;
}
