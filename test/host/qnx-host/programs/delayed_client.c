/*
 * Gets an item, however long that takes, or brings one.
 *   delayed_client get | delayed_client put ITEM
 */
#include "delayed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>

int main(int argc, char **argv) {
    struct queue_msg msg = {.type = MSG_GET};
    int item;
    int coid = name_open(SERVER_NAME, 0);
    if (coid == -1) {
        perror("name_open");
        return EXIT_FAILURE;
    }
    if (argc == 3 && strcmp(argv[1], "put") == 0) {
        msg.type = MSG_PUT;
        msg.item = atoi(argv[2]);
        long waiting = MsgSend(coid, &msg, sizeof(msg), NULL, 0);
        if (waiting == -1) {
            perror("put");
            return EXIT_FAILURE;
        }
        printf("put, %ld waiting\n", waiting);
    } else {
        puts("asking");
        fflush(stdout);
        if (MsgSend(coid, &msg, sizeof(msg), &item, sizeof(item)) == -1) {
            perror("get");
            return EXIT_FAILURE;
        }
        printf("got %d\n", item);
    }
    name_close(coid);
    return EXIT_SUCCESS;
}
