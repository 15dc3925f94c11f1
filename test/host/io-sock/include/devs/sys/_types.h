/* Types that many headers share, under names that clash with nothing. */
#ifndef _SYS__TYPES_H_
#define _SYS__TYPES_H_

#include <sys/cdefs.h>
#include <machine/_types.h>

typedef __INT8_TYPE__ __int8_t;
typedef __UINT8_TYPE__ __uint8_t;
typedef __INT16_TYPE__ __int16_t;
typedef __UINT16_TYPE__ __uint16_t;
typedef __INT32_TYPE__ __int32_t;
typedef __UINT32_TYPE__ __uint32_t;
typedef __INT64_TYPE__ __int64_t;
typedef __UINT64_TYPE__ __uint64_t;
typedef __UINT8_TYPE__ __sa_family_t;
typedef __UINT32_TYPE__ __socklen_t;
typedef __INT64_TYPE__ __time_t;
/* 32 bits on QNX, 64 on FreeBSD. */
typedef __INT32_TYPE__ __suseconds_t;

#endif
