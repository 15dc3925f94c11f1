/* Link-level addresses of io-sock. [L] */
#ifndef QNX_NET_IF_DL_H
#define QNX_NET_IF_DL_H

#include <sys/types.h>

struct sockaddr_dl {
    uint8_t sdl_len;
    uint8_t sdl_family;
    uint16_t sdl_index;
    uint8_t sdl_type;
    uint8_t sdl_nlen;
    uint8_t sdl_alen;
    uint8_t sdl_slen;
    char sdl_data[46];
};

#endif
