/* Events: what to do when something happens. Numbers are those of QNX 8; 7.x used 129 to 136 for the kinds. */
#ifndef QNX_SYS_SIGINFO_H
#define QNX_SYS_SIGINFO_H

#include <stddef.h>
#include <stdint.h>

/* The value that travels with an event or a pulse: 8 bytes. [L D70] */
union sigval {
    int sival_int;
    long sival_long;
    void *sival_ptr;
};

/* An event: 32 bytes, aligned to 8. Zero it before filling it in. [L D70] */
struct sigevent {
    int sigev_notify; /* kind in the low byte, flags above */
    union {
        int __sigev_signo;
        int __sigev_coid;
        int __sigev_id;
        unsigned __sigev_handle;
        void (*__sigev_notify_function)(union sigval);
        volatile uint32_t *__sigev_addr;
        void *__sigev_sem;
    } __sigev_un1;
    union sigval sigev_value;
    union {
        struct {
            short __sigev_code;
            short __sigev_priority;
        } __st;
        void *__sigev_notify_attributes;
        int __sigev_memop;
    } __sigev_un2;
};

#define sigev_signo __sigev_un1.__sigev_signo
#define sigev_coid __sigev_un1.__sigev_coid
#define sigev_id __sigev_un1.__sigev_id
#define sigev_handle __sigev_un1.__sigev_handle
#define sigev_notify_function __sigev_un1.__sigev_notify_function
#define sigev_addr __sigev_un1.__sigev_addr
#define sigev_sem __sigev_un1.__sigev_sem
#define sigev_code __sigev_un2.__st.__sigev_code
#define sigev_priority __sigev_un2.__st.__sigev_priority
#define sigev_notify_attributes __sigev_un2.__sigev_notify_attributes
#define sigev_memop __sigev_un2.__sigev_memop

/* Kinds */
#define SIGEV_NONE 0        /* [L] */
#define SIGEV_SIGNAL 1      /* [L] */
#define SIGEV_SIGNAL_CODE 2 /* [H] */
#define SIGEV_SIGNAL_THREAD 3 /* [H] */
#define SIGEV_PULSE 4       /* [H] */
#define SIGEV_UNBLOCK 5     /* [H] */
#define SIGEV_INTR 6        /* [H] */
#define SIGEV_THREAD 7      /* [L] */
#define SIGEV_MEMORY 8      /* [H] */
#define SIGEV_SEM 9         /* [H] */

/* Flags [H] */
#define SIGEV_TYPE_MASK 0xff
#define SIGEV_FLAG_OVERDRIVE 0x200
#define SIGEV_FLAG_UPDATEABLE 0x400 /* a server may put its own value in */
#define SIGEV_FLAG_SIVAL_INT 0x800  /* the value is an int */
#define SIGEV_FLAG_NOQUEUE 0x1000   /* drop it when nobody is receiving */
#define SIGEV_FLAG_HANDLE 0x2000    /* a registered event, known by its handle */
#define SIGEV_FLAG_CODE_UPDATEABLE 0x4000
#define SIGEV_INVALID_HANDLE 0xffffffff
#define SIGEV_PULSE_PRIO_INHERIT (-1) /* the receiver's priority is that of its process's start [D6 H] */

#define SIGEV_GET_TYPE(e) ((e)->sigev_notify & SIGEV_TYPE_MASK)
#define SIGEV_MAKE_UPDATEABLE(e) ((void)((e)->sigev_notify |= SIGEV_FLAG_UPDATEABLE))

/* Initializers. Each sets every member. The padding behind sigev_notify keeps its bytes: zero an event that leaves the process. */
#define QNX_SIGEV_CLEAR(e)                                                                                             \
    ((e)->__sigev_un1.__sigev_sem = NULL, (e)->sigev_value.sival_long = 0,                                             \
     (e)->__sigev_un2.__sigev_notify_attributes = NULL)
#define SIGEV_NONE_INIT(e) (QNX_SIGEV_CLEAR(e), (void)((e)->sigev_notify = SIGEV_NONE))
#define SIGEV_UNBLOCK_INIT(e) (QNX_SIGEV_CLEAR(e), (void)((e)->sigev_notify = SIGEV_UNBLOCK))
#define SIGEV_INTR_INIT(e) (QNX_SIGEV_CLEAR(e), (void)((e)->sigev_notify = SIGEV_INTR))
#define SIGEV_SIGNAL_INIT(e, signo)                                                                                    \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_signo = (signo), (void)((e)->sigev_notify = SIGEV_SIGNAL))
#define SIGEV_SIGNAL_VALUE_INIT(e, signo, value)                                                                       \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_signo = (signo), (e)->sigev_value.sival_ptr = (void *)(value),                     \
     (void)((e)->sigev_notify = SIGEV_SIGNAL))
#define SIGEV_SIGNAL_CODE_INIT(e, signo, value, code)                                                                  \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_signo = (signo), (e)->sigev_value.sival_ptr = (void *)(value),                     \
     (e)->sigev_code = (short)(code), (void)((e)->sigev_notify = SIGEV_SIGNAL_CODE))
#define SIGEV_SIGNAL_THREAD_INIT(e, signo, value, code)                                                                \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_signo = (signo), (e)->sigev_value.sival_ptr = (void *)(value),                     \
     (e)->sigev_code = (short)(code), (void)((e)->sigev_notify = SIGEV_SIGNAL_THREAD))
#define SIGEV_PULSE_INIT(e, coid, priority, code, value)                                                               \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_coid = (coid), (e)->sigev_value.sival_ptr = (void *)(value),                       \
     (e)->sigev_code = (short)(code), (e)->sigev_priority = (short)(priority),                                         \
     (void)((e)->sigev_notify = SIGEV_PULSE))
#define SIGEV_PULSE_INT_INIT(e, coid, priority, code, value)                                                           \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_coid = (coid), (e)->sigev_value.sival_int = (value),                               \
     (e)->sigev_code = (short)(code), (e)->sigev_priority = (short)(priority),                                         \
     (void)((e)->sigev_notify = SIGEV_PULSE | SIGEV_FLAG_SIVAL_INT))
#define SIGEV_THREAD_INIT(e, function, value, attributes)                                                              \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_notify_function = (function), (e)->sigev_value.sival_ptr = (void *)(value),        \
     (e)->sigev_notify_attributes = (attributes), (void)((e)->sigev_notify = SIGEV_THREAD))
#define SIGEV_SEM_INIT(e, sem)                                                                                         \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_sem = (sem), (void)((e)->sigev_notify = SIGEV_SEM))

#endif
