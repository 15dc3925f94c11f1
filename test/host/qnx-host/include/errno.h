/*
 * Error numbers and errno.
 *
 * Two libraries fail in one program: the stand-in's calls with QNX's numbers in a variable of their own, libc's functions with
 * Linux's numbers in Linux's errno. The program sees one errno with QNX's numbers: that of the call that failed last.
 */
#ifndef QNX_HOST_ERRNO_H
#define QNX_HOST_ERRNO_H
#pragma GCC system_header /* include_next is an extension */

#include <qnx/on_linux.h>
#include_next <errno.h>

/* Linux's numbers for names that QNX has too and numbers otherwise. */
enum {
    qnx_host_linux_EDEADLK = EDEADLK,
    qnx_host_linux_ENAMETOOLONG = ENAMETOOLONG,
    qnx_host_linux_ENOLCK = ENOLCK,
    qnx_host_linux_ENOSYS = ENOSYS,
    qnx_host_linux_ENOTEMPTY = ENOTEMPTY,
    qnx_host_linux_ELOOP = ELOOP,
    qnx_host_linux_ENOMSG = ENOMSG,
    qnx_host_linux_EIDRM = EIDRM,
    qnx_host_linux_EMULTIHOP = EMULTIHOP,
    qnx_host_linux_EBADMSG = EBADMSG,
    qnx_host_linux_EOVERFLOW = EOVERFLOW,
    qnx_host_linux_ENOTUNIQ = ENOTUNIQ,
    qnx_host_linux_EBADFD = EBADFD,
    qnx_host_linux_EILSEQ = EILSEQ,
    qnx_host_linux_ERESTART = ERESTART,
    qnx_host_linux_EUSERS = EUSERS,
    qnx_host_linux_ENOTSOCK = ENOTSOCK,
    qnx_host_linux_EDESTADDRREQ = EDESTADDRREQ,
    qnx_host_linux_EMSGSIZE = EMSGSIZE,
    qnx_host_linux_EPROTOTYPE = EPROTOTYPE,
    qnx_host_linux_ENOPROTOOPT = ENOPROTOOPT,
    qnx_host_linux_EPROTONOSUPPORT = EPROTONOSUPPORT,
    qnx_host_linux_ESOCKTNOSUPPORT = ESOCKTNOSUPPORT,
    qnx_host_linux_EOPNOTSUPP = EOPNOTSUPP,
    qnx_host_linux_EPFNOSUPPORT = EPFNOSUPPORT,
    qnx_host_linux_EAFNOSUPPORT = EAFNOSUPPORT,
    qnx_host_linux_EADDRINUSE = EADDRINUSE,
    qnx_host_linux_EADDRNOTAVAIL = EADDRNOTAVAIL,
    qnx_host_linux_ENETDOWN = ENETDOWN,
    qnx_host_linux_ENETUNREACH = ENETUNREACH,
    qnx_host_linux_ENETRESET = ENETRESET,
    qnx_host_linux_ECONNABORTED = ECONNABORTED,
    qnx_host_linux_ECONNRESET = ECONNRESET,
    qnx_host_linux_ENOBUFS = ENOBUFS,
    qnx_host_linux_EISCONN = EISCONN,
    qnx_host_linux_ENOTCONN = ENOTCONN,
    qnx_host_linux_ESHUTDOWN = ESHUTDOWN,
    qnx_host_linux_ETOOMANYREFS = ETOOMANYREFS,
    qnx_host_linux_ETIMEDOUT = ETIMEDOUT,
    qnx_host_linux_ECONNREFUSED = ECONNREFUSED,
    qnx_host_linux_EHOSTDOWN = EHOSTDOWN,
    qnx_host_linux_EHOSTUNREACH = EHOSTUNREACH,
    qnx_host_linux_EALREADY = EALREADY,
    qnx_host_linux_EINPROGRESS = EINPROGRESS,
    qnx_host_linux_ESTALE = ESTALE,
    qnx_host_linux_EDQUOT = EDQUOT,
    qnx_host_linux_ECANCELED = ECANCELED,
    qnx_host_linux_EOWNERDEAD = EOWNERDEAD,
    qnx_host_linux_ENOTRECOVERABLE = ENOTRECOVERABLE,
    /* Of no use to today's programs. */
    qnx_host_linux_ECHRNG = ECHRNG,
    qnx_host_linux_EL2NSYNC = EL2NSYNC,
    qnx_host_linux_EL3HLT = EL3HLT,
    qnx_host_linux_EL3RST = EL3RST,
    qnx_host_linux_ELNRNG = ELNRNG,
    qnx_host_linux_EUNATCH = EUNATCH,
    qnx_host_linux_ENOCSI = ENOCSI,
    qnx_host_linux_EL2HLT = EL2HLT,
    qnx_host_linux_EBADE = EBADE,
    qnx_host_linux_EBADR = EBADR,
    qnx_host_linux_EXFULL = EXFULL,
    qnx_host_linux_ENOANO = ENOANO,
    qnx_host_linux_EBADRQC = EBADRQC,
    qnx_host_linux_EBADSLT = EBADSLT,
    qnx_host_linux_EBFONT = EBFONT,
    qnx_host_linux_EREMCHG = EREMCHG,
    qnx_host_linux_ELIBACC = ELIBACC,
    qnx_host_linux_ELIBBAD = ELIBBAD,
    qnx_host_linux_ELIBSCN = ELIBSCN,
    qnx_host_linux_ELIBMAX = ELIBMAX,
    qnx_host_linux_ELIBEXEC = ELIBEXEC,
    qnx_host_linux_ESTRPIPE = ESTRPIPE
};

/* Names that only Linux has. */
#undef EDOTDOT
#undef EHWPOISON
#undef EISNAM
#undef EKEYEXPIRED
#undef EKEYREJECTED
#undef EKEYREVOKED
#undef EMEDIUMTYPE
#undef ENAVAIL
#undef ENOKEY
#undef ENOMEDIUM
#undef ENOTNAM
#undef EREMOTEIO
#undef ERFKILL
#undef EUCLEAN

/*
 * Every name that qnx-sys's errno.h defines. What stays of Linux's are names with the same number on both, all of them
 * below 72 [L]: ENOEXEC, ENOTBLK, EXDEV, ETXTBSY, EMLINK, ENOSTR, ENOSR, ENONET, ENOPKG, EREMOTE, EADV, ESRMNT, ECOMM,
 * and some of no use to programs.
 */
#undef EPERM
#undef ENOENT
#undef ESRCH
#undef EINTR
#undef EIO
#undef ENXIO
#undef E2BIG
#undef EBADF
#undef ECHILD
#undef EAGAIN
#undef EWOULDBLOCK
#undef ENOMEM
#undef EACCES
#undef EFAULT
#undef EBUSY
#undef EEXIST
#undef ENODEV
#undef ENOTDIR
#undef EISDIR
#undef EINVAL
#undef ENFILE
#undef EMFILE
#undef ENOTTY
#undef EFBIG
#undef ENOSPC
#undef ESPIPE
#undef EROFS
#undef EPIPE
#undef EDOM
#undef ERANGE
#undef ENOMSG
#undef EIDRM
#undef EDEADLK
#undef ENOLCK
#undef ECANCELED
#undef ENOTSUP
#undef EDQUOT
#undef EDEADLOCK
#undef EOWNERDEAD
#undef ENODATA
#undef ETIME
#undef ENOLINK
#undef EPROTO
#undef EMULTIHOP
#undef EBADMSG
#undef ENAMETOOLONG
#undef EOVERFLOW
#undef ENOTUNIQ
#undef EBADFD
#undef EILSEQ
#undef ENOSYS
#undef ELOOP
#undef ERESTART
#undef ENOTEMPTY
#undef EUSERS
#undef ENOTRECOVERABLE
#undef EOPNOTSUPP
#undef ESTALE
#undef EINPROGRESS
#undef EALREADY
#undef ENOTSOCK
#undef EDESTADDRREQ
#undef EMSGSIZE
#undef EPROTOTYPE
#undef ENOPROTOOPT
#undef EPROTONOSUPPORT
#undef ESOCKTNOSUPPORT
#undef EPFNOSUPPORT
#undef EAFNOSUPPORT
#undef EADDRINUSE
#undef EADDRNOTAVAIL
#undef ENETDOWN
#undef ENETUNREACH
#undef ENETRESET
#undef ECONNABORTED
#undef ECONNRESET
#undef ENOBUFS
#undef EISCONN
#undef ENOTCONN
#undef ESHUTDOWN
#undef ETOOMANYREFS
#undef ETIMEDOUT
#undef ECONNREFUSED
#undef EHOSTDOWN
#undef EHOSTUNREACH
/* Numbered otherwise on QNX, and not in qnx-sys [L]. */
#undef ECHRNG
#define ECHRNG 37
#undef EL2NSYNC
#define EL2NSYNC 38
#undef EL3HLT
#define EL3HLT 39
#undef EL3RST
#define EL3RST 40
#undef ELNRNG
#define ELNRNG 41
#undef EUNATCH
#define EUNATCH 42
#undef ENOCSI
#define ENOCSI 43
#undef EL2HLT
#define EL2HLT 44
#undef EBADE
#define EBADE 50
#undef EBADR
#define EBADR 51
#undef EXFULL
#define EXFULL 52
#undef ENOANO
#define ENOANO 53
#undef EBADRQC
#define EBADRQC 54
#undef EBADSLT
#define EBADSLT 55
#undef EBFONT
#define EBFONT 57
#undef EREMCHG
#define EREMCHG 82
#undef ELIBACC
#define ELIBACC 83
#undef ELIBBAD
#define ELIBBAD 84
#undef ELIBSCN
#define ELIBSCN 85
#undef ELIBMAX
#define ELIBMAX 86
#undef ELIBEXEC
#define ELIBEXEC 87
#undef ESTRPIPE
#define ESTRPIPE 92
/* QNX's alone. [L] */
#define EFPOS 110
#define EBADRPC 272
#define ERPCMISMATCH 273
#define EPROGUNAVAIL 274
#define EPROGMISMATCH 275
#define EPROCUNAVAIL 276
#define ENONDP 301
#define ECTRLTERM 310
#define ENOLIC 311

#undef errno
#define errno (*qnx_host_errno())
#include "../../../../ffi/qnx-sys/include/libc/errno.h"

/* QNX's number for a number of Linux; 0 stays 0. EIO for an error that QNX has no name for. */
QNX_HOST_WEAK int qnx_host_errno_from_linux(int number) {
    switch (number) {
#define QNX_HOST_ERRNO(name)                                                                                           \
    case qnx_host_linux_##name:                                                                                        \
        return name
        QNX_HOST_ERRNO(EDEADLK);
        QNX_HOST_ERRNO(ENAMETOOLONG);
        QNX_HOST_ERRNO(ENOLCK);
        QNX_HOST_ERRNO(ENOSYS);
        QNX_HOST_ERRNO(ENOTEMPTY);
        QNX_HOST_ERRNO(ELOOP);
        QNX_HOST_ERRNO(ENOMSG);
        QNX_HOST_ERRNO(EIDRM);
        QNX_HOST_ERRNO(EMULTIHOP);
        QNX_HOST_ERRNO(EBADMSG);
        QNX_HOST_ERRNO(EOVERFLOW);
        QNX_HOST_ERRNO(ENOTUNIQ);
        QNX_HOST_ERRNO(EBADFD);
        QNX_HOST_ERRNO(EILSEQ);
        QNX_HOST_ERRNO(ERESTART);
        QNX_HOST_ERRNO(EUSERS);
        QNX_HOST_ERRNO(ENOTSOCK);
        QNX_HOST_ERRNO(EDESTADDRREQ);
        QNX_HOST_ERRNO(EMSGSIZE);
        QNX_HOST_ERRNO(EPROTOTYPE);
        QNX_HOST_ERRNO(ENOPROTOOPT);
        QNX_HOST_ERRNO(EPROTONOSUPPORT);
        QNX_HOST_ERRNO(ESOCKTNOSUPPORT);
        /* Linux has one number for this and ENOTSUP. */
        QNX_HOST_ERRNO(EOPNOTSUPP);
        QNX_HOST_ERRNO(EPFNOSUPPORT);
        QNX_HOST_ERRNO(EAFNOSUPPORT);
        QNX_HOST_ERRNO(EADDRINUSE);
        QNX_HOST_ERRNO(EADDRNOTAVAIL);
        QNX_HOST_ERRNO(ENETDOWN);
        QNX_HOST_ERRNO(ENETUNREACH);
        QNX_HOST_ERRNO(ENETRESET);
        QNX_HOST_ERRNO(ECONNABORTED);
        QNX_HOST_ERRNO(ECONNRESET);
        QNX_HOST_ERRNO(ENOBUFS);
        QNX_HOST_ERRNO(EISCONN);
        QNX_HOST_ERRNO(ENOTCONN);
        QNX_HOST_ERRNO(ESHUTDOWN);
        QNX_HOST_ERRNO(ETOOMANYREFS);
        QNX_HOST_ERRNO(ETIMEDOUT);
        QNX_HOST_ERRNO(ECONNREFUSED);
        QNX_HOST_ERRNO(EHOSTDOWN);
        QNX_HOST_ERRNO(EHOSTUNREACH);
        QNX_HOST_ERRNO(EALREADY);
        QNX_HOST_ERRNO(EINPROGRESS);
        QNX_HOST_ERRNO(ESTALE);
        QNX_HOST_ERRNO(EDQUOT);
        QNX_HOST_ERRNO(ECANCELED);
        QNX_HOST_ERRNO(EOWNERDEAD);
        QNX_HOST_ERRNO(ENOTRECOVERABLE);
        QNX_HOST_ERRNO(ECHRNG);
        QNX_HOST_ERRNO(EL2NSYNC);
        QNX_HOST_ERRNO(EL3HLT);
        QNX_HOST_ERRNO(EL3RST);
        QNX_HOST_ERRNO(ELNRNG);
        QNX_HOST_ERRNO(EUNATCH);
        QNX_HOST_ERRNO(ENOCSI);
        QNX_HOST_ERRNO(EL2HLT);
        QNX_HOST_ERRNO(EBADE);
        QNX_HOST_ERRNO(EBADR);
        QNX_HOST_ERRNO(EXFULL);
        QNX_HOST_ERRNO(ENOANO);
        QNX_HOST_ERRNO(EBADRQC);
        QNX_HOST_ERRNO(EBADSLT);
        QNX_HOST_ERRNO(EBFONT);
        QNX_HOST_ERRNO(EREMCHG);
        QNX_HOST_ERRNO(ELIBACC);
        QNX_HOST_ERRNO(ELIBBAD);
        QNX_HOST_ERRNO(ELIBSCN);
        QNX_HOST_ERRNO(ELIBMAX);
        QNX_HOST_ERRNO(ELIBEXEC);
        QNX_HOST_ERRNO(ESTRPIPE);
#undef QNX_HOST_ERRNO
    default:
        /* The same up to ERANGE, and from ENOSTR to EPROTO. */
        return (number >= 0 && number <= ERANGE) || (number >= 60 && number <= 71) ? number : EIO;
    }
}

/*
 * Where this thread's errno lives: what `errno` expands to. A call of the kernel that fails stores its number there and
 * clears libc's errno, and one that succeeds changes neither; so what is in libc's errno came later, from libc.
 */
QNX_HOST_WEAK int *qnx_host_errno(void) {
    int *kernel = __get_errno_ptr();
    int *libc = __errno_location();
    if (*libc != 0) {
        *kernel = qnx_host_errno_from_linux(*libc);
        *libc = 0;
    }
    return kernel;
}

#endif
