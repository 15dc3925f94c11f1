/*
 * Finds the server by its name and talks to it.
 *   name_client
 */
#include "name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>
#include <unistd.h>

int main(void) {
    struct hello_msg msg = {.type = MSG_HELLO, .length = 5, .text = "hello"};
    struct hello_reply reply;

    if (name_open("programs/nobody", 0) != -1 || errno != ENOENT) {
        perror("name_open of a name that nobody has");
        return EXIT_FAILURE;
    }
    int coid = name_open(SERVER_NAME, 0);
    if (coid == -1) {
        perror("name_open");
        return EXIT_FAILURE;
    }
    if (MsgSend(coid, &msg, sizeof(msg), &reply, sizeof(reply)) == -1) {
        perror("MsgSend");
        return EXIT_FAILURE;
    }
    printf("reply: %s\n", reply.text);
    printf("pid %s, euid %s\n", reply.pid == getpid() ? "mine" : "wrong", reply.euid == (int)geteuid() ? "mine" : "wrong");

    msg.type = MSG_LATER;
    if (MsgSend(coid, &msg, sizeof(msg), &reply, sizeof(reply)) == -1) {
        printf("unknown type: %s\n", errno == ENOSYS ? "ENOSYS" : strerror(errno));
    }
    /* Fewer bytes than the type needs. */
    msg.type = MSG_HELLO;
    if (MsgSend(coid, &msg, 4, &reply, sizeof(reply)) == -1) {
        printf("short message: %s\n", errno == EBADMSG ? "EBADMSG" : strerror(errno));
    }
    if (name_close(coid) == -1) {
        perror("name_close");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
