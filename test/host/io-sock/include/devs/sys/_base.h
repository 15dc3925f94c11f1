/*
 * What FreeBSD 13 and 14 say differently in one line, for the headers that both bases share. This is 13.0; the file of the same name
 * in base14/ is found first when that base is chosen. What an SDP says may differ (docs/iosock-kpi.md 0.1).
 */
#ifndef _SYS__BASE_H_
#define _SYS__BASE_H_

#define __FreeBSD_version 1300139

/* The bounds of a linker set are global wherever an entry is made, so that they reach the link. */
#define __SET_BOUND(sym) __asm__(".globl " __XSTRING(sym))

/* Fields at the end of struct pkthdr. */
#define __PKTHDR_MORE

/* The link of a struct sysinit in the kernel's list: none, the list is an array. */
#define __SYSINIT_LINK

/* The children of a sysctl are a list. */
#define __SYSCTL_CHILDREN(head, type) SLIST_HEAD(head, type)
#define __SYSCTL_LINK(type) SLIST_ENTRY(type)

#endif
