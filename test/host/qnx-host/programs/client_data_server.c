/*
 * Keeps data for each client, by its scoid, and frees it when the client goes away in whatever manner.
 *   client_data_server        prints "ready"; ends when it is told to
 */
#include "client_data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>

struct client {
    struct client *next;
    int scoid;
    long count;
};

static struct client *clients;

static struct client *find_or_make(int scoid) {
    struct client *client;
    for (client = clients; client != NULL; client = client->next) {
        if (client->scoid == scoid) {
            return client;
        }
    }
    client = (struct client *)calloc(1, sizeof(*client));
    if (client != NULL) {
        client->scoid = scoid;
        client->next = clients;
        clients = client;
    }
    return client;
}

static void release(int scoid) {
    for (struct client **link = &clients; *link != NULL; link = &(*link)->next) {
        struct client *client = *link;
        if (client->scoid == scoid) {
            *link = client->next;
            printf("released a client that counted to %ld\n", client->count);
            free(client);
            return;
        }
    }
}

static long how_many(void) {
    long n = 0;
    for (struct client *client = clients; client != NULL; client = client->next) {
        n++;
    }
    return n;
}

int main(void) {
    name_attach_t *attach = name_attach(NULL, SERVER_NAME, 0);
    if (attach == NULL) {
        perror("name_attach");
        return EXIT_FAILURE;
    }
    puts("ready");
    fflush(stdout);

    for (;;) {
        union {
            struct count_msg count;
            struct _pulse pulse;
        } msg;
        struct _msg_info info;
        struct client *client;
        rcvid_t rcvid = MsgReceive(attach->chid, &msg, sizeof(msg), &info);
        if (rcvid == -1) {
            perror("MsgReceive");
            return EXIT_FAILURE;
        }
        if (rcvid == 0) {
            if (msg.pulse.code == _PULSE_CODE_DISCONNECT) {
                release(msg.pulse.scoid);
                /* Only now may the number be somebody else's. */
                ConnectDetach(msg.pulse.scoid);
            }
            continue;
        }
        switch (msg.count.type) {
        case MSG_COUNT:
            client = find_or_make(info.scoid);
            if (client == NULL) {
                MsgError(rcvid, ENOMEM);
            } else {
                MsgReply(rcvid, ++client->count, NULL, 0);
            }
            break;
        case MSG_CLIENTS:
            MsgReply(rcvid, how_many(), NULL, 0);
            break;
        case MSG_QUIT:
            MsgReply(rcvid, EOK, NULL, 0);
            while (clients != NULL) {
                release(clients->scoid);
            }
            name_detach(attach, 0);
            return EXIT_SUCCESS;
        default:
            MsgError(rcvid, ENOSYS);
        }
    }
}
