/* The types that everything else is declared with. */
#ifndef _SYS_TYPES_H_
#define _SYS_TYPES_H_

#include <sys/cdefs.h>
#include <sys/_types.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <machine/endian.h>

typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned int u_int;
typedef unsigned long u_long;
typedef unsigned short ushort;
typedef unsigned int uint;

typedef __uint8_t u_int8_t;
typedef __uint16_t u_int16_t;
typedef __uint32_t u_int32_t;
typedef __uint64_t u_int64_t;
typedef __uint64_t u_quad_t;
typedef __int64_t quad_t;
typedef char *caddr_t;
typedef const char *c_caddr_t;

typedef __INTPTR_TYPE__ ssize_t;
typedef __int64_t off_t;
typedef __int32_t pid_t;
typedef __int32_t lwpid_t;
/* ON-TARGET: uid_t and gid_t of io-sock's headers: signed on QNX, unsigned on FreeBSD; as QNX here. */
typedef __int32_t uid_t;
typedef __int32_t gid_t;
typedef __uint32_t mode_t;
typedef __uint32_t id_t;
typedef __time_t time_t;
typedef __suseconds_t suseconds_t;
typedef __int64_t sbintime_t;
typedef __int32_t segsz_t;
typedef __register_t register_t;
typedef __u_register_t u_register_t;
typedef __vm_offset_t vm_offset_t;
typedef __vm_paddr_t vm_paddr_t;
typedef __vm_size_t vm_size_t;
typedef __uint64_t uoff_t;
typedef __uint32_t fixpt_t;

/* QNX's pthread_t, of which td_pt_tid is one. */
#ifndef _PTHREAD_T_DECLARED
#define _PTHREAD_T_DECLARED
typedef int pthread_t;
#endif

#endif
