//! Types: size, alignment and offsets of every one that both have.

use core::mem::{align_of, offset_of, size_of};

/// Fails the build unless both types have the same size and alignment, and the named fields the same place and size.
macro_rules! same {
    ($type:ident $(as $theirs:ident)?: $($field:ident $(as $their_field:ident)?),* $(,)?) => {
        const _: () = {
            type Ours = crate::$type;
            type Theirs = same!(@pick libc:: $($theirs)? ; $type);
            assert!(size_of::<Ours>() == size_of::<Theirs>(), concat!("size of ", stringify!($type)));
            assert!(align_of::<Ours>() == align_of::<Theirs>(), concat!("alignment of ", stringify!($type)));
            $(assert!(
                offset_of!(Ours, $field) == same!(@offset Theirs, $($their_field)? ; $field),
                concat!("offset of ", stringify!($type), " ", stringify!($field))
            );)*
        };
    };
    (@pick libc:: ; $type:ident) => { libc::$type };
    (@pick libc:: $theirs:ident ; $type:ident) => { libc::$theirs };
    (@offset $theirs:ty, ; $field:ident) => { offset_of!($theirs, $field) };
    (@offset $theirs:ty, $their_field:ident ; $field:ident) => { offset_of!($theirs, $their_field) };
}

/// Fails the build unless both numbers have the same size and signedness.
macro_rules! same_integer {
    ($($type:ident),* $(,)?) => {
        $(const _: () = {
            assert!(size_of::<crate::$type>() == size_of::<libc::$type>(), concat!("size of ", stringify!($type)));
            assert!(crate::$type::MIN as i128 == libc::$type::MIN as i128, concat!("sign of ", stringify!($type)));
        };)*
    };
}

same_integer!(
    pid_t,
    uid_t,
    gid_t,
    mode_t,
    ino_t,
    dev_t,
    nlink_t,
    blksize_t,
    blkcnt_t,
    off_t,
    time_t,
    suseconds_t
);
same_integer!(
    clockid_t,
    timer_t,
    pthread_t,
    socklen_t,
    sa_family_t,
    in_port_t,
    in_addr_t
);

// libc has the first name of each union only, and hides what is private to it.
same!(sigevent: sigev_notify, __sigev_un1 as sigev_signo, sigev_value);
same!(sigval: sival_ptr);
same!(nto_channel_config: event, num_pulses, rearm_threshold, options);
same!(_msg_info64: nd, srcnd, pid, tid, chid, scoid, coid, priority, flags, msglen, srcmsglen, dstmsglen, type_id);
same!(_cred_info: ruid, euid, suid, rgid, egid, sgid, ngroups, grouplist);
same!(_client_info: nd, pid, sid, flags, cred);
same!(_client_able: ability, flags, range_lo, range_hi);
same!(iovec: iov_base, iov_len);
same!(iov_t: iov_base, iov_len);
same!(
    stat: st_ino, st_size, st_dev, st_rdev, st_uid, st_gid, __old_st_mtime, __old_st_atime, __old_st_ctime, st_mode, st_nlink,
    st_blocksize, st_nblocks, st_blksize, st_blocks, st_mtim, st_atim, st_ctim,
);
same!(timespec: tv_sec, tv_nsec);
same!(sched_param: sched_priority, sched_curpriority);
same!(_sched_info: priority_min, priority_max, interval, priority_priv);
same!(sync_t: __owner);
same!(sem_t: __owner);
same!(timeval: tv_sec, tv_usec);
same!(pthread_mutex_t: __owner);
same!(_sync_attr: __protocol, __flags, __prioceiling, __clockid, __count);
same!(sockaddr: sa_len, sa_family, sa_data);
same!(sockaddr_in: sin_len, sin_family, sin_port, sin_addr, sin_zero);
same!(sockaddr_in6: sin6_len, sin6_family, sin6_port, sin6_flowinfo, sin6_addr, sin6_scope_id);
same!(sockaddr_un: sun_len, sun_family, sun_path);
same!(sockaddr_storage: ss_len, ss_family);
same!(in_addr: s_addr);
same!(in6_addr:);
same!(msghdr: msg_name, msg_namelen, msg_iov, msg_iovlen, msg_control, msg_controllen, msg_flags);
same!(cmsghdr: cmsg_len, cmsg_level, cmsg_type);
same!(linger: l_onoff, l_linger);
same!(addrinfo: ai_flags, ai_family, ai_socktype, ai_protocol, ai_addrlen, ai_canonname, ai_addr, ai_next);
