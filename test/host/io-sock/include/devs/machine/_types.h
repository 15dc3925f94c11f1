/* Basic types of both 64-bit processors. */
#ifndef _MACHINE__TYPES_H_
#define _MACHINE__TYPES_H_

#if !defined(__LP64__)
#error "io-sock modules are 64-bit"
#endif

typedef __INTPTR_TYPE__ __register_t;
typedef __UINTPTR_TYPE__ __u_register_t;
typedef __UINTPTR_TYPE__ __vm_offset_t;
typedef __UINT64_TYPE__ __vm_paddr_t;
typedef __UINTPTR_TYPE__ __vm_size_t;

#endif
