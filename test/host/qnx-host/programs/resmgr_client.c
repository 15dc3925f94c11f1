/*
 * What programs do with a device of the resource manager. The first argument says what.
 *   resmgr_client io | devctl | message | errors | big | tree | dup | alarm | after
 *   resmgr_client put TEXT | take PATH BYTES | hold PATH | open PATH [UID]
 */
#include "resmgr.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/neutrino.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

static const char *name(int number) {
    switch (number) {
    case EOK:
        return "EOK";
    case ENOENT:
        return "ENOENT";
    case EINTR:
        return "EINTR";
    case EBADF:
        return "EBADF";
    case EAGAIN:
        return "EAGAIN";
    case EACCES:
        return "EACCES";
    case EEXIST:
        return "EEXIST";
    case ENOTDIR:
        return "ENOTDIR";
    case ENOTTY:
        return "ENOTTY";
    case EINVAL:
        return "EINVAL";
    case ENOSYS:
        return "ENOSYS";
    case ESRCH:
        return "ESRCH";
    case EBADMSG:
        return "EBADMSG";
    case ENAMETOOLONG:
        return "ENAMETOOLONG";
    default:
        return "another error";
    }
}

static void outcome(const char *what, long result) {
    if (result == -1) {
        printf("%s: %s\n", what, name(errno));
    } else {
        printf("%s: %ld\n", what, result);
    }
}

static int must_open(const char *path, int flags) {
    int fd = open(path, flags);
    if (fd == -1) {
        printf("open %s: %s\n", path, name(errno));
        exit(EXIT_FAILURE);
    }
    return fd;
}

static void show(const char *what, int fd, size_t bytes) {
    char text[64];
    ssize_t got = read(fd, text, bytes < sizeof(text) ? bytes : sizeof(text));
    if (got == -1) {
        printf("%s: %s\n", what, name(errno));
    } else {
        printf("%s: %ld \"%.*s\"\n", what, (long)got, (int)got, text);
    }
}

static void io(void) {
    int one = must_open(SOUND_PATH, O_RDWR), two = must_open(SOUND_PATH, O_RDONLY);
    outcome("write", write(one, "hello, device", 13));
    show("read at the end", one, 20);
    outcome("lseek", lseek(one, 7, SEEK_SET));
    show("read from there", one, 20);
    show("the other descriptor begins at 0", two, 5);
    show("short read", two, 3);
    outcome("lseek from the end", lseek(two, -6, SEEK_END));
    show("six bytes", two, 20);

    struct iovec parts[2];
    char head[3], tail[4];
    parts[0].iov_base = head;
    parts[0].iov_len = sizeof(head);
    parts[1].iov_base = tail;
    parts[1].iov_len = sizeof(tail);
    lseek(two, 0, SEEK_SET);
    outcome("readv", readv(two, parts, 2));
    printf("parts \"%.3s\" \"%.4s\"\n", head, tail);
    memcpy(head, "abc", 3);
    memcpy(tail, "defg", 4);
    lseek(one, 13, SEEK_SET);
    outcome("writev", writev(one, parts, 2));
    outcome("pwrite", pwrite(one, "H", 1, 0));
    char text[8];
    outcome("pread", pread(two, text, 5, 0));
    printf("at 0 \"%.5s\"\n", text);
    show("position is where it was", two, 20);

    struct stat info;
    outcome("fstat", fstat(one, &info));
    printf("size %ld, device %d, mode %o, links %ld\n", (long)info.st_size, (info.st_mode & S_IFMT) == S_IFNAM,
           (unsigned)(info.st_mode & 0777), (long)info.st_nlink);
    outcome("stat", stat(SOUND_PATH, &info));
    printf("size %ld\n", (long)info.st_size);
    outcome("flags", fcntl(two, F_GETFL) & O_ACCMODE);
    outcome("close", close(one));
    outcome("close", close(two));
    outcome("read after close", read(two, text, 1));
}

static void commands(void) {
    int fd = must_open(SOUND_PATH, O_RDWR), number = -1;
    struct volume volume = {3, 4};
    printf("set: %s", name(devctl(fd, DCMD_SOUND_SET, &volume, sizeof(volume), &number)));
    printf(", number %d\n", number);
    memset(&volume, 0, sizeof(volume));
    printf("get: %s", name(devctl(fd, DCMD_SOUND_GET, &volume, sizeof(volume), NULL)));
    printf(", %d %d\n", volume.left, volume.right);
    volume.left = 8;
    printf("swap: %s", name(devctl(fd, DCMD_SOUND_SWAP, &volume, sizeof(volume), NULL)));
    printf(", %d %d\n", volume.left, volume.right);
    printf("reset: %s\n", name(devctl(fd, DCMD_SOUND_RESET, NULL, 0, NULL)));
    devctl(fd, DCMD_SOUND_GET, &volume, sizeof(volume), NULL);
    printf("then: %d %d\n", volume.left, volume.right);
    printf("unknown: %s\n", name(devctl(fd, __DION(_DCMD_MISC, 99), NULL, 0, NULL)));
    printf("no buffer: %s\n", name(devctl(fd, DCMD_SOUND_GET, NULL, sizeof(volume), NULL)));
    outcome("set flags", fcntl(fd, F_SETFL, O_NONBLOCK));
    printf("flags %x\n", (unsigned)fcntl(fd, F_GETFL));
    int file = open("/dev/null", O_RDONLY);
    printf("a file: %s, no file: %s\n", name(devctl(file, DCMD_SOUND_RESET, NULL, 0, NULL)),
           name(devctl(999, DCMD_SOUND_RESET, NULL, 0, NULL)));
    close(file);
    close(fd);
}

static void message(void) {
    struct play_msg msg = {MSG_PLAY, 440};
    struct play_reply reply;
    struct _server_info info;
    int fd = must_open(SOUND_PATH, O_RDWR);
    outcome("MsgSend", MsgSend(fd, &msg, sizeof(msg), &reply, sizeof(reply)));
    printf("note %u, played %u\n", (unsigned)reply.note, (unsigned)reply.played);
    printf("a descriptor is a connection: %d\n", ConnectServerInfo(0, fd, &info) == fd && info.coid == fd);
    msg.type = MSG_PLAY + 1;
    outcome("unknown type", MsgSend(fd, &msg, sizeof(msg), NULL, 0));
    struct _io_msg reserved = {_IO_MSG, 0, 1, 0};
    outcome("no handler", MsgSend(fd, &reserved, sizeof(reserved), NULL, 0));
    uint16_t half = _IO_READ;
    outcome("half a message", MsgSend(fd, &half, sizeof(half), NULL, 0));
    int coid = ConnectAttach(0, info.pid, info.chid, _NTO_SIDE_CHANNEL, 0);
    struct _io_read read_msg = {_IO_READ, 0, 1, 0, 0};
    outcome("nothing is open there", MsgSend(coid, &read_msg, sizeof(read_msg), NULL, 0));
}

static void errors(void) {
    char byte = 0;
    outcome("not attached", open("/dev/nothing", O_RDONLY));
    outcome("below a device", open(SOUND_PATH "/below", O_RDONLY));
    outcome("as a directory", open(SOUND_PATH "/", O_RDONLY));
    outcome("exclusive", open(SOUND_PATH, O_RDWR | O_CREAT | O_EXCL, 0666));
    int fd = must_open(SOUND_PATH, O_RDONLY);
    outcome("write to a reader", write(fd, &byte, 1));
    close(fd);
    fd = must_open(SOUND_PATH, O_WRONLY);
    outcome("read from a writer", read(fd, &byte, 1));
    outcome("seek before the start", lseek(fd, -1, SEEK_SET));
    close(fd);
    fd = must_open(QUEUE_PATH, O_RDONLY | O_NONBLOCK);
    outcome("would wait", read(fd, &byte, 1));
    close(fd);
    fd = must_open("/dev/../dev//./sound", O_RDONLY);
    close(fd);
    fd = must_open("/dev/null", O_WRONLY);
    outcome("a file of the system's", write(fd, &byte, 1));
    close(fd);
}

static void big(void) {
    enum { SIZE = 1 << 20 };
    unsigned char *out = (unsigned char *)malloc(SIZE), *in = (unsigned char *)calloc(1, SIZE);
    if (out == NULL || in == NULL) {
        exit(EXIT_FAILURE);
    }
    for (unsigned i = 0; i < SIZE; i++) {
        out[i] = (unsigned char)(i * 7 + i / 4096);
    }
    int fd = must_open(SOUND_PATH, O_RDWR);
    outcome("write", write(fd, out, SIZE));
    lseek(fd, 0, SEEK_SET);
    outcome("read", read(fd, in, SIZE));
    printf("same: %d\n", memcmp(in, out, SIZE) == 0);
    close(fd);
    free(in);
    free(out);
}

static void paths(void) {
    int fd = must_open(TREE_PATH "/a/b.wav", O_RDONLY);
    show("rest", fd, 64);
    close(fd);
    fd = must_open(TREE_PATH, O_RDONLY);
    show("nothing left", fd, 64);
    close(fd);
    outcome("unknown below", open(TREE_PATH "/nobody", O_RDONLY));
    outcome("for writing", open(TREE_PATH "/x", O_RDWR) == -1 ? -1 : 0);
    outcome("no component", open(TREE_PATH "x", O_RDONLY));
}

static void duplicates(void) {
    int fd = must_open(SOUND_PATH, O_RDWR);
    write(fd, "0123456789", 10);
    lseek(fd, 0, SEEK_SET);
    int copy = dup(fd);
    show("first", fd, 3);
    show("copy goes on", copy, 3);
    outcome("close", close(fd));
    show("still open", copy, 3);
    int high = fcntl(copy, F_DUPFD, 100);
    printf("above 100: %d\n", high >= 100);
    outcome("dup2", dup2(copy, 50));
    close(copy);
    close(high);
    show("last of four", 50, 3);
    close(50);
}

static void on_alarm(int signo) { (void)signo; }

static void take(const char *path, size_t bytes) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, NULL);
    int fd = must_open(path, O_RDONLY);
    puts("asking");
    fflush(stdout);
    show("took", fd, bytes);
    fflush(stdout);
    /* Until we are told to go. */
    while (getchar() != EOF) {
    }
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "io") == 0) {
        io();
    } else if (strcmp(what, "devctl") == 0) {
        commands();
    } else if (strcmp(what, "message") == 0) {
        message();
    } else if (strcmp(what, "errors") == 0) {
        errors();
    } else if (strcmp(what, "big") == 0) {
        big();
    } else if (strcmp(what, "tree") == 0) {
        paths();
    } else if (strcmp(what, "dup") == 0) {
        duplicates();
    } else if (strcmp(what, "put") == 0 && argc > 2) {
        int fd = must_open(QUEUE_PATH, O_WRONLY);
        outcome("put", write(fd, argv[2], strlen(argv[2])));
        close(fd);
    } else if (strcmp(what, "take") == 0 && argc > 3) {
        take(argv[2], (size_t)atoi(argv[3]));
    } else if (strcmp(what, "alarm") == 0) {
        alarm(1);
        take(QUEUE_PATH, 8);
    } else if (strcmp(what, "after") == 0) {
        /* The server dies between the two lines. */
        int fd = must_open(SOUND_PATH, O_RDWR);
        puts("open");
        fflush(stdout);
        getchar();
        char byte;
        outcome("read", read(fd, &byte, 1));
        outcome("again", read(fd, &byte, 1));
        outcome("open", open(SOUND_PATH, O_RDONLY));
    } else if (strcmp(what, "hold") == 0 && argc > 2) {
        must_open(argv[2], O_RDWR);
        must_open(argv[2], O_RDONLY);
        puts("open");
        fflush(stdout);
        pause();
    } else if (strcmp(what, "open") == 0 && argc > 2) {
        int id = argc > 3 ? atoi(argv[3]) : 0;
        if (id != 0 && (setgid((gid_t)id) == -1 || setuid((uid_t)id) == -1)) {
            perror("setuid");
            return EXIT_FAILURE;
        }
#ifdef __linux__
        /* Linux closes /proc to a process that changed its user. */
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#endif
        outcome("for reading", open(argv[2], O_RDONLY) == -1 ? -1 : 0);
        outcome("for writing", open(argv[2], O_WRONLY) == -1 ? -1 : 0);
    } else {
        fputs("what?\n", stderr);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
