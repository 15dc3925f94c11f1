/*
 * Counts N times over two connections, which are one client to the server; then leaves as it is told.
 *   client_data_client N close|exit|wait        wait: until it is killed
 *   client_data_client clients|quit             prints how many clients have data | ends the server
 */
#include "client_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>
#include <unistd.h>

static long ask(int coid, uint16_t type) {
    struct count_msg msg = {.type = type};
    long status = MsgSend(coid, &msg, sizeof(msg), NULL, 0);
    if (status == -1) {
        perror("MsgSend");
        exit(EXIT_FAILURE);
    }
    return status;
}

int main(int argc, char **argv) {
    int first = name_open(SERVER_NAME, 0), second = name_open(SERVER_NAME, 0);
    if (first == -1 || second == -1) {
        perror("name_open");
        return EXIT_FAILURE;
    }
    if (argc == 2) {
        long status = ask(first, strcmp(argv[1], "quit") == 0 ? MSG_QUIT : MSG_CLIENTS);
        printf("%s %ld\n", argv[1], status);
        return EXIT_SUCCESS;
    }
    if (argc != 3) {
        fprintf(stderr, "usage: %s N close|exit|wait\n", argv[0]);
        return EXIT_FAILURE;
    }
    long count = 0;
    for (int i = 0; i < atoi(argv[1]); i++) {
        count = ask(i % 2 == 0 ? first : second, MSG_COUNT);
    }
    printf("counted to %ld\n", count);
    fflush(stdout);
    if (strcmp(argv[2], "wait") == 0) {
        for (;;) {
            pause();
        }
    }
    if (strcmp(argv[2], "close") == 0) {
        name_close(first);
        /* The other connection still stands: no pulse yet, the data lives. */
        printf("then %ld\n", ask(second, MSG_COUNT));
        name_close(second);
    }
    return EXIT_SUCCESS;
}
