/* What FreeBSD 13 and 14 say differently in one line: 14.3. See the file of the same name in devs/. */
#ifndef _SYS__BASE_H_
#define _SYS__BASE_H_

#define __FreeBSD_version 1403000

/* Weak: GNU as leaves a weak symbol that nothing refers to out of the object, and then the linker makes no bounds. */
#define __SET_BOUND(sym) __asm__(".weak " __XSTRING(sym))

/* Eight bytes more than 13 has, which move m_ext to 96; nothing here uses them. */
#define __PKTHDR_MORE uint64_t ph_room14;

#define __SYSINIT_LINK STAILQ_ENTRY(sysinit) next;

/* The children of a sysctl are a red-black tree: a root, and three words in each child. */
#define __SYSCTL_CHILDREN(head, type) struct head { struct type *rbh_root; }
#define __SYSCTL_LINK(type) struct { struct type *rbe_link[3]; }

#endif
