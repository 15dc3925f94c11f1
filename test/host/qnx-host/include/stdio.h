/* perror in terms of the program's errno. */
#ifndef QNX_HOST_STDIO_H
#define QNX_HOST_STDIO_H
#pragma GCC system_header /* include_next is an extension */

#include <qnx/on_linux.h>
#include_next <stdio.h>

#include <errno.h>
#include <string.h>

QNX_HOST_WEAK void qnx_host_perror(const char *what) {
    int number = errno;
    if (what != NULL && *what != '\0') {
        fprintf(stderr, "%s: %s\n", what, strerror(number));
    } else {
        fprintf(stderr, "%s\n", strerror(number));
    }
    errno = number;
}
QNX_HOST_REDIRECT(perror, "qnx_host_perror");

#endif
