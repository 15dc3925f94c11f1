/*
 * Sends a header and three separate pieces of data as one message, and gets them back.
 *   iov_client
 */
#include "iov.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>

static unsigned char piece1[PART - 100], piece2[PART], piece3[PART + 100];
static unsigned char back[PARTS * PART];

int main(void) {
    struct header header = {.type = MSG_STORE};
    iov_t siov[4], riov[2];
    int coid = name_open(SERVER_NAME, 0);
    if (coid == -1) {
        perror("name_open");
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < sizeof(piece3); i++) {
        piece1[i % sizeof(piece1)] = (unsigned char)(i * 7);
        piece2[i % sizeof(piece2)] = (unsigned char)(i * 11);
        piece3[i] = (unsigned char)(i * 13);
    }
    header.nbytes = sizeof(piece1) + sizeof(piece2) + sizeof(piece3);
    header.checksum = checksum(piece3, sizeof(piece3),
                               checksum(piece2, sizeof(piece2), checksum(piece1, sizeof(piece1), 0)));

    SETIOV(&siov[0], &header, sizeof(header));
    SETIOV(&siov[1], piece1, sizeof(piece1));
    SETIOV(&siov[2], piece2, sizeof(piece2));
    SETIOV(&siov[3], piece3, sizeof(piece3));
    long status = MsgSendvs(coid, siov, 4, NULL, 0);
    if (status == -1) {
        perror("MsgSendvs");
        return EXIT_FAILURE;
    }
    printf("stored %ld bytes\n", status);

    struct header fetch = {.type = MSG_FETCH}, answer;
    SETIOV(&riov[0], &answer, sizeof(answer));
    SETIOV(&riov[1], back, sizeof(back));
    status = MsgSendsv(coid, &fetch, sizeof(fetch), riov, 2);
    if (status == -1) {
        perror("MsgSendsv");
        return EXIT_FAILURE;
    }
    printf("fetched %ld bytes, data %s\n", status - (long)sizeof(answer),
           answer.nbytes == header.nbytes && checksum(back, answer.nbytes, 0) == header.checksum ? "same" : "different");

    /* More than the server takes. */
    header.nbytes = PARTS * PART + 1;
    if (MsgSendv(coid, siov, 4, NULL, 0) == -1) {
        perror("too much");
    }
    name_close(coid);
    return EXIT_SUCCESS;
}
