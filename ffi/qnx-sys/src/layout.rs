//! Sizes, alignments and offsets, written down by hand; the section of `docs/qnx-ipc.md` that says what each is for is named at it. The
//! bindings may come from an SDP, the headers may be edited: whatever the source, these are what the kernel must see.

use core::mem::{align_of, offset_of, size_of};

use crate::generated as sys;

/// Fails the build unless `$type` has this size, alignment and these offsets.
macro_rules! layout {
    ($type:ident, size $size:literal, align $align:literal $(, $($field:ident).+ @ $offset:literal)* $(,)?) => {
        const _: () = {
            assert!(size_of::<sys::$type>() == $size, concat!("size of ", stringify!($type)));
            assert!(align_of::<sys::$type>() == $align, concat!("alignment of ", stringify!($type)));
            $(assert!(
                offset_of!(sys::$type, $($field).+) == $offset,
                concat!("offset of ", stringify!($type), " ", stringify!($($field).+))
            );)*
        };
    };
}

// docs/qnx-ipc.md 5
layout!(sigval, size 8, align 8, sival_int @ 0, sival_long @ 0, sival_ptr @ 0);
// docs/qnx-ipc.md 7
layout!(
    sigevent, size 32, align 8,
    sigev_notify @ 0,
    __sigev_un1 @ 8,
    sigev_value @ 16,
    __sigev_un2 @ 24,
    __sigev_un2.__st.__sigev_code @ 24,
    __sigev_un2.__st.__sigev_priority @ 26,
);
// docs/qnx-ipc.md 5
layout!(_pulse, size 24, align 8, type_ @ 0, subtype @ 2, code @ 4, zero @ 5, value @ 8, scoid @ 16);
// docs/qnx-ipc.md 2
layout!(
    nto_channel_config, size 56, align 8,
    event @ 0,
    num_pulses @ 32,
    rearm_threshold @ 36,
    options @ 40,
    reserved @ 44,
);
// docs/qnx-ipc.md 4.4
layout!(
    _msg_info64, size 64, align 8,
    nd @ 0,
    srcnd @ 4,
    pid @ 8,
    tid @ 12,
    chid @ 16,
    scoid @ 20,
    coid @ 24,
    priority @ 28,
    flags @ 30,
    msglen @ 32,
    srcmsglen @ 40,
    dstmsglen @ 48,
    type_id @ 56,
    reserved @ 60,
);
// docs/qnx-ipc.md 3
layout!(
    _cred_info, size 60, align 4,
    ruid @ 0,
    euid @ 4,
    suid @ 8,
    rgid @ 12,
    egid @ 16,
    sgid @ 20,
    ngroups @ 24,
    grouplist @ 28,
);
// docs/qnx-ipc.md 3
layout!(_client_info, size 76, align 4, nd @ 0, pid @ 4, sid @ 8, flags @ 12, cred @ 16);
// docs/qnx-ipc.md 3
layout!(_client_able, size 24, align 8, ability @ 0, flags @ 4, range_lo @ 8, range_hi @ 16);
// docs/qnx-ipc.md 4.5
layout!(iovec, size 16, align 8, iov_base @ 0, iov_len @ 8);
// docs/qnx-ipc.md 8
layout!(_name_attach, size 24, align 8, dpp @ 0, chid @ 8, mntid @ 12, zero @ 16);
// docs/qnx-ipc.md 9.3
layout!(
    stat, size 120, align 8,
    st_ino @ 0,
    st_size @ 8,
    st_dev @ 16,
    st_rdev @ 20,
    st_uid @ 24,
    st_gid @ 28,
    st_mode @ 44,
    st_nlink @ 48,
    st_blocksize @ 52,
    st_nblocks @ 56,
    st_blksize @ 60,
    st_blocks @ 64,
    st_mtim @ 72,
    st_atim @ 88,
    st_ctim @ 104,
);
// docs/qnx-ipc.md 11
layout!(timespec, size 16, align 8, tv_sec @ 0, tv_nsec @ 8);
// docs/qnx-ipc.md 12
layout!(sched_param, size 48, align 8, sched_priority @ 0, sched_curpriority @ 4);
// docs/qnx-ipc.md 12; the size is libc's
layout!(_sched_info, size 64, align 8, priority_min @ 0, priority_max @ 4, interval @ 8, priority_priv @ 16);
// docs/qnx-ipc.md 12
layout!(sem_t, size 8, align 4);

// docs/qnx-ipc.md 11
layout!(timeval, size 16, align 8, tv_sec @ 0, tv_usec @ 8);
// docs/qnx-ipc.md 11
layout!(sockaddr, size 16, align 1, sa_len @ 0, sa_family @ 1, sa_data @ 2);
// docs/qnx-ipc.md 11
layout!(
    sockaddr_in,
    size 16,
    align 4,
    sin_len @ 0,
    sin_family @ 1,
    sin_port @ 2,
    sin_addr @ 4,
    sin_zero @ 8,
);
// docs/qnx-ipc.md 11
layout!(
    sockaddr_in6,
    size 28,
    align 4,
    sin6_len @ 0,
    sin6_family @ 1,
    sin6_port @ 2,
    sin6_flowinfo @ 4,
    sin6_addr @ 8,
    sin6_scope_id @ 24,
);
// docs/qnx-ipc.md 11
layout!(sockaddr_un, size 106, align 1, sun_len @ 0, sun_family @ 1, sun_path @ 2);
// docs/qnx-ipc.md 11
layout!(sockaddr_storage, size 128, align 8, ss_len @ 0, ss_family @ 1);
// docs/qnx-ipc.md 11
layout!(
    sockaddr_dl,
    size 54,
    align 2,
    sdl_len @ 0,
    sdl_family @ 1,
    sdl_index @ 2,
    sdl_type @ 4,
    sdl_nlen @ 5,
    sdl_alen @ 6,
    sdl_slen @ 7,
    sdl_data @ 8,
);
// docs/qnx-ipc.md 11
layout!(
    msghdr,
    size 48,
    align 8,
    msg_name @ 0,
    msg_namelen @ 8,
    msg_iov @ 16,
    msg_iovlen @ 24,
    msg_control @ 32,
    msg_controllen @ 40,
    msg_flags @ 44,
);
// docs/qnx-ipc.md 11
layout!(mmsghdr, size 56, align 8, msg_hdr @ 0, msg_len @ 48);
// docs/qnx-ipc.md 11
layout!(cmsghdr, size 12, align 4, cmsg_len @ 0, cmsg_level @ 4, cmsg_type @ 8);
// docs/qnx-ipc.md 11
layout!(linger, size 8, align 4, l_onoff @ 0, l_linger @ 4);
// docs/qnx-ipc.md 11
layout!(
    addrinfo,
    size 48,
    align 8,
    ai_flags @ 0,
    ai_family @ 4,
    ai_socktype @ 8,
    ai_protocol @ 12,
    ai_addrlen @ 16,
    ai_canonname @ 24,
    ai_addr @ 32,
    ai_next @ 40,
);
// docs/qnx-ipc.md 12
layout!(pthread_mutex_t, size 8, align 4);
// docs/qnx-ipc.md 12; the size is libc's
layout!(
    _sync_attr,
    size 32,
    align 4,
    __protocol @ 0,
    __flags @ 4,
    __prioceiling @ 8,
    __clockid @ 12,
    __count @ 16,
);

// docs/qnx-ipc.md 0.2, basic types: size, and signedness where Linux's differs.
const _: () = {
    assert!(
        size_of::<sys::pid_t>() == 4 && size_of::<sys::mode_t>() == 4 && size_of::<sys::clockid_t>() == 4
    );
    assert!(size_of::<sys::dev_t>() == 4 && size_of::<sys::nlink_t>() == 4 && size_of::<sys::ino_t>() == 8);
    assert!(
        size_of::<sys::off_t>() == 8 && size_of::<sys::time_t>() == 8 && size_of::<sys::shm_handle_t>() == 8
    );
    assert!(
        size_of::<sys::rcvid_t>() == 8 && -1 < (0 as sys::rcvid_t),
        "rcvid_t is signed and 64 bits wide"
    );
    assert!(
        -1 < (0 as sys::uid_t) && -1 < (0 as sys::gid_t),
        "uid_t and gid_t are signed"
    );
};
