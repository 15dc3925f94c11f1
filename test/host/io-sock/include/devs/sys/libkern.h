/* The kernel's string and memory functions. Those that libc has too mean the same there. */
#ifndef _SYS_LIBKERN_H_
#define _SYS_LIBKERN_H_

#include <sys/types.h>

void *memcpy(void *__restrict to, const void *__restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *buf, int c, size_t len);
int memcmp(const void *a, const void *b, size_t len);
void *memchr(const void *buf, int c, size_t len);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
int strcasecmp(const char *a, const char *b);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *find);
char *strcpy(char *__restrict to, const char *__restrict from);
char *strncpy(char *__restrict to, const char *__restrict from, size_t len);
/* Always NUL-terminated; returns the length that was tried. */
size_t strlcpy(char *__restrict to, const char *__restrict from, size_t size);
size_t strlcat(char *__restrict to, const char *__restrict from, size_t size);
unsigned long strtoul(const char *s, char **end, int base);
long strtol(const char *s, char **end, int base);

#define bcopy(from, to, len) memmove((to), (from), (len))
#define bzero(buf, len) memset((buf), 0, (len))
#define bcmp(a, b, len) memcmp((a), (b), (len))

uint32_t arc4random(void);
void arc4random_buf(void *buf, size_t len);

static inline int imax(int a, int b) { return (a > b ? a : b); }
static inline int imin(int a, int b) { return (a < b ? a : b); }
static inline long lmax(long a, long b) { return (a > b ? a : b); }
static inline long lmin(long a, long b) { return (a < b ? a : b); }
static inline u_int max(u_int a, u_int b) { return (a > b ? a : b); }
static inline u_int min(u_int a, u_int b) { return (a < b ? a : b); }
static inline u_long ulmax(u_long a, u_long b) { return (a > b ? a : b); }
static inline u_long ulmin(u_long a, u_long b) { return (a < b ? a : b); }
static inline int abs(int a) { return (a < 0 ? -a : a); }

#endif
