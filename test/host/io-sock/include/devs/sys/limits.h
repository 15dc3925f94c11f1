#ifndef _SYS_LIMITS_H_
#define _SYS_LIMITS_H_

#define CHAR_BIT __CHAR_BIT__
#define SCHAR_MAX __SCHAR_MAX__
#define UCHAR_MAX 0xff
#define SHRT_MAX __SHRT_MAX__
#define USHRT_MAX 0xffff
#define INT_MAX __INT_MAX__
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX 0xffffffffU
#define LONG_MAX __LONG_MAX__
#define LONG_MIN (-LONG_MAX - 1)
#define ULONG_MAX 0xffffffffffffffffUL
#define QUAD_MAX __LONG_MAX__
#define UQUAD_MAX 0xffffffffffffffffUL

#endif
